"""Forms of the three convolutions: a batch becomes more examples, more channels, or more groups of channels.

Shapes: input (N, groups * C, *size), weight (groups * O, C, *kernel), output (N, groups * O, *out); a batch B of one
operand is folded into a dimension that only this operand shares with the result, a batch of both into the groups.
"""

from __future__ import annotations

from gradcli.autodiff.forms import Batch, form
from gradcli.graph.node import Node
from gradcli.ops.shapes.order import move_dim, permute
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import Shape


@form("convolution._correlate")
def correlated(batch: Batch) -> Node:
    """Input and weight; the batch of an input is examples, that of a weight channels of the output."""
    (x, w), groups = batch.inputs, batch.node.params["groups"]
    if all(batch.flags):
        return _unfolded(batch, _apply(batch, _examples_last(x), _joined(w)), after=1)
    if batch.flags[0]:
        return _unfolded(batch, _apply(batch, _joined(x), w, groups), after=0)
    return _split_channels(batch, _apply(batch, x, _among_channels(w, 1, groups), groups), 1)


@form("convolution._spread_kernel")
def spread(batch: Batch) -> Node:
    """Output and weight; the batch of an output is examples, that of a weight channels of the input."""
    (g, w), groups = batch.inputs, batch.node.params["groups"]
    if all(batch.flags):
        return _unfolded(batch, _apply(batch, _examples_last(g), _joined(w)), after=1)
    if batch.flags[0]:
        return _unfolded(batch, _apply(batch, _joined(g), w, groups), after=0)
    turned = permute(w, dims=(1, 0, *range(2, w.ndim)))  # O, B, C
    weight = reshape(turned, shape=(w.shape[1], w.shape[0] * w.shape[2], *w.shape[3:]))
    return _split_channels(batch, _apply(batch, g, weight, groups), 1)


@form("convolution._correlate_output")
def correlated_output(batch: Batch) -> Node:
    """Input and output; the batch of an input is channels of the weight's second dimension, of an output its first."""
    (x, g), groups = batch.inputs, batch.node.params["groups"]
    if all(batch.flags):
        return _unfolded(batch, _apply(batch, _examples_last(x), _examples_last(g)), after=0)
    if batch.flags[1]:
        return _split_channels(batch, _apply(batch, x, _among_channels(g, 2, groups), groups), 0)
    made = _apply(batch, _among_channels(x, 2, groups), g, groups)  # O, B * C
    shape = batch.node.shape
    split = reshape(made, shape=(shape[0], batch.count, *shape[1:]))
    return move_dim(split, 1, 0)


def _apply(batch: Batch, a: Node, b: Node, groups: int | None = None) -> Node:
    """The op, by default with every element of the batch in groups of its own."""
    return batch.again(a, b, groups=batch.count * batch.node.params["groups"] if groups is None else groups)


def _joined(node: Node) -> Node:
    """(B, N, ...) as (B * N, ...)."""
    made: Node = reshape(node, shape=(node.shape[0] * node.shape[1], *node.shape[2:]))
    return made


def _examples_last(node: Node) -> Node:
    """(B, N, C, ...) as (N, B * C, ...)."""
    made: Node = reshape(move_dim(node, 0, 1), shape=(node.shape[1], node.shape[0] * node.shape[2], *node.shape[3:]))
    return made


def _among_channels(node: Node, at: int, groups: int) -> Node:
    """The batch in front of the channels of each group. at: where the channels are."""
    shape = node.shape
    split = (*shape[:at], groups, shape[at] // groups, *shape[at + 1 :])
    moved = move_dim(reshape(node, shape=split), 0, at)  # ..., groups, B, channels
    made: Node = reshape(moved, shape=(*shape[1:at], shape[0] * shape[at], *shape[at + 1 :]))
    return made


def _split_channels(batch: Batch, made: Node, at: int) -> Node:
    """A result with the batch in front of the channels of each group, as one with the batch in front of all."""
    shape, groups = batch.node.shape, batch.node.params["groups"]
    split = (*shape[:at], groups, batch.count, shape[at] // groups, *shape[at + 1 :])
    moved = move_dim(reshape(made, shape=split), at + 1, 0)
    result: Node = reshape(moved, shape=(batch.count, *shape))
    return result


def _unfolded(batch: Batch, made: Node, after: int) -> Node:
    """A result whose dimension `after` begins with the batch, as one with the batch in front."""
    shape: Shape = batch.node.shape
    return move_dim(reshape(made, shape=(*shape[:after], batch.count, *shape[after:])), after, 0)
