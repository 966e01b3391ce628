"""What `torch`, `F`, `torch.linalg`, `torch.autograd` are to a program: tables of names, and nothing behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from gradcli.dtypes import ALIASES, DType, promote
from gradcli.errors import LinalgError, TypeError_
from gradcli.graph.node import MODE
from gradcli.graph.op import number, promote_inputs
from gradcli.language.context import Context, current
from gradcli.language.python.attributes import register
from gradcli.language.python.exceptions import ExceptionType
from gradcli.language.python.natives import builtin
from gradcli.language.python.values import MISSING, Builtin, Namespace, Size, TypeValue, type_name
from gradcli.language.tensors import construct, gradmode, members
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.call import op_function
from gradcli.language.tensors.devices import FORMATS, backends, device
from gradcli.language.tensors.gradcalls import torch_backward, torch_grad
from gradcli.language.tensors.gradmode import mode_function, once_differentiable
from gradcli.language.tensors.leftout import refuse_left_out
from gradcli.language.tensors.numberlimits import number_limits
from gradcli.language.tensors.numpymodule import numpy_table
from gradcli.language.tensors.operate import truth
from gradcli.language.tensors.randomness import ForkRng, GeneratorValue, set_state, state_of
from gradcli.language.tensors.tensor import Tensor
from gradcli.language.transforms import functional
from gradcli.language.transforms.function import function_base
from gradcli.ops.catalog import catalog
from gradcli.shapes import broadcast_shapes

RANDOM_NAMES = ("manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state")
LINALG_ERROR = ExceptionType(LinalgError.catches[0], LinalgError.catches)
CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}


class Modules:
    """The namespaces of one session."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._made: dict[str, Namespace] = {}
        base = function_base(context)
        self.tables: dict[str, Callable[[], Mapping[str, Any]]] = {
            "torch": lambda: torch_table(self),
            "torch.autograd": lambda: autograd_table(self, base),
            "torch.autograd.function": lambda: {
                "Function": base,
                "once_differentiable": builtin("once_differentiable", lambda f: once_differentiable(context, f)),
            },
            "torch.autograd.graph": dict,
            "torch.autograd.functional": lambda: functional.autograd_functions(context),
            "torch.func": lambda: functional.func_functions(context),
            "torch.nn": lambda: {
                "functional": self.namespace("torch.nn.functional"),
                "utils": self.namespace("torch.nn.utils"),
                "Parameter": PARAMETER,
                "parameter": self.namespace("torch.nn.parameter"),
            },
            "torch.nn.parameter": lambda: {"Parameter": PARAMETER},
            "torch.nn.functional": dict,
            "torch.optim": dict,
            "torch.utils": lambda: {"checkpoint": self.namespace("torch.utils.checkpoint")},
            "torch.utils.checkpoint": lambda: {"checkpoint": builtin("checkpoint", checkpoint)},
            "torch.nn.utils": lambda: _nn_utils(context),
            "torch.linalg": lambda: {"LinAlgError": LINALG_ERROR},
            "torch._C": lambda: {"_LinAlgError": LINALG_ERROR},
            "torch.special": dict,
            "torch.masked": dict,
            "torch.signal": lambda: {"windows": self.namespace("torch.signal.windows")},
            "torch.signal.windows": dict,
            "torch.cuda": cuda_table,
            "torch.backends": backends,
            "torch.random": lambda: {
                **{name: self.namespace("torch").get_attribute(name) for name in RANDOM_NAMES},
                "fork_rng": Builtin("fork_rng", lambda args, kwargs: ForkRng(context)),
            },
            "numpy": lambda: numpy_table(context),
            "numpy.random": dict,
            "numpy.linalg": dict,
        }

    def namespace(self, name: str) -> Namespace:
        """A module by its dotted name."""
        if name not in self._made:
            table: dict[str, Any] = {}
            loaded: list[bool] = []
            module = _OP_MODULES.get(name)

            def find(attribute: str) -> Any:
                if not loaded:
                    loaded.append(True)
                    table.update(self.tables[name]())
                if attribute in table:
                    return table[attribute]
                found = op_function(attribute, module, self.context) if module else None
                if found is None and name.startswith("torch"):
                    refuse_left_out(name, attribute)
                return MISSING if found is None else found

            def names() -> list[str]:
                find("")
                return sorted({*table, *(catalog().modules[module] if module else ())})

            self._made[name] = Namespace(name, find, names)
        return self._made[name]

    def module(self, dotted: str) -> Namespace | None:
        """The module that an import statement names, or None."""
        return self.namespace(dotted) if dotted in self.tables else None

    def free_name(self, name: str) -> Any:
        """The value of a name that the program has not assigned: a module, an op, a constant; else MISSING."""
        if name in _FREE_MODULES:
            return self.namespace(_FREE_MODULES[name])
        function = op_function(name, "", self.context)
        if function is not None:
            return function
        if name in CONSTANTS and name != "e":
            return CONSTANTS[name]
        torch = self.namespace("torch")
        return torch.get_attribute(name) if name in _FREE_TORCH or name in TYPES else MISSING

    def free_names(self) -> list[str]:
        """All names that are there without an import."""
        return sorted({*_FREE_MODULES, *catalog().free, *_FREE_TORCH, *TYPES, "pi", "inf", "nan"})


def _nn_utils(context: Context) -> dict[str, Any]:
    from gradcli.language.tensors.clipping import nn_utils  # start-up: it needs linear algebra

    return dict(nn_utils(context))


_OP_MODULES = {
    "torch": "torch", "torch.nn.functional": "F", "torch.linalg": "linalg", "torch.special": "special",
    "torch.masked": "masked", "torch.signal.windows": "signal.windows",
}  # fmt: skip
_FREE_MODULES = {
    "torch": "torch", "F": "torch.nn.functional", "nn": "torch.nn", "linalg": "torch.linalg",
    "special": "torch.special", "autograd": "torch.autograd", "np": "numpy", "numpy": "numpy",
}  # fmt: skip
_FREE_TORCH = frozenset(
    {"tensor", "as_tensor", "from_numpy", "no_grad", "enable_grad", "set_grad_enabled", "manual_seed", "Variable"}
    | {"is_tensor"}
    | {name for name in ALIASES if name not in ("float", "int", "bool")}
)


def _tensor_type(name: str, dtype: DType | None) -> TypeValue:
    return TypeValue(
        f"torch.{name}",
        (Tensor,),
        lambda args, kwargs: construct.old_tensor(current(), dtype, args, kwargs),
        module="torch",
        unbound=_unbound_method,
    )


def _unbound_method(name: str) -> Any:
    """`torch.Tensor.exp`: a method that takes its tensor as the first argument."""
    if name not in members.member_names():
        return MISSING
    return Builtin(name, lambda args, kwargs: members.tensor_attribute(args[0], name).call(args[1:], kwargs))


TYPES = {
    name: _tensor_type(name, None if kind is None else ALIASES[kind])
    for name, kind in {
        "Tensor": None, "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16",
        "LongTensor": "int64", "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8",
        "ByteTensor": "uint8", "BoolTensor": "bool",
    }.items()
}  # fmt: skip
TYPES["Size"] = TypeValue("torch.Size", (Size,), lambda args, kwargs: Size(args[0] if args else ()), module="torch")
TYPES["dtype"] = TypeValue("torch.dtype", (DType,), module="torch")
for _name in ("Tensor", "Size", "dtype"):
    register(TYPES[_name])


def autograd_table(modules: Modules, base: Any) -> dict[str, Any]:
    """What torch.autograd has. base: the class that functions of the program derive from."""
    context = modules.context
    return {
        "Function": base,
        "Variable": builtin("Variable", lambda *a, **k: construct.variable(context, *a, **k)),
        "grad": builtin("grad", lambda *a, **k: torch_grad(context, *a, **k)),
        "backward": builtin("backward", torch_backward),
        "functional": modules.namespace("torch.autograd.functional"),
        "function": modules.namespace("torch.autograd.function"),
        "graph": modules.namespace("torch.autograd.graph"),
        "set_detect_anomaly": Builtin("set_detect_anomaly", gradmode.set_detect_anomaly),
        "detect_anomaly": Builtin("detect_anomaly", gradmode.detect_anomaly),
        "no_grad": mode_function("no_grad", False),
        "enable_grad": mode_function("enable_grad", True),
        "set_grad_enabled": Builtin("set_grad_enabled", gradmode.set_grad_enabled),
        **functional.check_functions(context),
    }


def cuda_table() -> dict[str, Any]:
    """What torch.cuda has where there is no such device."""
    return {
        "is_available": Builtin("is_available", lambda args, kwargs: False),
        "device_count": Builtin("device_count", lambda args, kwargs: 0),
        "manual_seed": Builtin("manual_seed", lambda args, kwargs: None),
        "manual_seed_all": Builtin("manual_seed_all", lambda args, kwargs: None),
    }


def torch_table(modules: Modules) -> dict[str, Any]:
    """What torch has besides ops."""
    context = modules.context
    table: dict[str, Any] = dict(CONSTANTS) | dict(ALIASES) | dict(TYPES)
    for name in "_C autograd func nn linalg special cuda backends random optim utils masked signal".split():
        table[name] = modules.namespace(f"torch.{name}")
    functions = torch_functions(context)
    table.update({name: builtin(name, function) for name, function in functions.items()})
    table["set_grad_enabled"] = Builtin("set_grad_enabled", gradmode.set_grad_enabled)
    table.update(FORMATS)
    table["newaxis"] = None
    table["no_grad"] = mode_function("no_grad", False)
    table["inference_mode"] = Builtin("inference_mode", gradmode.inference_mode)
    table["enable_grad"] = mode_function("enable_grad", True)
    table["vmap"] = modules.namespace("torch.func").get_attribute("vmap")
    table["__version__"] = "2.13.0+gradcli" if context.names == "torch2" else "1.0.1+gradcli"
    return table


def torch_functions(context: Context) -> dict[str, Callable[..., Any]]:
    """The functions of torch that are no ops."""
    return {
        "tensor": lambda *a, **k: construct.tensor(context, *a, **k),
        "as_tensor": lambda *a, **k: construct.as_tensor(context, *a, **k),
        "from_numpy": lambda *a, **k: construct.from_array(context, *a, **k),
        "Variable": lambda *a, **k: construct.variable(context, *a, **k),
        "manual_seed": lambda seed: manual_seed(context, seed),
        "seed": lambda: context.generator.reseed(),
        "initial_seed": lambda: context.generator.initial_seed(),
        "set_printoptions": lambda **options: set_printoptions(context, options),
        "set_default_dtype": lambda dtype: set_default_dtype(context, dtype),
        "set_default_tensor_type": lambda kind: set_default_dtype(context, _dtype_of_type(kind)),
        "get_default_dtype": lambda: MODE.default,
        "is_tensor": lambda value: isinstance(value, Tensor),
        "is_grad_enabled": lambda: MODE.recording,
        "is_inference_mode_enabled": lambda: MODE.inference,
        "is_inference": lambda x: x.is_inference,
        "is_floating_point": lambda x: x.dtype.floating,
        "numel": lambda x: x.node.size,
        "device": device,
        "promote_types": lambda type1, type2: promote(type1, type2),
        "result_type": lambda a, b: _result_type(context, a, b),
        "can_cast": lambda a, b: a.category <= b.category,
        "asarray": lambda *a, **k: construct.as_tensor(context, *a, **k),
        "broadcast_shapes": lambda *shapes: Size(broadcast_shapes(*map(tuple, shapes))),
        "is_nonzero": lambda x: truth(x),
        "is_complex": lambda x: False,
        "typename": lambda x: f"torch.{type_name(x)}" if isinstance(x, Tensor) else type_name(x),
        "get_rng_state": lambda: state_of(context.generator),
        "set_rng_state": lambda state: set_state(context.generator, state),
        "Generator": lambda device="cpu": GeneratorValue(),
        "set_num_threads": lambda n: None,
        "get_num_threads": lambda: 1,
        "finfo": lambda dtype=None: number_limits(dtype or MODE.default, True),
        "iinfo": lambda dtype: number_limits(dtype, False),
        "use_deterministic_algorithms": lambda mode, **k: None,
    }


def _dtype_of_type(kind: Any) -> DType:
    names = {"FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16"}
    name = (kind if isinstance(kind, str) else getattr(kind, "name", "")).rpartition(".")[2]
    if name not in names:
        raise TypeError_(f"{kind!r} is not a floating type of tensors", hint="torch.set_default_dtype(torch.float64)")
    return ALIASES[names[name]]


def manual_seed(context: Context, seed: Any) -> None:
    """`torch.manual_seed(n)`."""
    if isinstance(seed, Tensor):
        seed = seed.numpy().item()
    if not isinstance(seed, bool | int | float):
        raise TypeError_(f"a seed is an integer, not {kind_name(seed)}", op="manual_seed")
    context.generator.seed(int(seed))


def set_default_dtype(context: Context, dtype: Any) -> None:
    """`torch.set_default_dtype(torch.float64)`."""
    wanted = construct.as_dtype(dtype)
    if wanted is None or not wanted.floating:
        raise TypeError_(
            f"the default dtype is floating, not {dtype!r}",
            op="set_default_dtype",
            torch=f"only floating-point types are supported as the default type, not {dtype!r}",
        )
    MODE.default = wanted
    context.default = wanted


def set_printoptions(context: Context, options: dict[str, Any]) -> None:
    """`torch.set_printoptions(precision=2)`."""
    known = ("precision", "threshold", "edgeitems", "linewidth", "profile", "sci_mode")
    for name in options:
        if name not in known:
            raise TypeError_(
                f"there is no option {name!r}", op="set_printoptions", hint=f"there are {', '.join(known)}"
            )
    context.print_options.set(**options)


def _result_type(context: Context, a: Any, b: Any) -> DType:
    nodes = tuple(x.node if isinstance(x, Tensor) else number(x) for x in (a, b))
    return promote_inputs(nodes)


def checkpoint(function: Any, *args: Any, use_reentrant: bool | None = None, **kwargs: Any) -> Any:
    """`torch.utils.checkpoint.checkpoint(f, x)`: f(x), of which nothing is computed twice here."""
    return function.call(list(args), kwargs)


def parameter(data: Any = None, requires_grad: bool = True) -> Tensor:
    """`nn.Parameter(x)`: the tensor as a leaf that requires grad."""
    if not isinstance(data, Tensor):
        raise TypeError_(f"Parameter takes a tensor, not {kind_name(data)}")
    made = data.bare() if data.is_leaf else data.detached()
    made.set_requires_grad(requires_grad)
    made.special = PARAMETER
    return made


PARAMETER = TypeValue(
    "torch.nn.parameter.Parameter",
    (),
    builtin("Parameter", parameter).call,
    module="torch.nn.parameter",
    extends=TYPES["Tensor"],
)
