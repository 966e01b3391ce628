"""Forms of ops that move elements about: one pass over a batch, whatever the op says of where each element goes.

An op that picks (`roll`, `gather`, `_im2col`) makes every element of its result from one element of its inputs, or from
none; an op that places (`_spread_index`, `_col2im`) adds every element of its input to one element of its result. Where
each comes from, or goes to, is read off by applying the op, or its rule, to the numbers of the places themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from gradcli.autodiff.along import along_with_places, moved_pair
from gradcli.autodiff.backward import fit
from gradcli.autodiff.forms import Batch, form
from gradcli.dtypes import float64
from gradcli.engine.run import value
from gradcli.graph.node import MODE, Node, cast_value, recording
from gradcli.graph.op import leaf, leaf_op, number_op
from gradcli.ops.elementwise.compare import where
from gradcli.ops.indexing.gather import index_select, place_rows
from gradcli.ops.shapes.join import cat
from gradcli.ops.shapes.order import permute
from gradcli.ops.shapes.shape import expand, reshape
from gradcli.shapes import Shape, normal_dim

Array = np.ndarray[Any, Any]


class Moves:
    """Where elements come from, or go to: a place for each (-1: nowhere), and the number it is multiplied with."""

    __slots__ = ("constant", "factor", "place")

    def __init__(self, place: Array, factor: Array, constant: Array) -> None:
        self.place = place
        self.factor = factor
        self.constant = constant

    @property
    def plain(self) -> bool:
        """Whether nothing is multiplied."""
        return bool(np.all((self.factor == 1) | (self.factor == 0)))


def moves_of(function: Callable[[Array], Array], size: int) -> Moves | None:
    """How an affine function of a vector moves its elements; None when an element of the result depends on several.

    The function of ones is the sum of the factors, of the places 1, 2, ... their weighted sum, of the squares that of
    the squares: only where one place alone counts are these p and p * p times the first.
    """
    places = np.arange(1.0, size + 1)
    constant = function(np.zeros(size))
    factor, first, second = (function(points) - constant for points in (np.ones(size), places, places * places))
    moved = factor != 0
    place = np.zeros(factor.shape)
    np.divide(first, factor, out=place, where=moved)
    whole = np.rint(place)
    if not (np.allclose(place, whole, rtol=1e-9, atol=0) and np.allclose(factor * whole * whole, second, rtol=1e-9)):
        return None
    return Moves(whole.astype(np.int64) - 1, factor, constant)


PICKS = frozenset({
    "order.roll", "order.rot90", "join.repeat", "part.unfold", "embed.as_strided", "embed.fill_diagonal_",
    "convert._clone_rows", "diagonal._diagonal_copy", "folding._im2col", "maxpooling._pluck", "along._take_along",
    "gather.take", "gather.gather", "index._index", "index._index_put", "masked._masked_select",
    "masked._masked_scatter", "bags._bag_spread", "search._weighted_rows", "search._embedding", "views._copy_slices",
    "indexed.index_fill", "scatter.scatter", "indexed.put", "indexed.index_copy", "masked.masked_fill",
})  # fmt: skip


@form(*PICKS)
def picked(batch: Batch) -> Node | None:
    """Each element of the result is one of the inputs' elements, a constant, or their sum."""
    moving = [at for at, i in enumerate(batch.inputs) if batch.flags[at] or (MODE.recording and i.requires_grad)]
    if not all(batch.inputs[at].dtype.floating for at in moving):
        return _with_own_places(batch)
    shapes = [batch.own_shape(at) for at in moving]
    found = moves_of(_pieces(batch, moving, shapes), sum(prod(shape) for shape in shapes))
    if found is None:
        return None
    rows = [
        reshape(batch.whole(at), shape=(batch.count, prod(shape))) for at, shape in zip(moving, shapes, strict=True)
    ]
    dtype = batch.node.dtype
    source = rows[0] if len(rows) == 1 else cat(*rows, dim=1)
    place, factor, constant = (a.reshape(-1) for a in (found.place, found.factor, found.constant))
    if not source.shape[1] or not np.any(factor):
        same: Node = expand(leaf(found.constant.astype(dtype.numpy)), size=(batch.count, *batch.node.shape))
        return same
    made = index_select(source, leaf(np.maximum(place, 0)), dim=1)
    if not found.plain:
        made = made * leaf(factor.astype(dtype.numpy))
    if not np.all(factor):
        made = where(leaf(factor != 0), made, 0.0)
    if np.any(constant):
        made = made + leaf(constant.astype(dtype.numpy))
    result: Node = reshape(made, shape=(batch.count, *batch.node.shape))
    return result


def _with_own_places(batch: Batch) -> Node | None:
    """Each row picks, or is put, elsewhere."""
    if batch.node.op.name == "_pluck":
        return batch.again(*[batch.whole(at) for at in range(len(batch.inputs))])
    if batch.node.op.name == "_index":
        return _indexed(batch)
    return along_with_places(batch) if "dim" in batch.node.params else None


def _indexed(batch: Batch) -> Node:
    """The number of the row is one more index."""
    dims, count, ndim = batch.node.params["dims"], batch.count, len(batch.own_shape())
    indices, flags = batch.inputs[1:], batch.flags[1:]
    common = max(i.ndim - flag for i, flag in zip(indices, flags, strict=True))
    numbers = leaf(np.arange(count).reshape(count, *[1] * common))
    own = [
        reshape(i, shape=(count, *[1] * (common + 1 - i.ndim), *i.shape[1:])) if flag else i
        for i, flag in zip(indices, flags, strict=True)
    ]
    made = batch.again(batch.whole(0), numbers, *own, dims=(0, *(dim + 1 for dim in dims)))
    before = dims[0] if dims[-1] - dims[0] == len(dims) - 1 else 0  # the slices that come before what is picked
    rest = ndim - len(dims)
    order = (
        *range(common + 1, common + 1 + before),
        *range(1, common + 1),
        *range(common + 1 + before, common + 1 + rest),
    )
    turned: Node = permute(made, dims=(0, *order))
    return turned


def _pieces(batch: Batch, moving: list[int], shapes: list[Shape]) -> Callable[[Array], Array]:
    """The op as a function of one vector, whose pieces are the inputs that move."""
    node = batch.node
    values = [i.value if i.op is number_op or at in moving else value(i) for at, i in enumerate(batch.inputs)]

    def function(vector: Array) -> Array:
        given, begin = list(values), 0
        for at, shape in zip(moving, shapes, strict=True):
            given[at] = vector[begin : begin + prod(shape)].reshape(shape)
            begin += prod(shape)
        for at, i in enumerate(batch.inputs):
            if at not in moving and i.dtype.floating:
                given[at] = cast_value(given[at], float64)
        return np.asarray(node.op.kernel(*given, **node.params))

    return function


PLACES = frozenset({
    "gather._place_flat", "gather._place_along", "along._put_along", "maxpooling._place",
    "index._spread_index", "folding._col2im", "bags._bag_sum", "search._embedding_dense",
})  # fmt: skip


@form(*PLACES)
def placed(batch: Batch) -> Node | None:
    """Each element of the first input is added to one element of the result."""
    node = batch.node
    if not batch.only_first:
        return None
    own = batch.own_shape()
    found = moves_back(node)
    if found is None:
        return None
    made = reshape(batch.inputs[0], shape=(batch.count, prod(own)))
    place, factor = found.place.reshape(-1), found.factor.reshape(-1)
    if not np.all(factor):
        kept = np.flatnonzero(factor)
        place, factor = place[kept], factor[kept]
        made = index_select(made, leaf(kept), dim=1)
    if not found.plain:
        made = made * leaf(factor.astype(node.dtype.numpy))
    made = place_rows(made, leaf(place), dim=1, shape=(batch.count, node.size))
    result: Node = reshape(made, shape=(batch.count, *node.shape))
    return result


@form("views._spread")
def spread(batch: Batch) -> Node | None:
    """Views that know their dimensions are moved by one; of any other it is asked which elements they show."""
    params = batch.node.params
    shape, steps = params["shape"], []
    for viewing, own in params["steps"]:
        moved = _moved_view(viewing.name, own, len(shape))
        if moved is None:
            return placed(batch)
        steps.append((viewing, moved))
        shape = viewing.shape((Node(leaf_op, (), {}, shape, batch.node.dtype),), own)
    return batch.again(shape=(batch.count, *params["shape"]), steps=tuple(steps))


def _moved_view(name: str, params: Any, ndim: int) -> dict[str, Any] | None:
    """The arguments of a view of a batch; None for one that is not known here."""
    if name in ("_slice", "select", "narrow"):
        return {**params, "dim": normal_dim(params["dim"], ndim) + 1}
    if name == "diagonal":
        return {**params, **moved_pair(params, ndim)}
    return None


def moves_back(node: Node) -> Moves | None:
    """Where each element of the first input goes, from the op's rule: what is given for that place comes back."""
    if _back(node, leaf(np.zeros(node.shape))) is None:
        return None
    return moves_of(lambda vector: value(_back(node, leaf(vector.reshape(node.shape)))), node.size)


def moves_forward(node: Node) -> Moves | None:
    """Which element of the first input each element of the result is, the other inputs being as they are."""
    others = [i.value if i.op is number_op else value(i) for i in node.inputs[1:]]
    shape, target = node.inputs[0].shape, node.op.dtype(node.inputs, node.params)[0]
    if target is not None:
        others = [
            cast_value(other, float64) if i.dtype.floating else other
            for i, other in zip(node.inputs[1:], others, strict=True)
        ]
    return moves_of(
        lambda vector: np.asarray(node.op.kernel(vector.reshape(shape), *others, **node.params)), prod(shape)
    )


def _back(node: Node, g: Node) -> Any:
    """The cotangent of the first input, if there is one."""
    op = node.op
    with recording(False):
        if op.joint is not None:
            back = op.joint(g, node, *node.inputs, **node.params)[0]
        else:
            rule = op.grads[0] if op.grads else None
            back = None if rule is None else rule(g, node, *node.inputs, **node.params)
        return None if back is None else fit(back, node.inputs[0])
