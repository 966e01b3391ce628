"""Fused multiply-adds against exact fractions, and the polynomials against the functions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from gradcli.ops.elementwise.multiplyadd import fused32, fused64, log32, sincos32

SINGLES = st.floats(-1e6, 1e6, width=32).filter(lambda x: x == 0 or abs(x) > 1e-12)
DOUBLES = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-12)


def rounded(exact: Fraction, bits: int) -> float:
    """An exact number to the nearest with so many bits, ties to even; neither overflow nor underflow."""
    if exact == 0:
        return 0.0
    exponent = math.frexp(float(exact))[1] - bits
    unit = Fraction(2) ** exponent
    return float(round(exact / unit) * unit)


@given(SINGLES, SINGLES, SINGLES)
@example(1 + 2.0**-12, 1 + 2.0**-12, 2.0**-60)
def test_single_precision_is_rounded_once(a: float, b: float, c: float) -> None:
    fused = fused32(np.array([a]), np.array([b]), np.array([c]))[0]
    assert fused == rounded(Fraction(a) * Fraction(b) + Fraction(c), 24)


@given(st.integers(2**23, 2**24 - 1), st.sampled_from([1, -1]), st.integers(-60, -40))
def test_half_way_cases_in_single_precision(fraction: int, sign: int, exponent: int) -> None:
    """a * b lies half-way between two singles; c, lost in double precision, decides."""
    a, b, c = float(2 * fraction + 1), 1.0, sign * 2.0**exponent
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    assert fused32(np.array([a]), b, c)[0] == rounded(exact, 24)


@given(DOUBLES, DOUBLES, DOUBLES)
@example(1 + 2.0**-52, 1 + 2.0**-52, -1.0)
@example(1 + 2.0**-27, 1 + 2.0**-27, 2.0**-110)
def test_double_precision_is_rounded_once(a: float, b: float, c: float) -> None:
    assert fused64(np.array([a]), b, c)[0] == rounded(Fraction(a) * Fraction(b) + Fraction(c), 53)


def test_the_sign_of_zero() -> None:
    assert math.copysign(1, fused64(np.array([-0.0]), 1.0, 0.0)[0]) == 1.0
    assert math.copysign(1, fused64(np.array([-0.0]), 1.0, -0.0)[0]) == -1.0


def test_logarithm() -> None:
    x = np.linspace(2**-24, 1, 10001, dtype=np.float32).astype(np.float64)
    np.testing.assert_allclose(log32(x), np.log(x), rtol=3e-7, atol=1e-7)
    assert log32(np.array([1.0]))[0] == 0.0


def test_sine_and_cosine() -> None:
    x = np.linspace(0, 2 * np.pi, 10001, dtype=np.float32).astype(np.float64)
    sine, cosine = sincos32(x)
    np.testing.assert_allclose(sine, np.sin(x), atol=2e-7)
    np.testing.assert_allclose(cosine, np.cos(x), atol=2e-7)
