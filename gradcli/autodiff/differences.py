"""Derivatives of a function of arrays by differences alone: estimates with their errors, and where there is none.

The step is chosen for each element: central differences at steps that shrink from the scale of the point to its last
digits, each pair extrapolated, and the pair that agrees best is taken. A kink is where the derivatives on the two sides
stay apart as the step shrinks.
Source: C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", 1982.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray
Function = Callable[[Array], Array]

FACTOR = 4.0  # from one step to the next
FIRST = 2.0**-5  # of the scale of a point
LAST = 2.0**-18  # of the point itself: half of its digits are left for the function's own
MOST = 24
SURE = 1e-4  # of a difference: with a larger error steps beyond the scale of the point are tried
NEAR = 2.0**-15  # the step at which the two sides are compared
APART = 0.5  # of the gap between the sides must be left when the step is a sixteenth
SMALLEST_GAP = 1e-5  # of the derivatives on the sides: less is rounding


class Slopes:
    """The derivatives of a function by one element of its argument, for each element of its value.

    estimate, error: by central differences, and how far these may be off. left, right: on the two sides.
    kink: where these are apart.
    """

    __slots__ = ("error", "estimate", "kink", "left", "right")

    def __init__(self, estimate: Array, error: Array, left: Array, right: Array, kink: Array) -> None:
        self.estimate = estimate
        self.error = error
        self.left = left
        self.right = right
        self.kink = kink


class Rounding:
    """How exact a function is. epsilon: of its precision. level: how large the numbers are that it is computed from."""

    __slots__ = ("epsilon", "level")

    def __init__(self, epsilon: float, level: Array) -> None:
        self.epsilon = epsilon
        self.level = level

    def noise(self, *values: Array) -> Array:
        """How far rounding may put values off."""
        largest = self.level
        for value in values:
            largest = np.maximum(largest, np.abs(value))
        return self.epsilon * largest


def slopes(function: Function, point: Array, at: int, value: Array, rounding: Rounding, scale: float) -> Slopes:
    """The derivatives by one element.

    function: from a vector to a vector. value: the function at the point. scale: how large the element is,
    or its like: what happens within this distance of the point is looked at before anything farther away.
    """
    x = float(point[at])
    estimate, error = _central(function, point, at, rounding, steps(x, scale))
    unsure = ~(error <= SURE * np.abs(estimate))
    if scale < 1 and np.any(unsure):
        farther, coarse = _central(function, point, at, rounding, steps(scale, 1.0))
        better = unsure & (coarse < error) & (np.abs(farther - estimate) <= 8 * error)
        estimate, error = np.where(better, farther, estimate), np.where(better, coarse, error)
    left, right, kink = _sides(function, point, at, value, rounding)
    return Slopes(estimate, error, left, right, kink)


def _moved(function: Function, point: Array, at: int, to: float) -> Array:
    moved = point.copy()
    moved[at] = to
    return function(moved)


def steps(x: float, scale: float) -> list[float]:
    """The steps tried at a number, the largest first."""
    step = FIRST * max(scale, abs(x))
    last = LAST * (abs(x) if 0 < abs(x) < scale else max(scale, abs(x)))
    found = [step]
    while step > last and len(found) < MOST:
        step /= FACTOR
        found.append(step)
    return found


def _central(function: Function, point: Array, at: int, rounding: Rounding, tried: list[float]) -> tuple[Array, Array]:
    """The best extrapolated difference for each element of the value, and its error."""
    x = float(point[at])
    best = np.full(rounding.level.shape, np.nan)
    least = np.full(rounding.level.shape, np.inf)
    before: Array | None = None
    for step in tried:
        above, below = x + step, x - step
        high, low = _moved(function, point, at, above), _moved(function, point, at, below)
        found = (high - low) / (above - below)
        if before is not None:
            better = (FACTOR**2 * found - before) / (FACTOR**2 - 1)
            error = np.abs(better - found) + rounding.noise(high, low) / step
            error = np.where(np.isnan(error), np.inf, error)
            chosen = error < least
            best, least = np.where(chosen, better, best), np.where(chosen, error, least)
        before = found
    return best, least


def _sides(function: Function, point: Array, at: int, value: Array, rounding: Rounding) -> tuple[Array, Array, Array]:
    """The derivatives from the left and from the right, and whether they are apart.

    Near 0 they have to be apart at the scale of the point, too: beside a pole they are not.
    """
    x = float(point[at])
    left, right, apart = _apart(function, point, at, value, rounding, NEAR * max(1.0, abs(x)))
    if 0 < abs(x) < 1 and np.any(apart):
        left, right, nearer = _apart(function, point, at, value, rounding, NEAR * abs(x))
        apart &= nearer
    return left, right, apart


def _apart(
    function: Function, point: Array, at: int, value: Array, rounding: Rounding, step: float
) -> tuple[Array, Array, Array]:
    x = float(point[at])
    gaps = []
    for size in (step, step / 16):
        right = (_moved(function, point, at, x + size) - value) / ((x + size) - x)
        left = (value - _moved(function, point, at, x - size)) / (x - (x - size))
        gaps.append(np.abs(right - left))
    least = 32 * rounding.noise(value) / (step / 16)
    scale = np.maximum(np.abs(left), np.abs(right))
    apart = (gaps[1] > APART * gaps[0]) & (gaps[1] > SMALLEST_GAP * scale + least)
    return left, right, apart | (np.isfinite(left) != np.isfinite(right))
