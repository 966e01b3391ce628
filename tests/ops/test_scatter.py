"""Gathering and scattering: equal places, broadcasting, integers, gradients where values are overwritten."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError

START = """
x = torch.tensor([1., 2., 3., 4.], requires_grad=True)
s = torch.tensor([5., 6., 7.], requires_grad=True)
i = torch.tensor([0, 0, 2])
"""


def run(program: str) -> Session:
    session = Session()
    session.run(START + program)
    return session


@pytest.mark.parametrize(
    ("expression", "value", "of_x", "of_s"),
    [
        ("x.scatter(0, i[1:], s[1:])", [6, 2, 7, 4], [0, 1, 0, 1], [0, 1, 1]),
        ("x.scatter_add(0, i, s)", [12, 2, 10, 4], [1, 1, 1, 1], [1, 1, 1]),
        ("x.index_add(0, i, s, alpha=2)", [23, 2, 17, 4], [1, 1, 1, 1], [2, 2, 2]),
        ("x.scatter_reduce(0, i, s, 'prod')", [30, 2, 21, 4], [30, 1, 7, 1], [6, 5, 3]),
        ("x.scatter_reduce(0, i, s, 'mean', include_self=False)", [5.5, 2, 7, 4], [0, 1, 0, 1], [0.5, 0.5, 1]),
        ("x.scatter_reduce(0, i, s, 'amax')", [6, 2, 7, 4], [0, 1, 0, 1], [0, 1, 1]),
        ("x.index_fill(0, i, 9.)", [9, 2, 9, 4], [0, 1, 0, 1], None),
        ("x.index_copy(0, i[1:], s[1:])", [6, 2, 7, 4], [0, 1, 0, 1], [0, 1, 1]),
        ("x.index_put((i,), s, accumulate=True)", [12, 2, 10, 4], [1, 1, 1, 1], [1, 1, 1]),
        ("x.put(i[1:], s[1:])", [6, 2, 7, 4], [0, 1, 0, 1], [0, 1, 1]),
        ("x.masked_fill(x > 2, s.sum())", [1, 2, 18, 18], [1, 1, 0, 0], [2, 2, 2]),
        ("x.masked_scatter(x > 2, s)", [1, 2, 5, 6], [1, 1, 0, 0], [1, 1, 0]),
        ("x.gather(0, i)", [1, 1, 3], [2, 0, 1, 0], None),
        ("x.take(i)", [1, 1, 3], [2, 0, 1, 0], None),
        ("x.index_select(0, i)", [1, 1, 3], [2, 0, 1, 0], None),
        ("x.masked_select(x > 2)", [3, 4], [0, 0, 1, 1], None),
        ("torch.select_scatter(x, s[0], 0, 1)", [1, 5, 3, 4], [1, 0, 1, 1], [1, 0, 0]),
        ("torch.slice_scatter(x, s[:2], 0, 1, None, 2)", [1, 5, 3, 6], [1, 0, 1, 0], [1, 1, 0]),
    ],
)
def test_values_and_gradients(expression: str, value: list, of_x: list, of_s: list | None) -> None:
    session = run(f"y = {expression}\ny.sum().backward()")
    assert session["y"].numpy().tolist() == value
    assert session["x"].grad.numpy().tolist() == of_x
    assert (session["s"].grad is None) if of_s is None else session["s"].grad.numpy().tolist() == of_s


def test_products_with_a_zero_have_the_product_of_the_others() -> None:
    session = run("x = torch.ones(1)\ns = torch.tensor([2., 0., 3.], requires_grad=True)\n")
    session.run("x.scatter_reduce(0, torch.zeros(3, dtype=torch.int64), s, 'prod').backward()")
    assert session["s"].grad.numpy().tolist() == [0, 6, 0]


def test_integers() -> None:
    session = Session()
    session.run("n = torch.tensor([5, -3, 2])\nk = torch.tensor([0, 0, 1])")
    assert session.eval("n.scatter_reduce(0, k, torch.tensor([1, 2, 3]), 'mean')").numpy().tolist() == [2, 0, 2]
    assert session.eval("n.scatter_reduce(0, k, k, 'amax', include_self=False)").numpy().tolist() == [0, 1, 2]
    assert session.eval("n.masked_fill(n > 0, 1.9)").numpy().tolist() == [1, -3, 1]


def test_embedding_leaves_out_the_padding() -> None:
    session = Session()
    session.run(
        "w = torch.ones(3, 2, requires_grad=True)\n"
        "F.embedding(torch.tensor([0, 2, 2]), w, padding_idx=-1).sum().backward()"
    )
    assert session["w"].grad.numpy().tolist() == [[1, 1], [0, 0], [0, 0]]
    session.run("w.grad = None\nF.embedding(torch.tensor([0, 2, 2]), w, scale_grad_by_freq=True).sum().backward()")
    assert session["w"].grad.numpy().tolist() == [[1, 1], [0, 0], [1, 1]]


def test_searching() -> None:
    session = Session()
    session.run("edges = torch.tensor([[1., 3.], [0., 2.]])\nv = torch.tensor([[0., 3.], [0., 3.]])")
    assert session.eval("torch.searchsorted(edges, v)").numpy().tolist() == [[0, 1], [0, 2]]
    assert session.eval("torch.searchsorted(edges, v, right=True)").numpy().tolist() == [[0, 2], [1, 2]]
    assert session.eval("torch.bucketize(v, edges[0], out_int32=True)").numpy().dtype == np.int32


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("x.scatter(0, torch.tensor([4]), 1.)", "index 4 is out of range"),
        ("x.gather(0, torch.tensor([-1]))", "index -1 is out of range"),
        ("x.index_add(0, i, s.double())", "the values are of torch.float64"),
        ("x.scatter_reduce(0, i, s, 'median')", "reduce is 'median'"),
        ("x.masked_scatter(x > 0, s)", "4 places, and there are 3 values"),
        ("x.masked_fill(i > 0, 1)", "do not broadcast"),
        ("F.one_hot(torch.tensor([3]), 2)", "class 3 is out of range"),
    ],
)
def test_refused(expression: str, message: str) -> None:
    with pytest.raises(GradcliError, match=message):
        run("").eval(expression)
