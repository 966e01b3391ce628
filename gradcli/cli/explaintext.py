"""An explanation as text: lines of styled pieces, which a terminal shows in colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcli.autodiff.explain import Passed, Step
from gradcli.cli import explainarrays
from gradcli.cli.explanation import Explanation, Matrix, Result, numeral
from gradcli.graph.terms import Term
from gradcli.source import Span

Array = np.ndarray[Any, Any]
Piece = tuple[str, str]  # text, style
Part = str | Array  # of an equation

HEADING, NAME, NUMBERS, NOTE, MARKS = "bold", "cyan", "green", "italic", "yellow"
UNBROKEN: Any = {"break_long_words": False, "break_on_hyphens": False}  # words of a formula that is wrapped
LONG = 1200  # characters of a formula of the whole that nobody would read
ON_SCREEN, ALL = 100, 1000  # elements of a gradient that are written on a terminal, and elsewhere
WIDE = 10_000  # columns
NARROW = 40  # columns below which nothing is broken any further


class Writer:
    """Writes an explanation for lines of a width. screen: for a terminal, where gradients of many elements are cut."""

    def __init__(self, explanation: Explanation, width: int, screen: bool) -> None:
        self.e = explanation
        self.width = max(width, NARROW)
        self.screen = screen
        self.limit = ON_SCREEN if screen else ALL

    def lines(self) -> Iterator[list[Piece]]:
        """All of it: forward, backward, what has no gradient and why, and the gradients."""
        e = self.e
        sections = [self._missing(*missing) for missing in e.missing] + [self.result(result) for result in e.results]
        if e.results:
            lost = [self._origins()] if e.origins else []
            sections = [self._forward(), self._backward(), *lost, *sections]
        for at, section in enumerate(sections):
            if at:
                yield []
            yield from section

    def _missing(self, name: str, why: str, span: Span | None) -> Iterator[list[Piece]]:
        yield [(name, NAME), (f" has no gradient: {why}", "")]
        if span is not None:
            line, marks = span.underline(self.width - 4)
            yield [(f"  {line}", "")]
            yield [(f"  {marks}", MARKS)]

    def _start(self) -> Iterator[list[Piece]]:
        """What g is, where it starts, and how it goes on."""
        e = self.e
        g = e.cotangent
        text = f"{g} = d{e.of}/d(step) is what comes in, {g} times the local derivative goes on"
        if e.mixes:
            text += f"; where a step mixes elements, J^T {g} does, J being its Jacobian"
        if not e.number:
            seed = (
                f"with the seed{'s' * (len(e.weights) > 1)} {', '.join(e.weights)}"
                if e.seeded
                else "no --seed was given, so"
            )
            text = f"{seed} take {e.of} = {e.total()}; {text}"
        yield from self._note(text, 2)

    def _note(self, text: str, indent: int = 0) -> Iterator[list[Piece]]:
        """A remark in brackets."""
        for line in textwrap.wrap(f"({text})", self.width - indent, break_long_words=False):
            yield [(" " * indent + line, NOTE)]

    def _forward(self) -> Iterator[list[Piece]]:
        yield [("Forward", HEADING)]
        for name, (v, remark) in self.e.given.items():
            yield from self.equation(2, name, [v])
            if remark:
                yield [(f"    ({remark})", NOTE)]
        for step in self.e.forward_steps:
            if isinstance(step, int):
                yield [(f"  ... {step} steps are left out here", NOTE)]
                continue
            yield from self.equation(2, step.name, [*self._named(step.formula), step.value])
            if not step.recorded:
                yield [("    (nothing flows back through it)", NOTE)]

    def _named(self, term: Term | None) -> list[str]:
        """A formula as one part of an equation; shared parts of it have lines after it."""
        *before, last = self.e.formula(term)
        return ["\n".join([last, *[f"{'' if at else 'with '}{line}" for at, line in enumerate(before)]])]

    def _backward(self) -> Iterator[list[Piece]]:
        yield [("Backward", HEADING)]
        yield from self._start()
        for step in self.e.backward_steps:
            if isinstance(step, int):
                yield [(f"  ... {step} steps are left out here", NOTE)]
            else:
                yield from self._step(step)

    def _origins(self) -> Iterator[list[Piece]]:
        yield [("Not finite", HEADING)]
        for text in self.e.origins:
            yield from self._wrapped(2, text)

    def _step(self, step: Step) -> Iterator[list[Piece]]:
        assert step.cotangent is not None
        yield from self.equation(2, step.name, self._named(step.formula))
        yield from self._sum(4, step.name)
        yield from self.equation(
            4, self.e.cotangent, [self._derivative(step.name), *self.e.seeds_of(step), step.cotangent]
        )
        if step.hooked:
            yield [("    (after a hook of the program)", NOTE)]
        for passed in step.passed:
            yield from self._passed(step, passed)

    def _derivative(self, name: str) -> str:
        return f"d{self.e.of}/d{name}"

    def _sum(self, indent: int, name: str) -> Iterator[list[Piece]]:
        """The paths that add up at a name."""
        paths = self.e.paths(name)
        if paths:
            many = len(self.e.came[name])
            yield [(" " * indent, ""), (name, NAME), (f" is reached by {many} paths, which add up:", "")]
        for path in paths:
            if isinstance(path, int):
                yield [(" " * (indent + 2) + f"... {path} paths are left out here", NOTE)]
            else:
                yield from self.equation(indent + 2, f"through {path[0]}:", [path[1]], sign="")

    def _passed(self, step: Step, passed: Passed) -> Iterator[list[Piece]]:
        local, g = f"d{step.name}/d{passed.name}", self.e.cotangent
        to, factor = f"to {passed.name}:", passed.factor
        assert step.cotangent is not None
        if factor is None:
            yield from self.equation(4, f"{to} J^T {g}", [*self._named(passed.formula), passed.numbers])
            return
        number = passed.local is not None and passed.local.head == "number"
        formula = [] if passed.local is None else self._named(passed.local)
        yield from self.equation(4, local, [*formula, *([] if number else [factor])])
        if passed.repeated:
            left = f"to {passed.name}, which is repeated: the sum of {g} * {local}"
            yield from self.equation(4, left, [passed.numbers])
            return
        scalar = formula[-1] if number else numeral(factor.item()) if not factor.ndim else ""
        product = [step.cotangent, _factor(scalar) if scalar else factor]
        shown = formula != ["1"] and all("..." not in (self._text(part, self.width, 0) or "...") for part in product)
        yield from self.equation(4, f"{to} {g} * {local}", [*([product] if shown else []), passed.numbers])

    def result(self, result: Result) -> Iterator[list[Piece]]:
        """The gradient by a variable: the paths that add up, a small Jacobian, the formula and the numbers."""
        if result.shown != result.name:
            yield [(f"{result.shown} is what the program assigns to {result.name}", NOTE)]
        yield from self._sum(0, result.label)
        if result.jacobian is not None:
            yield from self._jacobian(result, result.jacobian)
        *before, last = result.formula.split("\n")
        left = self._derivative(result.shown)
        if not result.holds and last:
            yield from self._note(f"{result.elsewhere}, {'; '.join([*before, f'{left} = {last}'])}")
            before, last = [], ""
        elif len(result.formula) <= LONG:
            for text in result.conditions:
                yield from self._note(text)
        if len(result.formula) > LONG or self.e.unsearched:
            before, last = [], ""
            yield [("(the formula of the whole is long: gradcli diff prints it)", NOTE)]
        for line in before:
            yield from self._wrapped(0, line)
        if result.unhooked is not None:
            yield from self.equation(0, "a hook of the program changes what arrives,", [result.unhooked], sign="")
        parts: list[Part | list[Part]] = [last, result.numbers] if last else [result.numbers]
        yield from self.equation(0, left, parts, limit=self.limit)

    def _jacobian(self, result: Result, j: Matrix) -> Iterator[list[Piece]]:
        output, seed = self.e.seeds[0]
        cells = [[numeral(v) for v in row] for row in j.numbers.tolist()]
        widths = [max(map(len, column)) for column in zip(j.columns, *cells, strict=True)]
        label = max(map(len, j.rows))
        if label + sum(widths) + 2 * len(widths) + 2 <= self.width:
            yield [("J", NAME), (f" = d{output}/d{result.shown}, a row for each element of {output}:", "")]
            yield [(" " * (label + 2) + self._cells(j.columns, widths), NAME)]
            for name, row in zip(j.rows, cells, strict=True):
                yield [(f"  {name:<{label}}", NAME), (self._cells(row, widths), NUMBERS)]
        weights = [numeral(v) for v in seed.reshape(-1).tolist()]
        v = self.e.weights[0]
        yield [(f"J^T {v}", NAME), (f" with {v} = [{', '.join(weights)}]:", "")]
        for name, column, total in zip(
            j.columns, zip(*cells, strict=True), result.numbers.reshape(-1).tolist(), strict=True
        ):
            terms = " + ".join(f"{_factor(d)}*{_factor(v)}" for d, v in zip(column, weights, strict=True))
            yield from self.equation(2, name, [terms, np.asarray(total)])

    def _cells(self, texts: Sequence[str], widths: Sequence[int]) -> str:
        return "".join(f"  {text:>{width}}" for text, width in zip(texts, widths, strict=True))

    # Equations

    def equation(
        self, indent: int, left: str, parts: Sequence[Part | list[Part]], sign: str = "= ", limit: int = 0
    ) -> Iterator[list[Piece]]:
        """`left = part = part`, in one line where it fits, else a line or more for each further part.

        A list of parts is a product. limit: the last part is an array that is written whole up to so many elements.
        """
        room = self.width - indent - len(left) - 1
        lines = None if limit and len(parts) > 1 else self._one_line(parts, room, sign, limit)
        start: list[Piece] = [(" " * indent, ""), (left + " ", NAME)]
        if lines is not None:
            yield [*start, *lines]
            return
        column = indent + len(left) + 1
        if column > self.width // 2:
            yield start
            column = indent + 4
            start = [(" " * column, "")]
        for part in parts:
            for at, line in enumerate(self._broken(part, self.width - column - len(sign), limit)):
                before = [*start, (sign, "")] if at == 0 else [(" " * (column + len(sign)), "")]
                yield [*before, (line, NUMBERS if isinstance(part, np.ndarray) else "")]
            start = [(" " * column, "")]

    def _one_line(self, parts: Sequence[Part | list[Part]], room: int, sign: str, limit: int) -> list[Piece] | None:
        """All parts side by side, or None."""
        pieces: list[Piece] = []
        for at, part in enumerate(parts):
            last = at == len(parts) - 1
            text = self._text(part, room, limit if last else 0)
            if text is None:
                return None
            pieces += [(f" {sign}" if at else sign, ""), (text, NUMBERS if isinstance(part, np.ndarray) else "")]
        return pieces if sum(len(text) for text, _ in pieces) <= room else None

    def _text(self, part: Part | list[Part], room: int, limit: int) -> str | None:
        if isinstance(part, str):
            return None if "\n" in part else part
        if isinstance(part, list):
            factors = [self._text(factor, room, 0) for factor in part]
            return None if None in factors else " * ".join(f for f in factors if f is not None)
        if limit:
            found = explainarrays.whole(part, room, limit)
            return found[0] if len(found) == 1 else None
        return explainarrays.in_line(part, room)

    def _broken(self, part: Part | list[Part], room: int, limit: int) -> list[str]:
        if isinstance(part, str):
            lines = [textwrap.wrap(line, room, subsequent_indent="  ", **UNBROKEN) for line in part.split("\n")]
            return [piece for line in lines for piece in line]
        if isinstance(part, list):
            text = self._text(part, room, 0)
            if text is not None and len(text) <= room:
                return [text]
            first, *others = [self._broken(factor, room - 2, 0) for factor in part]
            return first + [("* " if at == 0 else "  ") + line for other in others for at, line in enumerate(other)]
        if not limit:
            return self._array(part, room)
        alone = not self.screen and part.size <= explainarrays.LINE  # for programs that read the last line
        return explainarrays.whole(part, WIDE if alone else room, limit)

    def _array(self, array: Array, room: int) -> list[str]:
        text = explainarrays.in_line(array, room)
        return [text] if text is not None else explainarrays.rows(array, room)

    def _wrapped(self, indent: int, text: str) -> Iterator[list[Piece]]:
        for at, line in enumerate(self._broken(text, self.width - indent - 2, 0)):
            yield [(" " * (indent + 2 * bool(at)) + line, "")]


def _factor(number: str) -> str:
    return f"({number})" if number.startswith("-") else number
