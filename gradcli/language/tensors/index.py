"""x[index] and x[index] = value: what a program writes between the brackets, handed to ops/indexing/index.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcli.errors import IndexError_, TypeError_
from gradcli.graph.node import Node
from gradcli.graph.op import leaf
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.call import op_function, view_steps
from gradcli.language.tensors.tensor import TYPE_NAMES, Tensor
from gradcli.ops.indexing.index import index_nodes, index_put_nodes


def get_item(tensor: Tensor, index: Any) -> Tensor:
    """`x[index]`: a view for ints, slices, None and `...`; a copy where a list or a tensor picks elements."""
    base = tensor.node
    node = index_nodes(base, index_parts(index))
    steps = view_steps(base, node)
    if steps is None:
        return Tensor(node, tensor.context, is_array=tensor.is_array)
    return tensor.view(steps, node)


def set_item(tensor: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`, the value broadcast to what the index picks.

    Raises: ShapeError when it does not; TypeError_ when it is no tensor or number.
    """
    parts = index_parts(index)
    new = index_put_nodes(tensor.node, parts, _value_node(value, tensor))
    tensor.assign(new, name="the assignment", part=any(_picks(part) for part in parts))


def _picks(part: Any) -> bool:
    """Whether a part of an index makes a view: all but `...`, `:` and the lists and tensors that choose elements."""
    if isinstance(part, slice):
        return part != slice(None)
    return part is None or isinstance(part, int)


def _value_node(value: Any, tensor: Tensor) -> Node:
    if isinstance(value, Tensor):
        return value.node
    if isinstance(value, bool | int | float):
        return leaf(np.full((), value, tensor.dtype.numpy))
    raise TypeError_(
        f"a {kind_name(value)} cannot be put into a tensor",
        torch=f"can't assign a {kind_name(value).replace('None', 'NoneType')} to a {TYPE_NAMES[tensor.dtype.name]}",
    )


def index_parts(index: Any) -> tuple[Any, ...]:
    """The parts of an index, tensors as nodes."""
    listed = index if isinstance(index, tuple) else (index,)
    return tuple(_part(part) for part in listed)


def _part(part: Any) -> Any:
    if isinstance(part, Tensor):
        return part.node
    if part is None or part is Ellipsis or isinstance(part, bool | int):
        return part
    if isinstance(part, slice):
        return slice(*(_bound(b) for b in (part.start, part.stop, part.step)))
    if isinstance(part, list | tuple | range):
        return [_part(item) for item in part]
    if isinstance(part, str):
        raise TypeError_(
            "a tensor is not indexed by strings",
            hint="an index is an integer, a slice, None, ..., a list of integers, or a tensor of integers or bools",
            torch="new(): invalid data type 'str'",
        )
    raise IndexError_(
        f"a {kind_name(part)} cannot be an index",
        hint="an index is an integer, a slice, None, ..., a list of integers, or a tensor of integers or bools",
        torch="only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
        f"(got {kind_name(part)})",
    )


def _bound(bound: Any) -> Any:
    if isinstance(bound, Tensor) and bound.node.size == 1 and not bound.dtype.floating:
        return int(bound.numpy().item())
    if bound is None or (isinstance(bound, int) and not isinstance(bound, bool)):
        return bound
    raise TypeError_(
        f"the bounds of a slice are integers or left out, not {kind_name(bound)}",
        torch="slice indices must be integers or None or have an __index__ method",
    )


def iterate(tensor: Tensor) -> Iterator[Tensor]:
    """What iterating over a tensor gives: its slices along dimension 0.

    Raises: TypeError_ for a 0-d tensor.
    """
    if not tensor.shape:
        raise TypeError_("a 0-d tensor cannot be iterated over", torch="iteration over a 0-d tensor")
    unbind = op_function("unbind", "torch", tensor.context)
    assert unbind is not None
    return iter(unbind.call([tensor], {}))
