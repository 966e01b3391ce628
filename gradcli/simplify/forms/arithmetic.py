"""Arithmetic, sums and constants: internal ops in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from gradcli.graph.node import Node
from gradcli.graph.terms import Term
from gradcli.shapes import normal_dims
from gradcli.simplify.build import Builder
from gradcli.simplify.normal import bare

HALF = Fraction(1, 2)


def first(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return args[0]


def written(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """What was written into all of a tensor, in its shape and dtype."""
    return b.expand(cast(b, args[1:], node), node.shape)


def zeros(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.zeros(node.shape)


def numbers(b: Builder, args: Sequence[Term], node: Node) -> list[Term]:
    """What floating-point arithmetic meets: a bool counts as 1 or 0."""
    if not node.dtype.floating:
        return list(args)
    return [b.expand(b.mask(bare(a)), a.shape) if _is_bool(a) else a for a in args]


def _is_bool(a: Term) -> bool:
    return a.dtype is not None and a.dtype.name == "bool"


def add(b: Builder, args: Sequence[Term], node: Node) -> Term:
    scale = b.number(node.params.get("alpha", 1)).value
    first, second = numbers(b, args, node)
    return b.add([(1, first), (scale, second)])


def sub(b: Builder, args: Sequence[Term], node: Node) -> Term:
    scale = b.number(node.params.get("alpha", 1)).value
    first, second = numbers(b, args, node)
    return b.add([(1, first), (-scale, second)])


def rsub(b: Builder, args: Sequence[Term], node: Node) -> Term:
    scale = b.number(node.params.get("alpha", 1)).value
    other = args[1] if len(args) > 1 else b.number(node.params["other"])
    return b.add([(1, other), (-scale, args[0])])


def mul(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.multiply(numbers(b, args, node))


def div(b: Builder, args: Sequence[Term], node: Node) -> Term:
    if node.params.get("rounding_mode"):
        params = (("rounding_mode", node.params["rounding_mode"]),)
        return b.elementwise("div", args, node.dtype, params)
    return b.divide(*numbers(b, args, node))


def divided(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.divide(args[0], b.sized(node.params["other"]))


def power(b: Builder, args: Sequence[Term], node: Node) -> Term:
    base = args[0] if "input" not in node.params else b.number(node.params["input"])
    exponent = args[-1] if len(args) > 1 or "input" in node.params else b.number(node.params["exponent"])
    power = bare(exponent)
    if power.head == "number" and isinstance(power.value, Fraction) and power.value.denominator in (1, 2):
        return b.broadcast(b.power(base, power.value), [base, exponent])
    return b.elementwise("pow", [base, exponent], node.dtype)


def sqrt(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.power(args[0], HALF)


def rsqrt(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.power(args[0], -HALF)


def to_inverse(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.power(args[0], -Fraction(1))


def square(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.power(args[0], Fraction(2))


def where(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.where(*args)


def total(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dim = node.params.get("dim")
    dims = None if dim is None else normal_dims(dim, len(args[0].shape))
    result = b.total(args[0], dims or None, bool(node.params.get("keepdim", False)))
    whole = node.dtype.floating and not args[0].floating and args[0].dtype is not None
    return b.cast(result, node.dtype) if whole else result


def mean(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dim = node.params.get("dim")
    dims = () if dim is None else normal_dims(dim, len(args[0].shape))
    if len(dims) in (0, len(args[0].shape)):
        return b.expand(b.call("mean", args, (), node.dtype), node.shape)
    keepdim = {"keepdim": True} if node.params.get("keepdim") else {}
    return b.call("mean", args, node.shape, node.dtype, *given_dims(dims, node), **keepdim)


def given_dims(dims: Sequence[int], node: Node) -> list[Any]:
    keepdim = bool(node.params.get("keepdim", False))
    return [dims[0] if len(dims) == 1 else tuple(dims)] if dims else [None] if keepdim else []


def normal_cdf(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.unary("special.ndtr", args[0])


def full(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.expand(b.known(node.params["fill_value"]), node.shape)


def eye(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.call("eye", [], node.shape, node.dtype, *dict.fromkeys(node.shape))


def arange(b: Builder, args: Sequence[Term], node: Node) -> Term:
    given = [node.params[name] for name in ("start", "end", "step")]
    given = given[:2] if given[2] == 1 else given
    given = given[1:] if len(given) == 2 and given[0] == 0 else given
    return b.call("arange", [], node.shape, node.dtype, *given)


def cast(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """In another dtype: that of the variables where floating-point numbers are made of others, else the one named."""
    own = args[0].dtype
    if own is node.dtype or (own is None and not bare(args[0]).shape):
        return args[0]
    named = args[0].floating and node.dtype.floating
    return b.expand(b.cast(args[0], node.dtype, named), node.shape)


def limited(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """clamp with tensors as limits"""
    return b.elementwise("minimum", [b.elementwise("maximum", args[:2], node.dtype), args[2]], node.dtype)
