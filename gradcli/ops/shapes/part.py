"""Parts: slices, rows, blocks and windows of a tensor, and splitting it into several. All are views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.engine.run import value
from gradcli.errors import IndexError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.shapes.views import part
from gradcli.shapes import Shape, normal_dim


def _slice_array(x: Any, dim: int, start: int, end: int, step: int = 1) -> Any:
    return x[(slice(None),) * (dim % x.ndim) + (slice(start, end, step),)]


def sliced_range(size: int, start: int | None, end: int | None) -> tuple[int, int]:
    """Where a slice of a dimension begins and ends, counted from 0: negative bounds count from the end, all are cut."""
    begin = 0 if start is None else start + size if start < 0 else start
    stop = size if end is None else end + size if end < 0 else end
    begin = min(max(begin, 0), size)
    return begin, min(max(stop, begin), size)


def _sliced(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape = inputs[0].shape
    dim = normal_dim(params["dim"], len(shape))
    begin, stop = sliced_range(shape[dim], params["start"], params["end"])
    return (*shape[:dim], -(-(stop - begin) // params.get("step", 1)), *shape[dim + 1 :])


slice_: Op = part(
    "_slice(Tensor input, int dim, int start, int end, int step)",
    "The elements of input from start to end in steps along dim.",
    spelled=["_"],
    kernel=_slice_array,
    shape=_sliced,
    grad_fn="SliceBackward0",
    samples=[draw((4, 3), dim=0, start=1, end=4, step=2), draw((2, 5), dim=1, start=0, end=3, step=1)],
)
_split_part: Op = part(
    "_split(Tensor input, int dim, int start, int end)",
    "One of the parts of equal size.",
    spelled=["_"],
    kernel=_slice_array,
    shape=_sliced,
    grad_fn="SplitBackward0",
)
_split_sized: Op = part(
    "_split_with_sizes(Tensor input, int dim, int start, int end)",
    "One of the parts of given sizes.",
    spelled=["_"],
    kernel=_slice_array,
    shape=_sliced,
    grad_fn="SplitWithSizesBackward0",
)


def _selected(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape: Shape = inputs[0].shape
    index = params["index"]
    if not shape:
        raise IndexError_(
            "a tensor without dimensions has none to select from", torch="select() cannot be applied to a 0-dim tensor."
        )
    dim = normal_dim(params["dim"], len(shape))
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError_(
            f"index {index} is out of range for dimension {dim} of size {shape[dim]}",
            detail=f"it can be {-shape[dim]} to {shape[dim] - 1}" if shape[dim] else "the dimension is empty",
            torch=f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}",
        )
    return shape[:dim] + shape[dim + 1 :]


def _select_array(x: Any, dim: int, index: int) -> Any:
    return x[(slice(None),) * (dim % x.ndim) + (index, ...)]


select: Op = part(
    "select(Tensor input, int dim, int index)",
    "The slice of input at an index of dim.",
    kernel=_select_array,
    shape=_selected,
    grad_fn="SelectBackward0",
    samples=[draw((2, 3), dim=0, index=1), draw((2, 3, 2), dim=-1, index=-1), draw(3, dim=0, index=0)],
)
_unbind_part: Op = part(
    "_unbind(Tensor input, int dim, int index)",
    "One of the slices along dim.",
    spelled=["_"],
    kernel=_select_array,
    shape=_selected,
    grad_fn="UnbindBackward0",
)


def narrow(x: Node, dim: int, start: int, length: int) -> Node:
    """The node of `length` elements of a dimension from `start`.

    Raises: ShapeError, IndexError_ when there are not so many.
    """
    if not x.ndim:
        raise ShapeError(
            "a tensor without dimensions has none to narrow", torch="narrow() cannot be applied to a 0-dim tensor."
        )
    at = normal_dim(dim, x.ndim)
    size = x.shape[at]
    if length < 0:
        raise ShapeError(
            f"the length is {length}; it cannot be negative", torch="narrow(): length must be non-negative."
        )
    if not -size <= start <= size:
        raise IndexError_(
            f"start {start} is out of range for dimension {at} of size {size}",
            torch=f"start out of range (expected to be in range of [{-size}, {size}], but got {start})",
        )
    begin = start + size if start < 0 else start
    if begin + length > size:
        raise ShapeError(
            f"{length} elements from {begin} on exceed dimension {at} of size {size}",
            torch=f"start ({begin}) + length ({length}) exceeds dimension size ({size}).",
        )
    result: Node = slice_(x, dim=at, start=begin, end=begin + length, step=1)
    return result


op(
    "narrow(Tensor input, int dim, int start, int length)",
    "length elements of input along dim, from start on.",
    expands=narrow,
    samples=[draw((4, 3), dim=0, start=1, length=2), draw((4, 3), dim=-1, start=-2, length=2)],
)

# Splitting


def _need_dimension(x: Node, word: str) -> None:
    if not x.ndim:
        raise ShapeError(
            "a tensor without dimensions cannot be split", torch=f"{word} expects at least a 1-dimensional tensor"
        )


def split(x: Node, split_size: int, dim: int) -> tuple[Node, ...]:
    """The node in parts of a size along dim; the last may be smaller."""
    _need_dimension(x, "split")
    at = normal_dim(dim, x.ndim)
    size = x.shape[at]
    if split_size < 0:
        raise ShapeError(
            f"the size of the parts is {split_size}; it cannot be negative",
            torch=f"split expects split_size be non-negative, but got split_size={split_size}",
        )
    if not split_size and size:
        raise ShapeError(
            f"parts of size 0 do not make up dimension {at} of size {size}",
            torch=f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}",
        )
    starts = range(0, max(size, 1), split_size or 1)
    return tuple(_split_part(x, dim=at, start=start, end=min(start + split_size, size)) for start in starts)


def split_with_sizes(x: Node, split_sizes: Sequence[int], dim: int) -> tuple[Node, ...]:
    """The node in parts of given sizes along dim.

    Raises: ShapeError when they do not add up to its size.
    """
    _need_dimension(x, "split")
    at = normal_dim(dim, x.ndim)
    size = x.shape[at]
    if sum(split_sizes) != size or any(n < 0 for n in split_sizes):
        raise ShapeError(
            f"the sizes {list(split_sizes)} do not add up to dimension {at}'s {size}",
            torch=f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension "
            f"{at}), but got split_sizes={list(split_sizes)}",
        )
    ends = np.cumsum([0, *split_sizes]).tolist()
    return tuple(_split_sized(x, dim=at, start=ends[i], end=ends[i + 1]) for i in range(len(split_sizes)))


op(
    "split(Tensor input, int split_size, int dim=0)",
    "input in parts of split_size along dim; the last may be smaller.",
    expands=split,
    samples=[draw((5, 2), split_size=2, dim=0), draw((2, 4), split_size=2, dim=-1)],
)
op(
    "split(Tensor input, int split_size_or_sections, int dim=0)",
    "input in parts of one size along dim.",
    spelled=["torch.split"],
    expands=lambda x, split_size_or_sections, dim: split(x, split_size_or_sections, dim),
)
op(
    "split(Tensor input, ints split_size, int dim=0)",
    "input in parts of the given sizes along dim.",
    expands=lambda x, split_size, dim: split_with_sizes(x, split_size, dim),
    samples=[draw((5, 2), split_size=(1, 4), dim=0)],
)
op(
    "split(Tensor input, ints split_size_or_sections, int dim=0)",
    "input in parts of the given sizes along dim.",
    spelled=["torch.split"],
    expands=lambda x, split_size_or_sections, dim: split_with_sizes(x, split_size_or_sections, dim),
)
op(
    "split_with_sizes(Tensor input, ints split_sizes, int dim=0)",
    "input in parts of the given sizes along dim.",
    expands=split_with_sizes,
    samples=[draw((5, 2), split_sizes=(2, 3), dim=0)],
)


def chunk(x: Node, chunks: int, dim: int) -> tuple[Node, ...]:
    """The node in at most so many parts of equal size along dim; the last may be smaller."""
    _need_dimension(x, "chunk")
    if chunks < 1:
        raise ShapeError(
            f"the number of parts is {chunks}; it has to be 1 or more",
            torch=f"chunk expects `chunks` to be greater than 0, got: {chunks}",
        )
    size = x.shape[normal_dim(dim, x.ndim)]
    return split(x, -(-size // chunks), dim) if size else split_with_sizes(x, (0,) * chunks, dim)


op(
    "chunk(Tensor input, int chunks, int dim=0)",
    "input in at most so many parts of equal size along dim; the last may be smaller.",
    expands=chunk,
    samples=[draw((5, 2), chunks=2, dim=0)],
)


def unbind(x: Node, dim: int = 0) -> tuple[Node, ...]:
    """The slices of the node along dim."""
    if not x.ndim:
        raise IndexError_(
            "a tensor without dimensions has no slices",
            torch=f"Dimension specified as {dim} but tensor has no dimensions",
        )
    at = normal_dim(dim, x.ndim)
    return tuple(_unbind_part(x, dim=at, index=index) for index in range(x.shape[at]))


op(
    "unbind(Tensor input, int dim=0)",
    "The slices of input along dim.",
    expands=unbind,
    samples=[draw((2, 3), dim=0), draw((2, 3), dim=-1)],
)


def _cut(x: Node, at: int, ends: Sequence[int]) -> tuple[Node, ...]:
    starts = [0, *ends]
    return tuple(
        slice_(x, dim=at, start=start, end=max(end, start), step=1)
        for start, end in (
            sliced_range(x.shape[at], start, end) for start, end in zip(starts, [*ends, x.shape[at]], strict=True)
        )
    )


def tensor_split(x: Node, sections: int | Sequence[int], dim: int) -> tuple[Node, ...]:
    """The node in so many parts as equal as can be, or cut before the indices given."""
    if not x.ndim:
        raise ShapeError(
            "a tensor without dimensions cannot be split",
            torch="tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims",
        )
    at = normal_dim(dim, x.ndim)
    if not isinstance(sections, int):
        return _cut(x, at, sections)
    if sections < 1:
        raise ShapeError(
            f"the number of parts is {sections}; it has to be 1 or more",
            torch=f"number of sections must be larger than 0, got {sections}",
        )
    least, larger = divmod(x.shape[at], sections)
    return _cut(x, at, [least * n + min(n, larger) for n in range(1, sections)])


def _listed(indices: Node) -> Any:
    return value(indices).tolist()


op(
    "tensor_split(Tensor input, int sections, int dim=0)",
    "input in so many parts, as equal as can be, along dim.",
    expands=tensor_split,
    samples=[draw((5, 2), sections=3, dim=0)],
)
op(
    "tensor_split(Tensor input, ints indices, int dim=0)",
    "input cut before the given indices of dim.",
    expands=lambda x, indices, dim: tensor_split(x, indices, dim),
    samples=[draw((5, 2), indices=(1, 3), dim=0)],
)
op(
    "tensor_split(Tensor input, Tensor tensor_indices_or_sections, int dim=0)",
    "input in so many parts, or cut before the given indices, along dim.",
    expands=lambda x, tensor_indices_or_sections, dim: tensor_split(x, _listed(tensor_indices_or_sections), dim),
)


def _splitting(letter: str, least: int, along: str) -> None:
    def split_evenly(x: Node, sections: int | Sequence[int]) -> tuple[Node, ...]:
        if x.ndim < least:
            raise ShapeError(
                f"it splits tensors of {least} dimensions or more; this one has shape {x.shape}",
                torch=f"torch.{letter}split requires a tensor with at least {least} dimension, "
                f"but got a tensor with {x.ndim} dimensions!",
            )
        dim = 0 if letter == "v" or x.ndim == 1 else "vhd".index(letter)
        if isinstance(sections, int) and (sections < 1 or x.shape[dim] % sections):
            raise ShapeError(
                f"dimension {dim} of size {x.shape[dim]} does not divide into {sections} equal parts",
                torch=f"torch.{letter}split attempted to split along dimension {dim}, but the size of the dimension "
                f"{x.shape[dim]} is not divisible by the split_size {sections}!",
            )
        return tensor_split(x, sections, dim)

    shape = (4, 2, 2)[:least] if letter != "h" else (2, 4)
    op(
        f"{letter}split(Tensor input, int sections)",
        f"input in so many equal parts along {along}.",
        expands=split_evenly,
        samples=[draw(shape, sections=2)],
    )
    op(
        f"{letter}split(Tensor input, ints indices)",
        f"input cut before the given indices of {along}.",
        expands=lambda x, indices: split_evenly(x, indices),
        samples=[draw(shape, indices=(1,))],
    )


_splitting("h", 1, "its second dimension (a vector: its only one)")
_splitting("v", 2, "its first dimension")
_splitting("d", 3, "its third dimension")

# Windows


def _unfolded(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape: Shape = inputs[0].shape
    dim, size, step = normal_dim(params["dimension"], len(shape)), params["size"], params["step"]
    whole = shape[dim] if shape else 1
    if size < 0 or step < 1:
        raise ShapeError(
            f"windows of size {size} in steps of {step}: the size cannot be negative and the step has to be 1 or more",
            torch=f"size is {size} but must be >= 0" if size < 0 else f"step is {step} but must be > 0",
        )
    if size > whole:
        raise ShapeError(
            f"a window of {size} does not fit into dimension {dim} of size {whole}",
            torch=f"maximum size for tensor at dimension {dim} is {whole} but size is {size}",
        )
    if not shape:
        return (size,)
    return (*shape[:dim], (whole - size) // step + 1, *shape[dim + 1 :], size)


def _unfold_array(x: Any, dimension: int, size: int, step: int) -> Any:
    if not x.ndim:
        return x.reshape(1)[:size]
    dim = dimension % x.ndim
    if not size:
        return np.zeros((*x.shape[:dim], x.shape[dim] // step + 1, *x.shape[dim + 1 :], 0), x.dtype)
    windows = np.lib.stride_tricks.sliding_window_view(x, size, dim, writeable=True)
    return windows[(slice(None),) * dim + (slice(None, None, step),)]


unfold: Op = part(
    "unfold(Tensor input, int dimension, int size, int step)",
    "The windows of size elements along a dimension, step apart, in a last dimension of their own.",
    spelled=[".unfold"],
    kernel=_unfold_array,
    shape=_unfolded,
    grad_fn="UnfoldBackward0",
    overlapping=True,
    samples=[draw(7, dimension=0, size=3, step=2), draw((2, 5), dimension=1, size=2, step=1)],
)
