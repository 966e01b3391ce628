"""The gamma function's family: lgamma, its derivatives, incomplete gamma functions, zeta. Kernels are scipy's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcli.dtypes import BOOL, INTEGER, float16
from gradcli.errors import DtypeError, RefusedValue
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, floating, op, promoted
from gradcli.ops.declare import binary, refuse, unary
from gradcli.ops.dtyperules import floating_with, new, refusing
from gradcli.ops.elementwise.explog import exp, log
from gradcli.ops.fromscipy import special

POSITIVE = (0.3, 3.0)

lgamma: Op = unary(
    "lgamma",
    "log |gamma(input)|.",
    lambda x: np.where(np.isinf(x), x.dtype.type(np.inf), special("gammaln")(x)),
    lambda g, y, x: g * digamma(x),
    grad_fn="LgammaBackward0",
    spelled=["lgamma", "special.gammaln"],
    domain=POSITIVE,
)
digamma: Op = unary(
    "digamma",
    "The derivative of lgamma.",
    special("psi"),
    lambda g, y, x: g * polygamma(x, n=1),
    grad_fn="DigammaBackward0",
    spelled=["digamma", "special.digamma", "special.psi"],
    domain=POSITIVE,
)


def _polygamma(x: Any, n: int) -> Any:
    if n < 0:
        raise RefusedValue(f"n is {n}; it cannot be negative", torch="polygamma(n, x) does not support negative n.")
    if n == 0:
        return special("psi")(x)
    if n == 1:
        return _trigamma(x)
    sign = 1 if n % 2 else -1
    return np.asarray(sign * math.factorial(n) * _zeta(n + 1, np.asarray(x, np.float64)), x.dtype)


def _trigamma(x: Any) -> Any:
    """By reflection below 1/2, six steps of recurrence, and the asymptotic series; in the dtype of x, as torch does."""
    if x.dtype == np.float16:
        return _trigamma(x.astype(np.float32)).astype(np.float16)
    low = x < 0.5
    mirror = np.square(math.pi / np.sin(math.pi * x))
    z = np.where(low, 1 - x, x)
    total = np.zeros_like(x)
    for _ in range(6):
        total = total + 1 / (z * z)
        z = z + 1
    s = 1 / (z * z)
    total = total + (1 + 1 / (2 * z) + s * (1 / 6 - s * (1 / 30 - s * (1 / 42)))) / z
    return np.where(low, mirror - total, total)


POLYGAMMA_SAMPLES = [draw(3, low=0.3, n=0), draw((2, 3), low=0.3, n=1), draw(3, low=0.5, high=3, n=2)]
polygamma: Op = op(
    "polygamma(Tensor input, int n)",
    "The n-th derivative of digamma.",
    kernel=_polygamma,
    grad=lambda g, y, x, n: g * polygamma(x, n=n + 1),
    dtype=floating,
    grad_fn="PolygammaBackward0",
    elementwise=True,
    inplace=True,
    spelled=[".polygamma"],
    samples=POLYGAMMA_SAMPLES,
)
op(
    "polygamma(int n, Tensor input)",
    "The n-th derivative of digamma.",
    expands=lambda x, n: polygamma(x, n=n),
    spelled=["torch.polygamma", "special.polygamma"],
    samples=POLYGAMMA_SAMPLES,
    wrong=[("polygamma(-1, ones(2))", "cannot be negative")],
)


def _multigamma(x: Node, p: int) -> Node:
    if p < 1:
        raise RefusedValue(f"p is {p}; it must be at least 1", torch="p has to be greater than or equal to 1")
    if x.dtype.category == BOOL:
        raise DtypeError("it does not take bool tensors", torch="The input tensor may not be a boolean tensor.")
    total: Node = lgamma(x)
    for j in range(1, p):
        total = total + lgamma(x - j / 2)
    return total + p * (p - 1) / 4 * math.log(math.pi)


op(
    "mvlgamma(Tensor input, int p)",
    "The logarithm of the multivariate gamma function: p(p - 1)/4 log(pi) + sum over j < p of lgamma(input - j/2).",
    expands=_multigamma,
    grad_fn="MvlgammaBackward0",
    inplace=True,
    spelled=["mvlgamma", "special.multigammaln"],
    samples=[draw(3, low=0.5, p=1), draw((2, 3), low=2.5, high=5, p=3)],
    wrong=[("mvlgamma(ones(2), 0)", "at least 1")],
)


def _density(g: Node, y: Node, a: Node, x: Node) -> Node:
    """x^(a-1) exp(-x) / gamma(a), the derivative of the lower function by x."""
    result: Node = g * exp((a - 1) * log(x) - x - lgamma(a))
    return result


for lower, kernel in ((True, "gammainc"), (False, "gammaincc")):
    binary(
        "igamma" if lower else "igammac",
        f"The {'lower' if lower else 'upper'} regularised incomplete gamma function; no derivative by input.",
        special(kernel),
        [refuse, _density if lower else lambda g, y, a, x: -_density(g, y, a, x)],
        arguments="Tensor input, Tensor other",
        dtype=refusing(promoted, f"{'igamma' if lower else 'igammac'}_cpu", BOOL, INTEGER),
        grad_fn=new("IgammaBackward0" if lower else "IgammacBackward0"),
        spelled=["igamma" if lower else "igammac", f"special.{kernel}"],
        domain=POSITIVE,
    )


def _zeta(x: Any, q: Any) -> Any:
    """Of Python numbers and arrays, one of them an array; computed in double precision."""
    dtype = next(v.dtype for v in (x, q) if hasattr(v, "dtype"))
    exponent, shift = np.asarray(x, np.float64), np.asarray(q, np.float64)
    value = special("zeta")(exponent, shift)
    return np.asarray(np.where((exponent > 1) & np.isposinf(shift), np.nan, value), dtype)  # nan: torch's word for it


ZETA = "The sum over k >= 0 of 1 / (k + other)^input; no derivative by input."
zeta: Op = binary(
    "zeta",
    ZETA,
    _zeta,
    [refuse, lambda g, y, x, q: g * -x * zeta(x + 1, q)],
    arguments="Tensor input, Tensor other",
    dtype=refusing(floating, "zeta_cpu", float16),
    grad_fn=new("SpecialZetaBackward0"),
    spelled=["special.zeta"],
    inplace=False,
    domain=(1.5, 4.0),
)
zeta_of: Op = op(
    "zeta(Scalar input, Tensor other)",
    ZETA,
    kernel=lambda q, input: _zeta(input, q),
    grad=lambda g, y, q, input: g * -input * zeta_of(q, input=input + 1),
    dtype=refusing(floating_with("input"), "zeta_cpu", float16),
    grad_fn=new("SpecialZetaBackward1"),
    spelled=["special.zeta"],
    elementwise=True,
    samples=[draw(3, low=0.5, input=2), draw((2, 3), low=1, high=3, input=3.5)],
)
op(
    "zeta(Tensor input, Scalar other)",
    ZETA,
    kernel=lambda x, other: _zeta(x, other),
    grad=refuse,
    dtype=refusing(floating_with("other"), "zeta_cpu", float16),
    grad_fn=new("SpecialZetaBackward2"),
    spelled=["special.zeta"],
    elementwise=True,
    samples=[draw(3, low=1.5, other=2)],
)
