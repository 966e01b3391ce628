"""Inverses and determinants of square matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, fixed, op
from gradcli.ops.elementwise.compare import lt, where
from gradcli.ops.linalg.matrixchecks import check_matrix, floats, refusing_singular, square, zero_pivot
from gradcli.ops.linalg.products import product
from gradcli.ops.linalg.spectra import singular
from gradcli.ops.reductions.reduce import sum_
from gradcli.ops.shapes.order import transposed
from gradcli.ops.shapes.shape import unsqueeze
from gradcli.shapes import Shape


def _inverse_rule(g: Node, y: Node, a: Node) -> Any:
    turned = transposed(y)
    return -product(product(turned, g), turned)


inv: Op = op(
    "_linalg_inv(Tensor A)",
    "The matrix that times A is the identity.",
    spelled=["linalg.inv"],
    kernel=refusing_singular("linalg.inv")(np.linalg.inv),
    grad=_inverse_rule,
    shape=square("linalg.inv"),
    dtype=floats("linalg.inv"),
    grad_fn="LinalgInvExBackward0",
    samples=[draw((3, 3)), draw((2, 2, 2)), draw((1, 1))],
    wrong=[("linalg.inv(zeros(2, 2))", "singular"), ("linalg.inv(ones(2, 3))", "square")],
)
op(
    "inverse(Tensor input)",
    "The matrix that times input is the identity.",
    expands=lambda a: inv(a),
    grad_fn=("InverseBackward", "LinalgInvExBackward0"),
    samples=[draw((3, 3))],
)
info: Op = op(
    "_info(Tensor input)",
    "For each matrix 0, or which pivot was zero.",
    spelled=["_"],
    kernel=lambda a: np.array([zero_pivot(a[at]) or 0 for at in np.ndindex(a.shape[:-2])], dtype=np.int32).reshape(
        a.shape[:-2]
    ),
    shape=lambda inputs, params: inputs[0].shape[:-2],
    dtype=fixed(dtypes.int32),
)


def _inverse_or_inf(a: Any) -> Any:
    """The inverses; infinite where there is none."""
    result = np.full_like(a, np.inf)
    for at in np.ndindex(a.shape[:-2]):
        if zero_pivot(a[at]) is None:
            result[at] = np.linalg.inv(a[at])
    return result


inverse_or_inf: Op = op(
    "_inverse_or_inf(Tensor A)",
    "The inverse, or infinities where there is none.",
    spelled=["_"],
    kernel=_inverse_or_inf,
    grad=_inverse_rule,
    shape=square("linalg.inv"),
    dtype=floats("linalg.inv"),
    grad_fn="LinalgInvExBackward0",
    samples=[draw((3, 3))],
)
op(
    "_linalg_inv_ex(Tensor A, *, bool check_errors=False)",
    "The inverse, and for each matrix 0 or which pivot was zero.",
    spelled=["linalg.inv_ex"],
    outputs=("inverse", "info"),
    expands=lambda a, check_errors: ((inv if check_errors else inverse_or_inf)(a), info(a)),
    samples=[draw((2, 2), check_errors=False)],
)


def _adjugate_turned(a: Any) -> Any:
    """The matrix of cofactors; from the singular values where the matrix has no inverse."""
    if 0 in a.shape:
        return np.zeros_like(a)
    u, s, vh = singular(a.astype(np.float64))
    before = np.cumprod(np.concatenate([np.ones((*s.shape[:-1], 1)), s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([np.ones((*s.shape[:-1], 1)), s[..., :0:-1]], -1), -1)[..., ::-1]
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return ((u * (before * after * sign[..., None])[..., None, :]) @ vh).astype(a.dtype)


def _cofactors_rule(g: Node, y: Node, a: Node) -> Any:
    """The second derivative of the determinant: (sum(g C) C - C g^T C) / det; up to 2 by 2 cofactors are linear."""
    if a.shape[-1] < 3:
        return _cofactors(g) if a.shape[-1] == 2 else None
    total = sum_(g * y, dim=(-2, -1), keepdim=True)
    size = unsqueeze(unsqueeze(det(a), dim=-1), dim=-1)
    return (total * y - product(product(y, transposed(g)), y)) / size


_cofactors: Op = op(
    "_cofactors(Tensor A)",
    "The matrix of cofactors: det(A) times the transposed inverse, also where there is none.",
    spelled=["_"],
    kernel=_adjugate_turned,
    grad=_cofactors_rule,
    shape=square("linalg.det"),
    dtype=floats("linalg.det"),
    samples=[draw((3, 3)), draw((2, 2, 2))],
)


def _determined(name: str) -> Callable[..., Shape]:
    check = square(name)
    return lambda inputs, params: check(inputs, params)[:-2]


def _over_matrices(g: Node, matrix: Any) -> Any:
    return unsqueeze(unsqueeze(g, dim=-1), dim=-1) * matrix


det: Op = op(
    "_linalg_det(Tensor A)",
    "The determinant.",
    spelled=["linalg.det"],
    kernel=lambda a: np.linalg.det(a),
    grad=lambda g, y, a: _over_matrices(g, _cofactors(a)),
    shape=_determined("linalg.det"),
    dtype=floats("linalg.det"),
    grad_fn="LinalgDetBackward0",
    samples=[draw((3, 3)), draw((2, 2, 2)), draw((1, 1))],
)
op(
    "det(Tensor input)",
    "The determinant.",
    expands=lambda a: det(a),
    grad_fn=("DetBackward", "LinalgDetBackward0"),
    samples=[draw((3, 3))],
)


def _slogdet_shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    shape = _determined("linalg.slogdet")(inputs, params)
    return shape, shape


def _slogdet_rule(g: tuple[Node | None, ...], y: tuple[Node, ...], a: Node) -> Any:
    return None if g[1] is None else _over_matrices(g[1], transposed(inv(a)))


for _signature, _spelled, _torch1 in (
    ("_linalg_slogdet(Tensor A)", ["linalg.slogdet"], "LinalgSlogdetBackward0"),
    ("slogdet(Tensor input)", [], "SlogdetBackward"),
):
    slogdet: Op = op(
        _signature,
        "The sign and the logarithm of the size of the determinant.",
        spelled=_spelled,
        outputs=("sign", "logabsdet"),
        kernel=lambda a: tuple(np.asarray(part, dtype=a.dtype) for part in np.linalg.slogdet(a)),
        grad=_slogdet_rule,
        shape=_slogdet_shape,
        dtype=floats("linalg.slogdet", 2),
        grad_fn=(_torch1, "LinalgSlogdetBackward0"),
        samples=[draw((3, 3)), draw((2, 2, 2))],
    )


def _logdet(a: Node) -> Any:
    check_matrix("logdet", a.shape, square=True)
    sign, size = slogdet(a)
    return where(lt(sign, 0), float("nan"), size)


op(
    "logdet(Tensor input)",
    "The logarithm of the determinant; nan where that is negative.",
    expands=_logdet,
    grad_fn=("LogdetBackward", "WhereBackward0"),
    samples=[draw((3, 3), drawn=lambda a: product(a, transposed(a)))],
)
