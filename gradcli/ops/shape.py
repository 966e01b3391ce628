"""Shapes: reshaping, reordering, expanding, joining and splitting. Most of these are views."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.errors import ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op
from gradcli.shapes import Shape, normal_dims, reduced_shape, reshaped_shape

reshape: Op = op(
    "_reshape(Tensor input, ints* shape)",
    "The elements of input, in their order, in another shape.",
    spelled=["_"],
    kernel=lambda x, shape: np.reshape(x, reshaped_shape(np.shape(x), shape)),
    grad=lambda g, y, x, shape: reshape(g, shape=x.shape),
    shape=lambda inputs, params: reshaped_shape(inputs[0].shape, params["shape"]),
    dtype=kept,
    grad_fn="ViewBackward0",
    linear=True,
    view=True,
    write=lambda x, new, shape: reshape(new, shape=x.shape),
    samples=[draw((2, 3), shape=(3, 2)), draw((2, 3), shape=(-1,))],
)


def expanded_shape(shape: Shape, size: Shape) -> Shape:
    """The size asked for, with -1 meaning the size that is there.

    Raises: ShapeError when an existing size other than 1 would change.
    """
    lead = len(size) - len(shape)
    if lead < 0:
        raise ShapeError(
            f"a tensor of shape {shape} cannot expand to fewer dimensions: {size}",
            torch=f"the number of sizes provided ({len(size)}) must be greater or equal to the number of dimensions in "
            f"the tensor ({len(shape)})",
        )
    result = []
    for at, wanted in enumerate(size):
        own = shape[at - lead] if at >= lead else 1
        if wanted == -1 and at < lead:
            raise ShapeError(f"the new dimension {at} of {size} cannot be -1: there is no size to keep")
        if wanted not in (-1, own) and own != 1:
            raise ShapeError(
                f"a tensor of shape {shape} does not expand to {size}",
                detail=f"dimension {at} has {own}; only a size of 1 can become {wanted}",
                torch=f"The expanded size of the tensor ({wanted}) must match the existing size ({own}) at "
                f"non-singleton dimension {at}.  Target sizes: {list(size)}.  Tensor sizes: {list(shape)}",
            )
        result.append(own if wanted == -1 else wanted)
    return tuple(result)


expand: Op = op(
    "_expand(Tensor input, ints size)",
    "input repeated along dimensions of size 1, without copying.",
    spelled=["_"],
    kernel=lambda x, size: np.broadcast_to(x, expanded_shape(np.shape(x), tuple(size))),
    grad=lambda g, y, x, size: g,  # the walk sums a cotangent to the shape of its primal
    shape=lambda inputs, params: expanded_shape(inputs[0].shape, tuple(params["size"])),
    dtype=kept,
    grad_fn="ExpandBackward0",
    linear=True,
    view=True,
    samples=[draw((1, 3), size=(2, 3)), draw(3, size=(2, -1))],
)


def expand_reduced(g: Node, shape: Shape, dim: Any, keepdim: bool) -> Node:
    """The cotangent of a reduction, spread over the dimensions that were reduced."""
    dims = normal_dims(dim, len(shape))
    if not keepdim and len(dims) < len(shape):
        g = reshape(g, shape=reduced_shape(shape, dims, True))
    result: Node = expand(g, size=shape)
    return result
