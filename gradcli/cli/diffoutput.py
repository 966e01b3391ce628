"""Derivatives in the form that was asked for: text, LaTeX, or a function of torch, numpy or jax."""

from __future__ import annotations

from collections.abc import Sequence

from gradcli.cli.diff import text_of
from gradcli.cli.problem import Derivative, Problem


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


def _latex(problem: Problem, d: Derivative) -> str:
    from gradcli.render.latex import derivative_text, latex_lines
    from gradcli.render.latexwords import bracketed, name_text

    left = derivative_text(d.name, problem.order)
    if problem.seed is not None:
        left = rf"{bracketed(left)}^{{\top}} {name_text(problem.seed)}"
    definition = None if d.definition is None else (d.name, d.definition)
    return latex_lines(left, d.term, d.program, problem.sizes, definition)
