"""Reductions: sums, means, products, extremes, norms, and the scans along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.shape import expand, expand_reduced, reshape
from gradcli.shapes import Shape, normal_dims, reduced_shape


def reduced(inputs: tuple[Node, ...], params: Any) -> Shape:
    """The shape rule of reductions over `dim`."""
    shape: Shape = inputs[0].shape
    return reduced_shape(shape, normal_dims(params["dim"], len(shape)), params["keepdim"])


def _sum_dtype(inputs: tuple[Node, ...], params: Any) -> dtypes.DType:
    wanted: dtypes.DType | None = params.get("dtype")
    own: dtypes.DType = inputs[0].dtype
    return wanted or (own if own.floating else dtypes.int64)


def summing(inputs: tuple[Node, ...], params: Any) -> tuple[dtypes.DType | None, Any]:
    """The dtype rule of sums: integers and bools add up as int64."""
    dtype = _sum_dtype(inputs, params)
    return dtype, dtype


sum_: Op = op(
    "_sum(Tensor input, dims? dim=None, bool keepdim=False)",
    "The sum over dim.",
    spelled=["_"],
    kernel=lambda x, dim, keepdim: np.sum(x, axis=normal_dims(dim, x.ndim), keepdims=keepdim),
    grad=lambda g, y, x, dim, keepdim: expand_reduced(g, x.shape, dim, keepdim),
    shape=reduced,
    dtype=summing,
    grad_fn=("SumBackward0", "SumBackward0"),
    linear=True,
    samples=[draw((2, 3), dim=None, keepdim=False), draw((2, 3), dim=(1,), keepdim=True)],
)


def sum_to_shape(node: Node, shape: Shape) -> Node:
    """The node summed over what was broadcast from `shape`; the inverse of expand."""
    if node.shape == shape:
        return node
    lead = node.ndim - len(shape)
    if lead < 0:  # a rule may leave out dimensions of size 1 in front
        node = reshape(node, shape=(1,) * -lead + node.shape)
        lead = 0
    dims = tuple(range(lead)) + tuple(
        at + lead for at, size in enumerate(shape) if size == 1 and node.shape[at + lead] != 1
    )
    if dims:
        node = sum_(node, dim=dims, keepdim=True)
        if lead:
            node = reshape(node, shape=node.shape[lead:])
    if node.shape != shape:
        node = expand(node, size=shape)
    return node
