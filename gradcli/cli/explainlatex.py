"""An explanation as LaTeX, for a document that uses amsmath."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from gradcli.autodiff.explain import Passed, Step
from gradcli.cli.explanation import Explanation, Matrix, Result, numeral
from gradcli.graph.terms import Term
from gradcli.render.latex import derivative_text, displayed, latex, latex_lines
from gradcli.render.latexwords import escaped, name_text, number_latex, width

Array = np.ndarray[Any, Any]
LINE = 80  # letters: about as wide as a page
PAGE = 110  # letters that fit a page in small margins
LONG = 1200  # letters of a formula that nobody would read
FEW = 6  # rows or columns of a matrix of which none is left out
EDGE = 2  # kept at both ends of more
Rows = list[tuple[str, str]]  # what stands before the equals sign, and after it; nothing before it: a row goes on


def latex_text(e: Explanation) -> Iterator[str]:
    """The lines of an explanation: forward, backward, what has no gradient, and the gradients."""
    page = Page(e)
    if e.results:
        yield from page.forward()
        yield from page.backward()
        if e.origins:
            yield rf"\paragraph{{Not finite:}} {'; '.join(map(escaped, e.origins))}"
    for name, why, span in e.missing:
        yield rf"\paragraph{{No gradient by ${name_text(name)}$:}} {escaped(why)}"
        if span is not None:
            yield from (r"\begin{verbatim}", *span.underline(76), r"\end{verbatim}")
    for result in e.results:
        yield rf"\paragraph{{The gradient by ${name_text(result.shown)}$}}"
        yield from page.result(result)


class Page:
    """Writes the parts of an explanation. g: what comes in, as the page calls it."""

    def __init__(self, e: Explanation) -> None:
        self.e = e
        self.g = name_text(e.cotangent)

    def forward(self) -> Iterator[str]:
        """The variables, and the steps with their values."""
        yield r"\paragraph{Forward}"
        rows: Rows = []
        for name, (v, remark) in self.e.given.items():
            rows += _equation(name_text(name), [v], remark)
        for step in self.e.forward_steps:
            if isinstance(step, int):
                rows.append(("", rf"\text{{({step} steps are left out here)}}"))
            else:
                remark = "" if step.recorded else "nothing flows back through it"
                rows += _equation(name_text(step.name), [step.formula, step.value], remark)
        yield from _displays(rows)

    def backward(self) -> Iterator[str]:
        """The steps from the last to the first, each with what comes in and what goes on."""
        yield r"\paragraph{Backward}"
        yield from self._start()
        for step in self.e.backward_steps:
            if isinstance(step, int):
                yield f"({step} steps are left out here)"
            else:
                yield from _displays(list(self._step(step)))

    def _start(self) -> Iterator[str]:
        e, g = self.e, self.g
        if not e.number:
            terms = [
                rf"\sum {name_text(v)} \odot {name_text(name)}" if e.seeded else rf"\sum {name_text(name)}"
                for v, (name, _) in zip(e.weights, e.seeds, strict=True)
            ]
            seeds = ", ".join(f"${name_text(v)}$" for v in e.weights)
            seed = f"With the seed{'s' * (len(e.weights) > 1)} {seeds}" if e.seeded else "No seed was given, so"
            yield rf"{seed} take ${name_text(e.of)} = {' + '.join(terms)}$."
        mixed = rf", $J^{{\top}} {g}$ where elements mix" if e.mixes else ""
        yield rf"Here ${g}$ is what comes in; ${g}$ times the local derivative goes on{mixed}."

    def _by(self, name: str) -> str:
        return derivative_text(name, of=name_text(self.e.of))

    def _step(self, step: Step) -> Iterator[tuple[str, str]]:
        assert step.cotangent is not None
        yield from _equation(name_text(step.name), [step.formula])
        if len(step.came) > 1:
            yield from self._sum(self.g, f"{self._by(step.name)} =", self.e.paths(step.name))
            yield from _equation("", [_array(step.cotangent)], _hooked(step))
        else:
            seeds = [name_text(v) for v in self.e.seeds_of(step)]
            yield from _equation(self.g, [self._by(step.name), *seeds, step.cotangent], _hooked(step))
        for passed in step.passed:
            yield from self._passed(step, passed)

    def _sum(self, left: str, start: str, paths: Sequence[tuple[str, Array] | int]) -> Rows:
        """The paths that add up, in a row or each in one of its own."""
        parts = [
            rf"\dots \text{{({path} paths are left out here)}}"
            if isinstance(path, int)
            else rf"\underbrace{{{_array(path[1])}}}_{{\text{{through }} {name_text(path[0])}}}"
            for path in paths
        ]
        if width(" + ".join(parts)) <= LINE:
            return [(left, f"{start} {' + '.join(parts)}".strip())]
        return [(left, f"{start} {parts[0]}".strip()), *[("", rf"+ {part}") for part in parts[1:]]]

    def _passed(self, step: Step, passed: Passed) -> Rows:
        local, term, factor = derivative_text(passed.name, of=name_text(step.name)), passed.local, passed.factor
        to = rf"to ${name_text(passed.name)}$"
        if factor is None:
            return _equation(rf"J^{{\top}} {self.g}", [passed.formula, passed.numbers], to)
        assert step.cotangent is not None
        number, scalar = term is not None and term.head == "number", not step.value.ndim
        rows = _equation(local, [*([] if term is None else [term]), *([] if number else [factor])])
        sign, dot = (r"\,", r"\cdot") if number or scalar else (r"\odot", r"\odot")
        product = rf"\sum {self.g} \odot {local}" if passed.repeated else rf"{self.g} {sign} {local}"
        shown = latex(term) if term is not None and number else _array(factor)
        spelled = rf"{_array(step.cotangent)} {dot} {_signed(shown)}"
        fits = not passed.repeated and shown != "1" and width(spelled) <= LINE  # both are shown above in any case
        return rows + _equation(product, [*([spelled] if fits else []), passed.numbers], to)

    def result(self, result: Result) -> Iterator[str]:
        """The gradient by a variable: the paths that add up, a small Jacobian, the formula and the numbers."""
        e = self.e
        came, left = e.came.get(result.label, []), self._by(result.shown)
        if len(came) > 1:
            yield rf"{len(came)} paths add up:"
            yield from _displays(self._sum(left, "", e.paths(result.label)))
        if result.jacobian is not None:
            yield from self._jacobian(result, result.jacobian)
        term = result.term if result.holds and (result.term is None or width(latex(result.term)) <= LONG) else None
        if term is not None and width(latex(term)) > LINE:
            yield latex_lines(left, term, "", {})
            term = None
        if result.unhooked is not None:
            yield rf"A hook of the program changes what arrives, ${_array(result.unhooked)}$."
        yield from _displays(_equation(left, [*([] if term is None else [term]), result.numbers]))
        if result.holds:
            yield from (f"({escaped(text)})" for text in result.conditions)
        elif result.term is not None:
            yield rf"({escaped(result.elsewhere)}, ${left} = {latex(result.term)}$)"

    def _jacobian(self, result: Result, j: Matrix) -> Iterator[str]:
        e = self.e
        of = derivative_text(result.shown, of=name_text(e.seeds[0][0]))
        v, total = (_matrix(array.reshape(-1, 1)) for array in (e.seeds[0][1], result.numbers))
        yield from _displays([("J", f"{of} = {_matrix(j.numbers)}")])
        product = f"{_matrix(j.numbers.T)} {v} = {total}"
        yield from _displays([(rf"J^{{\top}} {name_text(e.weights[0])}", product)])


def _hooked(step: Step) -> str:
    return "after a hook of the program" if step.hooked else ""


def _signed(factor: str) -> str:
    return f"({factor})" if factor.startswith("-") else factor


def _displays(rows: Rows) -> Iterator[str]:
    """Rows as displayed formulas, a few at a time, so that a page can end between them."""
    start = 0
    for at in range(1, len(rows) + 1):
        if at == len(rows) or (at - start >= 6 and rows[at][0]):
            yield displayed(rows[start:at])
            start = at


def _equation(left: str, parts: Sequence[str | Array | Term | None], remark: str = "") -> Rows:
    """`left = part = part`, in one row where it fits, else one for each part; a remark stands at the end."""
    texts = [_part(part) for part in parts if not _too_wide(part)] or [r"\text{(a long formula)}"]
    note = rf" \quad \text{{{remark}}}" if remark else ""
    if not left:
        return [("", f"= {texts[0]}{note}")]
    if sum(map(width, [left, *texts])) <= LINE:
        return [(left, " = ".join(texts) + note)]
    texts[-1] += note
    return [(left, texts[0]), *[("", f"= {text}") for text in texts[1:]]]


def _too_wide(part: str | Array | Term | None) -> bool:
    """Whether a formula would leave the page; its numbers stand beside it."""
    return isinstance(part, Term) and width(latex(part)) > PAGE


def _part(part: str | Array | Term | None) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Term):
        return latex(part)
    return r"\text{(no formula)}" if part is None else _array(part)


def _array(array: Array) -> str:
    """An array: a number, a tuple, a matrix, or matrices one below the other."""
    array = np.asarray(array)
    if array.ndim == 0:
        return _number(array.item())
    if array.ndim == 1:
        parts = [r"\dots" if at is None else _number(array[at].item()) for at in _kept(array.size)]
        return "(" + r",\ ".join(parts) + ")"
    if array.ndim == 2:
        return _matrix(array)
    blocks = array.reshape(prod(array.shape[:-2]), *array.shape[-2:])
    texts = [*[_matrix(block) for block in blocks[:EDGE]], *([r"\vdots"] if len(blocks) > EDGE else [])]
    return texts[0] if len(blocks) == 1 else r"\left(\begin{array}{c} " + r" \\ ".join(texts) + r" \end{array}\right)"


def _matrix(matrix: Array) -> str:
    rows, columns = (_kept(n) for n in matrix.shape)
    lines = [
        " & ".join(
            r"\cdots" if column is None else r"\vdots" if row is None else _number(matrix[row, column].item())
            for column in columns
        )
        for row in rows
    ]
    return r"\begin{pmatrix} " + r" \\ ".join(lines) + r" \end{pmatrix}"


def _kept(n: int) -> list[int | None]:
    return list(range(n)) if n <= FEW else [*range(EDGE), None, *range(n - EDGE, n)]


def _number(value: Any) -> str:
    if not isinstance(value, float):
        return rf"\mathrm{{{str(value).lower()}}}" if isinstance(value, bool) else str(value)
    if not np.isfinite(value):
        return number_latex(value)[0]
    digits, _, power = numeral(value).partition("e")
    return digits if not power else rf"{digits} \cdot 10^{{{int(power)}}}"
