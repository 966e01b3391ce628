"""Sums: multiplied out, or with what is shared in front."""

from __future__ import annotations

from fractions import Fraction

from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import NEGATED, law
from gradcli.simplify.normal import ONE, Arithmetic, bare, factor_of


@law("sum", "(1 - y) * p - y * (1 - p) -> p - y", "multiplied out, it is shorter")
def _multiplied_out(b: Builder, t: Term) -> Term | None:
    parts: list[tuple[Fraction, Term]] = []
    for c, a in zip(t.param("factors"), t.args, strict=True):
        parts += [(c * f, x) for f, x in _addends(b, a)]
    if len(parts) == len(t.args) or len(parts) > 12:
        return None
    found = Arithmetic.add(b, [*parts, (t.param("constant"), b.number(1))])
    inner = bare(found)
    if inner.head not in ("sum", "product") or _leaves(inner) < _leaves(t):
        return found
    return None


def _addends(b: Builder, a: Term) -> list[tuple[Fraction, Term]]:
    """A product of sums as its addends."""
    if a.head != "product" or any(p != 1 for p in a.param("powers")):
        return [(ONE, a)]
    found: list[tuple[Fraction, list[Term]]] = [(a.param("factor"), [])]
    for x in a.args:
        if x.head != "sum":
            found = [(f, [*terms, x]) for f, terms in found]
            continue
        each = [*zip(x.param("factors"), x.args, strict=True)]
        wider = [(f * c, [*terms, y]) for f, terms in found for c, y in each]
        if x.param("constant"):
            wider += [(f * x.param("constant"), terms) for f, terms in found]
        found = wider
        if len(found) > 12:
            return [(ONE, a)]
    return [(f, b.multiply(terms) if terms else b.number(1)) for f, terms in found]


def _leaves(term: Term) -> int:
    """How many parts a sum of products has."""
    if term.head not in ("sum", "product"):
        return 1
    return sum(map(_leaves, term.args)) + (term.head == "sum" and term.param("constant") != 0)


@law("sum", "p * a - p * b -> p * (a - b)", "all terms share p, or are divided by the same one element")
def _shared_factor(b: Builder, t: Term) -> Term | None:
    if t.param("constant") or len(t.args) < 2:
        return None
    shared: dict[int, tuple[Term, Fraction]] | None = None
    for a in t.args:
        own = {x.serial: (x, p) for x, p in _factors(a) if p == 1 or (p < 0 and x.shape == ())}
        shared = own if shared is None else {s: _less(own[s], pair) for s, pair in shared.items() if s in own}
        shared = {s: pair for s, pair in shared.items() if pair[1]}
    if not shared:
        return None
    common = b.power_product(list(shared.values()))
    rest = [(c, _without(b, a, shared)) for c, a in zip(t.param("factors"), t.args, strict=True)]
    return b.expand(b.multiply([common, b.add(rest)]), t.shape)


def _without(b: Builder, a: Term, shared: dict[int, tuple[Term, Fraction]]) -> Term:
    """A product without what it shares."""
    none = None, Fraction(0)
    left = [(x, p - shared.get(x.serial, none)[1] if _signed(p, shared, x) else p) for x, p in _factors(a)]
    return b.power_product([(b.number(factor_of(a)), ONE), *[(x, p) for x, p in left if p]])


def _signed(p: Fraction, shared: dict[int, tuple[Term, Fraction]], x: Term) -> bool:
    """Whether this is the power of x that is shared: a product may have x above and below."""
    return x.serial in shared and p * shared[x.serial][1] > 0


def _factors(a: Term) -> list[tuple[Term, Fraction]]:
    return list(zip(a.args, a.param("powers"), strict=True)) if a.head == "product" else [(a, ONE)]


def _less(first: tuple[Term, Fraction], second: tuple[Term, Fraction]) -> tuple[Term, Fraction]:
    """The power that both have: the one nearer to 0, none where they have opposite signs."""
    p, q = first[1], second[1]
    return first[0], Fraction(0) if p * q < 0 else min(p, q, key=abs)


@law("sum", "a/p - b/p**2 -> (a*p - b)/p**2", "in fewer words")
def _common_denominator(b: Builder, t: Term) -> Term | None:
    if len(t.args) + (t.param("constant") != 0) != 2:
        return None
    below: dict[int, tuple[Term, Fraction]] = {}
    for a in t.args:
        for x, p in _factors(a):
            if p < 0 and p.denominator == 1:
                below[x.serial] = x, min(p, below.get(x.serial, (x, p))[1])
    if len(below) != 1:
        return None
    common = b.power_product([(x, -p) for x, p in below.values()])
    parts = [(c, b.multiply([a, common])) for c, a in zip(t.param("factors"), t.args, strict=True)]
    if sum(_leaves(bare(part)) for _, part in parts) + _leaves(bare(common)) > _leaves(t):
        return None
    above = b.add([*parts, (t.param("constant"), common)])
    found = b.divide(above, common)
    return found if _leaves(bare(found)) < _leaves(t) else None


@law("product", "-(y - x) -> x - y", "nothing else is multiplied")
def _turned_difference(b: Builder, t: Term) -> Term | None:
    if t.param("factor") != -1 or len(t.args) != 1 or t.param("powers") != (1,):
        return None
    inner = t.args[0]
    if inner.head != "sum" or all(c > 0 for c in (*inner.param("factors"), inner.param("constant") or 1)):
        return None
    return b.add([*((-c, a) for c, a in zip(inner.param("factors"), inner.args, strict=True)),
                  (-inner.param("constant"), b.number(1))])  # fmt: skip


@law("sum", "a*(c) + d*(not c) -> where(c, a, d)", "a and d are numbers")
def _either_mask(b: Builder, t: Term) -> Term | None:
    if len(t.args) != 2 or any(a.head != "mask" for a in t.args):
        return None
    first, second = (a.args[0] for a in t.args)
    if first.head not in NEGATED or second.head != NEGATED[first.head] or first.args != second.args or not b.finite():
        return None
    above, under = (b.number(c + t.param("constant")) for c in t.param("factors"))
    return b.where(first, above, under)
