"""Convolutions against loops over every window, and what they refuse."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import DtypeError, GradcliError, ShapeError


def by_loops(x: np.ndarray, w: np.ndarray, stride: int, pad: int, dilation: int, groups: int) -> np.ndarray:
    """A convolution over two dimensions, one number at a time."""
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    reach = [dilation * (k - 1) + 1 for k in w.shape[2:]]
    rows, columns = ((n - r) // stride + 1 for n, r in zip(padded.shape[2:], reach, strict=True))
    each_in, each_out = x.shape[1] // groups, w.shape[0] // groups
    out = np.zeros((x.shape[0], w.shape[0], rows, columns))
    for n, o, i, j in product(*map(range, out.shape)):
        group = o // each_out
        window = padded[
            n,
            group * each_in : (group + 1) * each_in,
            i * stride : i * stride + reach[0] : dilation,
            j * stride : j * stride + reach[1] : dilation,
        ]
        out[n, o, i, j] = np.sum(window * w[o])
    return out


SETTINGS = [
    (stride, pad, dilation, groups) for stride in (1, 2) for pad in (0, 1) for dilation in (1, 2) for groups in (1, 2)
]


@pytest.mark.parametrize(("stride", "pad", "dilation", "groups"), SETTINGS)
def test_against_loops(stride: int, pad: int, dilation: int, groups: int) -> None:
    random = np.random.default_rng(0)
    x, w = random.standard_normal((2, 4, 6, 7)), random.standard_normal((4, 4 // groups, 2, 3))
    session = Session()
    session.set("x", x)
    session.set("w", w)
    call = f"F.conv2d(x, w, stride={stride}, padding={pad}, dilation={dilation}, groups={groups})"
    assert np.allclose(session.eval(call).numpy(), by_loops(x, w, stride, pad, dilation, groups))


@pytest.mark.parametrize(("stride", "pad", "dilation", "groups"), SETTINGS)
def test_the_transposed_one_is_the_transpose(stride: int, pad: int, dilation: int, groups: int) -> None:
    random = np.random.default_rng(1)
    session = Session()
    session.set("y", random.standard_normal((2, 4, 4, 4)))
    session.set("w", random.standard_normal((4, 4 // groups, 3, 3)))
    rest = f"stride={stride}, padding={pad}, dilation={dilation}, groups={groups}"
    session.run(f"x = F.conv_transpose2d(y, w, {rest})")
    session.set("h", random.standard_normal(session["x"].shape))
    there = session.eval(f"(F.conv2d(h, w, {rest}) * y).sum()").numpy()
    assert np.allclose(there, session.eval("(h * x).sum()").numpy())


def test_same_padding_keeps_the_size() -> None:
    for kernel in (1, 2, 3, 4):
        session = Session()
        session.set("w", np.ones((1, 1, kernel)))
        session.run("x = torch.ones(1, 1, 6, dtype=torch.float64)")
        assert session.eval("F.conv1d(x, w, padding='same')").shape == (1, 1, 6)


def test_an_input_without_a_batch() -> None:
    session = Session()
    assert session.eval("F.conv1d(torch.ones(2, 5), torch.ones(3, 2, 2), torch.ones(3))").shape == (3, 4)
    assert session.eval("F.conv_transpose1d(torch.ones(2, 5), torch.ones(2, 3, 2))").shape == (3, 6)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            "F.conv1d(torch.ones(1, 2, 5), torch.ones(3, 1, 2))",
            ShapeError,
            "the input has 2 channels, the weight takes 1",
        ),
        ("F.conv1d(torch.ones(1, 1, 2), torch.ones(1, 1, 3))", ShapeError, "the kernel is larger than the input"),
        ("F.conv1d(torch.ones(5), torch.ones(3, 1, 2))", ShapeError, "the input must have 2 dimensions, or 3"),
        ("F.conv1d(torch.ones(1, 1, 5), torch.ones(3, 1, 2).double())", DtypeError, "the dtypes differ"),
        ("F.conv1d(torch.ones(1, 1, 5), torch.ones(3, 1, 2), torch.ones(2))", ShapeError, "the bias has shape (2,)"),
        ("F.conv1d(torch.ones(1, 1, 5), torch.ones(3, 1, 2), stride=0)", GradcliError, "stride is 0"),
        ("F.conv1d(torch.ones(1, 1, 5), torch.ones(3, 1, 2), padding='full')", GradcliError, "'valid' or 'same'"),
        ("F.conv1d(torch.ones(1, 1, 5), torch.ones(1, 1, 2), stride=2, padding='same')", GradcliError, "with a stride"),
        (
            "F.conv_transpose1d(torch.ones(1, 1, 3), torch.ones(1, 1, 2), output_padding=1)",
            GradcliError,
            "smaller than",
        ),
    ],
)
def test_refusals(call: str, kind: type[GradcliError], message: str) -> None:
    with pytest.raises(kind) as caught:
        Session().run(call)
    assert message in str(caught.value)
