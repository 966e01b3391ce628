"""Searching: where elements are, between which boundaries values fall, and classes as rows (one_hot, embedding)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.engine.run import value
from gradcli.errors import DtypeError, IndexError_, NotImplementedError_, RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, leaf, op, same
from gradcli.ops.indexing.gather import check_range
from gradcli.ops.updates import Updates
from gradcli.shapes import Shape


def _nonzero(x: Node) -> Node:
    return leaf(np.argwhere(value(x)))


op(
    "nonzero(Tensor input, *, bool as_tuple)",
    "The indices of the elements that are not 0: a row each, or with as_tuple a tensor for each dimension.",
    expands=lambda x, as_tuple: _nonzero_tuple(x) if as_tuple else _nonzero(x),
)
op("nonzero(Tensor input)", "The indices of the elements that are not 0, a row each.", expands=_nonzero)
op("argwhere(Tensor input)", "The indices of the elements that are not 0, a row each.", expands=_nonzero)


def _nonzero_static(x: Node, size: int, fill_value: int) -> Node:
    if size < 0:
        raise RefusedValue(
            f"the number of rows is {size}; it cannot be negative",
            torch=f"nonzero_static: 'size' must be an non-negative integer, but got {size}",
        )
    found = np.argwhere(value(x))[:size]
    rows = np.full((size, x.ndim), fill_value, np.int64)
    rows[: len(found)] = found
    return leaf(rows)


op(
    "nonzero_static(Tensor input, *, int size, int fill_value=-1)",
    "The indices of the first `size` elements that are not 0, a row each; missing rows are filled.",
    expands=_nonzero_static,
)


def _nonzero_tuple(x: Node) -> tuple[Node, ...]:
    return tuple(leaf(places) for places in np.nonzero(np.atleast_1d(value(x))))


op("where(Tensor condition)", "As nonzero(condition, as_tuple=True).", spelled=["torch.where"], expands=_nonzero_tuple)

# Boundaries


def _side(side: str | None, right: bool) -> str:
    if side not in (None, "left", "right"):
        raise RefusedValue(
            f"side is {side!r}; it can be 'left' or 'right'",
            torch=f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}",
        )
    if side == "left" and right:
        raise RefusedValue(
            "side='left' and right=True contradict each other",
            torch="torch.searchsorted(): side and right can't be set to opposites, got side of left while right was "
            "True",
        )
    return side or ("right" if right else "left")


def _search(sequence: Any, values: Any, side: str) -> Any:
    """numpy's search, row by row; both in the dtype that holds both."""
    common = np.result_type(sequence.dtype, values.dtype)
    sequence, values = sequence.astype(common), values.astype(common)
    if sequence.ndim == 1:
        return np.searchsorted(sequence, values, side)  # type: ignore[call-overload]
    if not values.size:
        return np.zeros(values.shape, np.int64)
    rows = sequence.reshape(-1, sequence.shape[-1])
    wanted = values.reshape(len(rows), -1)
    found = [np.searchsorted(row, w, side) for row, w in zip(rows, wanted, strict=True)]  # type: ignore[call-overload]
    return np.array(found, np.int64).reshape(values.shape)


def _search_node(sequence: Node, values: Any, side: str, out_int32: bool, sorter: Node | None = None) -> Node:
    if not sequence.ndim:
        raise ShapeError(
            "the boundaries need a dimension",
            torch="torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension",
        )
    number = not isinstance(values, Node) or values.op.name == "number"
    if sequence.ndim > 1 and (number or values.shape[:-1] != sequence.shape[:-1]):
        raise ShapeError(
            f"boundaries of shape {sequence.shape} need values of shape {sequence.shape[:-1]} and one dimension more"
            + ("" if number else f", not {values.shape}"),
            torch="torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            "boundaries tensor and input value tensor must match, but we got boundaries tensor "
            f"{list(sequence.shape)}",
        )
    if sorter is not None and sorter.shape != sequence.shape:
        raise ShapeError(
            f"the sorter has shape {sorter.shape}, the boundaries have {sequence.shape}",
            torch="torch.searchsorted(): boundary and sorter must have the same size",
        )
    given = (sequence, values) if sorter is None else (sequence, values, sorter)
    result: Node = _searched(*given, side=side, out_int32=out_int32)
    return result


def _search_kernel(sequence: Any, values: Any, sorter: Any = None, *, side: str, out_int32: bool) -> Any:
    held = sequence if sorter is None else np.take_along_axis(sequence, sorter, -1)
    found = np.asarray(_search(held, np.asarray(values), side))
    return found.astype(np.int32 if out_int32 else np.int64)


_searched: Op = op(
    "_searchsorted(Tensor sorted_sequence, Tensor input, Tensor? sorter=None, *, str side, bool out_int32)",
    "Where each value would go into a sorted sequence to keep it sorted.",
    spelled=["_"],
    kernel=_search_kernel,
    shape=lambda inputs, params: inputs[1].shape,
    dtype=lambda inputs, params: (None, dtypes.int32 if params["out_int32"] else dtypes.int64),
)


op(
    "searchsorted(Tensor sorted_sequence, Operand input, *, bool out_int32=False, bool right=False, str? side=None, "
    "Tensor? sorter=None)",
    "Where each value would go into a sorted sequence to keep it sorted.",
    spelled=["torch.searchsorted"],
    expands=lambda sequence, values, sorter, out_int32, right, side: _search_node(
        sequence, values, _side(side, right), out_int32, sorter
    ),
)


def _bucketize(values: Node, boundaries: Node, out_int32: bool, right: bool) -> Node:
    if boundaries.ndim != 1:
        raise ShapeError(
            f"the boundaries have shape {boundaries.shape}; they have to be a vector",
            torch=f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})",
        )
    return _search_node(boundaries, values, "right" if right else "left", out_int32)


op(
    "bucketize(Operand input, Tensor boundaries, *, bool out_int32=False, bool right=False)",
    "Which of the intervals between the boundaries each value falls into.",
    spelled=["torch.bucketize"],
    expands=_bucketize,
)

# Classes


def _one_hot(classes: Node, num_classes: int) -> Node:
    if classes.dtype is not dtypes.int64:
        raise DtypeError(
            f"the classes are of {classes.dtype}; they have to be int64",
            hint="convert them: .long()",
            torch="one_hot is only applicable to index tensor of type LongTensor.",
        )
    if not classes.size and num_classes <= 0:
        raise RefusedValue(
            "the number of classes cannot be told from no elements",
            torch="Can not infer total number of classes from empty tensor.",
        )
    count = num_classes
    if count == -1:
        held = value(classes)
        _check_not_negative(held)
        count = int(held.max()) + 1
    result: Node = _one_hot_rows(classes, num_classes=count)
    return result


def _check_not_negative(held: Any) -> None:
    if held.size and held.min() < 0:
        raise RefusedValue(f"class {held.min()} is negative", torch="Class values must be non-negative.")


def _one_hot_kernel(held: Any, num_classes: int) -> Any:
    _check_not_negative(held)
    if held.size and held.max() >= num_classes:
        raise RefusedValue(
            f"class {held.max()} is out of range for {num_classes} classes",
            torch="Class values must be smaller than num_classes.",
        )
    return (held[..., None] == np.arange(num_classes)).astype(np.int64)


_one_hot_rows: Op = op(
    "_one_hot(Tensor input, int num_classes)",
    "For each class a row of zeros with a one in its place.",
    spelled=["_"],
    kernel=_one_hot_kernel,
    shape=lambda inputs, params: (*inputs[0].shape, params["num_classes"]),
    dtype=kept,
)


op(
    "one_hot(Tensor input, int num_classes=-1)",
    "For each class a row of zeros with a one in its place.",
    spelled=["F.one_hot"],
    expands=_one_hot,
)


def _embedded_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    indices, weight = inputs
    if weight.ndim != 2:
        raise ShapeError(f"the weight has shape {weight.shape}; it has to be a matrix", torch="'weight' must be 2-D")
    if indices.dtype not in (dtypes.int64, dtypes.int32):
        raise DtypeError(
            f"the indices are of {indices.dtype}; they have to be int64 or int32",
            hint="convert them: .long()",
            torch="Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int",
        )
    return (*indices.shape, weight.shape[1])


def _embedded(indices: Any, weight: Any, padding_idx: int, scale_grad_by_freq: bool) -> Any:
    check_range(indices, len(weight), 0, torch="index out of range in self")
    return np.take(weight, indices, 0)


_embedding: Op = op(
    "_embedding(Tensor input, Tensor weight, int padding_idx, bool scale_grad_by_freq)",
    "The rows of weight at the indices.",
    spelled=["_"],
    kernel=_embedded,
    grad=[
        None,
        lambda g, y, indices, weight, padding_idx, scale_grad_by_freq: _embedding_back(
            g, indices, rows=weight.shape[0], padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq
        ),
    ],
    shape=_embedded_shape,
    dtype=lambda inputs, params: (None, inputs[1].dtype),
    grad_fn="EmbeddingBackward0",
)


def _weights(indices: Any, padding_idx: int, scale_grad_by_freq: bool) -> Any:
    """What each cotangent counts: nothing at the padding, and shared among equal indices where that is asked for."""
    places = indices.reshape(-1)
    weights = (places != padding_idx).astype(np.float64)
    if scale_grad_by_freq and places.size:
        weights /= np.bincount(places)[places]
    return weights.reshape(*indices.shape, 1)


def _embedding_back_kernel(g: Any, indices: Any, rows: int, padding_idx: int, scale_grad_by_freq: bool) -> Any:
    result = np.zeros((rows, g.shape[-1]), g.dtype)
    weighted = g * _weights(indices, padding_idx, scale_grad_by_freq).astype(g.dtype)
    np.add.at(result, indices.reshape(-1), weighted.reshape(-1, g.shape[-1]))
    return result


_embedding_back: Op = op(
    "_embedding_dense(Tensor input, Tensor indices, int rows, int padding_idx, bool scale_grad_by_freq)",
    "Zeros with the rows of input added at the indices.",
    spelled=["_"],
    kernel=_embedding_back_kernel,
    grad=[
        lambda g, y, x, indices, rows, padding_idx, scale_grad_by_freq: _weighted_rows(
            g, indices, padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq
        ),
        None,
    ],
    shape=lambda inputs, params: (params["rows"], inputs[0].shape[-1]),
    dtype=kept,
    grad_fn="EmbeddingDenseBackward0",
)
_weighted_rows: Op = op(
    "_weighted_rows(Tensor input, Tensor indices, int padding_idx, bool scale_grad_by_freq)",
    "The rows of input at the indices, weighted as the gradient of an embedding is.",
    spelled=["_"],
    kernel=lambda x, indices, padding_idx, scale_grad_by_freq: (
        np.take(x, indices, 0) * _weights(indices, padding_idx, scale_grad_by_freq).astype(x.dtype)
    ),
    grad=[
        lambda g, y, x, indices, padding_idx, scale_grad_by_freq: _embedding_back(
            g, indices, rows=x.shape[0], padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq
        ),
        None,
    ],
    shape=lambda inputs, params: (*inputs[1].shape, inputs[0].shape[1]),
    dtype=kept,
    grad_fn="EmbeddingBackward0",
)


def _embedding_node(indices: Node, weight: Node, padding_idx: int | None, scale_grad_by_freq: bool) -> Node:
    padding = -1 if padding_idx is None else padding_idx
    if padding_idx is not None and weight.ndim:
        rows = weight.shape[0]
        if not -rows <= padding_idx < rows:
            raise IndexError_(
                f"padding_idx {padding_idx} is out of range for {rows} rows",
                torch="Padding_idx must be within num_embeddings",
            )
        padding = padding_idx % rows
    result: Node = _embedding(indices, weight, padding_idx=padding, scale_grad_by_freq=scale_grad_by_freq)
    return result


def _shortened_kernel(weight: Any, indices: Any, max_norm: float, norm_type: float) -> Any:
    result = weight.copy()
    at = np.unique(indices)
    at = at[(at >= 0) & (at < len(weight))]  # the lookup refuses the others
    rows = weight[at].astype(np.float64)
    norms = np.linalg.norm(rows, norm_type, axis=1, keepdims=True)
    result[at] = np.where(norms > max_norm, rows * (max_norm / (norms + 1e-7)), rows)
    return result


_shortened: Op = op(
    "_shortened(Tensor input, Tensor indices, float max_norm, float norm_type)",
    "input with the rows at the indices scaled down to norm max_norm where they are longer.",
    spelled=["_"],
    kernel=_shortened_kernel,
    shape=same,
    dtype=kept,
)


def shortened(weight: Node, indices: Node, max_norm: float, norm_type: float) -> Node:
    """The weight of an embedding after its rows were scaled down, as torch does it in place.

    Raises: NotImplementedError_ when the weight requires grad.
    """
    if weight.requires_grad:
        raise NotImplementedError_(
            "max_norm changes the weight in place, which a weight that requires grad does not allow here",
            hint="scale it first, under torch.no_grad(): weight.renorm_(2, 0, max_norm)",
        )
    result: Node = _shortened(weight, indices, max_norm=max_norm, norm_type=norm_type)
    return result


def _embedding_renormed(
    indices: Node,
    weight: Node,
    padding_idx: int | None,
    max_norm: float | None,
    norm_type: float,
    scale_grad_by_freq: bool,
) -> Any:
    if max_norm is None:
        return _embedding_node(indices, weight, padding_idx, scale_grad_by_freq)
    weight = shortened(weight, indices, max_norm, norm_type)
    return Updates(_embedding_node(indices, weight, padding_idx, scale_grad_by_freq), {"weight": weight})


op(
    "embedding(Tensor input, Tensor weight, int? padding_idx=None, float? max_norm=None, float norm_type=2.0, "
    "bool scale_grad_by_freq=False, ignored sparse=False)",
    "The rows of weight at the indices; none of the gradient goes to row padding_idx. max_norm scales longer rows down "
    "first, in place.",
    spelled=["F.embedding"],
    expands=_embedding_renormed,
    samples=[
        draw((4, 3), input=[[0, 2], [2, 1]], padding_idx=None),
    ],
)
