"""Eigenvalues and eigenvectors: of symmetric matrices, and of others where they are real."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.errors import NotImplementedError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.linalg.equations import solve_
from gradcli.ops.linalg.matrixchecks import floats, square
from gradcli.ops.linalg.matrixparts import Cotangents, column, eye, real_of, row, skew, symmetric_of, total
from gradcli.ops.linalg.products import product
from gradcli.ops.linalg.spectra import general, general_values, symmetric, symmetric_values
from gradcli.ops.shapes.diagonal import diag_embed
from gradcli.ops.shapes.order import transposed
from gradcli.shapes import Shape


def _eigh_shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    shape = square("linalg.eigh")(inputs, params)
    if params.get("UPLO", "L").upper() not in ("L", "U"):
        raise ShapeError(
            f"UPLO is {params['UPLO']!r}; it can be 'L' or 'U'",
            torch=f"Expected UPLO argument to be 'L' or 'U', but got {params['UPLO']}",
        )
    return shape[:-1], shape


def gaps(values: Node) -> Any:
    """The differences of eigenvalues value[j] - value[i]; 1 on the diagonal, where nothing is divided."""
    return row(values) - column(values) + eye(values, values.shape[-1])


def _eigh_rule(g: Cotangents, y: tuple[Node, ...], a: Node, UPLO: str) -> Any:
    values, vectors = y
    turned = transposed(vectors)
    inner = None if g[0] is None else diag_embed(g[0], offset=0, dim1=-2, dim2=-1)
    if g[1] is not None:
        inner = total(inner, skew(product(turned, g[1])) * 0.5 / gaps(values))
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
        along = rotation * eye(values, values.shape[-1])  # the vectors keep length 1: what would change it is left out
        rotation = rotation - product(product(turned, vectors), along)
        rotation = (rotation - rotation * eye(values, values.shape[-1])) / gaps(values)
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
