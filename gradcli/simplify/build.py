"""The builder of formulas: calls of public ops as terms, each simplified by the laws as it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.graph.node import Node
from gradcli.graph.terms import Params, Term
from gradcli.shapes import Shape, broadcast_shapes
from gradcli.simplify.constants import known
from gradcli.simplify.normal import HALF, ONE, Arithmetic, bare, common_dtype

COMPARED: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "gt": lambda a, b: a > b, "lt": lambda a, b: a < b, "ge": lambda a, b: a >= b, "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
}  # fmt: skip


class Rewrites(Protocol):
    """What the builder knows of a law."""

    apply: Callable[[Builder, Term], Term | None]


class Builder(Arithmetic):
    """Makes terms and applies the laws to them."""

    def __init__(
        self,
        laws: Mapping[str, Sequence[Rewrites]],
        dtype: DType = dtypes.float64,
        sizes: Mapping[int, str] | None = None,
        exact: bool = False,
    ) -> None:
        """laws: by the head they look at. dtype: of masks. sizes: numbers that stand for unknown sizes, and texts.

        exact: nothing may be taken for granted.
        """
        super().__init__(exact)
        self.laws = laws
        self.dtype = dtype
        self.sizes = sizes or {}
        self.counts: dict[int, Term] = {}  # numbers that stand for how often a mask holds
        self._settled: dict[int, Term] = {}

    def settle(self, term: Term) -> Term:
        """The term that the laws make of one."""
        first = term.serial
        known = self._settled.get(first)
        if known is not None:
            return known
        self._settled[first] = term  # a law that compares what comes of it meets it as it is
        seen, changed = {first}, True
        while changed:
            changed = False
            for law in self.laws.get(term.head, ()):
                result = law.apply(self, term)
                if result is not None and result is not term:
                    term = self.expand(result, term.shape)
                    changed = term.serial not in seen  # laws that undo each other end here
                    seen.add(term.serial)
                    break
        self._settled[first] = term
        return term

    def add(self, parts: Sequence[tuple[Any, Term]]) -> Term:
        """The sum of coefficient times term, simplified."""
        return self._outward(super().add(parts))

    def power_product(self, parts: Sequence[tuple[Term, Fraction]]) -> Term:
        """The product of powers, simplified."""
        return self._outward(super().power_product(parts))

    def _outward(self, term: Term) -> Term:
        return self.expand(self.settle(bare(term)), term.shape)

    def call(
        self,
        head: str,
        args: Iterable[Term],
        shape: Shape,
        dtype: DType | None,
        *positional: Any,
        **named: Any,
    ) -> Term:
        """A call of a public op: tensors first, then what is given; `Arg(i)` stands for a tensor further on."""
        params: Params = (*(("", p) for p in positional), *named.items())
        return self.settle(self.make(head, args, params, shape, dtype))

    def several(self, node: Node, whole: Term) -> tuple[Term, ...]:
        """The outputs of a call that gives several."""
        parts = zip(node.shape, node.dtype, strict=True)
        return tuple(self.make("item", (whole,), (("at", at),), s, d) for at, (s, d) in enumerate(parts))

    def elementwise(self, head: str, args: Sequence[Term], dtype: DType | None, params: Params = ()) -> Term:
        """A call of an elementwise op: the broadcasting of its arguments becomes that of the result."""
        inner = [bare(a) for a in args]
        shape = broadcast_shapes(*[a.shape for a in inner]) if inner else ()
        return self.broadcast(self.settle(self.make(head, inner, params, shape, dtype)), args)

    # What is used again and again

    def where(self, condition: Term, a: Term, b: Term) -> Term:
        """where(condition, a, b)"""
        return self.elementwise("where", [condition, a, b], common_dtype([a, b]) or self.dtype)

    def compare(self, head: str, a: Term, b: Term) -> Term:
        """A comparison: gt, lt, ge, le, eq, ne."""
        x, y = bare(a), bare(b)
        if x.head == y.head == "number" and isinstance(x.value, Fraction) and isinstance(y.value, Fraction):
            holds = COMPARED[head](x.value, y.value)
            return self.broadcast(self.number(holds), [a, b])
        return self.elementwise(head, [a, b], dtypes.bool_)

    def unary(self, head: str, x: Term) -> Term:
        """An elementwise function of one argument."""
        return self.elementwise(head, [x], x.dtype)

    def zeros(self, shape: Shape) -> Term:
        """Zeros of a shape."""
        return self.expand(self.number(0), shape)

    def total(self, x: Term, dims: tuple[int, ...] | None, keepdim: bool) -> Term:
        """The sum over dimensions (None: all)."""
        every = tuple(range(len(x.shape)))
        over = tuple(sorted(d % len(x.shape) for d in dims)) if dims else every
        if not over:
            return x
        shape = tuple(1 if d in over else n for d, n in enumerate(x.shape) if keepdim or d not in over)
        params: Params = (("dims", over), ("keepdim", keepdim))
        return self.settle(self.make("total", (x,), params, shape, x.dtype))

    def transpose(self, x: Term) -> Term:
        """The last two dimensions swapped."""
        return self.settle(self.make("mT", (x,), (), (*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype))

    def reshape(self, x: Term, shape: Shape) -> Term:
        """x in another shape of as many elements."""
        return self.settle(self.make("reshape", (x,), (("shape", tuple(shape)),), tuple(shape), x.dtype))

    def permute(self, x: Term, dims: tuple[int, ...]) -> Term:
        """x with its dimensions in another order."""
        shape = tuple(x.shape[d] for d in dims)
        return self.settle(self.make("permute", (x,), (("", dims),), shape, x.dtype))

    def matmul(self, a: Term, b: Term) -> Term:
        """a @ b"""
        left, right = a.shape, b.shape
        shape: Shape
        if len(left) == 1 and len(right) == 1:
            shape = ()
        elif len(left) == 1:
            shape = (*right[:-2], right[-1])
        elif len(right) == 1:
            shape = left[:-1]
        else:
            shape = (*broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])
        return self.settle(self.make("matmul", (a, b), (), shape, common_dtype((a, b))))

    def index(self, x: Term, index: tuple[Any, ...], shape: Shape, tensors: Sequence[Term] = ()) -> Term:
        """x[index], in which Arg(1), Arg(2) ... are the tensors."""
        return self.settle(self.make("index", (x, *tensors), (("index", index),), shape, x.dtype))

    def scattered(self, head: str, shape: Shape, source: Term, *positional: Any, **named: Any) -> Term:
        """Zeros of a shape into which an op puts a source."""
        return self.call(head, (self.zeros(shape), source), shape, self.dtype, *positional, **named)

    def mask(self, condition: Term) -> Term:
        """1 where a condition holds, else 0."""
        return self.make("mask", (condition,), (), condition.shape, self.dtype)

    def sized(self, count: Any) -> Term:
        """A number, which may be a count of elements where shapes are unknown."""
        if (self.sizes or self.counts) and isinstance(count, int | float) and count - count == 0 != count:
            for power in (ONE, HALF):
                whole = float(count) ** int(1 / power)
                found = self._size(whole, power) if count > 0 or power == 1 else None
                if found is None and 0 < abs(count) < 1:
                    found = self._size(1 / whole, -power)
                if found is not None:
                    return found
        return self.known(count)

    def count(self, number: int, mask: Term) -> None:
        """Let a number stand for how often a mask holds."""
        self.counts[number] = self.make("count", (mask,))

    def known(self, value: Any) -> Term:
        """A number; with the constant that it is made of, where its digits are those of one."""
        parts = known(value) if isinstance(value, float) else None
        if parts is None:
            return self.number(value)
        factor, kind, (rational, pis), power = parts
        inside = self.power_product([(self.number(rational), ONE), (self.constant("pi"), Fraction(pis))])
        if kind == "log":
            inside = self.make("log", (inside,))
        exponent = HALF * power if kind == "root" else ONE * power
        return self.power_product([(self.number(factor), ONE), (inside, exponent)])

    def _size(self, count: float, power: Fraction) -> Term | None:
        """`count ** power` as a small number times a size, or a size and a small number added."""
        for value, sizes, more in self._size_candidates():
            times, back = count / (value + more), (value + more) / count
            ratios = [(times, Fraction(round(times)))]
            if more == 0 or abs(count) > 150:  # smaller ones are numbers of the program
                ratios.append((back, 1 / Fraction(round(back) or 1)))
            for ratio, factor in ratios:
                if abs(ratio - round(ratio)) < 1e-9 * abs(ratio) and 0 < abs(ratio) < 100:
                    size = self.multiply(sizes)
                    whole = self.add([(1, size), (more, self.number(1))]) if more else size
                    return self.power(self.scale(factor, whole), power)
        return None

    def _size_candidates(self) -> Iterator[tuple[int, list[Term], int]]:
        """Numbers with the sizes whose product they are, and what is added to them: the likelier first."""
        named = {n: self.make("size", (), (("text", text),)) for n, text in self.sizes.items()}
        sizes = [*self.counts.items(), *named.items()]
        yield from ((n, [size], 0) for n, size in sizes)
        yield from ((n * m, [a, b], 0) for at, (n, a) in enumerate(sizes) for m, b in sizes[at:])
        yield from ((n, [size], more) for more in (-1, 1, -2, 2) for n, size in sizes)

    def cast(self, x: Term, dtype: DType, named: bool = False) -> Term:
        """x in another dtype; named: it is rounded to just this one, not to that of the variables."""
        params: Params = (("dtype", dtype), *((("named", True),) if named and dtype is not self.dtype else ()))
        return self.settle(self.make("cast", (bare(x),), params, bare(x).shape, dtype))
