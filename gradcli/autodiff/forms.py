"""How an op is applied to a batch: the same op, or another, with one dimension more in front.

A form makes the node of a batch, (count, *shape of the node), or None where it does not cover the case; then the op is
applied row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from gradcli.graph.node import Node
from gradcli.ops.convert import to_dtype
from gradcli.ops.diagonal import diagonal
from gradcli.ops.extremes import amax, amin
from gradcli.ops.order import permute, transpose
from gradcli.ops.products import product
from gradcli.ops.reduce import mean_dim, prod_dim, sum_
from gradcli.ops.shape import expand, reshape
from gradcli.shapes import Shape, normal_dim, normal_dims


class Batch:
    """A node to be made again: its inputs, of which the flagged ones have the batch as their first dimension."""

    __slots__ = ("count", "flags", "inputs", "node")

    def __init__(self, node: Node, inputs: list[Node], flags: list[bool], count: int) -> None:
        self.node = node
        self.inputs = inputs
        self.flags = flags
        self.count = count

    def row(self, at: int, select: Callable[..., Node]) -> list[Node]:
        """The inputs of one row."""
        pairs = zip(self.inputs, self.flags, strict=True)
        return [select(i, dim=0, index=at) if flag else i for i, flag in pairs]

    def own_shape(self, at: int = 0) -> Shape:
        """The shape of an input without the batch."""
        shape: Shape = self.inputs[at].shape
        return shape[1:] if self.flags[at] else shape

    @property
    def only_first(self) -> bool:
        """Whether the first input alone has the batch."""
        return self.flags[0] and not any(self.flags[1:])

    def whole(self, at: int) -> Node:
        """An input with the batch, repeated for each row if it had none."""
        node = self.inputs[at]
        if self.flags[at]:
            return node
        spread: Node = expand(reshape(node, shape=(1, *node.shape)), size=(self.count, *node.shape))
        return spread

    def again(self, *inputs: Node, **changed: Any) -> Node:
        """The op applied to other inputs, with some of its other arguments changed."""
        made: Node = self.node.op(*(inputs or self.inputs), **{**self.node.params, **changed})
        return made


Form = Callable[[Batch], Node | None]
FORMS: dict[str, Form] = {}


def form(*names: str) -> Callable[[Form], Form]:
    """The form of ops, by family and name."""

    def enter(function: Form) -> Form:
        FORMS.update(dict.fromkeys(names, function))
        return function

    return enter


def rows_of_elementwise(batch: Batch) -> Node:
    """Elementwise ops broadcast: a batch stays in front of the dimensions that its input lacks."""
    node = batch.node
    target = node.op.dtype(node.inputs or (), node.params)[0]
    ndim = len(node.shape)
    aligned = []
    for i, flag in zip(batch.inputs, batch.flags, strict=True):
        if flag:
            own = i.shape[1:]
            if len(own) < ndim:
                i = reshape(i, shape=(batch.count, *[1] * (ndim - len(own)), *own))
            if target is not None and i.dtype.floating:  # a 0-d tensor does not promote, a batch of them would
                i = to_dtype(i, target)
        aligned.append(i)
    return batch.again(*aligned)


@form("convert.alias", "convert._to_dtype", "convert._zeros_as", "convert.clone", "convert.detach", "convert.fill",
      "convert.fill_", "diagonal.tril", "diagonal.triu", "padding.constant_pad_nd", "products._ignored",
      "statistics._to_rank", "bitwise.frexp", "distances._distance", "grids._flat_taps", "grids._inside_taps",
      "pooling._avg_pool1d", "pooling._avg_pool2d", "pooling._avg_pool3d", "pooling._spread_mean",
      "maxpooling._max_pool1d", "maxpooling._max_pool2d", "maxpooling._max_pool3d", "adaptive._adaptive_max_pool1d",
      "adaptive._adaptive_max_pool2d", "adaptive._adaptive_max_pool3d", "inverses._linalg_inv",
      "inverses._inverse_or_inf", "inverses._info", "inverses._linalg_det", "inverses._linalg_slogdet",
      "inverses.slogdet", "inverses._cofactors", "matrixpowers.matrix_exp", "equations.cholesky_inverse",
      "matrixpowers._identity_power", "svd._linalg_svdvals", "svd._linalg_svd", "svd._svd",
      "cholesky._linalg_cholesky", "cholesky.cholesky", "cholesky._cholesky_info", "qr._qr", "qr._linalg_qr",
      "eigen._linalg_eigh", "eigen._linalg_eigvalsh", "eigen._linalg_eig", "eigen._linalg_eigvals",
      "lu._lu_factor_unchecked", "lu._lu_parts", "lu._unpacked", "lu._linalg_lu_factor", "lu._permutation",
      "lu._lu_info", "lu._linalg_ldl_factor", "leastsquares._pinv", "reflections._unit_columns",
      "conditions._matrix_rank", "reflections.geqrf")  # fmt: skip
def _unchanged(batch: Batch) -> Any:
    """Ops that leave the dimensions before the last ones as they are."""
    return batch.again() if batch.only_first else None


@form("maxpooling._put", "grids._joined", "leastsquares._lstsq")
def _unchanged_of_several(batch: Batch) -> Any:
    """As `_unchanged`, of several inputs: each has the dimensions in front."""
    return batch.again(*_all_whole(batch))


@form("shape._reshape", "shape._reshape_rows", "shape._reshape_alias", "shape._unsafe_view", "shape._squeeze",
      "shape.unsqueeze")  # fmt: skip
def _reshaped(batch: Batch) -> Node:
    made: Node = reshape(batch.inputs[0], shape=(batch.count, *batch.node.shape))
    return made


@form("shape._expand")
def _expanded(batch: Batch) -> Node:
    own, shape = batch.own_shape(), batch.node.shape
    x = reshape(batch.inputs[0], shape=(batch.count, *[1] * (len(shape) - len(own)), *own))
    made: Node = expand(x, size=(batch.count, *shape))
    return made


# Along dimensions


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
    return batch.again(*_all_whole(batch), dim=normal_dim(batch.node.params["dim"], ndim) + 1)


def _all_whole(batch: Batch) -> list[Node]:
    return [batch.whole(at) for at in range(len(batch.inputs))]


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


@form("diagonal.diagonal", "diagonal._diagonal")
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
    whole = [batch.whole(at) for at in range(len(batch.inputs))]
    return batch.again(*whole, dim=normal_dim(batch.node.params["dim"], len(batch.node.shape)) + 1)


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
    whole = [batch.whole(at) for at in range(len(batch.inputs))]
    return batch.again(*whole, dim=normal_dim(batch.node.params["dim"], len(batch.node.shape)) + 1)


# Places


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


# Products


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
