"""Internal ops that are put together of pieces (activations, losses) in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from gradcli.graph.node import Node
from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder

ONE = Fraction(1)


def exponential(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """elu and its kin: where(x < 0, alpha scale (e^(s x) - 1), scale x)"""
    x, p = args[0], node.params
    if p["scale"] == 1 and p["input_scale"] == 1:
        given: Any = (("alpha", float(p["alpha"])),) if p["alpha"] != 1 else ()
        return b.elementwise("elu", [x], node.dtype, given)
    falling = b.unary("expm1", b.multiply([b.number(p["input_scale"]), x]))
    falling = b.multiply([b.number(p["alpha"]), b.number(p["scale"]), falling])
    return b.where(b.compare("lt", x, b.number(0)), falling, b.multiply([b.number(p["scale"]), x]))


def sloped(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """where(x > 0, x, slope x): the slope is a tensor, or a number."""
    x = args[0]
    slope = args[1] if len(args) > 1 else b.number(node.params["slope"])
    return b.where(b.compare("gt", x, b.number(0)), x, b.multiply([slope, x]))


def huber(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """where(|d| < delta, d^2 / 2, delta (|d| - delta / 2))"""
    d, delta = args[0], b.number(node.params["delta"])
    size = b.unary("abs", d)
    beyond = b.multiply([delta, b.add([(1, size), (Fraction(-1, 2), delta)])])
    return b.where(b.compare("lt", size, delta), b.scale(Fraction(1, 2), b.power(d, Fraction(2))), beyond)


def cross_entropy(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """-(t log(x) + (1 - t) log(1 - x)), the logarithms at least -100"""
    x, t = args
    rest = b.add([(1, b.number(1)), (-1, x)])
    first, second = (
        b.elementwise("clamp", [b.unary("log", part)], node.dtype, (("min", -100.0),)) for part in (x, rest)
    )
    other = b.add([(1, b.number(1)), (-1, t)])
    return b.add([(-1, b.multiply([t, first])), (-1, b.multiply([other, second]))])


def soft_margin(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """log1p(exp(-t x))"""
    return b.unary("log1p", b.unary("exp", b.scale(-ONE, b.multiply([args[1], args[0]]))))


def log_sum(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """logaddexp"""
    return b.elementwise("logaddexp", args, node.dtype)


def diagonal(name: str) -> Any:
    """diag_embed and diagonal, with their offset and dimensions where these are not the usual ones."""
    usual = {"offset": 0, "dim1": 0, "dim2": 1} if name == "diagonal" else {"offset": 0, "dim1": -2, "dim2": -1}

    def form(b: Builder, args: Sequence[Term], node: Node) -> Term:
        given = [node.params.get(n, value) for n, value in usual.items()]
        while given and given[-1] == list(usual.values())[len(given) - 1]:
            given.pop()
        return b.call(name, args, node.shape, node.dtype, *given)

    return form


def identity(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """The identity matrix, once for each matrix."""
    eye = b.call("eye", (), node.shape[-2:], node.dtype, node.shape[-1])
    return b.expand(eye, node.shape)
