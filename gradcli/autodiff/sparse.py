"""Batches whose rows have few entries that are not 0, as the directions of single elements have.

A Jacobian begins with the identity. Elementwise ops keep it diagonal, ops that move elements move the entries, a
product with a matrix takes rows of it: none of this needs the zeros. Where an op would fill the rows, or the entries
become too many, the batch is made whole and goes on as any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradcli.autodiff.placed import PLACES, moves_back
from gradcli.dtypes import DType
from gradcli.engine.run import value
from gradcli.graph.node import NeedsValue, Node, recording
from gradcli.graph.op import leaf, number_op
from gradcli.ops.compare import where
from gradcli.ops.gather import index_select, place_rows
from gradcli.ops.order import transpose
from gradcli.ops.shape import expand, reshape
from gradcli.shapes import Shape

Array = np.ndarray[Any, Any]
Term = tuple[Node, Array]

SMALLEST = 1 << 18  # numbers in a batch: in fewer, zeros cost less than doing without them
MOST = 8  # entries in a row
_RESHAPES = frozenset({"_reshape", "_reshape_rows", "_reshape_alias", "_unsafe_view", "_squeeze", "unsqueeze"})
_KEEPS = frozenset({"alias", "clone", "detach", "_to_dtype"})
_PRODUCTS = frozenset({"_matmul", "_matmul_row", "_matmul_clone", "_matmul_transpose", "mm", "mv"})


class Sparse:
    """A batch (count, *shape) of zeros and few entries.

    terms: values (count,) and the flat places (count,) where they stand in their rows; what falls together adds up.
    """

    __slots__ = ("count", "dtype", "shape", "terms")

    def __init__(self, terms: Sequence[Term], count: int, shape: Shape, dtype: DType) -> None:
        self.terms = terms
        self.count = count
        self.shape = shape
        self.dtype = dtype

    @property
    def size(self) -> int:
        """How many elements a row has."""
        return int(np.prod(self.shape, dtype=np.int64))

    def whole(self) -> Node:
        """The batch with its zeros."""
        rows = np.arange(self.count) * self.size
        total: Node | None = None
        for values, places in self.terms:
            part = place_rows(values, leaf(rows + places), dim=0, shape=(self.count * self.size,))
            total = part if total is None else total + part
        made: Node = reshape(total, shape=(self.count, *self.shape))
        return made


def directions(shape: Shape, dtype: DType) -> Sparse | None:
    """The directions of the elements of a tensor, one after the other; None for few."""
    size = int(np.prod(shape, dtype=np.int64))
    if size * size < SMALLEST:
        return None
    return Sparse([(leaf(np.ones(size, dtype.numpy), dtype), np.arange(size))], size, shape, dtype)


def sparsely(node: Node, inputs: Sequence[Any]) -> Any:
    """A node again, with sparse batches among its inputs and no others.

    Returns a sparse batch, a whole one, or None where the inputs have to be whole.
    """
    sparse = [i for i in inputs if isinstance(i, Sparse)]
    first, op = sparse[0], node.op
    if op.outputs:
        return None
    if op.name in _KEEPS or op.name in _RESHAPES:
        terms = [(op(values, **node.params) if op.name == "_to_dtype" else values, at) for values, at in first.terms]
        return Sparse(terms, first.count, node.shape, node.dtype)
    if op.elementwise:
        return _elementwise(node, inputs, sparse)
    if op.name in _PRODUCTS:
        return _product(node, inputs)
    if (
        inputs[0] is first
        and len(sparse) == 1
        and (f"{op.family}.{op.name}" in PLACES or (op.linear and len(inputs) == 1))
    ):
        return _moved(node, first)
    return None


# Elementwise ops


def _elementwise(node: Node, inputs: Sequence[Any], sparse: list[Sparse]) -> Any:
    if any(i.size != node.size for i in sparse):
        return None
    if node.op.name in ("add", "sub") and len(sparse) == 2:
        return _sum(node, *sparse)
    single = len(sparse[0].terms) == 1 and all(_same_places(i, sparse[0]) for i in sparse)
    if not (single or (node.op.linear and len(sparse) == 1)) or not _zero_at_zero(node, inputs):
        return None
    terms = []
    for at, (_, places) in enumerate(sparse[0].terms):
        picked = [i.terms[at][0] if isinstance(i, Sparse) else _picked(i, node.shape, places) for i in inputs]
        values = node.op(*picked, **node.params)
        if values.dtype is not node.dtype or values.shape != places.shape:
            return None
        terms.append((values, places))
    return Sparse(terms, sparse[0].count, node.shape, node.dtype)


def _same_places(a: Sparse, b: Sparse) -> bool:
    return len(a.terms) == len(b.terms) and all(
        p is q or np.array_equal(p, q) for (_, p), (_, q) in zip(a.terms, b.terms, strict=True)
    )


def _sum(node: Node, a: Sparse, b: Sparse) -> Sparse | None:
    """The entries of both; those at the same places together."""
    if a.dtype is not node.dtype or b.dtype is not node.dtype:
        return None
    terms = list(a.terms)
    for values, places in b.terms:
        for at, (others, taken) in enumerate(terms):
            if taken is places or np.array_equal(taken, places):
                terms[at] = node.op(others, values), taken
                break
        else:
            terms.append((values if node.op.name == "add" else -values, places))
    return Sparse(terms, a.count, node.shape, node.dtype) if len(terms) <= MOST else None


_assumed: list[Node] | None = None


@contextmanager
def assuming() -> Iterator[list[Node]]:
    """What is not known inside, and is needed to leave zeros out, is taken for zeros, and put into this list."""
    global _assumed
    before, _assumed = _assumed, []
    try:
        yield _assumed
    finally:
        _assumed = before


def _zero_at_zero(node: Node, inputs: Sequence[Any]) -> bool:
    """Whether the op makes zeros of zeros, whatever the other inputs have there: not where these are infinite."""
    zeros = [leaf(np.zeros(i.shape, i.dtype.numpy), i.dtype) if isinstance(i, Sparse) else i for i in inputs]
    with recording(False):
        made = node.op(*zeros, **node.params)
        try:
            return not np.any(value(made))
        except NeedsValue:
            if _assumed is None:
                return False
            _assumed.append(made)
            return True


def _picked(node: Node, shape: Shape, places: Array) -> Node:
    """The elements of an operand that stand at places of a shape it broadcasts to."""
    if node.op is number_op or not node.shape:
        return node
    spread = node if node.shape == shape else expand(node, size=shape)
    flat: Node = reshape(spread, shape=(spread.size,))
    return flat if _in_order(places, flat.size) else index_select(flat, leaf(places), dim=0)


def _in_order(places: Array, size: int) -> bool:
    return places.size == size and bool(np.array_equal(places, np.arange(size)))


# Ops that move elements, and products


def _moved(node: Node, sparse: Sparse) -> Sparse | None:
    found = moves_back(node)
    if found is None:
        return None
    place, factor = found.place.reshape(-1), found.factor.reshape(-1)
    terms = []
    for values, places in sparse.terms:
        gain = factor[places]
        if not found.plain:
            values = values * leaf(gain.astype(node.dtype.numpy))
        if not np.all(gain):
            values = where(leaf(gain != 0), values, 0.0)
        terms.append((values, np.maximum(place[places], 0)))
    return Sparse(terms, sparse.count, node.shape, node.dtype)


def _product(node: Node, inputs: Sequence[Any]) -> Node | None:
    """A row with one entry times a matrix is a row of the matrix; a column, one of the transposed matrix."""
    a, b = inputs
    sparse, matrix = (a, b) if isinstance(a, Sparse) else (b, a)
    if isinstance(matrix, Sparse) or matrix.ndim != 2 or len(sparse.terms) > 1 or max(sparse.shape) != sparse.size:
        return None
    if sparse is b:
        matrix = transpose(matrix, dim0=0, dim1=1)
    if matrix.shape[0] != sparse.size:  # an outer product
        return None
    values, places = sparse.terms[0]
    rows = matrix if _in_order(places, sparse.size) else index_select(matrix, leaf(places), dim=0)
    made = rows if _all_ones(values) else rows * reshape(values, shape=(sparse.count, 1))
    whole: Node = reshape(made, shape=(sparse.count, *node.shape))
    return whole


def _all_ones(values: Node) -> bool:
    return not values.requires_grad and values.value is not None and bool(np.all(values.value == 1))
