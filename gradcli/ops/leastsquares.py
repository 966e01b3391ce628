"""What builds on singular values and inverses: pinv, lstsq, rank, cond; reflections; Vandermonde matrices."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.engine.run import value
from gradcli.errors import ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, fixed, kept, leaf, op
from gradcli.ops.compare import eq, where
from gradcli.ops.convert import detach, to_dtype, zeros_as
from gradcli.ops.decompose import svdvals
from gradcli.ops.dtyperules import not_taken
from gradcli.ops.equations import is_vector
from gradcli.ops.inverses import inverse_or_inf
from gradcli.ops.join import cat
from gradcli.ops.matrixchecks import check_floats, check_matrix, floats, no_derivative
from gradcli.ops.norms import MATRIX_ORDERS, matrix_norm
from gradcli.ops.order import flip, transposed
from gradcli.ops.part import select, slice_
from gradcli.ops.products import product
from gradcli.ops.reduce import sum_
from gradcli.ops.scan import cumprod_
from gradcli.ops.shape import expand, reshape, squeeze_dim, unsqueeze
from gradcli.ops.spectra import singular, symmetric, symmetric_values
from gradcli.shapes import Shape

# --- the pseudoinverse


def _limits(size: Any, shape: Shape, dtype: Any, atol: Any, rtol: Any) -> Any:
    """From which size on singular values count: torch's default is the largest times eps times the longer side."""
    if rtol is None:
        rtol = 0.0 if atol is not None and np.any(atol) else max(shape[-2:]) * np.finfo(dtype).eps
    largest = np.max(size, axis=-1, keepdims=True, initial=0.0)
    return np.maximum(0.0 if atol is None else atol, rtol * largest)


def _pinv_kernel(a: Any, atol: float | None, rtol: float | None, hermitian: bool) -> Any:
    wide = a.astype(np.float64)
    if hermitian:
        values, vectors = symmetric(wide)
        keep = np.abs(values) > _limits(np.abs(values), a.shape, a.dtype, atol, rtol)
        scale = np.where(keep, 1 / np.where(keep, values, 1), 0)
        return ((vectors * scale[..., None, :]) @ np.swapaxes(vectors, -1, -2)).astype(a.dtype)
    u, s, v = singular(wide)
    keep = ~(s <= _limits(s, a.shape, a.dtype, atol, rtol))  # nan stays
    scale = np.where(keep, 1 / np.where(keep, s, 1), 0)
    return (np.swapaxes(v, -1, -2) @ (scale[..., None] * np.swapaxes(u, -1, -2))).astype(a.dtype)


def _pinv_rule(g: Node, y: Node, a: Node, atol: Any, rtol: Any, hermitian: bool) -> Any:
    """Source: Golub and Pereyra 1973, in the order that torch's pinv_backward multiplies for wide and tall matrices."""
    turned, back = transposed(y), transposed(g)
    if a.shape[-2] <= a.shape[-1]:
        k = product(back, y)
        kp = product(k, turned)
        return (
            kp
            - transposed(product(y, k))
            - product(product(a, y), kp)
            + product(product(turned, y), back - product(k, a))
        )
    k = product(y, back)
    pk = product(turned, k)
    return (
        product(product(back - product(a, k), y), turned) - transposed(product(k, y)) + pk - product(product(pk, y), a)
    )


def _turned_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    shape = inputs[0].shape
    check_matrix("linalg.pinv", shape, square=params["hermitian"])
    return (*shape[:-2], shape[-1], shape[-2])


pinv_: Op = op(
    "_pinv(Tensor input, float? atol, float? rtol, bool hermitian)",
    "The pseudoinverse: the inverse on the space where the singular values count.",
    spelled=["_"],
    kernel=_pinv_kernel,
    grad=_pinv_rule,
    shape=_turned_shape,
    dtype=floats("linalg.pinv"),
    grad_fn=("LinalgPinvBackward0", "LinalgPinvBackward0"),
    samples=[
        draw((3, 3), atol=None, rtol=None, hermitian=False),
        draw((2, 3), atol=None, rtol=None, hermitian=False),
        draw((3, 2), atol=None, rtol=None, hermitian=False),
    ],
)


def pinv(a: Node, rcond: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
    """The node of linalg.pinv; rcond is the old name of rtol."""
    return pinv_(a, atol=atol, rtol=rtol if rtol is not None else rcond, hermitian=hermitian)


op(
    "_linalg_pinv(Tensor input, float? rcond=None, bool hermitian=False, *, float? atol=None, float? rtol=None)",
    "The pseudoinverse: the inverse on the space where the singular values count.",
    spelled=["linalg.pinv"],
    expands=lambda a, rcond, hermitian, atol, rtol: pinv(a, rcond, atol, rtol, hermitian),
    samples=[draw((2, 3), rcond=None, hermitian=False, atol=None, rtol=None)],
)
op(
    "pinverse(Tensor input, float rcond=1e-15)",
    "The pseudoinverse: the inverse on the space where the singular values count.",
    expands=lambda a, rcond: pinv(a, rcond, None, None, False),
    grad_fn=("MmBackward", "LinalgPinvBackward0"),
    samples=[draw((2, 3), rcond=1e-15), draw((3, 2), rcond=1e-15)],
)


# --- least squares


def _lstsq_kernel(a: Any, b: Any, rcond: float | None) -> Any:
    return (_pinv_kernel(a.astype(np.float64), None, rcond, False) @ b.astype(np.float64)).astype(a.dtype)


def _lstsq_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    a, b = inputs[0].shape, inputs[1].shape
    check_matrix("torch.linalg.lstsq", a)
    check_matrix("torch.linalg.lstsq", b, letter="B")
    if a[-2] != b[-2]:
        raise ShapeError(
            f"A has {a[-2]} rows and B has {b[-2]}: {a} and {b}",
            torch="torch.linalg.lstsq: input.size(-2) should match other.size(-2)",
        )
    return (*np.broadcast_shapes(a[:-2], b[:-2]), a[-1], b[-1])


def _matrix_cotangent(g: Node, y: Node, a: Node, b: Node, rcond: Any) -> Any:
    return _pinv_rule(product(g, transposed(b)), pinv_(a, atol=None, rtol=rcond, hermitian=False), a, None, None, False)


_solution: Op = op(
    "_lstsq(Tensor A, Tensor B, float? rcond)",
    "The X of least norm for which the norm of A X - B is least.",
    spelled=["_"],
    kernel=_lstsq_kernel,
    grad=[
        _matrix_cotangent,
        lambda g, y, a, b, rcond: product(transposed(pinv_(a, atol=None, rtol=rcond, hermitian=False)), g),
    ],
    shape=_lstsq_shape,
    dtype=floats("torch.linalg.lstsq"),
    grad_fn="LinalgLstsqBackward0",
    samples=[draw((4, 2), (4, 3), rcond=None), draw((2, 4), (2, 1), rcond=None)],
)
DRIVERS = ("gels", "gelsy", "gelsd", "gelss")
_vector_solution: Op = op(
    "_lstsq_vector(Tensor A, Tensor B, float? rcond)",
    "The x of least norm for which the norm of A x - b is least.",
    spelled=["_"],
    expands=lambda a, b, rcond: squeeze_dim(_solution(a, unsqueeze(b, dim=-1), rcond=rcond), dim=-1),
    grad_fn=("LinalgLstsqBackward0", "LinalgLstsqBackward0"),
)
_residual: Op = op(
    "_lstsq_residuals(Tensor A, Tensor B, Tensor solution)",
    "The squared norms of the columns of A X - B.",
    spelled=["_"],
    expands=lambda a, b, x: _squares(product(a, x) - b),
    grad_fn=("LinalgLstsqBackward0", "LinalgLstsqBackward0"),
)


_no_residuals: Op = op(
    "_lstsq_no_residuals(Tensor A, Tensor B)",
    "Nothing: residuals that were not asked for.",
    spelled=["_"],
    kernel=lambda a, b: np.zeros(0, a.dtype),
    grad=[lambda g, y, a, b: zeros_as(a), lambda g, y, a, b: zeros_as(b)],
    shape=lambda inputs, params: (0,),
    dtype=floats("torch.linalg.lstsq"),
    grad_fn=("LinalgLstsqBackward0", "LinalgLstsqBackward0"),
)


def _squares(x: Node) -> Any:
    return sum_(x * x, dim=-2, keepdim=False)


def _lstsq(a: Node, b: Node, rcond: float | None, driver: str | None) -> Any:
    if driver is not None and driver not in DRIVERS:
        raise ShapeError(
            f"driver is {driver!r}; it can be {', '.join(map(repr, DRIVERS))}",
            torch="torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)",
        )
    dtype = check_floats("torch.linalg.lstsq", a, b)
    if a.ndim < b.ndim or a.ndim - b.ndim > 1:
        raise ShapeError(
            f"A and B have shapes {a.shape} and {b.shape}",
            hint="B has as many dimensions as A, or one less",
            torch="torch.linalg.lstsq: input.dim() must be greater or equal to other.dim() and "
            "(input.dim() - other.dim()) <= 1",
        )
    vector = is_vector(a.shape, b.shape)
    solution = (_vector_solution if vector else _solution)(a, b, rcond=rcond)
    m, n = a.shape[-2:]
    nothing = leaf(np.zeros((0,), dtype.numpy))
    rank = leaf(np.zeros((0,), np.int64)) if driver == "gels" else _rank(a, None, rcond)
    values = detach(svdvals(a)) if driver in ("gelsd", "gelss") else nothing
    if m > n and driver not in (None, "gelsy") and (driver == "gels" or _full(rank, n)):
        columns = (unsqueeze(b, dim=-1), unsqueeze(solution, dim=-1)) if vector else (b, solution)
        return solution, _residual(a, *columns), rank, values
    return solution, _no_residuals(a, b), rank, values


def _full(rank: Node, n: int) -> bool:
    return bool(np.all(value(rank) == n))


op(
    "_linalg_lstsq(Tensor input, Tensor b, float? rcond=None, *, str? driver=None)",
    "The X for which the norm of A X - B is least; the residuals, the rank and the singular values of A.",
    spelled=["linalg.lstsq"],
    outputs=("solution", "residuals", "rank", "singular_values"),
    expands=_lstsq,
    samples=[
        draw((4, 2), (4, 3), rcond=None, driver=None),
        draw((4, 2), (4, 3), rcond=None, driver="gels"),
        draw((2, 3), 2, rcond=None, driver=None),
    ],
)


# --- rank and condition


def _rank_kernel(a: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
    size = np.abs(symmetric_values(a)) if hermitian else singular(a, compute_uv=False)
    return np.sum(size > _limits(size, a.shape, a.dtype, atol, rtol), axis=-1).astype(np.int64)


def _rank_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    check_matrix("linalg.matrix_rank", inputs[0].shape, square=params["hermitian"])
    check_floats("linalg.matrix_rank", inputs[0])
    return tuple(inputs[0].shape[:-2])


_matrix_rank: Op = op(
    "_matrix_rank(Tensor input, float? atol, float? rtol, bool hermitian)",
    "How many singular values are above the tolerance.",
    spelled=["_"],
    kernel=_rank_kernel,
    shape=_rank_shape,
    dtype=fixed(dtypes.int64),
)


def _rank(a: Node, atol: Any, rtol: Any, hermitian: bool = False) -> Any:
    return _matrix_rank(a, atol=atol, rtol=rtol, hermitian=hermitian)


op(
    "_linalg_matrix_rank(Tensor input, float? tol=None, bool hermitian=False, *, float? atol=None, float? rtol=None)",
    "How many singular values are above the tolerance.",
    spelled=["linalg.matrix_rank"],
    samples=[draw((2, 3), tol=None, hermitian=False, atol=None, rtol=None)],
    expands=lambda a, tol, hermitian, atol, rtol: (
        _rank(a, tol, 0.0, hermitian) if tol is not None else _rank(a, atol, rtol, hermitian)
    ),
)
_spectral: Op = op(
    "_cond_spectral(Tensor input, Scalar p)",
    "The largest singular value over the smallest, or the other way round.",
    spelled=["_"],
    expands=lambda a, p: _ratio(svdvals(a), p),
    grad_fn=("SqueezeBackward1", "SqueezeBackward1"),
)


def _ratio(values: Node, p: int) -> Any:
    largest, smallest = select(values, dim=-1, index=0), select(values, dim=-1, index=values.shape[-1] - 1)
    return largest / smallest if p == 2 else smallest / largest


_by_norms: Op = op(
    "_cond_norms(Tensor input, any p)",
    "The norm of input times the norm of its inverse.",
    spelled=["_"],
    expands=lambda a, p: _norm_product(a, p),
    grad_fn=("NanToNumBackward0", "NanToNumBackward0"),
)


def _norm_product(a: Node, p: Any) -> Any:
    """inf where there is no inverse."""
    inverse = matrix_norm(inverse_or_inf(a), p, (-2, -1), False, None)
    return where(eq(inverse, inf), inf, matrix_norm(a, p, (-2, -1), False, None) * inverse)


def _cond(a: Node, p: Any) -> Any:
    check_matrix("linalg.cond", a.shape)
    check_floats("linalg.cond", a)
    if p is None or p == 2 or p == -2:
        return _spectral(a, p=2 if p is None else p)
    if p not in MATRIX_ORDERS:
        raise ShapeError(
            f"there is no condition number of order {p!r}", torch=f"linalg.cond got an invalid norm type: {p}"
        )
    check_matrix("linalg.cond", a.shape, square=True)
    if p == "nuc":
        return _norm_product(a, p)
    return _by_norms(a, p=p)


op(
    "_linalg_cond(Tensor input, any p=None)",
    "The condition number: the norm of the matrix times the norm of its inverse.",
    spelled=["linalg.cond"],
    expands=_cond,
    samples=[draw((3, 3), p=None), draw((3, 3), p=-2), draw((3, 3), p=1), draw((3, 3), p="fro")],
)


# --- reflections


def _reflector(reflectors: Node, at: int) -> Any:
    """The vector of a reflection: 1 at its place, zeros before, and what is stored below."""
    m, kind = reflectors.shape[-2], reflectors.dtype.numpy
    below = leaf((np.arange(m) > at).astype(kind)[:, None])
    column = slice_(reflectors, dim=reflectors.ndim - 1, start=at, end=at + 1, step=1)
    return column * below + leaf(np.eye(m, 1, k=-at, dtype=kind))


_unit_columns: Op = op(
    "_unit_columns(Tensor input)",
    "The identity in the shape of input, through which nothing flows.",
    spelled=["_"],
    kernel=lambda x: np.broadcast_to(np.eye(*x.shape[-2:], dtype=x.dtype), x.shape),
    grad=[None],
    dtype=kept,
)


def _householder(reflectors: Node, tau: Node) -> Any:
    """The first columns of the product of the reflections I - tau v v^T; v has 1 at its place and zeros before."""
    check_matrix("linalg.householder_product", reflectors.shape)
    check_floats("linalg.householder_product", reflectors, tau)
    m, n = reflectors.shape[-2:]
    if m < n or tau.shape[-1:] > (n,):
        raise ShapeError(
            f"the shapes do not fit: {reflectors.shape} and {tau.shape}",
            torch="linalg.householder_product: input.shape[-2] must be greater than or equal to input.shape[-1]"
            if m < n
            else "linalg.householder_product: input.shape[-1] must be greater than or equal to tau.shape[-1]",
        )
    result: Any = _unit_columns(reflectors)
    for at in range(tau.shape[-1] - 1, -1, -1):
        v = _reflector(reflectors, at)
        scale = unsqueeze(slice_(tau, dim=tau.ndim - 1, start=at, end=at + 1, step=1), dim=-1)
        result = result - scale * product(v, product(transposed(v), result))
    return result


for _signature, _spelled in (
    ("_linalg_householder_product(Tensor input, Tensor tau)", ["linalg.householder_product"]),
    ("orgqr(Tensor input, Tensor input2)", []),
):
    op(
        _signature,
        "The first columns of a product of reflections, as qr leaves them.",
        spelled=_spelled,
        expands=_householder,
        grad_fn=("LinalgHouseholderProductBackward0", "LinalgHouseholderProductBackward0"),
        samples=[draw((3, 2), 2), draw((2, 3, 3), (2, 3))],
    )


def _raw_qr(a: Any) -> tuple[Any, Any]:
    packed, tau = np.linalg.qr(a, "raw")
    return np.swapaxes(packed, -1, -2), tau


def _raw_shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    shape = inputs[0].shape
    check_matrix("geqrf", shape)
    return shape, (*shape[:-2], min(shape[-2:]))


op(
    "geqrf(Tensor input)",
    "R of input = Q R with the reflections that make Q below it, and their factors; torch has no derivative for it.",
    outputs=("a", "tau"),
    kernel=_raw_qr,
    grad=no_derivative,
    shape=_raw_shape,
    dtype=floats("geqrf", 2),
    grad_fn="GeqrfBackward0",
    samples=[draw((3, 2))],
)


def _ormqr(reflectors: Node, tau: Node, other: Node, left: bool, transpose: bool) -> Any:
    """Q other (other Q, if not left), one reflection after the other."""
    check_floats("ormqr", reflectors, tau, other)
    m = reflectors.shape[-2]
    if other.ndim < 2 or other.shape[-2 if left else -1] != m:
        raise ShapeError(
            f"the shapes do not fit: Q is {m} by {m}, the other matrix has shape {other.shape}",
            torch=f"torch.ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2]",
        )
    result = other
    places = range(tau.shape[-1])
    for at in places if left == transpose else reversed(places):
        v = _reflector(reflectors, at)
        scale = unsqueeze(slice_(tau, dim=tau.ndim - 1, start=at, end=at + 1, step=1), dim=-1)
        if left:
            result = result - scale * product(v, product(transposed(v), result))
        else:
            result = result - scale * product(product(result, v), transposed(v))
    return result


op(
    "ormqr(Tensor input, Tensor input2, Tensor input3, bool left=True, bool transpose=False)",
    "The product of Q, given by reflections as geqrf leaves them, and a matrix.",
    expands=_ormqr,
    grad_fn="OrmqrBackward0",
    samples=[
        draw((3, 2), 2, (3, 4), left=True, transpose=False),
        draw((3, 2), 2, (2, 3), left=False, transpose=True),
    ],
)


# --- Vandermonde


def _powers(x: Node, count: int) -> Any:
    x = x if x.dtype.floating else to_dtype(x, dtypes.int64)
    column = unsqueeze(x, dim=-1)
    ones = leaf(np.ones(column.shape, x.dtype.numpy))
    repeated = expand(column, size=(*x.shape, count - 1))
    return cat(ones, cumprod_(repeated, dim=x.ndim, reverse=False), dim=x.ndim)


_vander_grid: Op = op(
    "_vander_grid(Tensor x, int N)",
    "The powers 0 to N - 1 of each element, as a new last dimension.",
    spelled=["_"],
    expands=lambda x, N: _powers(x, N),
    grad_fn=("CatBackward0", "CatBackward0"),
)


def _vander(x: Node, N: int | None) -> Any:
    if x.dtype is dtypes.float16 or x.dtype is dtypes.bool_:
        raise not_taken(x.dtype, "linalg.vander")
    count = N if N is not None else x.shape[-1] if x.ndim else 0
    if count <= 1:
        raise ShapeError(
            f"N is {count} for a tensor of shape {x.shape}; it must be above 1",
            torch="N must be greater than 1." if x.ndim else "linalg.vander: x must have at least one dimension",
        )
    return _vander_grid(x if x.ndim else reshape(x, shape=(1,)), N=count)


op(
    "_linalg_vander(Tensor x, *, int? N=None)",
    "The powers 0 to N - 1 of each element, as a new last dimension.",
    spelled=["linalg.vander"],
    expands=_vander,
    samples=[draw(3, N=None), draw((2, 3), N=4)],
)
_written: Op = op(
    "_vander_written(Tensor x, int N)",
    "The powers 0 to N - 1 of each element, as a new last dimension.",
    spelled=["_"],
    expands=lambda x, N: _powers(x, N),
    grad_fn=("CopySlices", "CopySlices"),
)


def _old_vander(x: Node, N: int | None, increasing: bool) -> Any:
    if x.ndim != 1:
        raise ShapeError(
            f"it takes a vector, not a tensor of shape {x.shape}", torch="x must be a one-dimensional tensor."
        )
    count = x.shape[0] if N is None else N
    if count < 0:
        raise ShapeError(f"N is negative: {count}", torch="N must be non-negative.")
    if count < 2:
        kind = x.dtype.numpy if x.dtype.floating else np.int64
        return leaf(np.ones((x.shape[0], count), kind))
    powers = _written(x, N=count)
    return powers if increasing else flip(powers, dims=(1,))


op(
    "vander(Tensor x, int? N=None, bool increasing=False)",
    "The powers of each element, from the highest down or, increasing, from 0 up.",
    spelled=["torch.vander"],
    expands=_old_vander,
    samples=[draw(3, N=None, increasing=False), draw(3, N=4, increasing=True)],
)
