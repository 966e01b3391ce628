"""Losses of classes: nll_loss and cross_entropy, of class numbers or of class probabilities.

The classes are dimension 1 of an input (N, C, ...), or dimension 0 of a vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, GradError, IndexError_, RefusedValue, ShapeError, ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, index, op
from gradcli.ops.dtyperules import TITLES, not_taken
from gradcli.ops.elementwise.arithmetic import neg
from gradcli.ops.elementwise.compare import eq, where
from gradcli.ops.indexing.along import take_along
from gradcli.ops.losses.losses import loss, reduce_loss
from gradcli.ops.reductions.reduce import sum_, sum_all
from gradcli.ops.reductions.softmax import log_softmax
from gradcli.ops.shapes.convert import to_dtype
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import Shape


def _class_kernel(target: Any, classes: int, ignore_index: int) -> Any:
    numbers = np.asarray(target).astype(np.int64)
    wrong = (numbers != ignore_index) & ((numbers < 0) | (numbers >= classes))
    if np.any(wrong):
        first = numbers[wrong].flat[0] if numbers.shape else numbers
        raise IndexError_(
            f"the target has class {int(first)}; there are {classes} classes, 0 to {classes - 1}",
            torch=f"Target {int(first)} is out of bounds.",
        )
    return np.where(numbers == ignore_index, 0, numbers)


_class_index = op(
    "_class_index(Tensor input, int classes, int ignore_index)",
    "Class numbers, checked; 0 for those to be ignored.",
    spelled=["_"],
    kernel=_class_kernel,
    dtype=index,
)


def _class_dim(x: Node) -> int:
    return 1 if x.ndim > 1 else 0


def _with_class(shape: Shape, dim: int, size: int = 1) -> Shape:
    return (*shape[:dim], size, *shape[dim:])


def _check_classes(x: Node, target: Node, weight: Node | None) -> None:
    """Refuse targets and weights that do not go with an input of class scores."""
    if not x.shape:
        raise ShapeError(
            "the input needs a dimension of classes; it is a 0-d tensor", torch="input tensor should be 1D or 2D"
        )
    if target.dtype not in (dtypes.int64, dtypes.uint8):
        name = TITLES[target.dtype.name]
        raise DtypeError(
            f"class numbers must be int64, not {target.dtype.name}",
            hint="convert them: target.long()" if target.shape != x.shape else None,
            torch=f"expected target dtype to be Long or Byte, but got {name}",
        )
    dim = _class_dim(x)
    wanted = (*x.shape[:dim], *x.shape[dim + 1 :])
    if target.shape != wanted:
        if x.ndim > 1 and target.shape[:1] != x.shape[:1] and target.shape:
            raise ValueError_(
                f"the batches differ: the input has {x.shape[0]} rows, the target {target.shape[0]}",
                torch=f"Expected input batch_size ({x.shape[0]}) to match target batch_size ({target.shape[0]}).",
            )
        raise ShapeError(
            f"the target has shape {target.shape}; for an input of {x.shape} it must be {wanted}",
            torch=f"Expected target size {list(wanted)}, got {list(target.shape)}",
        )
    _check_weight(x, weight)


def _check_weight(x: Node, weight: Node | None) -> None:
    classes = x.shape[_class_dim(x)]
    if weight is not None and weight.shape != (classes,):
        raise ShapeError(
            f"the weight has shape {weight.shape}; with {classes} classes it must be ({classes},)",
            torch=f"weight tensor should be defined either for all {classes} classes or no classes "
            f"but got weight tensor of shape: {list(weight.shape)}",
        )
    if weight is not None and weight.requires_grad:
        raise GradError(
            "there is no derivative with respect to the weight",
            hint="use weight.detach()",
            torch="the derivative for 'weight' is not implemented",
        )


def _taken(x: Node, target: Node, ignore_index: int) -> tuple[Node, Node]:
    """The scores of the target classes, and the class numbers they were taken at."""
    dim = _class_dim(x)
    numbers = _class_index(target, classes=x.shape[dim], ignore_index=ignore_index)
    at = reshape(numbers, shape=_with_class(target.shape, dim))
    return reshape(take_along(x, at, dim=dim), shape=target.shape), numbers


def _target_weights(x: Node, target: Node, weight: Node | None, numbers: Node, ignore_index: int) -> Node:
    """The weight of each target: that of its class, 1 without weights, 0 where it is ignored."""
    ignored = eq(target, ignore_index)
    if weight is None:
        return to_dtype(where(ignored, 0.0, 1.0), x.dtype)
    of_class = reshape(take_along(weight, reshape(numbers, shape=(-1,)), dim=0), shape=target.shape)
    return where(ignored, 0.0, of_class)


def _nll(x: Node, target: Node, weight: Node | None, reduction: str, ignore_index: int) -> Any:
    picked, numbers = _taken(x, target, ignore_index)
    losses = where(eq(target, ignore_index), 0.0, neg(picked))
    if weight is None and reduction != "mean":
        return reduce_loss(losses, reduction)
    weights = _target_weights(x, target, weight, numbers, ignore_index)
    if weight is not None:
        losses = losses * weights
    return sum_all(losses) / sum_all(weights) if reduction == "mean" else reduce_loss(losses, reduction)


def _named_nll(grad_fn: str) -> Op:
    return op(
        "_nll_loss(Tensor input, Tensor target, Tensor? weight, str reduction, int ignore_index)",
        "-input at the target classes.",
        spelled=["_"],
        expands=_nll,
        grad_fn=grad_fn,
    )


_nll_rows = _named_nll("NllLossBackward0")
_nll_planes = _named_nll("NllLoss2DBackward0")
_nll_viewed = _named_nll("ViewBackward0")


def _nll_expanded(x: Node, target: Node, weight: Node | None = None, *, reduction: str, ignore_index: int) -> Any:
    if not x.dtype.floating:
        raise not_taken(x.dtype, "nll_loss_out_frame")
    _check_classes(x, target, weight)
    if x.ndim <= 2:
        named = _nll_rows
    else:
        named = _nll_viewed if reduction == "none" and x.ndim != 4 else _nll_planes
    return named(x, target, weight, reduction=reduction, ignore_index=ignore_index)


# torch's order of arguments: `reduction` is neither first nor last
IGNORING = "bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean'"

nll_loss: Op = loss(
    "nll_loss(Tensor input, Tensor target, Tensor? weight=None",
    "The mean of -weight[target] input[target], where input holds log-probabilities of classes in dimension 1.",
    _nll_expanded,
    [
        draw((3, 4), target=[1, 3, 0]),
        draw((2, 3, 2), target=[[0, 1], [2, 1]], ignore_index=1, reduction="sum"),
        draw((2, 3), target=[2, 0], weight=[0.5, 1.0, 2.0]),
        draw(3, target=1, reduction="none"),
    ],
    last=IGNORING,
)


def _smoothed(
    x: Node, target: Node, weight: Node | None, reduction: str, ignore_index: int, label_smoothing: float
) -> Any:
    """A part label_smoothing of each target spread evenly over all classes. x: log-probabilities."""
    dim = _class_dim(x)
    nll = _nll(x, target, weight, reduction, ignore_index)
    scores = x if weight is None else x * reshape(weight, shape=(-1,) + (1,) * (x.ndim - 1 - dim))
    smooth = where(eq(target, ignore_index), 0.0, neg(sum_(scores, dim=dim, keepdim=False)))
    if reduction == "mean":
        _, numbers = _taken(x, target, ignore_index)
        weights = _target_weights(x, target, weight, numbers, ignore_index)
        smooth = sum_all(smooth) / sum_all(weights)
    else:
        smooth = reduce_loss(smooth, reduction)
    return nll * (1 - label_smoothing) + smooth * (label_smoothing / x.shape[dim])


_divided_by_count = op(
    "_divided(Tensor input, Scalar other)",
    "input / other.",
    spelled=["_"],
    expands=lambda x, other: x / other,
    grad_fn=("DivBackward1", "DivBackward1"),
)


def _of_probabilities(x: Node, target: Node, weight: Node | None, reduction: str, label_smoothing: float) -> Any:
    """-sum(target x) over the classes. x: log-probabilities."""
    if not target.dtype.floating:
        raise DtypeError(
            f"class probabilities must be floating-point, not {target.dtype.name}",
            hint="convert them: target.float()",
            torch=f"Expected floating point type for target with class probabilities, got {TITLES[target.dtype.name]}",
        )
    _check_weight(x, weight)
    dim = _class_dim(x)
    classes = x.shape[dim]
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    terms = x * target
    if weight is not None:
        terms = terms * reshape(weight, shape=(-1,) + (1,) * (x.ndim - 1 - dim))
    if reduction == "none":
        return neg(sum_(terms, dim=dim, keepdim=False))
    total: Node = neg(sum_all(terms))
    if reduction == "mean":
        total = _divided_by_count(total, other=x.size // max(classes, 1))
    return total


def _cross_entropy_expanded(
    x: Node,
    target: Node,
    weight: Node | None = None,
    *,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
) -> Any:
    if not x.shape:
        raise ShapeError(
            "the input needs a dimension of classes; it is a 0-d tensor",
            torch="Dimension out of range (expected to be in range of [-1, 0], but got 1)",
        )
    if not 0 <= label_smoothing <= 1:
        raise RefusedValue(
            f"label_smoothing is {label_smoothing}; it must be between 0 and 1",
            torch=f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}",
        )
    if not x.dtype.floating:
        raise not_taken(x.dtype, "log_softmax_lastdim_kernel_impl")
    scores = log_softmax(x, dim=_class_dim(x), dtype=None)
    if target.shape == x.shape:
        return _of_probabilities(scores, target, weight, reduction, label_smoothing)
    if label_smoothing > 0:
        _check_classes(x, target, weight)
        return _smoothed(scores, target, weight, reduction, ignore_index, label_smoothing)
    return _nll_expanded(scores, target, weight, reduction=reduction, ignore_index=ignore_index)


cross_entropy: Op = loss(
    "cross_entropy(Tensor input, Tensor target, Tensor? weight=None",
    "-log(softmax(input)[target]), averaged; the target holds classes, or probabilities of classes.",
    _cross_entropy_expanded,
    [
        draw((3, 4), (3, 4), low=0.1, high=1),
        draw((2, 3, 2), (2, 3, 2), low=0.1, high=1, label_smoothing=0.2),
        draw((3, 4), target=[1, 3, 0]),
        draw((2, 3, 2), target=[[0, 1], [2, 1]], ignore_index=1, label_smoothing=0.3),
        draw((2, 3), target=[2, 0], weight=[0.5, 1.0, 2.0], label_smoothing=0.1),
    ],
    last=IGNORING,
    after=", float label_smoothing=0.0",
)
