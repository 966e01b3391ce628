"""Shapes: which reshapes are views, torch's names for them, order in memory, joining and splitting at the edges."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError
from gradcli.ops.shapes.strides import view_strides


@pytest.mark.parametrize(
    ("shape", "strides", "wanted", "result"),
    [
        ((2, 3), (3, 1), (6,), (1,)),
        ((2, 3), (1, 2), (6,), None),
        ((4, 2, 3), (1, 12, 4), (4, 6), (1, 4)),
        ((2, 3, 2), (12, 4, 2), (12,), (2,)),
        ((2, 1, 3), (3, 7, 1), (3, 2), (2, 1)),
        ((), (), (1, 1), (1, 1)),
        ((0, 3), (3, 1), (3, 0), (1, 1)),
    ],
)
def test_view_strides(shape: tuple, strides: tuple, wanted: tuple, result: tuple | None) -> None:
    assert view_strides(shape, strides, wanted) == result


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("x.reshape(6, 4)", "ViewBackward0"),
        ("x.view(6, 4)", "ViewBackward0"),
        ("x.permute(2, 0, 1).reshape(24)", "UnsafeViewBackward0"),
        ("x.permute(2, 0, 1).reshape(4, 6)", "ReshapeAliasBackward0"),
        ("x.permute(2, 0, 1).flatten()", "UnsafeViewBackward0"),
        ("x.flatten(1, 1).exp()", "ExpBackward0"),
        ("x.T.contiguous()", "CloneBackward0"),
        ("x.squeeze()", "SqueezeBackward0"),
        ("x.squeeze(0)", "SqueezeBackward1"),
        ("x.squeeze((0, 1))", "SqueezeBackward2"),
        ("x.T", "PermuteBackward0"),
        ("x.mT", "TransposeBackward0"),
        ("torch.vstack([x[0], x[1]])", "CatBackward0"),
        ("x.chunk(2)[1]", "SplitBackward0"),
        ("x.tensor_split(2)[1]", "SliceBackward0"),
        ("x[:, :, :0].chunk(2, 2)[0]", "SplitWithSizesBackward0"),
        ("torch.meshgrid(x[0, 0], x[0, 1], indexing='xy')[0]", "ExpandBackward0"),
        ("x.repeat_interleave(2)", "ViewBackward0"),
        ("x.double()", "ToCopyBackward0"),
    ],
)
def test_names(expression: str, name: str) -> None:
    session = Session()
    session.run("x = torch.arange(24.).reshape(2, 3, 4).requires_grad_()")
    assert session.eval(expression).grad_fn.name() == name


def test_a_view_needs_the_right_order_in_memory() -> None:
    session = Session()
    session.run("x = torch.ones(2, 3)")
    with pytest.raises(GradcliError, match="cannot be viewed"):
        session.eval("x.T.view(6)")
    with pytest.raises(GradcliError, match="cannot be viewed"):
        session.eval("(x.T + 1).view(6)")
    assert session.eval("torch.cat([x.T, x.T]).view(-1)").shape == (12,)  # torch makes rows of what is no view
    assert session.eval("x.T.cumsum(0).view(-1)").shape == (6,)
    assert session.eval("x.T.stride()") == (1, 3)


@pytest.mark.parametrize(
    ("expression", "shapes"),
    [
        ("torch.ones(5).split(2)", [(2,), (2,), (1,)]),
        ("torch.ones(0, 3).split(2)", [(0, 3)]),
        ("torch.ones(5).chunk(4)", [(2,), (2,), (1,)]),
        ("torch.ones(5).tensor_split(3)", [(2,), (2,), (1,)]),
        ("torch.ones(5).tensor_split((4, 2))", [(4,), (0,), (3,)]),
        ("torch.ones(2, 4).hsplit(2)", [(2, 2), (2, 2)]),
        ("torch.broadcast_tensors(torch.ones(3), torch.ones(2, 1))", [(2, 3), (2, 3)]),
        ("torch.atleast_2d(torch.tensor(1.), torch.ones(3))", [(1, 1), (1, 3)]),
    ],
)
def test_parts(expression: str, shapes: list[tuple[int, ...]]) -> None:
    assert [tuple(part.shape) for part in Session().eval(expression)] == shapes


def test_writes_reach_the_base() -> None:
    session = Session()
    session.run(
        """
        x = torch.zeros(2, 3, 4)
        x.permute(2, 0, 1)[1, :, ::2] += 1
        x.view(6, 4)[5] = 2
        x.diagonal(0, 1, 2).fill_(3)
        x.unfold(2, 2, 2)[0, 0, 1, 1] = 4
        x.chunk(2, 1)[1][0, 0] = 5
        x.reshape(-1)[1] = 6
        """.replace("\n        ", "\n")
    )
    expected = np.zeros((2, 3, 4), np.float32)
    expected[:, ::2, 1] += 1
    expected[1, 2] = 2
    for at in range(3):
        expected[:, at, at] = 3
    expected[0, 0, 3] = 4
    expected[0, 2] = 5
    expected[0, 0, 1] = 6
    assert np.array_equal(session["x"].numpy(), expected)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("torch.cat([torch.ones(2), torch.tensor(1.)])", "tensor 1 of the list has no dimensions"),
        ("torch.ones(2, 3).flatten(1, 0)", "comes after"),
        ("torch.ones(3).split([1, 1])", "do not add up"),
        ("torch.ones(3).to('cuda')", "not available"),
        ("torch.meshgrid(torch.ones(2), torch.ones(2).double())", "one dtype"),
        ("torch.movedim(torch.ones(2, 3), (0, 1), (0, 0))", "named twice"),
    ],
)
def test_refused(expression: str, message: str) -> None:
    with pytest.raises(GradcliError, match=message):
        Session().eval(expression)
