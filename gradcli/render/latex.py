"""Derivatives as displayed formulas of LaTeX, for a document that uses amsmath."""

from __future__ import annotations

from collections.abc import Mapping

from gradcli.graph.terms import Term
from gradcli.render.latexterms import LatexWriter
from gradcli.render.latexwords import escaped, name_text, width

LINE = 80  # letters: about as wide as a page


def latex_lines(
    left: str,
    term: Term | None,
    program: str,
    sizes: Mapping[int, str],
    definition: tuple[str, Term] | None = None,
) -> str:
    """A derivative as a displayed formula; shared and wide parts have lines of their own before it.

    left: what stands before the equals sign. definition: a name that the program assigns, and what it is.
    """
    if term is None:
        return rf"\[ {left} = \texttt{{{escaped(program)}}} \]"
    rows: list[tuple[str, str]] = []
    symbols: dict[str, str] = {}
    taken: set[str] = set()
    for name, part in [*([definition] if definition else []), ("", term)]:
        writer = LatexWriter(part, sizes, taken)
        writer.symbols = symbols
        for own, text in writer.lines():
            rows += _broken(own or (name_text(name) if name else left), text, writer.split)
        taken |= {name, *writer.given}
    where = "".join(rf", \qquad {s} = \mathtt{{{escaped(text)}}}" for text, s in symbols.items())
    return displayed([*rows[:-1], (rows[-1][0], rows[-1][1] + where)])


def derivative_text(name: str, order: int = 1, of: str = "f") -> str:
    """The derivative by a variable, as a fraction."""
    times = f"^{{{order}}}" if order > 1 else ""
    shown = name_text(name)
    below = rf"\partial ({shown}){times}" if times and "_" in shown else rf"\partial {shown}{times}"
    return rf"\frac{{\partial{times} {of}}}{{{below}}}"


def latex(root: Term, sizes: Mapping[int, str] | None = None) -> str:
    """A term as LaTeX, for math mode, in one piece."""
    return Whole(root, sizes).lines()[-1][1]


class Whole(LatexWriter):
    """Writes a formula without lines for its parts."""

    def worth_naming(self, term: Term, text: str) -> bool:
        """No part has a line of its own."""
        return False


def displayed(rows: list[tuple[str, str]]) -> str:
    """Equations as one displayed formula, aligned at their signs; a row without a left side goes on."""
    if len(rows) == 1:
        return rf"\[ {rows[0][0]} = {rows[0][1]} \]"
    lines = [f"{left} &= {text}" if left else rf"&\quad {text}" for left, text in rows]
    return "\\[ \\begin{aligned}\n  " + " \\\\\n  ".join(lines) + "\n\\end{aligned} \\]"


def _broken(left: str, text: str, split: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """An equation, in several rows where a sum or a list is wider than a page."""
    if width(text) <= LINE or text not in split:
        return [(left, text)]
    rows = [""]
    for part in split[text]:
        if rows[-1] and width(rows[-1] + part) > LINE:
            rows.append("{}")
        rows[-1] += f" {part}"
    return [(left if at == 0 else "", row.strip()) for at, row in enumerate(rows)]
