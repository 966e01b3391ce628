"""Conversions: between dtypes, copies, the identities (detach, alias), and putting values into a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.errors import DtypeError, NoDevice, ShapeError, TypeError_
from gradcli.graph.node import Node, cast_value
from gradcli.graph.op import Op, broadcasted, draw, kept, op, same
from gradcli.ops.declare import identity, through
from gradcli.ops.shapes.strides import is_contiguous

cast: Op = op(
    "_to_dtype(Tensor input, any dtype)",
    "input in another dtype.",
    kernel=lambda x, dtype: x.astype(dtype.numpy) if type(x) is np.ndarray else np.asarray(cast_value(x, dtype)),
    grad=lambda g, y, x, dtype: to_dtype(g, x.dtype),
    shape=same,
    dtype=lambda inputs, params: (None, params["dtype"]),
    grad_fn=("CopyBackwards", "ToCopyBackward0"),
    linear=True,
)
clone: Op = op(
    "clone(Tensor input, *, ignored memory_format=None)",
    "A copy of input.",
    kernel=lambda x: x.copy(order="K"),
    grad=lambda g, y, x: g,
    shape=same,
    dtype=kept,
    grad_fn="CloneBackward0",
    linear=True,
    samples=[draw(3)],
)
contiguous_copy: Op = op(
    "_clone_rows(Tensor input)",
    "A row-major copy of input.",
    spelled=["_"],
    kernel=lambda x: x.copy(),
    grad=lambda g, y, x: g,
    shape=same,
    dtype=kept,
    grad_fn="CloneBackward0",
    linear=True,
)
op(
    "contiguous(Tensor input, *, ignored memory_format=None)",
    "input in row-major order: itself where it is.",
    spelled=[".contiguous"],
    expands=lambda x: x if is_contiguous(x) else contiguous_copy(x),
)
op(
    "is_contiguous(Tensor input, *, ignored memory_format=None)",
    "Whether input lies in memory in row-major order without gaps.",
    spelled=[".is_contiguous"],
    expands=lambda x: is_contiguous(x),
)
detach: Op = identity("detach(Tensor input)", "input, through which no gradient flows.", view=True)
alias: Op = identity(
    "alias(Tensor input)",
    "input as another tensor.",
    spelled=["_"],
    grad=through,
    grad_fn="AliasBackward0",
    view=True,
)


def to_dtype(node: Node, dtype: DType) -> Node:
    """The node in a dtype; itself where it has it."""
    if node.dtype is dtype:
        return node
    result: Node = cast(node, dtype=dtype)
    return result


zeros_as: Op = op(
    "_zeros_as(Tensor input)",
    "Zeros in the shape of input, through which nothing flows: the cotangent of what was overwritten.",
    spelled=["_"],
    kernel=np.zeros_like,
    shape=same,
    dtype=kept,
)

# .to(...) and its kin

LEGACY_NAMES = {
    "FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64, "HalfTensor": dtypes.float16,
    "LongTensor": dtypes.int64, "IntTensor": dtypes.int32, "ShortTensor": dtypes.int16, "CharTensor": dtypes.int8,
    "ByteTensor": dtypes.uint8, "BoolTensor": dtypes.bool_,
}  # fmt: skip
_LEGACY_OF = {dtype: f"torch.{name}" for name, dtype in LEGACY_NAMES.items()}
_METHODS = {
    "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "long": dtypes.int64,
    "int": dtypes.int32, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8, "bool": dtypes.bool_,
}  # fmt: skip


def _converted(x: Node, dtype: DType | None, copy: bool = False) -> Node:
    wanted = dtype or x.dtype
    if wanted is not x.dtype or copy:
        result: Node = cast(x, dtype=wanted)
        return result
    return x


def _on_device(x: Node, device: Any, dtype: DType | None, copy: bool) -> Node:
    check_device(device)
    return _converted(x, dtype, copy)


def check_device(device: Any) -> None:
    """Refuse every device but the CPU.

    Raises: NotImplementedError_ with the device's name; TypeError_ for what is no device.
    """
    if device is None:
        return
    name = str(device)
    if name.split(":")[0] != "cpu":
        if isinstance(device, str | int) or name.split(":")[0] in ("cuda", "mps", "xpu", "meta"):
            raise NoDevice(
                f"the device {name!r} is not available",
                hint="gradcli computes on the CPU",
                torch="Torch not compiled with CUDA enabled",
            )
        raise TypeError_(f"{name} is neither a dtype, a device nor a tensor")


op(
    "to(Tensor input, dtype dtype, bool non_blocking=False, bool copy=False, *, ignored memory_format=None)",
    "input in a dtype; itself where it has it.",
    spelled=[".to"],
    expands=lambda x, dtype, non_blocking, copy: _converted(x, dtype, copy),
)
op(
    "to(Tensor input, Tensor other, bool non_blocking=False, bool copy=False, *, ignored memory_format=None)",
    "input in the dtype of other.",
    spelled=[".to"],
    expands=lambda x, other, non_blocking, copy: _converted(x, other.dtype, copy),
)
op(
    "to(Tensor input, any device=None, dtype? dtype=None, bool non_blocking=False, bool copy=False, *, "
    "ignored memory_format=None)",
    "input on a device (there is the CPU) and in a dtype.",
    spelled=[".to"],
    expands=lambda x, device, dtype, non_blocking, copy: _on_device(x, device, dtype, copy),
)
for _name, _dtype in _METHODS.items():
    op(
        f"{_name}(Tensor input, *, ignored memory_format=None)",
        f"input in {_dtype}.",
        spelled=[f".{_name}"],
        expands=lambda x, dtype=_dtype: to_dtype(x, dtype),
    )
op(
    "type_as(Tensor input, Tensor other)",
    "input in the dtype of other.",
    spelled=[".type_as"],
    expands=lambda x, other: to_dtype(x, other.dtype),
)


def _typed(x: Node, dtype: Any, non_blocking: bool) -> Any:
    """Without a dtype, the name of the tensor's type: torch.FloatTensor."""
    if dtype is None:
        return _LEGACY_OF[x.dtype]
    if isinstance(dtype, DType):
        return to_dtype(x, dtype)
    wanted = LEGACY_NAMES.get(str(dtype).removeprefix("torch."))
    if wanted is None:
        raise TypeError_(f"{dtype!r} is no type of tensors", torch=f"invalid type: '{dtype}'")
    return to_dtype(x, wanted)


op(
    "type(Tensor input, any dtype=None, bool non_blocking=False)",
    "input in a dtype, which may be given as 'torch.DoubleTensor'; without one, the name of its type.",
    spelled=[".type"],
    expands=_typed,
)
op(
    "cpu(Tensor input, *, ignored memory_format=None)",
    "input: it is in the CPU's memory.",
    spelled=[".cpu"],
    expands=lambda x: x,
)
op(
    "cuda(Tensor input, any device='cuda', bool non_blocking=False, *, ignored memory_format=None)",
    "Refused: there is no such device.",
    spelled=[".cuda"],
    expands=lambda x, device, non_blocking: _on_device(x, "cuda", None, False),
)

# Putting values into a tensor


def _into_first(inputs: tuple[Node, ...], params: Any) -> tuple[DType | None, DType]:
    dtype: DType = inputs[0].dtype
    return dtype, dtype


def _fitting(inputs: tuple[Node, ...], params: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = inputs[0].shape
    both = broadcasted(inputs, params)
    if both != shape:
        raise ShapeError(
            f"a tensor of shape {inputs[1].shape} does not fit into one of shape {shape}",
            torch=f"output with shape {list(shape)} doesn't match the broadcast shape {list(both)}",
        )
    return shape


def _no_dimensions(inputs: tuple[Node, ...], params: Any) -> tuple[int, ...]:
    if inputs[1].ndim:
        raise ShapeError(
            f"the value to fill with has shape {inputs[1].shape}; it can only be one number",
            torch=f"fill_ only supports 0-dimension value tensor but got tensor with {inputs[1].ndim} dimensions.",
        )
    return same(inputs, params)


copy: Op = op(
    "copy_(Tensor input, Tensor src, bool non_blocking=False)",
    "src, broadcast to the shape of input and in its dtype.",
    spelled=[".copy_"],
    kernel=lambda x, src, non_blocking: np.array(np.broadcast_to(src, x.shape)),
    grad=[lambda g, y, x, src, non_blocking: zeros_as(g), lambda g, y, x, src, non_blocking: g],
    shape=_fitting,
    dtype=_into_first,
    grad_fn=("CopyBackwards", "CopyBackwards"),
)


def _full(x: Any, value: float) -> Any:
    if x.dtype.kind in "iu" and not np.isfinite(value):
        raise DtypeError(f"{value} does not fit {x.dtype}", torch="value cannot be converted to type without overflow")
    return np.full_like(x, cast_value(value, dtypes.from_numpy(x.dtype) or dtypes.float32))


def _filling(name: str, spelled: str, tensor_name: str, number_name: str) -> None:
    op(
        f"{name}(Tensor input, Tensor value)",
        "input with every element replaced by value.",
        spelled=[spelled],
        kernel=lambda x, value: np.full_like(x, value),
        grad=[lambda g, y, x, value: zeros_as(g), lambda g, y, x, value: g],
        shape=_no_dimensions,
        dtype=_into_first,
        grad_fn=(tensor_name[:-1] + "1", tensor_name),
        samples=[draw(3, ())],
    )
    op(
        f"{name}(Tensor input, Scalar value)",
        "input with every element replaced by value.",
        spelled=[spelled],
        kernel=_full,
        grad=lambda g, y, x, value: zeros_as(g),
        shape=same,
        dtype=kept,
        grad_fn=(number_name[:-1] + "0", number_name),
        samples=[draw(3, value=2.5)],
    )


_filling("fill", "torch.fill", "FillBackward1", "FillBackward0")
_filling("fill_", ".fill_", "FillBackward3", "FillBackward2")
op(
    "zero_(Tensor input)",
    "Zeros in the shape of input.",
    spelled=[".zero_", "torch.zero_"],
    kernel=np.zeros_like,
    grad=lambda g, y, x: zeros_as(g),
    shape=same,
    dtype=kept,
    grad_fn=("ZeroBackward", "ZeroBackward0"),
)
