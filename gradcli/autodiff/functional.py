"""Jacobians, Hessians and their products with vectors, of nodes: what the language and the commands share.

A Jacobian is one batched pass (`batch.py`). Where code of the program runs in that pass, which may look at values and
is owed a call for each row, it is a pass for each row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gradcli.autodiff import batch, kept
from gradcli.autodiff.backward import vjp
from gradcli.autodiff.forward import jvp
from gradcli.dtypes import DType
from gradcli.errors import ShapeError
from gradcli.graph.node import NeedsValue, Node, recording
from gradcli.graph.op import leaf
from gradcli.ops.shapes.join import stack
from gradcli.ops.shapes.order import transpose
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import Shape


def rows(output: Node, wrt: Sequence[Node], create_graph: bool = False) -> list[Node | None]:
    """The Jacobian of an output by each node, None where it does not depend on it.

    Shapes: (elements of the output, *shape of the node).
    """
    if not create_graph and output.size * max([x.size for x in wrt], default=0) >= kept.SMALLEST:
        planned = kept.planned(_batched_rows, output, wrt)
        if planned is not None:
            return planned
    if output.size and batch.batchable([output]):
        try:
            return batch.rows(output, wrt, create_graph)
        except NeedsValue:
            pass  # a rule looked at the cotangent
    found = [
        vjp([output], [seed], wrt, create_graph=create_graph, retain_graph=True)
        for seed in basis(output.shape, output.dtype)
    ]
    return [_stacked([row.get(x) for row in found], x) for x in wrt]


def _batched_rows(output: Node, wrt: Sequence[Node]) -> list[Node | None]:
    return batch.rows(output, wrt, create_graph=False)


def columns(output: Node, x: Node, create_graph: bool = False) -> Node:
    """The Jacobian of an output by one node, by forward passes.

    Shapes: (*shape of the output, *shape of the node).
    """
    if not create_graph and output.size * x.size >= kept.SMALLEST:
        planned = kept.planned(_batched_columns, output, [x])
        if planned is not None and planned[0] is not None:
            return planned[0]
    shape = (*output.shape, *x.shape)
    try:
        found = batch.columns(output, x) if x.size else None
    except NeedsValue:
        found = None
        tangents = [jvp([output], {x: direction})[0] for direction in basis(x.shape, x.dtype)]
        pushed = _stacked(tangents, output)
        if pushed is not None:
            flat = reshape(pushed, shape=(x.size, output.size))
            found = reshape(transpose(flat, dim0=0, dim1=1), shape=shape)
    return zeros(shape, output.dtype) if found is None else found


def _batched_columns(output: Node, wrt: Sequence[Node]) -> list[Node | None]:
    return [batch.columns(output, wrt[0])]


def jacobian(output: Node, wrt: Sequence[Node], create_graph: bool = False) -> list[Node]:
    """The Jacobian of an output by each node, zeros where it does not depend on it.

    Shapes: (*shape of the output, *shape of the node).
    """
    found = rows(output, wrt, create_graph) if output.requires_grad else [None] * len(wrt)
    return _blocks(found, output, wrt)


def _blocks(found: Sequence[Node | None], output: Node, wrt: Sequence[Node]) -> list[Node]:
    """Rows of Jacobians in the shapes of output and node, zeros for those that are None."""
    return [
        zeros((*output.shape, *x.shape), x.dtype) if block is None else reshape(block, shape=(*output.shape, *x.shape))
        for block, x in zip(found, wrt, strict=True)
    ]


def gradient(output: Node, wrt: Sequence[Node]) -> list[Node]:
    """The gradient of an output of one element, to be differentiated again."""
    if output.size != 1:
        raise ShapeError(
            f"second derivatives are those of one number, and the output has shape {output.shape}",
            hint="reduce it (.sum(), .mean()), or ask for the Jacobian",
        )
    found = {}
    if output.requires_grad:
        seed = leaf(np.ones(output.shape, output.dtype.numpy), output.dtype)
        found = vjp([output], [seed], wrt, create_graph=True, retain_graph=True)
    return [found[x] if x in found else zeros(x.shape, x.dtype) for x in wrt]


def hessian(output: Node, wrt: Sequence[Node]) -> list[list[Node]]:
    """The second derivatives of an output of one element by each pair of nodes.

    Shapes: (*shape of the first, *shape of the second).
    Raises: ShapeError when the output has more elements.
    """
    if output.size == 1 and max([x.size for x in wrt], default=0) ** 2 >= kept.SMALLEST:
        planned = kept.planned(_batched_hessian, output, wrt)
        if planned is not None:
            blocks = [block for block in planned if block is not None]
            return [blocks[at : at + len(wrt)] for at in range(0, len(blocks), len(wrt))]
    with recording(True):
        slopes = gradient(output, wrt)
    return [jacobian(slope, wrt) for slope in slopes]


def _batched_hessian(output: Node, wrt: Sequence[Node]) -> list[Node | None]:
    with recording(True):
        slopes = gradient(output, wrt)
    blocks: list[Node | None] = []
    for slope in slopes:
        found = batch.rows(slope, wrt, create_graph=False) if slope.requires_grad else [None] * len(wrt)
        blocks += _blocks(found, slope, wrt)
    return blocks


def tangents(outputs: Sequence[Node], given: Mapping[Node, Node]) -> list[Node]:
    """The Jacobian of each output times a vector."""
    with recording(True):
        pushed = jvp([y for y in outputs if y.requires_grad], given)
    found = iter(pushed)
    known = [next(found) if y.requires_grad else None for y in outputs]
    return [zeros(y.shape, y.dtype) if t is None else t for y, t in zip(outputs, known, strict=True)]


def hessian_product(output: Node, wrt: Sequence[Node], vectors: Sequence[Node]) -> list[Node]:
    """The Hessian of an output of one element times a vector, by each node.

    Raises: ShapeError when the output has more elements.
    """
    with recording(True):
        pairs = [(g, v) for g, v in zip(gradient(output, wrt), vectors, strict=True) if g.requires_grad]
    found = vjp([g for g, _ in pairs], [v for _, v in pairs], wrt, retain_graph=True) if pairs else {}
    return [found[x] if x in found else zeros(x.shape, x.dtype) for x in wrt]


def basis(shape: Shape, dtype: DType) -> Iterator[Node]:
    """The directions of the elements of a tensor, in order: 1 there, 0 elsewhere."""
    size = int(np.prod(shape, dtype=np.int64))
    for at in range(size):
        direction = np.zeros(size, dtype.numpy)
        direction[at] = 1
        yield leaf(direction.reshape(shape), dtype)


def zeros(shape: Shape, dtype: DType) -> Node:
    """A node of zeros."""
    return leaf(np.zeros(shape, dtype.numpy), dtype)


def _stacked(parts: Sequence[Node | None], like: Node) -> Node | None:
    """Parts of the shape of a node as rows, zeros for those that are None; None when all are."""
    if not parts:
        return zeros((0, *like.shape), like.dtype)
    if all(part is None for part in parts):
        return None
    whole: Node = stack(*[zeros(like.shape, like.dtype) if part is None else part for part in parts], dim=0)
    return whole
