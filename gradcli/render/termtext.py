"""Terms as text in gradcli's own language: `1.5 * (x + 2)`, shared parts as named lines before the last.

Knows no law: what it is given is what it writes, with as few parentheses as precedence asks for.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from gradcli.dtypes import DType, float64
from gradcli.graph.terms import Term
from gradcli.render.lines import ATOM, COMPARISON, PLUS, POWER, SIGN, TIMES, LineWriter, Text, addends, signed
from gradcli.render.style import Style, decimal

ONE, HALF = Fraction(1), Fraction(1, 2)
COMPARED = {"gt": ">", "lt": "<", "ge": ">=", "le": "<=", "eq": "==", "ne": "!="}
# a part used twice becomes a line of its own from this many characters on
WORTH_NAMING = 18
# calls that take a number where others need a tensor
NUMBERS_TOO = frozenset("where pow div remainder fmod floor_divide quantile nanquantile fill masked_fill".split())
# terms that may be Python numbers
NUMERIC = frozenset({"number", "size", "count", "constant", "log", "sum", "product", "pow"})
# calls that make a tensor of the default dtype
CREATING = frozenset("eye linspace logspace arange zeros ones full".split())


def formula_lines(root: Term, style: Style, taken: Iterable[str] = ()) -> list[tuple[str | None, str]]:
    """The lines of a formula: (name, text) for each shared part, and (None, text) for the formula itself."""
    for number, term in style.counts.items():
        style.held[number] = InOneLine(term, style, ()).lines()[-1][1]
    return Writer(root, style, taken).lines()


class Writer(LineWriter):
    """Writes the terms of one formula, parts first."""

    def __init__(self, root: Term, style: Style, taken: Iterable[str]) -> None:
        super().__init__(root, set(taken) | set(style.variables))
        self.style = style
        self._integers = _integers(self.order)
        self._operands = {a.serial for t in self.order for a in t.args if not _promotes(t, a)}
        beside = {a.serial for t in self.order for a in t.args if _promotes(t, a)}
        scaled = {a.serial for t in self.order if t.serial in beside and t.head == "product" for a in t.args}
        self._operands -= scaled

    def worth_naming(self, term: Term, text: str) -> bool:
        """Whether a part becomes a line of its own."""
        return self.shared(term) and len(text) >= WORTH_NAMING and term.head != "literal"

    def write(self, term: Term) -> Text:
        """The text of a term whose parts are written."""
        head = term.head
        if head == "variable":
            return str(term.param("name")), ATOM
        if head == "number":
            return self._number(term.value)
        if head == "constant":
            return self.style.pi, ATOM
        if head == "log" and _is_python(term):
            return self.style.number_call("log", self.texts[term.args[0].serial][0]), ATOM
        if head == "count":
            return f"int({self._held(term)})", ATOM
        if head == "size":
            return self.style.integer_text(str(term.param("text"))), ATOM
        if head == "literal":
            assert term.dtype is not None
            return self.style.literal(term.param("value"), term.dtype), ATOM
        special = getattr(self, f"_{head}", None) if head in SPECIAL else None
        if special is not None:
            return special(term)  # type: ignore[no-any-return]
        if head == "pow" and len(term.args) == 2:
            return f"{self.at(term.args[0], POWER + 1)}**{self.at(term.args[1], POWER)}", POWER
        if head == "remainder" and len(term.args) == 2:
            return f"{self.at(term.args[0], TIMES)} % {self.at(term.args[1], TIMES + 1)}", TIMES
        if head == "remainder" and len(term.args) == 1 and len(term.params) == 1:
            return f"{self.at(term.args[0], TIMES)} % {self.value(term.params[0][1], term)}", TIMES
        if head in COMPARED:
            left, right = (self.at(a, COMPARISON + 1) for a in term.args)
            return f"{left} {COMPARED[head]} {right}", COMPARISON
        return self.style.call(head, self.arguments(term)), ATOM

    def whole(self) -> str:
        """The text of the formula itself."""
        return self.style.whole(self.root, super().whole(), self.at(self.root, ATOM))

    def arguments(self, term: Term) -> list[str]:
        """The arguments of a call, and what they need besides to give the dtype that they should."""
        found = super().arguments(term)
        if term.head == "where" and all(map(_is_python, term.args[1:])):
            found[1] = self._as_tensor(term.args[1])
        made = ""
        if term.head.removeprefix("torch.") in CREATING and term.floating:
            made = self.style.dtype_argument(term.head != "eye" or term.serial in self._operands)
        return [*found, made] if made and term.param("dtype") is None else found

    def tensor(self, term: Term, call: Term) -> str:
        """An argument: numbers as tensors where only these will do, counts as floating where all are."""
        text = self.texts[term.serial][0]
        if _is_python(term) and call.head not in NUMBERS_TOO:
            return self._as_tensor(term)
        if call.floating and term.serial in self._integers:
            return self.style.cast(self.at(term, ATOM), float64)
        return text

    def _as_tensor(self, term: Term) -> str:
        """A Python number as a tensor."""
        if term.head == "number":
            return self.style.constant(term.value, ())
        return self.style.filled(self.texts[term.serial][0], ())

    def plain(self, value: Any) -> str:
        """A number, text or dtype among the arguments."""
        if value is ...:
            return "..."
        if isinstance(value, int) and not isinstance(value, bool):
            return self.style.integer(value)
        if isinstance(value, Fraction):
            return number_text(value)[0]
        if isinstance(value, float) and value - value != 0:
            return f"float('{value}')"
        if isinstance(value, DType):
            return self.style.dtype(value)
        return repr(value)

    def _number(self, value: Any) -> Text:
        return (self.style.infinity, ATOM) if value == float("inf") else number_text(value)

    def _index(self, term: Term) -> Text:
        return f"{self.at(term.args[0], ATOM)}[{self.index_places(term)}]", ATOM

    def _item(self, term: Term) -> Text:
        return f"{self.at(term.args[0], ATOM)}[{term.param('at')}]", ATOM

    def _mT(self, term: Term) -> Text:
        return f"{self.at(term.args[0], ATOM)}.{'T' if len(term.shape) == 2 else 'mT'}", ATOM

    def _matmul(self, term: Term) -> Text:
        left, right = (
            self.tensor(a, term) if a.serial in self._integers else self.at(a, TIMES + (at or a.head != "matmul"))
            for at, a in enumerate(term.args)
        )
        return f"{left} @ {right}", TIMES

    def _held(self, count: Term) -> str:
        """How often a mask holds, as a tensor."""
        return self.style.call("sum", [self.texts[count.args[0].serial][0]])

    def _mask(self, term: Term) -> Text:
        assert term.dtype is not None
        return self.style.cast(self.at(term.args[0], ATOM), term.dtype), ATOM

    def _cast(self, term: Term) -> Text:
        assert term.dtype is not None
        if term.param("named"):
            return self.style.cast_to(self.at(term.args[0], ATOM), term.dtype), ATOM
        return self.style.cast(self.at(term.args[0], ATOM), term.dtype), ATOM

    def _expand(self, term: Term) -> Text:
        inner = term.args[0]
        if inner.head == "number":
            return self.style.constant(inner.value, term.shape), ATOM
        if inner.dtype is None and not inner.shape:
            return self.style.filled(self.texts[inner.serial][0], term.shape), ATOM
        return self.style.expanded(self.at(inner, ATOM), term.shape), ATOM

    def _reshape(self, term: Term) -> Text:
        flat = len(term.shape) == 1 != len(term.args[0].shape) and term.shape != (1,)
        sizes = "-1" if flat else self.style.sizes_of(term.shape)
        return f"{self.at(term.args[0], ATOM)}.reshape({sizes})", ATOM

    def _total(self, term: Term) -> Text:
        dims, x = term.param("dims"), term.args[0]
        given = []
        if len(dims) < len(x.shape) or term.param("keepdim"):
            given = [self.value(dims[0] if len(dims) == 1 else dims, term)]
        if term.param("keepdim"):
            given.append("keepdim=True")
        return self.style.call("sum", [self.texts[x.serial][0], *given]), ATOM

    def _sum(self, term: Term) -> Text:
        return signed([self._addend(factor, part) for factor, part in addends(term, term is self.polynomial)]), PLUS

    def _addend(self, factor: Fraction, term: Term | None) -> tuple[bool, str]:
        if term is None:
            return factor < 0, number_text(abs(factor))[0]
        if term.head == "product" and not self.texts[term.serial][0].isidentifier():
            own = factor * term.param("factor")
            return own < 0, self._factors(abs(own), term)
        if abs(factor) == 1:
            return factor < 0, self.at(term, PLUS + 1)
        top, bottom = _number_parts(abs(factor))
        part = self._counted(term, TIMES) if bottom or "." in top else self.at(term, TIMES)
        return factor < 0, (f"{top}*{part}" if top else part) + (f"/{bottom}" if bottom else "")

    def _product(self, term: Term) -> Text:
        factor: Fraction = term.param("factor")
        text = self._factors(factor, term)
        if term.param("powers") == (HALF,) and factor == 1:
            return text, ATOM  # a call of sqrt
        return (f"-{text}", SIGN - 11) if factor < 0 else (text, TIMES)

    def _factors(self, factor: Fraction, term: Term) -> str:
        """The factors of a product, with a number in front of them, without its sign."""
        top, bottom = _number_parts(abs(factor))
        floating = any(a.floating and a.head != "mask" for a in term.args)
        above, under = ([top] if top else []), ([bottom] if bottom else [])
        masks: list[Term] = []  # with a minus in front they come last: a bool has no negative
        powers = term.param("powers")
        fraction = not floating and (bottom or "." in top or min(powers) < 0)
        for a, p in zip(term.args, powers, strict=True):
            if a.head == "count" and abs(p) == 1 and term.floating:
                (above if p > 0 else under).append(self._held(a))
            elif fraction and abs(p) == 1:
                (above if p > 0 else under).append(self._counted(a, TIMES + 1))
            elif a.head == "mask" and p == 1 and floating and not self.texts[a.serial][0].isidentifier():
                if factor < 0 and not above:
                    masks.append(a)
                else:
                    above.append(self.at(a.args[0], ATOM))
            else:
                (above if p > 0 else under).append(self._power(a, abs(p)))
        for at, a in enumerate(masks):
            above.append(self._power(a, ONE) if not at and not above else self.at(a.args[0], ATOM))
        text = "*".join(above) if above else "1"
        if under:
            single = len(under) == 1 and not _spaced(under[0].replace("**", "^"))
            text += f"/{under[0]}" if single else f"/({'*'.join(under)})"
        return text

    def _counted(self, term: Term, precedence: int) -> str:
        """A factor beside a fraction."""
        integers = term.dtype is not None and not term.floating
        return self.style.counted(self.at(term, ATOM)) if integers else self.at(term, precedence)

    def _power(self, base: Term, power: Fraction) -> str:
        if power == 1:
            return self.at(base, TIMES + 1)
        if power == HALF:
            inside = self.texts[base.serial][0]
            return self.style.number_call("sqrt", inside) if _is_python(base) else self.style.call("sqrt", [inside])
        if power.denominator != 1:
            return f"{self.at(base, POWER + 1)}**{decimal(power)}"
        return f"{self.at(base, POWER + 1)}**{power}"


class InOneLine(Writer):
    """Writes a part of a formula, whose own parts have no lines."""

    def whole(self) -> str:
        """The text of the part."""
        return self.texts[self.root.serial][0]

    def worth_naming(self, term: Term, text: str) -> bool:
        """None is."""
        return False


SPECIAL = frozenset({"index", "item", "mT", "matmul", "mask", "cast", "expand", "reshape", "total", "sum", "product"})


def _promotes(term: Term, part: Term) -> bool:
    """Whether a term brings a part to the dtype of the others: arithmetic does, if one of these has dimensions."""
    return term.head in ("sum", "product") and any(a.floating and a.shape for a in term.args if a is not part)


def _is_python(term: Term) -> bool:
    """Whether a term is written as a Python number."""
    return term.dtype is None and not term.shape and term.head in NUMERIC


def _integers(order: Iterable[Term]) -> set[int]:
    """The terms that are written with rows of one_hot alone, so that they are integers, whatever they stand for."""
    found: set[int] = set()
    for term in order:
        parts = term.args[1:] if term.head == "where" else term.args[:1] if term.head in MOVING else term.args
        varying = [a for a in parts if a.dtype is not None or a.shape]
        kept = term.head in KEEPING or (term.head in MOVING and not term.floating)
        if term.head == "one_hot" or (kept and varying and all(a.serial in found for a in varying)):
            found.add(term.serial)
    return found


KEEPING = frozenset({"reshape", "mT", "expand", "index", "product", "sum"})  # written without a call
MOVING = frozenset({"reshape", "mT", "expand", "index", "permute", "flip", "pad", "diag", "where"})


def _spaced(text: str) -> bool:
    """Whether a factor has an operator outside all brackets (a matrix product)."""
    depth = 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter in " *" and depth == 0:
            return True
    return False


def _number_parts(factor: Fraction) -> tuple[str, str]:
    """A positive factor as what stands above and below the line."""
    if factor == 1:
        return "", ""
    if factor.denominator == 1:
        return str(factor.numerator) if factor < 10**16 else decimal(factor), ""
    if factor.numerator == 1 and factor.denominator < 10**6:
        return "", str(factor.denominator)
    if 10**4 % factor.denominator == 0 or factor.denominator > 10**4 or factor.numerator > 10**4:
        return decimal(factor), ""
    return str(factor.numerator), str(factor.denominator)


def number_text(value: Any) -> Text:
    """A number in a formula."""
    if not isinstance(value, Fraction):
        return f"float('{value}')", ATOM
    if value.denominator == 1 and abs(value) < 10**16:
        text = str(value.numerator)
    elif 10**4 % value.denominator == 0 or value.denominator > 10**4 or abs(value.numerator) > 10**4:
        text = decimal(value)
    else:
        return f"{value.numerator}/{value.denominator}", TIMES if value > 0 else SIGN - 11
    return text, ATOM if value >= 0 else SIGN - 11
