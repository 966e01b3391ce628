"""Which tensor a name means: the same in every command that differentiates."""

import json

import numpy as np
import pytest

ONE, TWO = np.array([2.0, 4.0]), np.array([4.0, 8.0])  # twice x = 1, 2, and twice that
# program, name, first and second derivatives
CASES = [
    pytest.param("x = x * 2; x = x.sin(); (x ** 2).sum()", "x", 2 * np.sin(TWO), 8 * np.cos(TWO), id="given"),
    pytest.param("h = x * 2; h = h.sin(); (h ** 2).sum()", "h", 2 * np.sin(ONE), [2, 2], id="assigned"),
    pytest.param(
        "x = (x * 2).detach().requires_grad_(); (x.sin() ** 2).sum()", "x", np.sin(TWO), 2 * np.cos(TWO), id="leaf"
    ),
]


@pytest.mark.parametrize(("program", "name", "first", "second"), CASES)
def test_all_commands_mean_the_same_tensor(call, program, name, first, second):
    def found(command, *more):
        ended = call(
            command, program, "--x", "1,2", "--wrt", name, *more, "--json", variables={"GRADCLI_DTYPE": "float64"}
        )
        assert ended.status == 0, ended
        return json.loads(ended.out)

    assert found("eval")["grads"][name]["data"] == pytest.approx(first)
    assert found("jacobian")["jacobian"][name]["data"] == pytest.approx(first)
    assert np.diagonal(found("hessian")["hessian"][name][name]["data"]) == pytest.approx(second)
    assert found("jvp", "--tangent", f"{name}=1,0")["jvp"]["data"] == pytest.approx(first[0])
    assert found("hvp", "--tangent", f"{name}=1,0")["hvp"][name]["data"] == pytest.approx([second[0], 0])
    rows = [row["derivative"] for row in found("check")["rows"] if row["order"] == 1]
    assert rows == pytest.approx(first)


@pytest.mark.parametrize(("program", "name", "first", "second"), CASES)
def test_explain_ends_with_that_gradient(call, program, name, first, second):
    ended = call("explain", program, "--x", "1,2", "--wrt", name)
    assert ended.out.endswith(f"= [{first[0]:.6g}, {first[1]:.6g}]\n")


@pytest.mark.parametrize(("order", "formula"), [("1", "8*x"), ("2", "full_like(x, 8.0)")])
def test_diff_by_what_is_given(call, order, formula):
    """Of this derivative the formula can be evaluated anywhere; shapes may be unknown."""
    program = "x = x * 2; (x ** 2).sum()"
    assert call("diff", program, "--wrt", "x", "--order", order).out == f"{formula}\n"


def test_a_name_that_is_no_tensor_any_more(call):
    ended = call("eval", "y = (x * 3).sum(); x = 'done'; y", "--x", "1,2")
    assert ended.out == "tensor(9., grad_fn=<SumBackward0>)\nx.grad:\ntensor([3., 3.])\n"


@pytest.mark.parametrize(
    ("command", "ends"),
    [
        ("eval", "x.grad:\ntensor([[4.5000, 4.5000],\n        [4.5000, 4.5000]])\n"),
        ("diff", "x = ones((2, 2))\n1.5*(x + 2)\n"),
        ("explain", "dout/dx = 1.5*(x + 2)\n        = [[4.5, 4.5], [4.5, 4.5]]\n"),
        ("check", "20 derivatives checked, all agree\n"),
        ("jacobian", "tensor([[4.5000, 4.5000],\n        [4.5000, 4.5000]])\n"),
    ],
)
def test_leaves_of_the_program_without_being_named(call, command, ends):
    program = "import torch\nx = torch.ones(2,2, requires_grad=True)\ny = x + 2\nout = (y * y * 3).mean()\nout"
    ended = call(command, program)
    assert ended.out.endswith(ends), ended


@pytest.mark.parametrize("command", ["explain", "diff", "check", "jacobian"])
@pytest.mark.parametrize("last", ["print(out)", "out.backward()"])
def test_what_a_program_is_to_end_with(call, command, last):
    ended = call(command, f"x = torch.ones(2, requires_grad=True); out = x.sum(); {last}")
    assert (ended.out, "hint: end with what it is about: out\n" in ended.err) == ("", True)
