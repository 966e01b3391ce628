"""How an op is applied to a batch: the same op, or another, with one dimension more in front.

A form makes the node of a batch, (count, *shape of the node), or None where it does not cover the case; then the op is
applied row by row. Here: what a form is, and the ops that leave the other dimensions as they are. Ops along dimensions
are in along.py, products in multiplied.py, convolutions in convolved.py, ops that move elements in placed.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcli.graph.node import Node
from gradcli.ops.shapes.convert import to_dtype
from gradcli.ops.shapes.shape import expand, reshape
from gradcli.shapes import Shape


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

    def all_whole(self) -> list[Node]:
        """The inputs with the batch."""
        return [self.whole(at) for at in range(len(self.inputs))]

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
      "matrixpowers._identity_power",
      "svd._linalg_svdvals", "svd._linalg_svd", "svd._svd", "cholesky._linalg_cholesky",
      "cholesky.cholesky", "cholesky._cholesky_info", "qr._qr", "qr._linalg_qr",
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
    return batch.again(*batch.all_whole())


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
