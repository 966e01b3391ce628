"""Scans: internal ops in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence

from gradcli.dtypes import int64
from gradcli.graph.node import Node
from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.forms.form import Form


def scan(name: str) -> Form:
    def form(b: Builder, args: Sequence[Term], node: Node) -> Term:
        x, dim = args[0], node.params["dim"]
        if not x.shape:
            return x
        if not node.params.get("reverse"):
            return b.call(name, [x], node.shape, node.dtype, dim)
        flipped = b.call(name, [flip(b, x, dim)], node.shape, node.dtype, dim)
        return flip(b, flipped, dim)

    return form


def flip(b: Builder, x: Term, dim: int) -> Term:
    return b.call("flip", [x], x.shape, x.dtype, (dim,))


def scanned(b: Builder, name: str, x: Term, dim: int, reverse: bool) -> Term:
    """A scan from the start, or from the end."""
    if not reverse:
        return b.call(name, [x], x.shape, x.dtype, dim)
    return flip(b, b.call(name, [flip(b, x, dim)], x.shape, x.dtype, dim), dim)


def recurrence(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """h[t] = gain[t] h[t-1] + x[t]: P cumsum(x / P) with P the product of the gains so far.

    Without division the matrix of all products from one step to another, times x.
    """
    gain, x = args
    if not node.shape:
        return x
    dim, reverse = node.params["dim"] % len(node.shape), bool(node.params["reverse"])
    if not b.assume("no element that is multiplied along is 0"):
        return _by_matrix(b, gain, x, dim, reverse)
    by = -1 if reverse else 1
    if _is_shift(node.inputs[0], gain, by):  # the gains from one step before
        whole = gain.args[0].args[0]
        if _is_shift(node.inputs[0].inputs[0], whole, -by):  # there and back again
            gain = whole.args[0].args[0]
        else:  # to divide by their products from the other end is the same
            product = scanned(b, "cumprod", whole, dim, not reverse)
            return b.divide(scanned(b, "cumsum", b.multiply([x, product]), dim, reverse), product)
    product = (
        _products_after_first(b, gain, dim, reverse)
        if gain.head == "pad"
        else scanned(b, "cumprod", gain, dim, reverse)
    )
    return b.multiply([product, scanned(b, "cumsum", b.divide(x, product), dim, reverse)])


def _is_shift(node: Node, term: Term, by: int) -> bool:
    """Whether a term still shows that its node moved something by so many steps."""
    if node.op.name != "_shift" or node.params["by"] != by or term.head != "pad":
        return False
    moved = term.args[0]
    return moved.head == "index" and moved.args[0].shape == term.shape


def _products_after_first(b: Builder, gain: Term, dim: int, reverse: bool) -> Term:
    """The products of all gains so far but the first, which no step uses."""
    n, rank = gain.shape[dim], len(gain.shape)
    kept = slice(None, -1) if reverse else slice(1, None)
    rest = b.index(gain, (*[slice(None)] * dim, kept), (*gain.shape[:dim], n - 1, *gain.shape[dim + 1 :]))
    products = scanned(b, "cumprod", rest, dim, reverse)
    ends = (*[0, 0] * (rank - 1 - dim), *((0, 1) if reverse else (1, 0)))
    return b.settle(b.make("pad", (products,), (("", ends), ("value", 1.0)), gain.shape, b.dtype))


def _by_matrix(b: Builder, gain: Term, x: Term, dim: int, reverse: bool) -> Term:
    rank, n = len(x.shape), x.shape[dim]
    order = (*[d for d in range(rank) if d != dim], dim)
    back = tuple(order.index(d) for d in range(rank))
    a, v = (b.reshape(b.permute(t, order), (*[t.shape[d] for d in order], 1)) for t in (gain, x))
    at = b.call("arange", (), (n,), int64, n)
    later = b.compare("lt" if reverse else "gt", b.reshape(at, (n, 1)), at)
    steps = b.where(later, a, b.number(1))
    products = scanned(b, "cumprod", steps, rank - 1, reverse)
    triangle = b.call("triu" if reverse else "tril", (products,), products.shape, x.dtype)
    return b.permute(b.reshape(b.matmul(triangle, v), v.shape[:-1]), back)


def shift(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """pad(x[:-by], (by, 0)), with a fill where nothing moved in."""
    x, by, fill, shape = args[0], node.params["by"], node.params["fill"], node.shape
    if not shape:
        return b.number(fill) if by else x
    dim = node.params["dim"] % len(shape)
    if abs(by) >= shape[dim]:
        return b.expand(b.number(fill), shape)
    kept = slice(None, -by) if by > 0 else slice(-by, None)
    part = b.index(x, (*[slice(None)] * dim, kept), (*shape[:dim], shape[dim] - abs(by), *shape[dim + 1 :]))
    ends = (*[0, 0] * (len(shape) - 1 - dim), max(by, 0), max(-by, 0))
    named = {"value": float(fill)} if fill else {}
    return b.settle(b.make("pad", (part,), (("", ends), *named.items()), shape, b.dtype))
