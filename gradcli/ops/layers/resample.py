"""Weighted sums along one dimension: each element of the result is made of a few elements of the input.

Padding by reflection, interpolation and adaptive averages are all of this kind; they say which elements and weights
(`Taps`), and share the two linear ops here, of which each is the other's derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.graph.op import Op, kept, op
from gradcli.shapes import Shape

Made = tuple[str, tuple[Any, ...], dict[str, Any], int]


class Taps:
    """result[o] = sum over k of weight[o, k] input[index[o, k]], for an input of `size` along the dimension.

    index: (out, taps) integers. weight: (out, taps) numbers, 0 for a tap that is not used; None where each is 1.
    made: the public call that does this to the rows of a matrix: its name, what follows the matrix by place and by
    name, and how many dimensions of one element it needs before the matrix.
    """

    __slots__ = ("index", "made", "rounds", "size", "weight")

    def __init__(self, size: int, index: Any, weight: Any = None, made: Made | None = None) -> None:
        self.size = size
        self.made = made
        self.index = index if index.ndim == 2 else index[:, None]
        self.weight = weight
        self.rounds = [_distinct(self.index[:, k]) for k in range(self.index.shape[1])]

    @property
    def count(self) -> int:
        """How many elements the result has along the dimension."""
        return int(self.index.shape[0])


def _distinct(index: Any) -> list[Any]:
    """The positions of a list of indices, split into groups in which no index is there twice."""
    order = np.argsort(index, kind="stable")
    in_order = index[order]
    first = np.r_[True, in_order[1:] != in_order[:-1]] if len(index) else np.zeros(0, bool)
    starts = np.maximum.accumulate(np.where(first, np.arange(len(index)), 0))
    rank = np.arange(len(index)) - starts
    return [order[rank == r] for r in range(int(rank.max()) + 1 if len(rank) else 0)]


def _weight_at(taps: Taps, at: int, like: Any) -> Any:
    """The weights of one tap, as a column that multiplies rows."""
    return taps.weight[:, at].astype(like.dtype).reshape((-1,) + (1,) * (like.ndim - 1))


def _weighted(rows: Any, taps: Taps, at: int) -> Any:
    if taps.weight is None:
        return rows
    weight = _weight_at(taps, at, rows)
    unused = weight == 0  # an unused tap stays out even where the input is not finite
    return np.where(unused, weight, rows * weight) if unused.any() else rows * weight


def _resample(x: Any, dim: int, taps: Taps) -> Any:
    rows = np.moveaxis(x, dim, 0)
    result = _weighted(rows[taps.index[:, 0]], taps, 0)
    for at in range(1, taps.index.shape[1]):
        result = result + _weighted(rows[taps.index[:, at]], taps, at)
    return np.ascontiguousarray(np.moveaxis(result, 0, dim))


def _spread(g: Any, dim: int, taps: Taps) -> Any:
    rows = np.moveaxis(g, dim, 0)
    result = np.zeros((taps.size, *rows.shape[1:]), g.dtype)
    for at, rounds in enumerate(taps.rounds):
        part = _weighted(rows, taps, at)
        for positions in rounds:
            result[taps.index[positions, at]] += part[positions]
    return np.ascontiguousarray(np.moveaxis(result, 0, dim))


def with_size(shape: Shape, dim: int, size: int) -> Shape:
    """The shape with another size of one dimension."""
    return (*shape[:dim], size, *shape[dim + 1 :])


resample: Op = op(
    "_resample(Tensor input, int dim, any taps)",
    "Weighted sums of elements along dim.",
    spelled=["_"],
    kernel=_resample,
    grad=lambda g, y, x, dim, taps: unsample(g, dim=dim, taps=taps),
    shape=lambda inputs, params: with_size(inputs[0].shape, params["dim"], params["taps"].count),
    dtype=kept,
    grad_fn="ResampleBackward0",
    linear=True,
)
unsample: Op = op(
    "_unsample(Tensor input, int dim, any taps)",
    "Each element of input added, times its weights, to the elements along dim it was made of.",
    spelled=["_"],
    kernel=_spread,
    grad=lambda g, y, x, dim, taps: resample(g, dim=dim, taps=taps),
    shape=lambda inputs, params: with_size(inputs[0].shape, params["dim"], params["taps"].size),
    dtype=kept,
    grad_fn="UnsampleBackward0",
    linear=True,
)


def take_rows(x: Node, dim: int, index: Any) -> Any:
    """The elements of x at an array of indices along dim."""
    return resample(x, dim=dim, taps=Taps(x.shape[dim], np.asarray(index)))
