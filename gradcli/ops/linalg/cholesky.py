"""Cholesky factors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import LinalgError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.linalg.equations import solve_triangular
from gradcli.ops.linalg.matrixchecks import floats, square
from gradcli.ops.linalg.matrixparts import positive_of
from gradcli.ops.linalg.products import product
from gradcli.ops.shapes.diagonal import tril
from gradcli.ops.shapes.order import transposed


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
