"""`math`: Python's functions on numbers. A tensor of one element counts as the number in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradcli.errors import GradcliError, TypeError_, ValueError_
from gradcli.language import hooks
from gradcli.language.python.exceptions import PYTHON_ERRORS, translate
from gradcli.language.python.instance import Instance
from gradcli.language.python.limits import BITS, check_bits
from gradcli.language.python.operators import as_index, iterate
from gradcli.language.python.values import MISSING, Builtin, Namespace, Value, type_name

_FLOATS: tuple[Callable[..., Any], ...] = (
    math.acos, math.acosh, math.asin, math.asinh, math.atan, math.atan2, math.atanh, math.cbrt, math.copysign, math.cos,
    math.cosh, math.degrees, math.erf, math.erfc, math.exp, math.exp2, math.expm1, math.fabs, math.fmod, math.frexp,
    math.gamma, math.hypot, math.isclose, math.isfinite, math.isinf, math.isnan, math.ldexp, math.lgamma, math.log,
    math.log10, math.log1p, math.log2, math.modf, math.nextafter, math.pow, math.radians, math.remainder, math.sin,
    math.sinh, math.sqrt, math.tan, math.tanh, math.ulp, math.floor, math.ceil, math.trunc,
)  # fmt: skip
_INTEGERS: tuple[Callable[..., Any], ...] = (math.gcd, math.isqrt, math.lcm)
_ITERABLES: tuple[Callable[..., Any], ...] = (
    (math.fsum, math.prod, math.dist, math.sumprod) if hasattr(math, "sumprod") else (math.fsum, math.prod, math.dist)
)
_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf, "nan": math.nan}


def number_of(value: Value) -> Value:
    """A value as `math` takes it.

    Raises: TypeError_ for what is no number; ValueError_ for a tensor of several elements.
    """
    kind = type(value)
    if kind is float or kind is int:
        return value
    if kind is hooks.Tensor:
        return one_number(value)
    if isinstance(value, Instance):
        return value.special("__float__", "is no real number").call([value], {})
    if isinstance(value, bool):
        return value
    raise TypeError_(f"must be real number, not {type_name(value)}")


def one_number(tensor: Value) -> Value:
    """The element of a tensor of one element.

    Raises: ValueError_ in torch's words for any other.
    """
    try:
        return hooks.item(tensor)
    except GradcliError as error:
        raise ValueError_(
            error.message, hint=error.hint, torch="only one element tensors can be converted to Python scalars"
        ) from None


def _wrapped(function: Callable[..., Any], convert: Callable[[Value], Value]) -> Builtin:
    name = function.__name__

    def call(args: list[Value], kwargs: dict[str, Value]) -> Value:
        numbers = [convert(value) for value in args]
        options = {key: convert(value) for key, value in kwargs.items()}
        try:
            return function(*numbers, **options)
        except PYTHON_ERRORS as error:
            ours = translate(error)
            ours.op = f"math.{name}"
            ours.torch = str(error)
            raise ours from None

    return Builtin(name, call)


def _numbers(value: Value) -> Value:
    """An iterable of numbers, or a number."""
    if isinstance(value, int | float):
        return value
    return [number_of(item) for item in iterate(value)]


def _counted(name: str, function: Callable[..., int]) -> Builtin:
    """A function of small integers whose result grows fast."""

    def call(args: list[Value], kwargs: dict[str, Value]) -> Value:
        numbers = [as_index(value) for value in args]
        if numbers and numbers[0] > 1:
            check_bits(int(numbers[0] * math.log2(numbers[0])) if numbers[0] < BITS else numbers[0])
        try:
            return function(*numbers)
        except PYTHON_ERRORS as error:
            raise translate(error) from None

    return Builtin(name, call)


def _table() -> dict[str, Value]:
    table: dict[str, Value] = dict(_CONSTANTS)
    table.update({function.__name__: _wrapped(function, number_of) for function in _FLOATS})
    table.update({function.__name__: _wrapped(function, as_index) for function in _INTEGERS})
    table.update({function.__name__: _wrapped(function, _numbers) for function in _ITERABLES})
    for function in (math.factorial, math.comb, math.perm):
        table[function.__name__] = _counted(function.__name__, function)
    return table


_TABLE = _table()
MATH = Namespace("math", lambda name: _TABLE.get(name, MISSING), lambda: sorted(_TABLE))
MATH_NAMES = frozenset(_TABLE)
