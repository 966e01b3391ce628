"""ctc_loss: the negative log-likelihood of label sequences, summed over all their alignments with a longer sequence.

Source: Graves et al., "Connectionist Temporal Classification" (2006), the forward variables, in logarithms. A sequence
of S labels has 2 S + 1 states, a blank around every label; a step stays, moves on, or skips a blank between two labels
that differ. The recursion is made of graph ops, a few for each step in time, so any derivative follows. torch returns
the gradient of a log_softmax before the loss: for log_probs that come from one, both are the same.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from gradcli.dtypes import bool_
from gradcli.errors import RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, index, kept, leaf, op
from gradcli.ops.elementwise.activations import floats
from gradcli.ops.elementwise.arithmetic import neg
from gradcli.ops.elementwise.compare import eq, where
from gradcli.ops.elementwise.explog import exp, sigmoid
from gradcli.ops.elementwise.limits import clamp_min
from gradcli.ops.indexing.along import take_along
from gradcli.ops.layers.padding import constant
from gradcli.ops.losses.losses import reduce_loss, reduction_asked
from gradcli.ops.reductions.reduce import mean, sum_dim
from gradcli.ops.reductions.softmax import log_softmax
from gradcli.ops.shapes.convert import to_dtype
from gradcli.ops.shapes.part import select
from gradcli.ops.shapes.shape import expand, reshape, squeeze_dim
from gradcli.shapes import Shape

# The logarithm of a probability of 0: finite, so that no derivative is inf - inf.
NOTHING = -1e30


def _rows(targets: Any, lengths: Any, width: int) -> Any:
    """The labels of each sequence as a row, whether they came as rows or one after the other."""
    if targets.ndim == 2:
        return targets
    rows = np.zeros((len(lengths), width), np.int64)
    start = 0
    for row, length in zip(rows, lengths, strict=True):
        row[:length] = targets[start : start + length]
        start += length
    return rows


def _states_kernel(targets: Any, lengths: Any, blank: int, classes: int, width: int) -> Any:
    rows = _rows(targets, lengths, width)
    states = np.full((len(lengths), 2 * width + 1), blank, np.int64)
    states[:, 1::2] = np.where(np.arange(width) < lengths[:, None], rows, blank)
    if np.any((states < 0) | (states >= classes)):
        raise RefusedValue(
            f"the targets have a class that is not one of 0 to {classes - 1}",
            torch=f"Expected all targets to be between 0 and {classes - 1}",
        )
    return states


_states = op(
    "_ctc_states(Tensor targets, Tensor lengths, int blank, int classes, int width)",
    "The labels of each sequence with blanks around them.",
    spelled=["_"],
    kernel=_states_kernel,
    shape=lambda inputs, params: (inputs[1].shape[0], 2 * params["width"] + 1),
    dtype=index,
)


def _skips_kernel(states: Any) -> Any:
    allowed = np.zeros(states.shape, bool)
    allowed[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    return allowed


_skips = op(
    "_ctc_skips(Tensor states)",
    "Whether the blank before a state can be skipped: its label differs from the one before.",
    spelled=["_"],
    kernel=_skips_kernel,
    dtype=lambda inputs, params: (None, bool_),
)


_log_sum = op(
    "_log_sum(Tensor input, Tensor other)",
    "log(exp(input) + exp(other)), also of logarithms of nothing.",
    spelled=["_"],
    kernel=np.logaddexp,
    grad=[lambda g, y, a, b: g * sigmoid(a - b), lambda g, y, a, b: g * sigmoid(b - a)],
    grad_fn="LogaddexpBackward0",
    elementwise=True,
    samples=[draw(3, 3), draw((2, 3), 3)],
)


def _forward(log_probs: Node, states: Node, input_lengths: Node, target_lengths: Node) -> Any:
    """The loss of each sequence."""
    steps, batch, _ = log_probs.shape
    width = states.shape[1]
    emitted = take_along(log_probs, expand(reshape(states, shape=(1, batch, width)), size=(steps, batch, width)), dim=2)
    skips = _skips(states)
    alpha = where(leaf(np.arange(width) < 2), select(emitted, dim=0, index=0), NOTHING) if steps else None
    lasting = reshape(input_lengths, shape=(batch, 1))
    for at in range(1, steps):
        moved = _log_sum(alpha, constant(alpha, pad=(1, -1), value=NOTHING))
        skipped = where(skips, constant(alpha, pad=(2, -2), value=NOTHING), NOTHING)
        alpha = where(lasting > at, _log_sum(moved, skipped) + select(emitted, dim=0, index=at), alpha)
    last = reshape(target_lengths * 2, shape=(batch, 1))
    ended = take_along(alpha, last, dim=1)
    labelled = where(last > 0, take_along(alpha, clamp_min(last - 1, min=0), dim=1), NOTHING)
    return neg(reshape(_log_sum(ended, labelled), shape=(batch,)))


# torch takes log_probs for what log_softmax gives, and shares the cotangents out as log_softmax does
_normalized = op(
    "_normalized(Tensor input)",
    "input, which log_softmax made.",
    spelled=["_"],
    kernel=lambda x: x,
    grad=lambda g, y, x: g - exp(x) * sum_dim(g, dim=-1, keepdim=True),
    dtype=kept,
)


def _each(log_probs: Node, targets: Node, input_lengths: Node, target_lengths: Node, blank: int) -> Any:
    width = targets.shape[-1]
    states = _states(targets, target_lengths, blank=blank, classes=log_probs.shape[2], width=width)
    losses = _forward(_normalized(log_probs), states, input_lengths, target_lengths)
    return where(losses > -NOTHING / 2, inf, losses)


_named = op(
    "_ctc_loss(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, int blank)",
    "The negative log-likelihood of each label sequence.",
    spelled=["_"],
    expands=_each,
    grad_fn="CtcLossBackward0",
)


def _check(log_probs: Node, targets: Node, lengths: tuple[Shape, ...], blank: int) -> None:
    floats("ctc_loss_cpu")((log_probs,), {})
    steps, batch, classes = log_probs.shape
    if any(shape not in ((), (batch,)) for shape in lengths) or 0 in (steps, batch):
        raise ShapeError(
            f"log_probs is (time, batch, classes), {log_probs.shape}; there must be {batch} lengths",
            torch=f"input_lengths must be of size batch_size, {batch}",
        )
    if not 0 <= blank < classes:
        raise RefusedValue(
            f"blank is {blank}; it must be one of 0 to {classes - 1}", torch="blank must be in label range"
        )
    if targets.ndim not in (1, 2) or targets.dtype.floating:
        raise ShapeError(
            f"the targets must be rows of labels, or one vector of them, not {targets.dtype.name} of {targets.shape}",
            torch="targets must be 1-D or 2-D",
        )


def _ctc(
    log_probs: Node,
    targets: Node,
    input_lengths: Node,
    target_lengths: Node,
    blank: int,
    reduction: str,
    zero_infinity: bool,
) -> Any:
    alone = log_probs.ndim == 2
    if alone:
        log_probs = reshape(log_probs, shape=(log_probs.shape[0], 1, log_probs.shape[1]))
    if log_probs.ndim != 3:
        raise ShapeError(
            f"log_probs must be (time, batch, classes), not {log_probs.shape}",
            torch=f"log_probs must be 3-D, but got {log_probs.ndim}-D",
        )
    _check(log_probs, targets, (input_lengths.shape, target_lengths.shape), blank)
    batch = log_probs.shape[1]
    first, second = (reshape(lengths, shape=(batch,)) for lengths in (input_lengths, target_lengths))
    losses = _named(log_probs, targets, first, second, blank=blank)
    if zero_infinity:
        losses = where(eq(losses, inf), 0.0, losses)
    if reduction == "mean":
        return mean(losses / to_dtype(clamp_min(second, min=1), losses.dtype), dtype=None)
    if alone and reduction == "none":
        return squeeze_dim(losses, dim=0)
    return reduce_loss(losses, reduction)


def _lengths(given: Any) -> Node:
    return leaf(np.asarray(given, dtype=np.int64))


def _log_probabilities(x: Node) -> Any:
    """What the samples make of the numbers that are drawn."""
    return log_softmax(x, dim=-1, dtype=None)


_DOC = (
    "-log of the probability that the classes, step by step, read as the targets once repeats and blanks are dropped; "
    "the mean is one of losses per label."
)
ctc_loss: Op = op(
    "ctc_loss(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, int blank=0, "
    "str reduction='mean', bool zero_infinity=False)",
    _DOC,
    spelled=["F.ctc_loss"],
    expands=lambda x, targets, first, second, blank, reduction, zero_infinity: _ctc(
        x, targets, first, second, blank, reduction_asked(None, None, reduction), zero_infinity
    ),
    samples=[
        draw(
            (4, 2, 3), targets=[[1, 2], [2, 2]], input_lengths=[4, 4], target_lengths=[2, 1], drawn=_log_probabilities
        ),
        draw((3, 3), targets=[1, 1], input_lengths=3, target_lengths=2, reduction="none", drawn=_log_probabilities),
    ],
)
op(
    "ctc_loss(Tensor log_probs, Tensor targets, ints input_lengths, ints target_lengths, int blank=0, "
    "str reduction='mean', bool zero_infinity=False)",
    _DOC,
    spelled=["F.ctc_loss"],
    expands=lambda x, targets, input_lengths, target_lengths, blank, reduction, zero_infinity: _ctc(
        x,
        targets,
        _lengths(input_lengths),
        _lengths(target_lengths),
        blank,
        reduction_asked(None, None, reduction),
        zero_infinity,
    ),
    samples=[
        draw(
            (4, 2, 3),
            targets=[1, 2, 2],
            input_lengths=(4, 3),
            target_lengths=(2, 1),
            reduction="sum",
            blank=0,
            drawn=_log_probabilities,
        )
    ],
)
