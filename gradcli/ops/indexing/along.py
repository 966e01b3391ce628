"""Picking one element along a dimension by its index, and putting a cotangent back there: each is the other's rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.graph.op import Op, kept, op
from gradcli.shapes import Shape


def _put_kernel(g: Any, indices: Any, dim: int, size: int) -> Any:
    shape = (*g.shape[:dim], size, *g.shape[dim + 1 :])
    result = np.zeros(shape, dtype=g.dtype)
    if g.shape[dim] == 1:
        np.put_along_axis(result, indices, g, dim)
    else:
        where = list(np.ogrid[tuple(slice(n) for n in g.shape)])
        where[dim] = indices
        np.add.at(result, tuple(where), g)
    return result


def _put_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    shape: Shape = inputs[0].shape
    dim = params["dim"]
    return (*shape[:dim], params["size"], *shape[dim + 1 :])


take_along: Op = op(
    "_take_along(Tensor input, Tensor indices, int dim)",
    "The elements of input at indices along dim; the other dimensions are those of input.",
    spelled=["_"],
    kernel=lambda x, indices, dim: np.take_along_axis(x, indices, dim),
    grad=[lambda g, y, x, indices, dim: put_along(g, indices, dim=dim, size=x.shape[dim]), None],
    shape=lambda inputs, params: inputs[1].shape,
    dtype=kept,
    grad_fn="GatherBackward0",
)
put_along: Op = op(
    "_put_along(Tensor input, Tensor indices, int dim, int size)",
    "Zeros of the given size along dim, with input added at indices.",
    spelled=["_"],
    kernel=_put_kernel,
    grad=[lambda g, y, x, indices, dim, size: take_along(g, indices, dim=dim), None],
    shape=_put_shape,
    dtype=kept,
    grad_fn="ScatterBackward0",
)
