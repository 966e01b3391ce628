"""Sums: multiplied out, or with what is shared in front."""

from __future__ import annotations

from fractions import Fraction

from gradcli.graph.terms import Term, below
from gradcli.simplify.build import Builder
from gradcli.simplify.law import law
from gradcli.simplify.normal import ONE, Arithmetic, bare, factor_of, is_number


@law("sum", "(1 - y) * p - y * (1 - p) -> p - y", "multiplied out, it is shorter")
def _multiplied_out(b: Builder, t: Term) -> Term | None:
    parts: list[tuple[Fraction, Term]] = []
    for c, a in zip(t.param("factors"), t.args, strict=True):
        parts += [(c * f, x) for f, x in _addends(b, a)]
    if len(parts) == len(t.args) or len(parts) > 12:
        return None
    found = Arithmetic.add(b, [*parts, (t.param("constant"), b.number(1))])
    inner = bare(found)
    if inner.head not in ("sum", "product", *JOINED) or _leaves(inner) < _leaves(t):
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


JOINED = ("stack", "torch.cat")


def _leaves(term: Term) -> int:
    """How many parts a sum of products has."""
    if term.head not in ("sum", "product", *JOINED):
        return 1
    return sum(map(_leaves, term.args)) + (term.head == "sum" and term.param("constant") != 0)


@law("sum", "p * a - p * b -> p * (a - b)", "all terms share p, or are divided by the same one element or root")
def _shared_factor(b: Builder, t: Term) -> Term | None:
    if t.param("constant") or len(t.args) < 2:
        return None
    shared: dict[int, tuple[Term, Fraction]] | None = None
    for a in t.args:
        own = {x.serial: (x, p) for x, p in _factors(a) if _shareable(x, p) or _everywhere(t, x, p)}
        shared = own if shared is None else {s: _less(own[s], pair) for s, pair in shared.items() if s in own}
        shared = {s: pair for s, pair in shared.items() if pair[1]}
    if not shared:
        return None
    common = b.power_product(list(shared.values()))
    rest = [(c, _without(b, a, shared)) for c, a in zip(t.param("factors"), t.args, strict=True)]
    return b.expand(b.multiply([common, b.add(rest)]), t.shape)


def _shareable(x: Term, p: Fraction) -> bool:
    """A power of a variable stays in its place: 3*a*x**2 + 2*b*x."""
    root = p < 0 and p.denominator == 2
    return p == 1 or (p < 0 and x.shape == ()) or root or (p > 1 and p.denominator == 1 and x.head != "variable")


def _everywhere(t: Term, x: Term, p: Fraction) -> bool:
    """Whether all addends have just this power."""
    return p > 1 and all(any(y is x and q == p for y, q in _factors(a)) for a in t.args)


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


@law("product", "-(y - x)/n -> (x - y)/n", "nothing else is multiplied but numbers of elements")
def _turned_difference(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    differences = [x for x, p in pairs if x.head == "sum" and p == 1 and (x.dtype is not None or x.shape)]
    if t.param("factor") >= 0 or len(differences) != 1:
        return None
    (inner,) = differences
    if any(x is not inner and (x.dtype is not None or x.shape) for x, _ in pairs):
        return None
    if all(c > 0 for c in (*inner.param("factors"), inner.param("constant") or 1)):
        return None
    turned = b.add([*((-c, a) for c, a in zip(inner.param("factors"), inner.args, strict=True)),
                    (-inner.param("constant"), b.number(1))])  # fmt: skip
    rest = [(x, p) for x, p in pairs if x is not inner]
    return b.power_product([(b.number(-t.param("factor")), ONE), *rest, (turned, ONE)])


@law("sum", "p * (x - y) + q * (y - x) -> p * (x - y) - q * (x - y)", "x - y was there first")
def _same_difference(b: Builder, t: Term) -> Term | None:
    seen = {x.serial: x for a in t.args for x, p in _factors(a) if x.head == "sum" and p == 1}
    for c, a in zip(t.param("factors"), t.args, strict=True):
        for x, p in _factors(a):
            if x.head != "sum" or p != 1 or a is x:
                continue
            opposite = bare(b.scale(-ONE, x))
            if opposite.serial >= x.serial or opposite.serial not in seen:
                continue
            rest = [(f, y) for f, y in zip(t.param("factors"), t.args, strict=True) if y is not a]
            others = [(y, q) for y, q in _factors(a) if y is not x]
            turned = b.power_product([(b.number(factor_of(a)), ONE), *others, (opposite, ONE)])
            return b.add([*rest, (-c, turned), (t.param("constant"), b.number(1))])
    return None


DIVISORS = {"sigmoid": (1, -1), "tanh": (1, 0, -1)}  # coefficients of 1, s, s**2


@law("sum", "1 - 3*s + 2*s**2 -> (1 - s)*(1 - 2*s), and 1 - t**2 in front", "s is sigmoid(x), t is tanh(x)")
def _derivative_in_front(b: Builder, t: Term) -> Term | None:
    powers = [(x, p) for a in t.args for x, p in _factors(a) if x.head in DIVISORS and p > 1]
    for s, _ in powers[:1]:
        groups = _polynomials(b, t, s)
        divisor = DIVISORS[s.head]
        found = [(rest, _divided(coefficients, divisor)) for rest, coefficients in groups]
        if any(q is None for _, q in found) or all(len(q or ()) == 1 and is_number(rest) for rest, q in found):
            return None
        terms = [(c, b.multiply([rest, b.power(s, Fraction(n))])) for rest, q in found for n, c in enumerate(q or ())]
        front = b.add([(c, b.power(s, Fraction(n)) if n else b.number(1)) for n, c in enumerate(divisor) if c])
        return b.expand(b.multiply([front, b.add(terms)]), t.shape)
    return None


def _polynomials(b: Builder, t: Term, s: Term) -> list[tuple[Term, list[Fraction]]]:
    """A sum as polynomials in s: what each is multiplied by, and the coefficients of its powers from 0 on."""
    groups: dict[int, tuple[Term, dict[int, Fraction]]] = {}
    for c, a in [*zip(t.param("factors"), t.args, strict=True), (t.param("constant"), b.number(1))]:
        power = next((p for x, p in _factors(a) if x is s and p > 0), Fraction(0))
        if power.denominator != 1:
            continue
        rest = b.power_product([(x, p) for x, p in _factors(a) if not (x is s and p > 0)]) if a.head != "number" else a
        _, coefficients = groups.setdefault(rest.serial, (rest, {}))
        coefficients[int(power)] = coefficients.get(int(power), Fraction(0)) + c * factor_of(a) / factor_of(rest)
    return [(rest, [found.get(n, Fraction(0)) for n in range(max(found) + 1)]) for rest, found in groups.values()]


def _divided(coefficients: list[Fraction], divisor: tuple[int, ...]) -> list[Fraction] | None:
    """The quotient of polynomials; None where something is left over."""
    left, quotient = list(coefficients), list[Fraction]()
    while len(left) >= len(divisor):
        factor = left[-1] / divisor[-1]
        quotient.insert(0, factor)
        for n, d in enumerate(reversed(divisor)):
            left[-1 - n] -= factor * d
        left.pop()
    return quotient if not any(left) else None


@law("product", "(a - b/x)/x -> (a*x - b)/x**2", "x is a variable, or a sum of them")
def _quotient_rule(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for x, p in pairs:
        if p >= 0 or p.denominator != 1 or not (x.head == "variable" or (x.head == "sum" and _simple(x))):
            continue
        for above, q in pairs:
            if q != 1 or above.head != "sum" or any(a.head in REDUCING for a in below(above)):
                continue
            inner = min((r for a in above.args for y, r in _factors(a) if y is x), default=Fraction(0))
            if inner >= 0 or inner.denominator != 1:
                continue
            common = b.power(x, -inner)
            terms = [(c, b.multiply([a, common])) for c, a in zip(above.param("factors"), above.args, strict=True)]
            rest = [(y, r) for y, r in pairs if y is not above]
            whole = b.add([*terms, (above.param("constant"), common)])
            return b.power_product([(b.number(t.param("factor")), ONE), *rest, (whole, ONE), (common, -ONE)])
    return None


REDUCING = frozenset({"total", "mean", "matmul", "norm", "linalg.vector_norm", "var", "std", "prod", "max", "min"})


def _simple(x: Term) -> bool:
    return all(a.head in ("variable", "product") and all(y.head == "variable" for y, _ in _factors(a)) for a in x.args)


@law("product", "-(1 - x) * y -> (x - 1) * y", "x is a variable, or the number comes first then")
def _turned_factor(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for x, p in pairs:
        if t.param("factor") >= 0 or p != 1 or x.head != "sum":
            continue
        signs, constant = x.param("factors"), x.param("constant")
        shorter = constant < 0 and all(c > 0 for c in signs)  # 2*s - 1 becomes 1 - 2*s
        if not (shorter or _simple(x)) or all(c >= 0 for c in (*signs, constant)):
            continue
        if any(x in below(y) for y, _ in pairs if y is not x):
            continue
        turned = b.add([*((-c, a) for c, a in zip(x.param("factors"), x.args, strict=True)),
                        (-x.param("constant"), b.number(1))])  # fmt: skip
        rest = [(y, q) for y, q in pairs if y is not x]
        return b.power_product([(b.number(-t.param("factor")), ONE), *rest, (turned, ONE)])
    return None


@law("product", "(a/p - b/q) * p * q -> a*q - b*p", "multiplied out, it is shorter")
def _cancelled_addends(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for above, p in pairs:
        if above.head != "sum" or p != 1 or len(above.args) > 4:
            continue
        rest = [pair for pair in pairs if pair[0] is not above]
        outside = {x.serial for x, q in rest if q > 0}
        addends = [*zip(above.param("factors"), above.args, strict=True), (above.param("constant"), b.number(1))]
        inside = [(x, q) for _, a in addends for x, q in _factors(a)]
        if not any((q < 0 and x.serial in outside) or x.head == "one_hot" for x, q in inside):
            continue
        each = [(c, b.power_product([(a, ONE), *rest])) for c, a in addends if c]
        if sum(_leaves(bare(a)) for _, a in each) < _leaves(t):
            return b.scale(t.param("factor"), b.add(each))
    return None
