"""Singular values and vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.linalg.eigen import gaps
from gradcli.ops.linalg.matrixchecks import check_matrix, floats
from gradcli.ops.linalg.matrixparts import Cotangents, column, columns_of, row, rows_of, skew, total
from gradcli.ops.linalg.products import product
from gradcli.ops.linalg.spectra import singular
from gradcli.ops.shapes.diagonal import diag_embed
from gradcli.ops.shapes.order import transposed
from gradcli.shapes import Shape


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
        inner = total(inner, skew(product(transposed(u), gu)) / gaps(squares) * row(s))
    if gv is not None:
        inner = total(inner, column(s) * (skew(product(v, transposed(gv))) / gaps(squares)))
    if inner is None:
        return None
    result = product(product(u, inner), v)
    if gu is not None and m > k:
        outside = gu / row(s)
        result = result + product(outside - product(u, product(transposed(u), outside)), v)
    if gv is not None and n > k:
        outside = gv / column(s)
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
    return product(u * row(g), v)


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
