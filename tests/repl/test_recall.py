"""`:explain`, `:diff` and `:check` at the prompt work on what was entered."""

import io

import pytest

from gradcli import Session
from gradcli.cli.atprompt import talk
from gradcli.environment import Environment

TUTORIAL = """\
import torch
x = torch.ones(2,2, requires_grad=True)
y = x + 2
z = y * y * 3
out = z.mean()
out.backward()
"""
LOOP = """\
y = torch.zeros(3)
x = torch.tensor([2.2441, 1.7583, -1.2006], requires_grad=True)
y = x * 2
while y.data.norm() < 1000:
    y = y * 2

"""
FUNCTIONS = """\
import torch.nn.functional as F
w = torch.tensor([1., 2.], requires_grad=True)
def loss(h):
    return F.relu(h * w).sum()

unused = loss(w)
l = loss(w + 1)
"""

LATER = """\
x = torch.tensor([1., 2.], requires_grad=True)
w = torch.tensor([3., 3.], requires_grad=True)
y = w * x
w = x ** 2
y = w * x
x.register_hook(lambda g: g * 3)
"""


def said(entries):
    stdin = io.TextIOWrapper(io.BytesIO(entries.encode()), "utf-8")
    out, err = io.StringIO(), io.StringIO()
    talk(Session(), Environment(stdin, out, err, {}))
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("before", "command", "ends"),
    [
        (TUTORIAL, ":explain out", "  y = x + 2\n    g = dout/dy = [[4.5, 4.5], [4.5, 4.5]]\n    dy/dx = 1\n"),
        (TUTORIAL, ":explain out", "dout/dx = 1.5*(x + 2)\n        = [[4.5, 4.5], [4.5, 4.5]]\n"),
        (TUTORIAL, ":diff out", "1.5*(x + 2)\n"),
        (TUTORIAL, ":diff out --to latex", "\\[ \\frac{\\partial f}{\\partial x} = \\frac{3}{2} (x + 2) \\]\n"),
        (TUTORIAL, ":diff z.mean() --wrt y", "y = x + 2\n1.5*y\n"),
        (TUTORIAL, ":diff mean(3*(x+2)**2)", "1.5*(x + 2)\n"),
        (TUTORIAL, ":check out", "20 derivatives checked, all agree\n"),
        (LOOP, ":explain y --seed 0.1,1,0.0001", "  y1 = 2*x = [4.4882, 3.5166, -2.4012]\n"),
        (LOOP, ":explain y --seed 0.1,1,0.0001", "dl/dx = 512*v\n      = [51.2, 512, 0.0512]\n"),
        (FUNCTIONS, ":diff l", "(2*w + 1)*(w*(w + 1) > 0)\n"),
        (LATER, ":diff y", "9*x**2\n"),
        (LATER, ":explain y", "dl/dx = 9*x**2\n      = [9, 36]\n"),
        ("a = 0.5\n", ":diff sin(a)**2", "2*sin(a)*cos(a)\n"),
        ("x = torch.ones(2)\n", ":diff x**2", "2*x\n"),
        ("x = torch.ones(2, requires_grad=True)\ny = x * 3\ny[0] = 1\n", ":diff y.sum()", "select_scatter("),
        ("x = torch.ones(2, requires_grad=True)\nx.register_hook(lambda g: g * 2)\n", ":explain x * x", "= [4, 4]\n"),
    ],
)
def test_what_was_entered_is_recalled(before, command, ends):
    out, err = said(f"{before}{command}\n")
    assert ends in out, out + err


@pytest.mark.parametrize(
    ("before", "command", "message"),
    [
        (
            "x = torch.ones(3, requires_grad=True)\ny = torch.rand(3) * x\n",
            ":explain y",
            "y would not come out as it is",
        ),
        ("total = 1.0\n", ":diff totl * 2", "name 'totl' is not defined\n  hint: did you mean total?"),
        ("", ":explain", ":explain needs EXPR"),
        ("", ":diff x**2 --x 3", ":diff takes an expression and options"),
        ("", ":check x**2 --tolerance 3", "takes an expression and options"),
        ("x = torch.ones(2)\n", ":explain x +", "line 1"),
    ],
)
def test_what_cannot_be_recalled(before, command, message):
    out, err = said(f"{before}{command}\n")
    assert (out, message in err) == ("", True), err


def test_nothing_of_the_conversation_changes():
    out, err = said(TUTORIAL + ":explain out\n:check out\nprint(x.grad, out)\n")
    assert err == ""
    after = out.rsplit("all agree\n", 1)[1]
    assert after == "tensor([[4.5000, 4.5000],\n        [4.5000, 4.5000]]) tensor(27., grad_fn=<MeanBackward0>)\n"
