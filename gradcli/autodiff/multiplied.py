"""Forms of products of vectors and matrices, and of contractions."""

from __future__ import annotations

from collections.abc import Sequence

from gradcli.autodiff.forms import Batch, form
from gradcli.graph.node import Node
from gradcli.ops.linalg.products import product
from gradcli.ops.shapes.order import transpose
from gradcli.ops.shapes.shape import reshape


@form("products._matmul", "products._matmul_row", "products._matmul_clone", "products._matmul_transpose",
      "products.mm", "products.bmm", "products.mv", "products.dot", "products.vdot")  # fmt: skip
def _multiplied(batch: Batch) -> Node:
    """Vectors as matrices of one row or column; a batch times one matrix as one large product.

    One matrix times a batch is one too where the batch is of vectors, or of matrices so small that turning them round
    costs less than a product for each.
    """
    a, b = batch.inputs
    own_a, own_b = batch.own_shape(0), batch.own_shape(1)
    if len(own_a) == 1:
        a = reshape(a, shape=(*a.shape[:-1], 1, a.shape[-1]))
    if len(own_b) == 1:
        b = reshape(b, shape=(*b.shape, 1))
    if not batch.flags[1] and b.ndim == 2:
        made = _folded(a, b)
    elif not batch.flags[0] and a.ndim == 2 and (b.shape[-1] == 1 or a.size + b.shape[-2] * b.shape[-1] < APART):
        made = _swapped(_folded(_swapped(b), _swapped(a)))
    else:
        ndim = max(len(own_a), len(own_b), 2)
        made = product(*[_aligned(i, ndim) if flag else i for i, flag in zip((a, b), batch.flags, strict=True)])
    result: Node = reshape(made, shape=(batch.count, *batch.node.shape))
    return result


APART = 256  # elements of two matrices


def _folded(many: Node, one: Node) -> Node:
    """A batch of matrices times one matrix."""
    rows = 1
    for size in many.shape[:-1]:
        rows *= size
    flat = product(reshape(many, shape=(rows, many.shape[-1])), one)
    made: Node = reshape(flat, shape=(*many.shape[:-1], one.shape[-1]))
    return made


def _swapped(node: Node) -> Node:
    made: Node = transpose(node, dim0=-2, dim1=-1)
    return made


def _aligned(node: Node, ndim: int) -> Node:
    """A batch of tensors with as many dimensions as the other operand has."""
    missing = ndim - (node.ndim - 1)
    made: Node = reshape(node, shape=(node.shape[0], *[1] * missing, *node.shape[1:])) if missing > 0 else node
    return made


@form("einsum._einsum", "einsum._einsum_sum", "einsum._einsum_permute", "einsum._einsum_mul")
def _contracted(batch: Batch) -> Node:
    labels: Sequence[tuple[int, ...]] = batch.node.params["labels"]
    output = batch.node.params["output"]
    new = max((label for term in (*labels, output) for label in term), default=-1) + 1
    terms = tuple((new, *term) if flag else term for term, flag in zip(labels, batch.flags, strict=True))
    return batch.again(labels=terms, output=(new, *output))
