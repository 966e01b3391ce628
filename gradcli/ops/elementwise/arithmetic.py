"""+ - * / and their kin: elementwise arithmetic of two operands, signs, rounding division."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli.dtypes import BOOL, INTEGER
from gradcli.errors import DtypeError, RefusedValue
from gradcli.graph.node import Node
from gradcli.graph.op import DtypeRule, Op, draw, floating, kept, number, op, promoted
from gradcli.ops.declare import binary, refuse, unary
from gradcli.ops.dtyperules import joined_by, new, refusing, wrapped


def _no_bools(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Any:
    """The dtype rule of differences: nothing bool is subtracted, and nothing is subtracted from it."""
    bools = [i.dtype.category == BOOL for i in inputs]
    if all(bools):
        raise DtypeError(
            "bool tensors cannot be subtracted",
            hint="use logical_xor(x, y), or convert one with .float()",
            torch="Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead.",
        )
    if any(bools):
        raise DtypeError(
            "a bool cannot be subtracted, nor subtracted from",
            hint="use logical_not(x) to invert a mask, or convert it with .float()",
            torch="Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a "
            "mask, use the `~` or `logical_not()` operator instead.",
        )
    return promoted(inputs, params)


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
        raise RefusedValue("an integer is divided by zero", torch="ZeroDivisionError")


def _floor_divide(x: Any, y: Any) -> Any:
    _no_integer_zero(y)
    return np.floor_divide(x, y)


def _remainder(x: Any, y: Any) -> Any:
    _no_integer_zero(y)
    rest = np.fmod(x, y)
    return np.where((rest != 0) & ((rest < 0) != np.less(y, 0)), rest + y, rest)


def _fmod(x: Any, y: Any) -> Any:
    _no_integer_zero(y)
    return np.fmod(x, y)


def _truncated_quotient(x: Any, y: Any) -> Any:
    _no_integer_zero(y)
    if np.result_type(x, y).kind == "f":
        return np.trunc(np.true_divide(x, y))
    return np.floor_divide(x - np.fmod(x, y), y)


zero: Op = op(
    "_zero(Tensor input)",
    "0 in the shape and dtype of input: the derivative of what is flat between its steps.",
    spelled=["_"],
    kernel=np.zeros_like,
    dtype=kept,
    elementwise=True,
    samples=[draw(3)],
)


def flat(g: Node, y: Node, *inputs: Node, **params: Any) -> Node:
    """The rule of a step function: 0 wherever it is differentiable."""
    result: Node = zero(g)
    return result


def scaled(x: Any, factor: Any) -> Any:
    """The node x times a Python number; x itself for 1."""
    return x if factor == 1 and type(factor) is not bool else mul(x, factor)


def _with_alpha(rule: DtypeRule) -> DtypeRule:
    """A dtype rule that also checks alpha: torch adds integers with an integer alpha."""

    def checked(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Any:
        alpha = params["alpha"]
        target, dtype = rule(inputs, params)
        if dtype.category <= INTEGER and isinstance(alpha, float):
            raise DtypeError(
                f"alpha is {alpha}, and integer tensors need an integer alpha",
                hint="convert a tensor first: x.float()",
                torch="For integral input tensors, argument alpha must not be a floating point number.",
            )
        return target, dtype

    return checked


def _add_scaled(x: Any, y: Any, alpha: Any) -> Any:
    dtype = np.result_type(x, y)
    return np.add(x, y * bool(alpha)) if dtype == np.bool_ else np.add(x, y * wrapped(alpha, dtype))


def _sub_scaled(x: Any, y: Any, alpha: Any) -> Any:
    return np.subtract(x, y * wrapped(alpha, np.result_type(x, y)))


add: Op = binary(
    "add",
    "input + other.",
    np.add,
    [lambda g, y, a, b: g, lambda g, y, a, b: g],
    arguments="Operand input, Operand other",
    grad_fn=("AddBackward0", "AddBackward0"),
)
add_scaled: Op = op(
    "add(Operand input, Operand other, *, Scalar alpha)",
    "input + alpha other.",
    kernel=_add_scaled,
    grad=[lambda g, y, a, b, alpha: g, lambda g, y, a, b, alpha: scaled(g, alpha)],
    dtype=_with_alpha(promoted),
    elementwise=True,
    grad_fn=("AddBackward0", "AddBackward0"),
    inplace=True,
    samples=[draw(3, 3, alpha=2.5), draw((2, 3), 3, alpha=-1), draw((), (2,), alpha=1)],
)
op(
    "add(Tensor input, Scalar alpha, Tensor other)",
    "input + alpha other: the old order of arguments.",
    expands=lambda x, y, alpha: add_scaled(x, y, alpha=alpha),
    inplace=True,
    samples=[draw(3, 3, alpha=2.5)],
)
sub: Op = binary(
    "sub",
    "input - other.",
    np.subtract,
    [lambda g, y, a, b: g, lambda g, y, a, b: -g],
    arguments="Operand input, Operand other",
    dtype=_no_bools,
    grad_fn=("SubBackward0", "SubBackward0"),
    spelled=["subtract"],
)
sub_scaled: Op = op(
    "sub(Operand input, Operand other, *, Scalar alpha)",
    "input - alpha other.",
    kernel=_sub_scaled,
    grad=[lambda g, y, a, b, alpha: g, lambda g, y, a, b, alpha: scaled(g, -alpha)],
    dtype=_with_alpha(_no_bools),
    elementwise=True,
    grad_fn=("SubBackward0", "SubBackward0"),
    inplace=True,
    spelled=["subtract"],
    samples=[draw(3, 3, alpha=2.5), draw((2, 1), (2,), alpha=-1)],
)
op(
    "sub(Tensor input, Scalar alpha, Tensor other)",
    "input - alpha other: the old order of arguments.",
    expands=lambda x, y, alpha: sub_scaled(x, y, alpha=alpha),
    inplace=True,
    samples=[draw(3, 3, alpha=2.5)],
)
op(
    "rsub(Tensor input, Tensor other, *, Scalar alpha=1)",
    "other - alpha input.",
    expands=lambda x, y, alpha=1: sub_scaled(y, x, alpha=alpha),
    grad_fn=("RsubBackward0", "RsubBackward0"),
    spelled=["torch.rsub"],
    samples=[draw(3, 3, alpha=1), draw((2, 1), (2,), alpha=-1.5)],
)
rsub: Op = op(
    "rsub(Tensor input, Scalar other, *, Scalar alpha=1)",
    "other - alpha input.",
    expands=lambda x, other, alpha=1: sub_scaled(number(other), x, alpha=alpha) if alpha != 1 else sub(other, x),
    grad_fn=("RsubBackward1", "RsubBackward1"),
    spelled=["torch.rsub"],
    samples=[draw(3, other=2, alpha=1), draw((2, 3), other=0.5, alpha=-1.5)],
)
mul: Op = binary(
    "mul",
    "input times other, element by element.",
    np.multiply,
    [lambda g, y, a, b: g * b, lambda g, y, a, b: g * a],
    arguments="Operand input, Operand other",
    grad_fn=("MulBackward0", "MulBackward0"),
    spelled=["multiply"],
)
div: Op = binary(
    "div",
    "input / other; integers give the default floating dtype.",
    np.true_divide,
    [lambda g, y, a, b: g / b, lambda g, y, a, b: -g * ((a / b) / b)],
    arguments="Operand input, Operand other",
    dtype=floating,
    grad_fn=("DivBackward0", "DivBackward0"),
    spelled=["divide", "true_divide"],
    samples=[draw((2, 3), 3, low=0.5, high=2), draw(3, 3, low=-3, high=-0.5), draw((), 2, low=0.5, high=2)],
)


def _rounded_division(x: Node, y: Any, rounding_mode: str | None) -> Node:
    if rounding_mode not in (None, "floor", "trunc"):
        raise RefusedValue(
            f"rounding_mode is {rounding_mode!r}; it can be None, 'floor' or 'trunc'",
            torch=f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'",
        )
    by = div if rounding_mode is None else _div_floor if rounding_mode == "floor" else _div_trunc
    result: Node = by(x, y)
    return result


op(
    "div(Operand input, Operand other, *, str? rounding_mode)",
    "input / other, rounded down ('floor') or towards zero ('trunc').",
    expands=_rounded_division,
    grad_fn=new("DivBackward2"),
    inplace=True,
    spelled=["divide"],
    samples=[
        draw(3, 3, low=0.5, high=2, rounding_mode=None),
        draw(3, 3, low=0.5, high=0.9, rounding_mode="floor"),
        draw(3, 3, low=0.5, high=0.9, rounding_mode="trunc"),
    ],
)
_div_floor = binary(
    "_div_floor",
    "input / other, rounded down.",
    _floor_divide,
    [flat, flat],
    dtype=refusing(promoted, "div_floor_cpu", BOOL),
    spelled=["_"],
    grad_fn=new("DivBackward2"),
    inplace=False,
    samples=[draw(3, 3, low=0.5, high=0.9)],
)
_div_trunc = binary(
    "_div_trunc",
    "input / other, rounded towards zero.",
    _truncated_quotient,
    [flat, flat],
    dtype=refusing(promoted, "div_trunc_cpu", BOOL),
    spelled=["_"],
    grad_fn=new("DivBackward2"),
    inplace=False,
    samples=[draw(3, 3, low=0.5, high=0.9)],
)
floor_divide: Op = binary(
    "floor_divide",
    "input / other, rounded down; torch has no derivative for it.",
    _floor_divide,
    [refuse, refuse],
    arguments="Operand input, Operand other",
    dtype=refusing(promoted, "div_floor_cpu", BOOL),
    grad_fn=new("NotImplemented"),
)
remainder: Op = binary(
    "remainder",
    "input - other floor(input / other): the sign of other.",
    _remainder,
    [lambda g, y, a, b: g, lambda g, y, a, b: -g * _div_floor(a, b)],
    arguments="Tensor input, Tensor other",
    dtype=refusing(promoted, "remainder_cpu", BOOL),
    grad_fn=("RemainderBackward1", "RemainderBackward1"),
    samples=[draw(3, 3, low=1.1, high=1.9), draw((2, 3), 3, low=-1.9, high=-1.1)],
)
remainder_by: Op = unary(
    "remainder",
    "input - other floor(input / other): the sign of other.",
    lambda x, other: _remainder(x, wrapped(other, x.dtype)),
    lambda g, y, x, other: g,
    arguments="Scalar other",
    dtype=refusing(joined_by("other"), "remainder_cpu", BOOL),
    grad_fn=("RemainderBackward0", "RemainderBackward0"),
    samples=[draw(3, low=0.1, high=0.6, other=0.7), draw((2, 3), low=-0.6, high=-0.1, other=-0.7)],
)
remainder_of: Op = op(
    "remainder(Scalar input, Tensor other)",
    "input - other floor(input / other), of a number; torch has no derivative for it.",
    kernel=lambda other, input: _remainder(wrapped(input, other.dtype), other),
    grad=refuse,
    dtype=refusing(joined_by("input"), "remainder_cpu", BOOL),
    spelled=["torch.remainder"],
    grad_fn=new("NotImplemented"),
    samples=[draw(3, low=0.5, high=2, input=2)],
)
fmod: Op = binary(
    "fmod",
    "input - other trunc(input / other): the sign of input.",
    _fmod,
    [lambda g, y, a, b: g, lambda g, y, a, b: -g * _div_trunc(a, b)],
    arguments="Tensor input, Tensor other",
    dtype=refusing(promoted, "fmod_cpu", BOOL),
    grad_fn=("FmodBackward1", "FmodBackward1"),
    samples=[draw(3, 3, low=1.1, high=1.9), draw((2, 3), 3, low=-1.9, high=-1.1)],
)
op(
    "fmod(Tensor input, Scalar other)",
    "input - other trunc(input / other): the sign of input.",
    kernel=lambda x, other: _fmod(x, wrapped(other, x.dtype)),
    grad=lambda g, y, x, other: g,
    dtype=refusing(joined_by("other"), "fmod_cpu", BOOL),
    grad_fn=("FmodBackward0", "FmodBackward0"),
    elementwise=True,
    inplace=True,
    samples=[draw(3, low=0.1, high=0.6, other=0.7), draw((2, 3), low=-0.6, high=-0.1, other=0.7)],
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
    dtype=refusing(promoted, "abs_cpu", BOOL),
    grad_fn="AbsBackward0",
    spelled=["absolute"],
    kinks=[(0.0, 0.0)],
    samples=[draw(3, low=0.2, high=2), draw((2, 3), low=-2, high=-0.2)],
)


def _sign(x: Any) -> Any:
    return x if x.dtype == np.bool_ else np.where(np.isnan(x), x.dtype.type(0), np.sign(x))


sign: Op = unary("sign", "-1, 0 or 1.", _sign, flat, dtype=promoted, grad_fn="SignBackward0", kinks=[(0.0, 0.0)])
unary(
    "angle",
    "pi where input is negative, else 0.",
    lambda x: np.where(x < 0, x.dtype.type(np.pi), np.where(x == x, x.dtype.type(0), x)),
    flat,
    dtype=floating,
    inplace=False,
    grad_fn=new("AngleBackward0"),
    kinks=[(0.0, 0.0)],
)
unary("sgn", "-1, 0 or 1.", _sign, flat, dtype=promoted, grad_fn=new("SgnBackward0"), kinks=[(0.0, 0.0)])


def _positive(x: Node) -> Node:
    if x.dtype.category == BOOL:
        raise DtypeError(
            "a bool tensor cannot be taken with +",
            hint="convert it first: x.int()",
            torch="The `+` operator, on a bool tensor is not supported.",
        )
    return x


op("positive(Tensor input)", "input itself.", expands=_positive, samples=[draw(3)])
reciprocal: Op = unary(
    "reciprocal",
    "1 / input.",
    lambda x: np.true_divide(1, x),
    lambda g, y, x: -g * (y * y),
    grad_fn="ReciprocalBackward0",
    samples=[draw(3, low=0.4, high=2), draw((2, 3), low=-2, high=-0.4)],
)


def install_symbols(**symbols: Callable[..., Any]) -> None:
    """Let rules be written with operators: `g * b` for `mul(g, b)`. A reflected name swaps the operands."""
    for name, applied in symbols.items():
        if name.startswith("r"):
            setattr(Node, f"__{name}__", lambda self, other, o=applied: o(other, self))
        else:
            setattr(Node, f"__{name}__", lambda self, *other, o=applied: o(self, *other))


# rules are written with operators
install_symbols(add=add, radd=add, sub=sub, rsub=sub, mul=mul, rmul=mul, truediv=div, rtruediv=div, neg=neg)
