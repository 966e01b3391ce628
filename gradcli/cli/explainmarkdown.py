"""An explanation as Markdown: a table forward, a table backward, and the gradients."""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.autodiff.explain import Passed, Step
from gradcli.cli.explainarrays import short
from gradcli.cli.explaintext import Writer
from gradcli.cli.explanation import Explanation, Result
from gradcli.render.latex import derivative_text, latex
from gradcli.render.latexwords import name_text, width

WIDTH = 80  # of what is in a block of its own
CELL = 60  # of an array in a table


def markdown_lines(e: Explanation) -> Iterator[str]:
    """The lines of an explanation."""
    if e.results:
        yield from _forward(e)
        yield from _backward(e)
        if e.origins:
            yield from ("**Not finite**", "", *(f"- {_code(text)}" for text in e.origins), "")
    for name, why, span in e.missing:
        yield f"`{name}` has no gradient: {why}"
        if span is not None:
            yield from _block(span.underline(WIDTH - 4))
        yield ""
    writer = Writer(e, WIDTH, screen=False)
    for result in e.results:
        yield f"The gradient by `{result.shown}`:"
        yield from _formula(result, e)
        yield from _block("".join(text for text, _ in line) for line in writer.result(result))
        yield ""


def _forward(e: Explanation) -> Iterator[str]:
    yield "**Forward**"
    yield ""
    yield "| step | formula | value |"
    yield "| --- | --- | --- |"
    for name, (v, remark) in e.given.items():
        yield f"| {_code(name)} | {remark or 'given'} | {_code(short(v, CELL))} |"
    for step in e.forward_steps:
        if isinstance(step, int):
            yield f"| ... | {step} steps are left out here | |"
        else:
            formula = "<br>".join(_code(line) for line in e.formula(step.formula))
            remark = "" if step.recorded else ", nothing flows back through it"
            yield f"| {_code(step.name)} | {formula} | {_code(short(step.value, CELL))}{remark} |"
    yield ""


def _backward(e: Explanation) -> Iterator[str]:
    yield "**Backward**"
    yield ""
    if not e.number:
        weights = ", ".join(f"`{v}`" for v in e.weights)
        seed = f"With the seed{'s' * (len(e.weights) > 1)} {weights}" if e.seeded else "No seed was given, so"
        yield f"{seed} take `{e.of} = {e.total()}`."
    g = e.cotangent
    mixed = f", `J^T {g}` where elements mix" if e.mixes else ""
    yield f"`{g} = d{e.of}/d(step)` is what comes in; `{g}` times the local derivative goes on{mixed}."
    yield ""
    yield f"| step | `{g}` | local derivative | goes on |"
    yield "| --- | --- | --- | --- |"
    for step in e.backward_steps:
        if isinstance(step, int):
            yield f"| ... | {step} steps are left out here | | |"
        else:
            yield from _rows(step, e)
    yield ""


def _rows(step: Step, e: Explanation) -> Iterator[str]:
    """A row for each input that a step passes something to."""
    assert step.cotangent is not None
    formula = e.formula(step.formula)[-1]
    g = _code(short(step.cotangent, CELL))
    paths = e.paths(step.name)
    if paths:
        g += f", the sum of {len(step.came)} paths: " + ", ".join(
            f"... {path} are left out here ..."
            if isinstance(path, int)
            else f"{_code(short(path[1], CELL))} through {_code(path[0])}"
            for path in paths
        )
    if step.hooked:
        g += ", after a hook of the program"
    first = f"| {_code(f'{step.name} = {formula}')} | {g} |"
    if not step.passed:
        yield f"{first} | |"
    for at, passed in enumerate(step.passed):
        yield f"{first if not at else '| | |'} {' | '.join(_passed(step, passed, e))} |"


def _passed(step: Step, passed: Passed, e: Explanation) -> tuple[str, str]:
    """The local derivative, and what goes on."""
    local = f"d{step.name}/d{passed.name}"
    numbers, to = _code(short(passed.numbers, CELL)), f"to {_code(passed.name)}"
    if passed.factor is None:
        *before, formula = e.formula(passed.formula)
        shared = "".join(f"<br>{'' if at else 'with '}{_code(line)}" for at, line in enumerate(before))
        product = _code(f"J^T {e.cotangent} = {formula}")
        return f"elements mix: {_code(f'J = {local}')}", f"{to}: {product} = {numbers}{shared}"
    shown = [local] if passed.local is None else [local, "; ".join(e.formula(passed.local))]
    product = _code(f"{e.cotangent} * {local}")
    if passed.repeated:
        product = f"the sum of {product}, since it is repeated,"
    if passed.local is None or passed.local.head != "number":
        shown.append(short(passed.factor, CELL))
    return _code(" = ".join(shown)), f"{to}: {product} = {numbers}"


def _formula(result: Result, e: Explanation) -> Iterator[str]:
    """The formula as mathematics, as GitHub and Jupyter set it."""
    if result.term is not None and result.holds and width(latex(result.term)) <= WIDTH:
        left = derivative_text(result.shown, of=name_text(e.of))
        yield from ("", "$$", f"{left} = {latex(result.term)}", "$$", "")


def _code(text: str) -> str:
    """Text as code in a cell of a table."""
    shown = text.replace("|", "\\|")
    return f"`{shown}`"


def _block(lines: Iterator[str] | tuple[str, ...]) -> Iterator[str]:
    yield "```"
    for line in lines:
        yield line.rstrip()
    yield "```"
