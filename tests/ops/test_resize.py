"""Padding, resizing, folding, shuffling and attention on small cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("constant", [0, 0, 1, 2, 3, 0]),
        ("reflect", [3, 2, 1, 2, 3, 2]),
        ("replicate", [1, 1, 1, 2, 3, 3]),
        ("circular", [2, 3, 1, 2, 3, 1]),
    ],
)
def test_padding(mode: str, expected: list[float]) -> None:
    got = Session().eval(f"F.pad(torch.tensor([[1., 2., 3.]]), (2, 1), mode='{mode}')")
    assert got.numpy().tolist() == [expected]


def test_negative_padding_takes_away() -> None:
    assert Session().eval("F.pad(torch.arange(5.), (-1, -2))").numpy().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("F.interpolate(x, size=6)", [0, 0, 1, 1, 2, 2]),
        ("F.interpolate(x, size=5, mode='linear', align_corners=True)", [0, 0.5, 1, 1.5, 2]),
        ("F.interpolate(x, size=5, mode='linear')", [0, 0.4, 1, 1.6, 2]),
        ("F.interpolate(x, size=2, mode='nearest-exact')", [0, 2]),
        ("F.interpolate(x, scale_factor=0.7, mode='area')", [0.5, 1.5]),
    ],
)
def test_resizing(call: str, expected: list[float]) -> None:
    session = Session()
    session.run("x = torch.arange(3.).reshape(1, 1, 3)")
    assert np.allclose(session.eval(call).numpy()[0, 0], expected)


def test_folding_adds_what_overlaps() -> None:
    session = Session()
    session.run("x = torch.ones(1, 1, 3, 3)\ny = F.fold(F.unfold(x, 2), 3, 2)")
    assert session["y"].numpy()[0, 0].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


def test_shuffling_pixels_and_back() -> None:
    session = Session()
    session.run("x = torch.arange(48.).reshape(1, 12, 2, 2)\ny = F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2)")
    assert np.array_equal(session["x"].numpy(), session["y"].numpy())


def test_a_row_of_attention_that_sees_nothing_is_zero() -> None:
    session = Session()
    session.run("q = torch.ones(2, 3, requires_grad=True)\nm = torch.tensor([[True, False], [False, False]])")
    session.run("y = F.scaled_dot_product_attention(q, torch.ones(2, 3), torch.ones(2, 3), attn_mask=m)")
    session.run("y.sum().backward()")
    assert session["y"].numpy().tolist() == [[1, 1, 1], [0, 0, 0]]
    assert np.isfinite(session["q"].grad.numpy()).all()


def test_causal_attention_looks_back_only() -> None:
    session = Session()
    session.run("x = torch.randn(1, 4, 3)\ny = F.scaled_dot_product_attention(x, x, x, is_causal=True)")
    assert np.allclose(session["y"].numpy()[0, 0], session["x"].numpy()[0, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("F.pad(torch.ones(1, 1, 4), (1,))", "it needs two for each dimension"),
        ("F.pad(torch.ones(1, 1, 4), (4, 4), mode='reflect')", "smaller than the dimension"),
        ("F.pad(torch.ones(1, 1, 4), (1, 1), mode='mirror')", "it can be 'constant'"),
        ("F.pad(torch.ones(4), (1, 1, 1, 1))", "has 2 ends"),
        ("F.interpolate(torch.ones(1, 1, 3))", "one of both"),
        ("F.interpolate(torch.ones(1, 3), size=2)", "mode 'nearest' and a tensor of 2 dimensions"),
        ("F.interpolate(torch.ones(1, 1, 3), size=2, mode='bilinear')", "is for 4 dimensions"),
        ("F.fold(torch.ones(1, 7, 4), 3, 2)", "not a multiple"),
        ("F.pixel_shuffle(torch.ones(3, 2, 2), 2)", "do not divide into squares"),
        ("F.scaled_dot_product_attention(torch.ones(3), torch.ones(3), torch.ones(3))", "at least 2 dimensions"),
    ],
)
def test_refusals(call: str, message: str) -> None:
    with pytest.raises(GradcliError) as caught:
        Session().run(call)
    assert message in str(caught.value)
