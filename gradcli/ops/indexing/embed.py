"""Writing into parts: a tensor with a slice, a row, a diagonal or any strided part of it replaced by another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli.errors import NotImplementedError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op, same
from gradcli.ops.shapes.diagonal import diagonal
from gradcli.ops.shapes.part import select, slice_, sliced_range
from gradcli.ops.shapes.strides import strides_of
from gradcli.ops.shapes.views import Step, part, spread, take_view, write_view
from gradcli.shapes import Shape, contiguous_strides, normal_dim

# as_strided: any part whatever of the memory


def _span(size: Shape, stride: Shape) -> int:
    """How many elements of memory lie from the first to the last one shown."""
    return 0 if 0 in size else 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))


def _strided_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    size, stride, offset = tuple(params["size"]), tuple(params["stride"]), params["storage_offset"] or 0
    if len(size) != len(stride):
        raise ShapeError(
            f"there are {len(size)} sizes and {len(stride)} strides",
            torch=f"mismatch in length of strides and shape: size {list(size)}, stride {list(stride)}",
        )
    if any(n < 0 for n in (*size, *stride, offset)):
        raise ShapeError(
            "sizes, strides and the offset cannot be negative",
            torch="as_strided: Negative strides are not supported at the moment",
        )
    if _span(size, stride) and offset + _span(size, stride) > inputs[0].size:
        raise ShapeError(
            f"sizes {size} with strides {stride} from {offset} on reach beyond the {inputs[0].size} elements",
            torch=f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} are out of bounds",
        )
    return size


def _strided(x: Any, size: Shape, stride: Shape, storage_offset: int | None) -> Any:
    if not x.flags.c_contiguous:
        raise NotImplementedError_(
            "it takes tensors that lie in memory in row-major order", hint="x.contiguous() gives one"
        )
    flat = x.reshape(-1)[storage_offset or 0 :]
    return np.lib.stride_tricks.as_strided(flat, size, [step * x.itemsize for step in stride])


as_strided: Op = part(
    "as_strided(Tensor input, ints size, ints stride, int? storage_offset=None)",
    "The elements that lie in memory from an offset on in given steps, one for each dimension.",
    kernel=_strided,
    shape=_strided_shape,
    grad_fn="AsStridedBackward0",
    overlapping=True,
    samples=[
        draw((2, 3), size=(2, 2), stride=(1, 2), storage_offset=1),
        draw(4, size=(3, 2), stride=(1, 1), storage_offset=None),
    ],
)

# ... _scatter: each view has one


def _fitting(x: Node, src: Node, step: Step) -> None:
    """Refuse values that are not of the shape of the view, which is made to find out."""
    seen = take_view(x, (step,)).shape
    if src.shape != seen:
        raise ShapeError(
            f"the values have shape {src.shape}, the part of the tensor has {seen}",
            torch="expected src to have a size equal to the slice of self. "
            f"src size = {list(src.shape)}, slice size = {list(seen)}",
        )


def _scattering(signature: str, doc: str, step_of: Callable[..., Step], grad_fn: str, **more: Any) -> None:
    def written(x: Node, src: Node, **params: Any) -> Node:
        step = step_of(x, **params)
        _fitting(x, src, step)
        node: Node = write_view(x, src, steps=(step,))
        return node

    op(signature, doc, expands=written, grad_fn=(grad_fn, grad_fn), **more)


def _slice_step(x: Node, dim: int, start: int | None, end: int | None, step: int) -> Step:
    at = normal_dim(dim, x.ndim)
    begin, stop = sliced_range(x.shape[at], start, end)
    return slice_, {"dim": at, "start": begin, "end": stop, "step": step}


_scattering(
    "select_scatter(Tensor input, Tensor src, int dim, int index)",
    "input with the slice at an index of dim replaced by src.",
    lambda x, dim, index: (select, {"dim": dim, "index": index}),
    "SelectScatterBackward0",
    samples=[draw((2, 3), 3, dim=0, index=1)],
)
_scattering(
    "slice_scatter(Tensor input, Tensor src, int dim=0, int? start=None, int? end=None, int step=1)",
    "input with the elements from start to end in steps along dim replaced by src.",
    _slice_step,
    "SliceScatterBackward0",
    samples=[draw((4, 3), (2, 3), dim=0, start=0, end=None, step=2)],
)
_scattering(
    "diagonal_scatter(Tensor input, Tensor src, int offset=0, int dim1=0, int dim2=1)",
    "input with a diagonal replaced by src.",
    lambda x, offset, dim1, dim2: (diagonal, {"offset": offset, "dim1": dim1, "dim2": dim2}),
    "DiagonalScatterBackward0",
    samples=[draw((3, 3), 3, offset=0, dim1=0, dim2=1), draw((2, 4), 2, offset=1, dim1=0, dim2=1)],
)


def _strided_written(x: Node, src: Node, **params: Any) -> Node:
    step = (as_strided, params)
    _fitting(x, src, step)
    node: Node = _strided_scatter(x, src, steps=(step,))
    return node


_strided_scatter: Op = op(
    "_as_strided_scatter(Tensor input, Tensor src, any steps)",
    "input with the elements that as_strided shows replaced by src.",
    spelled=["_"],
    kernel=write_view.kernel,
    grad=[
        lambda g, y, x, src, steps: spread(take_view(g, steps), shape=x.shape, steps=steps, overlapping=False),
        lambda g, y, x, src, steps: take_view(g, steps),
    ],
    shape=same,
    dtype=kept,
    grad_fn=("AsStridedScatterBackward0", "AsStridedScatterBackward0"),
)
op(
    "as_strided_scatter(Tensor input, Tensor src, ints size, ints stride, int? storage_offset=None)",
    "input with the elements that as_strided shows replaced by src; input gets the gradient of those, as in torch.",
    expands=_strided_written,
)


def _diagonal_places(rows: int, columns: int, wrap: bool) -> Any:
    length = min(rows, columns)
    places = np.arange(length) * (columns + 1)
    return np.arange(0, rows * columns, columns + 1) if wrap and rows > columns else places


def _fill_diagonal(x: Any, fill_value: float, wrap: bool) -> Any:
    result = np.array(x, order="C")
    if x.ndim == 2:
        result.reshape(-1)[_diagonal_places(x.shape[0], x.shape[1], wrap)] = fill_value
    else:
        result[tuple(np.arange(min(x.shape)) for _ in x.shape)] = fill_value
    return result


def _fillable(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape = same(inputs, params)
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise ShapeError(
            f"a tensor of shape {shape} has no one diagonal to fill",
            torch="dimensions must larger than 1"
            if len(shape) < 2
            else "all dimensions of input must be of equal length",
        )
    return shape


_fill_diagonal_op: Op = op(
    "fill_diagonal_(Tensor input, Scalar fill_value, bool wrap=False)",
    "input with a number on its diagonal.",
    spelled=[".fill_diagonal_"],
    kernel=_fill_diagonal,
    grad=lambda g, y, x, fill_value, wrap: _fill_diagonal_op(g, fill_value=0.0, wrap=wrap),
    shape=_fillable,
    dtype=kept,
    grad_fn=("FillDiagonalBackward", "CopySlices"),
    samples=[draw((3, 3), fill_value=2.0, wrap=False), draw((5, 2), fill_value=2.0, wrap=True)],
)

# What a tensor says of its memory


def _stride(x: Node, dim: int | None) -> Any:
    strides = strides_of(x) if x.size else contiguous_strides(x.shape)
    return strides if dim is None else strides[normal_dim(dim, x.ndim)]


op(
    "stride(Tensor input, int? dim=None)",
    "How many elements of memory one step along each dimension is.",
    spelled=[".stride"],
    expands=_stride,
)
op(
    "element_size(Tensor input)",
    "The bytes of an element.",
    spelled=[".element_size"],
    expands=lambda x: x.dtype.itemsize,
)
op(
    "is_same_size(Tensor input, Tensor other)",
    "Whether the shapes are equal.",
    expands=lambda x, other: x.shape == other.shape,
)
