"""Norms of vectors and matrices, of every order, and distances."""

from __future__ import annotations

from math import inf, isinf
from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.arithmetic import abs_, sign
from gradcli.ops.compare import eq, ne, where
from gradcli.ops.convert import to_dtype
from gradcli.ops.explog import pow_
from gradcli.ops.reduce import half_in_single, reduced, sum_
from gradcli.ops.shape import expand_reduced
from gradcli.ops.statistics import floats_only
from gradcli.shapes import normal_dims


@half_in_single
def _norm(x: Any, ord: float, dim: Any, keepdim: bool) -> Any:
    """The p-norm; float32 is added up in double precision, so that squares neither overflow nor lose digits."""
    dims = normal_dims(dim, x.ndim)
    if isinf(ord):
        if ord > 0:
            return np.max(np.abs(x), axis=dims, keepdims=keepdim, initial=0)
        return np.min(np.abs(x), axis=dims, keepdims=keepdim)
    if ord == 0:
        return np.sum(x != 0, axis=dims, keepdims=keepdim).astype(x.dtype)
    size = np.abs(x.astype(np.float64))
    if ord == 2:
        total = np.sqrt(np.sum(size * size, axis=dims, keepdims=keepdim))
    elif ord == 1:
        total = np.sum(size, axis=dims, keepdims=keepdim)
    else:
        total = np.sum(size**ord, axis=dims, keepdims=keepdim) ** (1.0 / ord)
    return np.asarray(total).astype(x.dtype)


def _norm_rule(g: Node, y: Node, x: Node, ord: float, dim: Any, keepdim: bool) -> Any:
    """Masked where the norm is 0, as torch does it: the gradient there is 0."""
    g, y = expand_reduced(g, x.shape, dim, keepdim), expand_reduced(y, x.shape, dim, keepdim)
    if ord == 0:
        return g * 0
    if ord == 1:
        return g * sign(x)
    if ord == 2:
        return g * where(eq(y, 0), 0.0, x / y)
    if isinf(ord):
        mask = to_dtype(where(ne(x, x), ne(x, x), eq(abs_(x), y)), x.dtype)
        return sign(x) * (g / sum_(mask, dim=dim, keepdim=True)) * mask
    if ord < 1:
        scaled = sign(x) * where(eq(x, 0), 0.0, pow_(abs_(x), ord - 1))
        return scaled * g * pow_(y, 1 - ord)
    if ord < 2:
        scaled = sign(x) * pow_(abs_(x), ord - 1)
    else:
        scaled = x * pow_(abs_(x), ord - 2)
    return scaled * where(eq(y, 0), 0.0, g / pow_(y, ord - 1))


vector_norm_: Op = op(
    "_vector_norm(Tensor input, Scalar ord, dims? dim, bool keepdim)",
    "sum(|input|^ord)^(1/ord) over dim; the largest or smallest |input| for inf and -inf.",
    spelled=["_"],
    kernel=_norm,
    grad=_norm_rule,
    shape=reduced,
    dtype=floats_only,
    grad_fn="LinalgVectorNormBackward0",
    samples=[
        draw((2, 3), ord=p, dim=dim, keepdim=keep)
        for p, dim, keep in ((2, None, False), (1, 1, True), (3, (0, 1), False), (0.5, 0, False), (inf, 1, False))
    ],
)
