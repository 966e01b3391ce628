"""Bags of rows, lists of labels and label sequences in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcli.dtypes import bool_, int64
from gradcli.graph.node import Node
from gradcli.graph.terms import Arg, Term
from gradcli.simplify.build import Builder
from gradcli.simplify.forms.parts import add_rows


def _numbers(b: Builder, n: int) -> Term:
    return b.call("arange", (), (n,), int64, n)


def _bag_of(b: Builder, offsets: Term, count: int) -> Term:
    """Which bag each row is in."""
    found = b.call("searchsorted", (offsets, _numbers(b, count)), (count,), int64, right=True)
    return b.add([(1, found), (-1, b.number(1))])


def bag_sum(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """The rows added up bag by bag; what is beyond the last bag goes into one more, which is left out."""
    rows, offsets = args
    bags, starts = node.params["bags"], offsets.shape[0]
    whole = add_rows(b, rows, _bag_of(b, offsets, rows.shape[0]), 0, (max(bags, starts), rows.shape[1]))
    return whole if starts <= bags else b.index(whole, (slice(None, bags),), node.shape)


def bag_spread(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """For each row that of its bag; 0 beyond the last bag."""
    g, offsets = args
    bags, starts = g.shape[0], offsets.shape[0]
    if starts > bags:
        shape = (starts, g.shape[1])
        g = b.settle(b.make("pad", (g,), (("", (0, 0, 0, starts - bags)),), shape, b.dtype))
    return b.index(g, (Arg(1),), node.shape, (_bag_of(b, offsets, node.params["count"]),))


def _in_bag(b: Builder, counted: Term, offsets: Term, bags: int) -> Term:
    """For each bag whether a row counts in it."""
    numbers = b.reshape(_numbers(b, bags), (bags, 1))
    own = b.compare("eq", numbers, _bag_of(b, offsets, counted.shape[0]))
    return b.elementwise("logical_and", [own, counted], bool_)


def bag_max(b: Builder, args: Sequence[Term], node: Node) -> Any:
    """The largest of the rows of each bag, 0 for an empty one, and which row it was."""
    rows, counted, offsets = args
    (bags, width), count = node.shape[0], rows.shape[0]
    member = b.reshape(_in_bag(b, counted, offsets, bags), (bags, count, 1))
    each = b.where(member, rows, b.number(float("-inf")))
    places = b.call("argmax", (each,), (bags, width), int64, 1)
    picked = b.call("gather", (rows, places), (bags, width), node.dtype[0], 0, Arg(1))
    some = b.call("any", (member,), (bags, 1), bool_, 1)
    return b.where(some, picked, b.number(0)), places


def is_empty(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Whether no row counts in a bag."""
    some = b.call("any", (_in_bag(b, args[0], args[1], node.params["bags"]),), node.shape, bool_, 1, keepdim=True)
    return b.elementwise("logical_not", [some], bool_)


def label_counts(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """How often each class is listed before the first -1."""
    t, classes = args[0], node.shape[-1] if node.shape else 1
    if not node.shape:
        return b.cast(b.compare("ge", t, b.number(0)), int64)
    last = len(node.shape) - 1
    listed = b.call("cumprod", (b.cast(b.compare("ge", t, b.number(0)), int64),), node.shape, int64, last)
    floor = b.elementwise("clamp", [t], int64, (("min", 0),))
    hot = b.call("one_hot", (floor,), (*node.shape, classes), int64, classes)
    return b.total(b.multiply([hot, b.reshape(listed, (*node.shape, 1))]), (last,), False)


def states(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Labels with blanks around them: blank, label, blank, label, ..., blank."""
    targets, lengths = args
    blank, width, batch = node.params["blank"], node.params["width"], node.shape[0]
    at, column = _numbers(b, width), b.reshape(lengths, (batch, 1))
    if len(targets.shape) == 1:  # one sequence after the other
        starts = b.add([(1, b.call("cumsum", (lengths,), (batch,), int64, 0)), (-1, lengths)])
        places = b.add([(1, b.reshape(starts, (batch, 1))), (1, at)])
        places = b.elementwise("clamp", [places], int64, (("max", targets.shape[0] - 1),))
        targets = b.index(targets, (Arg(1),), (batch, width), (places,))
    labels = b.where(b.compare("lt", at, column), targets, b.number(blank))
    labels = b.reshape(labels, (batch, width, 1))
    value = {"value": blank} if blank else {}
    pairs = b.call("pad", (labels,), (batch, width, 2), int64, (1, 0), **value)
    return b.call("pad", (b.reshape(pairs, (batch, 2 * width)),), node.shape, int64, (0, 1), **value)


def skips(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Where a label differs from the one before it: two blanks never do."""
    s, (batch, count) = args[0], node.shape
    later = b.index(s, (slice(None), slice(2, None)), (batch, count - 2))
    before = b.index(s, (slice(None), slice(None, -2)), (batch, count - 2))
    return b.call("pad", (b.compare("ne", later, before),), node.shape, bool_, (2, 0))
