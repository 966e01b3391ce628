"""Derivatives in the form that was asked for: text, LaTeX, or a function of torch, numpy or jax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradcli.cli.problem import Derivative, Problem
from gradcli.cli.program import names_in
from gradcli.graph.terms import Term
from gradcli.render.style import Style
from gradcli.render.termtext import formula_lines


def output_text(problem: Problem, derivatives: Sequence[Derivative], to: str, with_test: bool) -> str:
    """What `gradcli diff` prints."""
    if to == "latex":
        return "".join(_latex(problem, d) + "\n" for d in derivatives)
    if to != "text":
        from gradcli.cli.diffexport import exported

        return exported(problem, derivatives, to, with_test)
    texts = [text_of(problem, d) for d in derivatives]
    if len(texts) == 1:
        return texts[0] + "\n"
    lines: list[str] = []
    for d, text in zip(derivatives, texts, strict=True):
        *before, last = text.split("\n")
        lines += [*before, f"{d.name}_grad = {last}"]
    return "\n".join([*lines, ", ".join(f"{d.name}_grad" for d in derivatives)]) + "\n"


def style_of(problem: Problem, like: str, counts: Mapping[int, Term] | None = None) -> Style:
    """How the formulas of a problem are written in gradcli's own language. counts: those of `Derivative`."""
    shapes = {n: tuple(v.shape) for n, v in problem.values.items() if isinstance(v, np.ndarray)}
    if problem.seed is not None and isinstance(problem.seed_value, np.ndarray):
        shapes[problem.seed] = problem.seed_value.shape
    return Style(shapes, problem.sizes, like, counts)


def text_of(problem: Problem, derivative: Derivative) -> str:
    """A derivative in gradcli's own language: shared parts line by line, then the formula."""
    if derivative.term is None:
        return derivative.program
    like = derivative.name if derivative.name in problem.values else next(iter(problem.values), "")
    style = style_of(problem, like, derivative.counts)
    style.of_any_shape = problem.of_any_shape and derivative.name in problem.values
    taken = names_in(problem.module) | ({problem.seed} if problem.seed else set())
    lines = []
    if derivative.definition is not None:
        made = formula_lines(derivative.definition, style, taken)
        lines += [f"{part or derivative.name} = {text}" for part, text in made]
        taken |= {part for part, _ in made if part}
    found = formula_lines(derivative.term, style, taken)
    lines += [f"{part} = {text}" if part else text for part, text in found]
    return "\n".join(lines)


def _latex(problem: Problem, d: Derivative) -> str:
    from gradcli.render.latex import derivative_text, latex_lines
    from gradcli.render.latexwords import bracketed, name_text

    left = derivative_text(d.name, problem.order)
    if problem.seed is not None:
        left = rf"{bracketed(left)}^{{\top}} {name_text(problem.seed)}"
    definition = None if d.definition is None else (d.name, d.definition)
    return latex_lines(left, d.term, d.program, problem.sizes, definition)
