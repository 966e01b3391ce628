"""Kernels of the error function and its complements.

Double precision: W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), with
the coefficients of his later program CALERF; the relative error is below 1e-15. Single precision of erf, for gelu:
the rational function of `engine/erf.py`, which large arrays use in single precision. It is evaluated in double
precision, with a relative error of 2e-9, so that the rounded result is right to about half a unit of its last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcli.engine.erf import SINGLE

# |x| <= 0.46875: erf(x) = x N(x^2) / D(x^2). Highest power first.
SMALL = (
    (
        1.85777706184603153e-1, 3.16112374387056560e00, 1.13864154151050156e02, 3.77485237685302021e02,
        3.20937758913846947e03,
    ),
    (1.0, 2.36012909523441209e01, 2.44024637934444173e02, 1.28261652607737228e03, 2.84423683343917062e03),
)  # fmt: skip
# 0.46875 <= x <= 4: erfc(x) = exp(-x^2) N(x) / D(x)
MIDDLE = (
    (
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e00, 6.61191906371416295e01,
        2.98635138197400131e02, 8.81952221241769090e02, 1.71204761263407058e03, 2.05107837782607147e03,
        1.23033935479799725e03,
    ),
    (
        1.0, 1.57449261107098347e01, 1.17693950891312499e02, 5.37181101862009858e02, 1.62138957456669019e03,
        3.29079923573345963e03, 4.36261909014324716e03, 3.43936767414372164e03, 1.23033935480374942e03,
    ),
)  # fmt: skip
# x >= 4: erfc(x) = exp(-x^2) / x (1 / sqrt(pi) - N(1 / x^2) / (x^2 D(1 / x^2)))
LARGE = (
    (
        1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
        1.60837851487422766e-2, 6.58749161529837803e-4,
    ),
    (
        1.0, 2.56852019228982242e00, 1.87295284992346725e00, 5.27905102951428412e-1, 6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)  # fmt: skip
ONE_OVER_ROOT_PI = 5.6418958354775628695e-1


BLOCK = 1 << 13


def _ratio(coefficients: tuple[Sequence[float], Sequence[float]], t: Any) -> Any:
    """N(t) / D(t)."""
    values = []
    for series in coefficients:
        total = np.full_like(t, series[0])
        for c in series[1:]:
            total *= t
            total += c
        values.append(total)
    return values[0] / values[1]


def _small(x: Any) -> Any:
    """erf near 0."""
    return x * _ratio(SMALL, x * x)


def _scaled_tail(a: Any) -> Any:
    """exp(a^2) erfc(a) for a > 0.46875."""
    middle = a <= 4
    result = np.empty_like(a)
    result[middle] = _ratio(MIDDLE, a[middle])
    large = a[~middle]
    s = 1 / (large * large)
    result[~middle] = (ONE_OVER_ROOT_PI - s * _ratio(LARGE, s)) / large
    return result


def _gauss(a: Any) -> Any:
    """exp(-a^2), with a^2 split so that its rounding error does not grow."""
    head = np.trunc(a * 16) / 16
    return np.exp(-head * head) * np.exp(-(a - head) * (a + head))


def _by_size(x: Any, near: Callable[[Any], Any], far: Callable[[Any, Any], Any]) -> Any:
    """near(x) where |x| <= 0.46875, far(x, |x|) elsewhere; nan stays nan."""
    x = np.asarray(x, np.float64)
    size = np.abs(x)
    outside = size > 0.46875
    result = np.array(x)
    inside = ~outside & (size == size)
    result[inside] = near(x[inside])
    result[outside] = far(x[outside], size[outside])
    return result


def _erf_far(x: Any, size: Any) -> Any:
    size = np.minimum(size, 6.0)
    return np.copysign(1 - _gauss(size) * _scaled_tail(size), x)


def _erfc_far(x: Any, size: Any) -> Any:
    size = np.minimum(size, 28.0)
    tail = _gauss(size) * _scaled_tail(size)
    return np.where(x < 0, 2 - tail, tail)


def _erfcx_far(x: Any, size: Any) -> Any:
    tail = _scaled_tail(size)
    below = np.minimum(size, 27.0)
    doubled = 2 * np.exp(below * below) - tail
    return np.where(x < 0, np.where(size > 26.7, np.inf, doubled), tail)


def _erf_single(x: Any) -> Any:
    """Block by block, so that the passes over double-precision numbers stay in cache."""
    flat = np.ravel(x)
    result = np.empty_like(flat)
    for start in range(0, flat.size, BLOCK):
        part = np.clip(flat[start : start + BLOCK], -3.925, 3.925, dtype=np.float64)
        result[start : start + BLOCK] = part * _ratio(SINGLE, part * part)
    return result.reshape(x.shape)


def erf(x: Any) -> Any:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    double = x.dtype == np.float64
    return np.asarray(_by_size(x, _small, _erf_far) if double else _erf_single(x), x.dtype)


def erfc(x: Any) -> Any:
    """1 - erf(x), without cancellation."""
    return np.asarray(_by_size(x, lambda x: 1 - _small(x), _erfc_far), x.dtype)


def erfcx(x: Any) -> Any:
    """exp(x^2) erfc(x), without overflow for large x."""
    return np.asarray(_by_size(x, lambda x: np.exp(x * x) * (1 - _small(x)), _erfcx_far), x.dtype)
