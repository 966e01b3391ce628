"""Losses with a margin: ranking, embedding, triplets, and the margins between classes and between labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.errors import (
    DtypeError,
    GradError,
    IndexError_,
    NotImplementedError_,
    RefusedValue,
    ShapeError,
    ValueError_,
)
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, index, op
from gradcli.ops.elementwise.activations import derivative, floats
from gradcli.ops.elementwise.arithmetic import add, neg, sub
from gradcli.ops.elementwise.compare import eq, minimum, ne, where
from gradcli.ops.elementwise.explog import sigmoid, sqrt
from gradcli.ops.elementwise.gates import logsigmoid
from gradcli.ops.elementwise.limits import clamp_min, relu
from gradcli.ops.indexing.along import take_along
from gradcli.ops.losses.distances import pairwise_distance_of
from gradcli.ops.losses.losses import loss, named_losses, reduce_loss
from gradcli.ops.reductions.reduce import sum_dim
from gradcli.ops.shapes.shape import reshape

# cosine_embedding_loss adds this to the squares of its lengths
COSINE_EPS = 1e-12


def _over_classes(x: Node, dim: int = -1) -> Any:
    return sum_dim(x, dim=dim, keepdim=False)


def refuse_gradient(name: str, **given: Node | None) -> None:
    """Refuse arguments that require a gradient where torch has no derivative with respect to them."""
    for argument, node in given.items():
        if node is not None and node.requires_grad:
            raise GradError(
                f"there is no derivative with respect to {argument}",
                hint=f"use {argument}.detach()",
                torch=f"The function '{name}' is not differentiable with respect to argument '{argument}'. "
                "This input cannot have requires_grad True.",
            )


def _hinge_embedding(x: Node, target: Node, reduction: str, margin: float) -> Any:
    apart = where(ne(target, 1), clamp_min(margin - x, min=0), 0.0)
    together = where(ne(target, -1), x, 0.0)
    return reduce_loss(add(apart, together), reduction)


hinge_embedding_loss: Op = loss(
    "hinge_embedding_loss(Tensor input, Tensor target, float margin=1.0",
    "input where target is 1, max(0, margin - input) where it is -1; averaged.",
    _hinge_embedding,
    [draw(4, 4, low=0.1, high=0.9), draw((2, 2), (2, 2), low=0.1, high=0.9, margin=2.0, reduction="sum")],
)


def _cosine_embedding(a: Node, b: Node, target: Node, reduction: str, margin: float) -> Any:
    if target.ndim > 1 or a.ndim != target.ndim + 1 or b.ndim != target.ndim + 1:
        raise ShapeError(
            f"a target of shape {target.shape} needs inputs of one dimension more, not {a.shape} and {b.shape}",
            torch=f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes "
            f"{list(a.shape)} and {list(b.shape)}.",
        )
    lengths = (_over_classes(a * a) + COSINE_EPS) * (_over_classes(b * b) + COSINE_EPS)
    cosine = _over_classes(a * b) / sqrt(lengths)
    together = where(eq(target, 1), 1 - cosine, 0.0)
    apart = where(eq(target, -1), clamp_min(cosine - margin, min=0), 0.0)
    return reduce_loss(add(together, apart), reduction)


cosine_embedding_loss: Op = loss(
    "cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0",
    "With c the cosine of input1 and input2: 1 - c where target is 1, max(0, c - margin) where it is -1; averaged.",
    _cosine_embedding,
    [draw((2, 3), (2, 3), target=[1.0, -1.0], margin=-0.9), draw(3, 3, target=1.0, reduction="sum")],
)


def _margin_ranking(a: Node, b: Node, target: Node, reduction: str, margin: float) -> Any:
    if not a.ndim == b.ndim == target.ndim:
        raise ShapeError(
            f"the inputs and the target must have as many dimensions: {a.shape}, {b.shape} and {target.shape}",
            torch="margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: torch.Size({list(a.shape)}), input2: torch.Size({list(b.shape)}), "
            f"target: torch.Size({list(target.shape)}) ",
        )
    return reduce_loss(clamp_min(neg(target) * sub(a, b) + margin, min=0), reduction)


margin_ranking_loss: Op = loss(
    "margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0",
    "The mean of max(0, margin - target (input1 - input2)).",
    _margin_ranking,
    [draw(3, 3, 3, margin=0.5), draw((2, 2), (2, 2), (2, 2), margin=9.0, reduction="sum")],
)


def _triplet(
    anchor: Node, positive: Node, negative: Node, margin: float, p: float, eps: float, swap: bool, reduction: str
) -> Any:
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ShapeError(
            "anchor, positive and negative must have as many dimensions: "
            f"{anchor.shape}, {positive.shape} and {negative.shape}",
            torch="The anchor, positive, and negative tensors are expected to have the same number of dimensions, "
            f"but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs",
        )
    if margin <= 0:
        raise ValueError_(
            f"margin is {margin}; it must be positive", torch=f"margin must be greater than 0, got {margin}"
        )
    near = pairwise_distance_of(anchor, positive, p, eps)
    far = pairwise_distance_of(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance_of(positive, negative, p, eps))
    return reduce_loss(clamp_min(margin + near - far, min=0), reduction)


triplet_margin_loss: Op = loss(
    "triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1.0, float p=2, "
    "float eps=1e-06, bool swap=False",
    "The mean of max(0, margin + |anchor - positive| - |anchor - negative|), with p-norms; swap=True uses "
    "|positive - negative| where it is smaller.",
    _triplet,
    [
        draw((2, 3), (2, 3), (2, 3), margin=9.0),
        draw((2, 3), (2, 3), (2, 3), margin=9.0, swap=True, reduction="sum"),
        draw((2, 3), (2, 3), (2, 3), margin=0.1, p=3.0),
    ],
)

op(
    "triplet_margin_with_distance_loss(Tensor anchor, Tensor positive, Tensor negative, *, any distance_function=None, "
    "float margin=1.0, bool swap=False, str reduction='mean')",
    "The mean of max(0, margin + |anchor - positive| - |anchor - negative|); functions of distance are left out.",
    spelled=["F.triplet_margin_with_distance_loss"],
    expands=lambda anchor, positive, negative, distance_function, **params: _triplet_at_distance(
        anchor, positive, negative, distance_function, params
    ),
    samples=[draw((2, 3), (2, 3), (2, 3), margin=9.0)],
)


def _triplet_at_distance(
    anchor: Node, positive: Node, negative: Node, distance_function: Any, params: dict[str, Any]
) -> Any:
    if distance_function is not None:
        raise NotImplementedError_(
            "distance_function other than None is not available",
            hint="write the loss out: clamp(margin + near - far, 0)",
        )
    return _triplet(anchor, positive, negative, p=2, eps=1e-6, **params)


# --- margins between classes


def _target_rows(name: str, x: Node, target: Node, wanted: tuple[int, ...]) -> None:
    if target.dtype.name != "int64":
        raise DtypeError(
            f"the target must be int64, not {target.dtype.name}",
            hint="convert it: target.long()",
            torch="expected scalar type Long but found Float",
        )
    if target.shape != wanted:
        raise ShapeError(
            f"the target has shape {target.shape}; for an input of {x.shape} it must be {wanted}",
            torch=f"{name}: inconsistent target size: {list(target.shape)} for input of size: {list(x.shape)}",
        )


def _checked_class(target: Any, classes: int) -> Any:
    if np.any((target < 0) | (target >= classes)):
        raise IndexError_(f"the target has a class that is not one of 0 to {classes - 1}", torch="target out of range")
    return target


_class_number = op(
    "_class_number(Tensor input, int classes)",
    "Class numbers, checked.",
    spelled=["_"],
    kernel=_checked_class,
    dtype=lambda inputs, params: (None, inputs[0].dtype),
)


def _each_multi_margin(x: Node, target: Node, weight: Node | None, p: int, margin: float) -> Any:
    classes = x.shape[-1]
    at = reshape(_class_number(target, classes=classes), shape=(*target.shape, 1))
    short = relu(margin - take_along(x, at, dim=x.ndim - 1) + x)
    missing = short if p == 1 else short * short
    if weight is not None:
        missing = missing * reshape(take_along(weight, reshape(at, shape=(-1,)), dim=0), shape=at.shape)
    others = where(eq(at, _class_numbers(at, classes=classes)), 0.0, missing)
    return _over_classes(others) / classes


_class_numbers = op(
    "_class_numbers(Tensor input, int classes)",
    "0, 1, ... for the classes.",
    spelled=["_"],
    kernel=lambda x, classes: np.arange(classes),
    shape=lambda inputs, params: (params["classes"],),
    dtype=lambda inputs, params: (None, inputs[0].dtype),
)
_multi_margin = named_losses(
    "multi_margin_loss(Tensor input, Tensor target, Tensor? weight, int p, float margin)",
    "The mean over the other classes of max(0, margin - input[target] + input)^p.",
    _each_multi_margin,
    "MultiMarginLossBackward0",
)


def _multi_margin_expanded(
    x: Node, target: Node, weight: Node | None = None, *, reduction: str, p: int, margin: float
) -> Any:
    if p not in (1, 2):
        raise RefusedValue(f"p is {p}; it can be 1 or 2", torch="only p == 1 and p == 2 supported")
    if x.ndim > 2:
        raise ShapeError(f"the input must be a vector or a matrix of class scores, not {x.shape}")
    if not x.ndim:  # the score of a single class
        x = reshape(x, shape=(1,))
    if x.ndim == 1 and target.shape == (1,):
        target = reshape(target, shape=())
    _target_rows("multi_margin_loss", x, target, x.shape[:-1])
    if weight is not None and weight.shape != x.shape[-1:]:
        raise ShapeError(
            f"the weight has shape {weight.shape}; with {x.shape[-1]} classes it must be ({x.shape[-1]},)",
            torch=f"inconsistent weight size: {list(weight.shape)}",
        )
    refuse_gradient("multi_margin_loss", weight=weight)
    return _multi_margin[reduction](x, target, weight, p=p, margin=margin)


multi_margin_loss: Op = loss(
    "multi_margin_loss(Tensor input, Tensor target, int p=1, float margin=1.0, Tensor? weight=None",
    "The mean over the other classes of weight[target] max(0, margin - input[target] + input)^p.",
    _multi_margin_expanded,
    [
        draw((2, 3), target=[2, 0]),
        draw((2, 3), target=[1, 1], p=2, margin=0.5, reduction="none", weight=[0.5, 1.0, 2.0]),
    ],
)


def _label_counts(target: Any) -> Any:
    """How often each class is listed before the first -1."""
    classes = target.shape[-1] if target.ndim else 1
    rows = target.reshape(-1, classes)
    listed = np.cumprod(rows >= 0, axis=-1, dtype=bool)
    if np.any(rows[listed] >= classes) or np.any(rows < -1):
        raise IndexError_(
            f"the target has a class that is not one of 0 to {classes - 1}",
            torch="argument #2 'target' is out of range",
        )
    count = np.zeros(rows.shape, np.int64)
    row, _ = np.nonzero(listed)
    np.add.at(count, (row, rows[listed]), 1)
    return count.reshape(target.shape)


_labels = op(
    "_labels(Tensor input)",
    "How often each class is listed before the first -1.",
    spelled=["_"],
    kernel=_label_counts,
    dtype=index,
)


def _each_multilabel_margin(x: Node, target: Node) -> Any:
    """Every listed class against every class that is not: a label listed twice counts twice, as in torch."""
    classes = x.shape[-1] if x.ndim else 1
    labels = _labels(target)
    column, row = (*x.shape[:-1], classes, 1), (*x.shape[:-1], 1, classes)
    inside, outside = reshape(labels, shape=column), reshape(labels, shape=row)
    short = relu(1 - reshape(x, shape=column) + reshape(x, shape=row))
    pairs = where(outside > 0, 0.0, short) * inside
    return _over_classes(_over_classes(pairs)) / classes


_multilabel_margin = named_losses(
    "multilabel_margin_loss(Tensor input, Tensor target)",
    "The mean over labels and other classes of max(0, 1 - input[label] + input[other]).",
    _each_multilabel_margin,
    "MultilabelMarginLossBackward0",
)


def _multilabel_margin_expanded(x: Node, target: Node, reduction: str) -> Any:
    if x.ndim > 2:
        raise ShapeError(f"the input must be a vector or a matrix of class scores, not {x.shape}")
    _target_rows("multilabel_margin_loss", x, target, x.shape)
    return _multilabel_margin[reduction](x, target)


multilabel_margin_loss: Op = loss(
    "multilabel_margin_loss(Tensor input, Tensor target",
    "The sum over the labels (listed in target up to -1) and the other classes of max(0, 1 - input[label] + "
    "input[other]), divided by the number of classes.",
    _multilabel_margin_expanded,
    [draw((2, 4), target=[[3, 0, -1, 1], [1, -1, 0, 0]]), draw(3, target=[1, 2, -1], reduction="sum")],
)


def _multilabel_soft(x: Node, target: Node, weight: Node | None = None, *, reduction: str) -> Any:
    terms = neg(target * logsigmoid(x) + (1 - target) * logsigmoid(neg(x)))
    if weight is not None:
        terms = terms * weight
    return reduce_loss(_over_classes(terms) / (x.shape[-1] if x.ndim else 1), reduction)


multilabel_soft_margin_loss: Op = loss(
    "multilabel_soft_margin_loss(Tensor input, Tensor target, Tensor? weight=None",
    "The mean over the classes of -(target log(sigmoid(input)) + (1 - target) log(sigmoid(-input))).",
    _multilabel_soft,
    [draw((2, 3), (2, 3)), draw(3, 3, reduction="sum")],
)
_soft_margin_backward = derivative(
    "soft_margin",
    "-grad target sigmoid(-target input).",
    "Tensor target",
    lambda g, x, target: g * neg(target) * sigmoid(neg(target * x)),
    "SoftMarginLossBackwardBackward0",
)
_each_soft_margin = op(
    "_each_soft_margin(Tensor input, Tensor target)",
    "log(1 + exp(-target input)).",
    spelled=["_"],
    kernel=lambda x, target: np.log1p(np.exp(-target * x)),
    grad=[lambda g, y, x, target: _soft_margin_backward(g, x, target), None],
    dtype=floats("soft_margin_loss"),
    elementwise=True,
)
_soft_margin = named_losses(
    "soft_margin_loss(Tensor input, Tensor target)",
    "log(1 + exp(-target input)).",
    lambda x, target: _each_soft_margin(x, target),
    "SoftMarginLossBackward0",
)


def _soft_margin_expanded(x: Node, target: Node, reduction: str) -> Any:
    refuse_gradient("soft_margin_loss", target=target)
    return _soft_margin[reduction](x, target)


soft_margin_loss: Op = loss(
    "soft_margin_loss(Tensor input, Tensor target",
    "The mean of log(1 + exp(-target input)), where target is 1 or -1.",
    _soft_margin_expanded,
    [draw(3, target=[1.0, -1.0, 1.0]), draw((1, 2), target=[[1.0, -1.0]], reduction="none")],
)
