"""QR as Householder reflections: geqrf, householder_product, ormqr."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.errors import ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, leaf, op
from gradcli.ops.linalg.matrixchecks import check_floats, check_matrix, floats, no_derivative
from gradcli.ops.linalg.products import product
from gradcli.ops.shapes.order import transposed
from gradcli.ops.shapes.part import slice_
from gradcli.ops.shapes.shape import unsqueeze
from gradcli.shapes import Shape


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
