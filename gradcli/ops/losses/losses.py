"""Losses of two tensors of one shape: squared, absolute, Huber, and the cross entropies of yes or no.

What the losses of all files share is said here: how they are averaged, and how the names they show depend on it. Losses
of classes are in `crossentropy.py`, of distributions in `likelihood.py`, losses with a margin in `margins.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.errors import DtypeError, RefusedValue, ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, Sample, draw, op
from gradcli.ops.dtyperules import TITLES, check_same
from gradcli.ops.elementwise.activations import floats
from gradcli.ops.elementwise.arithmetic import abs_, mul, sub
from gradcli.ops.elementwise.compare import maximum, where
from gradcli.ops.elementwise.explog import log
from gradcli.ops.elementwise.gates import logsigmoid
from gradcli.ops.reductions.reduce import mean, sum_all
from gradcli.ops.shapes.convert import to_dtype

# torch's arguments of every loss: how the elements become one number, and the old way to say so.
REDUCTION = "bool? size_average=None, bool? reduce=None, str reduction='mean'"


def reduction_asked(size_average: bool | None, reduce: bool | None, reduction: str, more: tuple[str, ...] = ()) -> str:
    """'none', 'sum' or 'mean', also from the two arguments that came before `reduction`.

    Raises: ValueError_ for another word.
    """
    if size_average is not None or reduce is not None:
        if reduce is False:
            return "none"
        return "sum" if size_average is False else "mean"
    if reduction not in ("none", "sum", "mean", *more):
        raise ValueError_(
            f"reduction is {reduction!r}; it can be 'none', 'sum' or 'mean'",
            torch=f"{reduction} is not a valid value for reduction",
        )
    return reduction


def reduce_loss(losses: Node, reduction: str) -> Any:
    """The losses as they are, their sum, or their mean."""
    if reduction == "none":
        return losses
    return sum_all(losses) if reduction == "sum" else mean(losses, dtype=None)


def named_losses(
    arguments: str, doc: str, each: Callable[..., Node], torch2: str, **torch1: str
) -> dict[str, Callable[..., Node]]:
    """The three reductions of a loss, each an op that shows one name in torch 2 and its own in torch 1.

    arguments: name and arguments of the elementwise loss `each`.
    torch1: name by reduction where torch 1.0 wrote the loss out in Python, as it did for a target that requires grad.
    """

    def declare(reduction: str, first: str | None) -> Op:
        return op(
            f"_{arguments}",
            doc,
            spelled=["_"],
            expands=lambda *inputs, **params: reduce_loss(each(*inputs, **params), reduction),
            grad_fn=torch2 if first is None else (first, torch2),
        )

    def by_target(reduction: str) -> Callable[..., Node]:
        plain = declare(reduction, None)
        if reduction not in torch1:
            return plain
        written_out = declare(reduction, torch1[reduction])
        return lambda x, target, **params: (written_out if target.requires_grad else plain)(x, target, **params)

    return {reduction: by_target(reduction) for reduction in ("none", "sum", "mean")}


def loss(
    arguments: str,
    doc: str,
    expands: Callable[..., Node],
    samples: list[Sample],
    *,
    after: str = "",
    more: tuple[str, ...] = (),
    last: str = REDUCTION,
    spelled: tuple[str, ...] = (),
    **options: Any,
) -> Op:
    """A public loss. expands: takes its tensors, its own arguments, and `reduction` as one word.

    arguments: name and arguments before those of the reduction. after: those behind. more: further reductions.
    """
    name = arguments[: arguments.index("(")]

    def expanded(
        *inputs: Any,
        reduction: str = "mean",
        size_average: bool | None = None,
        reduce: bool | None = None,
        **params: Any,
    ) -> Node:
        return expands(*inputs, reduction=reduction_asked(size_average, reduce, reduction, more), **params)

    return op(
        f"{arguments}, {last}{after})",
        doc,
        spelled=[f"F.{name}", *spelled],
        expands=expanded,
        samples=samples,
        **options,
    )


def weighted(losses: Node, weight: Node | None, reduction: str) -> Any:
    """torch's `weight=` of the squared, absolute and Huber losses; the mean is one of weights, too.

    Raises: ValueError_ when the weight has another shape.
    """
    if weight is None:
        return reduce_loss(losses, reduction)
    if weight.shape != losses.shape:
        raise RefusedValue(
            f"the weight has shape {weight.shape}, the losses have {losses.shape}",
            torch="Weights and input must have the same size.",
        )
    if reduction == "mean":
        return sum_all(losses * weight) / sum_all(weight)
    return reduce_loss(losses * weight, reduction)


def _weighted_loss(plain: dict[str, Callable[..., Node]]) -> Callable[..., Node]:
    def expands(x: Node, target: Node, weight: Node | None = None, *, reduction: str, **params: Any) -> Any:
        if weight is not None:
            return weighted(plain["none"](x, target, **params), weight, reduction)
        result: Node = plain[reduction](x, target, **params)
        return result

    return expands


_floating_difference = op(
    "_difference(Tensor input, Tensor other)",
    "input - other, of floating-point tensors.",
    spelled=["_"],
    kernel=np.subtract,
    grad=[lambda g, y, a, b: g, lambda g, y, a, b: -g],
    dtype=floats("mse_cpu"),
    grad_fn="SubBackward0",
    elementwise=True,
)
_mse = named_losses(
    "mse_loss(Tensor input, Tensor target)",
    "(input - target)^2.",
    lambda x, target: _floating_difference(x, target) ** 2,
    "MseLossBackward0",
    none="PowBackward0",
    sum="SumBackward0",
    mean="MeanBackward1",
)
PAIR = [draw(3, 3), draw((2, 3), (2, 3), reduction="sum"), draw((2, 2), (2, 2), reduction="none")]
mse_loss: Op = loss(
    "mse_loss(Tensor input, Tensor target",
    "The mean of (input - target)^2, or their sum, or each.",
    _weighted_loss(_mse),
    PAIR,
    after=", Tensor? weight=None",
)


def _l1_each(x: Node, target: Node) -> Any:
    return abs_(sub(x, target))


# torch 1.0 had an op of its own for a target that does not require grad
_l1_untracked = {
    reduction: op(
        "_l1_loss(Tensor input, Tensor target)",
        "|input - target|.",
        spelled=["_"],
        expands=lambda x, target, reduction=reduction: reduce_loss(_l1_each(x, target), reduction),
        grad_fn=("L1LossBackward", torch2),
    )
    for reduction, torch2 in (("none", "AbsBackward0"), ("sum", "SumBackward0"), ("mean", "MeanBackward0"))
}


def _l1_expanded(x: Node, target: Node, weight: Node | None = None, *, reduction: str) -> Any:
    if weight is None and not target.requires_grad:
        return _l1_untracked[reduction](x, target)
    return weighted(_l1_each(x, target), weight, reduction)


l1_loss: Op = loss(
    "l1_loss(Tensor input, Tensor target",
    "The mean of |input - target|, or their sum, or each; where they are equal the derivative is 0.",
    _l1_expanded,
    PAIR,
    after=", Tensor? weight=None",
)


def _huber_kernel(d: Any, delta: float) -> Any:
    size = np.abs(d)
    return np.where(size < delta, 0.5 * d * d, delta * (size - 0.5 * delta))


huber: Op = op(
    "_huber(Tensor input, Scalar delta)",
    "input^2 / 2 where |input| < delta, else delta (|input| - delta / 2).",
    spelled=["_"],
    kernel=_huber_kernel,
    grad=lambda g, y, d, delta: g * where(d >= delta, delta, where(d <= -delta, -delta, d)),
    dtype=floats("huber_cpu"),
    elementwise=True,
    samples=[draw(4, delta=0.5), draw((2, 3), delta=1.5)],
)
_huber = named_losses(
    "huber_loss(Tensor input, Tensor target, Scalar delta)",
    "The Huber loss of input - target.",
    lambda x, target, delta: to_dtype(huber(sub(x, target), delta=delta), x.dtype),
    "HuberLossBackward0",
)


def _checked_huber(x: Node, target: Node, weight: Node | None = None, *, delta: float, reduction: str) -> Any:
    if delta <= 0:
        raise RefusedValue(
            f"delta is {delta}; it must be positive",
            torch="huber_loss does not support non-positive values for delta.",
        )
    if weight is not None:
        return reduce_loss(_huber["none"](x, target, delta=delta) * weight, reduction)
    return _huber[reduction](x, target, delta=delta)


huber_loss: Op = loss(
    "huber_loss(Tensor input, Tensor target",
    "With d = input - target: d^2 / 2 where |d| < delta, else delta (|d| - delta / 2).",
    _checked_huber,
    [draw(3, 3, delta=1.0), draw((2, 3), (2, 3), reduction="sum", delta=0.5)],
    last="str reduction='mean'",
    after=", Scalar delta=1.0, Tensor? weight=None",
)
_smooth_l1 = named_losses(
    "smooth_l1_loss(Tensor input, Tensor target, Scalar beta)",
    "The Huber loss of input - target, divided by beta.",
    lambda x, target, beta: huber(sub(x, target), delta=beta) / beta,
    "SmoothL1LossBackward0",
    none="SWhereBackward",
    sum="SumBackward0",
    mean="MeanBackward1",
)


def _smooth_l1_expanded(x: Node, target: Node, reduction: str, beta: float) -> Any:
    if beta < 0:
        raise RefusedValue(
            f"beta is {beta}; it must not be negative",
            torch="smooth_l1_loss does not support negative values for beta.",
        )
    if beta == 0:
        return _l1_expanded(x, target, reduction=reduction)
    return _smooth_l1[reduction](x, target, beta=beta)


smooth_l1_loss: Op = loss(
    "smooth_l1_loss(Tensor input, Tensor target",
    "With d = input - target: d^2 / (2 beta) where |d| < beta, else |d| - beta / 2.",
    _smooth_l1_expanded,
    [draw(3, 3, beta=1.0), draw((2, 3), (2, 3), reduction="sum", beta=0.5), draw(3, 3, reduction="none", beta=0.7)],
    after=", Scalar beta=1.0",
)

# --- probabilities


def _check_same_shape(x: Node, target: Node, text: str) -> None:
    if x.shape != target.shape:
        raise ValueError_(
            f"the target has shape {target.shape}, the input has {x.shape}; they must be equal",
            torch=text.format(target=f"torch.Size({list(target.shape)})", input=f"torch.Size({list(x.shape)})"),
        )


def _bce_kernel(x: Any, target: Any) -> Any:
    if np.any((x < 0) | (x > 1)):
        raise RefusedValue(
            "the input must be probabilities, between 0 and 1",
            hint="use binary_cross_entropy_with_logits for numbers that are not",
            torch="all elements of input should be between 0 and 1",
        )
    return (target - 1) * np.maximum(np.log1p(-x), -100) - target * np.maximum(np.log(x), -100)


_bce_each = op(
    "_bce(Tensor input, Tensor target)",
    "-(target log(input) + (1 - target) log(1 - input)), with logarithms cut at -100.",
    spelled=["_"],
    kernel=_bce_kernel,
    grad=[
        lambda g, y, x, t: g * ((x - t) / maximum((1 - x) * x, 1e-12)),
        lambda g, y, x, t: g * (log(1 - x) - log(x)),
    ],
    dtype=floats("binary_cross_entropy"),
    elementwise=True,
    domain=(0.1, 0.9),
    samples=[draw(3, 3, low=0.1, high=0.9)],
)


def _weigh(losses: Node, weight: Node | None) -> Node:
    return losses if weight is None else losses * weight


_bce = named_losses(
    "binary_cross_entropy(Tensor input, Tensor target, Tensor? weight)",
    "The binary cross entropy of probabilities.",
    lambda x, target, weight: _weigh(_bce_each(x, target), weight),
    "BinaryCrossEntropyBackward0",
)


def _bce_expanded(x: Node, target: Node, weight: Node | None = None, *, reduction: str) -> Any:
    _check_same_shape(
        x,
        target,
        "Using a target size ({target}) that is different to the input size ({input}) is deprecated. "
        "Please ensure they have the same size.",
    )
    check_same((x, target), "Found dtype {second} but expected {first}")
    return _bce[reduction](x, target, weight)


binary_cross_entropy: Op = loss(
    "binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None",
    "-(target log(input) + (1 - target) log(1 - input)) of probabilities; logarithms are cut at -100.",
    _bce_expanded,
    [draw(3, 3, low=0.1, high=0.9), draw((2, 2), (2, 2), low=0.1, high=0.9, reduction="sum")],
    domain=(0.0, 1.0),
)


def _bce_logits_each(x: Node, target: Node, weight: Node | None, pos_weight: Node | None) -> Node:
    positive = logsigmoid(x) if pos_weight is None else logsigmoid(x) * (target * (pos_weight - 1) + 1)
    return _weigh(sub(mul(1 - target, x), positive), weight)


_bce_logits = named_losses(
    "binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight, Tensor? pos_weight)",
    "The binary cross entropy of logits.",
    _bce_logits_each,
    "BinaryCrossEntropyWithLogitsBackward0",
)


def _bce_logits_expanded(
    x: Node, target: Node, weight: Node | None = None, pos_weight: Node | None = None, *, reduction: str
) -> Any:
    _check_same_shape(x, target, "Target size ({target}) must be the same as input size ({input})")
    if not target.dtype.floating:
        raise DtypeError(
            f"the target must be a floating-point tensor, not {target.dtype.name}",
            hint="convert it first: target.float()",
            torch=f"result type Float can't be cast to the desired output type {TITLES[target.dtype.name]}",
        )
    return _bce_logits[reduction](x, target, weight, pos_weight)


binary_cross_entropy_with_logits: Op = loss(
    "binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight=None",
    "-(pos_weight target log(sigmoid(input)) + (1 - target) log(sigmoid(-input))), without overflow.",
    _bce_logits_expanded,
    [draw(3, 3), draw((2, 2), (2, 2), reduction="sum")],
    after=", Tensor? pos_weight=None",
)
