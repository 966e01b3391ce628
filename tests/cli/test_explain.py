"""`gradcli explain`: the steps, the numbers, and why a gradient is missing."""

import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from gradcli import Session
from gradcli.cli.explainarrays import rows
from gradcli.cli.main import run_command
from gradcli.environment import Environment
from tests.cli.conftest import Terminal
from tests.simplify.test_generated_formulas import gradient, point, programs

TUTORIAL = """\
Forward
  x = [[1, 1], [1, 1]]
  y = x + 2 = [[3, 3], [3, 3]]
  t1 = y**2 = [[9, 9], [9, 9]]
  z = 3*t1 = [[27, 27], [27, 27]]
  o = mean(z) = 27

Backward
  (g = do/d(step) is what comes in, g times the local derivative goes on)
  o = mean(z)
    g = do/do = 1
    do/dz = 0.25
    to z: g * do/dz = 1 * 0.25 = [[0.25, 0.25], [0.25, 0.25]]
  z = 3*t1
    g = do/dz = [[0.25, 0.25], [0.25, 0.25]]
    dz/dt1 = 3
    to t1: g * dz/dt1 = [[0.25, 0.25], [0.25, 0.25]] * 3
                      = [[0.75, 0.75], [0.75, 0.75]]
  t1 = y**2
    g = do/dt1 = [[0.75, 0.75], [0.75, 0.75]]
    dt1/dy = 2*y = [[6, 6], [6, 6]]
    to y: g * dt1/dy = [[0.75, 0.75], [0.75, 0.75]] * [[6, 6], [6, 6]]
                     = [[4.5, 4.5], [4.5, 4.5]]
  y = x + 2
    g = do/dy = [[4.5, 4.5], [4.5, 4.5]]
    dy/dx = 1
    to x: g * dy/dx = [[4.5, 4.5], [4.5, 4.5]]

do/dx = 1.5*(x + 2)
      = [[4.5, 4.5], [4.5, 4.5]]
"""


@pytest.mark.parametrize("square", ["y**2", "y * y"])
def test_the_tutorial(call, square):
    ended = call("explain", f"y = x + 2; z = 3 * ({square}); o = mean(z); o", "--x", "ones:2,2")
    assert (ended.status, ended.out, ended.err) == (0, TUTORIAL, "")


def test_paths_add_up(call):
    ended = call("explain", "y = x * 2; y.exp() + y", "--x", "0")
    assert "    y is reached by 2 paths, which add up:\n      through out: 1\n      through t1: 1\n" in ended.out
    ended = call("explain", "sum(x.exp() + x.sin())", "--x", "0")
    assert "\nx is reached by 2 paths, which add up:\n  through t2: 1\n  through t1: 1\n" in ended.out


JACOBIAN = """\
J = dout/dx, a row for each element of out:
          x[0]  x[1]
  out[0]     2     0
  out[1]     0    -4
J^T v with v = [1, 10]:
  x[0] = 2*1 + 0*10 = 2
  x[1] = 0*1 + (-4)*10 = -40
dl/dx = 2*v*x
      = [2, -40]
"""


def test_a_small_jacobian_and_its_product_are_written_out(call):
    ended = call("explain", "x * x", "--x", "1,-2", "--seed", "1,10")
    assert "(with the seed v take l = sum(v*out); g = dl/d(step) is what comes in," in ended.out
    assert ended.out.endswith(JACOBIAN)


@pytest.mark.parametrize(
    ("expression", "x", "last"), [("x / 0", "1,-1", "= [inf, inf]"), ("x * 2", "zeros(0, 3)", "= []")]
)
def test_no_jacobian_of_nothing_or_of_infinities(call, expression, x, last):
    ended = call("explain", expression, "--x", x)
    assert (ended.status, ended.out.count("J^T")) == (0, 0)
    assert ended.out.splitlines()[-1].endswith(last)


def test_without_a_seed_the_elements_are_added_up(call):
    assert "(no --seed was given, so take l = sum(out);" in call("explain", "x * x", "--x", "1,2").out


def test_several_outputs(call):
    ended = call("explain", "a = x * 2; (a, x * y)", "--x", "1,2", "--y", "3", "--seed", "1,1", "--seed", "0,5")
    assert "take l = sum(v0*a) + sum(v1*out1);" in ended.out
    assert ended.out.endswith("dl/dy = sum(v1*x)\n      = 10\n")
    assert "dl/dx = v1*y + 2*v0\n      = [2, 17]\n" in ended.out


def test_a_broadcast_input_gets_the_sum_over_its_copies(call):
    ended = call("explain", "sum(x * b)", "--x", "[[1, 2], [3, 4]]", "--b", "1,0")
    assert "    to b, which is repeated: the sum of g * dt1/db = [4, 6]\n" in ended.out


def test_where_elements_mix_the_rule_is_shown(call):
    ended = call("explain", "sum(w @ x)", "--x", "1,2", "--w", "[[1, 0], [2, 1]]")
    assert "J^T g does, J\n  being its Jacobian)" in ended.out or "J being its Jacobian)" in ended.out
    assert "    to x: J^T g = w.T @ g = [3, 1]\n" in ended.out


def test_only_paths_that_lead_to_what_is_asked_for_are_followed(call):
    ended = call("explain", "y = x * w; y.exp().sum()", "--x", "1,2", "--w", "3,4", "--wrt", "y")
    assert "to y:" in ended.out
    assert "to x:" not in ended.out
    twice = call("explain", "y = x * 2; z = y; (z * z).sum()", "--x", "1,2", "--wrt", "y")
    assert twice.out.endswith("= [4, 8]\n")


def test_copies_are_no_steps(call):
    ended = call("explain", "y = x * 2; y.add_(1); y.contiguous().clone().sum()", "--x", "1,2")
    assert ended.out.split("\n\n")[0].splitlines()[1:] == [
        "  x = [1, 2]", "  y1 = 2*x = [2, 4]", "  y = y1 + 1 = [3, 5]", "  out = sum(y) = 8",
    ]  # fmt: skip


def test_hooks_are_applied_and_named(call):
    ended = call(
        "explain", "x.register_hook(lambda g: g * 2); y = x * x; y.register_hook(lambda g: -g); y.sum()", "--x", "1,2"
    )
    assert "(after a hook of the program)" in ended.out
    assert "a hook of the program changes what arrives, [-2, -4]" in ended.out
    assert ended.out.endswith("= [-4, -8]\n")


def test_random_numbers_and_loops_on_values(call):
    drawn = call("explain", "dropout(x, 0.5).sum()", "--x", "1,2,3", "--manual-seed", "3")
    wanted = call("eval", "dropout(x, 0.5).sum()", "--x", "1,2,3", "--manual-seed", "3", "--json")
    assert drawn.out.splitlines()[-1].endswith(str(json.loads(wanted.out)["grads"]["x"]["data"]).replace(".0", ""))
    loop = "y = x * 2\nwhile y.data.norm() < 1000:\n    y = y * 2\ny"
    ended = call("explain", loop, "--x", "2.2441,1.7583,-1.2006", "--seed", "0.1,1.0,0.0001")
    assert ended.out.splitlines()[-1].endswith("= [51.2, 512, 0.0512]")


def test_a_long_program_is_shown_by_its_ends(call):
    ended = call("explain", "y = x\nfor i in range(500):\n    y = y * 1.001\ny", "--x", "1")
    assert ended.out.count("  ... 476 steps are left out here\n") == 2
    assert ended.out.splitlines()[-1] == "dy/dx = 1.64835"
    sums = call("explain", "y = x\nfor i in range(150):\n    y = y + sin(x)\ny", "--x", "1").out
    assert "\nx is reached by 151 paths, which add up:\n" in sums
    assert sums.count("  ... 127 paths are left out here\n") == 1
    assert len(sums.splitlines()) < 200


def test_a_variable_that_is_assigned_anew(call):
    ended = call("explain", "x = x * 2; x.sin()", "--x", "1")
    assert "  x2 = 2*x = 2\n" in ended.out
    assert ended.out.endswith("\ndout/dx = 2*cos(2*x)\n        = -0.832294\n")


def test_a_leaf_that_the_program_makes(call):
    program = "h = torch.tensor([1.0, 2.0], requires_grad=True); (x * h.sin()).sum()"
    ended = call("explain", program, "--x", "3", "--wrt", "h")
    assert "  h = [1, 2]\n" in ended.out
    assert ended.out.endswith("= [1.62091, -1.24844]\n")


def test_a_formula_that_nobody_would_read_is_not_printed(call):
    loop = "h = x\nfor i in range(60):\n    h = tanh(h * w)\nh.sum()"
    ended = call("explain", loop, "--x", "0.5,1", "--w", "1,2", "--wrt", "x")
    assert "(the formula of the whole is long: gradcli diff prints it)\ndout/dx = [" in ended.out


def test_what_is_taken_for_granted_stands_before_the_numbers(call):
    ended = call("explain", "norm(x)", "--x", "3,4")
    assert ended.out.endswith(
        "(where the norm is not 0 (there the gradient is taken to be 0))\ndout/dx = x/norm(x)\n        = [0.6, 0.8]\n"
    )


def test_large_arrays_are_summarised_and_fit_the_screen(terminal, call):
    words = ("explain", "h = tanh(x @ w); (h**2).mean(0)", "--x", "randn:30,40", "--w", "randn:40,3", "--b", "1")
    words = (*words[:-2], "--manual-seed", "0")
    shown = terminal(*words)
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("...] (3") == 0
    assert "(30, 40)" in shown
    assert len(re.findall(r"-?\d\.\d+(?:e-\d+)?", shown.split("dl/dw")[-1])) < 30
    piped = call(*words).out
    assert len(re.findall(r"-?\d[\d.]*(?:e-\d+)?", piped.rsplit("dl/dw", 1)[-1].split("= [", 1)[-1])) == 120
    assert max(map(len, piped.splitlines())) <= 80


def test_a_small_gradient_is_one_line_for_whoever_reads_the_last(call, terminal):
    words = (
        "explain",
        "sum(x**2)",
        "--x",
        "[[-1.23456e-5, -2.34567e-5, -3.45678e-5], [-1.11111e-5, -2.22222e-5, -3.33333e-5]]",
    )
    last = call(*words).out.splitlines()[-1]
    assert last.count(",") == 5
    assert last.startswith("        = [[")
    assert terminal(*words).splitlines()[-1].count(",") == 2


def test_colour_only_where_it_is_allowed(call):
    out, text = Terminal(), ("explain", "x**2", "--x", "3")
    run_command(list(text), Environment(io.StringIO(), out, io.StringIO(), {"COLUMNS": "80"}))
    assert "\x1b[1mForward\x1b[0m" in out.getvalue()
    assert re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()) == call(*text).out


@pytest.mark.parametrize(
    ("array", "room", "shown"),
    [
        (np.arange(3.0), 80, ["[0, 1, 2]"]),
        (np.arange(20.0), 80, ["[0, 1, 2, ..., 17, 18, 19] (20,)"]),
        (np.arange(20.0), 20, ["[0, ..., 19] (20,)"]),
        (np.array([[1.0, -20.0], [3.0, 4.0]]), 80, ["[[  1, -20],", " [  3,   4]]"]),
        (np.zeros((9, 2)), 80, ["[[0, 0],", " [0, 0],", " [0, 0],", " ...", " [0, 0],", " [0, 0],", " [0, 0]] (9, 2)"]),
        (np.zeros((1, 2, 2)), 80, ["[[[0, 0],", "  [0, 0]]]"]),
        (np.zeros((9, 1, 2)), 80, ["[[[0, 0]],", " ...", " [[0, 0]]] (9, 1, 2)"]),
    ],
)
def test_arrays_in_rows(array, room, shown):
    assert rows(array, room) == shown


def test_why_a_gradient_is_missing(call):
    ended = call("explain", "sum(x.detach()*w)", "--x", "1,2", "--w", "3,4")
    assert "\nx has no gradient: detached here\n  sum(x.detach()*w)\n      ^^^^^^^^\n" in ended.out
    assert ended.out.endswith("\n\ndout/dw = x\n        = [1, 2]\n")


@pytest.mark.parametrize(
    ("program", "why", "place"),
    [
        ("(w.detach() * w).sum() + x.argmax()", "argmax is flat, so nothing flows through it", "x.argmax"),
        ("where(x > 0, w, -w).sum()", "a comparison is flat, so nothing flows through it", "x > 0"),
        ("y = x * 2; z = y.data; (z * w).sum()", "taken out of the graph here (.data)", "y.data"),
        ("a = x.sum().item()\nb = a * 2\n(w * b).sum()", "made a Python number here", "x.sum().item"),
        ("(w * float(x.sum())).sum()", "made a Python number here", "float"),
        (
            "with torch.no_grad():\n    y = x * 2\n(y * w).sum()",
            "nothing is recorded inside no_grad",
            "torch.no_grad()",
        ),
        ("y = x * 2; w.detach(); w.sum()", "it is not used on the way to the output", "x"),
        ("y = x.detach() > 0; w.sum()", "it is not used on the way to the output", "x"),
        ("def f(a):\n    return a.detach()\n(f(x) * w).sum()", "detached here", "a.detach"),
        ("(lambda a: a.data)(x).sum() * w.sum()", "taken out of the graph here (.data)", "a.data"),
        ("w.sum() * len(x)", "only its size is used here", "len"),
        ("w.sum() if x.sum() > 0 else x.sum()", "it only decides which way the program goes", "x.sum() > 0"),
        (
            "torch.set_grad_enabled(False)\ny = x * 2\ntorch.set_grad_enabled(True)\n(y * w).sum()",
            "nothing is recorded where it is used",
            "torch.set_grad_enabled(False)",
        ),
        (
            "(special.bessel_j0(x) * w).sum()",
            "special.bessel_j0 has no rule for its derivative",
            "special.bessel_j0(x)",
        ),
    ],
)
def test_the_place_where_a_path_ends(call, program, why, place):
    ended = call("explain", program, "--x", "1,2", "--w", "3,4")
    lines = ended.out.splitlines()
    at = lines.index(f"x has no gradient: {why}")
    begin = lines[at + 2].index("^")
    assert lines[at + 1][begin : begin + lines[at + 2].count("^")] == place


def test_a_large_array_that_is_drawn_has_a_name(call):
    ended = call("explain", "(x * torch.randn(20)).sum()", "--x", "ones:20", "--manual-seed", "3")
    assert "  c1 = [" in ended.out
    assert "    (drawn or computed on the way, without a gradient)\n  t1 = x*c1\n" in ended.out


def test_an_integer_has_no_gradient(call):
    ended = call("explain", "sum(x*t)", "--x", "1,2", "--t", "tensor([1, 2])")
    assert "t has no gradient: it is int64, and only floating-point tensors have gradients" in ended.out


def test_markdown(call):
    table = call(
        "explain",
        "y = x**2; sum(y*(y > 1 | y > 5))".replace("y > 1 | y > 5", "(y > 1) | (y > 5)"),
        "--x",
        "1,2",
        "--to",
        "markdown",
    ).out
    assert "| step | `g` | local derivative | goes on |" in table
    assert "| `y = x**2` | `[0, 1]` | `dy/dx = 2*x = [2, 4]` | to `x`: `g * dy/dx` = `[0, 4]` |" in table
    rows_of = [line for line in table.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) in (4, 5) for line in rows_of)
    assert table.rstrip().endswith("= [0, 4]\n```")


def test_a_variable_without_value(call):
    ended = call("explain", "x**2")
    assert ended.status == 1
    assert "x has no value" in ended.err


EXPRESSIONS = [
    "mean(3*(x+2)**2)", "sum(softmax(x, 0)**2)", "logsumexp(x, 0)", "norm(x)", "x[0]*x[1]", "sum(x.max(0).values)",
    "sum(layer_norm(x, (3,))**3)", "y = x*2; y = y*y; sum(y + x)", "var(x)", "prod(x)", "sum(where(x > 1, x, x**2))",
]  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_last_number_is_the_gradient(call, expression):
    ended = call("explain", expression, "--x", "1,3,-2")
    assert ended.status == 0, ended
    session = Session()
    session.set("x", np.array([1, 3, -2], np.float32), requires_grad=True)
    session.eval(expression).backward()
    last = [line for line in ended.out.splitlines() if line.strip().startswith("= ")][-1]
    found = [float(word) for word in re.findall(r"-?[\d.]+(?:e[-+]?\d+)?", last)]
    assert np.allclose(found, session["x"].grad.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("at", "text"), list(programs()), ids=lambda part: str(part))
def test_the_last_number_of_generated_programs_is_the_gradient(call, at, text):
    values = {name: v for name, v in point(at).items() if re.search(rf"\b{name}\b", text)}
    given = [
        word for name, v in values.items() for word in (f"--{name}", f"tensor({v.tolist()}, dtype=torch.{v.dtype})")
    ]
    ended = call("explain", text, "--dtype", "float64", "--wrt", "x", *given)
    assert ended.status == 0, ended
    last = [line for line in ended.out.splitlines() if line.startswith("  ") and line.strip().startswith("= ")][-1]
    found = [float(word) for word in re.findall(r"-?[\d.]+(?:e[-+]?\d+)?", last[: last.rindex("]")])]
    wanted = gradient(text, values, "x").reshape(-1)
    assert np.allclose(found, wanted, rtol=1e-5, atol=1e-5 * max(1, abs(wanted).max()))


PAGES = [
    ("y = x + 2; z = 3*y**2; o = mean(z); o", "--x", "ones:2,2"),
    ("x * x", "--x", "1,-2", "--seed", "1,10"),
    ("sum((x @ w + b)**2)", "--x", "[[1, 2], [3, 4]]", "--w", "0.5,-1", "--b", "0.1"),
    ("cross_entropy(x, t)", "--x", "randn:4,9", "--t", "tensor([2, 0, 1, 8])"),
    ("layer_norm(x, (3,)).prod()", "--x", "1,2,4"),
    ("sum(x.detach()*w_1)", "--x", "1,2", "--w_1", "3,4"),
    ("conv1d(x, w).sum()", "--x", "randn:2,1,5", "--w", "randn:1,1,3"),
    ("scaled_dot_product_attention(q, k, v).sum()", "--q", "randn:1,2,3", "--k", "randn:1,2,3", "--v", "randn:1,2,3"),
    ("1/x + x.cumprod(0).sum() + torch.linalg.det(outer(x, x)) * x.sort()[0][0]", "--x", "0,1e-7"),
    ("for i in range(40):\n    x = x * 1.001\nx", "--x", "1"),
    ("(x * 2, dropout(y_0, 0.5) + 1e-5)", "--x", "1,2", "--y_0", "3,4"),
]  # fmt: skip


@pytest.mark.parametrize("words", PAGES, ids=lambda words: words[0])
def test_latex_is_well_formed(call, words):
    ended = call("explain", *words, "--to", "latex")
    assert ended.status == 0, ended
    math = re.sub(r"\\begin\{verbatim\}.*?\\end\{verbatim\}", "", ended.out, flags=re.DOTALL)
    for opened, closed in (("{", "}"), (r"\[", r"\]"), (r"\begin", r"\end"), (r"\left", r"\right")):
        assert math.count(opened) == math.count(closed)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(call, tmp_path):
    pages = [call("explain", *words, "--to", "latex").out for words in PAGES]
    head = r"\documentclass{article}\usepackage{amsmath}\usepackage[margin=2cm]{geometry}\begin{document}"
    (tmp_path / "pages.tex").write_text("\n\n".join([head, *pages, r"\end{document}"]), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "pages.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    wide = [float(line.split("(")[1].split("pt")[0]) for line in done.stdout.splitlines() if "Overfull" in line]
    assert all(w < 60 for w in wide), sorted(wide)
