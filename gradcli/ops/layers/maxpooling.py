"""Pooling by the largest element of each window, and its inverse, which puts elements back where they were."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradcli.dtypes import BOOL, INTEGER, int64
from gradcli.errors import DtypeError, IndexError_, RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op
from gradcli.ops.dtyperules import not_taken
from gradcli.ops.layers.pooling import check_dims, windows_of, with_last
from gradcli.ops.layers.windows import Windows, repeated
from gradcli.shapes import Shape, contiguous_strides


def first_larger(best: Any, at: Any, value: Any, index: Any) -> tuple[Any, Any]:
    """The larger of both and its index: the first of equal ones, and nan over all, as torch has it."""
    better = (value > best) | (value != value)
    return np.where(better, value, best), np.where(better, index, at)


def lowest(dtype: Any) -> Any:
    """The number below all others of a dtype."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _max_kernel(x: Any, windows: Windows) -> tuple[Any, Any]:
    padded = windows.pad(x, lowest(x.dtype))
    lead = x.shape[: x.ndim - len(windows.size)]
    steps = contiguous_strides(windows.size)
    origins, firsts = [], []
    for out, stride, dilation, (before, _) in zip(
        windows.out, windows.stride, windows.dilation, windows.pads, strict=True
    ):
        start = np.arange(out) * stride - before
        origins.append(start)
        firsts.append(np.where(start < 0, start + -(start // dilation) * dilation, start))
    best = np.full(lead + windows.out, lowest(x.dtype), x.dtype)
    at = np.broadcast_to(flat_index(firsts, steps), best.shape)
    origin = flat_index(origins, steps)
    for offset, slices in windows.offsets():
        shift = sum(k * d * step for k, d, step in zip(offset, windows.dilation, steps, strict=True))
        best, at = first_larger(best, at, padded[(..., *slices)], origin + shift)
    return best, at


def flat_index(per_dim: Sequence[Any], steps: Shape) -> Any:
    """The flat index of each combination of an index for each dimension."""
    grid = np.ix_(*per_dim)
    return np.asarray(sum(index * step for index, step in zip(grid, steps, strict=True)))


def _pluck_kernel(x: Any, indices: Any, rank: int) -> Any:
    lead = indices.shape[: indices.ndim - rank]
    rows = x.reshape(*lead, prod(x.shape[x.ndim - rank :]))
    return np.take_along_axis(rows, indices.reshape(*lead, prod(indices.shape[indices.ndim - rank :])), -1).reshape(
        indices.shape
    )


def _put_kernel(x: Any, indices: Any, size: Shape) -> Any:
    result, flat = _planes(x, indices, size)
    result[flat] = x.ravel()  # of elements with the same index the last stays
    return result.reshape(x.shape[: x.ndim - len(size)] + size)


def _place_kernel(g: Any, indices: Any, size: Shape) -> Any:
    result, flat = _planes(g, indices, size)
    np.add.at(result, flat, g.ravel())
    return result.reshape(g.shape[: g.ndim - len(size)] + size)


def _planes(x: Any, indices: Any, size: Shape) -> tuple[Any, Any]:
    """Zeros, flat, for each plane of x, and where its elements go in them."""
    planes, each = prod(x.shape[: x.ndim - len(size)]), prod(size)
    flat = indices.ravel() + np.repeat(np.arange(planes) * each, x.size // max(planes, 1))
    return np.zeros(planes * each, x.dtype), flat


pluck: Op = op(
    "_pluck(Tensor input, Tensor indices, int rank)",
    "The elements at flat indices into the last dimensions.",
    spelled=["_"],
    kernel=_pluck_kernel,
    grad=[lambda g, y, x, indices, rank: place(g, indices, size=x.shape[x.ndim - rank :]), None],
    shape=lambda inputs, params: inputs[1].shape,
    dtype=kept,
    grad_fn="GatherBackward0",
)
place: Op = op(
    "_place(Tensor input, Tensor indices, ints size)",
    "Zeros with input added at flat indices into the last dimensions.",
    spelled=["_"],
    kernel=_place_kernel,
    grad=[lambda g, y, x, indices, size: pluck(g, indices, rank=len(size)), None],
    shape=lambda inputs, params: inputs[0].shape[: inputs[0].ndim - len(params["size"])] + params["size"],
    dtype=kept,
    grad_fn="ScatterBackward0",
)

_put: Op = op(
    "_put(Tensor input, Tensor indices, ints size)",
    "Zeros with input put at flat indices into the last dimensions.",
    spelled=["_"],
    kernel=_put_kernel,
    grad=[lambda g, y, x, indices, size: pluck(g, indices, rank=len(size)), None],
    shape=lambda inputs, params: inputs[0].shape[: inputs[0].ndim - len(params["size"])] + params["size"],
    dtype=kept,
    grad_fn="ScatterBackward0",
)


def _max_rule(g: Any, y: Any, x: Node, windows: Windows) -> Any:
    """The cotangent goes to the element that was the largest."""
    return None if g[0] is None else place(g[0], y[1], size=windows.size)


def _max_op(rank: int) -> Op:
    name = "SqueezeBackward1" if rank == 1 else f"MaxPool{rank}DWithIndicesBackward0"
    return op(
        f"_max_pool{rank}d(Tensor input, any windows)",
        "The largest element of each window, and its index.",
        spelled=["_"],
        outputs=("output", "indices"),
        kernel=_max_kernel,
        grad=_max_rule,
        shape=lambda inputs, params: (with_last(inputs[0].shape, params["windows"].out),) * 2,
        dtype=lambda inputs, params: (None, (inputs[0].dtype, int64)),
        grad_fn=(name, name) if rank == 1 else name,
    )


_MAX = {rank: _max_op(rank) for rank in (1, 2, 3)}


def _max_pool(
    x: Node,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
    rank: int,
) -> Any:
    name = f"max_pool{rank}d"
    check_dims(x, rank, name)
    if x.dtype.category == BOOL or (rank == 1 and x.dtype.category == INTEGER and not return_indices):
        raise not_taken(x.dtype, f"{name}_impl")
    windows = windows_of(x, rank, name, kernel_size, stride, padding, dilation, ceil_mode)
    output, indices = _MAX[rank](x, windows=windows)
    return (output, indices) if return_indices else output


def _declare_max(rank: int) -> Op:
    size = (3, 4, 5)[-rank:]
    return op(
        f"max_pool{rank}d(Tensor input, dims kernel_size, dims? stride=None, dims padding=0, dims dilation=1, "
        "bool ceil_mode=False, bool return_indices=False)",
        f"The largest element of each window over the last {rank} dimension{'s' if rank > 1 else ''}; of equal ones "
        "the first gets the gradient.",
        spelled=[f"F.max_pool{rank}d", f"torch.max_pool{rank}d"],
        expands=lambda x, **params: _max_pool(x, rank=rank, **params),
        samples=[
            draw((2, 2, *size), kernel_size=2),
            draw((1, *size), kernel_size=3, stride=1, padding=1),
            draw((1, 1, *size), kernel_size=2, stride=2, ceil_mode=True),
            draw((1, 1, *size), kernel_size=2, dilation=2, stride=1),
        ],
    )


def _declare_with_indices(rank: int) -> Op:
    return op(
        f"max_pool{rank}d_with_indices(Tensor input, dims kernel_size, dims? stride=None, dims padding=0, "
        "dims dilation=1, bool ceil_mode=False, bool return_indices=True)",
        f"max_pool{rank}d, and the flat index of each element it took.",
        spelled=[f"F.max_pool{rank}d_with_indices"],
        expands=lambda x, return_indices, **params: _max_pool(x, rank=rank, return_indices=True, **params),
        samples=[draw((2, *(3, 4, 5)[-rank:]), kernel_size=2)],
    )


max_pool1d, max_pool2d, max_pool3d = (_declare_max(rank) for rank in (1, 2, 3))
for _rank in (1, 2, 3):
    _declare_with_indices(_rank)


def _max_unpool(
    x: Node, indices: Node, kernel_size: Any, stride: Any, padding: Any, output_size: Any, rank: int
) -> Any:
    name = f"max_unpool{rank}d"
    if indices.dtype is not int64:
        raise DtypeError(
            f"the indices must be int64, not {indices.dtype.name}",
            torch="elements in indices should be type int64 but got: " + indices.dtype.name,
        )
    if indices.shape != x.shape or x.ndim not in (rank + 1, rank + 2):
        raise ShapeError(
            f"the input and the indices must have one shape of {rank + 1} or {rank + 2} dimensions: "
            f"{x.shape} and {indices.shape}",
            torch=f"Expected shape of indices to be same as that of the input tensor ({list(x.shape)}) but got indices "
            f"tensor with shape: {list(indices.shape)}",
        )
    kernel = repeated(kernel_size, rank, "kernel_size", name)
    strides = kernel if stride is None else repeated(stride, rank, "stride", name)
    pads = repeated(padding, rank, "padding", name)
    own = tuple(
        (n - 1) * s + k - 2 * p for n, s, k, p in zip(x.shape[x.ndim - rank :], strides, kernel, pads, strict=True)
    )
    size = own if output_size is None else tuple(output_size)[-rank:]
    if any(not n - s < m < n + s for n, s, m in zip(own, strides, size, strict=True)):
        raise RefusedValue(
            f"output_size {size} is too far from {own}",
            torch=f"invalid output_size {output_size} (dim 0 must be between)",
        )
    return _UNPOOL[rank](x, _flat_checked(indices, count=prod(size)), size=size)


def _checked_kernel(indices: Any, count: int) -> Any:
    if np.any((indices < 0) | (indices >= count)):
        raise IndexError_(
            f"an index is not one of 0 to {count - 1}",
            torch=f"Found an invalid max index: {int(indices.max(initial=0))} (output volumes are of size {count})",
        )
    return indices


_flat_checked = op(
    "_flat_checked(Tensor input, int count)",
    "Flat indices, checked.",
    spelled=["_"],
    kernel=_checked_kernel,
    dtype=kept,
)


def _named_unpool(rank: int) -> Op:
    name = ("SqueezeBackward1", "MaxUnpool2DBackward0", "MaxUnpool3DBackward0")[rank - 1]
    return op(
        "_max_unpool(Tensor input, Tensor indices, ints size)",
        "Zeros with input at flat indices.",
        spelled=["_"],
        expands=lambda x, indices, size: _put(x, indices, size=size),
        grad_fn=(name, name) if rank == 1 else name,
    )


_UNPOOL = {rank: _named_unpool(rank) for rank in (1, 2, 3)}


def _declare_unpool(rank: int) -> Op:
    return op(
        f"max_unpool{rank}d(Tensor input, Tensor indices, dims kernel_size, dims? stride=None, dims padding=0, "
        "ints? output_size=None)",
        f"Zeros with each element of input where max_pool{rank}d(return_indices=True) found it.",
        spelled=[f"F.max_unpool{rank}d"],
        expands=lambda x, indices, **params: _max_unpool(x, indices, rank=rank, **params),
        samples=[draw((1, *(1,) * (rank - 1), 2), indices=[_nested([1, 2], rank - 1)], kernel_size=2)],
    )


def _nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


max_unpool1d, max_unpool2d, max_unpool3d = (_declare_unpool(rank) for rank in (1, 2, 3))
