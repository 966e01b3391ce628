"""Factorisations by elimination: lu and what solves with it, ldl."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import LinalgError, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.linalg.equations import solve_triangular
from gradcli.ops.linalg.matrixchecks import check_floats, check_matrix, floats, no_derivative, square
from gradcli.ops.linalg.matrixparts import Cotangents, columns_of, rows_of, symmetric_of, total
from gradcli.ops.linalg.products import product
from gradcli.ops.shapes.diagonal import tril, triu
from gradcli.ops.shapes.join import cat
from gradcli.ops.shapes.order import transposed
from gradcli.shapes import Shape, broadcast_shapes

# --- lu


def _lu_kernel(a: Any, pivot: bool) -> tuple[Any, Any]:
    """Elimination column by column, over the whole batch at once; pivots counted from 1, as LAPACK has them."""
    work = a.copy()
    m, n = a.shape[-2:]
    k = min(m, n)
    flat = work.reshape(prod(a.shape[:-2]), m, n)
    pivots = np.tile(np.arange(1, k + 1, dtype=np.int32), (len(flat), 1))
    every = np.arange(len(flat))
    for at in range(k):
        if pivot:
            best = at + np.argmax(np.abs(flat[:, at:, at]), axis=1)
            pivots[:, at] = best + 1
            swapped = flat[every, best]
            flat[every, best] = flat[:, at]
            flat[:, at] = swapped
        elif not np.all(flat[:, at, at]):
            raise LinalgError(
                "a pivot is zero", hint="use pivot=True", torch="linalg.lu_factor: U has a zero on its diagonal"
            )
        scale = np.where(flat[:, at, at] == 0, 1, flat[:, at, at])[:, None]
        flat[:, at + 1 :, at] /= scale
        flat[:, at + 1 :, at + 1 :] -= flat[:, at + 1 :, at, None] * flat[:, at, None, at + 1 :]
    return work, pivots.reshape(*a.shape[:-2], k)


def _zero_diagonal(packed: Any) -> Any:
    """For each factorisation 0, or the first zero (counted from 1) on the diagonal of U."""
    zero = np.diagonal(packed, axis1=-2, axis2=-1) == 0
    if not zero.size:
        return np.zeros(packed.shape[:-2], np.int32)
    return np.where(np.any(zero, axis=-1), np.argmax(zero, axis=-1) + 1, 0).astype(np.int32)


def _lu_nonsingular(a: Any, pivot: bool) -> tuple[Any, Any]:
    packed, pivots = _lu_kernel(a, pivot)
    at = int(np.max(_zero_diagonal(packed), initial=0)) if packed.size else 0
    if at:
        raise LinalgError(
            f"the matrix is singular: U[{at},{at}] is zero",
            hint="linalg.lu and linalg.lu_factor_ex take singular matrices",
            torch=f"torch.linalg.lu_factor: U[{at},{at}] is zero and using it on lu_solve would result in a division "
            "by zero. If you still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
            "linalg.lu_factor_ex(A, pivot)",
        )
    return packed, pivots


def permutation(pivots: Any, m: int) -> Any:
    """The matrix P with A = P L U, from the exchanges of rows."""
    flat = pivots.reshape(prod(pivots.shape[:-1]), pivots.shape[-1])
    order = np.tile(np.arange(m), (len(flat), 1))
    every = np.arange(len(flat))
    for at in range(flat.shape[1]):
        other = flat[:, at] - 1
        swapped = order[every, other]
        order[every, other] = order[:, at]
        order[:, at] = swapped
    return np.swapaxes(np.eye(m)[order], -1, -2).reshape(*pivots.shape[:-1], m, m)


def _lu_shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    shape = inputs[0].shape
    check_matrix("linalg.lu_factor", shape)
    return shape, (*shape[:-2], min(shape[-2:]))


_permuting: Op = op(
    "_permutation(Tensor pivots, int m, any dtype)",
    "The matrix P with A = P L U.",
    spelled=["_"],
    kernel=lambda pivots, m, dtype: permutation(pivots, m).astype(dtype.numpy),
    shape=lambda inputs, params: (*inputs[0].shape[:-1], params["m"], params["m"]),
    dtype=lambda inputs, params: (None, params["dtype"]),
)


def lower_part(packed: Node) -> Any:
    """L of a packed factorisation: what lies below the diagonal, with ones on it."""
    m, n = packed.shape[-2:]
    k = min(m, n)
    below = tril(columns_of(packed, 0, k) if n > k else packed, diagonal=-1)
    return below + leaf(np.eye(m, k, dtype=packed.dtype.numpy))


def upper_part(packed: Node) -> Any:
    """U of a packed factorisation: the diagonal and what lies above."""
    m, n = packed.shape[-2:]
    k = min(m, n)
    return triu(rows_of(packed, 0, k) if m > k else packed, diagonal=0)


def _lu_rule(g: Node | None, p: Node, lower: Node, upper: Node, gl: Any, gu: Any) -> Any:
    """The cotangent of A = P L U from those of L and U, for square, wide and tall matrices."""
    m, n = lower.shape[-2], upper.shape[-1]
    k = min(m, n)
    l1, u1 = rows_of(lower, 0, k), columns_of(upper, 0, k)
    inside = total(
        None if gl is None else tril(product(transposed(l1), rows_of(gl, 0, k)), diagonal=-1),
        None if gu is None else triu(product(columns_of(gu, 0, k), transposed(u1)), diagonal=0),
    )
    if n > k and gu is not None:
        rest = product(columns_of(gu, k, n), transposed(columns_of(upper, k, n)))
        inside = inside - tril(rest, diagonal=-1)
    if m > k and gl is not None:
        rest = product(transposed(rows_of(lower, k, m)), rows_of(gl, k, m))
        inside = inside - triu(rest, diagonal=0)
    corner = solve_triangular(transposed(l1), inside, upper=True, left=True, unitriangular=True)
    corner = solve_triangular(transposed(u1), corner, upper=False, left=False, unitriangular=False)
    if n > k and gu is not None:
        corner = cat(
            corner,
            solve_triangular(transposed(l1), columns_of(gu, k, n), upper=True, left=True, unitriangular=True),
            dim=-1,
        )
    elif n > k:
        corner = cat(corner, leaf(np.zeros((*corner.shape[:-1], n - k), corner.dtype.numpy)), dim=-1)
    if m > k:
        below = (
            leaf(np.zeros((*corner.shape[:-2], m - k, n), corner.dtype.numpy))
            if gl is None
            else solve_triangular(transposed(u1), rows_of(gl, k, m), upper=False, left=False, unitriangular=False)
        )
        corner = cat(corner, below, dim=-2)
    return product(p, corner)


def _lu_factor_rule(g: Cotangents, y: tuple[Node, ...], a: Node, pivot: bool) -> Any:
    if g[0] is None:
        return None
    m, n = a.shape[-2:]
    k = min(m, n)
    p = _permuting(y[1], m=m, dtype=a.dtype)
    gl = tril(columns_of(g[0], 0, k), diagonal=-1)
    return _lu_rule(None, p, lower_part(y[0]), upper_part(y[0]), gl, triu(rows_of(g[0], 0, k), diagonal=0))


def _declare_lu(name: str, spelled: list[str], kernel: Callable[..., Any]) -> Op:
    return op(
        f"{name}(Tensor A, *, bool pivot=True)",
        "L and U packed into one matrix, and the exchanges of rows, with A = P L U.",
        spelled=spelled,
        outputs=("LU", "pivots"),
        kernel=kernel,
        grad=_lu_factor_rule,
        shape=_lu_shape,
        dtype=lambda inputs, params: (None, (check_floats("linalg.lu_factor", *inputs), dtypes.int32)),
        grad_fn="LinalgLuFactorExBackward0",
        samples=[draw((3, 3), pivot=True), draw((2, 3), pivot=True), draw((3, 2), pivot=True)],
    )


lu_factor: Op = _declare_lu("_linalg_lu_factor", ["linalg.lu_factor"], _lu_nonsingular)
_factored: Op = _declare_lu("_lu_factor_unchecked", ["_"], _lu_kernel)
_lu_info: Op = op(
    "_lu_info(Tensor LU)",
    "For each factorisation 0, or the first zero on the diagonal of U.",
    spelled=["_"],
    kernel=_zero_diagonal,
    shape=lambda inputs, params: inputs[0].shape[:-2],
    dtype=lambda inputs, params: (None, dtypes.int32),
)


def _with_info(a: Node, pivot: bool) -> tuple[Any, ...]:
    packed, pivots = _factored(a, pivot=pivot)
    return packed, pivots, _lu_info(packed)


op(
    "_linalg_lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False)",
    "L and U packed into one matrix, the exchanges of rows, and 0 for each matrix.",
    spelled=["linalg.lu_factor_ex"],
    outputs=("LU", "pivots", "info"),
    samples=[draw((3, 3), pivot=True, check_errors=False)],
    expands=lambda a, pivot, check_errors: _with_info(a, pivot),
)
op(
    "lu(Tensor input, bool pivot=True, bool get_infos=False)",
    "L and U packed into one matrix, and the exchanges of rows.",
    expands=lambda a, pivot, get_infos: _with_info(a, pivot)[: 3 if get_infos else 2],
    samples=[draw((3, 3), pivot=True, get_infos=False)],
)


def _unpack(factored: tuple[Node, Node], name: str) -> tuple[Any, Any, Any]:
    packed, pivots = factored
    p = _permuting(pivots, m=packed.shape[-2], dtype=packed.dtype)
    lower, upper = (_LU_PARTS if name == "lu" else _UNPACKED)(packed)
    return p, lower, upper


def _parts_op(name: str, grad_fn: str) -> Op:
    def rule(g: Cotangents, y: tuple[Node, ...], packed: Node) -> Any:
        m, n = packed.shape[-2:]
        k = min(m, n)
        kind = packed.dtype.numpy
        wide, tall = leaf(np.eye(k, n, dtype=kind)), leaf(np.eye(m, k, dtype=kind))
        return total(
            None if g[0] is None else product(tril(g[0], diagonal=-1), wide),
            None if g[1] is None else product(tall, triu(g[1], diagonal=0)),
        )

    def shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
        full = inputs[0].shape
        k = min(full[-2:])
        return (*full[:-1], k), (*full[:-2], k, full[-1])

    return op(
        f"{name}(Tensor LU)",
        "L and U of a packed factorisation.",
        spelled=["_"],
        outputs=("L", "U"),
        kernel=lambda lu: (
            np.tril(lu[..., :, : min(lu.shape[-2:])], -1) + np.eye(lu.shape[-2], min(lu.shape[-2:]), dtype=lu.dtype),
            np.triu(lu[..., : min(lu.shape[-2:]), :]),
        ),
        grad=rule,
        shape=shape,
        dtype=floats("lu_unpack", 2),
        grad_fn=(grad_fn, grad_fn),
        samples=[draw((3, 3)), draw((2, 3)), draw((3, 2))],
    )


PIVOTS = np.array([3, 2, 3], np.int32)  # of the samples
_LU_PARTS: Op = _parts_op("_lu_parts", "LinalgLuBackward0")
_UNPACKED: Op = _parts_op("_unpacked", "LuUnpackBackward0")
op(
    "_linalg_lu(Tensor A, *, bool pivot=True)",
    "P, L and U with A = P L U.",
    spelled=["linalg.lu"],
    outputs=("P", "L", "U"),
    expands=lambda a, pivot: _unpack(_factored(a, pivot=pivot), "lu"),
    samples=[draw((3, 3), pivot=True), draw((2, 3), pivot=True), draw((3, 2), pivot=True)],
)
op(
    "lu_unpack(Tensor LU_data, Tensor LU_pivots, bool unpack_data=True, bool unpack_pivots=True)",
    "P, L and U of a packed factorisation.",
    spelled=["torch.lu_unpack"],
    outputs=("P", "L", "U"),
    expands=lambda lu, pivots, unpack_data, unpack_pivots: _unpack((lu, pivots), "unpack"),
    samples=[draw((3, 3), LU_pivots=PIVOTS)],
)


def _lu_solve(packed: Node, pivots: Node, b: Node, left: bool, adjoint: bool) -> Any:
    check_matrix("linalg.lu_solve", packed.shape, square=True, letter="LU")
    check_matrix("linalg.lu_solve", b.shape, letter="B")
    if not left:
        return transposed(_lu_solve(packed, pivots, transposed(b), True, not adjoint))
    p = _permuting(pivots, m=packed.shape[-2], dtype=packed.dtype)
    if adjoint:
        y = solve_triangular(transposed(packed), b, upper=False, left=True, unitriangular=False)
        return product(p, solve_triangular(transposed(packed), y, upper=True, left=True, unitriangular=True))
    y = solve_triangular(packed, product(transposed(p), b), upper=False, left=True, unitriangular=True)
    return solve_triangular(packed, y, upper=True, left=True, unitriangular=False)


op(
    "_linalg_lu_solve(Tensor LU, Tensor pivots, Tensor B, *, bool left=True, bool adjoint=False)",
    "The X for which A X = B, from the packed factorisation of A.",
    spelled=["linalg.lu_solve"],
    expands=_lu_solve,
    samples=[
        draw((3, 3), (3, 2), pivots=PIVOTS, left=True, adjoint=False),
        draw((3, 3), (2, 3), pivots=PIVOTS, left=False, adjoint=True),
    ],
    grad_fn="LinalgLuSolveBackward0",
)
op(
    "lu_solve(Tensor input, Tensor LU_data, Tensor LU_pivots)",
    "The X for which A X = input, from the packed factorisation of A.",
    expands=lambda b, lu, pivots: _lu_solve(lu, pivots, b, True, False),
    samples=[draw((3, 2), (3, 3), LU_pivots=PIVOTS)],
    grad_fn=("LinalgLuSolveBackward0", "LinalgLuSolveBackward0"),
)


# --- ldl


def _ldl_kernel(a: Any, hermitian: bool) -> tuple[Any, Any]:
    from scipy.linalg.lapack import get_lapack_funcs  # scipy is slow to import

    (factor,) = get_lapack_funcs(("sytrf",), (a,))
    packed, pivots = np.empty_like(a), np.empty(a.shape[:-1], np.int32)
    for at in np.ndindex(a.shape[:-2]):
        packed[at], swapped, _ = factor(np.tril(a[at]), lower=1)
        pivots[at] = swapped
    return packed, pivots


ldl_factor: Op = op(
    "_linalg_ldl_factor(Tensor input, *, bool hermitian=False)",
    "L and D packed into one matrix, and the exchanges, with input = L D L^T; torch has no derivative for it.",
    spelled=["linalg.ldl_factor"],
    outputs=("LD", "pivots"),
    kernel=_ldl_kernel,
    grad=no_derivative,
    shape=lambda inputs, params: (square("linalg.ldl_factor")(inputs, params), inputs[0].shape[:-1]),
    samples=[draw((3, 3), hermitian=False, drawn=symmetric_of)],
    dtype=lambda inputs, params: (None, (check_floats("linalg.ldl_factor", *inputs), dtypes.int32)),
    grad_fn=("NotImplemented", "NotImplemented"),
)
op(
    "_linalg_ldl_factor_ex(Tensor input, *, bool hermitian=False, bool check_errors=False)",
    "L and D packed into one matrix, the exchanges, and 0 for each matrix.",
    spelled=["linalg.ldl_factor_ex"],
    outputs=("LD", "pivots", "info"),
    expands=lambda a, hermitian, check_errors: (
        *ldl_factor(a, hermitian=hermitian),
        leaf(np.zeros(a.shape[:-2], np.int32)),
    ),
)


def _ldl_solve_kernel(packed: Any, pivots: Any, b: Any, hermitian: bool) -> Any:
    from scipy.linalg.lapack import get_lapack_funcs  # scipy is slow to import

    (solver,) = get_lapack_funcs(("sytrs",), (packed, b))
    batch = np.broadcast_shapes(packed.shape[:-2], b.shape[:-2])
    packed = np.broadcast_to(packed, (*batch, *packed.shape[-2:]))
    pivots = np.broadcast_to(pivots, (*batch, pivots.shape[-1]))
    result = np.broadcast_to(b, (*batch, *b.shape[-2:])).copy()
    for at in np.ndindex(batch if packed.size and b.size else (0,)):
        result[at] = solver(packed[at], pivots[at], result[at], lower=1)[0]
    return result


def _ldl_solve_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    packed, _, b = (i.shape for i in inputs)
    check_matrix("linalg.ldl_solve", packed, square=True)
    check_matrix("linalg.ldl_solve", b, letter="B")
    if packed[-1] != b[-2]:
        raise ShapeError(f"the sizes do not fit: {packed} and {b}")
    return (*broadcast_shapes(packed[:-2], b[:-2]), *b[-2:])


op(
    "_linalg_ldl_solve(Tensor LD, Tensor pivots, Tensor B, *, bool hermitian=False)",
    "The X for which A X = B, from the packed factorisation L D L^T of A; torch has no derivative for it.",
    spelled=["linalg.ldl_solve"],
    kernel=_ldl_solve_kernel,
    grad=[no_derivative, None, no_derivative],
    samples=[draw((2, 2), (2, 1), pivots=np.array([1, 2], np.int32), hermitian=False)],
    shape=_ldl_solve_shape,
    dtype=lambda inputs, params: (None, check_floats("linalg.ldl_solve", inputs[0], inputs[2])),
    grad_fn=("NotImplemented", "NotImplemented"),
)
