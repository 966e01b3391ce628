"""Derivatives of a function of arrays by differences alone: estimates with their errors, and where there is none.

Central differences at steps that shrink from the scale of the point, each pair extrapolated, until they stay the same;
the pair that agrees best is taken. Where these do not settle the matter, `farther` and `closer` look at other scales.
A kink is where the derivatives on the two sides stay apart as the step shrinks.
Source: C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", 1982.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Array = np.ndarray
Function = Callable[[Array], Array]

FACTOR = 4.0  # from one step to the next
FIRST = 2.0**-5  # of the scale of a point
LAST = 2.0**-18  # of the point itself: half of its digits are left for the function's own
CLOSEST = 2.0**-46  # of the point: what `closer` ends at
MOST = 24
SURE = 0.1  # of a difference: with a larger error it contradicts nothing
SAME = 1e-8  # of a difference: how little the next step may change it to be the last
NEAR = 2.0**-15  # the step at which the two sides are compared
APART = 0.5  # of the gap between the sides must be left when the step is a sixteenth
STRAIGHT = 2.0  # times the gap that a curve leaves: a larger one is looked at
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


class Place:
    """A function around a point, along one element of it.

    function: from a vector to a vector. value: at the point. scale: how large the element is, or its like: what happens
    within this distance of the point is looked at before anything farther away.
    """

    __slots__ = ("at", "function", "point", "rounding", "scale", "value", "x")

    def __init__(
        self, function: Function, point: Array, at: int, value: Array, rounding: Rounding, scale: float
    ) -> None:
        self.function = function
        self.point = point
        self.at = at
        self.value = value
        self.rounding = rounding
        self.scale = scale
        self.x = float(point[at])

    def moved(self, to: float) -> Array:
        """The function where the element is `to`."""
        moved = self.point.copy()
        moved[self.at] = to
        return self.function(moved)

    @property
    def smallest(self) -> float:
        """The number that the smallest steps are relative to."""
        size = abs(self.x)
        return size if 0 < size < self.scale else max(self.scale, size)


class Central:
    """Central differences: the best, how far they may be off, how bent the function is, and whether they settled."""

    __slots__ = ("bend", "best", "error", "settled")

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.best = np.full(shape, np.nan)
        self.error = np.full(shape, np.inf)
        self.bend = np.zeros(shape)
        self.settled = False

    def take(self, better: Array, error: Array, smaller: bool) -> None:
        """Take estimates where they are more exact, or where they are from smaller steps and contradict the best."""
        chosen = error < self.error
        if smaller:
            chosen |= self.contradicted(better, error) & (error < SURE * np.abs(better))
        self.best, self.error = np.where(chosen, better, self.best), np.where(chosen, error, self.error)

    def contradicted(self, other: Array, error: Array) -> Array:
        """Where other estimates differ by more than the errors account for."""
        return np.asarray(np.abs(other - self.best) > 8 * (error + self.error))


def slopes(place: Place) -> Slopes:
    """The derivatives by one element, near the point, and on its two sides."""
    found = _central(place, steps(FIRST * max(place.scale, abs(place.x)), LAST * place.smallest))
    step = NEAR * max(1.0, abs(place.x))
    left, right = _one_sided(place, step)
    gap = np.abs(right - left)
    least = SMALLEST_GAP * np.maximum(np.abs(left), np.abs(right)) + 2 * place.rounding.noise(place.value) / step
    bent = (gap > STRAIGHT * step * found.bend) & (gap > least) | (np.isfinite(left) != np.isfinite(right))
    if found.settled and not np.any(bent):
        return Slopes(found.best, found.error, left, right, bent)
    return Slopes(found.best, found.error, *_sides(place))


def farther(place: Place) -> Central | None:
    """Estimates from steps beyond the scale of the point: for what is too flat to be seen near it."""
    if place.scale >= 1:
        return None
    return _central(place, steps(FIRST, LAST * place.scale))


def closer(place: Place) -> Central:
    """Estimates from steps that are small beside the point: for what changes within its own digits."""
    return _central(place, steps(LAST * place.smallest, CLOSEST * place.smallest), smaller=True)


def steps(first: float, last: float) -> list[float]:
    """The steps tried, the largest first."""
    found = [first]
    while found[-1] > last and len(found) < MOST:
        found.append(found[-1] / FACTOR)
    return found


def _central(place: Place, tried: list[float], smaller: bool = False) -> Central:
    """The best extrapolated differences.

    smaller: a smaller step that contradicts the best so far is taken, too: a wave seen at steps beyond its length
    looks as if it were flat.
    """
    rounding = place.rounding
    result = Central(rounding.level.shape)
    before: Array | None = None
    extrapolated: Array | None = None
    for step in tried:
        above, below = place.x + step, place.x - step
        if above == below:
            break
        high, low = place.moved(above), place.moved(below)
        found = (high - low) / (above - below)
        result.bend = np.abs((high - place.value) / (above - place.x) - (place.value - low) / (place.x - below)) / step
        if before is not None:
            better = (FACTOR**2 * found - before) / (FACTOR**2 - 1)
            change = np.abs(better - (found if extrapolated is None else extrapolated))
            noise = rounding.noise(high, low) / step
            result.take(better, np.where(np.isnan(change), np.inf, change + noise), smaller)
            if extrapolated is not None and np.all(change <= np.maximum(SAME * np.abs(better), noise)):
                result.settled = True
                break
            extrapolated = better
        before = found
    return result


def _one_sided(place: Place, step: float) -> tuple[Array, Array]:
    above, below = place.x + step, place.x - step
    right = (place.moved(above) - place.value) / (above - place.x)
    left = (place.value - place.moved(below)) / (place.x - below)
    return left, right


def _sides(place: Place) -> tuple[Array, Array, Array]:
    """The derivatives from the left and from the right, and whether they are apart.

    They have to be apart at another scale, too: near 0 at that of the point, since beside a pole they are not; at a
    large number at a smaller one, since a function may turn within its last digits.
    """
    size = abs(place.x)
    left, right, apart = _apart(place, NEAR * max(1.0, size))
    if 0 < size < 1 or size > 1:
        left, right, nearer = _apart(place, NEAR * (size if size < 1 else math.sqrt(size)))
        apart &= nearer
    return left, right, apart


def _apart(place: Place, step: float) -> tuple[Array, Array, Array]:
    left, right = _one_sided(place, step)
    before = np.abs(right - left)
    left, right = _one_sided(place, step / 16)
    gap = np.abs(right - left)
    least = 32 * place.rounding.noise(place.value) / (step / 16)
    scale = np.maximum(np.abs(left), np.abs(right))
    apart = (gap > APART * before) & (gap > SMALLEST_GAP * scale + least)
    return left, right, apart | (np.isfinite(left) != np.isfinite(right))
