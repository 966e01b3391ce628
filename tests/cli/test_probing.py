"""`gradcli check` of many elements: along blocks of them, and element by element where these do not agree."""

import json
import re

import pytest

SLOW = pytest.mark.slow
WRONG = """\
class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sin(x)
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        factor = torch.ones_like(x)
        factor[{at}] = 1.001
        return g * torch.cos(x) * factor
Own.apply(x){end}
"""


def checked(call, *words):
    ended = call("check", *words, "--manual-seed", "1", "--json")
    return ended.status, json.loads(ended.out), ended.err


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("sin(x).sum()", ["--x", "randn:10000"]),
        ("x * 2", ["--x", "randn:5000"]),
        ("relu(x).sum()", ["--x", "randn:3000"]),  # a step over many kinks
        ("(x.median() + x.max()) * y", ["--x", "randn:2000", "--y", "3"]),
        pytest.param("log_softmax(x @ w, 1)", ["--x", "randn:100,20", "--w", "randn:20,10"], marks=SLOW),
        pytest.param("x.exp().sum()", ["--x", "randn(2000) * 1e-6"], marks=SLOW),
    ],
)
def test_many_elements_that_agree(call, expression, values):
    status, found, err = checked(call, expression, *values)
    assert (status, found["verdict"], found["unclear"]) == (0, "ok", 0)
    assert found["checked"] < 3000
    assert "checked along directions that move blocks of them" in err


@pytest.mark.parametrize("end", [".sum()", pytest.param("", marks=SLOW), pytest.param(".cumsum(0)", marks=SLOW)])
def test_one_wrong_element_of_many_is_found(call, tmp_path, end):
    program = tmp_path / "own.py"
    program.write_text(WRONG.format(at=234, end=end))
    status, found, _ = checked(call, "-f", str(program), "--x", "randn:600")
    wrong = [row for row in found["rows"] if row["verdict"] != "ok"]
    assert (status, {row["element"] for row in wrong}) == (1, {"x[234]"})
    assert wrong[0]["relative_error"] == pytest.approx(1e-3, rel=0.02)


@SLOW
def test_where_all_are_wrong_some_are_told(call, tmp_path):
    program = tmp_path / "own.py"
    program.write_text(WRONG.format(at=":", end=".sum()"))
    status, found, _ = checked(call, "-f", str(program), "--x", "randn:600", "--order", "1")
    wrong = {row["element"] for row in found["rows"] if row["verdict"] != "ok"}
    assert status == 1
    assert any(re.fullmatch(r"x\[\d+\]", element) for element in wrong)
    assert any(" to " in element for element in wrong)  # not all blocks are taken apart


def test_blocks_are_called_by_their_ends(call):
    _, found, _ = checked(call, "x.sin().sum()", "--x", "randn:100,100", "--order", "1")
    assert found["rows"][0]["element"] == "x[0,0] to x[3,12]"
    assert found["rows"][-1]["element"].endswith(" to x[99,99]")
