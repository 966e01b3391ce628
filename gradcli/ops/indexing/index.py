"""Indexing: `x[parts]` and `x[parts] = value` with torch's meaning, as steps of view ops and at most one index op.

How the parts are read says `brackets.py`; all that pick elements are one `index` together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, IndexError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, leaf, named, op, same
from gradcli.ops.dtyperules import TITLES
from gradcli.ops.indexing.brackets import read_index, read_parts
from gradcli.ops.shapes.convert import alias
from gradcli.ops.shapes.shape import reshape
from gradcli.ops.shapes.views import take_view, write_view
from gradcli.shapes import Shape, broadcast_shapes

# Reading and writing through an index


def _named_slice(view: str, torch2: str) -> Op:
    """The name of a view after which PyTorch 1.0 also made a slice of all, which is what it shows."""
    return op(
        f"_{view}_of_all(Tensor input)",
        f"input after {view} and a slice of all.",
        spelled=["_"],
        expands=lambda x: x,
        grad_fn=("SliceBackward", torch2),
    )


_WHOLE = {
    "select": _named_slice("select", "SelectBackward0"),
    "unsqueeze": _named_slice("unsqueeze", "UnsqueezeBackward0"),
    "alias": _named_slice("alias", "AliasBackward0"),
}


def _named_write(torch1: str, torch2: str) -> Op:
    """The name of a write into all of a tensor: by number or tensor, after slices of all or not."""
    return op(
        "_written(Tensor input, Tensor value)",
        "value in place of all of input.",
        spelled=["_"],
        expands=lambda x, value: value,
        grad_fn=(torch1, torch2),
    )


_WRITES = {
    (True, False): _named_write("FillBackward1", "FillBackward3"),
    (True, True): _named_write("CopySlices", "FillBackward3"),
    (False, False): _named_write("CopyBackwards", "CopyBackwards"),
    (False, True): _named_write("CopySlices", "CopyBackwards"),
}


def index_nodes(node: Node, parts: Sequence[Any]) -> Node:
    """The node of `x[parts]`."""
    reading = read_index(parts, node.shape)
    result = take_view(node, tuple(reading.steps))
    if reading.indices:
        picked: Node = index(result, *[i for _, i in reading.indices], dims=tuple(dim for dim, _ in reading.indices))
        return picked
    if result is node:
        result = alias(node)
    name = _WHOLE.get(result.op.name) if reading.whole and result.requires_grad else None
    return result if name is None else named(name, (node,), {}, result)


def index_put_nodes(node: Node, parts: Sequence[Any], value: Node) -> Node:
    """The node of x after `x[parts] = value`: the value is cast, and broadcast to what the index picks.

    Raises: ShapeError when it does not broadcast; DtypeError when it is of another dtype and the index picks elements.
    """
    reading = read_index(parts, node.shape, writing=True)
    steps = tuple(reading.steps)
    filling = not value.ndim and bool(node.ndim)
    if value.shape != reading.shape:
        value = _without_leading_ones(value)
    result: Node
    if reading.indices:
        dims = tuple(dim for dim, _ in reading.indices)
        indices = [i for _, i in reading.indices]
        result = index_put(take_view(node, steps), value, *indices, dims=dims, accumulate=False)
        if steps:
            result = write_view(node, result, steps=steps)
        return result
    check_place(value.shape, reading.shape)
    if steps:
        result = write_view(node, value, steps=steps)
    else:
        result = write_view(node, value, steps=())
        if result.requires_grad:
            result = named(_WRITES[filling, reading.whole], (node, value), {}, result)
    return result


def check_place(value: Shape, place: Shape) -> None:
    """Refuse a value that does not broadcast to its place."""
    try:
        fits = broadcast_shapes(value, place) == place
    except ShapeError:
        fits = False
    if not fits:
        raise ShapeError(
            f"a value of shape {value} does not fit the place, which has shape {place}",
            torch=f"expand(torch.FloatTensor{{{list(value)}}}, size={list(place)}): the number of sizes provided "
            f"({len(place)}) must be greater or equal to the number of dimensions in the tensor ({len(value)})"
            if len(value) > len(place)
            else _expanding_text(value, place),
        )


def _expanding_text(value: Shape, place: Shape) -> str:
    lead = len(place) - len(value)
    at = max(d for d in range(len(value)) if value[d] not in (1, place[d + lead]))
    return (
        f"The expanded size of the tensor ({place[at + lead]}) must match the existing size ({value[at]}) at "
        f"non-singleton dimension {at + lead}.  Target sizes: {list(place)}.  Tensor sizes: {list(value)}"
    )


def _without_leading_ones(value: Node) -> Node:
    lead = 0
    while lead < value.ndim and value.shape[lead] == 1:
        lead += 1
    result: Node = reshape(value, shape=value.shape[lead:]) if lead else value
    return result


# index and index_put


def _picked_shape(shape: Shape, indices: Sequence[Node], dims: Shape) -> Shape:
    """Where the index tensors are side by side their common shape stands in their place, else in front."""
    try:
        common = broadcast_shapes(*[i.shape for i in indices])
    except ShapeError:
        raise IndexError_(
            f"the index tensors do not broadcast: {' and '.join(str(i.shape) for i in indices)}",
            torch="shape mismatch: indexing tensors could not be broadcast together with shapes "
            + ", ".join(str(list(i.shape)) for i in indices),
        ) from None
    rest = tuple(size for at, size in enumerate(shape) if at not in dims)
    before = dims[0] if dims[-1] - dims[0] == len(dims) - 1 else 0
    return rest[:before] + common + rest[before:]


def _places(x: Any, indices: Sequence[Any], dims: Shape) -> tuple[Any, ...]:
    """The numpy index; refuses what is out of range."""
    places: list[Any] = [slice(None)] * (max(dims) + 1)
    for at, (dim, i) in enumerate(zip(dims, indices, strict=True)):
        size = x.shape[dim]
        if i.size and not (-size <= i.min() and i.max() < size):
            wrong = int(i[(i < -size) | (i >= size)].flat[0])
            raise IndexError_(
                f"index {wrong} is out of range for dimension {dim} of size {size}",
                detail=f"it can be {-size} to {size - 1}" if size else "the dimension is empty",
                torch=f"index {wrong} is out of bounds for dimension {at} with size {size}",
            )
        places[dim] = i
    return tuple(places)


index: Op = op(
    "_index(Tensor input, Tensors indices, ints dims)",
    "The elements of input where the index tensors point, each into its dimension.",
    spelled=["_"],
    kernel=lambda x, *indices, dims: x[_places(x, indices, dims)],
    joint=lambda g, y, x, *indices, dims: (
        _spread_index(g, *indices, dims=dims, shape=x.shape), *(None for _ in indices)
    ),
    shape=lambda inputs, params: _picked_shape(inputs[0].shape, inputs[1:], params["dims"]),
    dtype=kept,
    grad_fn="IndexBackward0",
)  # fmt: skip


def _spread_kernel(g: Any, *indices: Any, dims: Shape, shape: Shape) -> Any:
    result = np.zeros(shape, g.dtype)
    np.add.at(result, _places(result, indices, dims), g)
    return result


_spread_index: Op = op(
    "_spread_index(Tensor input, Tensors indices, ints dims, any shape)",
    "Zeros with input added where the index tensors point.",
    spelled=["_"],
    kernel=_spread_kernel,
    joint=lambda g, y, x, *indices, dims, shape: (index(g, *indices, dims=dims), *(None for _ in indices)),
    shape=lambda inputs, params: params["shape"],
    dtype=kept,
    grad_fn="IndexPutBackward0",
)


def _put_kernel(x: Any, value: Any, *indices: Any, dims: Shape, accumulate: bool) -> Any:
    result = np.array(x, order="C")
    places = _places(result, indices, dims)
    if accumulate:
        np.add.at(result, places, value)
    else:
        result[places] = value
    return result


def _put_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    x, value, *indices = inputs
    wanted = _picked_shape(x.shape, indices, params["dims"])
    try:
        fits = broadcast_shapes(value.shape, wanted) == wanted
    except ShapeError:
        fits = False
    if not fits:
        raise ShapeError(
            f"a value of shape {value.shape} does not fit the place, which has shape {wanted}",
            torch=f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to indexing result "
            f"of shape {list(wanted)}",
        )
    return same(inputs, params)


def _put_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, Any]:
    x, value = inputs[:2]
    if x.dtype is not value.dtype:
        raise DtypeError(
            f"a value of {value.dtype} does not go into a tensor of {x.dtype}",
            hint=f"convert it: .to({x.dtype})",
            torch="Index put requires the source and destination dtypes match, got "
            f"{TITLES[x.dtype.name]} for the destination and {TITLES[value.dtype.name]} for the source.",
        )
    return None, x.dtype


def _put_rule(g: Node, y: Node, x: Node, value: Node, *indices: Node, dims: Shape, accumulate: bool) -> tuple[Any, ...]:
    kept_of_x = g if accumulate else index_put(g, _ZERO[g.dtype], *indices, dims=dims, accumulate=False)
    return (kept_of_x, index(g, *indices, dims=dims), *(None for _ in indices))


index_put: Op = op(
    "_index_put(Tensor input, Tensor value, Tensors indices, ints dims, bool accumulate)",
    "input with the elements where the index tensors point replaced by value, or value added to them.",
    spelled=["_"],
    kernel=_put_kernel,
    joint=_put_rule,
    shape=_put_shape,
    dtype=_put_dtype,
    grad_fn="IndexPutBackward0",
)
_ZERO = {dtype: leaf(np.zeros((), dtype.numpy)) for dtype in dtypes.ALL if dtype.floating}


def _public_put(x: Node, indices: Sequence[Node], values: Node, accumulate: bool) -> Node:
    reading = read_parts(tuple(indices), x.shape, writing=False, pointing=True)
    dims = tuple(dim for dim, _ in reading.indices)
    result: Node = index_put(x, values, *[i for _, i in reading.indices], dims=dims, accumulate=accumulate)
    return result


op(
    "index_put(Tensor input, Tensors indices, Tensor values, bool accumulate=False)",
    "input with the elements where the index tensors point replaced by values, or values added to them.",
    expands=_public_put,
    inplace=True,
    samples=[
        draw((4, 2), (2, 2), indices=[[0, 2]], accumulate=False),
        draw((4, 2), 3, indices=[[0, 2, 0], [1, 1, 1]], accumulate=True),
    ],
)
