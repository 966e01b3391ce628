"""Formulas as LaTeX."""

import shutil
import subprocess

import pytest

from gradcli.cli.diff import differentiate
from gradcli.cli.problem import Problem
from gradcli.language.parse import parse_program
from gradcli.render.latex import escaped, latex_lines, name_text
from gradcli.source import Source
from tests.simplify.test_generated_formulas import point, programs
from tests.simplify.test_golden_formulas import cases, printed

WIDEST = 60.0  # points that a line may reach into the margin, which is 57


@pytest.mark.parametrize(
    ("name", "text"), [("x", "x"), ("alpha", r"\alpha"), ("w1", "w_{1}"), ("out", r"\mathrm{out}"), ("x_2", "x_{2}")]
)
def test_names(name, text):
    assert name_text(name) == text


def test_special_characters_are_escaped():
    assert escaped("a_b%{x}") == r"a\_b\%\{x\}"


def formula(text, at=0):
    source = Source(text)
    problem = Problem(parse_program(source), source, "float64")
    problem.values = {name: value for name, value in point(at).items() if name in text or name == "x"}
    problem.wrt = ["x"]
    found = differentiate(problem)[0]
    return latex_lines("x", found.term, found.program, problem.sizes)


def test_shared_parts_have_lines_of_their_own():
    assert formula("logdet(atan(x) @ atan(x).T + eye(2))").startswith(r"\[ \begin{aligned}")
    assert formula("sum(x**2)") == r"\[ \frac{\partial f}{\partial x} = 2 \, x \]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sum(1/(1 + x**2))", r"= -\frac{2 \, x}{\left(x^{2} + 1\right)^{2}}"),
        ("sum(log(1 + x**2))", r"= \frac{2 \, x}{x^{2} + 1}"),
        ("sum((x @ b)**2)/5", r"= \frac{2}{5} \, x \, b \, b^{\top}"),
    ],
)
def test_brackets_stand_where_they_are_needed(text, shown):
    assert shown in formula(text)


def documents():
    """All golden and generated formulas, as TeX."""
    yield r"\documentclass{article}\usepackage{amsmath}\usepackage[margin=2cm]{geometry}\begin{document}"
    for line, _ in cases():
        yield printed(f"{line} --to latex")
    for at, text in programs():
        yield formula(text, at)
    yield r"\end{document}"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_formulas_compile_and_fit_a_page(tmp_path):
    (tmp_path / "formulas.tex").write_text("\n\n".join(documents()), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "formulas.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    wide = [float(line.split("(")[1].split("pt")[0]) for line in done.stdout.splitlines() if "Overfull" in line]
    assert sum(width > WIDEST for width in wide) <= 10, sorted(wide)
