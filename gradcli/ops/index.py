"""Indexing: `x[parts]` and `x[parts] = value` with torch's meaning, as steps of view ops and at most one index op.

Integers, slices, None and `...` are views, one after another. Lists and tensors pick elements: all of them together are
one `index`, in which a bool mask stands for the places where it is true. An integer beside a tensor is a view first,
which is where torch and numpy differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.engine.run import value as node_value
from gradcli.errors import DtypeError, IndexError_, ShapeError, TypeError_, ValueError_
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import Op, draw, fixed, kept, leaf, named, op, same
from gradcli.ops.convert import alias
from gradcli.ops.dtyperules import TITLES
from gradcli.ops.held import held
from gradcli.ops.part import select, slice_, sliced_range
from gradcli.ops.shape import reshape, unsqueeze
from gradcli.ops.views import Step, take_view, write_view
from gradcli.shapes import Shape, broadcast_shapes

_MASKS = (dtypes.bool_, dtypes.uint8)


class Reading:
    """An index as it was read: the views in order, then the index tensors with the dimension each applies to.

    shape: of the tensor after the views. whole: the last view that PyTorch 1.0 would make is a slice of all, which
    PyTorch 2 leaves out: the two name the result differently.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.steps: list[Step] = []
        self.indices: list[tuple[int, Node]] = []
        self.whole = False

    def view(self, step: Op, params: Mapping[str, Any], shape: Shape) -> None:
        """Add a view and the shape it gives."""
        self.steps.append((step, params))
        self.shape = shape
        self.whole = False

    def at(self, dim: int, change: Shape) -> Shape:
        """The shape with one dimension replaced by others."""
        return (*self.shape[:dim], *change, *self.shape[dim + 1 :])


def read_index(parts: Sequence[Any], shape: Shape, *, writing: bool = False) -> Reading:
    """What an index means for a tensor of a shape. writing: a slice of all is no view even where it stands alone.

    A tensor without dimensions is a number, but where values are not to be looked at; it then picks as others do,
    unless the result would have another shape.
    Raises: IndexError_ for what is out of range or no index, ValueError_ for a step that is not positive.
    """
    if MODE.held is not None:
        reading = _read_index(parts, shape, writing, pointing=True)
        dims = [dim for dim, _ in reading.indices]
        if not dims or dims[-1] - dims[0] == len(dims) - 1:
            return reading
    return _read_index(parts, shape, writing, pointing=False)


def _read_index(parts: Sequence[Any], shape: Shape, writing: bool, pointing: bool) -> Reading:
    """pointing: tensors without dimensions pick elements, too.

    Raises: IndexError_ for what is out of range or no index, ValueError_ for a step that is not positive.
    """
    if len(parts) == 1 and isinstance(parts[0], list) and _is_tuple(parts[0]):
        parts = parts[0]
    listed = [_as_tensor(part) if isinstance(part, list) else part for part in parts]
    free = len(shape) - sum(_dims_taken(part) for part in listed)
    if free < 0:
        _refuse_count(len(shape), len(shape) - free)
    reading = Reading(shape)
    dim = 0
    for position, part in enumerate(listed):
        if part is Ellipsis:
            dim += free
        elif isinstance(part, Node):
            dim = _read_tensor(reading, part, dim, position, pointing)
        elif isinstance(part, bool):
            dim = _read_bool(reading, part, dim)
        elif part is None:
            reading.view(unsqueeze, {"dim": dim}, (*reading.shape[:dim], 1, *reading.shape[dim:]))
            dim += 1
        elif isinstance(part, slice):
            _read_slice(reading, part, dim, alone=len(listed) == 1 and not writing)
            dim += 1
        else:
            _read_integer(reading, part, dim, position)
    return reading


def _is_tuple(items: list[Any]) -> bool:
    """Whether torch reads a list alone between the brackets as a tuple: when it holds more than numbers."""
    return len(items) < 32 and any(
        item is None or item is Ellipsis or isinstance(item, list | slice | Node) for item in items
    )


def _dims_taken(part: Any) -> int:
    if isinstance(part, Node):
        return part.ndim if part.dtype in _MASKS else 1
    return 0 if part is None or part is Ellipsis or isinstance(part, bool) else 1


def _refuse_count(ndim: int, given: int) -> None:
    if not ndim:
        raise IndexError_(
            "a tensor without dimensions cannot be indexed by a number",
            hint="x.item() gives its number",
            torch="invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
            "convert a 0-dim tensor to a number"
            if given == 1
            else "too many indices for tensor of dimension 0",
        )
    raise IndexError_(
        f"{given} indices are too many for a tensor of {ndim} dimension{'' if ndim == 1 else 's'}",
        torch=f"too many indices for tensor of dimension {ndim}",
    )


def _read_integer(reading: Reading, part: int, dim: int, position: int) -> None:
    """position: which part of the index it is, which is what torch calls the dimension."""
    size = reading.shape[dim]
    if not -size <= part < size:
        raise IndexError_(
            f"index {part} is out of range for a dimension of size {size}",
            detail=f"it can be {-size} to {size - 1}" if size else "the dimension is empty",
            torch=f"index {part} is out of bounds for dimension {position} with size {size}",
        )
    reading.view(select, {"dim": dim, "index": part}, reading.at(dim, ()))


def _read_slice(reading: Reading, part: slice, dim: int, alone: bool) -> None:
    step = 1 if part.step is None else part.step
    if step < 1:
        raise ValueError_(
            f"the step of a slice is {step}; it has to be 1 or more",
            hint="x.flip(dim) reverses a dimension" if step < 0 else None,
            torch="step must be greater than zero",
        )
    size = reading.shape[dim]
    if not alone and part.start in (None, 0) and step == 1 and (part.stop is None or part.stop >= size):
        reading.whole = True
        return
    begin, stop = sliced_range(size, part.start, part.stop)
    params = {"dim": dim, "start": begin, "end": stop, "step": step}
    reading.view(slice_, params, reading.at(dim, (-(-(stop - begin) // step),)))


def _read_bool(reading: Reading, part: bool, dim: int) -> int:
    """True or False stands for a new dimension that is taken once or not at all."""
    reading.view(unsqueeze, {"dim": dim}, (*reading.shape[:dim], 1, *reading.shape[dim:]))
    reading.indices.append((dim, leaf(np.zeros(1 if part else 0, np.int64))))
    return dim + 1


def _read_tensor(reading: Reading, part: Node, dim: int, position: int, pointing: bool) -> int:
    if part.dtype.floating:
        raise IndexError_(
            f"a tensor of {part.dtype} cannot be an index",
            hint="convert it with .long(), or compare it to make a mask",
            torch="tensors used as indices must be long, int, byte or bool tensors",
        )
    if not part.ndim:
        if pointing and part.dtype not in _MASKS:
            reading.indices.append((dim, part))
            return dim + 1
        item = node_value(part).item()
        if part.dtype in _MASKS:
            return _read_bool(reading, bool(item), dim)
        _read_integer(reading, item, dim, position)
        return dim
    if part.dtype not in _MASKS:
        reading.indices.append((dim, part))
        return dim + 1
    for at, (size, own) in enumerate(zip(part.shape, reading.shape[dim:], strict=False)):
        if size != own:
            raise IndexError_(
                f"a mask of shape {part.shape} does not fit a tensor of shape {reading.shape}",
                detail=f"dimension {dim + at} has {own}, the mask has {size}",
                torch=f"The shape of the mask {list(part.shape)} at index {at} does not match the shape of the indexed "
                f"tensor {list(reading.shape)} at index {dim + at}",
            )
    count = held(part, part.shape)
    for at in range(part.ndim):
        reading.indices.append((dim + at, _true_places(part, at=at, count=count)))
    return dim + part.ndim


_true_places = op(
    "_true_places(Tensor mask, int at, int count)",
    "Of the count places where a mask holds the index in dimension number at.",
    spelled=["_"],
    kernel=lambda mask, at, count: np.nonzero(mask)[at],
    shape=lambda inputs, params: (params["count"],),
    dtype=fixed(dtypes.int64),
)


def _as_tensor(items: list[Any]) -> Node:
    """A list, nested or not, as an index tensor."""
    values = _plain(items)
    try:
        array = np.array(values)
    except ValueError:
        raise ValueError_("the lists of an index have to have equal lengths") from None
    if not array.size and array.dtype.kind == "f":
        array = array.astype(np.int64)
    dtype = dtypes.from_numpy(array.dtype)
    if dtype is None:
        raise TypeError_(
            "a list that is an index holds integers or bools", torch=f"new(): invalid data type '{array.dtype}'"
        )
    return leaf(array, dtype)


def _plain(items: list[Any]) -> list[Any]:
    """The list with tensors inside replaced by their values.

    Raises: TypeError_ for a tensor that is not one integer.
    """
    result: list[Any] = []
    stack = [(items, result)]
    while stack:
        source, target = stack.pop()
        for item in source:
            if isinstance(item, list):
                target.append([])
                stack.append((item, target[-1]))
            else:
                target.append(_one_integer(item) if isinstance(item, Node) else item)
    return result


def _one_integer(item: Node) -> int | bool:
    if item.size != 1 or item.dtype.floating:
        raise TypeError_(
            f"in a list that is an index, a tensor is one integer, not {item.dtype!r} of shape {tuple(item.shape)}",
            torch="only integer tensors of a single element can be converted to an index",
        )
    found: int | bool = node_value(item).item()
    return found


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
    reading = _read_index(tuple(indices), x.shape, writing=False, pointing=True)
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
