"""How a language writes what differs between languages; `exports` has those of torch, numpy and jax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from gradcli.dtypes import DType, bool_, int64
from gradcli.graph.terms import Term
from gradcli.shapes import Shape


class Style:
    """How a language writes what differs: here torch's words as gradcli reads them; exports override it.

    variables: shapes by name. sizes: the text for a size, where shapes are unknown. like: the variable that constants
    take shape and dtype from. counts: terms that numbers stand for, `held` their texts, which the writer puts here.
    """

    def __init__(
        self,
        variables: Mapping[str, Shape],
        sizes: Mapping[int, str] | None = None,
        like: str = "",
        counts: Mapping[int, Term] | None = None,
    ) -> None:
        self.variables = variables
        self.sizes = sizes or {}
        self.like = like
        self.counts = counts or {}
        self.held: dict[int, str] = {}

    infinity = "inf"
    pi = "pi"
    of_any_shape = False  # whether the variables may have any shape, which a number that ends a formula takes then

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """A call of a public op."""
        if name.startswith("."):
            first = arguments[0]
            owner = first if first.isidentifier() or first.endswith(")") else f"({first})"
            if name.endswith("_"):  # the variables stay what they are
                owner += ".clone()"
            return f"{owner}{name}({', '.join(arguments[1:])})"
        return f"{name.removeprefix('F.').removeprefix('torch.')}({', '.join(arguments)})"

    def number_call(self, name: str, text: str) -> str:
        """A function of a Python number."""
        return f"{name}({text})"

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
        texts = self.held | {size: self.integer_text(text) for size, text in self.sizes.items()}
        if n in texts:
            return texts[n]
        found = from_size(n, texts)
        if found is None:
            return _part_of_size(n, texts) or repr(n)
        size, times, more = found
        text = texts[size]
        return f"{times}*{text}" if times > 1 else f"{text} {'-' if more < 0 else '+'} {abs(more)}"

    def constant(self, value: Any, shape: Shape) -> str:
        """A number broadcast to a shape."""
        if self.like and shape and self.variables.get(self.like) == shape:
            if value in (0, 1):
                return f"{'ones' if value else 'zeros'}_like({self.like})"
            return f"full_like({self.like}, {fraction(value)})"
        dtype = f", dtype={self.like}.dtype" if self.like else ""
        if not shape:
            return f"tensor({decimal(value)}{dtype})"
        if value in (0, 1):
            return f"{'ones' if value else 'zeros'}({self.shape(shape)}{dtype})"
        return f"full({self.shape(shape)}, {fraction(value)}{dtype})"

    def filled(self, text: str, shape: Shape) -> str:
        """A number that is written as a formula (1/x.numel()), broadcast to a shape."""
        if self.like and shape and self.variables.get(self.like) == shape:
            return f"full_like({self.like}, {text})"
        if not shape:
            return f"tensor({text}{f', dtype={self.like}.dtype' if self.like else ''})"
        return f"full({self.shape(shape)}, {text}{f', dtype={self.like}.dtype' if self.like else ''})"

    def expanded(self, text: str, shape: Shape) -> str:
        """A term broadcast to a shape."""
        return f"{text}.expand({self.sizes_of(shape)})"

    def cast(self, text: str, dtype: DType) -> str:
        """A term in another dtype."""
        if self.like:
            return f"{text}.to({self.like}.dtype)" if dtype.floating else f"{text}.to({dtype!r})"
        return f"{text}.to({dtype!r})"

    def counted(self, text: str) -> str:
        """Integers that are multiplied by a fraction."""
        return text

    def whole(self, term: Term, text: str, atom: str) -> str:
        """What a formula ends in; atom: the same text, in brackets where it needs them."""
        return self.spread(term, text) or text

    def spread(self, term: Term, text: str) -> str:
        """A number in the shape of the variable, where that may be any."""
        if not (self.of_any_shape and self.like and term.dtype is None and not term.shape):
            return ""
        value = term.value if term.head == "number" else None
        if value in (0, 1):
            return self.call(f"{'ones' if value else 'zeros'}_like", [self.like])
        return self.call("full_like", [self.like, text])

    def cast_to(self, text: str, dtype: DType) -> str:
        """A term rounded to a dtype of its own."""
        return self.call(".to", [text, self.dtype(dtype)])

    def dtype(self, dtype: DType) -> str:
        """A dtype as an argument."""
        return repr(dtype)

    def dtype_argument(self, needed: bool) -> str:
        """What a call that makes a tensor is given for its dtype. needed: what it meets promotes nothing."""
        return f"dtype={self.like}.dtype" if needed and self.like else ""

    def literal(self, text: str, dtype: DType) -> str:
        """A tensor written out."""
        return f"tensor({text})" if dtype in (int64, bool_) else f"tensor({text}, dtype={dtype!r})"


def from_size(n: int, sizes: Mapping[int, str]) -> tuple[int, int, int] | None:
    """An integer as a multiple of an unknown size, or a size and a small number: which, how often, how much more."""
    for size in sizes:
        if n % size == 0 and 1 < n // size < 100:
            return size, n // size, 0
    size = min(sizes, key=lambda s: abs(n - s), default=0)
    return (size, 1, n - size) if size and 0 < abs(n - size) <= 64 < size else None


def _part_of_size(n: int, sizes: Mapping[int, str]) -> str:
    """An integer as what slices with a step leave of an unknown size."""
    for size, text in sizes.items():
        for step in (2, 3, 4):
            if n > SMALL and size // step == n:
                return f"{text}//{step}"
            if n > SMALL and -(-size // step) == n:
                return f"({text} + {step - 1})//{step}"
    return ""


SMALL = 200  # an integer up to this is no part of an unknown size


def fraction(value: Any) -> str:
    """A number as a floating-point literal, or as two of which one is divided by the other."""
    if (
        isinstance(value, Fraction)
        and 10**4 % value.denominator
        and max(value.denominator, abs(value.numerator)) < 10**4
    ):
        return f"{value.numerator}/{value.denominator}"
    return decimal(value)


def decimal(value: Any) -> str:
    """A number as a floating-point literal."""
    return repr(float(value))
