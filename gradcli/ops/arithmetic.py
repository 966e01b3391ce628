"""+ - * / and their kin: elementwise arithmetic of two operands, signs, rounding division."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.errors import DtypeError, ValueError_, ZeroDivisionError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, floating, op, promoted
from gradcli.ops.declare import binary, refuse, unary


def _subtract(x: Any, y: Any) -> Any:
    if getattr(x, "dtype", None) == np.bool_ and getattr(y, "dtype", np.bool_) == np.bool_:
        raise DtypeError(
            "bool tensors cannot be subtracted",
            hint="use logical_xor(x, y), or convert one with .float()",
            torch="Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead.",
        )
    return np.subtract(x, y)


def _negative(x: Any) -> Any:
    if x.dtype == np.bool_:
        raise DtypeError(
            "a bool tensor has no negative",
            hint="use logical_not(x) to invert a mask",
            torch="Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead.",
        )
    return np.negative(x)


def _no_integer_zero(y: Any) -> None:
    if getattr(y, "dtype", np.dtype(type(y))).kind != "f" and not np.all(y):
        raise ZeroDivisionError_("an integer is divided by zero", torch="ZeroDivisionError")


def _floor_divide(x: Any, y: Any) -> Any:
    _no_integer_zero(y)
    return np.floor_divide(x, y)


def _remainder(x: Any, y: Any) -> Any:
    _no_integer_zero(y)
    return np.remainder(x, y)


def _truncated_quotient(x: Any, y: Any) -> Any:
    _no_integer_zero(y)
    quotient = np.trunc(np.true_divide(x, y))
    if x.dtype.kind == "f":
        return quotient
    exact = np.abs(x) // np.abs(y) * np.sign(x) * np.sign(y)
    return exact.astype(x.dtype)


add: Op = binary(
    "add",
    "input + other.",
    np.add,
    [lambda g, y, a, b: g, lambda g, y, a, b: g],
    grad_fn="AddBackward0",
    linear=False,
)
op(
    "add(Tensor input, Operand other, *, Scalar alpha)",
    "input + alpha other.",
    expands=lambda x, y, alpha: add(x, mul(y, alpha)),
    grad_fn="AddBackward0",
    inplace=True,
    samples=[draw(3, 3, alpha=2.5), draw((2, 3), 3, alpha=-1)],
)
sub: Op = binary(
    "sub",
    "input - other.",
    _subtract,
    [lambda g, y, a, b: g, lambda g, y, a, b: -g],
    grad_fn="SubBackward0",
    spelled=["subtract"],
)
op(
    "sub(Tensor input, Operand other, *, Scalar alpha)",
    "input - alpha other.",
    expands=lambda x, y, alpha: sub(x, mul(y, alpha)),
    grad_fn="SubBackward0",
    inplace=True,
    spelled=["subtract"],
    samples=[draw(3, 3, alpha=2.5)],
)
rsub: Op = op(
    "rsub(Tensor input, Operand other, *, Scalar alpha=1)",
    "other - alpha input.",
    expands=lambda x, y, alpha: sub(y, x if alpha == 1 else mul(x, alpha)),
    grad_fn=("RsubBackward1", "RsubBackward1"),
    samples=[draw(3, 3)],
)
mul: Op = binary(
    "mul",
    "input times other, element by element.",
    np.multiply,
    [lambda g, y, a, b: g * b, lambda g, y, a, b: g * a],
    grad_fn="MulBackward0",
    spelled=["multiply"],
)
div: Op = binary(
    "div",
    "input / other; integers give the default floating dtype.",
    np.true_divide,
    [lambda g, y, a, b: g / b, lambda g, y, a, b: -g * ((a / b) / b)],
    dtype=floating,
    grad_fn="DivBackward0",
    spelled=["divide", "true_divide"],
    samples=[draw((2, 3), 3, low=0.5, high=2), draw(3, 3, low=-3, high=-0.5)],
)


def _rounded_division(x: Node, y: Any, rounding_mode: str | None) -> Node:
    if rounding_mode is None:
        result: Node = div(x, y)
    elif rounding_mode == "floor":
        result = _div_floor(x, y)
    elif rounding_mode == "trunc":
        result = _div_trunc(x, y)
    else:
        raise ValueError_(
            f"rounding_mode is {rounding_mode!r}; it can be None, 'floor' or 'trunc'",
            torch=f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'",
        )
    return result


op(
    "div(Tensor input, Operand other, *, str? rounding_mode)",
    "input / other, rounded down ('floor') or towards zero ('trunc').",
    expands=_rounded_division,
    inplace=True,
    spelled=["divide"],
    samples=[draw(3, (3,), low=0.5, high=2, rounding_mode=None)],
)
_div_floor = binary(
    "_div_floor",
    "input / other, rounded down.",
    _floor_divide,
    [lambda g, y, a, b: g * 0, lambda g, y, a, b: g * 0],
    spelled=["_"],
    grad_fn=("DivBackward1", "DivBackward1"),
    inplace=False,
)
_div_trunc = binary(
    "_div_trunc",
    "input / other, rounded towards zero.",
    _truncated_quotient,
    [lambda g, y, a, b: g * 0, lambda g, y, a, b: g * 0],
    spelled=["_"],
    grad_fn=("DivBackward1", "DivBackward1"),
    inplace=False,
)
floor_divide: Op = binary(
    "floor_divide",
    "input / other, rounded down; torch has no derivative for it.",
    _floor_divide,
    [refuse, refuse],
    grad_fn=("NotImplemented", "NotImplemented"),
)
remainder: Op = binary(
    "remainder",
    "input - other floor(input / other): the sign of other.",
    _remainder,
    [lambda g, y, a, b: g, lambda g, y, a, b: -g * _div_floor(a, b)],
    grad_fn="RemainderBackward0",
    samples=[draw(3, 3, low=0.7, high=1.9), draw((2, 3), 3, low=-1.9, high=-0.7)],
)
op(
    "remainder(Scalar input, Tensor other)",
    "input - other floor(input / other), of a number; torch has no derivative for it.",
    kernel=_remainder,
    grad=[refuse, refuse],
    grad_fn=("NotImplemented", "NotImplemented"),
)
neg: Op = unary(
    "neg",
    "-input.",
    _negative,
    lambda g, y, x: -g,
    dtype=promoted,
    grad_fn="NegBackward0",
    spelled=["negative"],
)
abs_: Op = unary(
    "abs",
    "|input|.",
    np.abs,
    lambda g, y, x: g * sign(x),
    dtype=promoted,
    grad_fn="AbsBackward0",
    spelled=["absolute"],
    kinks=[(0.0, 0.0)],
    samples=[draw(3, low=0.2, high=2), draw((2, 3), low=-2, high=-0.2)],
)
sign: Op = unary(
    "sign",
    "-1, 0 or 1.",
    lambda x: x if x.dtype == np.bool_ else np.sign(x),
    lambda g, y, x: g * 0,
    dtype=promoted,
    grad_fn="SignBackward0",
    kinks=[(0.0, 0.0)],
)


def install_symbols(**symbols: Op) -> None:
    """Let rules be written with operators: `g * b` for `mul(g, b)`. A reflected name swaps the operands."""
    for name, applied in symbols.items():
        if name.startswith("r"):
            setattr(Node, f"__{name}__", lambda self, other, o=applied: o(other, self))
        else:
            setattr(Node, f"__{name}__", lambda self, *other, o=applied: o(self, *other))


install_symbols(add=add, radd=add, sub=sub, rsub=sub, mul=mul, rmul=mul, truediv=div, rtruediv=div, neg=neg)
