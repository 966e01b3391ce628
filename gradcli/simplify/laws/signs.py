"""Signs: odd and even functions, norms of multiples, differences that are there the other way round."""

from __future__ import annotations

from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import law
from gradcli.simplify.normal import ONE, bare, factor_of

ODD = "sign sin tan sinh tanh asin atan asinh atanh erf erfinv"
EVEN = "abs cos cosh norm linalg.vector_norm"


def turned(b: Builder, x: Term) -> Term | None:
    """-x, where it is written without a minus: x has one, or is a difference whose opposite was there first."""
    if x.head == "product" and factor_of(x) < 0:
        return b.scale(-ONE, x)
    if x.head != "sum":
        return None
    opposite = b.scale(-ONE, x)
    return opposite if opposite.head == "sum" and opposite.serial < x.serial else None


@law(ODD, "sin(-x) -> -sin(x), sign(y - x) -> -sign(x - y)", "x - y was there first")
def _odd(b: Builder, t: Term) -> Term | None:
    x = turned(b, t.args[0])
    return None if x is None else b.scale(-ONE, b.settle(b.make(t.head, (x,), t.params, t.shape, t.dtype)))


@law(EVEN, "cos(-x) -> cos(x), norm(y - x) -> norm(x - y)", "x - y was there first")
def _even(b: Builder, t: Term) -> Term | None:
    x = turned(b, t.args[0]) if len(t.args) == 1 else None
    return None if x is None else b.settle(b.make(t.head, (x,), t.params, t.shape, t.dtype))


@law("product", "(x - y) * (y - x) -> -(x - y)**2", "always")
def _opposites(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for x, p in pairs:
        opposite = turned(b, x) if x.head == "sum" and p.denominator == 1 else None
        if opposite is None or all(y is not opposite for y, _ in pairs):
            continue
        rest = [(y, q) for y, q in pairs if y is not x]
        return b.power_product([(b.number(t.param("factor") * (-1) ** int(p)), ONE), *rest, (opposite, p)])
    return None


@law("product", "(y - x)**2 -> (x - y)**2", "x - y was there first")
def _even_power(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    found = [(turned(b, x) if x.head == "sum" and p.denominator == 1 and p % 2 == 0 else None, x, p) for x, p in pairs]
    if all(x is None for x, _, _ in found):
        return None
    return b.power_product([(b.number(t.param("factor")), ONE), *[(x or y, p) for x, y, p in found]])


POSITIVE = frozenset("exp norm linalg.vector_norm sigmoid softmax cosh std var abs".split())


@law("norm linalg.vector_norm", "norm(x/c) -> norm(x)/c", "c is one element and never negative")
def _norm_of_multiple(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "product" or len(t.args) > 1:
        return None
    pairs = list(zip(x.args, x.param("powers"), strict=True))
    outer = [(a, p) for a, p in pairs if not a.shape and (a.head in POSITIVE or p.denominator == 2 or p % 2 == 0)]
    inner = [(a, p) for a, p in pairs if all(a is not y for y, _ in outer)]
    factor = x.param("factor")
    if not inner or (not outer and factor == 1):
        return None
    inside = b.power_product(inner)
    if inside.shape != x.shape:
        return None
    norm = b.settle(b.make(t.head, (inside,), t.params, t.shape, t.dtype))
    return b.power_product([(b.number(abs(factor)), ONE), *outer, (norm, ONE)])


@law("product", "exp(x) * exp(y) -> exp(x + y)", "the sum is shorter")
def _joined_exponentials(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    found = [(x, p) for x, p in pairs if x.head == "exp" and p.denominator == 1]
    for at, (x, p) in enumerate(found):
        for y, q in found[at + 1 :]:
            both = b.add([(p, x.args[0]), (q, y.args[0])])
            inner = bare(both)
            if inner.head == "sum" and len(inner.args) + 1 > len(_parts(x)) + len(_parts(y)) - 1:
                continue
            rest = [pair for pair in pairs if pair[0] is not x and pair[0] is not y]
            return b.power_product([(b.number(t.param("factor")), ONE), *rest, (b.unary("exp", both), ONE)])
    return None


def _parts(e: Term) -> tuple[Term, ...]:
    """The addends of an exponent."""
    x = e.args[0]
    return (*x.args, x) if x.head == "sum" and x.param("constant") else x.args if x.head == "sum" else (x,)
