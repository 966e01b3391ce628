"""Checks of many derivatives: along directions that move blocks of elements, and element by element where they fail.

A direction moves each element of a block by its own size, up or down by chance, so that no sum of wrong derivatives
is likely to be right. Many outputs are added up in blocks, too. A block that does not agree is taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcli.autodiff.differences import Rounding
from gradcli.cli.blocks import Part
from gradcli.cli.checked import SPACING, Block, Checked, Differentiable
from gradcli.cli.checking import Comparison, Findings, Row, check_elements, declared_kinks
from gradcli.errors import GradError

Array = np.ndarray[Any, Any]

MANY = 300_000  # derivatives: more are not looked at one by one
BLOCKS = 32  # of the variables, and of the outputs
PARTS = 16  # of a block that fails
FAILING = 3  # blocks that are taken apart at once; of more, the first
WRONG = ("mismatch", "not finite")


class Named(Block):
    """A block of a variable or an output, and what it is called: `x[3]`, or `x[0] to x[99]`."""

    __slots__ = ("label", "part", "variable")

    def __init__(self, part: Part, before: int, inside: range, weights: Array) -> None:
        """before: elements in front of this variable. inside: which of it."""
        super().__init__(np.arange(before + inside.start, before + inside.stop), weights)
        first, last = (part.label(np.unravel_index(at, part.shape)) for at in (inside[0], inside[-1]))
        self.variable = part.name
        self.part = part, before, inside
        self.label = first if len(inside) == 1 else f"{first} to {last}"

    def apart(self, count: int) -> Iterator[Named]:
        """About so many blocks of fewer elements."""
        part, before, inside = self.part
        length = -(-len(inside) // count)
        for at in range(0, len(inside), length):
            yield Named(part, before, inside[at : at + length], self.weights[at : at + length])


def blocks_of(parts: Sequence[Part], weights: Array) -> list[Named]:
    """About BLOCKS blocks of some variables or outputs; each in its own where these are few."""
    found: list[Named] = []
    before = 0
    for part in parts:
        own = weights[before : before + part.size]
        if part.size:
            count = max(1, -(-BLOCKS * part.size // weights.size)) if weights.size > BLOCKS else part.size
            found += Named(part, before, range(part.size), own).apart(count)
        before += part.size
    return found


class Probe(Differentiable):
    """A function of how far a point is moved along the directions of blocks; its value are sums of the outputs."""

    def __init__(self, checked: Checked, directions: Sequence[Named], sums: Sequence[Block]) -> None:
        self.checked = checked
        self.directions = directions
        self.sums = sums
        self.point = np.zeros(len(directions))
        self.scale = np.ones(len(directions))

    def elements(self) -> list[tuple[str, str]]:
        """The variable and the label of each block."""
        return [(block.variable, block.label) for block in self.directions]

    def there(self, point: Array) -> Array:
        """The point that is moved, in all its elements."""
        moved = self.checked.point.copy()
        for block, far in zip(self.directions, point, strict=True):
            moved[block.indices] += far * block.weights
        return moved

    def totals(self, order: int) -> Sequence[Block]:
        """What is added up: outputs, or elements of the gradient."""
        return self.sums if order == 1 else self.directions

    def function(self, order: int, point: Array) -> Array:
        """The sums of the outputs, or of the gradient."""
        vector = (self.checked.values if order == 1 else self.checked.gradient)(self.there(point))
        return np.array([block.total(vector) for block in self.totals(order)])

    def derivatives(self, order: int, point: Array) -> Array:
        """As in `Differentiable`."""
        rows = self.checked.products(order, self.there(point), self.totals(order))
        return np.array([[block.total(row) for block in self.directions] for row in rows])

    def column(self, order: int, point: Array, at: int, asked: Array) -> Array:
        """As in `Differentiable`."""
        places = np.flatnonzero(asked)
        rows = self.checked.products(order, self.there(point), [self.totals(order)[int(i)] for i in places])
        found = np.full(asked.shape, np.nan)
        found[places] = [self.directions[at].total(row) for row in rows]
        return found

    def level(self, order: int, at: int) -> float:
        """As in `Differentiable`."""
        return self.checked.level_of(order, self.totals(order)[at])

    def nearby(self, at: int) -> Array:
        """As in `Differentiable`."""
        return self.point + at * SPACING


def check(checked: Checked, names: list[str], order: int) -> Findings:
    """Compare derivatives up to an order, by each element where these are few. names: what the outputs are called."""
    outputs, _ = checked.evaluate(checked.point)
    size = checked.point.size
    if size * max(size, sum(y.node.size for y in outputs)) <= MANY:
        return check_elements(checked, names, order)
    parts = [Part(name, tuple(y.shape)) for name, y in zip(names, outputs, strict=False)]
    epsilon = max(float(np.finfo(y.dtype.numpy).eps) for y in outputs)
    notes = [
        f"with {size} elements derivatives are checked along directions that move blocks of them, and element by "
        "element where these do not agree"
    ]
    rows = probed(checked, 1, parts, epsilon)
    bent = {row.element for row in rows if row.verdict in ("kink", "undefined")}
    try:
        again = probed(checked, 2, parts, epsilon) if order == 2 else []
        rows += [row for row in again if row.element not in bent and row.of not in bent]
    except GradError as error:
        notes.append(f"second derivatives are not checked: {error.message}")
    return Findings(rows, declared_kinks(outputs), notes)


def probed(checked: Checked, order: int, outputs: Sequence[Part], epsilon: float) -> list[Row]:
    """Rows of blocks that agree, and of the elements (or the smallest blocks looked at) that do not."""
    random = np.random.default_rng(0)
    sizes = sum(part.size for part in outputs)
    sums = blocks_of(outputs, np.ones(sizes) if sizes <= BLOCKS else random.uniform(1, 2, sizes))
    weights = checked.scale * random.choice([-1.0, 1.0], checked.point.size)
    rows = _compared(checked, order, blocks_of(checked.parts, weights), sums, epsilon)
    pending = _failing(rows)
    while pending:
        finer = _compared(checked, order, [part for block in pending for part in block.apart(PARTS)], sums, epsilon)
        wrong = _failing(finer)
        for block in pending:
            inside = {part.label for part in block.apart(PARTS)}
            if any(part.label in inside for part in wrong):
                del rows[block]
        rows |= {block: found for block, found in finer.items() if block in wrong}
        pending = [block for block in wrong if block.indices.size > 1]
    ordered = sorted(rows, key=lambda block: int(block.indices[0]))
    return [row for block in ordered for row in rows[block]]


Rows = dict[Named, list[Row]]


def _compared(checked: Checked, order: int, directions: Sequence[Named], sums: Sequence[Named], epsilon: float) -> Rows:
    """The rows of each block; those of single elements are derivatives by these."""
    probe = Probe(checked, directions, sums)
    with np.errstate(all="ignore"):
        value, found = probe.function(order, probe.point), probe.derivatives(order, probe.point)
        level = np.array([probe.level(order, at) for at in range(value.size)])
    names = [block.label for block in (sums if order == 1 else directions)]
    comparison = Comparison(order, probe, lambda x: probe.function(order, x), found, value, Rounding(epsilon, level))
    rows = iter(comparison.rows([""] if order == 1 and len(names) == 1 else names))
    return {block: [_by_element(next(rows), block) for _ in names] for block in directions}


def _by_element(row: Row, block: Named) -> Row:
    if block.indices.size == 1:
        (scale,) = block.weights
        row.derivative, row.difference = row.derivative / scale, row.difference / scale
    return row


def _failing(rows: Rows) -> list[Named]:
    return [block for block, found in rows.items() if any(row.verdict in WRONG for row in found)][:FAILING]
