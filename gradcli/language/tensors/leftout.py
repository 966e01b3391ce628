"""What torch has and gradcli leaves out, above single functions: whole modules, and layers as classes."""

from __future__ import annotations

from gradcli.errors import NotImplementedError_
from gradcli.ops.absent import absent_from
from gradcli.ops.catalog import catalog

UPDATES = "write the update by hand: with torch.no_grad(): w -= lr * w.grad"
MODULES = {
    "torch.optim": ("optimisers have state", UPDATES),
    "torch.utils": ("it is about loading data, files and compilation", None),
    "torch.distributions": ("its objects have state", "write densities with ops; torch.normal draws"),
    "torch.fft": ("it works on complex numbers", None),
    "torch.sparse": ("it works on sparse tensors", None),
    "torch.nested": ("it works on nested tensors", None),
    "torch.nn.init": ("it is for layers", "w.uniform_(-a, a) or w.normal_(0, s) inside torch.no_grad()"),
} | {
    f"torch.{name}": ("it is about devices, processes, files or compilation", None)
    for name in (
        "amp", "ao", "compiler", "distributed", "export", "fx", "hub", "jit", "library", "mps",
        "multiprocessing", "onnx", "package", "profiler", "quantization", "testing", "xpu",
    )
}  # fmt: skip
# Layers that are more than one function of F.
_LAYERS = frozenset(
    "Module Sequential ModuleList ModuleDict ParameterList ParameterDict Identity Flatten Unflatten Upsample "
    "RNN LSTM GRU RNNCell LSTMCell GRUCell Transformer TransformerEncoder TransformerDecoder TransformerEncoderLayer "
    "TransformerDecoderLayer MultiheadAttention EmbeddingBag ZeroPad2d ReflectionPad2d ConstantPad2d".split()
)
_FUNCTIONS = {
    "BCELoss": "binary_cross_entropy", "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "BatchNorm1d": "batch_norm", "BatchNorm2d": "batch_norm", "BatchNorm3d": "batch_norm",
    "InstanceNorm1d": "instance_norm", "InstanceNorm2d": "instance_norm", "InstanceNorm3d": "instance_norm",
    "Dropout1d": "dropout", "Dropout2d": "dropout", "Dropout3d": "dropout",
}  # fmt: skip


def refuse_left_out(owner: str, name: str) -> None:
    """Say so where torch has a name and gradcli leaves it out.

    Raises: LeftOut.
    """
    known = MODULES.get(f"{owner}.{name}")
    if known is not None:
        why, hint = known
        raise LeftOut(f"torch has {owner}.{name}, gradcli does not: {why}", hint=hint)
    known = MODULES.get(owner)
    if known is not None:
        why, hint = known
        raise LeftOut(f"torch has {owner}.{name}, gradcli does not: {why}", hint=hint)
    if owner == "torch.nn" and name[:1].isupper():
        _refuse_layer(name)
    reason = absent_from(name)
    if reason is not None:
        raise LeftOut(f"torch has {name}, gradcli does not: {reason}", op=f"{owner}.{name}")


def _refuse_layer(name: str) -> None:
    function = _FUNCTIONS.get(name) or _function_of(name)
    if function is not None or name in _LAYERS:
        raise LeftOut(
            f"torch has nn.{name}, gradcli does not: layers are classes with state",
            hint=f"F.{function} is the function, for tensors of your own" if function else "write a class of your own",
        )


def _function_of(layer: str) -> str | None:
    """CrossEntropyLoss -> cross_entropy, MSELoss -> mse_loss, Conv2d -> conv2d."""
    letters = layer.lower()
    for name in catalog().modules["F"]:
        plain = name.replace("_", "")
        if plain == letters or plain + "loss" == letters:
            return name
    return None


class LeftOut(NotImplementedError_):
    """A name of torch's that gradcli leaves out; to a program the attribute is missing."""

    catches = ("NotImplementedError", "AttributeError", "RuntimeError", "Exception", "BaseException")
