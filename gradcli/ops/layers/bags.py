"""embedding_bag: rows of a table looked up and summed, averaged or compared, bag by bag.

A bag is a row of a matrix of indices, or what lies between two offsets into a vector of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.dtypes import int64
from gradcli.errors import DtypeError, IndexError_, ShapeError, ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, index, kept, leaf, op
from gradcli.ops.elementwise.compare import eq, where
from gradcli.ops.elementwise.limits import clamp_min
from gradcli.ops.indexing.along import put_along, take_along
from gradcli.ops.indexing.search import shortened
from gradcli.ops.layers.normalize import widened
from gradcli.ops.shapes.convert import to_dtype
from gradcli.ops.shapes.shape import expand, reshape
from gradcli.ops.updates import Updates

MODES = ("sum", "mean", "max")


def _bag_of(offsets: Any, count: int) -> Any:
    """Which bag each row is in."""
    return np.searchsorted(offsets, np.arange(count), side="right") - 1


def _sum_kernel(rows: Any, offsets: Any, bags: int) -> Any:
    result = np.zeros((bags, rows.shape[1]), rows.dtype)
    bag = _bag_of(offsets, len(rows))
    inside = bag < bags
    np.add.at(result, bag[inside], rows[inside])
    return result


def _spread_kernel(g: Any, offsets: Any, count: int) -> Any:
    bag = _bag_of(offsets, count)
    return np.where((bag < len(g))[:, None], g[np.minimum(bag, len(g) - 1)], g.dtype.type(0))


bag_sum: Op = op(
    "_bag_sum(Tensor input, Tensor offsets, int bags)",
    "The sum of the rows of each bag.",
    spelled=["_"],
    kernel=_sum_kernel,
    grad=[lambda g, y, x, offsets, bags: _bag_spread(g, offsets, count=x.shape[0]), None],
    shape=lambda inputs, params: (params["bags"], inputs[0].shape[1]),
    dtype=kept,
    grad_fn="EmbeddingBagBackward0",
    samples=[draw((4, 2), offsets=[0, 1, 1], bags=3)],
)
_bag_spread: Op = op(
    "_bag_spread(Tensor input, Tensor offsets, int count)",
    "The row of its bag for each of count rows.",
    spelled=["_"],
    kernel=_spread_kernel,
    grad=[lambda g, y, x, offsets, count: bag_sum(g, offsets, bags=x.shape[0]), None],
    shape=lambda inputs, params: (params["count"], inputs[0].shape[1]),
    dtype=kept,
    grad_fn="EmbeddingBagBackwardBackward0",
    samples=[draw((3, 2), offsets=[0, 1, 1], count=4)],
)


def _largest_kernel(rows: Any, counted: Any, offsets: Any, bags: int) -> tuple[Any, Any]:
    values = np.zeros((bags, rows.shape[1]), rows.dtype)
    places = np.zeros((bags, rows.shape[1]), np.int64)
    bag = np.where(counted, _bag_of(offsets, len(rows)), -1)
    for at in range(bags):
        mine = np.flatnonzero(bag == at)
        if mine.size:
            places[at] = mine[np.argmax(rows[mine], 0)]
            values[at] = np.take_along_axis(rows, places[at : at + 1], 0)[0]
    return values, places


_is_empty = op(
    "_is_empty(Tensor counted, Tensor offsets, int bags)",
    "Whether a bag has no row that counts.",
    spelled=["_"],
    kernel=lambda counted, offsets, bags: (
        np.bincount(_bag_of(offsets, len(counted))[counted], minlength=bags)[:bags, None] == 0
    ),
    shape=lambda inputs, params: (params["bags"], 1),
    dtype=lambda inputs, params: (None, inputs[0].dtype),
)
_bag_max: Op = op(
    "_bag_max(Tensor input, Tensor counted, Tensor offsets, int bags)",
    "The largest of the rows of each bag, element by element, and which row it was; 0 for an empty bag.",
    spelled=["_"],
    outputs=("values", "rows"),
    kernel=_largest_kernel,
    joint=lambda g, y, x, counted, offsets, bags: (
        None
        if g[0] is None
        else put_along(where(_is_empty(counted, offsets, bags=bags), 0.0, g[0]), y[1], dim=0, size=x.shape[0]),
        None,
        None,
    ),
    shape=lambda inputs, params: ((params["bags"], inputs[0].shape[1]),) * 2,
    dtype=lambda inputs, params: (None, (inputs[0].dtype, int64)),
    grad_fn="EmbeddingBagBackward0",
)


def _row_kernel(indices: Any, rows: int) -> Any:
    wrong = (indices < 0) | (indices >= rows)
    if np.any(wrong):
        at = int(np.flatnonzero(wrong)[0])
        raise IndexError_(
            f"index {int(indices[at])} is not one of 0 to {rows - 1}",
            torch=f"Index {at} of input takes value {int(indices[at])} which is not in the valid range [0, {rows})",
        )
    return indices.astype(np.int64)


_row_number = op(
    "_row_number(Tensor input, int rows)", "Indices of rows, checked.", spelled=["_"], kernel=_row_kernel, dtype=index
)


def _pooled(
    weight: Node, indices: Node, offsets: Node, factors: Node | None, bags: int, mode: str, padding_idx: int | None
) -> Any:
    count, width = indices.shape[0], weight.shape[1]
    at = reshape(_row_number(indices, rows=weight.shape[0]), shape=(count, 1))
    rows = widened(take_along(weight, expand(at, size=(count, width)), dim=0))
    counted = eq(eq(indices, -1 if padding_idx is None else padding_idx), False)
    if mode == "max" and count:
        return to_dtype(_bag_max(rows, counted, offsets, bags=bags)[0], weight.dtype)
    counts = to_dtype(reshape(counted, shape=(count, 1)), rows.dtype)
    if factors is not None:
        rows = rows * reshape(widened(factors), shape=(count, 1))
    total = bag_sum(rows * counts, offsets, bags=bags)
    if mode == "mean":
        total = total / clamp_min(bag_sum(counts, offsets, bags=bags), min=1)
    return to_dtype(total, weight.dtype)


_named = op(
    "_embedding_bag(Tensor weight, Tensor input, Tensor offsets, Tensor? per_sample_weights, int bags, str mode, "
    "int? padding_idx)",
    "The sums, means or largest elements of rows of weight.",
    spelled=["_"],
    expands=_pooled,
    grad_fn="EmbeddingBagBackward0",
)


def _bags(indices: Node, offsets: Node | None, include_last_offset: bool) -> tuple[Node, Node, int]:
    """The indices as a vector, where each bag begins, and how many bags there are."""
    if indices.ndim == 2:
        if offsets is not None:
            raise ValueError_(
                "offsets are for a vector of indices; the rows of a matrix are bags",
                torch="if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
                "length sequences.",
            )
        bags, each = indices.shape
        return reshape(indices, shape=(bags * each,)), leaf(np.arange(bags, dtype=np.int64) * each), bags
    if indices.ndim != 1:
        raise ShapeError(
            f"the input must be a vector or a matrix of indices, not {indices.shape}",
            torch=f"input has to be 1D or 2D Tensor, but got Tensor of dimension {indices.ndim}",
        )
    if offsets is None or offsets.ndim != 1:
        raise ValueError_(
            "a vector of indices needs offsets, where each bag begins",
            torch=f"offsets has to be a 1D Tensor but got {None if offsets is None else 'Tensor'}",
        )
    return indices, offsets, offsets.shape[0] - include_last_offset


def _check_arguments(indices: Node, weight: Node, factors: Node | None, mode: str) -> None:
    if weight.ndim != 2 or not weight.dtype.floating:
        raise ShapeError(f"the weight must be a floating-point matrix, not {weight.dtype.name} of {weight.shape}")
    if indices.dtype.name not in ("int64", "int32"):
        raise DtypeError(
            f"the indices must be int64, not {indices.dtype.name}",
            torch="Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int",
        )
    if mode not in MODES:
        raise ValueError_(
            f"mode is {mode!r}; it can be 'sum', 'mean' or 'max'", torch="mode has to be one of sum, mean or max"
        )
    if factors is not None and (mode != "sum" or factors.shape != indices.shape):
        raise ValueError_(
            "per_sample_weights go with mode='sum' and have the shape of the input",
            torch="embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum'",
        )


def _embedding_bag(
    indices: Node,
    weight: Node,
    offsets: Node | None = None,
    factors: Node | None = None,
    *,
    max_norm: float | None,
    norm_type: float = 2.0,
    mode: str,
    include_last_offset: bool,
    padding_idx: int | None,
) -> Any:
    _check_arguments(indices, weight, factors, mode)
    flat, starts, bags = _bags(indices, offsets, include_last_offset)
    if factors is not None and factors.ndim == 2:
        factors = reshape(factors, shape=flat.shape)
    if padding_idx is not None and padding_idx < 0:
        padding_idx += weight.shape[0]
    rows = weight if max_norm is None else shortened(weight, flat, max_norm, norm_type)
    result = _named(rows, flat, starts, factors, bags=bags, mode=mode, padding_idx=padding_idx)
    return result if max_norm is None else Updates(result, {"weight": rows})


embedding_bag: Op = op(
    "embedding_bag(Tensor input, Tensor weight, Tensor? offsets=None, float? max_norm=None, float norm_type=2.0, "
    "ignored scale_grad_by_freq=False, str mode='mean', ignored sparse=False, Tensor? per_sample_weights=None, "
    "bool include_last_offset=False, int? padding_idx=None)",
    "The mean (or sum, or largest elements) of the rows of weight at the indices of each bag.",
    spelled=["F.embedding_bag"],
    expands=_embedding_bag,
    samples=[
        draw((4, 3), input=[[0, 2], [3, 1]]),
        draw((4, 3), 4, input=[0, 2, 3, 3], offsets=[0, 3, 3], mode="sum"),
        draw((4, 3), input=[0, 2, 3, 1], offsets=[0, 1, 4], mode="max", include_last_offset=True),
        draw((4, 3), input=[0, 2, 3, 1], offsets=[0, 1], padding_idx=2),
    ],
)
