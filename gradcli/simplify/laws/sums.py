"""Sums: multiplied out, or with what is shared in front."""

from __future__ import annotations

from fractions import Fraction

from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import law
from gradcli.simplify.normal import ONE, Arithmetic, bare


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


@law("sum", "p * a - p * b -> p * (a - b)", "all terms share p")
def _shared_factor(b: Builder, t: Term) -> Term | None:
    if t.param("constant") or len(t.args) < 2:
        return None
    shared = None
    for a in t.args:
        if a.head == "product":
            own = {x.serial: x for x, p in zip(a.args, a.param("powers"), strict=True) if p == 1}
        else:
            own = {a.serial: a}
        shared = own if shared is None else {s: x for s, x in shared.items() if s in own}
    if not shared:
        return None
    p = next(iter(shared.values()))
    rest = [(c, b.divide(a, p)) for c, a in zip(t.param("factors"), t.args, strict=True)]
    return b.expand(b.multiply([p, b.add(rest)]), t.shape)
