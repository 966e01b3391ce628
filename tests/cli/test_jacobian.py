"""`gradcli jacobian` and `gradcli hessian`: tensors, labelled matrices, json, csv, npz."""

import io
import json

import numpy as np
import pytest


def fine(ended, out, err=""):
    assert (ended.status, ended.out, ended.err) == (0, out, err)


def test_text_is_torchs_tensor_for_each_variable(call):
    fine(
        call("jacobian", "x**2 * a", "--x", "1,2,3", "--a", "2"),
        "x.jacobian: y (3,) by x (3,)\n"
        "tensor([[ 4.,  0.,  0.],\n        [ 0.,  8.,  0.],\n        [ 0.,  0., 12.]])\n"
        "a.jacobian: y (3,) by a ()\ntensor([1., 4., 9.])\n",
    )


def test_the_shape_is_that_of_the_output_and_then_the_variable(call):
    ended = call("jacobian", "x.sum(0)", "--x", "ones:2,3", "--json")
    found = json.loads(ended.out)
    assert found["jacobian"]["x"]["shape"] == [3, 2, 3]
    assert found["output"]["shape"] == [3]


def test_assigned_names(call):
    ended = call("jacobian", "h = x * 2; h.exp()", "--x", "0,0", "--wrt", "h,x")
    assert ended.out == (
        "h.jacobian: y (2,) by h (2,)\ntensor([[1., 0.],\n        [0., 1.]])\n"
        "x.jacobian: y (2,) by x (2,)\ntensor([[2., 0.],\n        [0., 2.]])\n"
    )


def test_tuples_have_a_block_for_each_output(call):
    ended = call("jacobian", "(x * 2, x.sum())", "--x", "1,2")
    assert "y_0.x.jacobian: y_0 (2,) by x (2,)\n" in ended.out
    assert "y_1.x.jacobian: y_1 () by x (2,)\ntensor([1., 1.])\n" in ended.out
    found = json.loads(call("jacobian", "(x * 2, x.sum())", "--x", "1,2", "--json").out)
    assert [block["shape"] for block in found["jacobian"]["x"]] == [[2, 2], [2]]


def test_csv_is_the_labelled_matrix(call):
    fine(
        call("jacobian", "z = x.sum(1) * a; z", "--x", "ones:2,2", "--a", "3", "--format", "csv"),
        ',"x[0,0]","x[0,1]","x[1,0]","x[1,1]",a\nz[0],3.0,3.0,0.0,0.0,2.0\nz[1],0.0,0.0,3.0,3.0,2.0\n',
    )


def test_npz(call, tmp_path):
    words = ("jacobian", "x * a", "--x", "1,2", "--a", "3", "--format", "npz")
    file = np.load(io.BytesIO(call(*words).out))
    assert sorted(file) == ["a.jacobian", "x.jacobian"]
    assert file["x.jacobian"].tolist() == [[3, 0], [0, 3]]
    call(*words, "-o", str(tmp_path / "j.npz"))
    assert np.load(tmp_path / "j.npz")["a.jacobian"].tolist() == [1, 2]


def test_a_variable_that_is_not_used_has_zeros(call):
    ended = call("jacobian", "x * 2 + 0 * a.detach()", "--x", "1,2", "--a", "3", "--json")
    assert json.loads(ended.out)["jacobian"]["a"]["data"] == [0.0, 0.0]


def test_an_integer_variable_is_left_out(call):
    ended = call("jacobian", "x * n", "--x", "1,2", "--n", "tensor([1, 2])")
    assert ended.status == 0
    assert "n" in ended.err
    assert "n.jacobian" not in ended.out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("jacobian", "3", "--x", "1"), "never names it"),
        (("jacobian", "[1, 2]"), "gives no tensor"),
        (("jacobian", "x.int()", "--x", "tensor([1])"), "nothing to derive by"),
        (("jacobian", "x * 2", "--x", "1", "--wrt", "y"), "there is no variable y"),
        (("hessian", "x * 2", "--x", "1,2"), "second derivatives are those of one number"),
        (("hessian", "(x, x)", "--x", "1"), "second derivatives are those of one number"),
        (("jacobian", "x @ w", "--x", "1,2"), "give it a value: --w VALUE"),
    ],
)
def test_refusals(call, words, part):
    ended = call(*words)
    assert ended.status in (1, 2)
    assert ended.out == ""
    assert part in ended.err


def test_the_hessian_has_a_block_for_each_pair(call):
    fine(
        call("hessian", "(x**3).sum() * a", "--x", "1,2", "--a", "3"),
        "x.x.hessian: x (2,) by x (2,)\ntensor([[18.,  0.],\n        [ 0., 36.]])\n"
        "x.a.hessian: x (2,) by a ()\ntensor([ 3., 12.])\n"
        "a.x.hessian: a () by x (2,)\ntensor([ 3., 12.])\n"
        "a.a.hessian: a () by a ()\ntensor(0.)\n",
    )
    found = json.loads(call("hessian", "(x**3).sum() * a", "--x", "1,2", "--a", "3", "--json").out)
    assert found["hessian"]["x"]["a"]["data"] == [3.0, 12.0]


def test_the_hessian_as_csv(call):
    ended = call("hessian", "x @ m @ x", "--x", "1,2", "--m", "[[1,2],[3,4]]", "--wrt", "x", "--format", "csv")
    fine(ended, ",x[0],x[1]\nx[0],2.0,5.0\nx[1],5.0,8.0\n")


def test_what_the_program_prints_comes_first(call):
    ended = call("jacobian", "print('hello'); x * 2", "--x", "1")
    assert ended.out == "hello\nx.jacobian: y () by x ()\ntensor(2.)\n"
    ended = call("jacobian", "print('hello'); x * 2", "--x", "1", "--json")
    assert ended.err == "hello\n"


TABLE = """\
jacobian of y by w and x, 2 x 6
a row for each element of the output, a column for each element of the variables
"""


def test_on_a_terminal_one_labelled_matrix(terminal):
    out = terminal("jacobian", "w @ x", "--w", "[[1,2],[3,4]]", "--x", "5,6")
    assert out.startswith(TABLE)
    lines = out.splitlines()
    assert lines[2].split() == ["w[0,0]", "w[0,1]", "w[1,0]", "w[1,1]", "│", "x[0]", "x[1]"]
    assert lines[4].split() == ["y[0]", "5", "6", "0", "0", "│", "1", "2"]
    assert lines[5].split() == ["y[1]", "0", "0", "5", "6", "│", "3", "4"]


def test_a_wide_matrix_is_continued_and_a_large_one_elided(terminal):
    out = terminal("jacobian", "x.exp()", "--x", "randn:50", "--manual-seed", "0")
    assert max(map(len, out.splitlines())) <= 80
    assert "..." in out
    assert "not all are shown" in out
    assert len(out.splitlines()) < 100


def test_a_large_matrix_is_fast(process):
    ended = process("jacobian", "torch.tanh(w @ x)", "--w", "randn:1000,1000", "--x", "randn:1000", "--wrt", "x")
    assert ended.status == 0
    assert ended.out.startswith("x.jacobian: y (1000,) by x (1000,)\ntensor([[")


def test_a_variable_is_not_broken_over_lines_where_it_fits_one(terminal):
    out = terminal("hessian", "(w @ x).exp().sum()", "--w", "zeros:2,3", "--x", "ones:3")
    heads = [line.split() for line in out.splitlines() if "x[0]" in line and "x[1]" in line]
    assert heads == [["x[0]", "x[1]", "x[2]"]] or heads[0][-3:] == ["x[0]", "x[1]", "x[2]"]


def test_long_names_are_shortened_in_the_labels_and_whole_in_the_title(terminal):
    out = terminal("jacobian", "weights_of_layer * 2", "--weights_of_layer", "1,2")
    assert "by weights_of_layer" in out
    assert "weight…ayer[0]  weight…ayer[1]" in out


def test_names_that_would_look_the_same_are_whole(terminal):
    out = terminal("jacobian", "weights_one_layer * weights_two_layer", "--weights_one_layer", "1,2",
                   "--weights_two_layer", "3")  # fmt: skip
    assert "weights_one_layer[0]" in out


def test_a_matrix_without_elements(terminal):
    assert terminal("jacobian", "x * 2", "--x", "zeros:0").endswith("it has no elements\n")
