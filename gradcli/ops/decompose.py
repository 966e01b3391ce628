"""Factorisations: cholesky, qr, eigh, eig, svd. Those by elimination are in lu.py.

Their derivatives are written in graph ops (products, divisions by differences of eigenvalues, triangular solves), so
higher orders follow; where a factorisation has no derivative torch's refusal is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import GradError, LinalgError, NotImplementedError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.arithmetic import add
from gradcli.ops.diagonal import diag_embed, tril, triu
from gradcli.ops.equations import solve_, solve_triangular
from gradcli.ops.join import cat
from gradcli.ops.matrixchecks import check_matrix, floats, square
from gradcli.ops.order import transposed
from gradcli.ops.part import slice_
from gradcli.ops.products import product
from gradcli.ops.shape import unsqueeze
from gradcli.ops.spectra import general, general_values, singular, symmetric, symmetric_values
from gradcli.shapes import Shape

Cotangents = tuple[Node | None, ...]


def total(*parts: Any) -> Any:
    """The sum of those that are there."""
    result = None
    for part in parts:
        if part is not None:
            result = part if result is None else add(result, part)
    return result


def rows_of(x: Node, start: int, end: int) -> Any:
    """Some rows of matrices."""
    return slice_(x, dim=x.ndim - 2, start=start, end=end, step=1)


def columns_of(x: Node, start: int, end: int) -> Any:
    """Some columns of matrices."""
    return slice_(x, dim=x.ndim - 1, start=start, end=end, step=1)


def _eye(x: Node, n: int) -> Node:
    return leaf(np.eye(n, dtype=x.dtype.numpy))


def _skew(x: Any) -> Any:
    return x - transposed(x)


def _column(x: Node) -> Any:
    return unsqueeze(x, dim=-1)


def _row(x: Node) -> Any:
    return unsqueeze(x, dim=-2)


# What the samples make of the matrices that are drawn: symmetric ones, positive ones, some with real eigenvalues.


def symmetric_of(a: Node) -> Any:
    """The symmetric part of a matrix."""
    return (a + transposed(a)) * 0.5


def positive_of(a: Node) -> Any:
    """A symmetric matrix with positive eigenvalues."""
    return product(a, transposed(a)) + _eye(a, a.shape[-1])


def real_of(a: Node) -> Any:
    """A matrix whose eigenvalues are real and differ: it is nearly diagonal."""
    n = a.shape[-1]
    return a * 0.1 + leaf(np.diag(np.arange(1.0, n + 1) * 2).astype(a.dtype.numpy))


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
        samples=[
            draw((3, 3), upper=False, drawn=positive_of),
            draw((2, 2), upper=True, drawn=positive_of),
            draw((2, 2, 2), upper=False, drawn=positive_of),
        ],
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
    samples=[draw((3, 3), upper=False, check_errors=False, drawn=positive_of)],
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
    inner = total(
        None if gr is None else product(gr, transposed(r)), None if gq is None else -product(transposed(q), gq)
    )
    if inner is None:
        return None
    if m >= n:
        upper = triu(inner, diagonal=0)
        spread = upper + transposed(triu(inner, diagonal=1))
        both = total(product(q, spread), gq)
        return solve_triangular(transposed(r), both, upper=False, left=False, unitriangular=False)
    skew = tril(transposed(inner) - inner, diagonal=-1)
    first = solve_triangular(
        transposed(columns_of(r, 0, m)), product(q, skew), upper=False, left=False, unitriangular=False
    )
    padded = cat(first, leaf(np.zeros((*a.shape[:-1], n - m), dtype=a.dtype.numpy)), dim=-1)
    return total(padded, None if gr is None else product(q, gr))


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
        inner = total(inner, _skew(product(turned, g[1])) * 0.5 / _gaps(values))
    return None if inner is None else product(product(vectors, inner), turned)


eigh: Op = op(
    "_linalg_eigh(Tensor input, str UPLO='L')",
    "The eigenvalues of a symmetric matrix in ascending order, and its eigenvectors as columns.",
    spelled=["linalg.eigh"],
    outputs=("eigenvalues", "eigenvectors"),
    kernel=lambda a, UPLO: tuple(symmetric(a, UPLO)),
    grad=_eigh_rule,
    shape=_eigh_shape,
    dtype=floats("linalg.eigh", 2),
    grad_fn="LinalgEighBackward0",
    samples=[draw((3, 3), UPLO="L", drawn=symmetric_of), draw((2, 2, 2), UPLO="U", drawn=symmetric_of)],
)
op(
    "_linalg_eigvalsh(Tensor input, str UPLO='L')",
    "The eigenvalues of a symmetric matrix in ascending order.",
    spelled=["linalg.eigvalsh"],
    kernel=symmetric_values,
    grad=lambda g, y, a, UPLO: _eigh_rule((g, None), eigh(a, UPLO=UPLO), a, UPLO),
    shape=lambda inputs, params: _eigh_shape(inputs, params)[0],
    dtype=floats("linalg.eigh"),
    grad_fn="LinalgEighBackward0",
    samples=[draw((3, 3), UPLO="L", drawn=symmetric_of), draw((2, 2, 2), UPLO="U", drawn=symmetric_of)],
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
    values, vectors = general(a)
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
        inner = total(inner, rotation)
    return None if inner is None else solve_(turned, product(inner, turned), left=True, vector=False)


eig: Op = op(
    "_linalg_eig(Tensor input)",
    "The eigenvalues of a matrix and its eigenvectors of length 1 as columns; refused where they are complex.",
    spelled=["linalg.eig"],
    outputs=("eigenvalues", "eigenvectors"),
    kernel=_eig_kernel,
    grad=_eig_rule,
    shape=lambda inputs, params: _eigh_shape(inputs, params),
    dtype=floats("linalg.eig", 2),
    grad_fn="LinalgEigBackward0",
    samples=[draw((3, 3), drawn=real_of)],
)
op(
    "_linalg_eigvals(Tensor input)",
    "The eigenvalues of a matrix; refused where they are complex.",
    spelled=["linalg.eigvals"],
    kernel=lambda a: _real(general_values(a), a.dtype),
    grad=lambda g, y, a: _eig_rule((g, None), eig(a), a),
    shape=lambda inputs, params: _eigh_shape(inputs, params)[0],
    dtype=floats("linalg.eigvals"),
    grad_fn="LinalgEigBackward0",
    samples=[draw((3, 3), drawn=real_of)],
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
    return tuple(singular(a, full_matrices))


def _svd_rule(g: Cotangents, y: tuple[Node, ...], a: Node, full_matrices: bool) -> Any:
    """U (...) V^T of what the cotangents mean inside, and what leads out of the spaces that U and V span.

    Source: torch's svd_backward for real matrices; equal singular values have no derivative (division by 0).
    """
    gu, gs, gv = g
    u, s, v = y
    m, n = a.shape[-2:]
    k = min(m, n)
    if full_matrices:
        u, v = columns_of(u, 0, k), rows_of(v, 0, k)
        gu = None if gu is None else columns_of(gu, 0, k)
        gv = None if gv is None else rows_of(gv, 0, k)
    squares = s * s
    inner = None if gs is None else diag_embed(gs, offset=0, dim1=-2, dim2=-1)
    if gu is not None:
        inner = total(inner, _skew(product(transposed(u), gu)) / _gaps(squares) * _row(s))
    if gv is not None:
        inner = total(inner, _column(s) * (_skew(product(v, transposed(gv))) / _gaps(squares)))
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
    kernel=_svd_kernel,
    grad=_svd_rule,
    shape=_svd_shape,
    dtype=floats("linalg.svd", 3),
    grad_fn="LinalgSvdBackward0",
    samples=[
        draw((3, 3), full_matrices=True),
        draw((3, 2), full_matrices=False),
        draw((2, 3), full_matrices=False),
        draw((2, 2, 2), full_matrices=False),
    ],
)


def _svdvals_rule(g: Node, y: Node, a: Node) -> Any:
    u, _, v = svd(a, full_matrices=False)
    return product(u * _row(g), v)


svdvals: Op = op(
    "_linalg_svdvals(Tensor A, *, ignored driver=None)",
    "The singular values in descending order.",
    spelled=["linalg.svdvals"],
    kernel=lambda a: singular(a, compute_uv=False),
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
    kernel=_svd_kernel,
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
    samples=[draw((3, 2), some=True, compute_uv=True), draw((2, 2), some=True, compute_uv=False)],
)
