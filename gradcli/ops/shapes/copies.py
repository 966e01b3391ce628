"""torch's `_copy` functions, each view op once more as a copy; and functions that leave real tensors as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.engine.run import value
from gradcli.errors import DtypeError, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import leaf, op
from gradcli.ops.indexing.embed import as_strided
from gradcli.ops.reductions.reduce import sum_all, sum_dim
from gradcli.ops.shapes.convert import alias, contiguous_copy
from gradcli.ops.shapes.diagonal import diagonal
from gradcli.ops.shapes.order import permute, t, transpose
from gradcli.ops.shapes.part import (
    chunk,
    narrow,
    select,
    slice_,
    sliced_range,
    split,
    split_with_sizes,
    unbind,
    unfold,
)
from gradcli.ops.shapes.shape import expand, reshape, squeeze_all, squeeze_dim, squeeze_dims, unsqueeze
from gradcli.shapes import Shape, broadcast_shapes, normal_dim


def _slice(x: Node, dim: int, start: int | None, end: int | None, step: int) -> Node:
    at = normal_dim(dim, x.ndim)
    begin, stop = sliced_range(x.shape[at], start, end)
    node: Node = slice_(x, dim=at, start=begin, end=stop, step=step)
    return node


def _copying(signature: str, view: Callable[..., Any], grad_fn: str) -> None:
    """A function that copies what a view shows."""

    def copied(x: Node, **params: Any) -> Any:
        seen = view(x, **params)
        return tuple(contiguous_copy(part) for part in seen) if isinstance(seen, tuple) else contiguous_copy(seen)

    name = signature.split("(", 1)[0]
    doc = f"A copy of what {name.removesuffix('_copy').removeprefix('unsafe_')} shows."
    spelled = [f"torch.{name}"]
    if name.startswith("unsafe_") or name == "narrow_copy":  # these are methods, too
        spelled.append(f".{name}")
    op(signature, doc, spelled=spelled, expands=copied, grad_fn=(grad_fn, grad_fn))


_copying("alias_copy(Tensor input)", alias, "AliasBackward0_copy")
_copying(
    "as_strided_copy(Tensor input, ints size, ints stride, int? storage_offset=None)",
    as_strided,
    "AsStridedBackward0_copy",
)
_copying("diagonal_copy(Tensor input, int offset=0, int dim1=0, int dim2=1)", diagonal, "DiagonalBackward0_copy")
_copying("expand_copy(Tensor input, ints size, *, ignored implicit=False)", expand, "ExpandBackward0_copy")
_copying("narrow_copy(Tensor input, int dim, int start, int length)", narrow, "NarrowCopyBackward0")
_copying("permute_copy(Tensor input, ints dims)", permute, "PermuteBackward0_copy")
_copying("select_copy(Tensor input, int dim, int index)", select, "SelectBackward0_copy")
_copying(
    "slice_copy(Tensor input, int dim=0, int? start=None, int? end=None, int step=1)", _slice, "SliceBackward0_copy"
)
_copying("split_copy(Tensor input, int split_size, int dim=0)", split, "SplitBackward0_copy")
_copying(
    "split_with_sizes_copy(Tensor input, ints split_sizes, int dim=0)", split_with_sizes, "SplitWithSizesBackward0_copy"
)
_copying("squeeze_copy(Tensor input)", squeeze_all, "SqueezeBackward0_copy")
_copying("squeeze_copy(Tensor input, int dim)", squeeze_dim, "SqueezeBackward1_copy")
_copying("squeeze_copy(Tensor input, ints dim)", squeeze_dims, "SqueezeBackward2_copy")
_copying("t_copy(Tensor input)", t, "TBackward0_copy")
_copying("transpose_copy(Tensor input, int dim0, int dim1)", transpose, "TransposeBackward0_copy")
_copying("unbind_copy(Tensor input, int dim=0)", unbind, "UnbindBackward0_copy")
_copying("unfold_copy(Tensor input, int dimension, int size, int step)", unfold, "UnfoldBackward0_copy")
_copying("unsqueeze_copy(Tensor input, int dim)", unsqueeze, "UnsqueezeBackward0_copy")
_copying("view_copy(Tensor input, ints size)", lambda x, size: reshape(x, shape=size), "ViewBackward0_copy")
_copying("unsafe_split(Tensor input, int split_size, int dim=0)", split, "UnsafeSplitBackward0")
_copying("unsafe_chunk(Tensor input, int chunks, int dim=0)", chunk, "UnsafeSplitBackward0")
_copying(
    "unsafe_split_with_sizes(Tensor input, ints split_sizes, int dim=0)",
    split_with_sizes,
    "UnsafeSplitWithSizesBackward0",
)

# What real tensors are already

for _name in ("real", "conj", "resolve_conj", "resolve_neg", "conj_physical"):
    op(f"{_name}(Tensor input)", "input: a real tensor is its own.", expands=lambda x: x)


# Sizes and places


def _summed(x: Node, size: Shape) -> Node:
    if broadcast_shapes(x.shape, size) != x.shape:
        raise ShapeError(
            f"a tensor of shape {x.shape} does not come from expanding one of shape {tuple(size)}",
            torch=f"size {{{list(size)}}} is not expandable to size {{{list(x.shape)}}}.",
        )
    if not size:
        everything: Node = sum_all(x)
        return everything
    lead = x.ndim - len(size)
    dims = (*range(lead), *(at + lead for at, n in enumerate(size) if n == 1 != x.shape[at + lead]))
    if not dims:
        return x
    result: Node = sum_dim(x, dim=dims, keepdim=True)
    return _in_shape(result, size) if lead else result


def _in_shape(x: Node, size: Shape) -> Node:
    """The node in another shape."""
    result: Node = reshape(x, shape=tuple(size))
    return result


op(
    "sum_to_size(Tensor input, ints* size)",
    "input summed over what expanding from a size would repeat.",
    spelled=[".sum_to_size"],
    expands=_summed,
)


def _unravelled(indices: Node, shape: Shape) -> tuple[Node, ...]:
    if indices.dtype.floating:
        raise DtypeError(
            f"the indices are of {indices.dtype}; they have to be integers",
            torch="expected 'indices' to be an integer tensor",
        )
    return tuple(leaf(np.asarray(places)) for places in np.unravel_index(value(indices), tuple(shape)))


op(
    "unravel_index(Tensor indices, ints shape)",
    "The index into each dimension that an index into the flattened tensor stands for.",
    spelled=["torch.unravel_index"],
    expands=_unravelled,
)
