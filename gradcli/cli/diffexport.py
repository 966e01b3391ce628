"""Derivatives as runnable functions of torch, numpy or jax, with a test beside them when asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from gradcli.cli.problem import Derivative, Problem
from gradcli.cli.program import names_in
from gradcli.errors import UsageError
from gradcli.render.exports import NoName, module_style
from gradcli.render.prelude import LIBRARIES, module_text
from gradcli.render.termtext import formula_lines

# the program itself is called where there is no formula, with its bare names
BARE = "from torch.nn.functional import *\nfrom torch import *\nfrom torch import func, linalg, special\n"


def exported(problem: Problem, derivatives: Sequence[Derivative], to: str, with_test: bool) -> str:
    """A module with a function for each derivative."""
    names = [*problem.values, *([problem.seed] if problem.seed else [])]
    text = ""
    for d in derivatives:
        text += f"\n\ndef grad_{d.name}({', '.join(names)}):\n" + _body(problem, d, to, names)
    if with_test:
        text += _test(problem, derivatives, to, names)
    return (BARE if any(d.term is None for d in derivatives) else "") + module_text(to, text)


def _body(problem: Problem, d: Derivative, to: str, names: Sequence[str]) -> str:
    if d.term is None:
        if to != "torch":
            raise UsageError(f"--to {to}: the derivative with respect to {d.name} has no formula", hint="--to torch")
        *before, last = d.program.split("\n")
        return "".join(f"    {line}\n" for line in [*before, f"return {last}"])
    shapes = {n: tuple(v.shape) for n, v in problem.values.items() if isinstance(v, np.ndarray)}
    like = d.name if d.name in problem.values else next(iter(problem.values), "")
    style = module_style(to, shapes, problem.sizes, like, d.counts)
    style.of_any_shape = problem.of_any_shape and d.name in problem.values
    taken = names_in(problem.module) | set(names) | set(LIBRARIES[to])
    lines: list[str] = []
    try:
        if d.definition is not None:
            made = formula_lines(d.definition, style, taken)
            lines += [f"{part or d.name} = {text}" for part, text in made]
            taken |= {part for part, _ in made if part}
        for part, text in formula_lines(d.term, style, taken):
            lines.append(f"{part} = {text}" if part else f"return {text}")
    except NoName as missing:
        raise UsageError(f"--to {to}: {to} has no function for {missing}", hint="--to torch or --to text") from None
    return "".join(f"    {line}\n" for line in lines)


def _test(problem: Problem, derivatives: Sequence[Derivative], to: str, names: Sequence[str]) -> str:
    """A comparison with the gradient that gradcli computed, at the point given or at one drawn here."""
    from gradcli.cli.verify import point_and_gradient

    lines = ['\n\nif __name__ == "__main__":']
    for d in derivatives:
        point, wanted = point_and_gradient(problem, d)
        given = [_array(point[n], to) for n in names]
        lines.append(f"    found = grad_{d.name}({', '.join(given)})")
        lines.append(f"    wanted = {_array(wanted, to)}")
        module = "torch" if to == "torch" else "np"
        lines.append(
            f"    assert {module}.allclose(found, wanted, rtol=1e-9, atol=1e-12, equal_nan=True), (found, wanted)"
        )
    lines.append('    print("ok")')
    return "\n".join(lines) + "\n"


def _array(array: np.ndarray, to: str) -> str:
    """An array as Python code."""
    elements = re.sub(r"\b(inf|nan)\b", r'float("\1")', repr(array.tolist()))
    call = "torch.tensor" if to == "torch" else "np.array"
    if not array.size:  # a list cannot say how many columns there are
        call, elements = f"{call.partition('.')[0]}.zeros", repr(array.shape)
    dtype = f"torch.{array.dtype.name}" if to == "torch" else f'"{array.dtype.name}"'
    return f"{call}({elements}, dtype={dtype})"
