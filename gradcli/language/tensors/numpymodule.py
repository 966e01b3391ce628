"""What `numpy` is to a program: the part of it that mirrors torch, on arrays, tensors and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradcli.dtypes import ALIASES
from gradcli.errors import TypeError_
from gradcli.language.context import Context
from gradcli.language.python.natives import builtin
from gradcli.language.python.values import Builtin
from gradcli.language.tensors import construct
from gradcli.language.tensors.call import op_function
from gradcli.language.tensors.tensor import ARRAY, Tensor

# numpy names that torch has, too
_SAME = (
    "sum mean exp log sqrt sin cos tan tanh abs matmul outer maximum minimum amax amin prod cumsum argmax "
    "argmin where sign square add log1p expm1 log2 log10 sinh cosh floor ceil round reshape squeeze "
    "stack allclose isclose isnan all any diag trace flip tile einsum cross hypot var std "
)
# and those that torch calls otherwise
_OTHERWISE = {
    "absolute": "abs",
    "dot": "matmul",
    "max": "amax",
    "min": "amin",
    "clip": "clamp",
    "power": "pow",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "arctan": "atan",
    "concatenate": "cat",
    "sort": "msort",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan2": "atan2",
    "repeat": "repeat_interleave",
    "transpose": "permute",
}
_NUMPY_FACTORIES = {
    "zeros": "zeros", "ones": "ones", "eye": "eye", "identity": "eye", "arange": "arange", "linspace": "linspace",
    "full": "full", "zeros_like": "zeros_like", "ones_like": "ones_like", "empty": "empty",
}  # fmt: skip


# methods of an array that are the function of the name, which differ from the tensor's method or are none
_ARRAY_METHODS = frozenset(
    "sum mean std var max min prod cumsum argmax argmin round clip dot all any trace repeat transpose".split()
)


def array_method(array: Tensor, name: str) -> Builtin | None:
    """`a.name` of an array as numpy has it: std divides by n, max gives no indices. None: it is the tensor's."""
    if name not in _ARRAY_METHODS:
        return None
    function = _numpy_function(array.context, name, _OTHERWISE.get(name, name))
    return Builtin(name, lambda args, kwargs: function([array, *args], kwargs))


def numpy_table(context: Context) -> dict[str, Any]:
    """The part of numpy that mirrors torch: functions of arrays, tensors and numbers that give arrays."""
    table: dict[str, Any] = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None}
    table.update({name: dtype for name, dtype in ALIASES.items() if dtype.name == name and name != "bool"})
    table["array"] = builtin("array", lambda *a, **k: construct.array(context, *a, **k))
    table["asarray"] = table["array"]
    table["ndarray"] = ARRAY
    for name, op in (dict(zip(_SAME.split(), _SAME.split(), strict=True)) | _OTHERWISE).items():
        table[name] = Builtin(name, _numpy_function(context, name, op))
    for name, op in _NUMPY_FACTORIES.items():
        table[name] = Builtin(name, _numpy_factory(context, op))
    return table


def _numpy_function(context: Context, name: str, op: str) -> Callable[[list[Any], dict[str, Any]], Any]:
    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        out = kwargs.pop("out", None)
        function = op_function(op, "torch", context)
        if function is None:
            raise TypeError_(f"numpy.{name} is not available")
        _in_torch_words(name, args, kwargs)
        result = function.call([_as_operand(context, a, at == 0) for at, a in enumerate(args)], kwargs)
        if isinstance(result, Tensor):
            result.is_array = result.is_array or not any(isinstance(a, Tensor) and not a.is_array for a in args)
            if isinstance(out, Tensor):
                out.assign(result.node, name=name)
                return out
            if result.is_array and not result.shape and not any(isinstance(a, Tensor) for a in args):
                return result.numpy().item()
        return result

    return call


def _in_torch_words(name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Change arguments whose meaning or place differs."""
    if name in ("std", "var"):  # numpy divides by n, torch by n - 1
        kwargs.setdefault("correction", kwargs.pop("ddof", 0))
    elif name == "round" and len(args) > 1:
        kwargs["decimals"] = args.pop()
    elif name == "cumsum" and len(args) == 1 and not kwargs.keys() & {"axis", "dim"}:  # numpy goes through all elements
        flat = op_function("flatten", "torch", args[0].context) if isinstance(args[0], Tensor) else None
        args[:] = [flat.call(args, {}) if flat is not None else args[0], 0]
    elif name == "transpose":
        if len(args) == 1 and isinstance(args[0], Tensor):
            args.append(tuple(range(args[0].node.ndim))[::-1])
        elif len(args) > 2:
            args[1:] = [tuple(args[1:])]


def _as_operand(context: Context, value: Any, first: bool) -> Any:
    """A list, or a number where an array is expected, as an array; a list of arrays stays one."""
    if isinstance(value, list) and not any(isinstance(item, Tensor) and item.shape for item in value):
        return construct.array(context, value)
    return construct.array(context, value) if first and isinstance(value, bool | int | float) else value


def _numpy_factory(context: Context, op: str) -> Callable[[list[Any], dict[str, Any]], Any]:
    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        function = op_function(op, "torch", context)
        assert function is not None
        whole = op == "arange" and not any(isinstance(a, float) for a in args)
        if not whole and op not in ("zeros_like", "ones_like"):
            kwargs.setdefault("dtype", ALIASES["float64"])
        if kwargs.get("dtype") is not None:
            kwargs["dtype"] = construct.array_dtype(kwargs["dtype"])
        made = function.call(args, kwargs)
        made.is_array = True
        return made

    return call
