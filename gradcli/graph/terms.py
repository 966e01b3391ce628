"""Terms: formulas as data, in the public language alone. What a gradient graph becomes before it is printed.

A term is a node of a formula: a variable, a number, a sum, a product, or a call. Equal terms are one object (`make`
sees to it), so that sharing is seen and a law compares by identity. Nothing here knows a law or a text.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from gradcli.dtypes import DType
from gradcli.shapes import Shape

Params = tuple[tuple[str, Any], ...]


class Arg:
    """In the arguments of a call: the place of its tensor number `at`."""

    __slots__ = ("at",)

    def __init__(self, at: int) -> None:
        self.at = at

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arg) and other.at == self.at

    def __hash__(self) -> int:
        return hash(("Arg", self.at))

    def __repr__(self) -> str:
        return f"Arg({self.at})"


class Term:
    """One part of a formula.

    head: `variable`, `number`, `size`, `literal`, `sum` (coefficients and a constant), `product` (a coefficient and
    powers), `expand` (broadcast to its shape), `index`, `item`, or the spelling of a public op.
    params: further arguments.
    dtype: None for a Python number, which takes the dtype of what it meets.
    """

    __slots__ = ("args", "dtype", "head", "params", "serial", "shape")

    def __init__(
        self, head: str, args: tuple[Term, ...], params: Params, shape: Shape, dtype: DType | None, serial: int
    ) -> None:
        self.head = head
        self.args = args
        self.params = params
        self.shape = shape
        self.dtype = dtype
        self.serial = serial

    def param(self, name: str, default: Any = None) -> Any:
        """One of its further arguments."""
        for key, value in self.params:
            if key == name:
                return value
        return default

    @property
    def value(self) -> Any:
        """The number that a `number` is."""
        return self.params[0][1]

    @property
    def floating(self) -> bool:
        """Whether its elements are floating-point numbers, whatever it meets."""
        return self.dtype is not None and self.dtype.floating

    def __repr__(self) -> str:
        return f"<{self.head} #{self.serial} {self.shape} {dict(self.params)} of {[a.serial for a in self.args]}>"


class Terms:
    """The terms of one formula, each made once. exact: it is to hold everywhere, so nothing may be assumed."""

    def __init__(self, exact: bool = False) -> None:
        self.exact = exact
        self._known: dict[Any, Term] = {}
        self.assumed: dict[str, None] = {}  # what the laws that were applied took for granted
        self.leant = False  # whether one needed elements to be finite, which goes without saying

    def make(
        self,
        head: str,
        args: Iterable[Term] = (),
        params: Params = (),
        shape: Shape = (),
        dtype: DType | None = None,
    ) -> Term:
        """The term of these parts."""
        args = tuple(args)
        key = (head, tuple([a.serial for a in args]), _frozen(params), shape, dtype)
        term = self._known.get(key)
        if term is None:
            term = self._known[key] = Term(head, args, params, shape, dtype, len(self._known))
        return term

    def number(self, value: Any) -> Term:
        """A Python number; a finite one is kept as an exact fraction."""
        return self.make("number", (), (("value", exact(value)),))

    def assume(self, text: str) -> bool:
        """Note what a law needs that the formula does not say. False: it may not be taken for granted."""
        if not self.exact:
            self.assumed[text] = None
        return not self.exact

    def finite(self) -> bool:
        """Whether elements may be taken to be finite, as formulas do unless they are to hold everywhere."""
        self.leant = self.leant or not self.exact
        return not self.exact


def exact(value: Any) -> Any:
    """A finite number as a simple fraction or the one that its shortest decimal is; inf and nan as they are."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, float):
        return _fraction(value) if value - value == 0 else value
    return Fraction(int(value))


def _fraction(value: float) -> Fraction:
    """A third, or a short decimal such as 1, where a float is one to its last bits; else its shortest decimal."""
    shortest = Fraction(repr(value))
    limit = 12 if shortest.denominator <= SHORT else 1000
    simple = Fraction(value).limit_denominator(limit)
    return simple if simple and abs(float(simple) - value) <= 4e-16 * abs(value) else shortest


SHORT = 10**13  # a decimal with fewer digits was meant as it stands


def _frozen(value: Any) -> Any:
    """A hashable stand-in that keeps 1, 1.0 and True apart."""
    if isinstance(value, tuple | list):
        return (type(value).__name__, *map(_frozen, value))
    if isinstance(value, slice):
        return ("slice", value.start, value.stop, value.step)
    return (type(value).__name__, repr(value)) if isinstance(value, float | bool) else value


def below(root: Term) -> list[Term]:
    """A term and all it is made of, parts before the whole."""
    seen: dict[int, Term] = {}
    stack = [root]
    while stack:
        term = stack.pop()
        if term.serial not in seen:
            seen[term.serial] = term
            stack.extend(term.args)
    return [seen[serial] for serial in sorted(seen)]
