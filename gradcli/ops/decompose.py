"""Factorisations: cholesky, qr, eigh, eig, svd, lu, ldl.

Their derivatives are written in graph ops (products, divisions by differences of eigenvalues, triangular solves), so
higher orders follow; where a factorisation has no derivative torch's refusal is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import GradError, LinalgError, NotImplementedError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.arithmetic import add
from gradcli.ops.diagonal import diag_embed, tril, triu
from gradcli.ops.join import cat
from gradcli.ops.linalg import check_floats, check_matrix, floats, solve_, solve_triangular, square
from gradcli.ops.order import transposed
from gradcli.ops.part import slice_
from gradcli.ops.products import product
from gradcli.ops.shape import unsqueeze
from gradcli.shapes import Shape

Cotangents = tuple[Node | None, ...]


def _total(*parts: Any) -> Any:
    """The sum of those that are there."""
    result = None
    for part in parts:
        if part is not None:
            result = part if result is None else add(result, part)
    return result


def _rows(x: Node, start: int, end: int) -> Any:
    return slice_(x, dim=x.ndim - 2, start=start, end=end, step=1)


def _columns(x: Node, start: int, end: int) -> Any:
    return slice_(x, dim=x.ndim - 1, start=start, end=end, step=1)


def _eye(x: Node, n: int) -> Node:
    return leaf(np.eye(n, dtype=x.dtype.numpy))


def _skew(x: Any) -> Any:
    return x - transposed(x)


def _column(x: Node) -> Any:
    return unsqueeze(x, dim=-1)


def _row(x: Node) -> Any:
    return unsqueeze(x, dim=-2)


def _converging(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel whose iteration does not converge where there are values that are not finite."""

    def checked(a: Any, **params: Any) -> Any:
        try:
            return kernel(a, **params)
        except np.linalg.LinAlgError:
            raise LinalgError(
                "it did not converge",
                hint="look for values that are nan or infinite: torch.isfinite(x).all()",
                torch=f"{name}: The algorithm failed to converge because the input matrix contained non-finite values.",
            ) from None

    return checked


# --- cholesky


def _cholesky_kernel(name: str) -> Callable[..., Any]:
    def kernel(a: Any, upper: bool) -> Any:
        try:
            lower = np.linalg.cholesky(np.swapaxes(a, -1, -2) if upper else a)
        except np.linalg.LinAlgError:
            raise _not_positive(name, a) from None
        return np.ascontiguousarray(np.swapaxes(lower, -1, -2)) if upper else lower

    return kernel


def _bad_minor(a: Any) -> int:
    """The order of the first leading minor that is not positive, or 0."""
    for order in range(1, len(a) + 1):
        try:
            np.linalg.cholesky(a[:order, :order])
        except np.linalg.LinAlgError:
            return order
    return 0


def _not_positive(name: str, a: Any) -> LinalgError:
    place, order = "", 0
    for number, at in enumerate(np.ndindex(a.shape[:-2])):
        order = _bad_minor(a[at])
        if order:
            place = f"(Batch element {number}): " if at else ""
            break
    return LinalgError(
        "the matrix is not positive definite",
        detail=f"its leading {order} by {order} minor is not",
        hint="it must be symmetric with positive eigenvalues; a @ a.mT + eps * eye is",
        torch=f"{name}: {place}The factorization could not be completed because the input is not positive-definite "
        f"(the leading minor of order {order} is not positive-definite).",
    )


def _cholesky_rule(g: Node, y: Node, a: Node, upper: bool) -> Any:
    """L^-T phi(L^T g) L^-1, symmetrised; phi halves the diagonal of the lower triangle."""
    lower, g = (transposed(y), transposed(g)) if upper else (y, g)
    half = tril(product(transposed(lower), g), diagonal=0)
    both = (half + transposed(tril(half, diagonal=-1))) * 0.5
    left = solve_triangular(transposed(lower), both, upper=True, left=True, unitriangular=False)
    return solve_triangular(lower, left, upper=False, left=False, unitriangular=False)


def _declare_cholesky(signature: str, name: str, spelled: list[str], grad_fn: str) -> Op:
    return op(
        signature,
        "The lower triangular L with L L^T = input (upper: U with U^T U = input).",
        spelled=spelled,
        kernel=_cholesky_kernel(name),
        grad=_cholesky_rule,
        shape=square(name),
        dtype=floats(name),
        grad_fn=grad_fn,
    )


cholesky: Op = _declare_cholesky(
    "_linalg_cholesky(Tensor input, *, bool upper=False)",
    "linalg.cholesky",
    ["linalg.cholesky"],
    "LinalgCholeskyExBackward0",
)
_declare_cholesky("cholesky(Tensor input, bool upper=False)", "cholesky", [], "CholeskyBackward0")
_minors: Op = op(
    "_cholesky_info(Tensor input)",
    "For each matrix 0, or the order of the first minor that is not positive.",
    spelled=["_"],
    kernel=lambda a: np.array([_bad_minor(a[at]) for at in np.ndindex(a.shape[:-2])], np.int32).reshape(a.shape[:-2]),
    shape=lambda inputs, params: inputs[0].shape[:-2],
    dtype=lambda inputs, params: (None, dtypes.int32),
)
op(
    "_linalg_cholesky_ex(Tensor input, *, bool upper=False, bool check_errors=False)",
    "The Cholesky factor, and for each matrix 0 or which minor is not positive.",
    spelled=["linalg.cholesky_ex"],
    outputs=("L", "info"),
    expands=lambda a, upper, check_errors: (cholesky(a, upper=upper), _minors(a)),
)


# --- qr


def _qr_kernel(a: Any, mode: str) -> tuple[Any, Any]:
    if mode == "r":
        return np.zeros(0, a.dtype), np.linalg.qr(a, "r")
    q, r = np.linalg.qr(a, mode)  # type: ignore[call-overload]
    return q, r


def _qr_shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    shape, mode = inputs[0].shape, params["mode"]
    check_matrix("linalg.qr", shape)
    if mode not in ("reduced", "complete", "r"):
        raise ShapeError(
            f"mode is {mode!r}; it can be 'reduced', 'complete' or 'r'",
            torch=f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'",
        )
    m, n = shape[-2:]
    k = m if mode == "complete" else min(m, n)
    return ((0,) if mode == "r" else (*shape[:-2], m, k)), (*shape[:-2], k, n)


def _qr_rule(g: Cotangents, y: tuple[Node, ...], a: Node, mode: str) -> Any:
    m, n = a.shape[-2:]
    if mode == "r":
        raise GradError(
            "with mode='r' there is no Q, which the derivative needs",
            hint="use mode='reduced'",
            torch="The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
            "linalg.qr(A, mode='reduced') if you are going to require its derivatives.",
        )
    if mode == "complete" and m > n:
        raise GradError(
            "with mode='complete' and more rows than columns it has no derivative",
            hint="use mode='reduced'",
            torch="The QR decomposition is not differentiable when mode='complete' and nrows > ncols",
        )
    (q, r), (gq, gr) = y, g
    inner = _total(
        None if gr is None else product(gr, transposed(r)), None if gq is None else -product(transposed(q), gq)
    )
    if inner is None:
        return None
    if m >= n:
        upper = triu(inner, diagonal=0)
        spread = upper + transposed(triu(inner, diagonal=1))
        total = _total(product(q, spread), gq)
        return solve_triangular(transposed(r), total, upper=False, left=False, unitriangular=False)
    skew = tril(transposed(inner) - inner, diagonal=-1)
    first = solve_triangular(
        transposed(_columns(r, 0, m)), product(q, skew), upper=False, left=False, unitriangular=False
    )
    padded = cat(first, leaf(np.zeros((*a.shape[:-1], n - m), dtype=a.dtype.numpy)), dim=-1)
    return _total(padded, None if gr is None else product(q, gr))


def _declare_qr(signature: str, spelled: list[str]) -> Op:
    return op(
        signature,
        "Q with orthonormal columns and upper triangular R, whose product is A.",
        spelled=spelled,
        outputs=("Q", "R"),
        kernel=_qr_kernel,
        grad=_qr_rule,
        shape=_qr_shape,
        dtype=floats("linalg.qr", 2),
        grad_fn="LinalgQrBackward0",
        samples=[draw((3, 3), mode="reduced"), draw((4, 2), mode="reduced"), draw((2, 4), mode="reduced")],
    )


qr: Op = _declare_qr("_linalg_qr(Tensor A, str mode='reduced')", ["linalg.qr"])
_named_qr: Op = _declare_qr("_qr(Tensor input, str mode)", ["_"])
op(
    "qr(Tensor input, bool some=True)",
    "Q with orthonormal columns and upper triangular R, whose product is input.",
    outputs=("Q", "R"),
    expands=lambda a, some: _named_qr(a, mode="reduced" if some else "complete"),
    samples=[draw((3, 3), some=True)],
)


# --- symmetric eigenvalues


def _symmetric(a: Any, UPLO: Any) -> Any:
    values, vectors = np.linalg.eigh(a, UPLO)
    return values, vectors


def _eigh_shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    shape = square("linalg.eigh")(inputs, params)
    if params.get("UPLO", "L").upper() not in ("L", "U"):
        raise ShapeError(
            f"UPLO is {params['UPLO']!r}; it can be 'L' or 'U'",
            torch=f"Expected UPLO argument to be 'L' or 'U', but got {params['UPLO']}",
        )
    return shape[:-1], shape


def _gaps(values: Node) -> Any:
    """The differences of eigenvalues value[j] - value[i]; 1 on the diagonal, where nothing is divided."""
    return _row(values) - _column(values) + _eye(values, values.shape[-1])


def _eigh_rule(g: Cotangents, y: tuple[Node, ...], a: Node, UPLO: str) -> Any:
    values, vectors = y
    turned = transposed(vectors)
    inner = None if g[0] is None else diag_embed(g[0], offset=0, dim1=-2, dim2=-1)
    if g[1] is not None:
        inner = _total(inner, _skew(product(turned, g[1])) * 0.5 / _gaps(values))
    return None if inner is None else product(product(vectors, inner), turned)


eigh: Op = op(
    "_linalg_eigh(Tensor input, str UPLO='L')",
    "The eigenvalues of a symmetric matrix in ascending order, and its eigenvectors as columns.",
    spelled=["linalg.eigh"],
    outputs=("eigenvalues", "eigenvectors"),
    kernel=_converging("linalg.eigh", _symmetric),
    grad=_eigh_rule,
    shape=_eigh_shape,
    dtype=floats("linalg.eigh", 2),
    grad_fn="LinalgEighBackward0",
)
op(
    "_linalg_eigvalsh(Tensor input, str UPLO='L')",
    "The eigenvalues of a symmetric matrix in ascending order.",
    spelled=["linalg.eigvalsh"],
    kernel=_converging("linalg.eigh", lambda a, UPLO: np.linalg.eigvalsh(a, UPLO)),
    grad=lambda g, y, a, UPLO: _eigh_rule((g, None), eigh(a, UPLO=UPLO), a, UPLO),
    shape=lambda inputs, params: _eigh_shape(inputs, params)[0],
    dtype=floats("linalg.eigh"),
    grad_fn="LinalgEighBackward0",
)


# --- eigenvalues of any matrix, where they are real


def _real(x: Any, dtype: Any) -> Any:
    if np.iscomplexobj(x):
        raise NotImplementedError_(
            "the matrix has complex eigenvalues, and gradcli has no complex tensors",
            hint="linalg.eigh and linalg.svd are always real",
        )
    return x.astype(dtype)


def _eig_kernel(a: Any) -> tuple[Any, Any]:
    values, vectors = np.linalg.eig(a)
    return _real(values, a.dtype), _real(vectors, a.dtype)


def _eig_rule(g: Cotangents, y: tuple[Node, ...], a: Node) -> Any:
    values, vectors = y
    turned = transposed(vectors)
    inner = None if g[0] is None else diag_embed(g[0], offset=0, dim1=-2, dim2=-1)
    if g[1] is not None:
        rotation = product(turned, g[1])
        along = rotation * _eye(values, values.shape[-1])  # the vectors keep length 1: what would change it is left out
        rotation = rotation - product(product(turned, vectors), along)
        rotation = (rotation - rotation * _eye(values, values.shape[-1])) / _gaps(values)
        inner = _total(inner, rotation)
    return None if inner is None else solve_(turned, product(inner, turned), left=True, vector=False)


eig: Op = op(
    "_linalg_eig(Tensor input)",
    "The eigenvalues of a matrix and its eigenvectors of length 1 as columns; refused where they are complex.",
    spelled=["linalg.eig"],
    outputs=("eigenvalues", "eigenvectors"),
    kernel=_converging("linalg.eig", _eig_kernel),
    grad=_eig_rule,
    shape=lambda inputs, params: _eigh_shape(inputs, params),
    dtype=floats("linalg.eig", 2),
    grad_fn="LinalgEigBackward0",
)
op(
    "_linalg_eigvals(Tensor input)",
    "The eigenvalues of a matrix; refused where they are complex.",
    spelled=["linalg.eigvals"],
    kernel=lambda a: _real(np.linalg.eigvals(a), a.dtype),
    grad=lambda g, y, a: _eig_rule((g, None), eig(a), a),
    shape=lambda inputs, params: _eigh_shape(inputs, params)[0],
    dtype=floats("linalg.eigvals"),
    grad_fn="LinalgEigBackward0",
)


# --- singular values


def _svd_shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape, Shape]:
    shape = inputs[0].shape
    check_matrix("linalg.svd", shape)
    m, n = shape[-2:]
    k = min(m, n)
    wide, tall = (n, m) if params["full_matrices"] else (k, k)
    return (*shape[:-2], m, tall), (*shape[:-2], k), (*shape[:-2], wide, n)


def _svd_kernel(a: Any, full_matrices: bool) -> tuple[Any, ...]:
    return tuple(np.linalg.svd(a, full_matrices=full_matrices))


def _svd_rule(g: Cotangents, y: tuple[Node, ...], a: Node, full_matrices: bool) -> Any:
    """U (...) V^T of what the cotangents mean inside, and what leads out of the spaces that U and V span.

    Source: torch's svd_backward for real matrices; equal singular values have no derivative (division by 0).
    """
    gu, gs, gv = g
    u, s, v = y
    m, n = a.shape[-2:]
    k = min(m, n)
    if full_matrices:
        u, v = _columns(u, 0, k), _rows(v, 0, k)
        gu = None if gu is None else _columns(gu, 0, k)
        gv = None if gv is None else _rows(gv, 0, k)
    squares = s * s
    inner = None if gs is None else diag_embed(gs, offset=0, dim1=-2, dim2=-1)
    if gu is not None:
        inner = _total(inner, _skew(product(transposed(u), gu)) / _gaps(squares) * _row(s))
    if gv is not None:
        inner = _total(inner, _column(s) * (_skew(product(v, transposed(gv))) / _gaps(squares)))
    if inner is None:
        return None
    result = product(product(u, inner), v)
    if gu is not None and m > k:
        outside = gu / _row(s)
        result = result + product(outside - product(u, product(transposed(u), outside)), v)
    if gv is not None and n > k:
        outside = gv / _column(s)
        result = result + product(u, outside - product(product(outside, transposed(v)), v))
    return result


svd: Op = op(
    "_linalg_svd(Tensor A, bool full_matrices=True, *, ignored driver=None)",
    "U, singular values S in descending order, and V^T, with A = U diag(S) V^T.",
    spelled=["linalg.svd"],
    outputs=("U", "S", "Vh"),
    kernel=_converging("linalg.svd", _svd_kernel),
    grad=_svd_rule,
    shape=_svd_shape,
    dtype=floats("linalg.svd", 3),
    grad_fn="LinalgSvdBackward0",
)


def _svdvals_rule(g: Node, y: Node, a: Node) -> Any:
    u, _, v = svd(a, full_matrices=False)
    return product(u * _row(g), v)


svdvals: Op = op(
    "_linalg_svdvals(Tensor A, *, ignored driver=None)",
    "The singular values in descending order.",
    spelled=["linalg.svdvals"],
    kernel=_converging("linalg.svd", lambda a: np.linalg.svd(a, compute_uv=False)),
    grad=_svdvals_rule,
    shape=lambda inputs, params: _svd_shape(inputs, {"full_matrices": False})[1],
    dtype=floats("linalg.svd"),
    grad_fn="LinalgSvdBackward0",
    samples=[draw((2, 3)), draw((3, 2)), draw((2, 2, 2))],
)
_old_svd: Op = op(
    "_svd(Tensor input, bool full_matrices)",
    "U, S and V^T.",
    spelled=["_"],
    outputs=("U", "S", "Vh"),
    kernel=_converging("linalg.svd", _svd_kernel),
    grad=_svd_rule,
    shape=_svd_shape,
    dtype=floats("linalg.svd", 3),
    grad_fn=("SvdBackward", "LinalgSvdBackward0"),
)


def _svd(a: Node, some: bool, compute_uv: bool) -> Any:
    u, s, v = _old_svd(a, full_matrices=not some)
    if not compute_uv:
        m, n = a.shape[-2:]
        kind = a.dtype.numpy
        return leaf(np.zeros((*a.shape[:-2], m, m), kind)), s, leaf(np.zeros((*a.shape[:-2], n, n), kind))
    return u, s, transposed(v)


op(
    "svd(Tensor input, bool some=True, bool compute_uv=True)",
    "U, singular values S in descending order, and V, with input = U diag(S) V^T.",
    outputs=("U", "S", "V"),
    expands=_svd,
)


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
    below = tril(_columns(packed, 0, k) if n > k else packed, diagonal=-1)
    return below + leaf(np.eye(m, k, dtype=packed.dtype.numpy))


def upper_part(packed: Node) -> Any:
    """U of a packed factorisation: the diagonal and what lies above."""
    m, n = packed.shape[-2:]
    k = min(m, n)
    return triu(_rows(packed, 0, k) if m > k else packed, diagonal=0)


def _lu_rule(g: Node | None, p: Node, lower: Node, upper: Node, gl: Any, gu: Any) -> Any:
    """The cotangent of A = P L U from those of L and U, for square, wide and tall matrices."""
    m, n = lower.shape[-2], upper.shape[-1]
    k = min(m, n)
    l1, u1 = _rows(lower, 0, k), _columns(upper, 0, k)
    inside = _total(
        None if gl is None else tril(product(transposed(l1), _rows(gl, 0, k)), diagonal=-1),
        None if gu is None else triu(product(_columns(gu, 0, k), transposed(u1)), diagonal=0),
    )
    if n > k and gu is not None:
        rest = product(_columns(gu, k, n), transposed(_columns(upper, k, n)))
        inside = inside - tril(rest, diagonal=-1)
    if m > k and gl is not None:
        rest = product(transposed(_rows(lower, k, m)), _rows(gl, k, m))
        inside = inside - triu(rest, diagonal=0)
    corner = solve_triangular(transposed(l1), inside, upper=True, left=True, unitriangular=True)
    corner = solve_triangular(transposed(u1), corner, upper=False, left=False, unitriangular=False)
    if n > k and gu is not None:
        corner = cat(
            corner,
            solve_triangular(transposed(l1), _columns(gu, k, n), upper=True, left=True, unitriangular=True),
            dim=-1,
        )
    elif n > k:
        corner = cat(corner, leaf(np.zeros((*corner.shape[:-1], n - k), corner.dtype.numpy)), dim=-1)
    if m > k:
        below = (
            leaf(np.zeros((*corner.shape[:-2], m - k, n), corner.dtype.numpy))
            if gl is None
            else solve_triangular(transposed(u1), _rows(gl, k, m), upper=False, left=False, unitriangular=False)
        )
        corner = cat(corner, below, dim=-2)
    return product(p, corner)


def _lu_factor_rule(g: Cotangents, y: tuple[Node, ...], a: Node, pivot: bool) -> Any:
    if g[0] is None:
        return None
    m, n = a.shape[-2:]
    k = min(m, n)
    p = _permuting(y[1], m=m, dtype=a.dtype)
    gl = tril(_columns(g[0], 0, k), diagonal=-1)
    return _lu_rule(None, p, lower_part(y[0]), upper_part(y[0]), gl, triu(_rows(g[0], 0, k), diagonal=0))


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
    expands=lambda a, pivot, check_errors: _with_info(a, pivot),
)
op(
    "lu(Tensor input, bool pivot=True, bool get_infos=False)",
    "L and U packed into one matrix, and the exchanges of rows.",
    expands=lambda a, pivot, get_infos: _with_info(a, pivot)[: 3 if get_infos else 2],
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
        return _total(
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
    grad_fn="LinalgLuSolveBackward0",
)
op(
    "lu_solve(Tensor input, Tensor LU_data, Tensor LU_pivots)",
    "The X for which A X = input, from the packed factorisation of A.",
    expands=lambda b, lu, pivots: _lu_solve(lu, pivots, b, True, False),
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


def _no_derivative(g: Any, y: Any, *inputs: Node, **params: Any) -> Any:
    raise GradError(
        "it has no derivative, in torch as here",
        torch="derivative for aten::linalg_ldl_factor_ex is not implemented",
    )


ldl_factor: Op = op(
    "_linalg_ldl_factor(Tensor input, *, bool hermitian=False)",
    "L and D packed into one matrix, and the exchanges, with input = L D L^T; torch has no derivative for it.",
    spelled=["linalg.ldl_factor"],
    outputs=("LD", "pivots"),
    kernel=_ldl_kernel,
    grad=_no_derivative,
    shape=lambda inputs, params: (square("linalg.ldl_factor")(inputs, params), inputs[0].shape[:-1]),
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
    for at in np.ndindex(batch):
        result[at] = solver(packed[at], pivots[at], result[at], lower=1)[0]
    return result


def _ldl_solve_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    packed, _, b = (i.shape for i in inputs)
    check_matrix("linalg.ldl_solve", packed, square=True)
    check_matrix("linalg.ldl_solve", b, letter="B")
    if packed[-1] != b[-2]:
        raise ShapeError(f"the sizes do not fit: {packed} and {b}")
    return tuple(b)


op(
    "_linalg_ldl_solve(Tensor LD, Tensor pivots, Tensor B, *, bool hermitian=False)",
    "The X for which A X = B, from the packed factorisation L D L^T of A; torch has no derivative for it.",
    spelled=["linalg.ldl_solve"],
    kernel=_ldl_solve_kernel,
    grad=[_no_derivative, None, _no_derivative],
    shape=_ldl_solve_shape,
    dtype=lambda inputs, params: (None, check_floats("linalg.ldl_solve", inputs[0], inputs[2])),
    grad_fn=("NotImplemented", "NotImplemented"),
)
