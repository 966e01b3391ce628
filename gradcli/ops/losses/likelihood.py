"""Losses that are likelihoods: Kullback-Leibler divergence, Poisson and Gaussian negative log-likelihoods."""

from __future__ import annotations

from math import log as log_of
from math import pi
from typing import Any

import numpy as np

from gradcli.errors import ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, number, number_op, op
from gradcli.ops.elementwise.activations import floats
from gradcli.ops.elementwise.arithmetic import mul, sub
from gradcli.ops.elementwise.compare import where
from gradcli.ops.elementwise.explog import exp, log
from gradcli.ops.elementwise.special import xlogy
from gradcli.ops.losses.losses import loss, reduce_loss, reduction_asked
from gradcli.ops.shapes.shape import reshape


def _variance_kernel(x: Any, min: float) -> Any:
    if np.any(np.less(x, 0)):
        raise ValueError_("the variance has a negative element", torch="var has negative entry/entries")
    return np.maximum(x, min)


_variance_floor: Op = op(
    "_variance_floor(Tensor input, float min)",
    "max(input, min); the gradient passes as if nothing had been cut.",
    spelled=["_"],
    kernel=_variance_kernel,
    grad=lambda g, y, x, min: g,
    dtype=floats("clamp"),
    elementwise=True,
)


def _divergence(x: Node, target: Node) -> Any:
    return sub(xlogy(target, target), mul(target, x))


# torch 2 shows the last step, torch 1.0 one name
_KL_NAMES = {"none": "SubBackward0", "sum": "SumBackward0", "mean": "MeanBackward0"}
_kl = {
    reduction: op(
        "_kl_div(Tensor input, Tensor target)",
        "target (log(target) - input).",
        spelled=["_"],
        expands=lambda x, target, reduction=reduction: reduce_loss(_divergence(x, target), reduction),
        grad_fn=("KlDivBackward", name),
    )
    for reduction, name in _KL_NAMES.items()
}


def _kl_expanded(x: Node, target: Node, reduction: str, log_target: bool) -> Any:
    floats("kl_div")((x,), {})
    floats("kl_div")((target,), {})
    part = "sum" if reduction == "batchmean" else reduction
    if log_target:
        result = reduce_loss(mul(exp(target), sub(target, x)), part)
    else:
        result = _kl[part](x, target)
    return result / x.shape[0] if reduction == "batchmean" and x.shape else result


kl_div: Op = loss(
    "kl_div(Tensor input, Tensor target",
    "The mean of target (log(target) - input), where input holds log-probabilities; reduction='batchmean' is the "
    "divergence itself.",
    _kl_expanded,
    [
        draw((2, 3), (2, 3), low=0.1, high=1, reduction="batchmean"),
        draw((2, 3), (2, 3), low=0.1, high=1, reduction="none"),
        draw((2, 3), (2, 3), low=-2, high=0, log_target=True),
    ],
    after=", bool log_target=False",
    more=("batchmean",),
    domain=(0.1, 1.0),
)


def _stirling(target: Node) -> Any:
    """log(target!) for targets above 1, nearly: t log t - t + log(2 pi t) / 2."""
    inside = target > 1
    t = where(inside, target, 1.0)
    return where(inside, t * log(t) - t + log(t * (2 * pi)) * 0.5, 0.0)


def _poisson_expanded(x: Node, target: Node, reduction: str, log_input: bool, full: bool, eps: float) -> Any:
    losses = sub(exp(x), target * x) if log_input else sub(x, target * log(x + eps))
    if full:
        losses = losses + _stirling(target)
    return reduce_loss(losses, reduction)


poisson_nll_loss: Op = loss(
    "poisson_nll_loss(Tensor input, Tensor target, bool log_input=True, bool full=False, bool? size_average=None, "
    "float eps=1e-08",
    "The mean of exp(input) - target input, or of input - target log(input) with log_input=False.",
    _poisson_expanded,
    [
        draw(3, 3, low=0.1, high=3),
        draw(3, 3, low=0.1, high=3, log_input=False),
        draw((2, 3), (2, 3), low=0.1, high=3, full=True, reduction="sum"),
    ],
    last="bool? reduce=None, str reduction='mean'",
    domain=(0.1, 3.0),
)


def _check_variance(x: Node, variance: Node) -> Any:
    """The variance in a shape that goes with the input: equal, or with one number for each row."""
    if variance.op is number_op or variance.shape == x.shape or variance.shape == (*x.shape[:-1], 1):
        return variance
    if x.shape[:-1] == variance.shape and x.ndim:
        return reshape(variance, shape=(*variance.shape, 1))
    raise ValueError_(
        f"var has shape {variance.shape}; for an input of {x.shape} it must be that, or one number for each row",
        torch="var is of incorrect size",
    )


def _gaussian_expanded(x: Node, target: Node, given: Any, full: bool, eps: float, reduction: str) -> Any:
    variance = _check_variance(x, given if type(given) is Node else number(given))
    difference = sub(x, target)
    spread = _variance_floor(variance, min=eps)
    losses = mul(log(spread) + difference**2 / spread, 0.5)
    if full:
        losses = losses + 0.5 * log_of(2 * pi)
    return reduce_loss(losses, reduction)


gaussian_nll_loss: Op = op(
    "gaussian_nll_loss(Tensor input, Tensor target, Operand var, bool full=False, float eps=1e-06, "
    "str reduction='mean')",
    "The mean of (log(var) + (input - target)^2 / var) / 2, with var at least eps.",
    spelled=["F.gaussian_nll_loss"],
    expands=lambda x, target, var, full, eps, reduction: _gaussian_expanded(
        x, target, var, full, eps, reduction_asked(None, None, reduction)
    ),
    domain=(0.2, 2.0),
    samples=[draw(3, 3, 3), draw((2, 3), (2, 3), (2, 1), full=True, reduction="sum"), draw((2, 3), (2, 3), 2)],
)
