"""`gradcli jvp` and `gradcli hvp`: products with a Jacobian or a Hessian."""

import io
import json

import numpy as np
import pytest


def test_jvp(call):
    ended = call("jvp", "x**2 * a", "--x", "1,2", "--a", "3", "--tangent", "x=1,0")
    assert ended.out == "tensor([ 3., 12.], grad_fn=<MulBackward0>)\njvp:\ntensor([6., 0.])\n"
    both = call("jvp", "x**2 * a", "--x", "1,2", "--a", "3", "--tangent", "x=1,0", "--tangent", "a=1")
    assert both.out.endswith("jvp:\ntensor([7., 4.])\n")


def test_jvp_of_a_tuple(call):
    ended = call("jvp", "(x * 2, x.sum())", "--x", "1,2", "--tangent", "x=1,1", "--json")
    assert [part["data"] for part in json.loads(ended.out)["jvp"]] == [[2.0, 2.0], 2.0]


def test_hvp(call):
    ended = call("hvp", "(x**3).sum() * a", "--x", "1,2,3", "--a", "3", "--tangent", "x=1,0,0")
    assert ended.out.endswith("x.hvp:\ntensor([18.,  0.,  0.])\na.hvp:\ntensor(3.)\n")
    found = json.loads(call("hvp", "(x**3).sum()", "--x", "1,2", "--tangent", "x=ones:2", "--json").out)
    assert found["hvp"]["x"]["data"] == [6.0, 12.0]


def test_a_tangent_is_any_value(call, tmp_path):
    np.save(tmp_path / "t.npy", np.array([1.0, 2.0]))
    ended = call("jvp", "x * 3", "--x", "1,2", "--tangent", f"x=@{tmp_path / 't.npy'}", "--json")
    assert json.loads(ended.out)["jvp"]["data"] == [3.0, 6.0]
    assert json.loads(call("jvp", "x * 3", "--x", "1,2", "--tangent=x=-x", "--json").out)["jvp"]["data"] == [-3.0, -6.0]


def test_csv_and_npz(call):
    words = ("jvp", "x * 3", "--x", "1,2", "--tangent", "x=1,0")
    assert call(*words, "--format", "csv").out == "name,index,value\noutput.jvp,0,3.0\noutput.jvp,1,0.0\n"
    assert np.load(io.BytesIO(call(*words, "--format", "npz").out))["output.jvp"].tolist() == [3, 0]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("jvp", "x * 2", "--x", "1,2"), "--tangent x=ones:2"),
        (("jvp", "x * 2", "--x", "1,2", "--tangent", "y=1"), "nothing is derived by y"),
        (("jvp", "x * 2", "--x", "1,2", "--tangent", "x"), "--tangent needs NAME=VALUE"),
        (("jvp", "x * 2", "--x", "1,2", "--tangent", "x=1"), "has shape (), and x (2,)"),
        (("jvp", "x * 2", "--x", "1,2", "--tangent", "x=1,2", "--tangent", "x=1,2"), "gives x twice"),
        (("hvp", "x * 2", "--x", "1,2", "--tangent", "x=1,2"), "second derivatives are those of one number"),
    ],
)
def test_refusals(call, words, part):
    ended = call(*words)
    assert ended.status in (1, 2)
    assert ended.out == ""
    assert part in ended.err
