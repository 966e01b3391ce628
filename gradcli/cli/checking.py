"""The derivatives of a program against finite differences: what `gradcli check` finds, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.autodiff.differences import (
    SURE,
    Place,
    Rounding,
    Slopes,
    averaged,
    closer,
    everywhere,
    farther,
    jumps,
    lasting,
    slopes,
)
from gradcli.cli.blocks import Part
from gradcli.cli.checked import Checked, Differentiable, flat, largest_on_the_way
from gradcli.errors import GradError
from gradcli.graph.walk import ancestors
from gradcli.language.tensors.tensor import Tensor

Array = np.ndarray[Any, Any]

CLOSE = 1e-6  # of a derivative: how far a difference may be from it; a rule that is wrong by 1.001 is far outside
LOOSE = 1e-4  # of the largest derivative: beyond this no estimated error excuses a difference
APART = 1e-3  # of these derivatives: what is apart by less only changes smoothly
AT_KINK = 1e-6  # how near a point has to be to a kink that an op declares


class Row:
    """One comparison: the derivative of `of` by `element`, and what differences give.

    verdict: ok, mismatch, kink (the two sides differ), undefined (the function is not finite around the point),
    unclear (rounding hides the difference), or not finite (the derivative is not, and the difference is).
    around: whether left and right are the least and the largest derivative around the point, not those on the sides.
    """

    __slots__ = (
        "around",
        "derivative",
        "difference",
        "element",
        "error",
        "left",
        "of",
        "order",
        "right",
        "variable",
        "verdict",
    )

    def __init__(self, order: int, variable: str, element: str, of: str, derivative: float, difference: float) -> None:
        self.order = order
        self.variable = variable
        self.element = element
        self.of = of
        self.derivative = derivative + 0.0  # -0 is 0
        self.difference = difference + 0.0
        size = max(abs(derivative), abs(difference))
        self.error = abs(derivative - difference) / size if size else 0.0
        self.verdict = "ok"
        self.left: float | None = None
        self.right: float | None = None
        self.around = False


class Findings:
    """All rows of a check, the kinks that ops declare at the point, and remarks."""

    __slots__ = ("kinks", "notes", "rows")

    def __init__(self, rows: list[Row], kinks: list[str], notes: list[str]) -> None:
        self.rows = rows
        self.kinks = kinks
        self.notes = notes

    def count(self, verdict: str) -> int:
        """How many rows have a verdict."""
        return sum(row.verdict == verdict for row in self.rows)

    @property
    def failed(self) -> bool:
        """Whether a derivative does not agree."""
        return self.count("mismatch") + self.count("not finite") > 0


def check_elements(checked: Checked, names: list[str], order: int) -> Findings:
    """Compare derivatives up to an order by each element. names: what the outputs are called."""
    found, outputs = checked.jacobian(checked.point)
    epsilon = max(float(np.finfo(output.dtype.numpy).eps) for output in outputs)
    notes = []
    if epsilon > 1e-10:
        notes.append("the expression computes in less than float64, so the differences are coarse")
    kinks = declared_kinks(outputs)
    value = flat([output.numpy() for output in outputs])
    labels = [label for name, y in zip(names, outputs, strict=False) for label in Part(name, tuple(y.shape)).labels()]
    level = flat([np.full(y.node.size, largest_on_the_way(y.node)) for y in outputs])
    shown = [""] if len(labels) == 1 else labels
    rows = Comparison(1, checked, checked.values, found, value, Rounding(epsilon, level)).rows(shown)
    bent = {row.element for row in rows if row.verdict in ("kink", "undefined")}
    if order == 1:
        return Findings(rows, kinks, notes)
    try:
        second, level = checked.hessian(checked.point)
        value = checked.gradient(checked.point)
        elements = [label for _, label in checked.elements()]
        again = Comparison(2, checked, checked.gradient, second, value, Rounding(epsilon, level)).rows(elements)
        rows += [row for row in again if row.element not in bent and row.of not in bent]
    except GradError as error:
        notes.append(f"second derivatives are not checked: {error.message}")
    return Findings(rows, kinks, notes)


class Comparison:
    """The derivatives of one order beside differences.

    found: (elements of the function's value, elements of the variables). value: the function at the point.
    """

    def __init__(
        self, order: int, checked: Differentiable, function: Any, found: Array, value: Array, rounding: Rounding
    ) -> None:
        self.order = order
        self.checked = checked
        self.function = function
        self.found = found
        self.value = value
        self.rounding = rounding
        self.close = max(CLOSE, 64 * rounding.epsilon)
        self.unsteady = np.zeros(value.shape, bool)
        self.noise: Array | None = None
        self.levels = np.full(value.shape, np.nan)
        self.others: list[tuple[Array, Array]] | None = None

    def rows(self, labels: list[str]) -> list[Row]:
        """A row for each derivative. labels: of the elements of the function's value."""
        rows: list[Row] = []
        scale = self.checked.scale
        for at, (name, element) in enumerate(self.checked.elements()):
            with np.errstate(all="ignore"):
                place = Place(self.function, self.checked.point, at, self.value, self.rounding, float(scale[at]))
                seen = slopes(place)
                agreed = self._settled(place, seen)
            derivatives, differences = self.found[:, at].tolist(), seen.estimate.tolist()
            own = [
                Row(self.order, name, element, of, derivative, difference)
                for of, derivative, difference in zip(labels, derivatives, differences, strict=True)
            ]
            self._judge(own, at, seen, agreed)
            rows += own
        return rows

    def _settled(self, place: Place, seen: Slopes) -> Array:
        """Where differences agree with the derivatives, at the scale of the point or else at another.

        Estimates that are more exact, and agree or are no news, take the place of those that do not; closer ones that
        contradict them do in any case.
        """
        for look in (farther, closer):
            firm = self._agreeing(place.at, seen.estimate) | self._vanishing(place.at, seen)
            other = None if np.all(firm) else look(place)
            if other is None:
                continue
            exact, contradicted = other.error < seen.error, other.contradicted(seen.estimate, seen.error)
            if look is farther:
                known = (seen.error < SURE * np.abs(seen.estimate)) & ~contradicted
                taken = exact & (known | self._agreeing(place.at, other.best, other.error))
            else:
                taken = exact | contradicted
            seen.take(other, taken & ~firm)
        doubtful = ~self._agreeing(place.at, seen.estimate) & np.isfinite(self.found[:, place.at])
        if np.any(doubtful):
            seen.take(everywhere(place, doubtful, self._levels(doubtful)), doubtful)
        if np.any(seen.kink):
            seen.kink = lasting(place, seen)
        agreed = self._agreeing(place.at, seen.estimate, seen.error)
        if not np.all(agreed):
            seen.jump = jumps(place)
            self.unsteady = self._unsteady(place, seen, doubtful & ~agreed)
        return agreed

    def _unsteady(self, place: Place, seen: Slopes, asked: Array) -> Array:
        """Where the derivative changes so much over the reach of a difference that this need not be the same."""
        found, off = self.found[:, place.at], np.abs(self.found[:, place.at] - seen.estimate)
        unsteady = np.zeros(asked.shape, bool)

        def derivative(x: float) -> Array:
            moved = self.checked.point.copy()
            moved[place.at] = x
            return self.checked.column(self.order, moved, place.at, asked)

        for reach in np.unique(seen.reach[asked]):
            change = np.abs(averaged(derivative, place.x, float(reach)) - found)
            unsteady |= (seen.reach == reach) & ~(change < off / 2)
        return unsteady

    def _levels(self, asked: Array) -> Array:
        """The levels of those outputs that are asked for."""
        for index in np.flatnonzero(asked & np.isnan(self.levels)):
            self.levels[index] = self.checked.level(self.order, int(index))
        return np.where(asked, self.levels, 0.0)

    def _slack(self, at: int) -> Array:
        """How much more an estimated error may excuse."""
        column = self.found[:, at]
        largest = float(np.max(np.abs(column), where=np.isfinite(column), initial=0.0))
        return LOOSE * largest + 1e-9 * np.maximum(np.abs(self.value), 1.0)

    def _agreeing(self, at: int, estimate: Array, error: Array | float = 0.0) -> Array:
        """Where estimates agree with the derivatives, as far as their errors can tell."""
        found, slack = self.found[:, at], self._slack(at)
        size = np.maximum(np.abs(found), np.abs(estimate))
        allowed = np.maximum(self.close * size, np.minimum(8 * error, slack))
        return np.asarray(np.abs(found - estimate) <= allowed)

    def _vanishing(self, at: int, seen: Slopes) -> Array:
        """Where both are so small that they may be what rounding leaves of 0."""
        size = np.maximum(np.abs(self.found[:, at]), np.abs(seen.estimate))
        return np.asarray(size <= np.minimum(8 * seen.error, self._slack(at)))

    def _judge(self, rows: list[Row], at: int, seen: Slopes, agreed: Array) -> None:
        """Say what the rows of one element show."""
        slack = self._slack(at)
        whole = bool(np.all(np.isfinite(seen.estimate) & (np.isfinite(self.found[:, at]) | ~seen.kink)))
        for index, row in enumerate(rows):
            if agreed[index] and row.error > self.close:
                small = max(abs(row.derivative), abs(row.difference)) <= slack[index]
                row.error = 0.0 if small else row.error
                row.verdict = "ok" if row.error <= LOOSE else "unclear"
            if not agreed[index]:
                row.verdict = self._verdict(row, index, at, seen)
            elif seen.kink[index] and self.order == 1 and self._between(row, index, seen):
                row.verdict = "kink"
            if not whole and not np.isfinite(row.derivative):  # nan spreads from one output to the others
                row.verdict = "undefined"

    def _verdict(self, row: Row, index: int, at: int, seen: Slopes) -> str:
        kink = bool(seen.kink[index])
        if kink and self._between(row, index, seen):
            return "kink"
        if not np.isfinite(self.value[index]) or not (kink or np.isfinite(row.difference)):
            return "undefined"
        if not np.isfinite(row.derivative):
            return "not finite"
        off = abs(row.derivative - row.difference)
        if off <= 16 * self._noise()[index, at]:
            still = row.difference == 0 and seen.error[index] < off <= self._slack(at)[index]
            row.error = 0.0 if still else row.error  # the function does not move: the derivative is what rounding left
            return "ok" if still else "unclear"
        if seen.jump[index]:
            row.left, row.right = float(seen.left[index]), float(seen.right[index])
            return "kink"
        if not kink and off <= 8 * seen.error[index]:
            return "unclear"
        if self._between_others(row, index, at):
            return "kink"
        return "unclear" if self.unsteady[index] and not kink else "mismatch"

    def _between(self, row: Row, index: int, seen: Slopes) -> bool:
        """Whether a derivative is one of those on the two sides, or between them."""
        left, right = row.left, row.right = float(seen.left[index]), float(seen.right[index])
        margin = 1e-4 * abs(left - right)
        inside = min(left, right) - margin <= row.derivative <= max(left, right) + margin
        return inside or not np.isfinite(left + right)

    def _between_others(self, row: Row, index: int, at: int) -> bool:
        """Whether the derivatives around the point are apart, however near, and those of the row between them.

        So it is where several elements are tied: a median is the same when one of them moves.
        """
        if self.others is None:
            self.others = self.checked.around(self.order)
        for low, high in self.others:
            least, most = low[index, at], high[index, at]
            margin = APART * (most - least)
            inside = all(least - margin <= x <= most + margin for x in (row.derivative, row.difference))
            if not inside or not margin > APART**2 * max(abs(least), abs(most)):
                return False
        row.left, row.right, row.around = float(least), float(most), True
        return True

    def _noise(self) -> Array:
        """How far rounding puts the derivatives off; asked only where one does not agree."""
        if self.noise is None:
            self.noise = self.checked.noise(self.order)
        return self.noise


def declared_kinks(outputs: list[Tensor]) -> list[str]:
    """The kinks that ops declare and an element sits on: `relu at 0`."""
    found: dict[str, None] = {}
    for node in ancestors([output.node for output in outputs], lambda node: node.requires_grad):
        if node.op.kinks and node.inputs:
            at = node.inputs[0].value
            for point, _ in node.op.kinks:
                if at is not None and np.any(np.abs(at - point) <= AT_KINK * max(1.0, abs(point))):
                    found[f"{node.op.shown} at {point:g}"] = None
    return list(found)
