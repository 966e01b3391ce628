"""Pooling against loops over every window, its indices, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError


def windows(size: int, kernel: int, stride: int, pad: int, dilation: int, ceil: bool) -> list[list[int]]:
    """The indices inside the input of each window along one dimension."""
    found = []
    start = -pad
    last = size + pad - dilation * (kernel - 1) - 1
    while start <= last or (ceil and start < size and start - stride < last):
        found.append([i for i in range(start, start + kernel * dilation, dilation) if 0 <= i < size])
        start += stride
    return found


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "dilation"), [(2, 2, 0, 1), (3, 1, 1, 1), (3, 2, 1, 1), (2, 3, 1, 2)]
)
@pytest.mark.parametrize("ceil", [False, True])
def test_max_pool_against_loops(kernel: int, stride: int, pad: int, dilation: int, ceil: bool) -> None:
    x = np.random.default_rng(0).standard_normal((2, 9))
    session = Session()
    session.set("x", x)
    rest = f"{kernel}, {stride}, {pad}, {dilation}, ceil_mode={ceil}"
    expected = [[row[at].max() for at in windows(9, kernel, stride, pad, dilation, ceil)] for row in x]
    assert np.array_equal(session.eval(f"F.max_pool1d(x, {rest})").numpy(), expected)
    session.run(f"y, at = F.max_pool1d(x, {rest}, return_indices=True)")
    assert np.array_equal(np.take_along_axis(x, session["at"].numpy(), 1), expected)


def test_the_first_of_equal_elements_is_taken() -> None:
    session = Session()
    session.run("x = torch.ones(1, 1, 4, 4, requires_grad=True)\nF.max_pool2d(x, 2).sum().backward()")
    assert np.array_equal(session["x"].grad.numpy()[0, 0, :2, :2], [[1, 0], [0, 0]])


def test_nan_wins() -> None:
    assert np.isnan(Session().eval("F.max_pool1d(torch.tensor([[nan, 1., 2.]]), 3)").numpy()).all()


def test_unpooling_puts_elements_back() -> None:
    session = Session()
    session.run("x = torch.arange(16.).reshape(1, 1, 4, 4)\ny, at = F.max_pool2d(x, 2, return_indices=True)")
    back = session.eval("F.max_unpool2d(y, at, 2)").numpy()
    assert np.array_equal(back[0, 0, 1], [0, 5, 0, 7])
    assert back.sum() == 5 + 7 + 13 + 15


@pytest.mark.parametrize("include", [True, False])
def test_avg_pool_counts_the_padding_or_not(include: bool) -> None:
    got = Session().eval(f"F.avg_pool1d(torch.ones(1, 1, 4), 3, 1, 1, count_include_pad={include})").numpy()[0, 0]
    assert np.allclose(got, [2 / 3, 1, 1, 2 / 3] if include else 1)


@pytest.mark.parametrize("out", [1, 2, 3, 4, 5, 7, 9])
def test_adaptive_windows_cover_the_input(out: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 7))
    bounds = [(i * 7 // out, -((i + 1) * 7 // -out)) for i in range(out)]
    session = Session()
    session.set("x", x)
    mean = [[row[a:b].mean() for a, b in bounds] for row in x]
    assert np.allclose(session.eval(f"F.adaptive_avg_pool1d(x, {out})").numpy(), mean)
    largest = [[row[a:b].max() for a, b in bounds] for row in x]
    assert np.array_equal(session.eval(f"F.adaptive_max_pool1d(x, {out})").numpy(), largest)


def test_torch_adaptive_max_pool1d_gives_the_indices_too() -> None:
    session = Session()
    session.run("y, at = torch.adaptive_max_pool1d(torch.arange(6.).reshape(1, 6), 2)")
    assert session["at"].numpy().tolist() == [[2, 5]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("F.max_pool2d(torch.ones(3), 2)", "the input must have 3 dimensions, or 4"),
        ("F.max_pool1d(torch.ones(1, 1, 4), 0)", "kernel_size is 0"),
        ("F.max_pool1d(torch.ones(1, 1, 4), 5)", "has no room"),
        ("F.max_pool1d(torch.ones(1, 1, 4), 2, padding=2)", "more than half"),
        ("F.avg_pool2d(torch.ones(1, 4, 4), 2, divisor_override=0)", "cannot be 0"),
        ("F.max_pool2d(torch.ones(1, 4, 4), (2, 2, 2))", "3 numbers"),
        ("F.max_unpool1d(torch.ones(1, 2), torch.tensor([[1, 9]]), 2)", "not one of 0 to 3"),
    ],
)
def test_refusals(call: str, message: str) -> None:
    with pytest.raises(GradcliError) as caught:
        Session().run(call)
    assert message in str(caught.value)
