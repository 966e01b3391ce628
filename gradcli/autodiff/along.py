"""Forms of ops along dimensions: with a batch in front, each is one further."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from gradcli.autodiff.forms import Batch, form
from gradcli.graph.node import Node
from gradcli.ops.linalg.products import product
from gradcli.ops.reductions.extremes import amax, amin
from gradcli.ops.reductions.reduce import mean_dim, prod_dim, sum_
from gradcli.ops.shapes.diagonal import diagonal
from gradcli.ops.shapes.order import permute, transpose
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import normal_dim, normal_dims


@form("part._slice", "part.select", "part.narrow", "scan._cumsum", "scan._shift")
def _along(batch: Batch) -> Node | None:
    ndim = len(batch.own_shape())
    return batch.again(dim=normal_dim(batch.node.params["dim"], ndim) + 1) if ndim else None


def along_dims(batch: Batch) -> Any:
    """An op of one tensor that works along `dim`: a number, several, or all when it is None."""
    params, ndim = batch.node.params, len(batch.own_shape())
    if len(batch.inputs) != 1 or "dim" not in params:
        return None
    if not ndim:
        return _along_one(batch)
    dim = params["dim"]
    if dim is None and batch.node.op.name in ("argmax", "argmin"):  # the place in all of the elements
        return batch.again(_flat(batch), dim=1) if not params["keepdim"] else None
    return batch.again(dim=normal_dim(dim, ndim) + 1 if isinstance(dim, int) else _moved(dim, ndim))


def _along_one(batch: Batch) -> Any:
    """A number has one dimension of one element."""
    dim = batch.node.params["dim"]
    made = batch.again(_flat(batch), dim=1 if isinstance(dim, int) else (1,))
    if not isinstance(made, tuple):
        return reshape(made, shape=(batch.count, *batch.node.shape))
    return tuple(reshape(y, shape=(batch.count, *shape)) for y, shape in zip(made, batch.node.shape, strict=True))


def _flat(batch: Batch) -> Node:
    made: Node = reshape(batch.inputs[0], shape=(batch.count, -1))
    return made


def along_with_places(batch: Batch) -> Any:
    """An op along `dim` of tensors that have the same dimensions, one of them of places."""
    ndim = len(batch.node.shape)
    if any(len(batch.own_shape(at)) != ndim for at in range(len(batch.inputs))):
        return None
    return batch.again(*batch.all_whole(), dim=normal_dim(batch.node.params["dim"], ndim) + 1)


form("scatter.scatter_add", "scatter.scatter_reduce")(along_with_places)


@form("indexed.index_add", "indexed.index_reduce")
def _at_slices(batch: Batch) -> Any:
    """One vector of places for all rows."""
    ndim = len(batch.node.shape)
    if batch.flags[1] or not ndim:
        return None
    x, source = batch.whole(0), batch.whole(2)
    return batch.again(x, batch.inputs[1], source, dim=normal_dim(batch.node.params["dim"], ndim) + 1)


@form("reduce.prod", "extremes.max", "extremes.min")
def _of_all(batch: Batch) -> Any:
    """The product of all elements, and the extremes, whose derivative is shared by equal ones; along dim as others."""
    params = batch.node.params
    if "dim" in params or "dtype" in params or len(batch.inputs) != 1:
        return along_dims(batch)
    if batch.node.op.name == "prod":
        return prod_dim(_flat(batch), dim=1, keepdim=False)
    return (amax if batch.node.op.name == "max" else amin)(_flat(batch), dim=(1,), keepdim=False)


@form("diagonal.trace")
def _traced(batch: Batch) -> Node:
    made: Node = sum_(diagonal(batch.inputs[0], offset=0, dim1=1, dim2=2), dim=(1,), keepdim=False)
    return made


@form("normalize._standardize")
def _standardized(batch: Batch) -> Any:
    return batch.again(dims=_moved(batch.node.params["dims"], len(batch.own_shape())))


@form("order.flip")
def _flipped(batch: Batch) -> Node:
    return batch.again(dims=_moved(batch.node.params["dims"], len(batch.own_shape())))


@form("order.transpose")
def _transposed(batch: Batch) -> Node | None:
    ndim, params = len(batch.own_shape()), batch.node.params
    if not ndim:
        return batch.inputs[0]
    return batch.again(dim0=normal_dim(params["dim0"], ndim) + 1, dim1=normal_dim(params["dim1"], ndim) + 1)


@form("order.t")
def _turned(batch: Batch) -> Node:
    x = batch.inputs[0]
    return x if x.ndim < 3 else transpose(x, dim0=1, dim1=2)


@form("order.permute")
def _permuted(batch: Batch) -> Node:
    ndim = len(batch.own_shape())
    made: Node = permute(batch.inputs[0], dims=(0, *(dim % ndim + 1 for dim in batch.node.params["dims"])))
    return made


@form("reduce._sum", "reduce.sum")
def _summed(batch: Batch) -> Node | None:
    x, ndim, params = batch.inputs[0], len(batch.own_shape()), batch.node.params
    if not ndim:
        return x
    dims = _moved(params.get("dim"), ndim)
    contracted = _weighted_sum(x, dims)
    if contracted is not None:
        made: Node = reshape(contracted, shape=(batch.count, *batch.node.shape))
        return made
    if "dim" not in params:
        whole: Node = sum_(x, dim=dims, keepdim=False)
        return whole
    return batch.again(dim=dims)


def _weighted_sum(x: Node, dims: Sequence[int]) -> Node | None:
    """The sum of a batch times weights along the dimensions that are summed, as a product with the weights."""
    if x.value is not None or x.op.name != "mul" or x.inputs[0].dtype is not x.inputs[1].dtype:
        return None
    many, weights = x.inputs if x.inputs[0].shape == x.shape else x.inputs[::-1]
    own = (1,) * (x.ndim - weights.ndim) + weights.shape
    if many.shape != x.shape or own != tuple(size if at in dims else 1 for at, size in enumerate(x.shape)):
        return None
    last = dims[-1] + 1 if dims else 0
    if tuple(dims) != tuple(range(last - len(dims), last)) or weights.size < 2:
        return None
    if last == x.ndim:
        rows = reshape(many, shape=(x.size // weights.size, weights.size))
        made: Node = product(rows, reshape(weights, shape=(weights.size, 1)))
        return made
    lead = prod(x.shape[: dims[0]])
    columns = reshape(many, shape=(lead, weights.size, x.size // (lead * weights.size)))
    turned: Node = product(reshape(weights, shape=(1, weights.size)), columns)
    return turned


@form("reduce.mean")
def _averaged(batch: Batch) -> Node | None:
    ndim, params = len(batch.own_shape()), batch.node.params
    if not ndim:
        return None
    dims = _moved(params.get("dim"), ndim)
    made: Node = mean_dim(batch.inputs[0], dim=dims, keepdim=params.get("keepdim", False), dtype=params.get("dtype"))
    return made


@form("diagonal.diagonal")
def _diagonal(batch: Batch) -> Node:
    return batch.again(**moved_pair(batch.node.params, len(batch.own_shape())))


@form("diagonal.diag_embed", "diagonal._diag_embed")
def _embedded(batch: Batch) -> Node | None:
    if "dim1" not in batch.node.params:
        return None
    return batch.again(**moved_pair(batch.node.params, len(batch.node.shape)))


@form("join.cat")
def _joined(batch: Batch) -> Node | None:
    if any(len(batch.own_shape(at)) != len(batch.node.shape) for at in range(len(batch.inputs))):
        return None  # empty vectors, which cat skips
    return batch.again(*batch.all_whole(), dim=normal_dim(batch.node.params["dim"], len(batch.node.shape)) + 1)


def _moved(dims: Any, ndim: int) -> tuple[int, ...]:
    """Dimensions behind a batch; None is all of them."""
    if dims is None or (isinstance(dims, tuple | list) and not dims):
        return tuple(range(1, ndim + 1))
    return tuple(dim + 1 for dim in normal_dims(dims, ndim))


def moved_pair(params: Any, ndim: int) -> dict[str, int]:
    """dim1 and dim2 behind a batch."""
    return {name: normal_dim(params[name], ndim) + 1 for name in ("dim1", "dim2")}


@form("join.stack")
def _stacked(batch: Batch) -> Node:
    return batch.again(*batch.all_whole(), dim=normal_dim(batch.node.params["dim"], len(batch.node.shape)) + 1)


@form("gather.index_select")
def _selected(batch: Batch) -> Node | None:
    ndim = len(batch.own_shape())
    if not batch.only_first or not ndim:
        return None
    return batch.again(dim=normal_dim(batch.node.params["dim"], ndim) + 1)


@form("gather._place_rows")
def _placed_rows(batch: Batch) -> Node | None:
    params = batch.node.params
    if not batch.only_first or not params["shape"]:
        return None
    dim = normal_dim(params["dim"], len(params["shape"])) + 1
    return batch.again(dim=dim, shape=(batch.count, *params["shape"]))
