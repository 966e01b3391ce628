"""Zeros into which something is put."""

from __future__ import annotations

from fractions import Fraction

from gradcli.dtypes import int64
from gradcli.graph.terms import Arg, Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import arithmetic_on, is_scalar, law, one, without_scalars
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
    return arithmetic_on(b, source, known)


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


@law("index_put", "index_put(zeros, (arange(n), t), v) -> one_hot(t) * v[:, None]", "t is not counted from the end")
def _put_in_rows(b: Builder, t: Term) -> Term | None:
    zeros, *rest = t.args
    if len(rest) != 3 or not one(zeros, 0) or len(t.shape) != 2 or t.params[0][1] != (Arg(1), Arg(2)):
        return None
    rows, classes, source = rest
    if not _every_row(rows, t.shape[0]) or classes.shape != rows.shape:
        return None
    if not b.assume("no index counts from the end"):
        return None
    hot = b.call("one_hot", (classes,), t.shape, int64, t.shape[1])
    return b.multiply([b.reshape(b.expand(source, classes.shape), (t.shape[0], 1)), hot])


def _every_row(rows: Term, count: int) -> bool:
    """Whether an index is arange(count)."""
    return rows.head == "arange" and rows.shape == (count,) and rows.params == (("", count),)


@law("total", "sum(x * one_hot(k)) -> x[k]", "x is a vector, k one class; in rows x[arange(n), t]")
def _picked(b: Builder, t: Term) -> Term | None:
    x, dims = t.args[0], t.param("dims")
    if x.head != "product" or dims != (len(x.shape) - 1,) or len(x.shape) > 2:
        return None
    pairs = list(zip(x.args, x.param("powers"), strict=True))
    hot = next((a for a, p in pairs if a.head == "one_hot" and p == 1 and a.shape == x.shape), None)
    if hot is None or any(a is not hot and a.shape != x.shape for a, _ in pairs):
        return None
    rest = b.power_product([(a, p) for a, p in pairs if a is not hot])
    if rest.shape != x.shape or not rest.floating or rest.head in ("mask", "sum"):
        return None
    (k,) = hot.args
    places: tuple[int | Arg, ...] = (Arg(1),)
    tensors = [k]
    if len(x.shape) == 1 and k.head == "literal":
        places, tensors = (int(k.param("value")),), []
    elif len(x.shape) == 2:
        rows = b.call("arange", (), k.shape, int64, x.shape[0])
        places, tensors = (Arg(1), Arg(2)), [rows, k]
    found = b.scale(factor_of(x), b.index(rest, places, k.shape, tensors))
    return b.expand(b.reshape(found, t.shape), t.shape)


@law("product", "one_hot(k) * x / x[k] -> one_hot(k)", "x is not 0 there, as the quotient needs")
def _picked_by_itself(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for under, p in pairs:
        element = under.args[0] if under.head == "reshape" and p < 0 else under
        if p >= 0 or element.head != "index":
            continue
        x = element.args[0]
        own = next((q for a, q in pairs if a is x and q > 0), Fraction(0))
        hot = next((a for a, q in pairs if a.head == "one_hot" and a.shape == x.shape and q == 1), None)
        if hot is None or not own or not _picks(hot, element):
            continue
        both = min(own, -p)
        left = [(a, q - both if a is x else q + both if a is under else q) for a, q in pairs]
        return b.power_product([(b.number(t.param("factor")), ONE), *[(a, q) for a, q in left if q]])
    return None


def _picks(hot: Term, element: Term) -> bool:
    """Whether an element is the one that a row of one_hot marks."""
    k, places, tensors = hot.args[0], element.param("index"), element.args[1:]
    if len(hot.shape) == 1:
        return places == (int(k.param("value")),) if k.head == "literal" else tensors == (k,)
    return len(tensors) == 2 and _every_row(tensors[0], hot.shape[0]) and tensors[1] is k and len(hot.shape) == 2
