"""Formulas as LaTeX: their notation, and that they are LaTeX, of every golden formula, program and op's sample."""

import re
import shutil
import subprocess

import pytest

from gradcli.cli.diff import differentiate
from gradcli.cli.problem import Problem
from gradcli.errors import GradcliError
from gradcli.graph.node import NeedsValue
from gradcli.language.syntax.parse import parse_program
from gradcli.render.latex import derivative_text, latex, latex_lines
from gradcli.render.latexwords import escaped, name_text, number_latex, width
from gradcli.simplify.formula import builder, simplified
from gradcli.source import Source
from tests.ops.check_declaration import cases as samples
from tests.simplify.test_formulas import OPS, SEEDED, Derivatives
from tests.simplify.test_generated_formulas import point, programs
from tests.simplify.test_golden_formulas import cases, printed

WIDEST = 60.0  # points that a line may reach into the margin, which is 57
COMMANDS = set(
    r"""\[ \] \begin \end \frac \partial \left \right \sum \sqrt \cdot \, \quad \qquad \text \texttt \mathtt \mathrm
    \mathbf \operatorname \top \odot \circ \times \otimes \wedge \vee \neg \le \ge \ne \infty \dim \lvert \rvert \lVert
    \rVert \bigl \bigr \lfloor \rfloor \lceil \rceil \sin \cos \tan \exp \log \sinh \cosh \tanh \sigma \det \max \min
    \arcsin \arccos \arctan \pi \psi \Gamma \\ \_ \{ \} \# \& \% \$""".split()
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x", "x"),
        ("alpha", r"\alpha"),
        ("w1", "w_{1}"),
        ("out", r"\mathrm{out}"),
        ("x_2", "x_{2}"),
        ("\N{GREEK SMALL LETTER LAMDA}1", r"\lambda_{1}"),
        ("\N{GREEK CAPITAL LETTER OMEGA}", r"\Omega"),
        ("\N{GREEK CAPITAL LETTER ALPHA}", r"\mathrm{Alpha}"),
    ],
)
def test_names(name, text):
    assert name_text(name) == text


def test_special_characters_are_escaped():
    assert escaped("a_b%{x}") == r"a\_b\%\{x\}"


def derivative(text, at=0):
    source = Source(text)
    problem = Problem(parse_program(source), source, "float64")
    problem.values = problem.known = {name: value for name, value in point(at).items() if name in text or name == "x"}
    problem.wrt = ["x"]
    return differentiate(problem)[0]


def formula(text, at=0):
    found = derivative(text, at)
    return latex_lines(derivative_text("x"), found.term, found.program, {})


def test_shared_parts_have_lines_of_their_own():
    assert formula("sum(layer_norm(tanh(x) @ M, (3,)) ** 3)").startswith(r"\[ \begin{aligned}")
    assert formula("sum(x**2)") == r"\[ \frac{\partial f}{\partial x} = 2 x \]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sum(1/(1 + x**2))", r"-\frac{2 x}{(x^{2} + 1)^{2}}"),
        ("sum(log(1 + x**2))", r"\frac{2 x}{x^{2} + 1}"),
        ("sum((x @ b)**2)/5", r"\frac{2}{5} x \, b \, b^{\top}"),
        ("sum(exp(-x**2))", r"-2 x \, e^{-x^{2}}"),
        ("sum(sin(x)**3)", r"3 \sin^{2}(x) \, \cos(x)"),
        ("sum(erf(x))", r"\frac{2 e^{-x^{2}}}{\sqrt{\pi}}"),
        ("sum(tanh(x) @ M)", r"(\sum_{\dim 1} M) \, (1 - \tanh^{2}(x))"),
        ("sum(tanh(x) * (x @ M))", r"\tanh(x) \, M^{\top} + (x \, M) \odot (1 - \tanh^{2}(x))"),
        ("sum(2**x)", r"2^{x} \, \log(2)"),
        ("sum(x/clamp(c, min=1e-6))", r"\frac{1}{\max(c, 10^{-6})}"),
        ("sum(relu(x)*c)", r"c \, \mathbf{1}[x > 0]"),
        ("sum(max(x, 1)[0])", r"\operatorname{one\_hot}({\max}_{1}(x)_{1}, 3)"),
        (
            "sum(x[0, 1:]**2)",
            r"2 \operatorname{select\_scatter}(\mathbf{0}, \operatorname{pad}(x_{0, 1:}, (1, 0)), 0, 0)",
        ),
        ("trace(inv(x @ x.T))", r"-2 (x \, x^{\top})^{-1} \, (x \, x^{\top})^{-1} \, x"),
    ],
)
def test_notation(text, shown):
    assert latex(derivative(text).term) == shown


def test_an_unknown_size_is_a_letter():
    assert printed('"mean(x**2)" --wrt x --to latex') == (
        r"\[ \frac{\partial f}{\partial x} = \frac{2 x}{n}, \qquad n = \mathtt{x.numel()} \]" + "\n"
    )
    assert r"\operatorname{pad}(\mathbf{1}, (0, n - 3))" in printed('"x[:3]" --wrt x --to latex')
    assert r"\frac{2 (x - n)}{m}" in printed('"mean((x - n)**2)" --wrt x --n 1 --to latex')


def test_what_is_on_the_left():
    assert printed("sin(x) --wrt x --x 1,2 --order 2 --to latex").startswith(
        r"\[ \frac{\partial^{2} f}{\partial x^{2}} ="
    )
    assert r"\left(\frac{\partial f}{\partial x}\right)^{\top} v = v \, \cos(x)" in printed(
        "sin(x) --wrt x --x 1,2 --seed v --to latex"
    )
    assert "y &= x + 2" in printed('"y = x + 2; mean(y*y)" --wrt y --x 1,2 --to latex')


def test_numbers():
    from fractions import Fraction

    shown = {"3": 3, r"\frac{1}{3}": Fraction(1, 3), "10^{-12}": 1e-12, r"\frac{2}{\sqrt{\pi}}": 1.1283791670955126}
    for text, value in shown.items():
        assert number_latex(Fraction(repr(value)) if isinstance(value, float) else Fraction(value))[0] == text


def well_formed(text):
    """Whether groups, brackets and environments are closed, indices are single, and every command is known."""
    bare = re.sub(r"\\[{}_%$#&]", "", text)
    opened = 0
    for letter in bare:
        opened += (letter == "{") - (letter == "}")
        assert opened >= 0, text
    assert opened == 0, text
    for start, end in ((r"\\left\b", r"\\right\b"), (r"\\begin\b", r"\\end\b")):
        assert len(re.findall(start, text)) == len(re.findall(end, text)), text
    while (flat := re.sub(r"\{[^{}]*\}", "G", bare)) != bare:
        assert not re.search(r"_G_|\^G\^", flat), text
        bare = flat
    unknown = set(re.findall(r"\\(?:[A-Za-z]+|.)", text, re.DOTALL)) - COMMANDS
    assert not unknown, text
    return True


def op_formulas():
    """The formula of each op's first sample, by each of its tensors."""
    for op in OPS:
        case = samples(op)[0]
        try:
            traced = Derivatives(case, SEEDED, case.arrays, deferring=True)
        except (GradcliError, NeedsValue):
            continue
        names = {n: f"a{at}" for at, n in enumerate(traced.leaves)} | {n: f"v{at}" for at, n in enumerate(traced.seeds)}
        for node in traced.found:
            yield latex_lines(derivative_text(names[node]), simplified(traced.found[node], names, builder()), "", {})


def test_formulas_of_ops_are_well_formed():
    found = list(op_formulas())
    assert len(found) > 600
    assert all(well_formed(text) for text in found)


def documents():
    """All golden and generated formulas, and those of the ops, as TeX."""
    yield r"\documentclass{article}\usepackage{amsmath}\usepackage[margin=2cm]{geometry}\begin{document}"
    for line, _ in cases():
        yield printed(f"{line} --to latex")
    for at, text in programs():
        yield formula(text, at)
    yield from op_formulas()
    yield r"\end{document}"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_formulas_compile_and_fit_a_page(tmp_path):
    (tmp_path / "formulas.tex").write_text("\n\n".join(documents()), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "formulas.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    wide = [float(line.split("(")[1].split("pt")[0]) for line in done.stdout.splitlines() if r"Overfull \hbox" in line]
    assert sum(w > WIDEST for w in wide) <= 1, sorted(wide)  # the formula of grid_sample


def test_a_wide_list_has_several_lines():
    (line,) = [line for line, _ in cases() if "chunk(4)" in line]
    lines = printed(f"{line} --to latex")
    assert r"\operatorname{cat}\bigl([" in lines
    assert lines.count(r"&\quad") == 2


def test_a_wide_sum_has_several_lines():
    text = formula(" + ".join(f"sum(sin({k}*x)*cos({k + 1}*x))" for k in range(1, 9)))
    assert text.count(r"&\quad") >= 2
    assert all(width(line) < 110 for line in text.splitlines())
