"""Products of vectors, matrices and batches of them: matmul and its kin, multiply-adds, outer, kron, cross.

tensordot and einsum are in einsum.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import ShapeError, UnsupportedDtype
from gradcli.graph.node import Node
from gradcli.graph.op import Op, ShapeRule, draw, op, promoted
from gradcli.ops.dtyperules import TITLES, check_same, refusing
from gradcli.ops.elementwise.arithmetic import add, mul
from gradcli.ops.reductions.reduce import half_in_single, sum_dim
from gradcli.ops.shapes.convert import zeros_as
from gradcli.ops.shapes.order import transposed
from gradcli.ops.shapes.shape import expand, reshape, unsqueeze
from gradcli.shapes import Shape, broadcast_shapes, matmul_shape, normal_dim

# how torch refuses operands of different dtypes, by their dimensions
_DIFFERENT: dict[tuple[int, ...], str] = {
    (1, 1): "dot : expected both vectors to have same dtype, but found {first} and {second}",
    (2, 1): "addmv input tensors must have the same dtype, but got {second}, {first}, and {second}",
    (2, 2): "expected m1 and m2 to have the same dtype, but got: {first_name} != {second_name}",
    (3, 3): "expected scalar type {first} but found {second}",
}


def matching(inputs: tuple[Node, ...], params: Any) -> tuple[dtypes.DType | None, Any]:
    """The dtype rule of products: torch promotes nothing here, and bools have no product."""
    ndims = tuple(i.ndim for i in inputs)
    if 0 in ndims:  # refused for its shape
        return None, inputs[0].dtype
    check_same(inputs, _DIFFERENT.get(ndims, _DIFFERENT[2, 2]))
    dtype: dtypes.DType = inputs[0].dtype
    if dtype is dtypes.bool_:
        raise UnsupportedDtype(
            "bool tensors have no product",
            hint="convert them first: x.float()",
            torch=f"\"addmm_impl_cpu_\" not implemented for '{TITLES[dtype.name]}'",
        )
    return None, dtype


@half_in_single
def _multiply(a: Any, b: Any) -> Any:
    """a @ b. A batch times one matrix is one large product."""
    if a.ndim > 2 and b.ndim == 2 and a.shape[-1] == b.shape[0]:
        rows = np.matmul(a.reshape(-1, a.shape[-1]) if a.size else np.zeros((0, b.shape[0]), a.dtype), b)
        return rows.reshape(*a.shape[:-1], b.shape[1]) if a.size else np.matmul(a, b)
    return np.matmul(a, b)


def _left_rule(g: Node, y: Node, a: Node, b: Node) -> Any:
    if b.ndim == 1:
        return mul(unsqueeze(g, dim=-1), b) if a.ndim > 1 else mul(g, b)
    if a.ndim == 1:
        column = unsqueeze(g, dim=-1)
        return reshape(product(b, column), shape=(*b.shape[:-2], b.shape[-2]))
    return product(g, transposed(b))


def _right_rule(g: Node, y: Node, a: Node, b: Node) -> Any:
    if a.ndim == 1:
        return mul(unsqueeze(a, dim=-1), unsqueeze(g, dim=-2)) if b.ndim > 1 else mul(g, a)
    if b.ndim <= 2 and a.ndim > 2:  # one large product instead of a batch that would be summed
        a = reshape(a, shape=(int(np.prod(a.shape[:-1])), a.shape[-1]))
        g = reshape(g, shape=(a.shape[0],) if b.ndim == 1 else (a.shape[0], b.shape[1]))
    return product(transposed(a), g)


def _shaped(*ndims: int) -> ShapeRule:
    """The shape rule of a product of operands with so many dimensions; without any: of any."""

    def rule(inputs: tuple[Node, ...], params: Any) -> Shape:
        shapes = [i.shape for i in inputs]
        check_ndims(shapes, ndims)
        if ndims == (3, 3) and shapes[0][0] != shapes[1][0]:
            raise ShapeError(
                f"the batches differ in size: {shapes[0]} @ {shapes[1]}",
                hint="matmul (@) broadcasts batches",
                torch=f"Expected size for first two dimensions of batch2 tensor to be: [{shapes[0][0]}, "
                f"{shapes[0][2]}] but got: [{shapes[1][0]}, {shapes[1][1]}].",
            )
        return matmul_shape(*shapes)

    return rule


def check_ndims(shapes: Sequence[Shape], ndims: Sequence[int]) -> None:
    """Refuse operands that have not the number of dimensions a product takes."""
    words = {0: "number", 1: "vector", 2: "matrix", 3: "batch of matrices"}
    for shape, ndim in zip(shapes, ndims, strict=False):
        if len(shape) != ndim:
            raise ShapeError(
                f"it takes a {words[ndim]} ({ndim} dimensions) here, not a tensor of shape {shape}",
                hint="matmul (@) takes vectors, matrices and batches alike",
                torch=_expected_ndims([len(shape) for shape in shapes], ndims),
            )


def _expected_ndims(found: Sequence[int], ndims: Sequence[int]) -> str:
    if tuple(ndims) == (1, 1):
        return f"1D tensors expected, but got {found[0]}D and {found[1]}D tensors"
    at = next(at for at, (own, ndim) in enumerate(zip(found, ndims, strict=False)) if own != ndim)
    if tuple(ndims) == (2, 2):
        return f"{('self', 'mat2')[at]} must be a matrix"
    if tuple(ndims) == (3, 3):
        return f"batch{at + 1} must be a 3D tensor"
    if tuple(ndims) == (2, 1):
        return f"vector + matrix @ vector expected, got 1, {found[0]}, {found[1]}"
    return f"{ndims[at]}D tensors expected, but got {found[at]}D"


def _declare(
    signature: str,
    doc: str,
    names: tuple[str, str],
    ndims: tuple[int, ...],
    shapes: Sequence[tuple[Shape, Shape]],
    spelled: Sequence[str] = (),
) -> Op:
    """One of torch's products: they differ in the operands they take and in their grad_fn."""
    return op(
        signature,
        doc,
        spelled=spelled,
        kernel=_multiply,
        grad=[_left_rule, _right_rule],
        shape=_shaped(*ndims),
        dtype=matching,
        grad_fn=names,
        linear=True,
        samples=[draw(*pair) for pair in shapes],
    )


mm: Op = _declare(
    "mm(Tensor input, Tensor mat2)",
    "The product of two matrices.",
    ("MmBackward", "MmBackward0"),
    (2, 2),
    [((2, 3), (3, 4))],
)
bmm: Op = _declare(
    "bmm(Tensor input, Tensor mat2)",
    "The products of two batches of matrices.",
    ("BmmBackward", "BmmBackward0"),
    (3, 3),
    [((2, 2, 3), (2, 3, 4))],
)
mv: Op = _declare(
    "mv(Tensor input, Tensor vec)",
    "The product of a matrix and a vector.",
    ("MvBackward", "MvBackward0"),
    (2, 1),
    [((2, 3), (3,))],
)
dot: Op = _declare(
    "dot(Tensor input, Tensor tensor)",
    "The sum of the products of two vectors' elements.",
    ("DotBackward", "DotBackward0"),
    (1, 1),
    [((3,), (3,))],
)
vdot: Op = _declare(
    "vdot(Tensor input, Tensor other)",
    "The sum of the products of two vectors' elements.",
    ("VdotBackward0", "VdotBackward0"),
    (1, 1),
    [((3,), (3,))],
)


def _internal(name: str, doc: str, names: tuple[str, str]) -> Op:
    pairs = [((2, 2, 3), (3, 2)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)), ((2, 1, 2, 3), (3, 3, 2))]
    return _declare(f"{name}(Tensor input, Tensor other)", doc, names, (), pairs, ["_"])


product: Op = _internal("_matmul", "input @ other, batches broadcast.", ("UnsafeViewBackward", "UnsafeViewBackward0"))
_row_product: Op = _internal("_matmul_row", "A vector times a matrix.", ("SqueezeBackward3", "SqueezeBackward4"))
# a matrix that needs a gradient, times a batch: torch folds the batch, transposes back and makes that contiguous
_folded_product: Op = _internal("_matmul_clone", "A matrix times a batch.", ("UnsafeViewBackward", "CloneBackward0"))
_turned_product: Op = _internal(
    "_matmul_transpose", "A matrix times a batch.", ("UnsafeViewBackward", "TransposeBackward0")
)


def matmul(a: Node, b: Node) -> Any:
    """The node of a @ b under the name torch's decomposition gives it."""
    chosen = {(1, 1): dot, (2, 1): mv, (1, 2): _row_product, (2, 2): mm}.get((a.ndim, b.ndim), product)
    if a.ndim == 2 and b.ndim > 2 and a.requires_grad:
        contiguous = 1 in (a.shape[0], b.shape[-1]) or 0 in (a.shape[0], *b.shape)
        chosen = _turned_product if contiguous else _folded_product
    return chosen(a, b)


op(
    "matmul(Tensor input, Tensor other)",
    "input @ other: vectors, matrices, and batches of matrices that broadcast.",
    spelled=["matmul", "linalg.matmul"],
    expands=matmul,
    samples=[
        draw(3, 3),
        draw((2, 3), 3),
        draw(3, (3, 2)),
        draw((2, 3), (3, 2)),
        draw((2, 3), (2, 3, 2)),
        draw((2, 2, 3), (3, 2)),
        draw((2, 1, 2, 3), (3, 3, 2)),
    ],
    wrong=[("matmul(ones(2, 3), ones(4, 2))", "inner sizes differ")],
)


# --- multiply-adds: beta input + alpha (product)


def _multiply_add(x: Node, result: Node, beta: float, alpha: float) -> Any:
    if not result.dtype.floating:  # torch brings the factors to the dtype of the tensors
        cast = bool if result.dtype is dtypes.bool_ else int
        beta, alpha = cast(beta), cast(alpha)
    if alpha != 1:
        result = mul(result, alpha)
    x = expand(x, size=result.shape) if x.shape != result.shape else x
    if beta == 0:  # torch does not read input then: its nan and inf do not count
        return add(_ignored(x), result)
    return add(x if beta == 1 else mul(x, beta), result)


_ignored: Op = op(
    "_ignored(Tensor input)",
    "Zeros in the shape of input, whatever it holds; its cotangent is zero as well.",
    spelled=["_"],
    kernel=np.zeros_like,
    grad=lambda g, y, x: zeros_as(g),
    dtype=lambda inputs, params: (None, inputs[0].dtype),
    samples=[draw(3)],
)


def _adding(name: str, arguments: str, doc: str, multiply: Callable[[Node, Node], Any], *shapes: Shape) -> None:
    def combine(x: Node, a: Node, b: Node) -> Any:
        result = multiply(a, b)
        if multiply is not _outer:  # elementwise products promote
            check_same((x, result), "self and mat2 must have the same dtype, but got {first} and {second}")
        return result

    op(
        f"{name}(Tensor input, {arguments}, *, Scalar beta=1, Scalar alpha=1)",
        doc,
        expands=lambda x, a, b, beta, alpha: _multiply_add(x, combine(x, a, b), beta, alpha),
        grad_fn=f"{name.capitalize()}Backward0",
        inplace=True,
        samples=[draw(*shapes, beta=1, alpha=1), draw(*shapes, beta=0.5, alpha=-2.0), draw(*shapes, beta=0, alpha=1)],
    )


def _batch_total(a: Node, b: Node) -> Any:
    return sum_dim(bmm(a, b), dim=0, keepdim=False)


def _outer(a: Node, b: Node) -> Any:
    for name, vector in (("self", a), ("vec2", b)):
        if vector.ndim != 1:
            raise ShapeError(
                f"it takes two vectors, not a tensor of shape {vector.shape}",
                hint="flatten it first: x.flatten()",
                torch=f"outer: Expected 1-D argument {name}, but got {vector.ndim}-D",
            )
    return mul(unsqueeze(a, dim=-1), b)


_adding("addmm", "Tensor mat1, Tensor mat2", "beta input + alpha (mat1 @ mat2).", mm, (2, 4), (2, 3), (3, 4))
_adding("addmv", "Tensor mat, Tensor vec", "beta input + alpha (mat @ vec).", mv, (2,), (2, 3), (3,))
_adding("addr", "Tensor vec1, Tensor vec2", "beta input + alpha outer(vec1, vec2).", _outer, (2, 3), (2,), (3,))
_adding(
    "addbmm",
    "Tensor batch1, Tensor batch2",
    "beta input + alpha times the sum of the products in the batch.",
    _batch_total,
    (2, 4),
    (2, 2, 3),
    (2, 3, 4),
)
_adding(
    "baddbmm",
    "Tensor batch1, Tensor batch2",
    "beta input + alpha (batch1 @ batch2).",
    bmm,
    (2, 2, 4),
    (2, 2, 3),
    (2, 3, 4),
)


# --- outer products and their kin

op(
    "outer(Tensor input, Tensor vec2)",
    "The products of each element of input with each of vec2.",
    expands=_outer,
    samples=[draw(2, 3)],
)
op(
    "ger(Tensor input, Tensor vec2)",
    "The products of each element of input with each of vec2.",
    expands=_outer,
    grad_fn=("GerBackward", "MulBackward0"),
    samples=[draw(2, 3)],
)


def _kron(a: Node, b: Node) -> Any:
    ndim = max(a.ndim, b.ndim)
    first, second = ((1,) * (ndim - x.ndim) + x.shape for x in (a, b))
    left = reshape(a, shape=tuple(n for size in first for n in (size, 1)))
    right = reshape(b, shape=tuple(n for size in second for n in (1, size)))
    return reshape(mul(left, right), shape=tuple(m * n for m, n in zip(first, second, strict=True)))


op(
    "kron(Tensor input, Tensor other)",
    "The Kronecker product: each element of input times the whole of other.",
    expands=_kron,
    grad_fn=("UnsafeViewBackward0", "UnsafeViewBackward0"),
    samples=[draw((2, 2), (2, 3)), draw(2, (2, 3)), draw((), 3)],
)


def _cross_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    a, b = inputs[0].shape, inputs[1].shape
    if len(a) != len(b):
        raise ShapeError(
            f"the tensors must have equally many dimensions: {a} and {b}",
            torch="linalg.cross: inputs must have the same number of dimensions.",
        )
    dim = normal_dim(params["dim"], len(a))
    if not a or a[dim] != 3 or b[dim] != 3:
        raise ShapeError(
            f"dimension {params['dim']} must have size 3: {a} and {b}",
            torch=f"linalg.cross: inputs dimension {params['dim']} must have length 3. "
            f"Got {a[dim] if a else 1} and {b[dim] if b else 1}",
        )
    return broadcast_shapes(a, b)


@half_in_single
def _cross_product(a: Any, b: Any, dim: int) -> Any:
    a, b = np.broadcast_arrays(a, b)
    (a0, a1, a2), (b0, b1, b2) = np.moveaxis(a, dim, 0), np.moveaxis(b, dim, 0)
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=dim)


cross: Op = op(
    "_linalg_cross(Tensor input, Tensor other, *, int dim=-1)",
    "The cross product along dim, which has size 3.",
    spelled=["linalg.cross"],
    kernel=_cross_product,
    grad=[lambda g, y, a, b, dim: cross(b, g, dim=dim), lambda g, y, a, b, dim: cross(g, a, dim=dim)],
    shape=_cross_shape,
    dtype=refusing(promoted, "cross", dtypes.BOOL),
    grad_fn="LinalgCrossBackward0",
    linear=True,
    samples=[draw(3, 3, dim=-1), draw((2, 3), (1, 3), dim=1), draw((3, 2), (3, 2), dim=0)],
)


def _cross(a: Node, b: Node, dim: int | None) -> Any:
    if dim is None:
        sizes = [at for at, size in enumerate(a.shape) if size == 3]
        if not sizes:
            raise ShapeError(f"no dimension of {a.shape} has size 3", torch="no dimension of size 3 in input")
        dim = sizes[0]
    return cross(a, b, dim=dim)


op(
    "cross(Tensor input, Tensor other, int? dim=None)",
    "The cross product along dim, or along the first dimension of size 3.",
    expands=_cross,
    grad_fn=("CrossBackward", "LinalgCrossBackward0"),
    samples=[draw(3, 3, dim=None), draw((2, 3), (2, 3), dim=None), draw((3, 3), (3, 3), dim=1)],
)


def _vecdot(x: Node, y: Node, dim: int) -> Any:
    if x.ndim == 1 and y.ndim == 1:
        return vdot(x, y)
    return sum_dim(mul(x, y), dim=dim, keepdim=False)


op(
    "_linalg_vecdot(Tensor x, Tensor y, *, int dim=-1)",
    "The sum of the products along dim; the other dimensions broadcast.",
    spelled=["linalg.vecdot"],
    expands=_vecdot,
    samples=[draw(3, 3, dim=-1), draw((2, 3), (2, 3), dim=0), draw((2, 3), (1, 3), dim=-1)],
)


# --- chains


def _cheapest_cut(sizes: Sequence[int]) -> list[list[int]]:
    """Where to split each stretch of a chain of matrices (sizes[i] x sizes[i + 1]) so that multiplying is cheapest."""
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    cut = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [(cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)]
            cost[i][j], cut[i][j] = min(options)
    return cut


def multiply_chain(tensors: Sequence[Node]) -> Any:
    """The product of matrices in the cheapest order; the first and the last may be vectors."""
    if len(tensors) < 2:
        raise ShapeError(
            f"it needs at least two tensors, not {len(tensors)}",
            torch=f"multi_dot(): expected at least 2 tensors but got {len(tensors)}",
        )
    ends = (tensors[0], tensors[-1])
    check_ndims([t.shape for t in tensors[1:-1]], (2,) * (len(tensors) - 2))
    for end in ends:
        if end.ndim not in (1, 2):
            raise ShapeError(
                f"the first and the last tensor must be vectors or matrices, not of shape {end.shape}",
                torch=f"multi_dot(): the first tensor must be 1D or 2D but got {end.ndim}D",
            )
    for a, b in pairwise(tensors):
        matmul_shape(a.shape, b.shape)
    if len(tensors) > 2:
        sizes = [1 if tensors[0].ndim == 1 else tensors[0].shape[0], *(t.shape[0] for t in tensors[1:])]
        sizes.append(tensors[-1].shape[-1] if tensors[-1].ndim == 2 else 1)
        return _in_order(tensors, _cheapest_cut(sizes))
    return matmul(tensors[0], tensors[1])


def _in_order(tensors: Sequence[Node], cut: list[list[int]]) -> Any:
    """Multiply each stretch after its two parts, with a stack instead of recursion."""
    stack, done = [(0, len(tensors) - 1)], {(i, i): t for i, t in enumerate(tensors)}
    while stack:
        i, j = stack[-1]
        k = cut[i][j]
        missing = [part for part in ((i, k), (k + 1, j)) if part not in done]
        if missing:
            stack.extend(missing)
        else:
            done[stack.pop()] = matmul(done[i, k], done[k + 1, j])
    return done[0, len(tensors) - 1]


def _chain(matrices: Sequence[Node]) -> Any:
    check_ndims([m.shape for m in matrices], (2,) * len(matrices))
    return matrices[0] if len(matrices) == 1 else multiply_chain(matrices)


op(
    "_linalg_multi_dot(Tensors tensors)",
    "The product of all matrices, multiplied in the cheapest order; the first and the last may be vectors.",
    spelled=["linalg.multi_dot"],
    expands=multiply_chain,
    grad_fn=("ViewBackward0", "ViewBackward0"),
    samples=[draw((2, 3), (3, 4)), draw((2, 3), (3, 1), (1, 4)), draw(3, (3, 2), 2)],
)
op(
    "chain_matmul(Tensors* matrices)",
    "The product of all matrices, multiplied in the cheapest order.",
    spelled=["torch.chain_matmul"],
    expands=_chain,
    grad_fn=("MmBackward", "ViewBackward0"),
    samples=[draw((2, 3), (3, 4)), draw((2, 3), (3, 1), (1, 4))],
)
