"""Spread and order: var and std, quantiles, covariance."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.engine.run import value
from gradcli.errors import DtypeError, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, index, leaf, op
from gradcli.ops.dtyperules import TITLES, check_same
from gradcli.ops.elementwise.arithmetic import div, mul
from gradcli.ops.elementwise.compare import eq, isnan, logical_not, maximum, where
from gradcli.ops.elementwise.explog import sqrt
from gradcli.ops.indexing.along import take_along
from gradcli.ops.linalg.products import product
from gradcli.ops.reductions.counts import any_dim
from gradcli.ops.reductions.reduce import add_up, half_in_single, mean_dim, reduced, sum_, summing
from gradcli.ops.reductions.sort import sort
from gradcli.ops.shapes.convert import to_dtype, zeros_as
from gradcli.ops.shapes.diagonal import diagonal
from gradcli.ops.shapes.order import permute, transposed
from gradcli.ops.shapes.shape import expand_reduced, reshape, unsqueeze
from gradcli.shapes import normal_dim, normal_dims, reduced_shape


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
    # not np.mean, which warns of the mean of nothing
    away = wide - np.sum(wide, axis=dims, keepdims=True) / wide.dtype.type(prod(x.shape[at] for at in dims))
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


# --- sums and means of what is not nan


@half_in_single
def _add_numbers(x: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    return add_up(np.where(x != x, x.dtype.type(0), x), dim, keepdim)


nansum: Op = op(
    "nansum(Tensor input, dims? dim=None, bool keepdim=False, *, dtype? dtype=None)",
    "The sum over dim of what is not nan.",
    kernel=_add_numbers,
    grad=lambda g, y, x, dim, keepdim, dtype: mul(expand_reduced(g, x.shape, dim, keepdim), logical_not(isnan(x))),
    shape=reduced,
    dtype=summing,
    grad_fn="NansumBackward0",
    samples=[draw((2, 3), dim=None, keepdim=False, dtype=None), draw((2, 3), dim=1, keepdim=True, dtype=None)],
)


def _nanmean(x: Node, dim: Any, keepdim: bool, dtype: dtypes.DType | None) -> Any:
    if not x.dtype.floating:
        raise DtypeError(
            f"a tensor of {x.dtype!r} has no mean in its own dtype",
            hint="convert it first: x.float()",
            torch=f"nanmean(): expected input to have floating point or complex dtype but got {TITLES[x.dtype.name]}",
        )
    count = sum_(logical_not(isnan(x)), dim=dim, keepdim=keepdim)
    return div(nansum(x, dim=dim, keepdim=keepdim, dtype=dtype), count)


op(
    "nanmean(Tensor input, dims? dim=None, bool keepdim=False, *, dtype? dtype=None)",
    "The mean over dim of what is not nan.",
    expands=_nanmean,
    samples=[draw((2, 3), dim=None, keepdim=False, dtype=None), draw((2, 3), dim=1, keepdim=True, dtype=None)],
)


# --- quantiles

INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")
_to_rank: Op = op(
    "_to_rank(Tensor input, str how)",
    "A rank that may lie between two, rounded: 'down', 'up' or to the nearest (of two the even one).",
    spelled=["_"],
    kernel=lambda x, how: {"down": np.floor, "up": np.ceil, "nearest": np.rint}[how](x).astype(np.int64),
    dtype=index,
)


def _quantile_of(x: Node, q: Node, interpolation: str, ignore_nan: bool) -> Any:
    """The quantiles q (a vector) along the last dimension of x."""
    ordered = sort(x, dim=-1, descending=False)[0]
    missing = isnan(x)
    if ignore_nan:
        last = sum_(logical_not(missing), dim=-1, keepdim=True) - 1
        ranks = mul(q, to_dtype(where(last < 0, 0, last), x.dtype))
    else:
        spoiled = any_dim(missing, dim=-1, keepdim=True)
        ranks = where(spoiled, float(x.shape[-1] - 1), mul(q, float(x.shape[-1] - 1)))
    how = {"lower": "down", "higher": "up", "nearest": "nearest"}.get(interpolation)
    if how is not None:
        return take_along(ordered, _to_rank(ranks, how=how), dim=x.ndim - 1)
    below, above = _to_rank(ranks, how="down"), _to_rank(ranks, how="up")
    low, high = (take_along(ordered, at, dim=x.ndim - 1) for at in (below, above))
    weight = ranks - to_dtype(below, x.dtype)
    if interpolation == "midpoint":
        weight = weight * 0 + 0.5
    # from the nearer end, as torch's lerp, which is what becomes of infinities
    gap = high - low
    return where(weight < 0.5, low + weight * gap, high - (1.0 - weight) * gap)


def _check_quantile(x: Node, q: Node, interpolation: str) -> None:
    if x.dtype not in (dtypes.float32, dtypes.float64):
        raise DtypeError(
            f"a tensor of {x.dtype!r} has no quantiles; it needs float32 or float64",
            hint="convert it first: x.float()",
            torch="quantile() input tensor must be either float or double dtype",
        )
    if q.ndim > 1:
        raise ShapeError(
            f"q is a number or a vector, not of shape {q.shape}", torch="quantile() q must be a scalar or 1D tensor"
        )
    check_same((x, q), "quantile() q tensor must be same dtype as the input tensor")
    if interpolation not in INTERPOLATIONS:
        raise ShapeError(
            f"interpolation is {interpolation!r}; it can be {', '.join(map(repr, INTERPOLATIONS))}",
            torch="quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}",
        )
    if 0 in x.shape:
        raise ShapeError("an empty tensor has no quantiles", torch="quantile() input tensor must be non-empty")
    outside = [number for number in np.reshape(value(q), -1).tolist() if not 0 <= number <= 1]
    if outside:
        raise ShapeError(
            f"q is {outside[0]:g}; it must be from 0 to 1",
            torch=f"quantile() q must be in the range [0, 1] but got {outside[0]:g}"
            if not q.ndim
            else "quantile() q values must be in the range [0, 1]",
        )


def _quantile(ignore_nan: bool) -> Any:
    def quantile(x: Node, q: Node, dim: int | None, keepdim: bool, interpolation: str) -> Any:
        if q.op.name == "number":
            q = leaf(np.asarray(q.value, dtype=x.dtype.numpy if x.dtype.floating else np.float64))
        _check_quantile(x, q, interpolation)
        rows = reshape(x, shape=(-1,)) if dim is None or not x.ndim else x
        at = 0 if dim is None or not x.ndim else normal_dim(dim, x.ndim)
        others = tuple(d for d in range(rows.ndim) if d != at)
        turned = permute(rows, dims=(*others, at)) if rows.ndim > 1 else rows
        found = _quantile_of(turned, reshape(q, shape=(-1,)), interpolation, ignore_nan)
        # the quantiles come first, then the dimensions that are left
        found = permute(found, dims=(found.ndim - 1, *range(found.ndim - 1))) if found.ndim > 1 else found
        left = reduced_shape(x.shape, normal_dims(dim, x.ndim), keepdim)
        return reshape(found, shape=(*q.shape, *left))

    return quantile


for _name, _word, _ignore in (("quantile", "", False), ("nanquantile", " that are not nan", True)):
    op(
        f"{_name}(Tensor input, Operand q, int? dim=None, bool keepdim=False, *, str interpolation='linear')",
        f"The values below which the fractions q of the elements{_word} lie.",
        expands=_quantile(_ignore),
        samples=[
            draw(5, q=0.3, dim=None, keepdim=False, interpolation="linear"),
            draw((2, 4), q=np.array([0.2, 0.9]), dim=1, keepdim=True, interpolation="linear"),
            draw((3, 2), q=0.7, dim=0, keepdim=False, interpolation="midpoint"),
            draw(4, q=0.5, dim=None, keepdim=False, interpolation="nearest"),
        ],
        grad_fn=("SqueezeBackward4", "SqueezeBackward4"),
    )


# --- covariance


def _weights(w: Node | None, count: int, name: str) -> Any:
    if w is None:
        return None
    if w.ndim > 1 or w.size != count:
        raise ShapeError(
            f"{name} has shape {w.shape}; there are {count} observations",
            torch=f"cov(): expected {name} to have the same numel as there are observations in the input tensor",
        )
    return w


def _cov(x: Node, correction: int, fweights: Node | None, aweights: Node | None) -> Any:
    if x.ndim > 2:
        raise ShapeError(
            f"it takes variables in rows (2 dimensions), not shape {x.shape}",
            torch=f"cov(): expected input to have two or fewer dimensions but got an input with {x.ndim} dimensions",
        )
    if x.dtype is dtypes.bool_:
        raise DtypeError("bool has no covariance", torch="cov(): bool dtype is not supported for input")
    rows = reshape(x, shape=(1, -1)) if x.ndim < 2 else x
    kinds = [rows.dtype] if aweights is None else [rows.dtype, aweights.dtype]
    kind = dtypes.promote(kinds[0], kinds[-1])
    rows = to_dtype(rows, kind if kind.floating else dtypes.float32)
    count = rows.shape[1]
    frequency, weight = _weights(fweights, count, "fweights"), _weights(aweights, count, "aweights")
    w = frequency if weight is None else weight if frequency is None else mul(frequency, weight)
    if w is None:
        average = mean_dim(rows, dim=1, keepdim=True, dtype=None)
        norm: Any = max(float(count - correction), 0.0)
    else:
        total = sum_(to_dtype(w, rows.dtype), dim=None, keepdim=False)
        average = div(sum_(mul(rows, w), dim=1, keepdim=True), total)
        if weight is None:
            norm = total - correction
        else:
            norm = total - div(mul(sum_(mul(w, weight), dim=None, keepdim=False), correction), total)
        norm = to_dtype(maximum(norm, zeros_as(norm)), rows.dtype)
    away = rows - average
    other = away if w is None else mul(away, w)
    covariance = div(product(away, transposed(to_dtype(other, rows.dtype))), norm)
    return reshape(covariance, shape=tuple(size for size in covariance.shape if size != 1))


cov: Op = op(
    "cov(Tensor input, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None)",
    "The covariance of the variables, which are rows; observations are columns.",
    expands=lambda x, fweights, aweights, correction: _cov(x, correction, fweights, aweights),
    samples=[
        draw((2, 5), correction=1),
        draw((2, 3), correction=0, fweights=np.array([1, 2, 1]), aweights=np.array([0.5, 1.0, 2.0])),
        draw(4, correction=1),
    ],
    grad_fn=("SqueezeBackward0", "SqueezeBackward0"),
)
_limited: Op = op(
    "_limited(Tensor input)",
    "input between -1 and 1.",
    spelled=["_"],
    kernel=lambda x: np.clip(x, -1, 1),
    grad=lambda g, y, x: where(eq(x, y), g, 0.0),
    dtype=lambda inputs, params: (None, inputs[0].dtype),
    grad_fn=("ClampBackward1", "ClampBackward1"),
)


def _corrcoef(x: Node) -> Any:
    c = cov(x, None, None, correction=1)
    if not c.ndim:
        return c / c
    spread = sqrt(diagonal(c, offset=0, dim1=0, dim2=1))
    return _limited(c / unsqueeze(spread, dim=1) / unsqueeze(spread, dim=0))


op(
    "corrcoef(Tensor input)",
    "The correlation coefficients of the variables, which are rows; observations are columns.",
    expands=_corrcoef,
    samples=[draw((2, 5))],
)
