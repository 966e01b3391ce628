"""Where a gradient that is not finite comes from: the first step forward, and the first backward, that make it so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcli.autodiff.explain import Passed, Step
from gradcli.cli.explanation import Explanation, numeral

Array = np.ndarray[Any, Any]


def origins(e: Explanation) -> Iterator[str]:
    """A line for the first value, the first infinity and the first nan on the way back; none where all is finite."""
    if all(np.all(np.isfinite(result.numbers)) for result in e.results):
        return
    for step in e.steps:
        if step.value.dtype.kind == "f" and not np.all(np.isfinite(step.value)):
            step.complete()
            at = _first(~np.isfinite(step.value))
            yield f"{_element(step.name, step.value, at)} is {numeral(step.value[at].item())} in {_written(e, step)}"
            break
    for kind in (np.isinf, np.isnan):
        yield from _backward(e, kind)


def _backward(e: Explanation, kind: Any) -> Iterator[str]:
    """The first step back that passes on a number of a kind that does not come in."""
    for step in reversed(e.steps):
        if step.cotangent is None:
            continue
        if not step.came and np.any(kind(step.cotangent)):
            return  # the seed has it
        for passed in step.passed:
            if np.any(kind(passed.numbers)) and not np.any(kind(step.cotangent)):
                step.complete()
                yield _made(e, step, passed, kind)
                return


def _made(e: Explanation, step: Step, passed: Passed, kind: Any) -> str:
    assert step.cotangent is not None
    at = _first(kind(passed.numbers))
    local, g = f"d{step.name}/d{passed.name}", e.cotangent
    shown = numeral(passed.numbers[at].item())
    where = _element(passed.name, passed.numbers, at)
    if passed.factor is None or passed.repeated:
        return f"what goes to {where} from {_written(e, step)} is {shown}"
    factor, arrived = (np.broadcast_to(array, passed.numbers.shape)[at].item() for array in _pair(step, passed))
    if kind(factor):
        formula = "" if passed.local is None else f" = {e.formula(passed.local)[-1]}"
        return f"{local}{formula} is {numeral(factor)} for {where}"
    return f"{g} * {local} is {numeral(arrived)} * {numeral(factor)} = {shown} for {where}"


def _pair(step: Step, passed: Passed) -> tuple[Array, Array]:
    """The local derivative and the cotangent, as what is passed on is their product."""
    assert passed.factor is not None
    assert step.cotangent is not None
    return passed.factor, step.cotangent


def _written(e: Explanation, step: Step) -> str:
    return f"{step.name} = {e.formula(step.formula)[-1]}"


def _first(where: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(where)), where.shape))


def _element(name: str, array: Array, at: tuple[int, ...]) -> str:
    return f"{name}[{','.join(map(str, at))}]" if at else name
