"""How a node's elements lie in memory: it decides which shapes are views, and torch's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.shapes import Shape, contiguous_strides

# besides elementwise ops, these give their result the order of their input in memory
_KEEPING = frozenset({"leaf", "clone", "_to_dtype"})


def strides_of(node: Node) -> Shape:
    """Strides in elements, as torch has them: views change them, elementwise ops keep them, the rest makes rows.

    numpy's own differ where an op is not a view: there only the shape counts.
    """
    views: list[Node] = []
    while node.via is not None or (node.op.view and node.inputs):
        if node.via is not None:
            node = node.via
        else:
            views.append(node)

            node = node.inputs[0]
    array: Any = node.value
    keeps = node.op.elementwise or node.op.name in _KEEPING
    if not isinstance(array, np.ndarray) or not keeps:
        array = _virtual(node.shape)
    while views:
        view = views.pop()
        array = view.op.kernel(array, **view.params)
    return tuple(step // array.itemsize for step in array.strides)


def _virtual(shape: Shape) -> Any:
    """A row-major array of one byte an element that takes no memory."""
    return np.lib.stride_tricks.as_strided(np.zeros(1, np.int8), shape, contiguous_strides(shape))


def is_contiguous(node: Node) -> bool:
    """Whether the elements lie in memory in row-major order without gaps."""
    if 0 in node.shape:
        return True
    steps = zip(node.shape, strides_of(node), contiguous_strides(node.shape), strict=True)
    return all(size == 1 or stride == wanted for size, stride, wanted in steps)


def view_strides(shape: Shape, strides: Shape, wanted: Shape) -> Shape | None:
    """The strides that show the elements of one shape in another, or None where that takes a copy.

    Source: ATen's `computeStride`. Dimensions that lie next to each other in memory form a block; a new dimension
    may split or join dimensions of one block, not reach across blocks.
    """
    if not shape or 0 in shape:
        return contiguous_strides(wanted)
    result = [0] * len(wanted)
    at = len(wanted) - 1
    block = filled = 1
    step = strides[-1]
    for dim in range(len(shape) - 1, -1, -1):
        block *= shape[dim]
        if dim and (shape[dim - 1] == 1 or strides[dim - 1] == block * step):
            continue
        while at >= 0 and (filled < block or wanted[at] == 1):
            result[at] = filled * step
            filled *= wanted[at]
            at -= 1
        if filled != block:
            return None
        if dim:
            step = strides[dim - 1]
            block = filled = 1
    return tuple(result) if at < 0 else None
