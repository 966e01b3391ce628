"""Derivatives in the form that was asked for: text, LaTeX, or a function of torch, numpy or jax."""

from __future__ import annotations

from collections.abc import Sequence

from gradcli.cli.diff import text_of
from gradcli.cli.problem import Derivative, Problem


def output_text(problem: Problem, derivatives: Sequence[Derivative], to: str, with_test: bool) -> str:
    """What `gradcli diff` prints."""
    if to == "latex":
        from gradcli.render.latex import latex_lines

        return "".join(latex_lines(d.name, d.term, d.program, problem.sizes) + "\n" for d in derivatives)
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
