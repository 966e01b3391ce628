"""Spread and order: var and std, quantiles, covariance."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.compare import eq, where
from gradcli.ops.reduce import half_in_single, mean_dim, reduced
from gradcli.ops.shape import expand_reduced
from gradcli.shapes import normal_dims


def floats_only(inputs: tuple[Node, ...], params: Any) -> tuple[dtypes.DType | None, Any]:
    """The dtype rule of statistics: only floating tensors have them."""
    dtype: dtypes.DType = inputs[0].dtype
    if not dtype.floating:
        raise DtypeError(
            f"a tensor of {dtype!r} has none; it needs a floating dtype",
            hint="convert it first: x.float()",
            torch="std and var only support floating point and complex dtypes",
        )
    return dtype, dtype


def _ratio(top: float, bottom: float) -> float:
    """A quotient of numbers with the infinities of IEEE 754 where Python would refuse."""
    if bottom:
        return top / bottom
    return float("nan") if top == 0 else float("inf")


def _freedom(x: Any, dim: Any, correction: float) -> Any:
    """The number of elements less the correction."""
    count = prod(x.shape[at] for at in normal_dims(dim, len(x.shape)))
    return max(count - correction, 0.0)


@half_in_single
def _variance(x: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    dims = normal_dims(dim, x.ndim)
    wide = x.astype(np.float64) if x.size <= 4096 else x
    away = wide - np.mean(wide, axis=dims, keepdims=True)
    total = np.sum(away * away, axis=dims, keepdims=keepdim)
    return np.asarray(total / wide.dtype.type(_freedom(x, dim, correction))).astype(x.dtype)


def _variance_rule(g: Node, y: Node, x: Node, dim: Any, correction: float, keepdim: bool) -> Any:
    g = expand_reduced(g, x.shape, dim, keepdim)
    count = prod(x.shape[at] for at in normal_dims(dim, x.ndim))
    return g * (x - mean_dim(x, dim=dim, keepdim=True, dtype=None)) * _ratio(2.0, count - correction)


def _deviation_rule(g: Node, y: Node, x: Node, dim: Any, correction: float, keepdim: bool) -> Any:
    inner = where(eq(y, 0), 0.0, g / (2 * y))
    return _variance_rule(inner, y, x, dim, correction, keepdim)


SPREAD_SAMPLES = (
    draw((2, 3), dim=None, correction=1, keepdim=False),
    draw((2, 3), dim=1, correction=0, keepdim=True),
    draw((4, 3, 2), dim=(0, 2), correction=2, keepdim=False),
)
var_: Op = op(
    "_var(Tensor input, dims? dim, Scalar correction, bool keepdim)",
    "The mean squared distance from the mean; the divisor is the count less the correction.",
    spelled=["_"],
    kernel=_variance,
    grad=_variance_rule,
    shape=reduced,
    dtype=floats_only,
    grad_fn=("VarBackward0", "VarBackward0"),
    samples=SPREAD_SAMPLES,
)
std_: Op = op(
    "_std(Tensor input, dims? dim, Scalar correction, bool keepdim)",
    "The square root of the variance; the gradient is 0 where it is 0.",
    spelled=["_"],
    kernel=lambda x, dim, correction, keepdim: np.sqrt(_variance(x, dim, correction, keepdim)),
    grad=_deviation_rule,
    shape=reduced,
    dtype=floats_only,
    grad_fn=("StdBackward0", "StdBackward0"),
    samples=SPREAD_SAMPLES,
)


def _spread_op(name: str, doc: str, both: Any, title: str, torch1: tuple[str, str]) -> None:
    """One of var, std, var_mean, std_mean in its three forms."""
    op(
        f"{name}(Tensor input, bool unbiased=True)",
        f"{doc} of all elements.",
        expands=lambda x, unbiased=True: both(x, None, int(unbiased), False),
        grad_fn=(torch1[0], title),
        samples=[draw((2, 3), unbiased=True), draw(3, unbiased=False)],
    )
    op(
        f"{name}(Tensor input, dims? dim, bool unbiased=True, bool keepdim=False)",
        f"{doc} along dim.",
        expands=lambda x, dim, unbiased=True, keepdim=False: both(x, dim, int(unbiased), keepdim),
        grad_fn=(torch1[1], title),
        samples=[draw((2, 3), dim=1, unbiased=True, keepdim=False)],
    )
    op(
        f"{name}(Tensor input, dims? dim=None, *, Scalar? correction=1, bool keepdim=False)",
        f"{doc} along dim; the divisor is the count less the correction.",
        expands=lambda x, dim=None, correction=1, keepdim=False: both(
            x, dim, 1 if correction is None else correction, keepdim
        ),
        grad_fn=(title, title),
        samples=[draw((2, 3), dim=None, correction=2, keepdim=False)],
    )


def _with_mean(spread: Op) -> Any:
    def both(x: Node, dim: Any, correction: float, keepdim: bool) -> tuple[Node, Node]:
        average = mean_dim(x, dim=dim, keepdim=keepdim, dtype=None)
        return spread(x, dim=dim, correction=correction, keepdim=keepdim), average

    return both


def _alone(spread: Op) -> Any:
    return lambda x, dim, correction, keepdim: spread(x, dim=dim, correction=correction, keepdim=keepdim)


_spread_op("var", "The variance", _alone(var_), "VarBackward0", ("VarBackward0", "VarBackward1"))
_spread_op("std", "The standard deviation", _alone(std_), "StdBackward0", ("StdBackward0", "StdBackward1"))
_spread_op("var_mean", "The variance and the mean", _with_mean(var_), "VarMeanBackward0", ("VarMeanBackward0",) * 2)
_spread_op(
    "std_mean", "The standard deviation and the mean", _with_mean(std_), "StdMeanBackward0", ("StdMeanBackward0",) * 2
)
