"""Ranks and condition numbers of matrices."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, fixed, op
from gradcli.ops.elementwise.compare import eq, where
from gradcli.ops.linalg.inverses import inverse_or_inf
from gradcli.ops.linalg.matrixchecks import check_floats, check_matrix
from gradcli.ops.linalg.norms import MATRIX_ORDERS, matrix_norm
from gradcli.ops.linalg.spectra import singular, symmetric_values
from gradcli.ops.linalg.svd import svdvals
from gradcli.ops.shapes.part import select
from gradcli.shapes import Shape


def limits(size: Any, shape: Shape, dtype: Any, atol: Any, rtol: Any) -> Any:
    """From which size on singular values count: torch's default is the largest times eps times the longer side."""
    if rtol is None:
        rtol = 0.0 if atol is not None and np.any(atol) else max(shape[-2:]) * np.finfo(dtype).eps
    largest = np.max(size, axis=-1, keepdims=True, initial=0.0)
    return np.maximum(0.0 if atol is None else atol, rtol * largest)


def _rank_kernel(a: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
    size = np.abs(symmetric_values(a)) if hermitian else singular(a, compute_uv=False)
    return np.sum(size > limits(size, a.shape, a.dtype, atol, rtol), axis=-1).astype(np.int64)


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


def matrix_rank(a: Node, atol: Any, rtol: Any, hermitian: bool = False) -> Any:
    """How many singular values of each matrix count."""
    return _matrix_rank(a, atol=atol, rtol=rtol, hermitian=hermitian)


op(
    "_linalg_matrix_rank(Tensor input, float? tol=None, bool hermitian=False, *, float? atol=None, float? rtol=None)",
    "How many singular values are above the tolerance.",
    spelled=["linalg.matrix_rank"],
    samples=[draw((2, 3), tol=None, hermitian=False, atol=None, rtol=None)],
    expands=lambda a, tol, hermitian, atol, rtol: (
        matrix_rank(a, tol, 0.0, hermitian) if tol is not None else matrix_rank(a, atol, rtol, hermitian)
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
