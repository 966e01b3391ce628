"""Linear equations: solve, triangular solves, solves by a Cholesky factor, and equations of tensors.

Factorisations are in cholesky.py, qr.py, eigen.py, svd.py and lu.py; what builds on singular values (pinv, lstsq) in
leastsquares.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradcli.errors import LinalgError, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.elementwise.arithmetic import mul
from gradcli.ops.linalg.inverses import info, inv
from gradcli.ops.linalg.matrixchecks import check_floats, check_matrix, floats, refusing_singular, square
from gradcli.ops.linalg.products import product
from gradcli.ops.shapes.convert import clone
from gradcli.ops.shapes.diagonal import tril, triu
from gradcli.ops.shapes.order import permute, transposed
from gradcli.ops.shapes.shape import reshape, unsqueeze
from gradcli.shapes import Shape, broadcast_shapes

# --- equations


def is_vector(a: Shape, b: Shape) -> bool:
    """Whether torch reads the right side as vectors: one dimension, or one per matrix of the batch."""
    return len(b) == 1 or (len(a) - 1 == len(b) and b == a[:-1])


@refusing_singular("linalg.solve")
def _solve(a: Any, b: Any, left: bool, vector: bool) -> Any:
    if vector:
        return np.linalg.solve(a, b[..., None])[..., 0]
    if left:
        return np.linalg.solve(a, b)
    turned = np.linalg.solve(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2))
    return np.ascontiguousarray(np.swapaxes(turned, -1, -2))


def _solve_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    a, b = inputs[0].shape, inputs[1].shape
    check_matrix("linalg.solve", a, square=True)
    if params["vector"]:
        if not params["left"]:
            raise ShapeError(
                "left=False needs a matrix on the right side, not a vector",
                torch="linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. "
                "In this case linalg.solve is equivalent to B / A.squeeze(-1)",
            )
        if b[-1] != a[-1]:
            raise _unequal(a, (*b, 1), True)
        return (*broadcast_shapes(a[:-2], b[:-1]), b[-1])
    check_matrix("linalg.solve", b, letter="B")
    if a[-1] != b[-2 if params["left"] else -1]:
        raise _unequal(a, b, params["left"])
    return (*broadcast_shapes(a[:-2], b[:-2]), *b[-2:])


def _unequal(a: Shape, b: Shape, left: bool, name: str = "linalg.solve") -> ShapeError:
    form = "AX = B" if left else "XA = B"
    return ShapeError(
        f"the sizes of A and B do not fit {form}: {a} and {b}",
        torch=f"{name}: Incompatible shapes of A and B for the equation {form} ({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})",
    )


def _right_side_rule(g: Node, y: Node, a: Node, b: Node, left: bool, vector: bool) -> Any:
    return solve_(transposed(a), g, left=left, vector=vector)


def _matrix_rule(g: Node, y: Node, a: Node, b: Node, left: bool, vector: bool) -> Any:
    back = _right_side_rule(g, y, a, b, left, vector)
    if vector:
        return -mul(unsqueeze(back, dim=-1), unsqueeze(y, dim=-2))
    return -(product(back, transposed(y)) if left else product(transposed(y), back))


solve_: Op = op(
    "_linalg_solve(Tensor A, Tensor B, bool left, bool vector)",
    "The X for which A X = B (X A = B, if not left).",
    spelled=["_"],
    kernel=_solve,
    grad=[_matrix_rule, _right_side_rule],
    shape=_solve_shape,
    dtype=floats("linalg.solve"),
    grad_fn="LinalgSolveExBackward0",
    samples=[
        draw((3, 3), (3, 2), left=True, vector=False),
        draw((3, 3), (2, 3), left=False, vector=False),
        draw((2, 2, 2), (2, 2), left=True, vector=True),
    ],
)


def solve(a: Node, b: Node, left: bool = True) -> Any:
    """The node of linalg.solve."""
    check_floats("linalg.solve", a, b)
    return solve_(a, b, left=left, vector=is_vector(a.shape, b.shape))


op(
    "_linalg_solve(Tensor A, Tensor B, *, bool left=True)",
    "The X for which A X = B (X A = B, if not left).",
    spelled=["linalg.solve"],
    expands=solve,
    samples=[draw((3, 3), 3, left=True), draw((3, 3), (3, 2), left=True), draw((3, 3), (2, 3), left=False)],
)
op(
    "_linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False)",
    "The solution of A X = B, and for each matrix 0 or which pivot was zero.",
    spelled=["linalg.solve_ex"],
    outputs=("result", "info"),
    expands=lambda a, b, left, check_errors: (solve(a, b, left), info(a)),
    samples=[draw((3, 3), 3, left=True, check_errors=False)],
)


# --- triangular equations


def _substitute(a: Any, b: Any, upper: bool, unitriangular: bool) -> Any:
    """Row by row: each unknown from those already found. A zero on the diagonal gives inf or nan, as in torch."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = np.broadcast_to(b, (*batch, *b.shape[-2:])).copy()
    n = a.shape[-1]
    for at in range(n - 1, -1, -1) if upper else range(n):
        known = slice(at + 1, n) if upper else slice(0, at)
        if known.start < known.stop:
            x[..., at, :] -= (a[..., at, None, known] @ x[..., known, :])[..., 0, :]
        if not unitriangular:
            x[..., at, :] /= a[..., at, at, None]
    return x


def _triangular(a: Any, b: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    if left:
        return _substitute(a, b, upper, unitriangular)
    turned = _substitute(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2), not upper, unitriangular)
    return np.ascontiguousarray(np.swapaxes(turned, -1, -2))


def _triangular_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    a, b = inputs[0].shape, inputs[1].shape
    check_matrix("linalg.solve_triangular", a, square=True)
    check_matrix("linalg.solve_triangular", b, letter="B")
    if a[-1] != b[-2 if params["left"] else -1]:
        raise _unequal(a, b, params["left"], "linalg.solve_triangular")
    return (*broadcast_shapes(a[:-2], b[:-2]), *b[-2:])


def _triangular_side(g: Node, y: Node, a: Node, b: Node, upper: bool, left: bool, unitriangular: bool) -> Any:
    return solve_triangular(transposed(a), g, upper=not upper, left=left, unitriangular=unitriangular)


def _triangular_matrix(g: Node, y: Node, a: Node, b: Node, upper: bool, left: bool, unitriangular: bool) -> Any:
    back = _triangular_side(g, y, a, b, upper, left, unitriangular)
    full = -(product(back, transposed(y)) if left else product(transposed(y), back))
    off = int(unitriangular)
    return triu(full, diagonal=off) if upper else tril(full, diagonal=-off)


solve_triangular: Op = op(
    "_linalg_solve_triangular(Tensor input, Tensor B, *, bool upper, bool left=True, bool unitriangular=False)",
    "The X for which A X = B (X A = B, if not left), where only one triangle of A counts.",
    spelled=["linalg.solve_triangular"],
    kernel=_triangular,
    grad=[_triangular_matrix, _triangular_side],
    shape=_triangular_shape,
    dtype=floats("linalg.solve_triangular"),
    grad_fn="LinalgSolveTriangularBackward0",
    domain=(0.5, 2.0),
    samples=[
        draw((3, 3), (3, 2), upper=True, left=True, unitriangular=False),
        draw((3, 3), (3, 2), upper=False, left=True, unitriangular=True),
        draw((2, 3, 3), (2, 3), upper=False, left=False, unitriangular=False),
    ],
)


def _old_triangular(b: Node, a: Node, upper: bool, transpose: bool, unitriangular: bool) -> Any:
    matrix = transposed(a) if transpose else a
    return solve_triangular(matrix, b, upper=upper != transpose, left=True, unitriangular=unitriangular)


_triangular_solution, _triangular_clone = (
    op(
        f"_triangular_solve(Tensor input{arguments})",
        "One of triangular_solve's outputs.",
        spelled=["_"],
        expands=expands,
        grad_fn=("TriangularSolveBackward0", "TriangularSolveBackward0"),
    )
    for arguments, expands in (
        (", Tensor A, bool upper, bool transpose, bool unitriangular", _old_triangular),
        ("", lambda a: clone(a)),
    )
)
op(
    "triangular_solve(Tensor input, Tensor A, bool upper=True, bool transpose=False, bool unitriangular=False)",
    "The X for which A X = input, where only one triangle of A counts; and A.",
    outputs=("solution", "cloned_coefficient"),
    expands=lambda b, a, **options: (_triangular_solution(b, a, **options), _triangular_clone(a)),
    domain=(0.5, 2.0),
    samples=[draw((3, 2), (3, 3), upper=True, transpose=False, unitriangular=False)],
)


def _cholesky_solve(b: Any, factor: Any, upper: bool) -> Any:
    turned = np.swapaxes(factor, -1, -2)
    lower, higher = (turned, factor) if upper else (factor, turned)
    return _substitute(higher, _substitute(lower, b, False, False), True, False)


def _cholesky_solve_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    b, factor = inputs[0].shape, inputs[1].shape
    check_matrix("cholesky_solve", factor, square=True)
    check_matrix("cholesky_solve", b, letter="B")
    if factor[-1] != b[-2]:
        raise _unequal(factor, b, True, "cholesky_solve")
    return (*broadcast_shapes(factor[:-2], b[:-2]), *b[-2:])


def _factor_rule(g: Node, y: Node, b: Node, factor: Node, upper: bool) -> Any:
    """As torch has it: the whole of the factor counts, not only its triangle."""
    half = product(cholesky_solve(g, factor, upper=upper), transposed(y))
    both = half + transposed(half)
    return -(product(factor, both) if upper else product(both, factor))


cholesky_solve: Op = op(
    "cholesky_solve(Tensor input, Tensor L, bool upper=False)",
    "The X for which A X = input, where L is the Cholesky factor of A.",
    kernel=_cholesky_solve,
    grad=[lambda g, y, b, factor, upper: cholesky_solve(g, factor, upper=upper), _factor_rule],
    shape=_cholesky_solve_shape,
    dtype=floats("cholesky_solve"),
    grad_fn=("CholeskySolveBackward0", "CholeskySolveBackward0"),
    domain=(0.5, 2.0),
    samples=[
        draw((3, 2), (3, 3), upper=False, drawn=lambda b, a: (b, tril(a, diagonal=0))),
        draw((3, 2), (3, 3), upper=True, drawn=lambda b, a: (b, triu(a, diagonal=0))),
    ],
)


def _cholesky_inverse(factor: Any, upper: bool) -> Any:
    zero = np.diagonal(factor, axis1=-2, axis2=-1) == 0
    if np.any(zero):
        at = int(np.argmax(zero.reshape(-1, zero.shape[-1])[np.argmax(np.any(zero, axis=-1))])) + 1
        raise LinalgError(
            f"element {at - 1} of the diagonal is zero",
            torch=f"cholesky_inverse: The diagonal element {at} is zero, the inversion could not be completed because "
            "the input matrix is singular.",
        )
    eye = np.broadcast_to(np.eye(factor.shape[-1], dtype=factor.dtype), factor.shape)
    return _cholesky_solve(eye, factor, upper)


def _cholesky_inverse_rule(g: Node, y: Node, factor: Node, upper: bool) -> Any:
    """As torch has it: the whole of the factor counts, not only its triangle."""
    both = product(y, product(g + transposed(g), y))
    return -(product(factor, both) if upper else product(both, factor))


op(
    "cholesky_inverse(Tensor input, bool upper=False)",
    "The inverse of the matrix whose Cholesky factor is input.",
    kernel=_cholesky_inverse,
    grad=_cholesky_inverse_rule,
    shape=square("cholesky_inverse"),
    dtype=floats("cholesky_inverse"),
    grad_fn=("CholeskyInverseBackward0", "CholeskyInverseBackward0"),
    domain=(0.5, 2.0),
    samples=[
        draw((3, 3), upper=False, drawn=lambda a: tril(a, diagonal=0)),
        draw((2, 2), upper=True, drawn=lambda a: triu(a, diagonal=0)),
    ],
)


# --- tensors as matrices


_reshaped: Op = op(
    "_reshape_columns(Tensor input, ints shape)",
    "input, which LAPACK left column-major, in another shape.",
    spelled=["_"],
    expands=lambda x, shape: reshape(x, shape=shape),
    grad_fn=("ReshapeAliasBackward0", "ReshapeAliasBackward0"),
)


def _tensorinv(a: Node, ind: int) -> Any:
    if ind <= 0 or not a.ndim:
        raise ShapeError(f"ind is {ind}; it must be positive", torch="Expected a strictly positive integer for 'ind'")
    first, second = a.shape[:ind], a.shape[ind:]
    if prod(first) != prod(second):
        raise ShapeError(
            f"the dimensions before and from {ind} hold {prod(first)} and {prod(second)} elements",
            hint="they must be equally many",
            torch="Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), "
            f"but got {prod(second)} != {prod(first)}",
        )
    inverse = inv(reshape(a, shape=(prod(first), prod(second))))
    return (reshape if prod(first) < 2 else _reshaped)(inverse, shape=second + first)


op(
    "_linalg_tensorinv(Tensor input, int ind=2)",
    "The inverse of input as a linear map from its last dimensions to its first ind.",
    spelled=["linalg.tensorinv"],
    expands=_tensorinv,
    samples=[draw((2, 2, 4), ind=2), draw((3, 3), ind=1)],
)


def _tensorsolve(a: Node, b: Node, dims: Sequence[int] | None) -> Any:
    if dims is not None:
        moved = [at % a.ndim for at in dims]
        a = permute(a, dims=tuple(at for at in range(a.ndim) if at not in moved) + tuple(moved))
    shape = a.shape[b.ndim :]
    size = prod(shape)
    if prod(a.shape[: b.ndim]) != size or b.size != size:
        raise ShapeError(
            f"a tensor of shape {a.shape} is no square map to {b.shape}",
            torch="Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {size} != {prod(a.shape[: b.ndim])}",
        )
    return reshape(solve(reshape(a, shape=(size, size)), reshape(b, shape=(size,))), shape=shape)


op(
    "_linalg_tensorsolve(Tensor input, Tensor other, ints? dims=None)",
    "The X for which tensordot(input, X, X.ndim) = other.",
    spelled=["linalg.tensorsolve"],
    expands=_tensorsolve,
    grad_fn=("ViewBackward0", "ViewBackward0"),
    samples=[draw((2, 3, 6), (2, 3), dims=None)],
)
