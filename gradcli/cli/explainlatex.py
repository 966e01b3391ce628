"""An explanation as LaTeX, for a document that uses amsmath."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcli.autodiff.explain import Passed, Step
from gradcli.cli.explanation import Explanation, Result, numeral
from gradcli.graph.terms import Term
from gradcli.render.latex import derivative_text, displayed, latex, latex_lines
from gradcli.render.latexwords import escaped, name_text, number_latex, width

Array = np.ndarray[Any, Any]
LINE = 80  # letters: about as wide as a page
FEW = 6  # rows or columns of a matrix of which none is left out
EDGE = 2  # kept at both ends of more
Rows = list[tuple[str, str]]  # what stands before the equals sign, and after it; nothing before it: a row goes on


def latex_text(e: Explanation) -> Iterator[str]:
    """The lines of an explanation: forward, backward, what has no gradient, and the gradients."""
    if e.results:
        yield r"\paragraph{Forward}"
        rows = [
            row
            for name, v in {**e.values, **e.constants}.items()
            if hasattr(v, "shape")
            for row in _equation(name_text(name), [v])
        ]
        for step in e.forward_steps:
            if isinstance(step, int):
                rows.append(("", rf"\text{{({step} steps are left out here)}}"))
            else:
                rows += _equation(name_text(step.name), [step.formula, step.value])
        yield from _displays(rows)
        yield r"\paragraph{Backward}"
        yield from _start(e)
        for step in e.backward_steps:
            if isinstance(step, int):
                yield f"({step} steps are left out here)"
            else:
                yield from _displays(list(_step(step, e)))
    for name, why, span in e.missing:
        yield rf"\paragraph{{No gradient by ${name_text(name)}$:}} {escaped(why)}"
        if span is not None:
            yield from (r"\begin{verbatim}", *span.underline(76), r"\end{verbatim}")
    for result in e.results:
        yield rf"\paragraph{{The gradient by ${name_text(result.shown)}$}}"
        yield from _result(result, e)


def _start(e: Explanation) -> Iterator[str]:
    if not e.number:
        terms = [
            rf"\sum {name_text(v)} \odot {name_text(name)}" if e.seeded else rf"\sum {name_text(name)}"
            for v, (name, _) in zip(e.weights, e.seeds, strict=True)
        ]
        seed = "With the seed $v$" if e.seeded else "No seed was given, so"
        yield rf"{seed} take ${name_text(e.of)} = {' + '.join(terms)}$."
    yield r"Here $g$ is what comes in; $g$ times the local derivative goes on, $J^{\top} g$ where elements mix."


def _derivative(of: str, name: str) -> str:
    return derivative_text(name, of=name_text(of))


def _step(step: Step, e: Explanation) -> Iterator[tuple[str, str]]:
    yield from _equation(name_text(step.name), [step.formula])
    assert step.cotangent is not None
    if len(step.came) > 1:
        parts = " + ".join(_array(part) for _, part in step.came)
        through = ", ".join(f"${name_text(source)}$" for source, _ in step.came)
        yield "g", rf"{_derivative(e.of, step.name)} = {parts} \quad \text{{(through {through})}}"
        yield "", f"= {_array(step.cotangent)}"
    else:
        seeds = [name_text(v) for v in e.seeds_of(step)]
        yield from _equation("g", [_derivative(e.of, step.name), *seeds, step.cotangent])
    for passed in step.passed:
        yield from _passed(step, passed)


def _passed(step: Step, passed: Passed) -> Iterator[tuple[str, str]]:
    local, term, factor = _derivative(step.name, passed.name), passed.local, passed.factor
    if term is None or factor is None:
        yield from _equation(r"J^{\top} g", [passed.formula, passed.numbers], of=passed.name)
        return
    assert step.cotangent is not None
    number, scalar = term.head == "number", not step.value.ndim
    yield from _equation(local, [term] if number else [term, factor])
    sign, dot = (r"\,", r"\cdot") if number or scalar else (r"\odot", r"\odot")
    product = rf"\sum g \odot {local}" if passed.repeated else rf"g {sign} {local}"
    shown = latex(term) if number else _array(factor)
    spelled = rf"{_array(step.cotangent)} {dot} {_signed(shown)}"
    fits = not passed.repeated and shown != "1" and width(spelled) <= LINE  # both are shown above in any case
    yield from _equation(product, [*([spelled] if fits else []), passed.numbers], of=passed.name)


def _signed(factor: str) -> str:
    return f"({factor})" if factor.startswith("-") else factor


def _result(result: Result, e: Explanation) -> Iterator[str]:
    came, left = e.came.get(result.label, []), _derivative(e.of, result.shown)
    if len(came) > 1:
        yield rf"{len(came)} paths add up:"
        total = " + ".join(rf"\underbrace{{{_array(g)}}}_{{{name_text(source)}}}" for source, g in came)
        yield from _displays([(left, total)])
    if result.jacobian is not None:
        of = _derivative(e.seeds[0][0], result.shown)
        v, total = (_matrix(array.reshape(-1, 1)) for array in (e.seeds[0][1], result.numbers))
        yield from _displays([("J", f"{of} = {_array(result.jacobian.numbers)}")])
        yield from _displays([(r"J^{\top} v", f"{_array(result.jacobian.numbers.T)} {v} = {total}")])
    if result.term is None or width(latex(result.term)) <= LINE:
        yield from _displays(_equation(left, [*([] if result.term is None else [result.term]), result.numbers]))
    else:
        yield latex_lines(left, result.term, "", {})
        yield from _displays(_equation(left, [result.numbers]))
    yield from (f"({escaped(text)})" for text in result.conditions)


def _displays(rows: Rows) -> Iterator[str]:
    """Rows as displayed formulas, a few at a time, so that a page can end between them."""
    start = 0
    for at in range(1, len(rows) + 1):
        if at == len(rows) or (at - start >= 6 and rows[at][0]):
            yield displayed(rows[start:at])
            start = at


def _equation(left: str, parts: Sequence[str | Array | Term | None], of: str = "") -> Rows:
    """`left = part = part`, in one row where it fits, else one for each part; of: to which input this goes."""
    texts = [_part(part) for part in parts]
    note = rf" \quad \text{{to }} {name_text(of)}" if of else ""
    if sum(map(width, [left, *texts])) <= LINE:
        return [(left, " = ".join(texts) + note)]
    texts[-1] += note
    return [(left, texts[0]), *[("", f"= {text}") for text in texts[1:]]]


def _part(part: str | Array | Term | None) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Term):
        return latex(part)
    return r"\text{(no formula)}" if part is None else _array(part)


def _array(array: Array) -> str:
    """An array: a number, a row, a matrix, or matrices one below the other."""
    array = np.asarray(array)
    if array.ndim == 0:
        return _number(array.item())
    if array.ndim <= 2:
        return _matrix(array.reshape(1, -1) if array.ndim == 1 else array)
    blocks = array.reshape(-1, *array.shape[-2:])
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
