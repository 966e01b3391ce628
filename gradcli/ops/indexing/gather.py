"""Gathering: elements picked by integer tensors along a dimension, or from the whole tensor.

Each has its counterpart in scatter.py as its derivative, and the other way round; the primitives of both are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, GradcliError, IndexError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op, same
from gradcli.ops.dtyperules import TITLES
from gradcli.ops.shapes.shape import expand, reshape_like_torch
from gradcli.shapes import Shape, broadcast_shapes, element_count, normal_dim

# Checks that several ops share


def check_range(index: Any, size: int, dim: int, *, negative: bool = False, torch: str = "") -> None:
    """Refuse an array of indices that reaches outside of a dimension.

    negative: they may count from the end. torch: its words, with {index}, {dim} and {size}.
    Raises: IndexError_ with the first index that does.
    """
    if not index.size:
        return
    low = -size if negative else 0
    if index.min() >= low and index.max() < size:
        return
    wrong = int(index[(index < low) | (index >= size)].flat[0])
    torch = torch or "index {index} is out of bounds for dimension {dim} with size {size}"
    raise IndexError_(
        f"index {wrong} is out of range for dimension {dim} of size {size}",
        detail=f"it can be {low} to {size - 1}" if size else "the dimension is empty",
        torch=torch.format(index=wrong, dim=dim, size=size),
    )


def check_integers(index: Node, name: str, allowed: tuple[dtypes.DType, ...] = (dtypes.int64, dtypes.int32)) -> None:
    """Refuse an index tensor of another dtype. Raises: DtypeError."""
    if index.dtype not in allowed:
        raise DtypeError(
            f"the index has dtype {index.dtype}; it has to be an integer tensor",
            hint="convert it: .long()",
            torch=f"{name}(): Expected dtype int32/int64 for index",
        )


def check_vector(index: Node, error: type[GradcliError], torch: str) -> None:
    """Refuse an index tensor of two dimensions or more."""
    if index.ndim > 1:
        raise error(f"the index has shape {index.shape}; it has to be a vector", torch=torch)


def at_dim(dim: int, index: Any) -> tuple[Any, ...]:
    """The numpy index that takes `index` along dim and everything else along the others."""
    return (*(slice(None),) * dim, index)


# index_select: whole slices along a dimension


def _select_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    x, index = inputs
    dim = normal_dim(params["dim"], x.ndim)
    check_vector(index, IndexError_, "index_select(): Index is supposed to be a vector")
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise DtypeError(
            f"the index has dtype {index.dtype}; it has to be an integer tensor",
            hint="convert it: .long()",
            torch="index_select(): Expected dtype int32 or int64 for index",
        )
    if not x.ndim:
        return ()
    return (*x.shape[:dim], index.size, *x.shape[dim + 1 :])


def _select_rows(x: Any, index: Any, dim: int) -> Any:
    rows = np.reshape(x, (1,)) if x.ndim == 0 else x
    dim %= rows.ndim
    check_range(index, rows.shape[dim], dim, torch="index out of range in self")
    picked = np.take(rows, index.reshape(-1), dim)
    return picked if x.ndim else picked.reshape(())


index_select: Op = op(
    "index_select(Tensor input, int dim, Tensor index)",
    "The slices of input at the given indices of dim.",
    kernel=_select_rows,
    grad=[lambda g, y, x, index, dim: place_rows(g, index, dim=dim, shape=x.shape), None],
    shape=_select_shape,
    dtype=kept,
    grad_fn="IndexSelectBackward0",
    samples=[draw((4, 3), dim=0, index=[0, 2, 2]), draw((2, 4), dim=-1, index=[3]), draw((), dim=0, index=[0])],
    wrong=[("index_select(ones(4), 0, tensor([4]))", "out of range")],
)


def _place_rows(g: Any, index: Any, dim: int, shape: Shape) -> Any:
    result = np.zeros(shape, g.dtype)
    target, source = (result.reshape(1), g.reshape(1)) if not shape else (result, g)
    places, dim = index.reshape(-1), dim % target.ndim
    if target.ndim == 1:
        np.add.at(target, places, source)
        return result
    if places.size and np.bincount(places).max() > 1:  # slices for the same place are added up side by side
        order = np.argsort(places, kind="stable")
        places = places[order]
        begins = np.flatnonzero(np.diff(places, prepend=-1))
        source, places = np.add.reduceat(np.take(source, order, dim), begins, axis=dim), places[begins]
    target[at_dim(dim, places)] = source
    return result


place_rows: Op = op(
    "_place_rows(Tensor input, Tensor index, int dim, any shape)",
    "Zeros with the slices of input added at the given indices of dim.",
    spelled=["_"],
    kernel=_place_rows,
    grad=[lambda g, y, x, index, dim, shape: index_select(g, index, dim=dim), None],
    shape=lambda inputs, params: params["shape"],
    dtype=kept,
    grad_fn="IndexAddBackward0",
)

# gather: elements along a dimension, the other dimensions those of the index


def grid(index: Any, dim: int) -> tuple[Any, ...]:
    """The numpy index of the elements that an index tensor means along dim."""
    places: list[Any] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    places[dim] = index
    return tuple(places)


def _gather_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    x, index = inputs
    if index.size:
        check_integers(index, "gather")
    check_gather_shape(x.shape, index.shape, params["dim"], "input")
    shape: Shape = index.shape
    return shape


def check_gather_shape(shape: Shape, index: Shape, dim: int, word: str) -> None:
    """Refuse an index tensor that is larger than the tensor in another dimension than dim.

    word: what torch calls the tensor.
    """
    at = normal_dim(dim, len(shape))
    if 0 in index:
        return
    if max(len(shape), 1) != max(len(index), 1):
        raise ShapeError(
            f"the index has {len(index)} dimension{'' if len(index) == 1 else 's'}, the tensor has {len(shape)}",
            torch="Index tensor must have the same number of dimensions as " + word + " tensor",
        )
    for d, (size, own) in enumerate(zip(index, shape, strict=False)):
        if d != at and size > own:
            raise ShapeError(
                f"the index of shape {index} is larger than the tensor of shape {shape} in dimension {d}",
                detail=f"only along dimension {at} may it be",
                torch=f"Size does not match at dimension {d} expected index {list(index)} to be no larger than self "
                f"{list(shape)} apart from dimension {at}",
            )


def _vectors(*arrays: Any) -> tuple[Any, ...]:
    """Arrays without dimensions as vectors of one element."""
    return tuple(a.reshape(1) if a.ndim == 0 else a for a in arrays)


def _gather_kernel(x: Any, index: Any, dim: int, sparse_grad: bool = False) -> Any:
    source, places = _vectors(x, index)
    if not places.size:
        return np.zeros(index.shape, x.dtype)
    dim %= source.ndim
    check_range(places, source.shape[dim], dim)
    return source[grid(places, dim)].reshape(index.shape)


gather: Op = op(
    "gather(Tensor input, int dim, Tensor index, *, bool sparse_grad=False)",
    "The elements of input at the indices along dim: y[i][j] = input[index[i][j]][j] for dim 0.",
    kernel=_gather_kernel,
    grad=[lambda g, y, x, index, dim, sparse_grad=False: place_along(g, index, dim=dim, shape=x.shape), None],
    shape=_gather_shape,
    dtype=kept,
    grad_fn="GatherBackward0",
    samples=[
        draw((3, 4), dim=0, index=[[0, 2, 1, 0], [0, 0, 2, 2]], sparse_grad=False),
        draw((3, 4), dim=-1, index=[[3, 3], [1, 2]], sparse_grad=False),
        draw((), dim=0, index=0, sparse_grad=False),
    ],
    wrong=[("gather(ones(4), 0, tensor([7]))", "out of range"), ("gather(ones(4), 0, tensor([0.]))", "integer tensor")],
)


def _place_kernel(g: Any, index: Any, dim: int, shape: Shape) -> Any:
    result = np.zeros(shape, g.dtype)
    if index.size:
        target, source, places = _vectors(result, g, index)
        part = source[tuple(slice(n) for n in places.shape)]
        np.add.at(target, grid(places, dim % target.ndim), part)
    return result


place_along: Op = op(
    "_place_along(Tensor input, Tensor index, int dim, any shape)",
    "Zeros with the elements of input added at the indices along dim.",
    spelled=["_"],
    kernel=_place_kernel,
    grad=[lambda g, y, x, index, dim, shape: gather(g, index, dim=dim), None],
    shape=lambda inputs, params: params["shape"],
    dtype=kept,
    grad_fn="ScatterAddBackward0",
)


def _take_along(x: Node, indices: Node, dim: int | None) -> Node:
    check_integers(indices, "take_along_dim", (dtypes.int64,))
    result: Node
    if dim is None:
        result = gather(reshape_like_torch(x, (-1,)), _from_end(reshape_like_torch(indices, (-1,)), size=x.size), dim=0)
        return result
    if x.ndim != indices.ndim:
        raise ShapeError(
            f"the indices have {indices.ndim} dimension{'' if indices.ndim == 1 else 's'}, the tensor has {x.ndim}",
            torch="torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{x.ndim} dimensions for input, and {indices.ndim} dimensions for indices",
        )
    at = normal_dim(dim, x.ndim)
    others = broadcast_shapes(
        (*x.shape[:at], 1, *x.shape[at + 1 :]), (*indices.shape[:at], 1, *indices.shape[at + 1 :])
    )
    if x.ndim:
        x = _expanded(x, (*others[:at], x.shape[at], *others[at + 1 :]))
        size = x.shape[at]
        indices = _expanded(_from_end(indices, size=size), (*others[:at], indices.shape[at], *others[at + 1 :]))
    result = gather(x, indices, dim=at)
    return result


def _expanded(x: Node, shape: Shape) -> Node:
    result: Node = x if x.shape == shape else expand(x, size=shape)
    return result


def _counted_kernel(array: Any, size: int) -> Any:
    check_range(array, size, 0, negative=True)
    return np.where(array < 0, array + size, array)


_from_end: Op = op(
    "_from_end(Tensor indices, int size)",
    "Indices that may count from the end, counted from 0.",
    spelled=["_"],
    kernel=_counted_kernel,
    shape=same,
    dtype=kept,
)


op(
    "take_along_dim(Tensor input, Tensor indices, int? dim=None)",
    "The elements of input at the indices along dim, other dimensions broadcast; without dim of the flattened input.",
    expands=_take_along,
    samples=[
        draw((3, 4), indices=[[0, -1, 1, 0]], dim=0),
        draw((3, 4), indices=[[0], [1], [3]], dim=1),
        draw((3, 4), indices=[0, 11], dim=None),
    ],
)

# take: elements of the flattened tensor


def _take_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    index = inputs[1]
    if index.dtype is not dtypes.int64:
        raise DtypeError(
            f"the index has dtype {index.dtype}; it has to be int64",
            hint="convert it: .long()",
            torch=f"take(): Expected a long tensor for index, but got {TITLES[index.dtype.name]}",
        )
    shape: Shape = index.shape
    return shape


def _take_kernel(x: Any, index: Any) -> Any:
    check_range(index, x.size, 0, negative=True, torch=_OUTSIDE.format(size=x.size, index="{index}"))
    return np.reshape(x, -1)[index]


_OUTSIDE = "out of range: tried to access index {index} on a tensor of {size} elements."

take: Op = op(
    "take(Tensor input, Tensor index)",
    "The elements of the flattened input at the indices, in the shape of index.",
    kernel=_take_kernel,
    grad=[lambda g, y, x, index: place_flat(g, index, shape=x.shape), None],
    shape=_take_shape,
    dtype=kept,
    grad_fn="TakeBackward0",
    samples=[draw((2, 3), index=[[0, -1], [4, 4]])],
    wrong=[("take(ones(4), tensor([4]))", "out of range")],
)


def _place_flat(g: Any, index: Any, shape: Shape) -> Any:
    result = np.zeros(element_count(shape), g.dtype)
    np.add.at(result, index.reshape(-1), np.reshape(g, -1))
    return result.reshape(shape)


place_flat: Op = op(
    "_place_flat(Tensor input, Tensor index, any shape)",
    "Zeros with the elements of input added at the indices of the flattened result.",
    spelled=["_"],
    kernel=_place_flat,
    grad=[lambda g, y, x, index, shape: take(g, index), None],
    shape=lambda inputs, params: params["shape"],
    dtype=kept,
    grad_fn="PutBackward0",
)
