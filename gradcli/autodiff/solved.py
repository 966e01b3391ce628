"""Forms of linear equations and recurrences: right sides of one matrix become columns of one right side."""

from __future__ import annotations

from typing import Any

from gradcli.autodiff.forms import Batch, form
from gradcli.graph.node import Node
from gradcli.ops.linalg.equations import cholesky_solve as cholesky_solve_op
from gradcli.ops.shapes.order import permute
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import normal_dim


@form("equations._linalg_solve", "equations._linalg_solve_triangular")
def solved(batch: Batch) -> Node:
    """A X = B, X A = B, or A x = b for vectors."""
    vector = batch.node.params.get("vector", False)
    a, b = batch.inputs
    if vector:
        b = reshape(b, shape=(*b.shape, 1))
    options = {"vector": False} if vector else {}
    left = batch.node.params["left"]
    own = len(batch.own_shape(1)) + vector
    if not batch.flags[0] and a.ndim == 2 and own == 2:
        made = _side_by_side(batch, b, left, lambda many: batch.again(a, many, **options))
    else:
        made = batch.again(*_aligned(batch, a, b), **options)
    result: Node = reshape(made, shape=(batch.count, *batch.node.shape))
    return result


@form("equations.cholesky_solve")
def cholesky_solved(batch: Batch) -> Node:
    """The factor comes second."""
    b, factor = batch.inputs
    upper = batch.node.params["upper"]
    if not batch.flags[1] and factor.ndim == 2 and b.ndim == 3:
        return _side_by_side(batch, b, True, lambda many: cholesky_solve_op(many, factor, upper=upper))
    return batch.again(*_aligned(batch, b, factor))


def _side_by_side(batch: Batch, b: Node, left: bool, solve: Any) -> Node:
    """One equation with all right sides (B, n, k) as its columns, or (B, k, n) as its rows."""
    count, rows, columns = b.shape
    if not left:
        solution: Node = reshape(solve(reshape(b, shape=(count * rows, columns))), shape=b.shape)
        return solution
    beside = reshape(permute(b, dims=(1, 0, 2)), shape=(rows, count * columns))
    apart: Node = permute(reshape(solve(beside), shape=(rows, count, columns)), dims=(1, 0, 2))
    return apart


def _aligned(batch: Batch, a: Node, b: Node) -> tuple[Node, Node]:
    """Batches in front of equally many dimensions, so that the rest broadcasts as it did."""
    ndim = max(node.ndim - flag for node, flag in zip((a, b), batch.flags, strict=True))
    made = []
    for node, flag in zip((a, b), batch.flags, strict=True):
        lead = (node.shape[0],) if flag else (1,)
        own = node.shape[1:] if flag else node.shape
        made.append(reshape(node, shape=(*lead, *[1] * (ndim - len(own)), *own)))
    return made[0], made[1]


@form("products._linalg_cross")
def crossed(batch: Batch) -> Node:
    """Operands have equally many dimensions, and broadcast."""
    a, b = _aligned(batch, *batch.inputs)
    return batch.again(a, b, dim=normal_dim(batch.node.params["dim"], len(batch.node.shape)) + 1)


@form("scan._recurrence")
def recurred(batch: Batch) -> Node | None:
    """Gains and inputs of the same shape."""
    if not batch.node.shape:
        return None
    dim = normal_dim(batch.node.params["dim"], len(batch.node.shape)) + 1
    return batch.again(batch.whole(0), batch.whole(1), dim=dim)
