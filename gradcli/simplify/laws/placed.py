"""Zeros into which something is put."""

from __future__ import annotations

from gradcli.dtypes import int64
from gradcli.graph.terms import Arg, Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import is_scalar, law, one, without_scalars
from gradcli.simplify.normal import ONE, bare, factor_of


@law("scatter_add index_add index_put select_scatter slice_scatter diagonal_scatter",
     "put(zeros, c * x) -> c * put(zeros, x)", "c is one element")  # fmt: skip
def _scaled_source(b: Builder, t: Term) -> Term | None:
    source = t.args[1] if t.head.endswith("r") else t.args[-1]
    if not one(t.args[0], 0):
        return None
    if is_scalar(source) and not one(source):
        inner: Term | None = b.expand(b.number(1), source.shape)
        outer = [bare(source)]
    elif source.head == "product":
        inner, outer = without_scalars(b, source)
    else:
        return None
    if inner is None or not outer or inner.shape != source.shape:
        return None
    args = [inner if a is source else a for a in t.args]
    return b.multiply([*outer, b.settle(b.make(t.head, args, t.params, t.shape, t.dtype))])


@law("select_scatter", "select_scatter(zeros, 1, 0, i) -> one_hot(i)", "zeros is a vector, i is not negative")
def _unit_vector(b: Builder, t: Term) -> Term | None:
    zeros, source = t.args
    at = t.params[1][1]
    if len(t.shape) != 1 or at < 0 or not one(zeros, 0) or not one(source):
        return None
    place = b.make("literal", (), (("value", repr(at)),), (), int64)
    return b.call("one_hot", (place,), t.shape, int64, t.shape[0])


@law("diagonal_scatter", "diagonal_scatter(zeros, v) -> diag(v), eye", "zeros is a square matrix, offset 0")
def _diagonal(b: Builder, t: Term) -> Term | None:
    zeros, v = t.args
    if len(t.shape) != 2 or (t.params and t.params[0][1] != 0) or not one(zeros, 0):
        return None
    if is_scalar(v):
        return b.multiply([bare(v), b.call("eye", (), t.shape, v.dtype or t.dtype, *dict.fromkeys(t.shape))])
    if t.shape[0] != t.shape[1]:
        return None
    return b.call("diag", (v,), t.shape, t.dtype)


@law(
    "scatter_add", "scatter_add(zeros, -1, t, x) -> x * one_hot(t)", "one place for each row, along the last dimension"
)
def _one_hot(b: Builder, t: Term) -> Term | None:
    zeros, index, source = t.args
    last = len(t.shape) - 1
    if t.params != (("", last), ("", Arg(1)), ("", Arg(2))) or not one(zeros, 0) or last < 1:
        return None
    if index.shape != (*t.shape[:-1], 1) or source.shape != index.shape:
        return None
    hot = b.call("one_hot", (b.reshape(index, t.shape[:-1]),), t.shape, index.dtype, t.shape[-1])
    return b.multiply([source, hot])


NESTED = 4  # how deep sums and products of what a mask picks are looked through


@law("masked_scatter", "masked_scatter(zeros, m, f(x[m])) -> where(m, f(x), 0)", "f is a number, a product or a sum")
def _masked_elementwise(b: Builder, t: Term) -> Term | None:
    zeros, mask, source = t.args
    if not one(zeros, 0) or mask.shape != t.shape:
        return None
    if is_scalar(source):
        return b.multiply([bare(source), b.mask(mask)])
    whole = _before_picking(b, source, mask)
    return None if whole is None else b.where(mask, b.expand(whole, t.shape), b.number(0))


def _before_picking(b: Builder, source: Term, mask: Term, depth: int = NESTED) -> Term | None:
    """What elementwise arithmetic on x[mask] makes of all of x."""
    if source.head == "index" and len(source.args) == 2 and source.args[1] is mask:
        return source.args[0] if source.args[0].shape == mask.shape else None
    if source.head not in ("product", "sum") or not depth:
        return None
    parts = [a if a.shape == () else _before_picking(b, a, mask, depth - 1) for a in source.args]
    known = [a for a in parts if a is not None]
    if len(known) < len(parts):
        return None
    if source.head == "sum":
        return b.add([*zip(source.param("factors"), known, strict=True), (source.param("constant"), b.number(1))])
    return b.power_product([(b.number(factor_of(source)), ONE), *zip(known, source.param("powers"), strict=True)])


@law("scatter_add", "scatter_add(zeros, 0, i, c) -> c * one_hot(i)", "one place i and one element c of a vector")
def _placed_number(b: Builder, t: Term) -> Term | None:
    zeros, index, source = t.args
    place = bare(index)
    if len(t.shape) != 1 or index.shape != (1,) or place.shape or not one(zeros, 0) or not is_scalar(source):
        return None
    hot = b.call("one_hot", (place,), t.shape, int64, t.shape[0])
    return b.multiply([bare(source), hot])


@law("index_put", "index_put(zeros, (i,), c) -> c * one_hot(i)", "i is one index, not counted from the end")
def _put_at_one(b: Builder, t: Term) -> Term | None:
    zeros, index, *rest = t.args
    places = t.params[0][1]
    if places != (Arg(1),) or len(rest) != 1 or index.shape or index.dtype is not int64 or not one(zeros, 0):
        return None
    if not b.assume("no index counts from the end"):
        return None
    hot = b.call("one_hot", (index,), t.shape[:1], int64, t.shape[0])
    return b.multiply([b.reshape(hot, (t.shape[0], *[1] * (len(t.shape) - 1))), b.expand(rest[0], t.shape[1:])])
