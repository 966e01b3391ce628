"""Elements by rank: sort, topk, kthvalue, median, mode, and the different ones: unique. Counts are in histogram.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.engine.run import value
from gradcli.errors import DtypeError, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, index, kept, leaf, op
from gradcli.ops.declare import refuse
from gradcli.ops.dtyperules import not_taken, refusing
from gradcli.ops.indexing.along import put_along
from gradcli.ops.reductions.extremes import chosen, share_all
from gradcli.ops.reductions.reduce import to_scalar, two_along, with_indices
from gradcli.ops.reductions.select import partly_sorted, quick_select
from gradcli.shapes import Shape, normal_dim


def rank(x: Any, dim: int, descending: bool = False) -> Any:
    """The indices that sort x along dim; equals stay in order, nan counts as the largest."""
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    backwards = np.argsort(np.flip(x, dim), axis=dim, kind="stable")
    return x.shape[dim] - 1 - np.flip(backwards, dim)


def _taken(x: Any, indices: Any, dim: int) -> tuple[Any, Any]:
    return np.take_along_axis(x, indices, dim), indices


def _sort_kernel(x: Any, dim: int, descending: bool, stable: Any = None) -> tuple[Any, Any]:
    if not x.ndim:
        return x, np.int64(0)
    return _taken(x, rank(x, dim, descending), dim)


def _moved_back(g: tuple[Node | None, ...], y: tuple[Node, ...], x: Node, dim: int, **params: Any) -> Any:
    """The cotangent of each value goes back to where it came from."""
    if g[0] is None or not x.ndim:
        return g[0]
    at = normal_dim(dim, x.ndim)
    return put_along(g[0], y[1], dim=at, size=x.shape[at])


def _two_same(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    normal_dim(params["dim"], inputs[0].ndim)
    return inputs[0].shape, inputs[0].shape


def _sorting(signature: str, name: str, *samples: Any) -> Op:
    return op(
        signature,
        "The elements in order along dim, and their indices; equals keep their order.",
        outputs=("values", "indices"),
        kernel=_sort_kernel,
        grad=_moved_back,
        shape=_two_same,
        dtype=with_indices,
        grad_fn=name,
        samples=samples,
    )


sort: Op = _sorting(
    "sort(Tensor input, int dim=-1, bool descending=False)",
    "SortBackward0",
    draw(4, dim=-1, descending=False),
    draw((2, 3), dim=0, descending=True),
    draw((), dim=0, descending=False),
)
_sorting(
    "sort(Tensor input, *, bool? stable, int dim=-1, bool descending=False)",
    "SortBackward1",
    draw(4, stable=True, dim=-1, descending=False),
)
op(
    "argsort(Tensor input, int dim=-1, bool descending=False, *, bool stable=False)",
    "The indices that put the elements in order along dim.",
    kernel=lambda x, dim, descending, stable: rank(x, dim, descending) if x.ndim else np.int64(0),
    shape=lambda inputs, params: _two_same(inputs, params)[0],
    dtype=index,
    samples=[draw((2, 3), dim=-1, descending=False, stable=False)],
)
op(
    "msort(Tensor input)",
    "The elements in order along the first dimension.",
    expands=lambda x: sort(x, dim=0, descending=False)[0],
    samples=[draw(4), draw((3, 2))],
)


def _of_size(count: str) -> Callable[..., tuple[Shape, Shape]]:
    def rule(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
        shape, k = inputs[0].shape, params[count]
        dim = normal_dim(params["dim"], len(shape))
        if inputs[0].dtype is dtypes.bool_:
            raise DtypeError("it does not take bool", torch="topk does not support bool dtypes on CPU")
        size = shape[dim] if shape else 1
        if not 0 <= k <= size:
            raise ShapeError(
                f"k is {k}; dimension {dim} of {shape} has {size} element{'' if size == 1 else 's'}",
                torch="selected index k out of range",
            )
        result = (*shape[:dim], k, *shape[dim + 1 :]) if shape else ()
        return result, result

    return rule


def _topk_kernel(x: Any, k: int, dim: int, largest: bool, sorted: bool) -> tuple[Any, Any]:
    if not x.ndim:
        return x, np.int64(0)
    if not k or not x.size:
        return _taken(x, np.take(rank(x, dim, largest), range(k), axis=dim), dim)
    rows = np.moveaxis(x, dim, -1)
    places = np.apply_along_axis(partly_sorted, -1, rows, k, largest, sorted)
    return _taken(x, np.moveaxis(places, -1, dim), dim)


op(
    "topk(Tensor input, int k, int dim=-1, bool largest=True, bool sorted=True)",
    "The k largest (or smallest) elements along dim, and their indices.",
    outputs=("values", "indices"),
    kernel=_topk_kernel,
    grad=_moved_back,
    shape=_of_size("k"),
    dtype=with_indices,
    grad_fn="TopkBackward0",
    samples=[
        draw((2, 5), k=2, dim=-1, largest=True, sorted=True),
        draw((5, 2), k=3, dim=0, largest=False, sorted=True),
    ],
)


def _picked(x: Any, at: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    values, indices = _taken(x, at, dim)
    return (values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim))


def _kthvalue_kernel(x: Any, k: int, dim: int, keepdim: bool) -> tuple[Any, Any]:
    if not x.ndim:
        return x, np.int64(0)
    if not x.size:
        return _picked(x, np.take(rank(x, dim), [0], axis=dim), dim % x.ndim, keepdim)
    places = np.apply_along_axis(quick_select, -1, np.moveaxis(x, dim, -1), k - 1)[..., None]
    return _picked(x, np.moveaxis(places, -1, dim), dim % x.ndim, keepdim)


def _kthvalue_shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    shape = inputs[0].shape
    if inputs[0].dtype is dtypes.bool_:
        raise not_taken(inputs[0].dtype, "kthvalue_cpu")
    dim = normal_dim(params["dim"], len(shape))
    size = shape[dim] if shape else 1
    if not 1 <= params["k"] <= size:
        raise ShapeError(
            f"k is {params['k']}; dimension {dim} of {shape} has {size} element{'' if size == 1 else 's'}",
            torch=f"kthvalue(): selected number k out of range for dimension {dim}",
        )
    return two_along(inputs, params)


op(
    "kthvalue(Tensor input, int k, int dim=-1, bool keepdim=False)",
    "The k-th smallest element along dim, and its index.",
    outputs=("values", "indices"),
    kernel=_kthvalue_kernel,
    grad=lambda g, y, x, k, dim, keepdim: chosen(g, y, x, dim, keepdim),
    shape=_kthvalue_shape,
    dtype=with_indices,
    grad_fn="KthvalueBackward0",
    samples=[draw((2, 5), k=2, dim=-1, keepdim=False), draw((4, 2), k=4, dim=0, keepdim=True)],
)


# --- median and mode


def _median_places(x: Any, ignore_nan: bool) -> Any:
    """The index of the lower median along the last dimension (kept, with size 1)."""
    order = rank(x, -1)
    missing = x != x
    if ignore_nan:
        middle = np.maximum(x.shape[-1] - np.sum(missing, axis=-1, keepdims=True) - 1, 0) // 2
        return np.take_along_axis(order, middle, -1)
    places = order[..., (x.shape[-1] - 1) // 2, None]
    return np.where(np.any(missing, axis=-1, keepdims=True), np.argmax(missing, axis=-1, keepdims=True), places)


def _median_of_all(ignore_nan: bool) -> Callable[..., Any]:
    def kernel(x: Any) -> Any:
        flat = np.reshape(x, -1)
        if not flat.size:
            return np.asarray(np.nan if x.dtype.kind == "f" else np.iinfo(x.dtype).min, dtype=x.dtype)
        return flat[_median_places(flat, ignore_nan)[0]]

    return kernel


def _median_along(ignore_nan: bool) -> Callable[..., Any]:
    def kernel(x: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
        if not x.ndim:
            return x, np.int64(0)
        places = np.moveaxis(_median_places(np.moveaxis(x, dim, -1), ignore_nan), -1, dim)
        return _picked(x, places, dim % x.ndim, keepdim)

    return kernel


def _medians(name: str, word: str, ignore_nan: bool) -> Op:
    """Declare the median of all elements and along a dimension; the latter is returned."""
    op(
        f"{name}(Tensor input)",
        f"The median of all elements{word} (of an even count the lower one); ties share the gradient evenly.",
        kernel=_median_of_all(ignore_nan),
        grad=share_all,
        shape=to_scalar,
        dtype=refusing(kept, "median_cpu", dtypes.BOOL),
        grad_fn=(f"{name.capitalize()}Backward0",) * 2,
        samples=[draw(5), draw((2, 3))],
    )
    return op(
        f"{name}(Tensor input, int dim, bool keepdim=False)",
        f"The median of the elements{word} along dim (of an even count the lower one), and its index.",
        outputs=("values", "indices"),
        kernel=_median_along(ignore_nan),
        grad=chosen,
        shape=two_along,
        dtype=refusing(with_indices, "median_out", dtypes.BOOL),
        grad_fn=(f"{name.capitalize()}Backward1",) * 2,
        samples=[draw((2, 3), dim=1, keepdim=False), draw((4, 2), dim=0, keepdim=True)],
    )


median_along: Op = _medians("median", "", False)
nanmedian_along: Op = _medians("nanmedian", " that are not nan", True)


def _mode_kernel(x: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    """Of equally frequent values the smallest; its last index."""
    if not x.ndim:
        return x, np.int64(0)
    order = rank(x, dim)
    rows = np.moveaxis(np.take_along_axis(x, order, dim), dim, -1)
    ends = np.concatenate([rows[..., 1:] != rows[..., :-1], np.ones((*rows.shape[:-1], 1), bool)], axis=-1)
    places = np.arange(rows.shape[-1])
    ended_before = np.maximum.accumulate(np.where(ends, places, -1), axis=-1)
    start = np.concatenate([np.full((*rows.shape[:-1], 1), -1), ended_before[..., :-1]], axis=-1)
    lengths = np.where(ends, places - start, 0)
    best = np.moveaxis(np.argmax(lengths, axis=-1, keepdims=True), -1, dim)
    return _picked(x, np.take_along_axis(order, best, dim), dim % x.ndim, keepdim)


op(
    "mode(Tensor input, int dim=-1, bool keepdim=False)",
    "The most frequent element along dim (of equally frequent ones the smallest), and its last index.",
    outputs=("values", "indices"),
    kernel=_mode_kernel,
    grad=chosen,
    shape=two_along,
    dtype=with_indices,
    grad_fn="ModeBackward0",
    samples=[draw((2, 3), dim=-1, keepdim=False)],
)


# --- different elements: their number depends on the values, so these are computed at once

_distinct: Op = op(
    "_unique2(Tensor input, any values)",
    "The different elements of input; torch has no derivative for it.",
    spelled=["_"],
    kernel=lambda x, values: values,
    grad=refuse,
    shape=lambda inputs, params: params["values"].shape,
    dtype=kept,
    grad_fn=("Unique2Backward0", "Unique2Backward0"),
)


_distinct_runs: Op = op(
    "_unique_consecutive(Tensor input, any values)",
    "The elements of input without repetitions; torch has no derivative for it.",
    spelled=["_"],
    kernel=lambda x, values: values,
    grad=refuse,
    shape=lambda inputs, params: params["values"].shape,
    dtype=kept,
    grad_fn=("UniqueConsecutiveBackward0", "UniqueConsecutiveBackward0"),
)


def _results(distinct: Node, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool) -> Any:
    result = [distinct]
    if return_inverse:
        result.append(leaf(np.asarray(inverse, dtype=np.int64)))
    if return_counts:
        result.append(leaf(np.asarray(counts, dtype=np.int64)))
    return result[0] if len(result) == 1 else tuple(result)


def _unique(x: Node, sorted: bool, return_inverse: bool, return_counts: bool, dim: int | None) -> Any:
    array = value(x)
    axis = None if dim is None else normal_dim(dim, x.ndim)
    values, inverse, counts = np.unique(
        array, return_inverse=True, return_counts=True, axis=axis if array.ndim else None, equal_nan=False
    )
    inverse = inverse.reshape(array.shape if axis is None else -1)
    distinct = _distinct(x, values=np.ascontiguousarray(values))
    return _results(distinct, inverse, counts, return_inverse, return_counts)


def _unique_consecutive(x: Node, return_inverse: bool, return_counts: bool, dim: int | None) -> Any:
    array = value(x)
    rows = array.reshape(-1) if dim is None else np.moveaxis(array, normal_dim(dim, x.ndim), 0)
    starts = np.ones(len(rows), dtype=bool)
    if len(rows) > 1:
        starts[1:] = np.any((rows[1:] != rows[:-1]).reshape(len(rows) - 1, -1), axis=1)
    places = np.flatnonzero(starts)
    values = rows[places] if dim is None else np.moveaxis(rows[places], 0, dim)
    inverse = np.cumsum(starts) - 1
    counts = np.diff(np.append(places, len(rows)))
    inverse = inverse.reshape(array.shape) if dim is None else inverse
    distinct = _distinct_runs(x, values=np.ascontiguousarray(values))
    return _results(distinct, inverse, counts, return_inverse, return_counts)


op(
    "unique(Tensor input, bool sorted=True, bool return_inverse=False, bool return_counts=False, int? dim=None)",
    "The different elements in order (dim: the different slices), where each went, and how often each occurs.",
    expands=_unique,
    samples=[draw(4, sorted=True, return_inverse=True, return_counts=True, dim=None)],
)
op(
    "unique_consecutive(Tensor input, bool return_inverse=False, bool return_counts=False, int? dim=None)",
    "The elements without immediate repetitions, where each went, and the lengths of the runs.",
    expands=_unique_consecutive,
    samples=[draw(4, return_inverse=True, return_counts=True, dim=None)],
)
