"""Exponentials shared out: softmax, log_softmax, softmin, and the logarithms of sums of exponentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import UnsupportedDtype
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, floating, op, same
from gradcli.ops.dtyperules import TITLES
from gradcli.ops.elementwise.arithmetic import neg
from gradcli.ops.elementwise.compare import eq, isinf, logical_and, where
from gradcli.ops.elementwise.explog import exp
from gradcli.ops.reductions.reduce import half_in_single, reduced, sum_
from gradcli.ops.reductions.scan import recurrence, shift
from gradcli.ops.shapes.shape import expand_reduced
from gradcli.shapes import normal_dim, normal_dims


def _floats_only(inputs: tuple[Node, ...], params: Any) -> tuple[dtypes.DType | None, Any]:
    """The dtype asked for, else the input's, which has to be floating where there are elements."""
    dtype = params.get("dtype") or inputs[0].dtype
    if not dtype.floating and inputs[0].size:
        raise UnsupportedDtype(
            f"a tensor of {dtype!r} has no softmax in its own dtype",
            hint="convert it first, x.float(), or pass dtype=torch.float32",
            torch=f"\"softmax_lastdim_kernel_impl\" not implemented for '{TITLES[dtype.name]}'",
        )
    return dtype, dtype


def _same_with_dim(inputs: tuple[Node, ...], params: Any) -> tuple[int, ...]:
    normal_dim(params["dim"], inputs[0].ndim)
    return same(inputs, params)


def _axis(x: Any, dim: int) -> int | None:
    return dim if np.ndim(x) else None


@half_in_single
def _softmax(x: Any, dim: int, dtype: Any = None) -> Any:
    axis = _axis(x, dim)
    if not x.size:
        return x
    shifted = np.exp(x - np.max(x, axis=axis, keepdims=True, initial=-np.inf))
    shifted /= np.sum(shifted, axis=axis, keepdims=True)
    return shifted


@half_in_single
def _log_softmax(x: Any, dim: int, dtype: Any = None) -> Any:
    axis = _axis(x, dim)
    if not x.size:
        return x
    shifted = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _softmax_rule(g: Node, y: Node, x: Node, dim: int, dtype: Any) -> Any:
    weighted = g * y
    return weighted - y * sum_(weighted, dim=dim, keepdim=True)


def _log_softmax_rule(g: Node, y: Node, x: Node, dim: int, dtype: Any) -> Any:
    return g - exp(y) * sum_(g, dim=dim, keepdim=True)


SOFTMAX_SAMPLES = (
    draw(3, dim=0, dtype=None),
    draw((2, 3), dim=-1, dtype=None),
    draw((2, 3, 2), low=-30, high=30, dim=1, dtype=None),
    draw((), dim=0, dtype=None),
)

softmax: Op = op(
    "softmax(Tensor input, int dim, dtype? dtype=None)",
    "exp(input) / sum(exp(input)) along dim.",
    spelled=["softmax", "special.softmax"],
    kernel=_softmax,
    grad=_softmax_rule,
    shape=_same_with_dim,
    dtype=_floats_only,
    grad_fn="SoftmaxBackward0",
    samples=SOFTMAX_SAMPLES,
)
log_softmax: Op = op(
    "log_softmax(Tensor input, int dim, dtype? dtype=None)",
    "input - log(sum(exp(input))) along dim.",
    spelled=["log_softmax", "special.log_softmax"],
    kernel=_log_softmax,
    grad=_log_softmax_rule,
    shape=_same_with_dim,
    dtype=_floats_only,
    grad_fn="LogSoftmaxBackward0",
    samples=SOFTMAX_SAMPLES,
)


def implied_dim(ndim: int) -> int:
    """The dim F.softmax takes when none is given: 0 for 0, 1 and 3 dimensions, else 1."""
    return 0 if ndim in (0, 1, 3) else 1


def _over(apply: Op, sign: int = 1) -> Any:
    def softmax_over(x: Node, dim: int | None, _stacklevel: int, dtype: Any) -> Any:
        return apply(x if sign > 0 else neg(x), dim=implied_dim(x.ndim) if dim is None else dim, dtype=dtype)

    return softmax_over


F_SAMPLES = (
    draw((2, 3), dim=None, _stacklevel=3, dtype=None),
    draw((2, 3, 2), dim=None, _stacklevel=3, dtype=None),
    draw((2, 3), dim=0, _stacklevel=3, dtype=None),
)
op(
    "softmax(Tensor input, int? dim=None, int _stacklevel=3, dtype? dtype=None)",
    "exp(input) / sum(exp(input)) along dim.",
    spelled=["F.softmax"],
    expands=_over(softmax),
    samples=F_SAMPLES,
)
op(
    "log_softmax(Tensor input, int? dim=None, int _stacklevel=3, dtype? dtype=None)",
    "input - log(sum(exp(input))) along dim.",
    spelled=["F.log_softmax"],
    expands=_over(log_softmax),
    samples=F_SAMPLES,
)
op(
    "softmin(Tensor input, int? dim=None, int _stacklevel=3, dtype? dtype=None)",
    "exp(-input) / sum(exp(-input)) along dim.",
    spelled=["F.softmin"],
    expands=_over(softmax, -1),
    samples=F_SAMPLES,
)


@half_in_single
def _logsumexp(x: Any, dim: Any, keepdim: bool) -> Any:
    dims = normal_dims(dim, x.ndim)
    peak = np.max(x, axis=dims, keepdims=True, initial=-np.inf)
    peak = np.where(np.isinf(peak), np.zeros_like(peak), peak)
    total = np.log(np.sum(np.exp(x - peak), axis=dims, keepdims=keepdim))
    return total + (peak if keepdim else np.squeeze(peak, dims))


def _logsumexp_rule(g: Node, y: Node, x: Node, dim: Any, keepdim: bool) -> Any:
    y, g = expand_reduced(y, x.shape, dim, keepdim), expand_reduced(g, x.shape, dim, keepdim)
    return g * exp(x - y)


logsumexp: Op = op(
    "logsumexp(Tensor input, dims dim, bool keepdim=False)",
    "log(sum(exp(input))) along dim, computed without overflow.",
    spelled=["logsumexp", "special.logsumexp"],
    kernel=_logsumexp,
    grad=_logsumexp_rule,
    shape=reduced,
    dtype=floating,
    grad_fn="LogsumexpBackward0",
    samples=[
        draw(3, dim=0, keepdim=False),
        draw((2, 3), dim=(1,), keepdim=True),
        draw((2, 3), low=-800, high=800, dim=(0, 1), keepdim=False),
    ],
)


@half_in_single
def _logcumsumexp(x: Any, dim: int) -> Any:
    """From -inf on, so a first -0.0 becomes 0."""
    return np.logaddexp.accumulate(x.astype(np.float64) + 0.0, axis=dim).astype(x.dtype) if x.ndim else x


def _logcumsumexp_rule(g: Node, y: Node, x: Node, dim: int) -> Any:
    """sum over i >= j of g[i] exp(x[j] - y[i]), carried back step by step: no exponent is ever positive."""
    if not x.ndim:
        return g
    dim = normal_dim(dim, x.ndim)
    before = shift(y, dim=dim, by=1, fill=0.0)
    step = where(logical_and(isinf(y), eq(before, y)), 1.0, exp(before - y))  # from infinity to itself: all of it
    gain = shift(step, dim=dim, by=-1, fill=0.0)
    return exp(x - y) * recurrence(gain, g, dim=dim, reverse=True)


op(
    "logcumsumexp(Tensor input, int dim)",
    "log(cumsum(exp(input))) along dim, computed without overflow.",
    kernel=_logcumsumexp,
    grad=_logcumsumexp_rule,
    shape=_same_with_dim,
    dtype=_floats_only,
    grad_fn="LogcumsumexpBackward0",
    samples=[draw(4, dim=0), draw((2, 3), dim=-1), draw((3, 2), low=-30, high=30, dim=0), draw((), dim=0)],
)
