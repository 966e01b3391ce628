"""What stands between the brackets of `x[parts]`: read as views, one after another, and what picks elements.

Integers, slices, None and `...` are views. Lists and tensors pick elements: a bool mask stands for the places where it
is true. An integer beside a tensor is a view first, which is where torch and numpy differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.engine.run import value as node_value
from gradcli.errors import IndexError_, TypeError_, ValueError_
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import Op, fixed, leaf, op
from gradcli.ops.held import held
from gradcli.ops.shapes.part import select, slice_, sliced_range
from gradcli.ops.shapes.shape import unsqueeze
from gradcli.ops.shapes.views import Step
from gradcli.shapes import Shape

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
        reading = read_parts(parts, shape, writing, pointing=True)
        dims = [dim for dim, _ in reading.indices]
        if not dims or dims[-1] - dims[0] == len(dims) - 1:
            return reading
    return read_parts(parts, shape, writing, pointing=False)


def read_parts(parts: Sequence[Any], shape: Shape, writing: bool, pointing: bool) -> Reading:
    """As `read_index`. pointing: tensors without dimensions pick elements, too.

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
