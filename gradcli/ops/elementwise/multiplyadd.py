"""Fused multiply-adds, and the logarithm, sine and cosine in single precision that are built from them.

PyTorch's vector code rounds `a * b + c` once. numpy has no such operation, so it is made here from double precision,
exactly. The random numbers need it to give the same random numbers to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Single = np.ndarray[Any, np.dtype[np.float32]]
    Double = np.ndarray[Any, np.dtype[np.float64]]

LOW_BITS = np.int64((1 << 29) - 1)  # the bits of a double's fraction that a single has not
HALF_WAY = np.int64(1 << 28)


def fused32(a: Double, b: Double | float, c: Double | float) -> Double:
    """a * b + c rounded once to single precision. All numbers are singles, held as doubles.

    The product of two singles is exact in double precision, the sum is not: where it falls half-way between two
    singles, what the sum lost decides, so there it is moved towards the exact value before the second rounding.
    """
    product = a * b
    total = product + c
    half_way = (total.view(np.int64) & LOW_BITS) == HALF_WAY
    if half_way.any():
        lost = sum_error(product, c, total)
        towards = np.where(lost > 0, np.inf, -np.inf)
        total = np.where(half_way & (lost != 0), np.nextafter(total, towards), total)
    return single(total)


def single(x: Double) -> Double:
    """Round to single precision, still held as doubles."""
    return x.astype(np.float32).astype(np.float64)


def sum_error(a: Double | float, b: Double | float, total: Double) -> Double:
    """What a + b lost when it was rounded to total. Source: Knuth's TwoSum."""
    part = total - a
    return (a - (total - part)) + (b - part)


def product_error(a: Double | float, b: Double | float, product: Double) -> Double:
    """What a * b lost when it was rounded to product. Source: Dekker 1971, with Veltkamp's splitting."""
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    return a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


def _split(x: Double | float) -> tuple[Double | float, Double | float]:
    scaled = 134217729.0 * x  # 2^27 + 1
    high = scaled - (scaled - x)
    return high, x - high


def fused64(a: Double, b: float, c: float) -> Double:
    """a * b + c rounded once to double precision.

    Source: S. Boldo and G. Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding
    to odd", 2008.
    """
    if c == 0.0 or b == 1.0:  # one rounding as it is
        return a * b + c
    product = a * b
    product_low = product_error(a, b, product)
    low = c + product_low
    low_lost = sum_error(c, product_low, low)
    high = product + low
    high_lost = sum_error(product, low, high)
    return np.asarray(high + _sum_to_odd(low_lost, high_lost))


def _sum_to_odd(a: Double, b: Double) -> Double:
    """a + b, rounded to the neighbour with the odd fraction where it is not exact."""
    total = np.asarray(a + b)
    lost = sum_error(a, b, total)
    even = (total.view(np.int64) & 1) == 0
    moved = np.nextafter(total, np.where(lost > 0, np.inf, -np.inf))
    return np.where(even & (lost != 0), moved, total)


def _singles(*numbers: float) -> list[float]:
    return [float(np.float32(number)) for number in numbers]


# Coefficients of S. Moshier's Cephes library (logf.c, sinf.c, cosf.c), rounded to single precision.
LOG_POLYNOMIAL = _singles(
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
LOG_2_LOW, LOG_2_HIGH = _singles(-2.12194440e-4, 0.693359375)
SQRT_HALF, FOUR_OVER_PI = _singles(0.707106781186547524, 1.27323954473516)
SIN_POLYNOMIAL = _singles(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
COS_POLYNOMIAL = _singles(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
MINUS_PI_4 = _singles(-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)  # in three parts


def _horner(coefficients: list[float], x: Double) -> Double:
    value = fused32(x, coefficients[0], coefficients[1])
    for coefficient in coefficients[2:]:
        value = fused32(value, x, coefficient)
    return value


def log32(x: Double) -> Double:
    """The natural logarithm of singles in (0, 1], as PyTorch's AVX2 code computes it.

    Source: Cephes logf in the order of avx_mathfun (J. Pommier, G. Garberoglio), compiled with fused multiply-adds.
    """
    fraction, exponent = np.frexp(x)
    low = fraction < SQRT_HALF
    e = exponent - low.astype(np.float64)
    x = single(np.where(low, fraction + fraction, fraction) - 1.0)
    z = single(x * x)
    y = single(_horner(LOG_POLYNOMIAL, x) * x)
    y = fused32(y, z, single(e * LOG_2_LOW))
    y = single(y - 0.5 * z)
    return single(single(x + y) + e * LOG_2_HIGH)


def sincos32(x: Double) -> tuple[Double, Double]:
    """The sine and cosine of singles in [0, 8192), as PyTorch's AVX2 code computes them.

    Source: Cephes sinf and cosf in the order of avx_mathfun (J. Pommier, G. Garberoglio), with fused multiply-adds.
    """
    octant = (single(x * FOUR_OVER_PI).astype(np.int64) + 1) & ~1
    y = octant.astype(np.float64)
    for part in MINUS_PI_4:
        x = fused32(y, part, x)
    z = single(x * x)
    cosine = single(_horner(COS_POLYNOMIAL, z) * z)
    cosine = single(fused32(cosine, z, -0.5 * z) + 1.0)
    sine = single(_horner(SIN_POLYNOMIAL, z) * z)
    sine = fused32(sine, x, x)
    straight = (octant & 2) == 0
    sine_sign = np.where(octant & 4, -1.0, 1.0)
    cosine_sign = np.where((octant + 2) & 4, -1.0, 1.0)
    return np.where(straight, sine, cosine) * sine_sign, np.where(straight, cosine, sine) * cosine_sign
