"""What `numpy` is to a program: the part of it that mirrors torch, on arrays, tensors and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradcli.dtypes import ALIASES
from gradcli.errors import TypeError_
from gradcli.language import construct
from gradcli.language.call import op_function
from gradcli.language.context import Context
from gradcli.language.natives import builtin
from gradcli.language.tensor import ARRAY, Tensor
from gradcli.language.values import Builtin

# numpy names that torch has, too
_SAME = (
    "sum mean exp log sqrt sin cos tan tanh abs matmul outer maximum minimum amax amin prod cumsum argmax "
    "argmin where sign square add log1p expm1 log2 log10 sinh cosh floor ceil round reshape transpose squeeze "
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
}
_NUMPY_FACTORIES = {
    "zeros": "zeros", "ones": "ones", "eye": "eye", "identity": "eye", "arange": "arange", "linspace": "linspace",
    "full": "full", "zeros_like": "zeros_like", "ones_like": "ones_like", "empty": "empty",
}  # fmt: skip


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
        if name in ("std", "var"):  # numpy divides by n, torch by n - 1
            kwargs.setdefault("correction", kwargs.pop("ddof", 0))
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
            kwargs["dtype"] = construct.as_dtype(kwargs["dtype"])
        made = function.call(args, kwargs)
        made.is_array = True
        return made

    return call
