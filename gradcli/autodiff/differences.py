"""Derivatives of a function of arrays by differences alone: estimates with their errors, and where there is none.

Central differences at steps that shrink from the scale of the point, each pair extrapolated, until they stay the same;
the pair that agrees best is taken. Where these do not settle the matter, `farther` and `closer` look at other scales,
and `everywhere` at all of them, with the rounding that is seen.
A kink is where the derivatives on the two sides stay apart as the step shrinks, a jump where they grow without end.
Source: C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", 1982; J. Moré and S. Wild, "Estimating
computational noise", 2011.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

Array = np.ndarray
Function = Callable[[Array], Array]
Derivative = Callable[[float], Array]

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
JUMPS = (2.0**-15, 2.0**-25, 2.0**-35)  # of the point: steps at which slopes that grow are a jump
NEIGHBOURS = 8  # points beside each other that show rounding
TIMES = 3  # distances
WIDEST = 2.0**-26  # of the point: the largest


class Slopes:
    """The derivatives of a function by one element of its argument, for each element of its value.

    estimate, error: by central differences, and how far these may be off. left, right: on the two sides.
    kink: where these are apart at a step of such a size. jump: where a slope has no end. reach: how far from the point
    an estimate looked; both are known when the rest does not agree.
    """

    __slots__ = ("error", "estimate", "jump", "kink", "left", "reach", "right", "step")

    def __init__(
        self, estimate: Array, error: Array, left: Array, right: Array, kink: Array, step: float = math.inf
    ) -> None:
        self.estimate = estimate
        self.error = error
        self.left = left
        self.right = right
        self.kink = kink
        self.step = step
        self.jump = np.zeros(kink.shape, bool)
        self.reach = np.zeros(kink.shape)

    def take(self, other: Central, where: Array) -> None:
        """Other estimates, and their errors, in some places."""
        self.estimate = np.where(where, other.best, self.estimate)
        self.error = np.where(where, other.error, self.error)
        self.reach = np.where(where, other.reach, self.reach)


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
    """Central differences: the best, how far they may be off, how far from the point they look, how bent the function
    is, and whether they settled.
    """

    __slots__ = ("bend", "best", "error", "reach", "settled")

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.best = np.full(shape, np.nan)
        self.error = np.full(shape, np.inf)
        self.bend = np.zeros(shape)
        self.reach = np.zeros(shape)
        self.settled = False

    def take(self, better: Array, error: Array, step: float, where: Array | bool = False) -> None:
        """Take estimates where they are more exact, and in other places that are given."""
        chosen = (error < self.error) | where
        self.reach = np.where(chosen, step, self.reach)
        self.best, self.error = np.where(chosen, better, self.best), np.where(chosen, error, self.error)

    def contradicted(self, other: Array, error: Array | float) -> Array:
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
    return _thoroughly(place, steps(LAST * place.smallest, CLOSEST * place.smallest))


def everywhere(place: Place, asked: Array, level: Array) -> Central:
    """Estimates from steps of every size, their errors by the rounding of single outputs.

    asked: for which of the outputs. level: how large the numbers are that each is computed from.
    """
    epsilon = place.rounding.epsilon
    rounding = Rounding(epsilon, np.maximum(level, seen_rounding(place, asked) / epsilon))
    again = Place(place.function, place.point, place.at, place.value, rounding, place.scale)
    first, last = FIRST * max(1.0, place.scale, abs(place.x)), CLOSEST * place.smallest
    return _thoroughly(again, steps(first, last))


def seen_rounding(place: Place, asked: Array) -> Array:
    """How far rounding puts values off: what fourth differences leave of neighbours that are not all the same.

    The most of several distances, since at one they may move in step; 0 where they are all the same.
    """
    found, seen = np.zeros(asked.shape), np.zeros(asked.shape, int)
    spacing = CLOSEST * place.smallest
    while np.any(asked & (seen < TIMES)) and spacing <= WIDEST * place.smallest < np.inf:
        values = np.stack([place.moved(place.x + at * spacing) for at in range(NEIGHBOURS)])
        known = (seen < TIMES) & (np.count_nonzero(np.diff(values, axis=0), axis=0) >= NEIGHBOURS // 2)
        noise = np.sqrt(np.mean(np.diff(values, 4, axis=0) ** 2, axis=0) / 70)
        found = np.where(known, np.maximum(found, noise), found)
        seen += known
        spacing *= FACTOR**2
    return np.where(np.isnan(found), np.inf, found)


def lasting(place: Place, seen: Slopes) -> Array:
    """Of the kinks those that are there from as near as rounding lets one look."""
    gap, noise = np.abs(seen.right - seen.left), seen_rounding(place, seen.kink)
    noise = np.where(noise == 0, place.rounding.noise(place.value), noise)
    finite = seen.kink & np.isfinite(gap)
    visible = float(np.max(64 * noise / (APART * gap), where=finite, initial=4 * CLOSEST * place.smallest))
    step = min(visible, seen.step)
    left, right = _one_sided(place, step)
    lasts = (np.abs(right - left) > APART * gap) & (gap > 64 * noise / step)
    kink: Array = seen.kink & (lasts | ~finite)
    return kink


def jumps(place: Place) -> Array:
    """Where the slope on a side grows as long as the step shrinks: at a jump, or where the function is vertical."""
    before: Array | None = None
    steep = np.ones(place.value.shape, bool)
    for part in JUMPS:
        step = part * place.smallest
        slope = np.maximum(*np.abs(_one_sided(place, step)))
        steep &= slope > 32 * place.rounding.noise(place.value) / step
        if before is not None:
            steep &= slope > 8 * before
        before = slope
    return steep


def steps(first: float, last: float) -> list[float]:
    """The steps tried, the largest first."""
    found = [first]
    while found[-1] > last and len(found) < MOST:
        found.append(found[-1] / FACTOR)
    return found


def _central(place: Place, tried: list[float]) -> Central:
    """The best extrapolated differences, until they stay the same."""
    result = Central(place.value.shape)
    for at, (step, better, change, noise, result.bend) in enumerate(_extrapolated(place, tried)):
        result.take(better, change + noise, step)
        if at and np.all(change <= np.maximum(SAME * np.abs(better), noise)):
            result.settled = True
            break
    return result


def _thoroughly(place: Place, tried: list[float]) -> Central:
    """The best extrapolated differences of all steps, each with its neighbours.

    Smaller steps that contradict the best so far are taken, too: a wave seen at steps beyond its length looks as if it
    were flat. There one step may agree with the next by chance, so it has to agree with two.
    """
    result = Central(place.value.shape)
    for (step, better, change, noise, _), (_, _, after, _, _) in pairwise(_extrapolated(place, tried)):
        error = np.maximum(change, after) + noise
        result.take(better, error, step, result.contradicted(better, error))
    return result


def _extrapolated(place: Place, tried: list[float]) -> Iterator[tuple[float, Array, Array, Array, Array]]:
    """The steps, extrapolated differences, what the step before changed and rounding may change, how bent it is."""
    before: Array | None = None
    extrapolated: Array | None = None
    for step in tried:
        above, below = place.x + step, place.x - step
        if above == below:
            break
        high, low = place.moved(above), place.moved(below)
        found = (high - low) / (above - below)
        if before is not None:
            better = (FACTOR**2 * found - before) / (FACTOR**2 - 1)
            change = np.abs(better - (found if extrapolated is None else extrapolated))
            bend = np.abs((high - place.value) / (above - place.x) - (place.value - low) / (place.x - below)) / step
            noise = place.rounding.noise(high, low) / step
            yield step, better, np.where(np.isnan(change), np.inf, change), noise, bend
            extrapolated = better
        before = found


def averaged(derivative: Derivative, x: float, step: float) -> Array:
    """What an extrapolated difference of that step would be by a derivative: its averages over what the steps span.

    Where the derivative is not nearly a polynomial there it is anything.
    """
    places, weights = np.polynomial.legendre.leggauss(5)
    near, far = (
        np.average([derivative(x + place * span) for place in places], axis=0, weights=weights)
        for span in (step, FACTOR * step)
    )
    average: Array = (FACTOR**2 * near - far) / (FACTOR**2 - 1)
    return average


def _one_sided(place: Place, step: float) -> tuple[Array, Array]:
    above, below = place.x + step, place.x - step
    right = (place.moved(above) - place.value) / (above - place.x)
    left = (place.value - place.moved(below)) / (place.x - below)
    return left, right


def _sides(place: Place) -> tuple[Array, Array, Array, float]:
    """The derivatives from the left and from the right, whether they are apart, and at which step.

    They have to be apart at another scale, too: near 0 at that of the point, since beside a pole they are not; at a
    large number at a smaller one, since a function may turn within its last digits.
    """
    size = abs(place.x)
    step = NEAR * max(1.0, size)
    left, right, apart = _apart(place, step)
    if 0 < size < 1 or size > 1:
        step = NEAR * (size if size < 1 else math.sqrt(size))
        left, right, nearer = _apart(place, step)
        apart &= nearer
    return left, right, apart, step / 16


def _apart(place: Place, step: float) -> tuple[Array, Array, Array]:
    left, right = _one_sided(place, step)
    before = np.abs(right - left)
    left, right = _one_sided(place, step / 16)
    gap = np.abs(right - left)
    least = 32 * place.rounding.noise(place.value) / (step / 16)
    scale = np.maximum(np.abs(left), np.abs(right))
    apart = (gap > APART * before) & (gap > SMALLEST_GAP * scale + least)
    return left, right, apart | (np.isfinite(left) != np.isfinite(right))
