"""Numbers that rules bring in as decimals, told by their digits: 2/sqrt(pi), log(2), pi/180.

`known` gives what a float is made of. A small fraction may stand before a constant or above it; the float has to be
that to its last digits, so a decimal that somebody typed is none.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

ROOTS = ((Fraction(1), 1), (Fraction(2), 0), (Fraction(2), 1), (Fraction(2), -1), (Fraction(3), 0))  # sqrt(r * pi**k)
LOGARITHMS = (2, 10)
LIMIT = 12  # of what stands before a constant, but for degrees
DEGREES = 180
ROUNDING = 4e-16
LARGEST, FEW = 4096, 64  # of the two numbers of a fraction under a root, both and the smaller one

Parts = tuple[Fraction, str, tuple[Fraction, int], int]  # a number, a kind, (r, k) of it, and the power 1 or -1


@cache
def _constants() -> list[tuple[float, str, tuple[Fraction, int]]]:
    found = [(math.pi, "pi", (Fraction(1), 1))]
    found += [(math.sqrt(r * Fraction(math.pi) ** k), "root", (r, k)) for r, k in ROOTS]
    found += [(math.log(n), "log", (Fraction(n), 0)) for n in LOGARITHMS]
    return [*found, (math.log(2 * math.pi), "log", (Fraction(2), 1))]


@cache
def known(value: float) -> Parts | None:
    """A float as a fraction times a constant or divided by one; None where it is an ordinary number."""
    if len(repr(abs(value)).replace(".", "").lstrip("0")) < 15 or value - value != 0:
        return None
    best = _root(value)
    for constant, kind, parts in _constants():
        for power, near in ((1, value / constant), (-1, value * constant)):
            factor = _simple(near)
            if factor is not None and (best is None or _size(factor) < _size(best[0])):
                best = factor, kind, parts, power
    return best


def _root(value: float) -> Parts | None:
    """sqrt(r), where r has few digits: 1/sqrt(5), as in attention."""
    square = Fraction(value) ** 2
    inside = square.limit_denominator(LARGEST)
    if not 0 < inside.numerator <= LARGEST or min(inside.numerator, inside.denominator) > FEW:
        return None
    if abs(inside - square) > 3 * Fraction(ROUNDING) * square:
        return None
    return Fraction(-1 if value < 0 else 1), "root", (inside, 0), 1


def _simple(near: float) -> Fraction | None:
    for limit in (LIMIT, DEGREES):
        factor = Fraction(near).limit_denominator(limit)
        small = abs(factor.numerator) <= LIMIT or (factor.denominator == 1 and abs(factor) == DEGREES)
        if factor and small and abs(factor - Fraction(near)) <= ROUNDING * abs(near):
            return factor if factor.denominator in (*range(1, LIMIT + 1), DEGREES) else None
    return None


def _size(factor: Fraction) -> int:
    return abs(factor.numerator) + factor.denominator


def extracted(factor: Fraction, inside: Fraction) -> tuple[Fraction, Fraction]:
    """factor * sqrt(inside) with the squares in front of the root, and the root above or below the line, not both."""
    above, below = math.isqrt(inside.numerator), math.isqrt(inside.denominator)
    if above**2 == inside.numerator:
        factor, inside = factor * above, inside / above**2
    if below**2 == inside.denominator:
        factor, inside = factor / below, inside * below**2
    for prime in (2, 3, 5, 7):
        p = Fraction(prime)
        while inside.numerator % prime**2 == 0:
            factor, inside = factor * p, inside / p**2
        while inside.denominator % prime**2 == 0:
            factor, inside = factor / p, inside * p**2
        if inside.denominator % prime == 0 and factor.numerator % prime == 0:
            factor, inside = factor / p, inside * p**2
        elif inside.numerator % prime == 0 and factor.denominator % prime == 0:
            factor, inside = factor * p, inside / p**2
    return factor, inside
