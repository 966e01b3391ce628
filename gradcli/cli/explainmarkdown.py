"""An explanation as Markdown: a table forward, a table backward, and the gradients."""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.autodiff.explain import Passed, Step
from gradcli.cli.explainarrays import short
from gradcli.cli.explaintext import Writer
from gradcli.cli.explanation import Explanation

WIDTH = 80  # of what is in a block of its own
CELL = 60  # of an array in a table


def markdown_lines(e: Explanation) -> Iterator[str]:
    """The lines of an explanation."""
    if e.results:
        yield from _forward(e)
        yield from _backward(e)
    for name, why, span in e.missing:
        yield f"`{name}` has no gradient: {why}"
        if span is not None:
            yield from _block(span.underline(WIDTH - 4))
        yield ""
    writer = Writer(e, WIDTH, screen=False)
    for result in e.results:
        yield f"The gradient by `{result.shown}`:"
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
            yield f"| {_code(step.name)} | {formula} | {_code(short(step.value, CELL))} |"
    yield ""


def _backward(e: Explanation) -> Iterator[str]:
    yield "**Backward**"
    yield ""
    if not e.number:
        seed = "With the seed `v`" if e.seeded else "No seed was given, so"
        yield f"{seed} take `{e.of} = {e.total()}`."
    yield f"`g = d{e.of}/d(step)` is what comes in; `g` times the local derivative goes on, `J^T g` where elements mix."
    yield ""
    yield "| step | `g` | local derivative | goes on |"
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
    if len(step.came) > 1:
        g += f", the sum of {len(step.came)} paths: " + ", ".join(
            f"{_code(short(part, CELL))} through {_code(source)}" for source, part in step.came
        )
    first = f"| {_code(f'{step.name} = {formula}')} | {g} |"
    if not step.passed:
        yield f"{first} | |"
    for at, passed in enumerate(step.passed):
        yield f"{first if not at else '| | |'} {' | '.join(_passed(step, passed, e))} |"


def _passed(step: Step, passed: Passed, e: Explanation) -> tuple[str, str]:
    """The local derivative, and what goes on."""
    local = f"d{step.name}/d{passed.name}"
    numbers, to = _code(short(passed.numbers, CELL)), f"to {_code(passed.name)}"
    if passed.local is None or passed.factor is None:
        *before, formula = e.formula(passed.formula)
        shared = "".join(f"<br>{'' if at else 'with '}{_code(line)}" for at, line in enumerate(before))
        return f"elements mix: {_code(f'J = {local}')}", f"{to}: {_code(f'J^T g = {formula}')} = {numbers}{shared}"
    formula = "; ".join(e.formula(passed.local))
    product = f"the sum of {_code(f'g * {local}')}, since it is repeated," if passed.repeated else _code(f"g * {local}")
    shown = f"{local} = {formula}"
    if passed.local.head != "number":
        shown += f" = {short(passed.factor, CELL)}"
    return _code(shown), f"{to}: {product} = {numbers}"


def _code(text: str) -> str:
    """Text as code in a cell of a table."""
    shown = text.replace("|", "\\|")
    return f"`{shown}`"


def _block(lines: Iterator[str] | tuple[str, ...]) -> Iterator[str]:
    yield "```"
    for line in lines:
        yield line.rstrip()
    yield "```"
