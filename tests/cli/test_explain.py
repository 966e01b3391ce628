"""`gradcli explain`: the steps, the numbers, and why a gradient is missing."""

import re

import numpy as np
import pytest

from gradcli import Session
from tests.simplify.test_generated_formulas import gradient, point, programs

TUTORIAL = """\
Forward
  x = [[1, 1], [1, 1]]
  y = x + 2 = [[3, 3], [3, 3]]
  t1 = y**2 = [[9, 9], [9, 9]]
  z = 3*t1 = [[27, 27], [27, 27]]
  o = mean(z) = 27

Backward: the cotangent g that comes in, times the local derivative, goes on
  g = 1 for o, since do/do = 1
  o = mean(z)
    g = do/do = 1
    do/dz = 0.25
    to z: g * do/dz = (g/4).expand(2, 2) = [[0.25, 0.25], [0.25, 0.25]]
  z = 3*t1
    g = do/dz = [[0.25, 0.25], [0.25, 0.25]]
    dz/dt1 = 3
    to t1: g * dz/dt1 = 3*g = [[0.75, 0.75], [0.75, 0.75]]
  t1 = y**2
    g = do/dt1 = [[0.75, 0.75], [0.75, 0.75]]
    dt1/dy = 2*y
    to y: g * dt1/dy = 2*g*y = [[4.5, 4.5], [4.5, 4.5]]
  y = x + 2
    g = do/dy = [[4.5, 4.5], [4.5, 4.5]]
    dy/dx = 1
    to x: g * dy/dx = g = [[4.5, 4.5], [4.5, 4.5]]

do/dx = 1.5*(x + 2)
      = [[4.5, 4.5], [4.5, 4.5]]
"""


def test_the_tutorial(call):
    ended = call("explain", "y = x + 2; z = 3*y**2; o = mean(z); o", "--x", "ones:2,2")
    assert (ended.status, ended.out, ended.err) == (0, TUTORIAL, "")


def test_paths_add_up(call):
    ended = call("explain", "sum(x.exp() + x.sin())", "--x", "1,2")
    assert "x: 2 paths add up: through t1, t2" in ended.out


def test_a_small_jacobian_is_written_out(call):
    ended = call("explain", "x * x", "--x", "1,2", "--seed", "1,10")
    assert "J = dout/dx, a row for each element of out:\n  [2, 0]\n  [0, 4]\nJ^T v with v = [1, 10]\n" in ended.out
    assert ended.out.endswith("dout/dx = 2*v*x\n        = [2, 40]\n")


def test_why_a_gradient_is_missing(call):
    ended = call("explain", "sum(x.detach()*w)", "--x", "1,2", "--w", "3,4")
    assert ended.out.endswith("x has no gradient: detached here\n  sum(x.detach()*w)\n      ^^^^^^^^\n")


def test_an_integer_has_no_gradient(call):
    ended = call("explain", "sum(x*t)", "--x", "1,2", "--t", "tensor([1, 2])")
    assert "t has no gradient: it is int64, and only floating-point tensors have gradients" in ended.out


def test_markdown_and_latex(call):
    table = call("explain", "sum(x**2)", "--x", "1,2", "--to", "markdown")
    assert "| step | value | cotangent g in | passes on |" in table.out
    page = call("explain", "sum(x**2)", "--x", "1,2", "--to", "latex")
    assert r"\frac{\partial \mathrm{out}}{\partial x} = 2 x" in page.out


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
