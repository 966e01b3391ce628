"""The error function in single precision.

For large arrays: tanh(x P(x^2)), where P is our own fit (Lawson's weighted least squares) of atanh(erf(x)) / x, with a
relative error of erf of 1e-7; evaluated in single precision, 2.3e-7. tanh is the one function of numpy's that costs
little more than a polynomial, and it saturates where erf does.

For small ones: x N(x^2) / D(x^2) on |x| < 3.925, where erf rounds to 1, our own fit as well, evaluated in double
precision with a relative error of 2e-9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradcli.engine.kernels import TANH, Fn
from gradcli.engine.laws import factor_of

if TYPE_CHECKING:
    from gradcli.engine.term import Builder, Term

BOUND = 3.925
# highest powers first
SINGLE = (
    (
        -1.2828117938e-08,
        4.6144672052e-06,
        0.00037695790542,
        0.0038395108927,
        0.054249447944,
        0.18514329012,
        1.1283791692,
    ),
    (6.2448304745e-05, 0.0013019706022, 0.015432533152, 0.11388096433, 0.49741237546, 1.0),
)
BENT = (
    1.41853004e-07,
    -5.66849036e-06,
    8.76374256e-05,
    -6.19784944e-04,
    -1.91830439e-04,
    1.02769056e-01,
    1.12837927,
)


def erf_terms(b: Builder, x: Term) -> Term:
    """erf of a large x as terms of their own, which share x^2 with others. A factor of x goes into the coefficients."""
    factor, y = factor_of(x) or (1.0, x)
    if not 0.125 < abs(factor) < 8:
        factor, y = 1.0, x
    square = b.mul(y, y)
    powers = range(2 * len(BENT) - 1, 0, -2)
    first, *rest = [c * factor**power for c, power in zip(BENT, powers, strict=True)]
    total = b.scale(square, first)
    for c in rest[:-1]:
        total = b.mul(b.plus(total, c), square)
    return b.ew(TANH, b.mul(b.plus(total, rest[-1]), y))


def _series(coefficients: tuple[float, ...], t: Any) -> Any:
    total = np.full_like(t, coefficients[0])
    for c in coefficients[1:]:
        total *= t
        total += c
    return total


def erf(x: Any) -> Any:
    """erf of a small array of single precision, rounded once."""
    wide = np.clip(x, -BOUND, BOUND, dtype=np.float64)
    t = wide * wide
    return np.asarray(wide * _series(SINGLE[0], t) / _series(SINGLE[1], t), np.float32)


def _erf_block(x: Any, out: Any) -> None:
    np.copyto(out, erf(x))


ERF = Fn("erf", erf, _erf_block, cost=15)
