"""Reading images at arbitrary places (grid_sample) in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from gradcli.dtypes import bool_, int64
from gradcli.graph.node import Node
from gradcli.graph.terms import Arg, Term
from gradcli.shapes import contiguous_strides
from gradcli.simplify.build import Builder


def joined(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Coordinates side by side."""
    places = [b.unary("round", a) for a in args] if node.params["rounded"] else args
    return b.call("stack", places, node.shape, node.dtype, [Arg(at) for at in range(len(places))], -1)


def reflected(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """There and back again: end - |((x - start) mod 2 (end - start)) - (end - start)|"""
    return _reflect(b, args[0], node.params["start"], node.params["end"])


def _reflect(b: Builder, x: Term, start: float, end: float) -> Term:
    if end <= start:
        return b.expand(b.number(start), x.shape)
    span = b.number(end).value - b.number(start).value
    into = b.elementwise("remainder", [_plus(b, x, -b.number(start).value), b.number(2 * span)], x.dtype)
    away = b.unary("abs", _plus(b, into, -span))
    return b.add([(-1, away), (1, b.number(end))])


def _plus(b: Builder, x: Term, n: Fraction) -> Term:
    return b.add([(1, x), (n, b.number(1))])


def reflected_slope(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """1 on the way there, -1 on the way back."""
    x, start, end = args[0], node.params["start"], node.params["end"]
    if end <= start:
        return b.zeros(node.shape)
    low, span = b.number(start).value, b.number(end).value - b.number(start).value
    turns = b.unary("floor", b.divide(b.unary("abs", _plus(b, x, -low)), b.number(span)))
    odd = b.compare("eq", b.elementwise("remainder", [turns, b.number(2)], x.dtype), b.number(1))
    back, before = (b.where(c, b.number(-1), b.number(1)) for c in (odd, b.compare("lt", x, b.number(start))))
    return b.multiply([back, before])


def _indices(b: Builder, position: Term, node: Node) -> list[Term]:
    """The index in each dimension of the element beside a position, not yet an integer."""
    p, shape = node.params, position.shape[:-1]
    found = []
    for at, (length, offset) in enumerate(zip(p["size"], p["corner"], strict=True)):
        place = b.index(position, (..., at), shape)
        index = _plus(b, b.unary("floor", place), Fraction(offset))
        if p["padding_mode"] == "reflection":
            low, high = (0.0, length - 1.0) if p["align_corners"] else (-0.5, length - 0.5)
            index = _reflect(b, index, low, high)
        if p["padding_mode"] != "zeros":
            index = _clipped(b, index, length)
        found.append(index)
    return found


def _clipped(b: Builder, index: Term, length: int) -> Term:
    return b.elementwise("clamp", [index], index.dtype, (("", 0), ("", length - 1)))


def flat_taps(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """The flat index of the element beside each position."""
    size = node.params["size"]
    parts: list[tuple[Any, Term]] = []
    for index, length, step in zip(_indices(b, args[0], node), size, contiguous_strides(size), strict=True):
        whole = index if node.params["padding_mode"] != "zeros" else _clipped(b, index, length)
        parts.append((step, b.cast(whole, int64)))
    return b.add(parts)


def inside_taps(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """1 where that element is in the image."""
    inside: Term | None = None
    if node.params["padding_mode"] != "zeros":
        return b.expand(b.number(1), node.shape)
    for index, length in zip(_indices(b, args[0], node), node.params["size"], strict=True):
        for name, bound in (("ge", 0), ("lt", length)):
            holds = b.compare(name, index, b.number(bound))
            inside = holds if inside is None else b.elementwise("logical_and", [inside, holds], bool_)
    assert inside is not None
    return b.mask(inside)
