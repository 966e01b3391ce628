"""Exponentials, logarithms, roots and powers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import BOOL
from gradcli.errors import DtypeError
from gradcli.graph.node import Node, mark_saved
from gradcli.graph.op import Op, draw, op, promoted
from gradcli.ops.declare import binary, unary
from gradcli.ops.dtyperules import fitted, joined_by, new, refusing, wrapped
from gradcli.ops.elementwise import precise
from gradcli.ops.elementwise.arithmetic import install_symbols, zero
from gradcli.ops.elementwise.compare import eq, logical_and, logical_or, where
from gradcli.ops.elementwise.precise import Precise
from gradcli.ops.shapes.convert import to_dtype

POSITIVE: tuple[float, float] = (0.1, 3.0)
LN2 = math.log(2.0)
LN10 = math.log(10.0)

exp: Op = unary("exp", "e to the power of input.", Precise(np.exp), lambda g, y, x: g * y, grad_fn="ExpBackward0")
exp2: Op = unary(
    "exp2",
    "2 to the power of input.",
    Precise(np.exp2),
    lambda g, y, x: g * y * LN2,
    grad_fn=new("Exp2Backward0"),
    spelled=["exp2", "special.exp2"],
)
expm1: Op = unary(
    "expm1",
    "exp(input) - 1, exact for small input.",
    Precise(np.expm1),
    lambda g, y, x: g * (y + 1),
    grad_fn="Expm1Backward0",
    spelled=["expm1", "special.expm1"],
)
log: Op = unary(
    "log", "The natural logarithm.", Precise(np.log), lambda g, y, x: g / x, grad_fn="LogBackward0", domain=POSITIVE
)
log2: Op = unary(
    "log2",
    "The logarithm to base 2.",
    Precise(np.log2),
    lambda g, y, x: g / (x * LN2),
    grad_fn="Log2Backward0",
    domain=POSITIVE,
)
log10: Op = unary(
    "log10",
    "The logarithm to base 10.",
    Precise(np.log10),
    lambda g, y, x: g / (x * LN10),
    grad_fn="Log10Backward0",
    domain=POSITIVE,
)
log1p: Op = unary(
    "log1p",
    "log(1 + input), exact for small input.",
    Precise(np.log1p),
    lambda g, y, x: g / (x + 1),
    grad_fn="Log1PBackward0",
    domain=(-0.9, 3.0),
    spelled=["log1p", "special.log1p"],
)
sqrt: Op = unary(
    "sqrt", "The square root.", np.sqrt, lambda g, y, x: g / (2 * y), grad_fn="SqrtBackward0", domain=POSITIVE
)


def _rsqrt(x: Any) -> Any:
    return np.true_divide(1, np.sqrt(x))


rsqrt: Op = unary(
    "rsqrt",
    "1 / sqrt(input).",
    _rsqrt,
    lambda g, y, x: -0.5 * g * (y * y * y),
    grad_fn="RsqrtBackward0",
    domain=POSITIVE,
)


def _logistic(x: Any) -> Any:
    if x.dtype == np.float16:
        return _logistic(x.astype(np.float32)).astype(np.float16)
    return np.true_divide(1, 1 + precise.exp(-x))


sigmoid: Op = unary(
    "sigmoid",
    "1 / (1 + exp(-input)).",
    _logistic,
    lambda g, y, x: g * (y * (1 - y)),
    grad_fn="SigmoidBackward0",
    spelled=["sigmoid", "F.sigmoid", "special.expit"],
)


def _logit(x: Any, eps: float | None) -> Any:
    if x.dtype == np.float16:
        return _logit(x.astype(np.float32), eps).astype(np.float16)
    if eps is not None:
        x = np.where(x < eps, eps, np.where(x > 1 - eps, 1 - eps, x)).astype(x.dtype)
    return np.log(x / (1 - x))


def _logit_rule(g: Node, y: Node, x: Node, eps: float | None) -> Node:
    """Outside [eps, 1 - eps] the derivative is 0; outside [0, 1], without an eps, and at nan it is nan."""
    inside = g / (x * (1 - x))
    if eps is None:
        return where(logical_and(x >= 0.0, x <= 1.0), inside, math.nan)
    return where(logical_or(x < eps, x > 1 - eps), 0.0, inside)


logit: Op = unary(
    "logit",
    "log(input / (1 - input)), input first limited to [eps, 1 - eps].",
    _logit,
    _logit_rule,
    arguments="float? eps=None",
    grad_fn=new("LogitBackward0"),
    spelled=["logit", "special.logit"],
    samples=[
        draw(3, low=0.1, high=0.9, eps=None),
        draw((2, 3), low=0.3, high=0.7, eps=0.2),
        draw(3, low=0.85, high=0.95, eps=0.2),
    ],
)
logaddexp: Op = binary(
    "logaddexp",
    "log(exp(input) + exp(other)).",
    np.logaddexp,
    [lambda g, y, a, b: g / (1 + exp(b - a)), lambda g, y, a, b: g / (1 + exp(a - b))],
    arguments="Tensor input, Tensor other",
    dtype=refusing(promoted, "logaddexp_cpu", BOOL, dtypes.INTEGER),
    grad_fn=new("LogaddexpBackward0"),
    inplace=False,
)
logaddexp2: Op = binary(
    "logaddexp2",
    "log2(2^input + 2^other).",
    np.logaddexp2,
    [lambda g, y, a, b: g / (1 + exp2(b - a)), lambda g, y, a, b: g / (1 + exp2(a - b))],
    arguments="Tensor input, Tensor other",
    dtype=refusing(promoted, "logaddexp2_cpu", BOOL, dtypes.INTEGER),
    grad_fn=new("Logaddexp2Backward0"),
    inplace=False,
)


# Powers. torch has closed forms for these exponents, and its results are theirs to the last bit.
_EASY: dict[float, Callable[[Any], Any]] = {
    2.0: lambda x: x * x,
    3.0: lambda x: x * x * x,
    -1.0: lambda x: np.true_divide(1, x),
    -2.0: lambda x: np.true_divide(1, x * x),
    0.5: np.sqrt,
    -0.5: _rsqrt,
    1.0: lambda x: x * 1,
    0.0: np.ones_like,
}


def _power_of(x: Any, exponent: float) -> Any:
    """input to the power of a number."""
    if x.dtype.kind == "f":
        easy = _EASY.get(exponent)
        return precise.power(x, float(exponent)) if easy is None else easy(x)
    if exponent in (0, 1):  # of bools, too
        return x if exponent else np.ones_like(x)
    if exponent < 0:
        raise DtypeError(
            "an integer tensor to a negative integer power",
            hint=f"convert it first: x.float() ** {exponent}",
            torch="Integers to negative integer powers are not allowed.",
        )
    return np.power(x, fitted(exponent, x.dtype))


def _power(x: Any, y: Any) -> Any:
    """Floats to powers as C has them; integers to a negative power are cut to an integer, as in torch."""
    if np.result_type(x, y).kind == "f" or not np.any(np.less(y, 0)):
        return precise.power(x, y)
    sign = np.where(np.asarray(y) % 2 == 0, 1, x)
    small = np.where(np.equal(x, 1), 1, np.where(np.equal(x, -1), sign, 0))
    return np.where(np.less(y, 0), small, np.power(x, np.maximum(y, 0))).astype(np.result_type(x, y))


def _power_rule(g: Node, y: Node, x: Node, exponent: float) -> Node:
    """d x^p / dx = p x^(p-1), and 0 for p = 0 also where x^(p-1) is infinite."""
    mark_saved((x,))  # torch keeps x also for the powers that do not read it
    if exponent == 0:
        return zero(g)  # type: ignore[no-any-return]
    if exponent == 1:
        return g
    return g * (exponent * (x if exponent == 2 else power_of(x, exponent=exponent - 1)))


def _base_rule(g: Node, y: Node, x: Node, exponent: Node) -> Node:
    return where(eq(exponent, 0), 0.0, g * (exponent * pow_(x, exponent - 1)))


def _exponent_rule(g: Node, y: Node, x: Any, exponent: Node) -> Node:
    """d x^p / dp = x^p log x, and 0 where x is 0 and p at least 0."""
    return g * where(logical_and(eq(x, 0), exponent >= 0), 0.0, y * log(x))


def _based_rule(g: Node, y: Node, exponent: Node, input: float) -> Node:
    """The same for a base that is a number."""
    if input == 0:
        return g * where(exponent >= 0, 0.0, y * -math.inf)
    return g * (y * (math.log(input) if input > 0 else math.nan))


def _based(exponent: Any, input: float) -> Any:
    return _power(wrapped(input, exponent.dtype), exponent)


def _pow_dtype(*names: str) -> Any:
    return refusing(joined_by(*names), "pow", BOOL)


power_tensors: Op = binary(
    "pow",
    "input to the power of exponent.",
    _power,
    [_base_rule, _exponent_rule],
    arguments="Tensor input, Tensor exponent",
    dtype=_pow_dtype(),
    grad_fn=("PowBackward1", "PowBackward1"),
    samples=[draw(3, 3, low=0.2, high=2), draw((2, 3), 3, low=0.5, high=3), draw((2, 1), (), low=0.2)],
)
power_of: Op = unary(
    "pow",
    "input to the power of a number.",
    _power_of,
    _power_rule,
    arguments="Scalar exponent",
    dtype=joined_by("exponent"),
    grad_fn=("PowBackward0", "PowBackward0"),
    samples=[
        *[draw(3, exponent=p) for p in (0, 1, 2, 3, 5)],
        *[draw((2, 3), low=0.5, high=2, exponent=p) for p in (-1, -2, -3, 0.5, -0.5, 1.7)],
    ],
)
power_based: Op = op(
    "pow(Scalar input, Tensor exponent)",
    "A number to the power of exponent.",
    kernel=_based,
    grad=_based_rule,
    dtype=_pow_dtype("input"),
    elementwise=True,
    grad_fn=("PowBackward2", "PowBackward2"),
    spelled=["torch.pow"],
    samples=[draw(3, input=2), draw((2, 3), input=0.5)],
)
rpow: Op = op(
    "_rpow(Scalar input, Tensor exponent)",
    "A number to the power of exponent, as the operator ** has it.",
    kernel=_based,
    grad=_based_rule,
    dtype=_pow_dtype("input"),
    elementwise=True,
    spelled=["_"],
    grad_fn=("PowBackward1", "PowBackward2"),
    samples=[draw(3, input=2)],
)


def pow_(x: Any, exponent: Any) -> Node:
    """x ** exponent, where each is a node or a Python number: the overload that torch takes for it."""
    if type(exponent) is not Node:
        result: Node = power_of(x, exponent=exponent)
    elif type(x) is not Node:
        result = rpow(exponent, input=x)
    else:
        result = power_tensors(x, exponent)
    return result


install_symbols(pow=pow_)  # rules may write x ** 2
op(
    "square(Tensor input)",
    "input times itself.",
    expands=lambda x: power_of(x, exponent=2),
    inplace=True,
    samples=[draw(3), draw((2, 3)), draw(())],
)


def _double(x: Any) -> Any:
    return to_dtype(x, dtypes.float64) if type(x) is Node else float(x)


FLOAT_POWER = "input to the power of exponent, in float64."
op(
    "float_power(Tensor input, Tensor exponent)",
    FLOAT_POWER,
    expands=lambda x, p: power_tensors(_double(x), _double(p)),
    inplace=True,
    samples=[draw(3, 3, low=0.2, high=2)],
)
op(
    "float_power(Tensor input, Scalar exponent)",
    FLOAT_POWER,
    expands=lambda x, exponent: power_of(_double(x), exponent=_double(exponent)),
    inplace=True,
    samples=[draw(3, exponent=2), draw(3, low=0.2, exponent=-0.5)],
)
op(
    "float_power(Scalar input, Tensor exponent)",
    FLOAT_POWER,
    expands=lambda p, input: power_based(_double(p), input=_double(input)),
    spelled=["torch.float_power"],
    samples=[draw(3, input=2.5)],
)
