"""QR: an orthogonal factor times a triangular one."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.errors import GradError, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.linalg.equations import solve_triangular
from gradcli.ops.linalg.matrixchecks import check_matrix, floats
from gradcli.ops.linalg.matrixparts import Cotangents, columns_of, total
from gradcli.ops.linalg.products import product
from gradcli.ops.shapes.diagonal import tril, triu
from gradcli.ops.shapes.join import cat
from gradcli.ops.shapes.order import transposed
from gradcli.shapes import Shape


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
