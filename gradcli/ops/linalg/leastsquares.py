"""The pseudoinverse and least squares, by singular values."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.engine.run import value
from gradcli.errors import ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.linalg.conditions import limits, matrix_rank
from gradcli.ops.linalg.equations import is_vector
from gradcli.ops.linalg.matrixchecks import check_floats, check_matrix, floats
from gradcli.ops.linalg.products import product
from gradcli.ops.linalg.spectra import singular, symmetric
from gradcli.ops.linalg.svd import svdvals
from gradcli.ops.reductions.reduce import sum_
from gradcli.ops.shapes.convert import detach, zeros_as
from gradcli.ops.shapes.order import transposed
from gradcli.ops.shapes.shape import squeeze_dim, unsqueeze
from gradcli.shapes import Shape


def _pinv_kernel(a: Any, atol: float | None, rtol: float | None, hermitian: bool) -> Any:
    wide = a.astype(np.float64)
    if hermitian:
        values, vectors = symmetric(wide)
        keep = np.abs(values) > limits(np.abs(values), a.shape, a.dtype, atol, rtol)
        scale = np.where(keep, 1 / np.where(keep, values, 1), 0)
        return ((vectors * scale[..., None, :]) @ np.swapaxes(vectors, -1, -2)).astype(a.dtype)
    u, s, v = singular(wide)
    keep = ~(s <= limits(s, a.shape, a.dtype, atol, rtol))  # nan stays
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
    rank = leaf(np.zeros((0,), np.int64)) if driver == "gels" else matrix_rank(a, None, rcond)
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
