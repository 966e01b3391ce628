"""`gradcli eval`: values, gradients, notes, formats, what ends up where."""

import io
import json

import numpy as np
import pytest

ONE_LINER = """\
tensor(27., grad_fn=<MeanBackward1>)
x.grad:
tensor([[4.5000, 4.5000],
        [4.5000, 4.5000]])
"""
EXPRESSION = "mean(3*(x+2)**2)"


def fine(ended, out, err=""):
    assert (ended.status, ended.out, ended.err) == (0, out, err)


@pytest.mark.parametrize("value", ["ones(2,2)", "ones:2,2", "[[1,1],[1,1]]", "torch.ones(2, 2)"])
def test_the_one_liner(call, value):
    fine(call("eval", EXPRESSION, "--x", value), ONE_LINER)


def test_as_a_process(process):
    fine(process("eval", EXPRESSION, "--x", "ones(2,2)"), ONE_LINER)


def test_where_the_expression_comes_from(call, tmp_path):
    (tmp_path / "e.txt").write_text("y = x + 2\nz = y * y * 3\nz.mean()\n")
    fine(call("eval", "-f", str(tmp_path / "e.txt"), "--x", "ones:2,2"), ONE_LINER)
    fine(call("eval", "-", "--x", "ones:2,2", stdin=EXPRESSION), ONE_LINER)
    fine(call("eval", "--x", "ones:2,2", "--", EXPRESSION), ONE_LINER)
    fine(call("eval", "y = x + 2; mean(3*y**2)", "--x", "ones:2,2"), ONE_LINER)


def test_names_of_both_versions(call):
    assert "MeanBackward0" in call("eval", "mean(x)", "--x", "1", "--names", "torch2").out
    assert "MeanBackward0" in call("eval", "mean(x)", "--x", "1", variables={"GRADCLI_NAMES": "torch2"}).out
    assert "MeanBackward1" in call("eval", "mean(x)", "--x", "1").out


def test_values_see_the_variables_before(call):
    fine(
        call("eval", "x*y", "--x", "3", "--y", "-x"),
        "tensor(-9., grad_fn=<MulBackward0>)\nx.grad:\ntensor(-3.)\ny.grad:\ntensor(3.)\n",
    )


def test_numbers_take_the_default_dtype(call):
    words = ("eval", "x*2", "--x", "3", "--dtype", "float64")
    assert call(*words).out == "tensor(6., grad_fn=<MulBackward0>)\nx.grad:\ntensor(2.)\n"
    assert json.loads(call(*words, "--json").out)["output"]["dtype"] == "float64"


def test_values_that_begin_with_a_minus(call):
    assert call("eval", "x.abs()", "--x", "-1e-3").out.startswith("tensor(0.0010, grad_fn=<AbsBackward")


def test_seed(call):
    fine(
        call("eval", "x*2", "--x", "1,2", "--seed", "1,10"),
        "tensor([2., 4.], grad_fn=<MulBackward0>)\nx.grad:\ntensor([ 2., 20.])\n",
    )


def test_a_vector_without_seed(call):
    fine(
        call("eval", "x*2", "--x", "1,2"),
        "tensor([2., 4.], grad_fn=<MulBackward0>)\n",
        "note: the output has shape (2,), so gradients need a seed, the v of y.backward(v): --seed ones:2\n",
    )
    assert json.loads(call("eval", "x*2", "--x", "1,2", "--json").out)["grads"] is None


def test_a_seed_that_does_not_fit(call):
    ended = call("eval", "x*2", "--x", "1,2", "--seed", "1,2,3")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == "error: --seed has shape (3,), and the output (2,)\n  hint: --seed ones:2\n"


def test_tuples_have_a_seed_for_each_output(call):
    words = ("eval", "(x*2, x.sum())", "--x", "1,2")
    fine(
        call(*words, "--seed", "1,1", "--seed", "10"),
        "(tensor([2., 4.], grad_fn=<MulBackward0>), tensor(3., grad_fn=<SumBackward0>))\nx.grad:\ntensor([12., 12.])\n",
    )
    assert "one --seed for each output" in call(*words, "--seed", "1,1").err
    output = json.loads(call(*words, "--json").out)["output"]
    assert [item["shape"] for item in output] == [[2], []]
    assert call(*words).err == (
        "note: the outputs have shapes (2,), (), so gradients need a seed for each, the v of y.backward(v): "
        "--seed ones:2 --seed 1\n"
    )


def test_the_tensors_of_a_list_are_outputs_too(call):
    fine(
        call("eval", "[x*2, y]", "--x", "1", "--y", "4"),
        "[tensor(2., grad_fn=<MulBackward0>), tensor(4., requires_grad=True)]\n"
        "x.grad:\ntensor(2.)\ny.grad:\ntensor(1.)\n",
    )
    fine(call("diff", "[x**2, y]", "--wrt", "x", "--x", "1", "--y", "4"), "2*x\n")
    assert call("check", "[x**2, x]", "--x", "1").status == 0
    assert call("jacobian", "[x*2, x]", "--x", "1").out.startswith("y_0.x.jacobian: y_0 () by x ()")


def test_max_of_a_dimension_needs_no_seed_for_its_indices(call):
    ended = call("eval", "x.max(0)", "--x", "1,3,2", "--seed", "1")
    assert ended.status == 0
    assert ended.out.endswith("x.grad:\ntensor([0., 1., 0.])\n")


def test_wrt_restricts(call):
    ended = call("eval", "x*y", "--x", "2", "--y", "3", "--wrt", "y")
    fine(ended, "tensor(6., grad_fn=<MulBackward0>)\ny.grad:\ntensor(2.)\n")


def test_wrt_of_an_assigned_name(call):
    ended = call("eval", "y = x*2; y**2", "--x", "3", "--wrt", "y")
    fine(ended, "tensor(36., grad_fn=<PowBackward0>)\ny.grad:\ntensor(12.)\n")


def test_wrt_of_no_variable(call):
    ended = call("eval", "weight*2", "--weight", "3", "--wrt", "wieght")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == "error: --wrt: there is no variable wieght\n  hint: did you mean weight?\n"
    ended = call("eval", "a*b", "--a", "3", "--b", "2", "--wrt", "z")
    assert ended.err == "error: --wrt: there is no variable z\n  hint: the variables are a, b\n"


def test_leaves_of_the_program_have_gradients_too(call):
    fine(
        call("eval", "x = ones(2, requires_grad=True); (x*3).sum()"),
        "tensor(6., grad_fn=<SumBackward0>)\nx.grad:\ntensor([3., 3.])\n",
    )


def test_a_backward_of_the_program_does_not_count(call):
    out = call("eval", "(x*x).backward(); x*5", "--x", "3").out
    assert out.endswith("x.grad:\ntensor(5.)\n")


@pytest.mark.parametrize(
    ("expression", "value", "note"),
    [
        (
            "x[k].sum()",
            "tensor([0, 1])",
            "k has no gradient: it is int64, and only floating-point tensors have gradients",
        ),
        ("x.sum() + k.detach().sum()", "1.", "k has no gradient: it is detached on the way to the output (detach)"),
        ("k; x.sum()", "1.", "k has no gradient: it is not used on the way to the output, or only by"),
    ],
)
def test_notes_on_variables_without_gradient(call, expression, value, note):
    ended = call("eval", expression, "--x", "1,2", "--k", value)
    assert ended.status == 0
    assert ended.err.startswith(f"note: {note}")
    assert "k.grad" not in ended.out


def test_no_grad(call):
    fine(call("eval", "x*2", "--x", "3", "--no-grad"), "tensor(6.)\n")


def test_outputs_that_are_no_tensors(call):
    fine(call("eval", "1 + 2"), "3\n")
    fine(call("eval", "f'{2.5:.2f}'"), "2.50\n")
    fine(call("eval", "[1, 'a']"), "[1, 'a']\n")
    fine(call("eval", "print('hello')"), "hello\n")


def test_what_the_program_prints_comes_first(call):
    fine(call("eval", "print('a'); 1"), "a\n1\n")
    ended = call("eval", "print('a'); 1", "--json")
    assert ended.err == "a\n"
    assert json.loads(ended.out)["output"]["data"] == 1


def test_json(call):
    expected = {
        "output": {
            "dtype": "float32",
            "shape": [],
            "requires_grad": True,
            "grad_fn": "MeanBackward1",
            "data": 27.0,
        },
        "grads": {"x": {"dtype": "float32", "shape": [2, 2], "data": [[4.5, 4.5], [4.5, 4.5]]}},
    }
    for form in (["--json"], ["--format", "json"], ["--format=json"]):
        assert json.loads(call("eval", EXPRESSION, "--x", "ones:2,2", *form).out) == expected


def test_json_is_read_back(call, tmp_path):
    text = call("eval", "x*1", "--x", "[0.1, nan, inf, -inf, 1e-45]", "--json").out
    assert '[0.1, "NaN", "Infinity", "-Infinity", 1e-45]' in text
    (tmp_path / "a.json").write_text(text)
    again = call("eval", "x*1", "--x", f"@{tmp_path}/a.json:output", "--json").out
    assert json.loads(again)["output"]["data"] == json.loads(text)["output"]["data"]


def test_json_errors(call):
    ended = call("eval", "x @ w", "--x", "ones:2,3", "--w", "ones:4,2", "--json")
    assert (ended.status, ended.out) == (1, "")
    error = json.loads(ended.err)["error"]
    assert (error["kind"], error["line"], error["column"]) == ("ShapeError", 1, 3)


def test_csv(call):
    ended = call("eval", "x.sum()", "--x", "1,nan", "--format", "csv")
    fine(ended, "name,index,value\noutput,,NaN\nx.grad,0,1.0\nx.grad,1,1.0\n")


def test_npz(call, tmp_path):
    path = tmp_path / "a.npz"
    fine(call("eval", "(x**2).sum()", "--x", "1,2", "--format", "npz", "-o", str(path)), "")
    with np.load(path) as content:
        assert content["output"] == 5
        np.testing.assert_array_equal(content["x.grad"], [2, 4])
    piped = call("eval", "x+0", "--x", "1,2", "--format", "npz", "--no-grad").out
    np.testing.assert_array_equal(np.load(io.BytesIO(piped))["output"], [1, 2])


def test_output_files_are_written_whole_or_not_at_all(call, tmp_path):
    path = tmp_path / "out.txt"
    fine(call("eval", "1", "-o", str(path)), "")
    assert path.read_text() == "1\n"
    assert call("eval", "1 / 0", "-o", str(path)).status == 1
    assert path.read_text() == "1\n"
    assert call("eval", "1", "-o", str(tmp_path / "none" / "out.txt")).status == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.txt"]


def test_manual_seed(call):
    words = ("eval", "x", "--x", "randn:3", "--no-grad", "--manual-seed")
    assert call(*words, "0").out == call(*words, "0").out == "tensor([ 1.5410, -0.2934, -2.1788])\n"
    assert call(*words, "1").out != call(*words, "0").out


def test_timeout(call):
    ended = call("eval", "x = 0\nwhile True:\n    x = x + 1\nx", "--timeout", "0.2")
    assert (ended.status, ended.out) == (124, "")
    assert ended.err.startswith("error: the time limit of 0.2 seconds was reached")


def test_an_except_of_the_program_catches_no_timeout(call):
    program = "while True:\n    try:\n        while True:\n            pass\n    except:\n        pass\n1"
    assert call("eval", program, "--timeout", "0.2").status == 124
