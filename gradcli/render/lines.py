"""What writers of formulas share: parts before the whole, names for parts that get a line of their own, brackets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from gradcli.graph.terms import Arg, Term, below

Text = tuple[str, int]  # a formula and how tightly it binds
ATOM, POWER, SIGN, TIMES, PLUS, COMPARISON = 100, 80, 70, 60, 50, 40
NAMES = ("s", "t", "u", "v", "w", "p", "q", "r", "h", "k", "m", "c", "d")


class LineWriter:
    """Writes the terms of one formula line by line. A language says how a term and a name are written."""

    def __init__(self, root: Term, taken: Iterable[str]) -> None:
        self.root = root
        self.texts: dict[int, Text] = {}
        self.given: list[str] = []  # the names of parts that have a line of their own
        self.order = below(root)
        used: dict[int, int] = {}
        for term in self.order:
            for a in term.args:
                used[a.serial] = used.get(a.serial, 0) + 1
        self._used = used
        self.polynomial = polynomial_in(root)
        reserved = set(taken)
        self._names = (n for n in _fresh() if n not in reserved)

    def lines(self) -> list[tuple[str | None, str]]:
        """The name and text of each part that has a line of its own; last, without a name, the formula itself."""
        found: list[tuple[str | None, str]] = []
        for term in self.order:
            text = self.write(term)
            if term is not self.root and self.worth_naming(term, text[0]):
                self.given.append(next(self._names))
                name = self.named(self.given[-1])
                found.append((name, text[0]))
                text = (name, ATOM)
            self.texts[term.serial] = text
        return [*found, (None, self.whole())]

    def whole(self) -> str:
        """The text of the formula itself."""
        return self.texts[self.root.serial][0]

    def shared(self, term: Term) -> bool:
        """Whether a term is a part of several."""
        return self._used.get(term.serial, 0) > 1

    def at(self, term: Term, precedence: int) -> str:
        """The text of a part, in brackets where it binds less tightly."""
        text, own = self.texts[term.serial]
        return text if own >= precedence else self.bracketed(text)

    def arguments(self, term: Term) -> list[str]:
        """The arguments of a call: its tensors, then what else is given, in which a tensor may have its place."""
        placed = _placed(term.params)
        leading = [self.tensor(a, term) for at, a in enumerate(term.args) if at not in placed]
        return leading + [self.keyword(name, self.value(value, term)) for name, value in term.params]

    def value(self, value: Any, term: Term) -> str:
        """The text of a further argument of a term."""
        if isinstance(value, Arg):
            return self.tensor(term.args[value.at], term)
        if isinstance(value, list):
            return f"[{', '.join(self.value(v, term) for v in value)}]"
        if isinstance(value, tuple):
            inside = ", ".join(self.value(v, term) for v in value)
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        return self.plain(value)

    def index_places(self, term: Term) -> str:
        """What stands between the brackets of `x[...]`."""
        return ", ".join(self._place(place, term) for place in term.param("index"))

    def _place(self, place: Any, term: Term) -> str:
        if not isinstance(place, slice):
            return self.value(place, term)
        parts = ["" if p is None else self.plain(p) for p in (place.start, place.stop)]
        return ":".join(parts if place.step is None else [*parts, self.plain(place.step)])

    def tensor(self, term: Term, call: Term) -> str:
        """A tensor as an argument of a call."""
        return self.texts[term.serial][0]

    def keyword(self, name: str, text: str) -> str:
        """An argument that may have a name."""
        return f"{name}={text}" if name else text

    def plain(self, value: Any) -> str:
        """A number, text or dtype among the arguments."""
        raise NotImplementedError

    def bracketed(self, text: str) -> str:
        """A text in brackets."""
        return f"({text})"

    def named(self, name: str) -> str:
        """The text of a name."""
        return name

    def write(self, term: Term) -> Text:
        """The text of a term whose parts are written."""
        raise NotImplementedError

    def worth_naming(self, term: Term, text: str) -> bool:
        """Whether a part becomes a line of its own."""
        raise NotImplementedError


def addends(term: Term, sorted_: bool = False) -> list[tuple[Fraction, Term | None]]:
    """What a sum adds up, with factors; None for its constant. Something positive comes first, where there is any.

    sorted_: of a polynomial the highest powers come first.
    """
    found: list[tuple[Fraction, Term | None]] = list(zip(term.param("factors"), term.args, strict=True))
    order = {a.serial: place for a in term.args if (place := _place(a)) is not None}
    if sorted_ and len(order) == len(term.args):
        found.sort(key=lambda part: order[part[1].serial] if part[1] is not None else ())
    if term.param("constant"):
        found.append((term.param("constant"), None))
    first = next((at for at, (factor, _) in enumerate(found) if factor > 0), 0)
    found.insert(0, found.pop(first))
    return found


def _place(term: Term) -> tuple[Fraction | int, ...] | None:
    """Where a product of variables stands in a polynomial: by its degree, then as its variables were made."""
    if term.head == "variable":
        return -1, term.serial
    if term.head != "product" or any(a.head != "variable" for a in term.args):
        return None
    powers: tuple[Fraction, ...] = term.param("powers")
    whole = all(p > 0 and p.denominator == 1 for p in powers)
    return (-sum(powers), *[a.serial for a in term.args]) if whole else None


def polynomial_in(root: Term) -> Term | None:
    """The sum that a formula is, or is with variables in front."""
    if root.head == "expand":
        root = root.args[0]
    if root.head == "sum":
        return root
    sums = [a for a in root.args if a.head == "sum"] if root.head == "product" else []
    plain = all(a.head in ("variable", "sum", "size") for a in root.args)
    own = [a for a, p in zip(root.args, root.param("powers"), strict=True) if a in sums and p == 1] if sums else []
    return own[0] if plain and len(sums) == len(own) == 1 else None


def signed(parts: list[tuple[bool, str]]) -> str:
    """Addends joined by their signs: whether each is negative, and its text."""
    text = ("-" if parts[0][0] else "") + parts[0][1]
    return text + "".join(f" {'-' if negative else '+'} {part}" for negative, part in parts[1:])


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


def _fresh() -> Iterator[str]:
    yield from NAMES
    at = 1
    while True:
        yield f"s{at}"
        at += 1
