"""Internal ops of statistics, contractions and decompositions in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any

from gradcli.dtypes import int64
from gradcli.graph.node import Node
from gradcli.graph.terms import Arg, Term
from gradcli.shapes import normal_dims
from gradcli.simplify.build import Builder
from gradcli.simplify.forms.parts import add_rows, pointed
from gradcli.simplify.noform import NoForm

LETTERS = "ijklmnopqrstuvwxyzabcdefgh"


def einsum(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """A contraction, its labels as letters."""
    labels, output = node.params["labels"], node.params["output"]
    numbers = sorted({n for part in (*labels, output) for n in part})
    if len(numbers) > len(LETTERS):
        raise NoForm(node.op.name)
    letter = dict(zip(numbers, LETTERS, strict=False))
    left, right = ",".join("".join(letter[n] for n in part) for part in labels), "".join(letter[n] for n in output)
    parts = [Arg(at) for at in range(len(args))]
    return b.call("einsum", args, node.shape, node.dtype, f"{left}->{right}", *parts)


def embedded(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """embedding, without what only its gradient asks for"""
    return b.call("embedding", args, node.shape, node.dtype)


def standardized(b: Builder, args: Sequence[Term], node: Node) -> Any:
    """(x - mean) / sqrt(variance + eps), and 1 / sqrt(variance + eps)."""
    x, dims = args[0], tuple(d % len(args[0].shape) for d in node.params["dims"])
    shape, dtype = node.shape[1], x.dtype
    over: Any = dims[0] if len(dims) == 1 else dims
    mean = b.call("mean", (x,), shape, dtype, over, keepdim=True)
    variance = b.call("var", (x,), shape, dtype, over, correction=0, keepdim=True)
    scale = b.power(b.add([(1, variance), (1, b.number(node.params["eps"]))]), Fraction(-1, 2))
    return b.multiply([b.add([(1, x), (-1, mean)]), scale]), scale


def deviation(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """std or var"""
    p = node.params
    named: dict[str, Any] = {}
    if p["dim"] is not None:
        dims = normal_dims(p["dim"], len(args[0].shape))
        named["dim"] = dims[0] if len(dims) == 1 else tuple(dims)
    if p["correction"] != 1:
        named["correction"] = p["correction"]
    if p["keepdim"]:
        named["keepdim"] = True
    return b.call(node.op.name.lstrip("_"), args, node.shape, node.dtype, **named)


def at_least(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """clamp(x, min=...)"""
    return b.elementwise("clamp", args, node.dtype, (("min", float(node.params["min"])),))


def limited(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """clamp(x, -1, 1)"""
    return b.elementwise("clamp", args, node.dtype, (("", -1), ("", 1)))


def rounded_quotient(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """div with a rounding mode"""
    return b.elementwise("div", args, node.dtype, (("rounding_mode", node.op.name.removeprefix("_div_")),))


def to_rank(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """A rounded rank as an integer."""
    name = {"down": "floor", "up": "ceil", "nearest": "round"}[node.params["how"]]
    return b.cast(b.unary(name, args[0]), int64)


def class_numbers(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """0, 1, ..."""
    return b.call("arange", (), node.shape, int64, node.shape[0])


def index_put(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """index_put, where the indexed dimensions come first."""
    dims = tuple(node.params["dims"])
    if dims != tuple(range(len(dims))):
        raise NoForm(node.op.name)
    x, value, *indices = args
    places, tensors = pointed(indices, dims)
    named = {"accumulate": True} if node.params["accumulate"] else {}
    parts = (x, *tensors, value)
    return b.call("index_put", parts, node.shape, node.dtype, places, Arg(len(tensors) + 1), **named)


def embedding_back(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """The rows of a cotangent added at their numbers; none for the padding, and shares of those that come often."""
    g, indices = args
    (classes, width), count = node.shape, prod(indices.shape)
    flat, rows = b.reshape(indices, (count,)), b.reshape(g, (count, width))
    share = _share(b, flat, node.params, classes)
    if share is not None:
        rows = b.multiply([rows, b.reshape(share, (count, 1))])
    return add_rows(b, rows, flat, 0, node.shape)


def _share(b: Builder, indices: Term, p: Any, classes: int) -> Term | None:
    """What the cotangent of each row counts; None where all count 1."""
    share: Term | None = None
    if p["padding_idx"] >= 0:
        share = b.mask(b.compare("ne", indices, b.number(p["padding_idx"])))
    if p["scale_grad_by_freq"]:
        flat = b.reshape(indices, (prod(indices.shape),))
        often = b.call("bincount", (flat,), (classes,), int64, minlength=classes)
        share = b.divide(share or b.number(1), b.index(often, (Arg(1),), indices.shape, (indices,)))
    return share


def weighted_rows(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """The rows of a table at their numbers, as the derivative of `embedding_back` needs them."""
    rows, indices = args
    shares = [_share(b, indices, node.params, rows.shape[0])]
    picked = b.index(rows, (Arg(1),), node.shape, (indices,))
    return b.multiply([picked, *[b.reshape(s, (*indices.shape, 1)) for s in shares if s is not None]])


def one_hot(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """one_hot(x, n)"""
    return b.call("one_hot", args, node.shape, int64, node.params["num_classes"])


def searched(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """searchsorted"""
    p = node.params
    named: dict[str, Any] = {"right": True} if p["side"] == "right" else {}
    if p["out_int32"]:
        named["out_int32"] = True
    if len(args) > 2:
        named["sorter"] = Arg(2)
    return b.call("searchsorted", args, node.shape, node.dtype, **named)


def pseudoinverse(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """linalg.pinv"""
    p = {k: v for k, v in node.params.items() if v is not None and v is not False}
    return b.call("linalg.pinv", args, node.shape, node.dtype, **p)


def factors(name: str, **plain: Any) -> Any:
    """A decomposition: its outputs as terms."""

    def form(b: Builder, args: Sequence[Term], node: Node) -> Any:
        named = {k: v for k, v in node.params.items() if plain.get(k, object) != v}
        return b.several(node, b.call(name, args, (), None, **named))

    return form
