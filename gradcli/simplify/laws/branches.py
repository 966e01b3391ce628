"""where and masks beside their opposites: joined to one, or told by a sign."""

from __future__ import annotations

from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import NEGATED, law, one
from gradcli.simplify.normal import ONE, bare, factor_of, is_number


@law("where", "where(x < y, 0, where(x == y, c/2, c)) -> c * (1 + sign(x - y)) / 2", "c is a number")
def _half_at_ties(b: Builder, t: Term) -> Term | None:
    condition, nothing, inner = t.args
    if condition.head not in ("lt", "gt") or not one(nothing, 0):
        return None
    if inner.head != "where" or inner.args[0].head != "eq" or inner.args[0].args != condition.args:
        return None
    half, whole = inner.args[1:]
    if not is_number(half) or not is_number(whole) or bare(whole).value != 2 * bare(half).value or not b.finite():
        return None
    x, y = condition.args if condition.head == "lt" else condition.args[::-1]
    return b.multiply([half, b.add([(1, b.number(1)), (1, b.unary("sign", b.add([(1, x), (-1, y)])))])])


@law("sum", "a * (c) + d * (not c) -> where(c, a, d)", "no other mask is multiplied")
def _either(b: Builder, t: Term) -> Term | None:
    every = list(zip(t.param("factors"), t.args, strict=True))
    found = [(c, a, own) for c, a in every if (own := _masked(b, a)) is not None]
    for at, (c, a, first) in enumerate(found):
        for d, e, second in found[at + 1 :]:
            if not _opposite(first[0], second[0]) or not b.finite():
                continue
            if is_number(first[1]) and is_number(second[1]) and len(every) > 2:
                continue
            rest = [(f, x) for f, x in every if x is not a and x is not e]
            parts = [(*first, c), (*second, d)]
            (condition, above, f), (_, below, g) = sorted(parts, key=lambda part: part[0].serial)
            joined = b.where(condition, b.scale(f, above), b.scale(g, below))
            return b.add([*rest, (1, joined), (t.param("constant"), b.number(1))])
    return None


def _masked(b: Builder, a: Term) -> tuple[Term, Term] | None:
    """The condition of the one mask in a product, and what it is multiplied with."""
    pairs = list(zip(a.args, a.param("powers"), strict=True)) if a.head == "product" else [(a, ONE)]
    masks = [x for x, p in pairs if x.head == "mask" and p == 1]
    if len(masks) != 1:
        return None
    rest = [(x, p) for x, p in pairs if x is not masks[0]]
    return masks[0].args[0], b.power_product([(b.number(factor_of(a)), ONE), *rest])


def _opposite(first: Term, second: Term) -> bool:
    """Whether of two conditions just one holds."""
    if first.head in NEGATED:
        return second.head == NEGATED[first.head] and first.args == second.args
    return second.head == "logical_not" and second.args[0] is first


@law("where", "where(c, 0, 1) -> 1 - c", "c is a mask, no comparison")
def _other_mask(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if not one(x, 0) or not is_number(y) or condition.head in NEGATED or not condition.shape:
        return None
    return b.multiply([y, b.add([(1, b.number(1)), (-1, b.mask(condition))])])


@law("logical_not", "not False -> True, not (x < y) -> x >= y", "the elements compared are not nan")
def _negated(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if is_number(x):
        return b.expand(b.number(not bare(x).value), t.shape)
    return b.compare(NEGATED[x.head], *x.args) if x.head in NEGATED and b.finite() else None


@law("eq ne", "(x == y) == 0 -> x != y", "the elements compared are not nan")
def _compared_again(b: Builder, t: Term) -> Term | None:
    x, zero = t.args
    if x.head not in NEGATED or not one(zero, 0) or not b.finite():
        return None
    return b.compare(NEGATED[x.head] if t.head == "eq" else x.head, *x.args)


@law("where", "where(x < 0, c * exp(x), where(x <= 0, c, y)) -> where(x <= 0, c * exp(x), y)", "exp(0) is 1")
def _at_the_edge(b: Builder, t: Term) -> Term | None:
    condition, x, inner = t.args
    if condition.head != "lt" or not one(condition.args[1], 0) or inner.head != "where":
        return None
    edge, value, y = inner.args
    if edge.head != "le" or edge.args != condition.args:
        return None
    slope = b.unary("exp", condition.args[0])
    if x is not slope and bare(b.divide(x, slope)) is not bare(value):
        return None
    return b.where(edge, x, y)


@law("where", "where(c, a * exp(where(c, x, y)), z) -> where(c, a * exp(x), z)", "always")
def _same_condition_inside(b: Builder, t: Term) -> Term | None:
    condition, x, z = t.args
    if x.head != "product":
        return None
    pairs = list(zip(x.args, x.param("powers"), strict=True))
    for e, p in pairs:
        if e.head == "exp" and e.args[0].head == "where" and e.args[0].args[0] is condition:
            rest = [(y, q) for y, q in pairs if y is not e]
            inside = (b.unary("exp", e.args[0].args[1]), p)
            return b.where(condition, b.power_product([(b.number(factor_of(x)), ONE), *rest, inside]), z)
    return None
