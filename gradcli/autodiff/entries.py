"""What ops do to the entries of a sparse batch.

Elementwise ops keep them where they are, ops that move elements move them, those that repeat elements repeat them, a
product with a matrix puts a row (or a column) of the matrix in place of each. None of this needs the zeros, as long as
the op makes zeros of zeros: not beside infinities.

A pass is linear in its batch, so entries at the same place may add up later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from gradcli.autodiff.placed import PICKS, PLACES, Moves, moves_back, moves_forward
from gradcli.autodiff.sparse import Entries, Sparse
from gradcli.engine.run import value
from gradcli.graph.node import NeedsValue, Node, recording
from gradcli.graph.op import leaf, number_op
from gradcli.ops.elementwise.arithmetic import abs_
from gradcli.ops.elementwise.compare import where
from gradcli.ops.indexing.gather import index_select, place_rows
from gradcli.ops.reductions.scan import cumprod_, recurrence, shift
from gradcli.ops.shapes.join import cat
from gradcli.ops.shapes.order import move_dim, permute
from gradcli.ops.shapes.part import narrow
from gradcli.ops.shapes.shape import expand, reshape, unsqueeze
from gradcli.shapes import Shape, normal_dim

Array = np.ndarray[Any, Any]

FULL = 4  # a batch is made whole when one in so many elements would be an entry
_RESHAPES = frozenset({"_reshape", "_reshape_rows", "_reshape_alias", "_unsafe_view", "_squeeze", "unsqueeze"})
_KEEPS = frozenset({"alias", "clone", "detach", "_to_dtype"})
_CONTRACTIONS = frozenset({"_einsum", "_einsum_sum", "_einsum_permute", "_einsum_mul"})
_PRODUCTS = frozenset({"_matmul", "_matmul_row", "_matmul_clone", "_matmul_transpose", "mm", "bmm", "mv"})


def sparsely(node: Node, inputs: Sequence[Any]) -> Any:
    """A node again, with sparse batches among its inputs and no others.

    Returns a sparse batch, a whole one, or None where the inputs have to be whole.
    """
    sparse = [i for i in inputs if isinstance(i, Sparse)]
    first, op = sparse[0], node.op
    if op.outputs:
        return None
    if op.name in _KEEPS or op.name in _RESHAPES:
        return _same(node, first, lambda values: op(values, **node.params) if op.name == "_to_dtype" else values)
    if op.elementwise:
        return _elementwise(node, inputs, sparse)
    if op.name in _PRODUCTS:
        return _product(node, inputs)
    if op.name in _CONTRACTIONS:
        return _contracted(node, inputs, node.params["labels"], node.params["output"])
    if op is recurrence:
        return _recurred(node, inputs)
    if inputs[0] is first and len(sparse) == 1:
        return _moved(node, first)
    return None


def _same(node: Node, sparse: Sparse, change: Callable[[Node], Node]) -> Sparse:
    terms = [Entries(change(term.values), term.rows, term.places) for term in sparse.terms]
    return Sparse(terms, sparse.count, node.shape, node.dtype)


# Elementwise ops


def _elementwise(node: Node, inputs: Sequence[Any], sparse: list[Sparse]) -> Any:
    spread: list[Any] = [_spread_over(i, node.shape) if isinstance(i, Sparse) else i for i in inputs]
    if any(i is None for i in spread):
        return None
    sparse = [i for i in spread if isinstance(i, Sparse)]
    if node.op.name in ("add", "sub") and len(sparse) == 2:
        return _sum(node, *sparse)
    if not all(_same_places(i, sparse[0]) for i in sparse) or not _zero_at_zero(node, inputs):
        return None
    terms = []
    for at, term in enumerate(sparse[0].terms):
        picked = [i.terms[at].values if isinstance(i, Sparse) else _picked(i, node.shape, term.places) for i in spread]
        values = node.op(*picked, **node.params)
        if values.dtype is not node.dtype or values.shape != term.places.shape:
            return None
        terms.append(Entries(values, term.rows, term.places))
    return Sparse(terms, sparse[0].count, node.shape, node.dtype)


def _spread_over(sparse: Sparse, shape: Shape) -> Sparse | None:
    """A batch broadcast to a shape."""
    if sparse.shape == shape or (sparse.size == prod(shape) and len(sparse.shape) <= len(shape)):
        return Sparse(sparse.terms, sparse.count, shape, sparse.dtype)
    places = np.broadcast_to(np.arange(sparse.size).reshape(sparse.shape), shape)
    return _repeated(sparse, places.reshape(-1), None, shape)


def _same_places(a: Sparse, b: Sparse) -> bool:
    return len(a.terms) == len(b.terms) and all(p.at_places_of(q) for p, q in zip(a.terms, b.terms, strict=True))


def _sum(node: Node, a: Sparse, b: Sparse) -> Sparse | None:
    """The entries of both; those at the same places together."""
    if a.dtype is not node.dtype or b.dtype is not node.dtype:
        return None
    terms = list(a.terms)
    for term in b.terms:
        for at, other in enumerate(terms):
            if term.at_places_of(other):
                terms[at] = Entries(node.op(other.values, term.values), other.rows, other.places)
                break
        else:
            terms.append(term if node.op.name == "add" else Entries(-term.values, term.rows, term.places))
    return _few(Sparse(terms, a.count, node.shape, node.dtype))


def _few(sparse: Sparse) -> Sparse | None:
    """A batch that has still so many zeros that they are worth leaving out."""
    return sparse if sparse.entries * FULL <= sparse.count * sparse.size else None


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
        return _is_zero(node.op(*zeros, **node.params))


def _is_zero(node: Node) -> bool:
    try:
        return not np.any(value(node))
    except NeedsValue:
        if _assumed is None:
            return False
        _assumed.append(node)
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


# Ops that move or repeat elements


def _moved(node: Node, sparse: Sparse) -> Sparse | None:
    name = f"{node.op.family}.{node.op.name}"
    op_ = node.op
    single = op_.linear and len(node.inputs) == 1
    if not (single or name in PLACES or name in PICKS or op_ is shift):
        return None
    try:
        there = moves_back(node) if single or name in PLACES else None
        if there is not None:
            return _placed(node, sparse, there)
        back = moves_forward(node)
    except NeedsValue:
        return None
    if back is None or np.any(back.constant):
        return None
    gain = None if np.all(back.factor == 1) else back.factor.reshape(-1)
    return _repeated(sparse, back.place.reshape(-1), gain, node.shape)


def _placed(node: Node, sparse: Sparse, moves: Moves) -> Sparse:
    """Entries where their elements go."""
    place, factor = moves.place.reshape(-1), moves.factor.reshape(-1)
    terms = []
    for term in sparse.terms:
        values, gain = term.values, factor[term.places]
        if not moves.plain:
            values = values * leaf(gain.astype(node.dtype.numpy))
        if not np.all(gain):
            values = where(leaf(gain != 0), values, 0.0)
        terms.append(Entries(values, term.rows, np.maximum(place[term.places], 0)))
    return Sparse(terms, sparse.count, node.shape, node.dtype)


def _repeated(sparse: Sparse, source: Array, gain: Array | None, shape: Shape) -> Sparse | None:
    """Entries wherever elements of a result are made from theirs. source: the place each is made from, -1: none."""
    targets = np.argsort(source, kind="stable")
    begins = np.searchsorted(source[targets], np.arange(sparse.size + 1))
    counts = np.diff(begins)
    if sum(int(counts[term.places].sum()) for term in sparse.terms) * FULL > sparse.count * prod(shape):
        return None
    terms = []
    for term in sparse.terms:
        times = counts[term.places]
        entry = np.repeat(np.arange(times.size), times)
        within = np.arange(entry.size) - np.repeat(np.cumsum(times) - times, times)
        places = targets[begins[term.places[entry]] + within]
        values = term.values if _in_order(entry, times.size) else index_select(term.values, leaf(entry), dim=0)
        if gain is not None:
            values = values * leaf(gain[places].astype(sparse.dtype.numpy))
        terms.append(Entries(values, term.rows[entry], places))
    return Sparse(terms, sparse.count, shape, sparse.dtype)


# Products


def _product(node: Node, inputs: Sequence[Any]) -> Any:
    """Vectors, matrices, and batches of them that have the same dimensions or none."""
    ndims = [len(i.shape) for i in inputs]
    lead = tuple(range(3, max(*ndims, 2) + 1))
    if any(ndim > 2 and ndim - 2 != len(lead) for ndim in ndims):
        return None
    first = {1: (1,), 2: (0, 1)}.get(ndims[0], (*lead, 0, 1))
    second = {1: (1,), 2: (1, 2)}.get(ndims[1], (*lead, 1, 2))
    output = tuple(label for label in (*lead, 0, 2) if label in (*first, *second))
    return _contracted(node, inputs, (first, second), output)


def _contracted(
    node: Node, inputs: Sequence[Any], labels: Sequence[tuple[int, ...]], output: tuple[int, ...]
) -> Sparse | Node | None:
    """A sum of products over labelled dimensions: each entry times the part of the other operand that it meets."""
    if len(inputs) != 2 or all(isinstance(i, Sparse) for i in inputs):
        return None
    at = 0 if isinstance(inputs[0], Sparse) else 1
    sparse, dense, own, other = inputs[at], inputs[1 - at], labels[at], labels[1 - at]
    sizes = dict(zip((*own, *other), (*sparse.shape, *dense.shape), strict=True))
    free = [label for label in output if label not in own]
    met = [label for label in other if label in own]
    fits = all(sizes[label] == size for label, size in zip(own, sparse.shape, strict=True))
    if not fits or len(set(own)) < len(own) or sorted(other) != sorted((*met, *free)):
        return None
    parts: Node = permute(dense, dims=tuple(other.index(label) for label in (*met, *free)))
    parts = reshape(parts, shape=(prod(sizes[label] for label in met), prod(sizes[label] for label in free)))
    fills = len(sparse.terms) == 1 and sparse.entries <= sparse.count and parts.shape[1] == node.size
    if not fills and sparse.entries * parts.shape[1] * FULL > sparse.count * node.size:
        return None
    steps = dict(zip(output, _steps([sizes[label] for label in output]), strict=True))
    apart = _flat_index([np.arange(sizes[label]) for label in free], [steps[label] for label in free])
    terms = []
    for term in sparse.terms:
        index = dict(zip(own, np.unravel_index(term.places, sparse.shape), strict=True))
        meets = np.zeros(term.places.size, np.int64)
        for label, step in zip(met, _steps([sizes[label] for label in met]), strict=True):
            meets += index[label] * step
        values = parts if _in_order(meets, parts.shape[0]) else index_select(parts, leaf(meets), dim=0)
        if not _all_ones(term.values):
            values = values * reshape(term.values, shape=(term.places.size, 1))
        if fills:
            return _as_rows(node, values, term.rows, sparse.count)
        base = sum((index[label] * steps[label] for label in output if label in index), np.zeros_like(meets))
        flat = reshape(values, shape=(values.size,))
        terms.append(Entries(flat, np.repeat(term.rows, apart.size), (base[:, None] + apart).reshape(-1)))
    return Sparse(terms, sparse.count, node.shape, node.dtype)


def _as_rows(node: Node, values: Node, rows: Array, count: int) -> Node:
    """A batch of which some rows are given whole."""
    if not _in_order(rows, count):
        values = place_rows(values, leaf(rows), dim=0, shape=(count, node.size))
    whole: Node = reshape(values, shape=(count, *node.shape))
    return whole


SMALL, LARGE = 1e-30, 1e30  # between these, products and their quotients are exact enough, in float32 too


def _recurred(node: Node, inputs: Sequence[Any]) -> Any:
    """What an entry means for a later step is the product of the gains between.

    Not where there are more steps than rows: this takes a matrix of steps.
    """
    gain, sparse = inputs
    if isinstance(gain, Sparse) or gain.shape != sparse.shape or not gain.shape:
        return None
    ndim, dim = gain.ndim, normal_dim(node.params["dim"], gain.ndim)
    if gain.shape[dim] > sparse.count:
        return None
    weights = _products_between(move_dim(gain, dim, ndim - 1), node.params["reverse"])
    if weights is None:
        return None
    own = tuple(range(ndim))
    labels = (*[at for at in own if at != dim], dim, ndim)
    return _contracted(node, (sparse, weights), (own, labels), tuple(ndim if at == dim else at for at in own))


def _products_between(gain: Node, reverse: bool) -> Node | None:
    """For each pair of steps the product of the gains after the first up to the second, zero where that comes before.

    It is a quotient of cumulative products; None where these leave the range in which that is exact: at zeros.
    Shapes: (..., n) -> (..., n, n).
    """
    size = gain.shape[-1]
    first = leaf(np.ones((*gain.shape[:-1], 1), gain.dtype.numpy))
    rest = narrow(gain, dim=-1, start=0 if reverse else 1, length=size - 1)
    products = cumprod_(cat(rest, first, dim=-1) if reverse else cat(first, rest, dim=-1), dim=-1, reverse=reverse)
    with recording(False):
        far = abs_(products)
        if not _is_zero(where(far > SMALL, where(far < LARGE, 0.0, 1.0), 1.0)):
            return None
    between = unsqueeze(products, dim=-2) / unsqueeze(products, dim=-1)
    after = np.tri(size, dtype=bool)
    weights: Node = where(leaf(after if reverse else after.T), between, 0.0)
    return weights


def _steps(sizes: Sequence[int]) -> list[int]:
    """How far apart neighbours along each dimension are in the flat order."""
    return [prod(sizes[at + 1 :]) for at in range(len(sizes))]


def _flat_index(indices: Sequence[Array], steps: Sequence[int]) -> Array:
    """The flat places of all combinations of indices."""
    total = np.zeros(1, np.int64)
    for index, step in zip(indices, steps, strict=True):
        total = (total[:, None] + index * step).reshape(-1)
    return total


def _all_ones(values: Node) -> bool:
    return not values.requires_grad and values.value is not None and bool(np.all(values.value == 1))
