"""Powers and the exponential of square matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, leaf, op
from gradcli.ops.dtyperules import refusing
from gradcli.ops.linalg.inverses import inv
from gradcli.ops.linalg.matrixchecks import check_matrix, square
from gradcli.ops.linalg.products import matmul
from gradcli.ops.reductions.reduce import half_in_single
from gradcli.ops.shapes.convert import clone
from gradcli.ops.shapes.join import cat
from gradcli.ops.shapes.order import transposed
from gradcli.ops.shapes.part import slice_

_identity: Op = op(
    "_identity_power(Tensor input)",
    "The identity matrix: the zeroth power.",
    spelled=["_"],
    kernel=lambda a: np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape).copy(),
    grad=lambda g, y, a: g * 0,
    dtype=lambda inputs, params: (None, inputs[0].dtype),
    grad_fn=("CopyBackwards", "CopyBackwards"),
    samples=[draw((2, 2))],
)


def matrix_power(a: Node, n: int) -> Any:
    """The node of a matrix to an integer power, by squaring; negative powers are those of the inverse."""
    check_matrix("linalg.matrix_power", a.shape, square=True)
    if n == 0:
        return _identity(a)
    if n == 1:
        return clone(a)
    if n < 0:
        a, n = inv(a), -n
    if n == 3:
        return matmul(matmul(a, a), a)
    power, result = a, None
    while True:
        if n & 1:
            result = power if result is None else matmul(result, power)
        n >>= 1
        if not n:
            return result
        power = matmul(power, power)


for _signature, _spelled in (
    ("matrix_power(Tensor input, int n)", []),
    ("_linalg_matrix_power(Tensor input, int n)", ["linalg.matrix_power"]),
):
    op(
        _signature,
        "The product of n times the matrix; for negative n of its inverse.",
        spelled=_spelled,
        expands=matrix_power,
        samples=[draw((3, 3), n=n) for n in (0, 1, 2, 3, 5, -1, -2)],
    )


@half_in_single
def _exponential(a: Any) -> Any:
    if 0 in a.shape:
        return a.copy()
    from scipy.linalg import expm  # scipy is slow to import

    return np.asarray(expm(a)).astype(a.dtype)


def _exponential_rule(g: Node, y: Node, a: Node) -> Any:
    """The corner of the exponential of [[A^T, g], [0, A^T]]."""
    n, turned = a.shape[-1], transposed(a)
    nothing = leaf(np.zeros(a.shape, a.dtype.numpy))
    block = cat(cat(turned, g, dim=-1), cat(nothing, turned, dim=-1), dim=-2)
    rows = slice_(matrix_exp(block), dim=a.ndim - 2, start=0, end=n, step=1)
    return slice_(rows, dim=a.ndim - 1, start=n, end=2 * n, step=1)


matrix_exp: Op = op(
    "matrix_exp(Tensor input)",
    "The sum of all powers of the matrix, each divided by its factorial.",
    spelled=["matrix_exp", "linalg.matrix_exp"],
    kernel=_exponential,
    grad=_exponential_rule,
    shape=square("linalg.matrix_exp"),
    dtype=refusing(kept, "linalg.matrix_exp", dtypes.BOOL, dtypes.INTEGER),
    grad_fn="LinalgMatrixExpBackward0",
    samples=[draw((3, 3)), draw((2, 2, 2)), draw((1, 1))],
)
