"""Slopes and class numbers of losses: internal ops in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from gradcli.graph.node import Node
from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder


def softplus_slope(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """g sigmoid(beta x); beyond the threshold the derivative is 1, to float64's last bit where the threshold is 20."""
    scaled = b.multiply([b.number(node.params["beta"]), args[1]])
    plain = b.multiply([args[0], b.unary("sigmoid", scaled)])
    threshold = node.params["threshold"]
    return plain if threshold >= 20 else b.where(b.compare("gt", scaled, b.number(threshold)), args[0], plain)


def log_sigmoid_slope(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.multiply([args[0], b.unary("sigmoid", b.scale(-Fraction(1), args[1]))])


def class_index(b: Builder, args: Sequence[Term], node: Node) -> Term:
    ignored = node.params["ignore_index"]
    if b.assume(f"no class is the ignored one ({ignored})"):
        return args[0]
    return b.where(b.compare("eq", args[0], b.number(ignored)), b.number(0), args[0])
