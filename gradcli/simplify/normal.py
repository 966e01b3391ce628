"""Sums and products in normal form.

A sum is coefficients without a common factor, and a constant; a product is a fraction and powers of what is no
product. So `3 * 2 * (x + 2) / 4` is `3/2 * (x + 2)` however it was written. A part that was broadcast gives its shape
to the whole (`expand` moves outwards), because arithmetic broadcasts by itself.

Holds for finite elements: sums are reordered, equal parts of opposite sign cancel (where inf - inf would be nan),
0 * x is 0 and x / x is 1 (also at 0, where the quotient as written would be nan). Elements that are not finite are the
business of `gradcli eval`, not of a formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cmp_to_key
from math import gcd
from typing import Any

from gradcli.dtypes import DType
from gradcli.graph.terms import Term, Terms
from gradcli.shapes import Shape, broadcast_shapes
from gradcli.simplify.constants import extracted

ONE, HALF, ZERO = Fraction(1), Fraction(1, 2), Fraction(0)


def common_dtype(args: Iterable[Term]) -> DType | None:
    """The dtype of arithmetic on them, as far as formulas need it: a floating one if there is one."""
    found: DType | None = None
    for a in args:
        if a.dtype is not None and (found is None or a.dtype.category > found.category):
            found = a.dtype
    return found


def bare(term: Term) -> Term:
    """A term without the broadcasting around it."""
    while term.head == "expand":
        term = term.args[0]
    return term


def is_number(term: Term) -> bool:
    """Whether it is a finite Python number, broadcast or not."""
    inner = bare(term)
    return inner.head == "number" and isinstance(inner.value, Fraction)


LONG = 8  # the parts of a sum or product up to which it is taken apart although others share it


class Arithmetic(Terms):
    """Builds sums and products. Of two that differ in order alone, there is the one that was made first."""

    def __init__(self, exact: bool = False) -> None:
        super().__init__(exact)
        # names of variables, the first of which a program writes before the other; None: products keep their order
        self.written: set[tuple[str, str]] | None = None
        self.closed: set[int] = set()  # long sums and products that several others share, which stay as they are
        self._first: dict[tuple[str, frozenset[tuple[int, Fraction]], Fraction, Shape], Term] = {}

    def close(self, term: Term) -> None:
        """Let a term that is used several times be one part of others, if it is a long sum or product."""
        inner = bare(term)
        if inner.head == "product" and len(inner.args) == 1:
            inner = inner.args[0]  # a number stands before it
        if inner.head in ("sum", "product") and len(inner.args) > LONG:
            self.closed.add(inner.serial)

    def _in_any_order(self, term: Term, own: Fraction, each: Sequence[Fraction]) -> Term:
        """The sum or product that was made first of those with the same parts."""
        parts = frozenset(zip([a.serial for a in term.args], each, strict=True))
        return self._first.setdefault((term.head, parts, own, term.shape), term)

    def expand(self, term: Term, shape: Shape) -> Term:
        """A term broadcast to a shape."""
        term = bare(term)
        if term.head == "reshape" and term.shape == (1, *term.args[0].shape) and len(shape) >= len(term.shape):
            if term.shape == shape:
                return term
            term = bare(term.args[0])  # a dimension of one element in front is there anyway
        return term if term.shape == shape else self.settle(self.make("expand", (term,), (), shape, term.dtype))

    def broadcast(self, term: Term, parts: Sequence[Term]) -> Term:
        """The result of elementwise arithmetic in the shape that its parts had before they were stripped."""
        return self.expand(term, broadcast_shapes(*[p.shape for p in parts])) if parts else term

    def add(self, parts: Sequence[tuple[Any, Term]]) -> Term:
        """The sum of coefficient times term."""
        constant, found = ZERO, dict[int, list[Any]]()
        for factor, part in parts:
            for c, term in self._addends(Fraction(factor), bare(part)):
                if term is None:
                    constant += c
                else:
                    found.setdefault(term.serial, [ZERO, term])[0] += c
        kept = [(c, t) for c, t in found.values() if c]
        return self.broadcast(self._sum(kept, constant), [p for _, p in parts])

    def _addends(self, factor: Fraction, term: Term) -> Iterable[tuple[Fraction, Term | None]]:
        if term.head == "number" and isinstance(term.value, Fraction):
            return [(factor * term.value, None)]
        if term.head == "product" and term.serial not in self.closed:
            factor *= term.param("factor")
            term = bare(self._product(ONE, list(zip(term.args, term.param("powers"), strict=True))))
            if term.head == "product":
                return [(factor, term)]
        if term.head == "sum" and term.serial not in self.closed:
            inner = [(factor * c, t) for c, t in zip(term.param("factors"), term.args, strict=True)]
            return [*inner, (factor * term.param("constant"), None)]
        return [(factor, term)]

    def _sum(self, kept: list[tuple[Fraction, Term]], constant: Fraction) -> Term:
        if not kept:
            return self.number(constant)
        if len(kept) == 1 and not constant:
            return self.scale(kept[0][0], kept[0][1])
        content = _content([c for c, _ in kept], constant)
        args = [t for _, t in kept]
        shape = broadcast_shapes(*[a.shape for a in args])
        factors = tuple(c / content for c, _ in kept)
        params = (("factors", factors), ("constant", constant / content))
        term = self.make("sum", args, params, shape, common_dtype(args))
        return self.scale(content, self.settle(self._in_any_order(term, constant / content, factors)))

    def settle(self, term: Term) -> Term:
        """The term after the laws; here there are none."""
        return term

    def scale(self, factor: Fraction, term: Term) -> Term:
        """A number times a term."""
        return self.multiply([self.number(factor), term])

    def multiply(self, parts: Sequence[Term]) -> Term:
        """The product of terms."""
        return self.power_product([(p, ONE) for p in parts])

    def divide(self, a: Term, b: Term) -> Term:
        """a / b."""
        return self.power_product([(a, ONE), (b, -ONE)])

    def power(self, base: Term, exponent: Fraction) -> Term:
        """A term to the power of a number."""
        return self.power_product([(base, exponent)])

    def power_product(self, parts: Sequence[tuple[Term, Fraction]]) -> Term:
        """The product of powers of terms."""
        factor, factors = ONE, list[tuple[Term, Fraction]]()
        for part, power in parts:
            inner = bare(part)
            if inner.head == "product" and inner.serial not in self.closed and self._distributes(inner, power):
                own = inner.param("factor")
                if own or power > 0:
                    factor *= own ** int(power)
                    pairs = zip(inner.args, inner.param("powers"), strict=True)
                    factors += [(t, p * power) for t, p in pairs]
                    continue
            if inner.head == "number" and isinstance(inner.value, Fraction) and _computable(inner.value, power):
                factor *= inner.value ** int(power) if inner.value else 0
                continue
            factors.append((inner, power))
        result = self._product(factor, factors)
        return self.broadcast(result, [p for p, _ in parts])

    def _distributes(self, product: Term, power: Fraction) -> bool:
        """Whether (x^p)^power is x^(p power): sqrt(x)^2 is x where x >= 0, elsewhere sqrt(x) is nan."""
        if abs(power) == 1:
            return True
        whole = all(p.denominator == 1 for p in product.param("powers"))
        return power.denominator == 1 and (whole or self.finite())

    def _product(self, factor: Fraction, parts: list[tuple[Term, Fraction]]) -> Term:
        if not factor:
            return self.number(ZERO)
        factor, parts = self._joined_roots(factor, parts)
        found = dict[tuple[int, bool], list[Any]]()
        for term, power in parts:
            found.setdefault((term.serial, power > 0), [term, ZERO])[1] += power
        for (serial, positive), entry in list(found.items()):
            other = found.get((serial, False))
            if positive and other is not None:
                entry[1], other[1] = max(entry[1] + other[1], ZERO), min(entry[1] + other[1], ZERO)
        kept = [(t, p) for t, p in found.values() if p]
        if not kept:
            return self.number(factor)
        if factor == 1 and len(kept) == 1 and kept[0][1] == 1:
            only: Term = kept[0][0]
            return only
        kept.sort(key=cmp_to_key(self._before))
        args = [t for t, _ in kept]
        powers = tuple(p for _, p in kept)
        params, shape = (("factor", factor), ("powers", powers)), broadcast_shapes(*[a.shape for a in args])
        return self._in_any_order(self.make("product", args, params, shape, common_dtype(args)), factor, powers)

    def _before(self, one: tuple[Term, Fraction], other: tuple[Term, Fraction]) -> int:
        """Which of two factors is written first."""
        first, second = _late(one), _late(other)
        if self.written is None:
            return (first[0] > second[0]) - (first[0] < second[0])
        if first[0] == second[0] and one[0].head == other[0].head == "variable":
            names = one[0].param("name"), other[0].param("name")
            if names in self.written:
                return -1
            if names[::-1] in self.written:
                return 1
        return (first > second) - (first < second)

    def _joined_roots(
        self, factor: Fraction, parts: list[tuple[Term, Fraction]]
    ) -> tuple[Fraction, list[tuple[Term, Fraction]]]:
        """Roots of numbers and of pi under one sign: sqrt(2)/sqrt(pi) is sqrt(2/pi)."""
        roots = [(t, p) for t, p in parts if p.denominator == 2 and abs(p) == HALF and _monomial(t) is not None]
        if not roots:
            return factor, parts
        inside, pis = ONE, 0
        for term, p in roots:
            r, k = _monomial(term) or (ONE, 0)
            inside, pis = (inside * r, pis + k) if p > 0 else (inside / r, pis - k)
        factor, inside = extracted(factor, inside)
        whole_pis = [(t, p) for t, p in parts if t.head == "constant" and p.denominator == 1]
        pis += 2 * sum(int(p) for _, p in whole_pis)
        whole = int(pis / 2)
        rest = [pair for pair in parts if pair not in roots and pair not in whole_pis]
        rest += [(self.constant("pi"), Fraction(whole))] if whole else []
        return factor, [*rest, *self._root(inside, pis - 2 * whole)]

    def _root(self, inside: Fraction, pis: int) -> list[tuple[Term, Fraction]]:
        """sqrt(inside * pi**pis) as a power; 1/sqrt(...) where nothing is above the line."""
        if inside == 1 and not pis:
            return []
        power = -HALF if inside.numerator == 1 and pis <= 0 else HALF
        base, pis = (inside, pis) if power > 0 else (1 / inside, -pis)
        return [(self._product(base, [(self.constant("pi"), Fraction(pis))] if pis else []), power)]

    def constant(self, name: str) -> Term:
        """A number that has a name: pi."""
        return self.make("constant", (), (("name", name),))


def _monomial(term: Term) -> tuple[Fraction, int] | None:
    """(r, k) of r * pi**k, a positive number."""
    if term.head == "number" and isinstance(term.value, Fraction) and term.value > 0:
        return term.value, 0
    if term.head == "constant":
        return ONE, 1
    if term.head == "product" and len(term.args) == 1 and term.args[0].head == "constant" and term.param("factor") > 0:
        power = term.param("powers")[0]
        return (term.param("factor"), int(power)) if power.denominator == 1 else None
    return None


def _late(part: tuple[Term, Fraction]) -> tuple[int, int]:
    """Sizes and pi are written first, then variables, their sums, calls, logarithms of numbers, what counts or chooses.

    So it is pi*x*exp(x)*log(2)*(x > 0), in which no number is rounded to the default dtype by meeting a bool first.
    Variables, and parts of them, have the order in which they were made, those of one element first.
    """
    term = part[0]
    if term.dtype is None and not term.shape:
        return (4 if term.head == "log" else 0), 0
    if term.head == "mask" or not term.floating:
        return 5, 0
    if term.head in ("variable", "index"):
        owner = term if term.head == "variable" else term.args[0]
        return 1, owner.serial + (SCALARS_FIRST if term.shape else 0)
    return (2 if term.head == "sum" and all(map(_plain, term.args)) else 3), 0


SCALARS_FIRST = 10**6  # more than there are terms


def _plain(term: Term) -> bool:
    """Whether a term is a variable or a product of powers of them."""
    return term.head == "variable" or (term.head == "product" and all(a.head == "variable" for a in term.args))


def _computable(value: Fraction, power: Fraction) -> bool:
    return (power.denominator == 1 and abs(power) <= 16 and value != 0) or (value == 0 and power > 0)


def _content(coefficients: Sequence[Fraction], constant: Fraction) -> Fraction:
    """What is put before a sum: the common factor of integers, or what all terms share (x/3 - y/3 is (x - y)/3)."""
    sign = -1 if all(c < 0 for c in coefficients) and constant <= 0 else 1
    whole = [*coefficients, constant]
    if all(c.denominator == 1 for c in whole):
        return Fraction(sign * gcd(*[int(c) for c in whole]))
    shared = abs(coefficients[0])
    if all(abs(c) == shared for c in coefficients) and (constant / shared).denominator <= 12:
        return sign * shared
    broken = all(c.denominator != 1 for c in whole if c) and not all(map(_terminates, whole))
    if broken and all(_terminates(c / shared) for c in whole):
        return sign * shared
    return Fraction(sign)


def _terminates(c: Fraction) -> bool:
    """Whether it is a short decimal."""
    return 10**4 % c.denominator == 0


def factor_of(term: Term) -> Fraction:
    """The number in front of a term."""
    if term.head == "number" and isinstance(term.value, Fraction):
        return term.value
    factor: Fraction = term.param("factor", ONE) if term.head == "product" else ONE
    return factor
