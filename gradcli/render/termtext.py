"""Terms as text in gradcli's own language: `1.5 * (x + 2)`, shared parts as named lines before the last.

Knows no law: what it is given is what it writes, with as few parentheses as precedence asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from gradcli.dtypes import DType, float64
from gradcli.graph.terms import Arg, Term, below
from gradcli.shapes import Shape

Text = tuple[str, int]  # a formula and how tightly it binds
ATOM, POWER, SIGN, TIMES, PLUS, COMPARISON = 100, 80, 70, 60, 50, 40
ONE = Fraction(1)
COMPARED = {"gt": ">", "lt": "<", "ge": ">=", "le": "<=", "eq": "==", "ne": "!="}
# a part used twice becomes a line of its own from this many characters on
WORTH_NAMING = 18
# calls that take a number where others need a tensor
NUMBERS_TOO = frozenset({"where", "pow", "div", "remainder", "fmod", "floor_divide", "clamp"})
# calls that take no integers where their other tensors are floating
FLOATING_ONLY = frozenset(
    "matmul scatter_add index_add index_put select_scatter slice_scatter diagonal_scatter outer linalg.solve".split()
)
NAMES = ("s", "t", "u", "v", "w", "p", "q", "r", "h", "k", "m", "c", "d")


class Style:
    """How a language writes what differs: here torch's words as gradcli reads them; exports override it.

    variables: shapes by name. sizes: the text for a size, where shapes are unknown. like: the variable that constants
    take shape and dtype from.
    """

    def __init__(self, variables: Mapping[str, Shape], sizes: Mapping[int, str] | None = None, like: str = "") -> None:
        self.variables = variables
        self.sizes = sizes or {}
        self.like = like

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """A call of a public op."""
        if name.startswith("."):
            first = arguments[0]
            owner = first if first.isidentifier() or first.endswith(")") else f"({first})"
            return f"{owner}{name}({', '.join(arguments[1:])})"
        return f"{name.removeprefix('F.').removeprefix('torch.')}({', '.join(arguments)})"

    def shape(self, shape: Shape) -> str:
        """A shape as an argument."""
        if self.sizes:
            for name, own in self.variables.items():
                if own == shape and shape:
                    return f"{name}.shape"
        inside = ", ".join(self.integer(n) for n in shape)
        return f"({inside},)" if len(shape) == 1 else f"({inside})"

    def sizes_of(self, shape: Shape) -> str:
        """A shape as the arguments of a method that takes sizes one by one."""
        text = self.shape(shape)
        return text[1:-1].removesuffix(",") if text.startswith("(") and shape else text

    def integer_text(self, text: str) -> str:
        """The text of an unknown size."""
        return text

    def integer(self, n: int) -> str:
        """A number of elements or an index."""
        if n in self.sizes:
            return self.integer_text(self.sizes[n])
        found = _from_size(n, self.sizes)
        if found is None:
            return repr(n)
        size, times, more = found
        text = self.integer_text(self.sizes[size])
        return f"{times}*{text}" if times > 1 else f"{text} {'-' if more < 0 else '+'} {abs(more)}"

    def constant(self, value: Any, shape: Shape) -> str:
        """A number broadcast to a shape."""
        if self.like and shape and self.variables.get(self.like) == shape:
            if value in (0, 1):
                return f"{'ones' if value else 'zeros'}_like({self.like})"
            return f"full_like({self.like}, {decimal(value)})"
        dtype = f", dtype={self.like}.dtype" if self.like else ""
        if not shape:
            return f"tensor({decimal(value)}{dtype})"
        if value in (0, 1):
            return f"{'ones' if value else 'zeros'}({self.shape(shape)}{dtype})"
        return f"full({self.shape(shape)}, {decimal(value)}{dtype})"

    def filled(self, text: str, shape: Shape) -> str:
        """A number that is written as a formula (1/x.numel()), broadcast to a shape."""
        if self.like and shape and self.variables.get(self.like) == shape:
            return f"full_like({self.like}, {text})"
        return f"full({self.shape(shape)}, {text}{f', dtype={self.like}.dtype' if self.like else ''})"

    def expanded(self, text: str, shape: Shape) -> str:
        """A term broadcast to a shape."""
        return f"{text}.expand({self.sizes_of(shape)})"

    def cast(self, text: str, dtype: DType) -> str:
        """A term in another dtype."""
        if self.like:
            return f"{text}.to({self.like}.dtype)" if dtype.floating else f"{text}.to({dtype!r})"
        return f"{text}.to({dtype!r})"

    def literal(self, text: str, dtype: DType) -> str:
        """A tensor written out."""
        return f"tensor({text}, dtype={dtype!r})" if dtype.floating else f"tensor({text})"


def _from_size(n: int, sizes: Mapping[int, str]) -> tuple[int, int, int] | None:
    """An integer as a multiple of an unknown size, or a size and a small number: which, how often, how much more."""
    for size in sizes:
        if n % size == 0 and 1 < n // size < 100:
            return size, n // size, 0
    size = min(sizes, key=lambda s: abs(n - s), default=0)
    return (size, 1, n - size) if size and 0 < abs(n - size) <= 64 < size else None


def decimal(value: Any) -> str:
    """A number as a floating-point literal."""
    return repr(float(value))


def formula_lines(root: Term, style: Style, taken: Iterable[str] = ()) -> list[tuple[str | None, str]]:
    """The lines of a formula: (name, text) for each shared part, and (None, text) for the formula itself."""
    return Writer(root, style, taken).lines()


class Writer:
    """Writes the terms of one formula, parts first."""

    def __init__(self, root: Term, style: Style, taken: Iterable[str]) -> None:
        self.root = root
        self.style = style
        self.texts: dict[int, Text] = {}
        self._shared: list[tuple[str | None, str]] = []
        self._order = below(root)
        used: dict[int, int] = {}
        for term in self._order:
            for a in term.args:
                used[a.serial] = used.get(a.serial, 0) + 1
        self._used = used
        reserved = set(taken) | set(style.variables)
        self._names = (n for n in _fresh() if n not in reserved)

    def shared(self, term: Term) -> bool:
        """Whether a term is a part of several."""
        return self._used.get(term.serial, 0) > 1

    def fresh_name(self) -> str:
        """A name for a part, which nothing else has."""
        return next(self._names)

    def lines(self) -> list[tuple[str | None, str]]:
        """The lines, the formula itself last."""
        for term in self._order:
            text = self.write(term)
            if self.shared(term) and len(text[0]) >= WORTH_NAMING and term.head != "literal":
                name = self.fresh_name()
                self._shared.append((name, text[0]))
                text = (name, ATOM)
            self.texts[term.serial] = text
        return [*self._shared, (None, self.texts[self.root.serial][0])]

    def write(self, term: Term) -> Text:
        """The text of a term whose parts are written."""
        head = term.head
        if head == "variable":
            return str(term.param("name")), ATOM
        if head == "number":
            return number_text(term.value)
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
        if head in COMPARED:
            left, right = (self.at(a, COMPARISON + 1) for a in term.args)
            return f"{left} {COMPARED[head]} {right}", COMPARISON
        return self.style.call(head, self._arguments(term)), ATOM

    def at(self, term: Term, precedence: int) -> str:
        """The text of a part, in parentheses where it binds less tightly."""
        text, own = self.texts[term.serial]
        return text if own >= precedence else f"({text})"

    def _arguments(self, term: Term) -> list[str]:
        placed = _placed(term.params)
        leading = [self._tensor(a, term.head) for at, a in enumerate(term.args) if at not in placed]
        if term.head == "where" and all(a.head == "number" for a in term.args[1:]):
            leading[1] = self.style.constant(term.args[1].value, ())  # it gives the result its dtype
        given = [f"{name}={self._value(v, term)}" if name else self._value(v, term) for name, v in term.params]
        return leading + given

    def _tensor(self, term: Term, head: str) -> str:
        """An argument; a number where only a tensor will do is written as one."""
        if term.head == "number" and head not in NUMBERS_TOO:
            return self.style.constant(term.value, ())
        if term.head == "one_hot" and head in FLOATING_ONLY:
            return self.style.cast(self.texts[term.serial][0], float64)
        return self.texts[term.serial][0]

    def _value(self, value: Any, term: Term) -> str:
        if isinstance(value, Arg):
            return self._tensor(term.args[value.at], term.head)
        if isinstance(value, list):
            return f"[{', '.join(self._value(v, term) for v in value)}]"
        if isinstance(value, tuple):
            inside = ", ".join(self._value(v, term) for v in value)
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        if value is ...:
            return "..."
        if isinstance(value, int) and not isinstance(value, bool):
            return self.style.integer(value)
        if isinstance(value, Fraction):
            return number_text(value)[0]
        if isinstance(value, float) and value - value != 0:
            return f"float('{value}')"
        return repr(value)

    def _index(self, term: Term) -> Text:
        places = []
        for place in term.param("index"):
            if isinstance(place, slice):
                parts = ["" if p is None else self.style.integer(p) for p in (place.start, place.stop)]
                places.append(":".join(parts if place.step is None else [*parts, self.style.integer(place.step)]))
            else:
                places.append(self._value(place, term))
        return f"{self.at(term.args[0], ATOM)}[{', '.join(places)}]", ATOM

    def _item(self, term: Term) -> Text:
        return f"{self.at(term.args[0], ATOM)}[{term.param('at')}]", ATOM

    def _mT(self, term: Term) -> Text:
        return f"{self.at(term.args[0], ATOM)}.{'T' if len(term.shape) == 2 else 'mT'}", ATOM

    def _matmul(self, term: Term) -> Text:
        left, right = (
            self._tensor(a, "matmul") if a.head == "one_hot" else self.at(a, TIMES + (at or a.head != "matmul"))
            for at, a in enumerate(term.args)
        )
        return f"{left} @ {right}", TIMES

    def _mask(self, term: Term) -> Text:
        assert term.dtype is not None
        return self.style.cast(self.at(term.args[0], ATOM), term.dtype), ATOM

    def _cast(self, term: Term) -> Text:
        assert term.dtype is not None
        if term.param("named"):
            return self.style.call(".to", [self.at(term.args[0], ATOM), repr(term.dtype)]), ATOM
        return self.style.cast(self.at(term.args[0], ATOM), term.dtype), ATOM

    def _expand(self, term: Term) -> Text:
        inner = term.args[0]
        if inner.head == "number":
            return self.style.constant(inner.value, term.shape), ATOM
        if inner.dtype is None and not inner.shape:
            return self.style.filled(self.texts[inner.serial][0], term.shape), ATOM
        return self.style.expanded(self.at(inner, ATOM), term.shape), ATOM

    def _reshape(self, term: Term) -> Text:
        return f"{self.at(term.args[0], ATOM)}.reshape({self.style.sizes_of(term.shape)})", ATOM

    def _total(self, term: Term) -> Text:
        dims, x = term.param("dims"), term.args[0]
        given = []
        if len(dims) < len(x.shape) or term.param("keepdim"):
            given = [self._value(dims[0] if len(dims) == 1 else dims, term)]
        if term.param("keepdim"):
            given.append("keepdim=True")
        return self.style.call("sum", [self.texts[x.serial][0], *given]), ATOM

    def _sum(self, term: Term) -> Text:
        addends = [self._addend(c, a) for c, a in zip(term.param("factors"), term.args, strict=True)]
        constant = term.param("constant")
        if constant:
            text = number_text(abs(constant))[0]
            entry = (constant < 0, text)
            addends = (
                [entry, *addends] if constant > 0 and all(negative for negative, _ in addends) else [*addends, entry]
            )
        first = next((at for at, (negative, _) in enumerate(addends) if not negative), 0)
        addends.insert(0, addends.pop(first))
        text = ("-" if addends[0][0] else "") + addends[0][1]
        for negative, part in addends[1:]:
            text += f" {'-' if negative else '+'} {part}"
        return text, PLUS

    def _addend(self, factor: Fraction, term: Term) -> tuple[bool, str]:
        if term.head == "product" and not self.texts[term.serial][0].isidentifier():
            own = factor * term.param("factor")
            return own < 0, self._factors(abs(own), term)
        if abs(factor) == 1:
            return factor < 0, self.at(term, PLUS + 1)
        top, bottom = _number_parts(abs(factor))
        part = self.at(term, TIMES)
        return factor < 0, (f"{top}*{part}" if top else part) + (f"/{bottom}" if bottom else "")

    def _product(self, term: Term) -> Text:
        factor: Fraction = term.param("factor")
        text = self._factors(factor, term)
        return (f"-{text}", SIGN - 11) if factor < 0 else (text, TIMES)

    def _factors(self, factor: Fraction, term: Term) -> str:
        """The factors of a product, with a number in front of them, without its sign."""
        top, bottom = _number_parts(abs(factor))
        floating = any(a.floating and a.head != "mask" for a in term.args)
        above, under = ([top] if top else []), ([bottom] if bottom else [])
        masks: list[Term] = []  # with a minus in front they come last: a bool has no negative
        for a, p in zip(term.args, term.param("powers"), strict=True):
            if a.head == "mask" and p == 1 and floating and not self.texts[a.serial][0].isidentifier():
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

    def _power(self, base: Term, power: Fraction) -> str:
        if power == 1:
            return self.at(base, TIMES + 1)
        if power == Fraction(1, 2):
            return self.style.call("sqrt", [self.texts[base.serial][0]])
        if power.denominator != 1:
            return f"{self.at(base, POWER + 1)}**{decimal(power)}"
        return f"{self.at(base, POWER + 1)}**{power}"


SPECIAL = frozenset({"index", "item", "mT", "matmul", "mask", "cast", "expand", "reshape", "total", "sum", "product"})


def _spaced(text: str) -> bool:
    """Whether a factor has an operator outside all brackets (a matrix product)."""
    depth = 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter in " *" and depth == 0:
            return True
    return False


def _placed(params: Any) -> set[int]:
    found: set[int] = set()
    stack = [v for _, v in params]
    while stack:
        value = stack.pop()
        if isinstance(value, Arg):
            found.add(value.at)
        elif isinstance(value, tuple | list):
            stack.extend(value)
    return found


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
        return (f"float('{value}')" if value != float("inf") else "inf"), ATOM
    if value.denominator == 1 and abs(value) < 10**16:
        text = str(value.numerator)
    elif 10**4 % value.denominator == 0 or value.denominator > 10**4 or abs(value.numerator) > 10**4:
        text = decimal(value)
    else:
        return f"{value.numerator}/{value.denominator}", TIMES if value > 0 else SIGN - 11
    return text, ATOM if value >= 0 else SIGN - 11


def _fresh() -> Iterable[str]:
    yield from NAMES
    at = 1
    while True:
        yield f"s{at}"
        at += 1
