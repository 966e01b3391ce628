"""Terms as LaTeX: fractions, powers, transposes, sums; what has no notation is set as a function's name.

Where matrices are multiplied, products of elements are written with a circle, and vectors are columns.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from gradcli.graph.terms import Term, below, exact
from gradcli.render.latexnames import ALONG, AROUND, BETWEEN, FUNCTIONS, MULTIPLYING, RAISED, SIGNS
from gradcli.render.latexwords import (
    TALL,
    applied,
    bracketed,
    escaped,
    joined,
    name_text,
    number_latex,
    operator,
    width,
)
from gradcli.render.lines import ATOM, COMPARISON, PLUS, POWER, TIMES, LineWriter, Text, addends, signed
from gradcli.render.style import Style, from_size
from gradcli.shapes import Shape

HADAMARD, SUMMED, LOGICAL, CASES = TIMES - 2, TIMES - 5, COMPARISON - 5, COMPARISON - 15
WORTH_NAMING = 12  # letters: a part that wide is named when it is used twice
WIDE = 60  # letters: a part that wide is named in any case, so that lines fit a page
SHORT = 16  # letters: an exponent of e that wide is set as one
# what is no part by itself: a condition, a view of something else
WITHIN = frozenset("gt lt ge le eq ne logical_and logical_or mask cast reshape expand literal".split())
SIZES = "nmklpq"


class LatexWriter(LineWriter):
    """Writes the terms of one formula. sizes: what unknown sizes are called."""

    def __init__(self, root: Term, sizes: Mapping[int, str] | None = None, taken: Iterable[str] = ()) -> None:
        reserved = {str(t.param("name")) for t in below(root) if t.head == "variable"}.union(taken)
        super().__init__(root, reserved)
        self.style = Style({}, sizes)
        self.split: dict[str, list[str]] = {}  # sums and lists by their text: where a line may end
        self.symbols: dict[str, str] = {}  # unknown sizes by what they are in the language
        self._letters = (c for c in SIZES if c not in reserved)
        self._matrices = any(t.head in MULTIPLYING for t in self.order)
        self._rows: dict[int, str] = {}

    def worth_naming(self, term: Term, text: str) -> bool:
        """Whether a part gets a line of its own: wide ones do, and narrower ones that are used twice."""
        return term.head not in WITHIN and width(text) >= (WORTH_NAMING if self.shared(term) else WIDE)

    def named(self, name: str) -> str:
        """The text of a name."""
        return name_text(name)

    def bracketed(self, text: str) -> str:
        """A text in brackets."""
        return bracketed(text)

    def plain(self, value: Any) -> str:
        """A number, text or dtype among the arguments."""
        if isinstance(value, Fraction | float):
            return number_latex(exact(value))[0]
        if isinstance(value, int) and not isinstance(value, bool):
            return self._size(value)
        return rf"\texttt{{{escaped(value)}}}" if isinstance(value, str) else rf"\mathtt{{{escaped(str(value))}}}"

    def value(self, value: Any, term: Term) -> str:
        """The text of a further argument of a term; one that is alone needs no brackets."""
        alone = isinstance(value, tuple | list) and len(value) == 1
        return super().value(value[0] if alone else value, term)

    def keyword(self, name: str, text: str) -> str:
        """An argument that may have a name."""
        return rf"\mathrm{{{escaped(name)}}} = {text}" if name else text

    def write(self, term: Term) -> Text:
        """The text of a term whose parts are written."""
        head = term.head
        writer = WRITERS.get(head)
        if writer is not None:
            return writer(self, term)  # type: ignore[no-any-return]
        if head in SIGNS:
            left, right = (self.at(a, COMPARISON + 1) for a in term.args)
            return f"{left} {SIGNS[head]} {right}", COMPARISON
        if head in BETWEEN and len(term.args) == 2:
            own = LOGICAL if head.startswith("logical") else TIMES
            return f" {BETWEEN[head]} ".join(self.at(a, own + 1) for a in term.args), own
        if head in AROUND and not term.params:
            return self._enclosed(AROUND[head], self._inside(term)), ATOM
        return self._called(term)

    # --- calls ---

    def _enclosed(self, name: str, text: str) -> str:
        left, right = (r"\left", r"\right") if TALL.search(text) else ("", "")
        return rf"{left}\l{name} {text} {right}\r{name}"

    def _called(self, term: Term) -> Text:
        """A function of its arguments; a dimension stands below its name, unless there is only one."""
        name, given = FUNCTIONS.get(term.head) or operator(term.head), list(term.params)
        if term.head in ALONG and given and given[0][0] in ("", "dim"):
            (_, dims), *given = given
            name = name if len(term.args[0].shape) == 1 else f"{{{name}}}_{{{self._dims(dims)}}}"
        given = [pair for pair in given if pair[0] != "keepdim"]
        again = Term(term.head, term.args, tuple(given), term.shape, term.dtype, term.serial)
        texts = self.arguments(again)
        text = applied(name, ", ".join(texts))
        if given and isinstance(given[0][1], list) and len(given[0][1]) > 1:
            self._split_list(text, name, [self.value(item, again) for item in given[0][1]], texts[1:])
        return text, ATOM

    def _split_list(self, text: str, name: str, items: list[str], others: list[str]) -> None:
        """Let a line end after each item of a list that a function takes first."""
        pieces = [f"[{items[0]}", *items[1:-1], f"{items[-1]}]", *others]
        pieces[0] = rf"{name}\bigl({pieces[0]}"
        self.split[text] = [*[f"{piece}," for piece in pieces[:-1]], rf"{pieces[-1]}\bigr)"]

    def _dims(self, dims: Any) -> str:
        return ", ".join(map(str, dims)) if isinstance(dims, tuple | list) else str(dims)

    def _inside(self, term: Term) -> str:
        return self.texts[term.args[0].serial][0]

    def tensor(self, term: Term, call: Term) -> str:
        """A tensor as an argument of a call, where broadcasting has to be seen."""
        return self._spread(term) if term.head == "expand" else self.texts[term.serial][0]

    def _spread(self, term: Term) -> str:
        inner = term.args[0]
        if inner.head == "number" or not inner.shape:
            return self._constant(term)[0]
        return applied(rf"\operatorname{{expand}}_{{{self._shape(term.shape)}}}", self.texts[inner.serial][0])

    def _shape(self, shape: Shape) -> str:
        return r" \times ".join(map(self._size, shape)) or r"(\,)"

    def _size(self, n: int) -> str:
        sizes = self.style.sizes
        if n in sizes:
            return self._symbol(sizes[n])
        found = from_size(n, sizes)
        if found is None:
            return str(n)
        size, times, more = found
        letter = self._symbol(sizes[size])
        return f"{times} {letter}" if times > 1 else f"{letter} {'-' if more < 0 else '+'} {abs(more)}"

    def _symbol(self, text: str) -> str:
        if text not in self.symbols:
            self.symbols[text] = next(self._letters, rf"\mathtt{{{escaped(text)}}}")
        return self.symbols[text]

    def _size_term(self, term: Term) -> Text:
        return self._symbol(str(term.param("text"))), ATOM

    # --- atoms ---

    def _variable(self, term: Term) -> Text:
        return name_text(str(term.param("name"))), ATOM

    def _number(self, term: Term) -> Text:
        return number_latex(term.value)

    def _named_constant(self, term: Term) -> Text:
        return rf"\{term.param('name')}", ATOM

    def _literal(self, term: Term) -> Text:
        value = ast.literal_eval(re.sub(r"\b(nan|inf)\b", "0", text := str(term.param("value"))))
        if re.search("nan|inf", text) or len(term.shape) > 2 or len(text) > 200:
            return rf"\mathtt{{{escaped(text)}}}", ATOM
        if len(term.shape) < 2:
            return (f"({', '.join(map(_entry, value))})" if term.shape else _entry(value)), ATOM
        rows = r" \\ ".join(" & ".join(map(_entry, row)) for row in value)
        return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}", ATOM

    def _eye(self, term: Term) -> Text:
        return f"I_{{{self._shape(term.shape if len(set(term.shape)) > 1 else term.shape[:1])}}}", ATOM

    def _one_hot(self, term: Term) -> Text:
        if term.args[0].shape:
            return self._called(term)
        return f"e_{{{self._inside(term)}}}", ATOM

    # --- sums and products ---

    def _sum(self, term: Term) -> Text:
        parts = [self._addend(factor, part) for factor, part in addends(term, term is self.polynomial)]
        text = signed(parts)
        self.split[text] = [
            f"{'-' if negative else '+' if at else ''} {part}" for at, (negative, part) in enumerate(parts)
        ]
        return text, PLUS

    def _addend(self, factor: Fraction, term: Term | None) -> tuple[bool, str]:
        if term is None:
            return factor < 0, number_latex(abs(factor))[0]
        if term.head == "product" and self.texts[term.serial][1] < ATOM:
            whole = factor * term.param("factor")
            return whole < 0, self._multiplied(abs(whole), term)[0]
        if abs(factor) == 1:
            return factor < 0, self.at(term, PLUS + 1)
        return factor < 0, joined([number_latex(abs(factor))[0], self.at(term, SUMMED)])

    def _product(self, term: Term) -> Text:
        factor: Fraction = term.param("factor")
        text, own = self._multiplied(abs(factor), term)
        return (f"-{text}", PLUS) if factor < 0 else (text, own)

    def _multiplied(self, size: Fraction, term: Term) -> Text:
        """The powers of a product, with a positive number before them."""
        pairs = list(zip(term.args, term.param("powers"), strict=True))
        above = [(a, p) for a, p in pairs if p > 0]
        under = [(a, -p) for a, p in pairs if p < 0]
        if not under:
            return self._factors(above, [number_latex(size)[0]] if size != 1 else [])
        fraction = size.denominator <= 1000 and size.numerator <= 1000
        top = [str(size.numerator)] if fraction and size.numerator != 1 else []
        bottom = [str(size.denominator)] if fraction and size.denominator != 1 else []
        before = "" if fraction else number_latex(size)[0] + r" \, "
        upper = self._factors(above, top)[0] if above or top else "1"
        return rf"{before}\frac{{{upper}}}{{{self._factors(under, bottom)[0]}}}", TIMES

    def _factors(self, pairs: list[tuple[Term, Fraction]], numbers: list[str]) -> Text:
        """Powers as factors: sums last, before them what has elements, joined by circles where matrices multiply."""
        if len(pairs) == 1:
            (base, power), least = pairs[0], SUMMED if numbers else 0
            text = self._power(base, power, least)
            own = self.texts[base.serial][1] if not numbers and power == 1 else TIMES
            return joined([*numbers, text]), min(own, TIMES)
        logs = [(a, p) for a, p in pairs if not a.shape and a.head == "log"]  # behind the others: x log 2
        scalars = [(a, p) for a, p in pairs if not a.shape and a.head != "log" and not self._summed(a, p)]
        others = [(a, p) for a, p in pairs if a.shape]
        totals = [a for a, p in pairs if self._summed(a, p)]
        sums = [self.at(a, TIMES) for a in totals[1:]] + [self.at(a, SUMMED) for a in totals[:1]]
        circles = self._matrices and len(others) > 1
        rest = [self._power(a, p, TIMES if len(others) == 1 and not sums else TIMES + 1) for a, p in others]
        found = numbers + [self._power(a, p, TIMES + 1) for a, p in scalars]
        found += [r" \odot ".join(rest)] if circles else rest
        found += [self._power(a, p, TIMES + 1) for a, p in logs]
        return joined(found + sums), SUMMED if sums else HADAMARD if circles else TIMES

    def _summed(self, base: Term, power: Fraction) -> bool:
        """Whether a factor is a sum over elements: it takes all behind it, so it comes last."""
        return base.head == "total" and not base.shape and power == 1 and self.texts[base.serial][1] < ATOM

    def _power(self, base: Term, power: Fraction, least: int) -> str:
        if power == 1:
            return self.at(base, least)
        if power == Fraction(1, 2):
            return rf"\sqrt{{{self.texts[base.serial][0]}}}"
        exponent = number_latex(power)[0]
        text = self.texts[base.serial][0]
        if base.head in RAISED and text.startswith(name := FUNCTIONS[base.head]) and not base.params:
            return f"{name}^{{{exponent}}}{text[len(name) :]}"
        circle = r"\circ " if self._matrices and len(base.shape) > 1 else ""
        return f"{self.at(base, POWER + 1)}^{{{circle}{exponent}}}"

    def _pow(self, term: Term) -> Text:
        return f"{self.at(term.args[0], POWER + 1)}^{{{self.texts[term.args[1].serial][0]}}}", POWER

    def _exp(self, term: Term) -> Text:
        inside = self._inside(term)
        if width(inside) <= SHORT and r"\begin" not in inside:
            return f"e^{{{inside}}}", POWER
        return applied(r"\exp", inside), ATOM

    def _log1p(self, term: Term) -> Text:
        return applied(r"\log", f"1 + {self.at(term.args[0], PLUS)}"), ATOM

    def _expm1(self, term: Term) -> Text:
        return f"{self._exp(term)[0]} - 1", PLUS

    def _exp2(self, term: Term) -> Text:
        return f"2^{{{self._inside(term)}}}", POWER

    def _hypot(self, term: Term) -> Text:
        return rf"\sqrt{{{' + '.join(self._power(a, Fraction(2), POWER + 1) for a in term.args)}}}", ATOM

    def _total(self, term: Term) -> Text:
        x, dims = term.args[0], term.param("dims")
        under = "" if len(dims) == len(x.shape) else rf"_{{\dim {self._dims(dims)}}}"
        return rf"\sum{under} {self.at(x, HADAMARD)}", SUMMED

    # --- matrices; a vector is a column, also where it stands on the left ---

    def _mT(self, term: Term) -> Text:
        inner = term.args[0]
        if inner.head in ("inv", "linalg.inv") and self.texts[inner.serial][1] < ATOM:
            return rf"{self.at(inner.args[0], ATOM)}^{{-\top}}", POWER
        return rf"{self.at(inner, ATOM)}^{{\top}}", POWER

    def _inv(self, term: Term) -> Text:
        return rf"{self.at(term.args[0], ATOM)}^{{-1}}", POWER

    def _solve(self, term: Term) -> Text:
        if term.params:
            return self._called(term)
        return rf"{self.at(term.args[0], ATOM)}^{{-1}} \, {self.at(term.args[1], TIMES + 1)}", TIMES

    def _pinv(self, term: Term) -> Text:
        return self._called(term) if term.params else (f"{self.at(term.args[0], ATOM)}^{{+}}", POWER)

    def _outer(self, term: Term) -> Text:
        return rf"{self._operand(term.args[0], TIMES)} \, {self.at(term.args[1], ATOM)}^{{\top}}", TIMES

    def _operand(self, term: Term, least: int) -> str:
        """A matrix or vector of a product, where broadcasting has to be seen."""
        return self._spread(term) if term.head == "expand" else self.at(term, least)

    def _matmul(self, term: Term) -> Text:
        left, right = term.args
        if len(left.shape) != 1:
            return rf"{self._operand(left, TIMES)} \, {self._operand(right, TIMES + 1)}", TIMES
        if len(right.shape) != 1:
            return rf"{self._transposed(right)} \, {self._operand(left, TIMES + 1)}", TIMES
        return rf"{self._row(left)} \, {self._operand(right, TIMES + 1)}", TIMES

    def _row(self, vector: Term) -> str:
        """A vector lying down; of x^T A the transpose is not written twice."""
        if vector.head == "matmul" and len(vector.args[0].shape) == 1 and self.texts[vector.serial][1] < ATOM:
            return rf"{self._transposed(vector.args[0])} \, {self._operand(vector.args[1], TIMES + 1)}"
        return self._transposed(vector)

    def _transposed(self, term: Term) -> str:
        if term.head == "mT" and self.texts[term.serial][1] < ATOM:
            return self._operand(term.args[0], TIMES + 1)
        if term.head == "expand":
            return rf"{self._operand(term, ATOM)}^{{\top}}"
        return rf"{self.at(term, ATOM)}^{{\top}}"

    # --- indices, shapes, conditions ---

    def _index(self, term: Term) -> Text:
        x = term.args[0]
        text = self._spread(x) if x.head == "expand" else self.at(x, ATOM)
        if re.search(r"[_^]", re.sub(r"\{[^{}]*\}|\([^()]*\)", "", text)):
            text = bracketed(text)
        return f"{text}_{{{self.index_places(term)}}}", ATOM

    def _item(self, term: Term) -> Text:
        text = self.at(term.args[0], ATOM)
        return f"{bracketed(text) if '_' in text[-4:] else text}_{{{term.param('at')}}}", ATOM

    def _reshape(self, term: Term) -> Text:
        inner = term.args[0]
        if not inner.shape or not term.shape or _kept(inner) == term.shape:
            return self.texts[inner.serial]
        return applied(rf"\operatorname{{reshape}}_{{{self._shape(term.shape)}}}", self.tensor(inner, term)), ATOM

    def _expand(self, term: Term) -> Text:
        """Among elements broadcasting goes without saying."""
        return self._constant(term) if term.args[0].head == "number" else self.texts[term.args[0].serial]

    def _constant(self, term: Term) -> Text:
        inner = term.args[0]
        if inner.head == "number" and inner.value in (0, 1):
            return rf"\mathbf{{{inner.value}}}", ATOM
        return rf"{self.at(inner, TIMES)} \, \mathbf{{1}}", TIMES

    def _mask(self, term: Term) -> Text:
        inside = self._inside(term)
        left, right = (r"\left[", r"\right]") if r"\frac" in inside else ("[", "]")
        return rf"\mathbf{{1}}{left}{inside}{right}", ATOM

    def _count(self, term: Term) -> Text:
        return rf"\sum {self._mask(term)[0]}", SUMMED

    def _not(self, term: Term) -> Text:
        return rf"\neg {self.at(term.args[0], POWER)}", POWER

    def _cast(self, term: Term) -> Text:
        return self.texts[term.args[0].serial]

    def _clamp(self, term: Term) -> Text:
        """A clamp from one side is a maximum or minimum."""
        if len(term.params) != 1:
            return self._called(term)
        ((name, value),) = term.params
        other = r"\min" if name == "max" else r"\max"
        return applied(other, f"{self._inside(term)}, {self.value(value, term)}"), ATOM

    def _where(self, term: Term) -> Text:
        condition, x, y = (self.texts[a.serial][0] for a in term.args)
        last = term.args[2]
        nested = self._rows.get(last.serial) if y.startswith(r"\begin{cases}") else None
        rows = rf"{x} & {condition} \\ " + (nested or rf"{y} & \text{{otherwise}}")
        self._rows[term.serial] = rows
        return rf"\begin{{cases}} {rows} \end{{cases}}", CASES


def _kept(term: Term) -> Shape | None:
    """The shape that a reduction would have if it kept its dimensions: so it is broadcast, and no reader asks."""
    if term.head == "total":
        dims = term.param("dims")
    elif term.head in ALONG and term.params and term.params[0][0] in ("", "dim"):
        dims = term.params[0][1]
    else:
        return None
    shape = term.args[0].shape
    every = {d % len(shape) for d in ((dims,) if isinstance(dims, int) else dims)}
    return tuple(1 if d in every else n for d, n in enumerate(shape))


def _entry(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(int(value))


WRITERS: dict[str, Any] = {
    "variable": LatexWriter._variable, "constant": LatexWriter._named_constant, "number": LatexWriter._number,
    "literal": LatexWriter._literal,
    "size": LatexWriter._size_term, "eye": LatexWriter._eye, "one_hot": LatexWriter._one_hot,
    "sum": LatexWriter._sum, "product": LatexWriter._product, "total": LatexWriter._total, "pow": LatexWriter._pow,
    "exp": LatexWriter._exp, "log1p": LatexWriter._log1p, "expm1": LatexWriter._expm1, "exp2": LatexWriter._exp2,
    "hypot": LatexWriter._hypot, "mT": LatexWriter._mT, "inv": LatexWriter._inv, "linalg.inv": LatexWriter._inv,
    "linalg.solve": LatexWriter._solve, "linalg.pinv": LatexWriter._pinv, "outer": LatexWriter._outer,
    "matmul": LatexWriter._matmul, "index": LatexWriter._index, "item": LatexWriter._item,
    "reshape": LatexWriter._reshape, "expand": LatexWriter._expand, "mask": LatexWriter._mask,
    "logical_not": LatexWriter._not, "count": LatexWriter._count, "cast": LatexWriter._cast,
    "where": LatexWriter._where,
    "clamp": LatexWriter._clamp,
}  # fmt: skip
