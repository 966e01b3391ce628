"""Pooling to a given size: as many windows as the output has elements, of nearly equal sizes, that cover the input.

Window o of n over a dimension of size s goes from floor(o s / n) to ceil((o + 1) s / n).
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np

from gradcli.dtypes import int64
from gradcli.errors import ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.elementwise.activations import floats
from gradcli.ops.layers.maxpooling import first_larger, flat_index, lowest, place
from gradcli.ops.layers.pooling import check_dims, with_last
from gradcli.ops.layers.resample import Made, Taps, resample
from gradcli.ops.layers.windows import repeated
from gradcli.ops.reductions.reduce import mean_dim
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import Shape, contiguous_strides


@cache
def _bounds(size: int, out: int) -> tuple[Any, Any]:
    at = np.arange(out)
    return at * size // out, -((at + 1) * size // -out)


@cache
def _means(size: int, out: int) -> Taps:
    """The means of the windows along one dimension."""
    start, end = _bounds(size, out)
    at = start[:, None] + np.arange(int((end - start).max(initial=1)))
    inside = at < end[:, None]
    made: Made = ("adaptive_avg_pool1d", (out,), {}, 0)
    return Taps(size, np.where(inside, at, start[:, None]), inside / (end - start)[:, None], made)


def mean_windows(x: Node, out: Shape) -> Any:
    """The mean of each window over the last dimensions, one dimension after the other."""
    for dim, count in enumerate(out, x.ndim - len(out)):
        size = x.shape[dim]
        if count == size:
            continue
        if count and size % count == 0:
            split = reshape(x, shape=(*x.shape[:dim], count, size // count, *x.shape[dim + 1 :]))
            x = mean_dim(split, dim=dim + 1, keepdim=False, dtype=None)
        else:
            x = resample(x, dim=dim, taps=_means(size, count))
    return x


def _named(torch1: str, torch2: str) -> Op:
    return op(
        "_adaptive_avg_pool(Tensor input, ints output_size)",
        "The mean of each of output_size windows that cover the input.",
        spelled=["_"],
        expands=lambda x, output_size: mean_windows(x, output_size),
        grad_fn=(torch1, torch2),
    )


_NAMED = {
    1: _named("SqueezeBackward1", "SqueezeBackward1"),
    2: _named("AdaptiveAvgPool2DBackward", "AdaptiveAvgPool2DBackward0"),
    3: _named("AdaptiveAvgPool3DBackward", "AdaptiveAvgPool3DBackward0"),
}
_TO_ONE = {  # torch 2 takes the mean
    2: _named("AdaptiveAvgPool2DBackward", "MeanBackward1"),
    3: _named("AdaptiveAvgPool3DBackward", "MeanBackward1"),
}


def _size_asked(x: Node, output_size: Any, rank: int, name: str) -> Any:
    """The output size, with None meaning the size that is there.

    Raises: ShapeError when the input has the wrong number of dimensions, or a size is negative.
    """
    check_dims(x, rank, name)
    own = x.shape[x.ndim - rank :]
    if output_size is None:
        return own
    if isinstance(output_size, list | tuple):
        output_size = [own[at] if at < rank and n is None else n for at, n in enumerate(output_size)]
    asked = repeated(output_size, rank, "output_size", name)
    if any(n < 0 for n in asked):
        raise ShapeError(
            f"output_size cannot be negative: {asked}",
            torch=f"{name}(): elements of output_size must be greater than or equal to 0",
        )
    return asked


def _adaptive_mean(x: Node, output_size: Any, rank: int) -> Any:
    out = _size_asked(x, output_size, rank, f"adaptive_avg_pool{rank}d")
    table = _TO_ONE if rank > 1 and all(n == 1 for n in out) else _NAMED
    return table[rank](x, output_size=out)


def _adaptive_max_kernel(x: Any, out: Shape) -> tuple[Any, Any]:
    rank = len(out)
    size = x.shape[x.ndim - rank :]
    steps = contiguous_strides(size)
    starts, ends = zip(*(_bounds(s, n) for s, n in zip(size, out, strict=True)), strict=True)
    lead = x.shape[: x.ndim - rank]
    best = np.full(lead + out, lowest(x.dtype), x.dtype)
    at = np.broadcast_to(flat_index(starts, steps), best.shape)
    longest = [int((end - start).max(initial=0)) for start, end in zip(starts, ends, strict=True)]
    for offset in product(*map(range, longest)):
        per_dim = [np.minimum(start + k, end - 1) for start, end, k in zip(starts, ends, offset, strict=True)]
        best, at = first_larger(best, at, x[(..., *np.ix_(*per_dim))], flat_index(per_dim, steps))
    return best, at


def _max_op(rank: int) -> Op:
    name = "SqueezeBackward1" if rank == 1 else f"AdaptiveMaxPool{rank}DBackward0"
    return op(
        f"_adaptive_max_pool{rank}d(Tensor input, ints out)",
        "The largest element of each window, and its index.",
        spelled=["_"],
        outputs=("output", "indices"),
        kernel=_adaptive_max_kernel,
        grad=lambda g, y, x, out: None if g[0] is None else place(g[0], y[1], size=x.shape[x.ndim - len(out) :]),
        shape=lambda inputs, params: (with_last(inputs[0].shape, params["out"]),) * 2,
        dtype=lambda inputs, params: (None, (floats("adaptive_max_pool")(inputs, params)[1], int64)),
        grad_fn=(name, name) if rank == 1 else name,
    )


_MAX = {rank: _max_op(rank) for rank in (1, 2, 3)}


def _adaptive_max(x: Node, output_size: Any, return_indices: bool, rank: int) -> Any:
    out = _size_asked(x, output_size, rank, f"adaptive_max_pool{rank}d")
    output, indices = _MAX[rank](x, out=out)
    return (output, indices) if return_indices else output


_SAMPLES = ((2, 3, 5), (1, 2, 3))


def _declare_mean(rank: int) -> Op:
    size, out = (each[-rank:] for each in _SAMPLES)
    return op(
        f"adaptive_avg_pool{rank}d(Tensor input, any output_size)",
        "The mean of each of output_size windows that cover the input.",
        spelled=[f"F.adaptive_avg_pool{rank}d", *(["torch.adaptive_avg_pool1d"] if rank == 1 else [])],
        expands=lambda x, output_size: _adaptive_mean(x, output_size, rank),
        samples=[draw((2, 1, *size), output_size=out), draw((2, *size), output_size=1)],
    )


def _declare_max(rank: int) -> Op:
    size, out = (each[-rank:] for each in _SAMPLES)
    return op(
        f"adaptive_max_pool{rank}d(Tensor input, any output_size, bool return_indices=False)",
        "The largest element of each of output_size windows that cover the input.",
        spelled=[f"F.adaptive_max_pool{rank}d"],
        expands=lambda x, output_size, return_indices: _adaptive_max(x, output_size, return_indices, rank),
        samples=[draw((2, 1, *size), output_size=out), draw((2, *size), output_size=1)],
    )


def _declare_with_indices(rank: int) -> Op:
    size, out = (each[-rank:] for each in _SAMPLES)
    return op(
        f"adaptive_max_pool{rank}d_with_indices(Tensor input, any output_size, bool return_indices=True)",
        f"adaptive_max_pool{rank}d, and the flat index of each element it took.",
        spelled=[f"F.adaptive_max_pool{rank}d_with_indices"],
        expands=lambda x, output_size, return_indices: _adaptive_max(x, output_size, True, rank),
        samples=[draw((2, *size), output_size=out)],
    )


# torch.adaptive_max_pool1d, and so the bare name, gives the indices too
op(
    "adaptive_max_pool1d(Tensor input, any output_size)",
    "The largest element of each of output_size windows that cover the input, and the index of each.",
    spelled=["torch.adaptive_max_pool1d"],
    expands=lambda x, output_size: _adaptive_max(x, output_size, True, 1),
    samples=[draw((2, 1, 7), output_size=3)],
)
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (_declare_mean(rank) for rank in (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (_declare_max(rank) for rank in (1, 2, 3))
for _rank in (1, 2, 3):
    _declare_with_indices(_rank)
