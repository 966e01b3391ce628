"""An explanation as text, Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcli.autodiff.explain import Step
from gradcli.environment import Environment
from gradcli.graph.terms import Term
from gradcli.render.latex import latex
from gradcli.render.latexwords import name_text
from gradcli.render.style import Style
from gradcli.render.termtext import formula_lines
from gradcli.source import Span


class Explanation:
    """What there is to say: steps forward and backward, the results, and what has no gradient."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.steps: list[Step] = []
        self.totals: dict[str, Any] = {}
        self.output = "out"
        self.seed: Any = None
        self.seeded = False
        self.results: list[tuple[str, Term | None, str]] = []
        self.jacobians: dict[str, Any] = {}
        self.assumed: list[str] = []
        self.missing: list[tuple[str, str, Span | None]] = []


def numbers(array: Any, limit: int = 12) -> str:
    """An array in a line; a long one by its first elements and its shape."""
    array = np.asarray(array)
    if array.ndim == 0:
        return _number(array.item())
    if array.size > limit:
        first = ", ".join(_number(v) for v in array.reshape(-1)[:4].tolist())
        return f"[{first}, ...] {tuple(array.shape)}"
    return _listed(array)


def _listed(array: Any) -> str:
    if array.ndim == 0:
        return _number(array.item())
    return f"[{', '.join(_listed(part) for part in array)}]"


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def rendered(e: Explanation, to: str, environment: Environment) -> Iterator[str]:
    """The text of an explanation."""
    form = {"text": _text, "markdown": _markdown, "latex": _latex}[to]
    for line in form(e):
        yield line + "\n"


def _shown(term: Term | None, e: Explanation) -> str:
    if term is None:
        return "(no formula)"
    *before, (_, text) = formula_lines(term, Style({n: v.shape for n, v in e.values.items() if hasattr(v, "shape")}))
    return "; ".join([f"{name} = {part}" for name, part in before] + [text])


def _text(e: Explanation) -> Iterator[str]:
    if e.steps:
        yield "Forward"
        for name, v in e.values.items():
            if isinstance(v, np.ndarray):
                yield f"  {name} = {numbers(v)}"
        for step in e.steps:
            yield f"  {step.name} = {_shown(step.formula, e)} = {numbers(step.value)}"
        yield ""
        yield "Backward: the cotangent g that comes in, times the local derivative, goes on"
        yield f"  g = {numbers(e.seed)} for {e.output}" + (
            ", the seed v" if e.seeded else f", since d{e.output}/d{e.output} = 1"
        )
        for step in reversed(e.steps):
            yield from _step_text(step, e)
        yield ""
    for name, _, formula in e.results:
        yield from _result_text(name, formula, e)
    for name, why, span in e.missing:
        yield f"{name} has no gradient: {why}"
        if span is not None:
            line, marks = span.underline(76)
            yield f"  {line}"
            yield f"  {marks}"


def _step_text(step: Step, e: Explanation) -> Iterator[str]:
    yield f"  {step.name} = {_shown(step.formula, e)}"
    if step.cotangent is None:
        yield "    nothing comes in"
        return
    if len(step.came) > 1:
        yield f"    {len(step.came)} paths add up here: through {', '.join(step.came)}"
    yield f"    g = d{e.output}/d{step.name} = {numbers(step.cotangent)}"
    for passed in step.passed:
        formula = _shown(passed.formula, e)
        if passed.local is not None:
            local = f"d{step.name}/d{passed.name}"
            yield f"    {local} = {_shown(passed.local, e)}"
            yield f"    to {passed.name}: g * {local} = {formula} = {numbers(passed.numbers)}"
        else:
            yield f"    to {passed.name}: {formula} = {numbers(passed.numbers)}"


def _paths(name: str, e: Explanation) -> list[str]:
    return [step.name for step in e.steps for passed in step.passed if passed.name == name]


def _result_text(name: str, formula: str, e: Explanation) -> Iterator[str]:
    paths = _paths(name, e)
    if len(paths) > 1:
        yield f"{name}: {len(paths)} paths add up: through {', '.join(paths)}"
    if name in e.jacobians:
        yield f"J = d{e.output}/d{name}, a row for each element of {e.output}:"
        yield from (f"  {numbers(row)}" for row in e.jacobians[name])
        yield f"J^T v with v = {numbers(e.seed)}"
    *before, last = formula.split("\n")
    yield from before
    yield f"d{e.output}/d{name} = {last}"
    if name in e.totals:
        yield f"{'':{len(e.output) + len(name) + 3}} = {numbers(e.totals[name])}"
    for text in dict.fromkeys(e.assumed):
        yield f"(where {text})"


def _markdown(e: Explanation) -> Iterator[str]:
    if e.steps:
        yield "| step | value | cotangent g in | passes on |"
        yield "| --- | --- | --- | --- |"
        for step in e.steps:
            g = "" if step.cotangent is None else f"`{numbers(step.cotangent)}`"
            if len(step.came) > 1:
                g += f" ({len(step.came)} paths add up: {', '.join(step.came)})"
            on = "<br>".join(f"{p.name}: `{_shown(p.formula, e)}` = `{numbers(p.numbers)}`" for p in step.passed)
            yield f"| `{step.name} = {_shown(step.formula, e)}` | `{numbers(step.value)}` | {g} | {on} |"
        yield ""
    for name, _, formula in e.results:
        yield "```"
        yield from _result_text(name, formula, e)
        yield "```"
    for name, why, span in e.missing:
        yield f"`{name}` has no gradient: {why}"
        if span is not None:
            yield "```"
            yield from span.underline(76)
            yield "```"


def _latex(e: Explanation) -> Iterator[str]:
    out = name_text(e.output)
    if e.steps:
        yield r"\begin{align*}"
        for step in e.steps:
            formula = r"\ldots" if step.formula is None else latex(step.formula)
            yield rf"{name_text(step.name)} &= {formula} = {_matrix(step.value)} \\"
        for step in reversed(e.steps):
            for passed in step.passed:
                formula = r"\ldots" if passed.formula is None else latex(passed.formula)
                left = rf"\frac{{\partial {out}}}{{\partial {name_text(passed.name)}}}"
                through = rf"\Big|_{{{name_text(step.name)}}}"
                came = rf"\quad g = {_matrix(step.cotangent)}"
                yield rf"{left}{through} &= {formula} = {_matrix(passed.numbers)}, {came} \\"
        yield r"\end{align*}"
    for name, term, _ in e.results:
        formula = r"\ldots" if term is None else latex(term)
        found = f" = {_matrix(e.totals[name])}" if name in e.totals else ""
        yield rf"\[ \frac{{\partial {out}}}{{\partial {name_text(name)}}} = {formula}{found} \]"
    for name, why, _ in e.missing:
        yield rf"${name_text(name)}$ has no gradient: {why.replace('_', chr(92) + '_')}."


def _matrix(array: Any) -> str:
    array = np.asarray(array)
    if array.ndim == 0:
        return _number(array.item())
    if array.ndim > 2 or array.size > 36:
        return r"\ldots"
    rows = array.reshape(1, -1) if array.ndim == 1 else array
    body = r" \\ ".join(" & ".join(_number(v) for v in row) for row in rows.tolist())
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"
