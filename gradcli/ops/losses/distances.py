"""Distances and cosines between vectors: in pairs, and of each with each."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from gradcli.errors import DtypeError, RefusedValue, ShapeError, ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.dtyperules import new
from gradcli.ops.elementwise.activations import floats
from gradcli.ops.elementwise.arithmetic import abs_, div, mul, sign, sub
from gradcli.ops.elementwise.compare import eq, where
from gradcli.ops.elementwise.explog import pow_
from gradcli.ops.layers.resample import take_rows
from gradcli.ops.linalg.norms import vector_norm_
from gradcli.ops.reductions.reduce import sum_dim
from gradcli.ops.shapes.shape import expand, reshape
from gradcli.shapes import Shape, broadcast_shapes, normal_dim

floored: Op = op(
    "_floored(Tensor input, float min)",
    "max(input, min); the gradient passes as if nothing had been cut.",
    spelled=["_"],
    kernel=lambda x, min: np.maximum(x, min),
    grad=lambda g, y, x, min: g,
    dtype=floats("clamp"),
    elementwise=True,
)


def _unit(x: Node, dim: int, eps: float) -> Any:
    return div(x, floored(vector_norm_(x, ord=2, dim=dim, keepdim=True), min=eps))


def _cosine(a: Node, b: Node, dim: int, eps: float) -> Any:
    return sum_dim(mul(_unit(a, dim, eps), _unit(b, dim, eps)), dim=dim, keepdim=False)


_named_cosine = op(
    "_cosine_similarity(Tensor x1, Tensor x2, int dim, float eps)",
    "The cosine of the angle between x1 and x2 along dim.",
    spelled=["_"],
    expands=_cosine,
    grad_fn=("DivBackward0", "SumBackward1"),
)


def _cosine_expanded(a: Node, b: Node, dim: int, eps: float) -> Any:
    shape = broadcast_shapes(a.shape, b.shape)
    at = normal_dim(dim, len(shape))
    for given in (a, b):
        if not given.dtype.floating:
            raise DtypeError(
                f"the input must be a floating-point tensor, not {given.dtype.name}",
                hint="convert it first: x.float()",
                torch="expected common dtype to be floating point, yet common dtype is Long",
            )
    wide = [i if i.ndim == len(shape) else reshape(i, shape=(1,) * (len(shape) - i.ndim) + i.shape) for i in (a, b)]
    wide = [i if not shape or i.shape[at] == shape[at] else expand(i, size=shape) for i in wide]
    return _named_cosine(*wide, dim=at, eps=eps)


cosine_similarity: Op = op(
    "cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08)",
    "sum(x1 x2) / (max(|x1|, eps) max(|x2|, eps)) along dim.",
    spelled=["F.cosine_similarity", "torch.cosine_similarity"],
    expands=_cosine_expanded,
    samples=[draw((2, 3), (2, 3)), draw((2, 3), 3, dim=0), draw(3, 3, dim=0)],
)


def pairwise_distance_of(a: Node, b: Node, p: float, eps: float, keepdim: bool = False) -> Any:
    """The p-norm of a - b + eps along the last dimension, under the name torch gives it."""
    return _pairwise(a, b, p=p, eps=eps, keepdim=keepdim)


_pairwise = op(
    "_pairwise_distance(Tensor x1, Tensor x2, float p, float eps, bool keepdim)",
    "The p-norm of x1 - x2 + eps along the last dimension.",
    spelled=["_"],
    expands=lambda a, b, p, eps, keepdim: vector_norm_(sub(a, b) + eps, ord=p, dim=-1, keepdim=keepdim),
    grad_fn=("NormBackward1", "NormBackward1"),
)
pairwise_distance: Op = op(
    "pairwise_distance(Tensor x1, Tensor x2, float p=2.0, float eps=1e-06, bool keepdim=False)",
    "The p-norm of x1 - x2 + eps along the last dimension.",
    spelled=["F.pairwise_distance", "torch.pairwise_distance"],
    expands=lambda a, b, p, eps, keepdim: pairwise_distance_of(a, b, p, eps, keepdim),
    samples=[draw((2, 3), (2, 3)), draw((2, 3), 3, p=3.0, keepdim=True), draw((2, 3), (2, 3), p=1.0)],
)


def _distance_kernel(x: Any, p: float) -> Any:
    size = np.abs(x)
    if p == 0:
        return np.sum(x != 0, axis=-1).astype(x.dtype)
    if p == 1:
        return np.sum(size, axis=-1)
    if p == 2:
        return np.sqrt(np.sum(size * size, axis=-1))
    if p == inf:
        return np.max(size, axis=-1, initial=0)
    return np.sum(size**p, axis=-1) ** (1 / p)


def _distance_rule(g: Node, y: Node, x: Node, p: float) -> Any:
    """As torch: 0 where the distance is 0, and for p = inf every component that is as large as the distance counts."""
    column = (*y.shape, 1)
    g, y = reshape(g, shape=column), reshape(y, shape=column)
    zero = eq(y, 0)
    safe = where(zero, 1.0, y)
    if p == 0:
        return g * 0 * x
    if p == 1:
        return g * sign(x)
    if p == 2:
        return g * where(zero, 0.0, x / safe)
    if p == inf:
        return g * where(eq(abs_(x), y), sign(x), 0.0)
    away = where(eq(x, 0), 1.0, abs_(x))
    return g * sign(x) * where(zero, 0.0, pow_(away / safe, p - 1))


_distance = op(
    "_distance(Tensor input, float p)",
    "The p-norm along the last dimension.",
    spelled=["_"],
    kernel=_distance_kernel,
    grad=_distance_rule,
    shape=lambda inputs, params: inputs[0].shape[:-1],
    dtype=floats("cdist"),
    samples=[draw((2, 3), p=p) for p in (0.5, 1.0, 1.5, 2.0, 3.0, inf)],
)


def _check_p(p: float, name: str) -> None:
    if not p >= 0:
        raise RefusedValue(f"p is {p}; it cannot be negative", torch=f"{name} only supports non-negative p values")


def _each_with_each(a: Node, b: Node, p: float) -> Any:
    rows = reshape(a, shape=(*a.shape[:-1], 1, a.shape[-1]))
    columns = reshape(b, shape=(*b.shape[:-2], 1, *b.shape[-2:]))
    return _distance(sub(rows, columns), p=p)


def _named_cdist(grad_fn: str) -> Op:
    return op(
        "_cdist(Tensor x1, Tensor x2, float p)",
        "The distance of each row of x1 to each row of x2.",
        spelled=["_"],
        expands=_each_with_each,
        grad_fn=new(grad_fn),
    )


_cdist = _named_cdist("CdistBackward0")
_euclidean = _named_cdist("ViewBackward0")  # torch takes products of matrices for many rows
MANY_ROWS = 25


def _cdist_expanded(a: Node, b: Node, p: float, compute_mode: str) -> Any:
    for at, given in ((1, a), (2, b)):
        if given.ndim < 2:
            raise ShapeError(
                f"x{at} needs rows and columns; its shape is {given.shape}",
                torch=f"cdist only supports at least 2D tensors, X{at} got: {given.ndim}D",
            )
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(
            f"x1 has {a.shape[-1]} columns, x2 has {b.shape[-1]}: {a.shape} and {b.shape}",
            torch=f"X1 and X2 must have the same number of columns. X1: {a.shape[-1]} X2: {b.shape[-1]}",
        )
    _check_p(p, "cdist")
    rows = max(a.shape[-2], b.shape[-2])
    modes = {
        "use_mm_for_euclid_dist_if_necessary": rows > MANY_ROWS,
        "use_mm_for_euclid_dist": True,
        "donot_use_mm_for_euclid_dist": False,
    }
    if compute_mode not in modes:
        raise ValueError_(
            f"compute_mode is {compute_mode!r}; it can be {', '.join(map(repr, modes))}",
            torch=f"{compute_mode} is not a valid value for compute_mode",
        )
    shape: Shape = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    named = _euclidean if p == 2 and modes[compute_mode] and all((*shape, a.size, b.size)) else _cdist
    return named(a, b, p=p)


cdist: Op = op(
    "cdist(Tensor x1, Tensor x2, float p=2.0, str compute_mode='use_mm_for_euclid_dist_if_necessary')",
    "The p-norm of the difference of each row of x1 and each row of x2.",
    spelled=["torch.cdist"],
    expands=_cdist_expanded,
    samples=[draw((2, 3), (4, 3)), draw((2, 2, 3), (1, 3, 3), p=1.0), draw((2, 3), (3, 3), p=3.0)],
)


def _row_pairs(x: Node, p: float) -> Any:
    first, second = np.triu_indices(x.shape[0], 1)
    return _distance(sub(take_rows(x, 0, first), take_rows(x, 0, second)), p=p)


_pdist = op(
    "_pdist(Tensor input, float p)",
    "The distance of each two rows.",
    spelled=["_"],
    expands=_row_pairs,
    grad_fn="PdistBackward0",
)


def _pdist_expanded(x: Node, p: float) -> Any:
    if x.ndim != 2:
        raise ShapeError(
            f"the input must be a matrix; its shape is {x.shape}",
            torch=f"pdist only supports 2D tensors, got: {x.ndim}D",
        )
    _check_p(p, "pdist")
    return _pdist(x, p=p)


pdist: Op = op(
    "pdist(Tensor input, float p=2.0)",
    "The p-norm of the difference of each two rows of input, row by row.",
    spelled=["F.pdist", "torch.pdist"],
    expands=_pdist_expanded,
    samples=[draw((4, 3)), draw((3, 2), p=1.0), draw((3, 3), p=3.0)],
)
