"""Vandermonde matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.dtyperules import not_taken
from gradcli.ops.reductions.scan import cumprod_
from gradcli.ops.shapes.convert import to_dtype
from gradcli.ops.shapes.join import cat
from gradcli.ops.shapes.order import flip
from gradcli.ops.shapes.shape import expand, reshape, unsqueeze


def _powers(x: Node, count: int) -> Any:
    x = x if x.dtype.floating else to_dtype(x, dtypes.int64)
    column = unsqueeze(x, dim=-1)
    ones = leaf(np.ones(column.shape, x.dtype.numpy))
    repeated = expand(column, size=(*x.shape, count - 1))
    return cat(ones, cumprod_(repeated, dim=x.ndim, reverse=False), dim=x.ndim)


_vander_grid: Op = op(
    "_vander_grid(Tensor x, int N)",
    "The powers 0 to N - 1 of each element, as a new last dimension.",
    spelled=["_"],
    expands=lambda x, N: _powers(x, N),
    grad_fn=("CatBackward0", "CatBackward0"),
)


def _vander(x: Node, N: int | None) -> Any:
    if x.dtype is dtypes.float16 or x.dtype is dtypes.bool_:
        raise not_taken(x.dtype, "linalg.vander")
    count = N if N is not None else x.shape[-1] if x.ndim else 0
    if count <= 1:
        raise ShapeError(
            f"N is {count} for a tensor of shape {x.shape}; it must be above 1",
            torch="N must be greater than 1." if x.ndim else "linalg.vander: x must have at least one dimension",
        )
    return _vander_grid(x if x.ndim else reshape(x, shape=(1,)), N=count)


op(
    "_linalg_vander(Tensor x, *, int? N=None)",
    "The powers 0 to N - 1 of each element, as a new last dimension.",
    spelled=["linalg.vander"],
    expands=_vander,
    samples=[draw(3, N=None), draw((2, 3), N=4)],
)
_written: Op = op(
    "_vander_written(Tensor x, int N)",
    "The powers 0 to N - 1 of each element, as a new last dimension.",
    spelled=["_"],
    expands=lambda x, N: _powers(x, N),
    grad_fn=("CopySlices", "CopySlices"),
)


def _old_vander(x: Node, N: int | None, increasing: bool) -> Any:
    if x.ndim != 1:
        raise ShapeError(
            f"it takes a vector, not a tensor of shape {x.shape}", torch="x must be a one-dimensional tensor."
        )
    count = x.shape[0] if N is None else N
    if count < 0:
        raise ShapeError(f"N is negative: {count}", torch="N must be non-negative.")
    if count < 2:
        kind = x.dtype.numpy if x.dtype.floating else np.int64
        return leaf(np.ones((x.shape[0], count), kind))
    powers = _written(x, N=count)
    return powers if increasing else flip(powers, dims=(1,))


op(
    "vander(Tensor x, int? N=None, bool increasing=False)",
    "The powers of each element, from the highest down or, increasing, from 0 up.",
    spelled=["torch.vander"],
    expands=_old_vander,
    samples=[draw(3, N=None, increasing=False), draw(3, N=4, increasing=True)],
)
