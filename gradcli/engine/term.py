"""Terms: what a plan is made from. A term is a node with its casts, broadcasts and compositions spelled out.

Terms are made through a `Builder`, which gives equal terms out once, folds constants, and applies the laws of `laws.py`
on the way, so a graph is simplified while it is read. Nothing here runs anything large.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from gradcli.engine import laws
from gradcli.engine.kernels import ADD, COPY, MAXIMUM, MINIMUM, MUL, Fn
from gradcli.graph.node import Node
from gradcli.shapes import Shape, broadcast_shapes, reduced_shape

INPUT, CONST, EW, REDUCE, RESHAPE, EXPAND, CALL, PICK = (
    "input", "const", "elementwise", "reduce", "reshape", "expand", "call", "pick",
)  # fmt: skip


class Term:
    """One step of a computation.

    kind: one of the words above. fn: what an EW term computes, or the name of a reduction. args: the terms it is
    computed from. value: the 0-d array of a CONST. at: which input an INPUT is, which output of a call a PICK, the
    numbers among the inputs of a CALL, the axes of a REDUCE (whose result keeps them with size 1). node: whose kernel a
    CALL runs. scalar: its value, when computed as a whole, is a numpy scalar in place of an array of one element.
    """

    __slots__ = ("args", "at", "dtype", "fn", "index", "kind", "node", "scalar", "shape", "size", "value")

    def __init__(
        self, kind: str, args: tuple[Term, ...], shape: Shape, dtype: Any, fn: Any = None, at: Any = None
    ) -> None:
        self.kind = kind
        self.args = args
        self.shape = shape
        self.dtype = dtype
        self.fn = fn
        self.at = at
        self.size = prod(shape)
        self.index = -1
        self.value: Any = None
        self.node: Node | None = None
        self.scalar = kind == CONST
        if kind == REDUCE:
            self.scalar = len(at) == len(args[0].shape)
        elif self.size == 1 and kind in (EW, RESHAPE):
            self.scalar = all(a.scalar for a in args)

    def __repr__(self) -> str:
        name = self.fn.name if isinstance(self.fn, Fn) else self.fn or self.kind
        return f"%{self.index} = {name}({', '.join(f'%{a.index}' for a in self.args)}) {self.dtype}{list(self.shape)}"


class Builder:
    """Makes terms, each once."""

    def __init__(self) -> None:
        self.terms: list[Term] = []
        self._made: dict[Any, Term] = {}

    def _term(self, key: Any, make: Callable[[], Term]) -> Term:
        term = self._made.get(key) if key is not None else None
        if term is None:
            term = make()
            term.index = len(self.terms)
            self.terms.append(term)
            if key is not None:
                self._made[key] = term
        return term

    def input(self, at: int, shape: Shape, dtype: Any) -> Term:
        """What a run is given as its input number `at`."""
        return self._term((INPUT, at), lambda: Term(INPUT, (), shape, dtype, at=at))

    def const(self, value: Any, dtype: Any) -> Term:
        """A number, in a dtype."""
        array = np.asarray(value).astype(dtype)
        term = self._term((CONST, array.tobytes(), array.dtype), lambda: Term(CONST, (), (), array.dtype))
        term.value = array
        return term

    def ew(self, fn: Fn, *args: Term, dtype: Any = None) -> Term:
        """An elementwise term, simplified; its dtype is that of its first input unless said otherwise."""
        dtype = args[0].dtype if dtype is None else dtype
        if any(a.kind == EXPAND for a in args):
            return self._spread(fn, args, dtype)
        if all(a.kind == CONST for a in args):
            return self.const(np.asarray(fn.direct(*[a.value for a in args])), dtype)
        if any(a.scalar and a.shape for a in args) and not all(a.scalar for a in args):
            return self._flattened(fn, args, dtype)
        if fn.commutes:
            args = tuple(sorted(args, key=_numbers_first))
        if dtype.kind == "f":
            for law in laws.ELEMENTWISE.get(fn.name, ()):
                better = law.rewrite(self, args)
                if better is not None:
                    return better
        shape = broadcast_shapes(*[a.shape for a in args]) if len(args) > 1 else args[0].shape
        key = (EW, fn.key, dtype, tuple([a.index for a in args])) if fn.key is not None else None
        return self._term(key, lambda: Term(EW, args, shape, dtype, fn))

    def _spread(self, fn: Fn, args: tuple[Term, ...], dtype: Any) -> Term:
        """Compute first what is then spread out, rather than the other way round."""
        shape = broadcast_shapes(*[a.shape for a in args])
        return self.expand(self.ew(fn, *[a.args[0] if a.kind == EXPAND else a for a in args], dtype=dtype), shape)

    def _flattened(self, fn: Fn, args: tuple[Term, ...], dtype: Any) -> Term:
        """One number beside an array has no dimensions when it is computed; those it had go to the result."""
        shape = broadcast_shapes(*[a.shape for a in args])
        flat = [self.reshape(a, ()) if a.scalar else a for a in args]
        return self.reshape(self.ew(fn, *flat, dtype=dtype), shape)

    def cast(self, x: Term, dtype: Any) -> Term:
        """x in a dtype."""
        if x.dtype == dtype:
            return x
        if x.kind == CONST:
            return self.const(x.value, dtype)
        if x.kind == EXPAND:
            return self.expand(self.cast(x.args[0], dtype), x.shape)
        return self.ew(COPY, x, dtype=dtype)

    def expand(self, x: Term, shape: Shape) -> Term:
        """x repeated along new dimensions and those of size 1."""
        if x.kind == EXPAND:
            x = x.args[0]
        if x.shape == shape:
            return x
        return self._term((EXPAND, x.index, shape), lambda: Term(EXPAND, (x,), shape, x.dtype))

    def reshape(self, x: Term, shape: Shape) -> Term:
        """The elements of x in another shape."""
        while x.kind == RESHAPE:
            x = x.args[0]
        if x.shape == shape:
            return x
        if x.kind == EXPAND and x.args[0].size == 1:
            return self.expand(self.reshape(x.args[0], ()), shape)
        return self._term((RESHAPE, x.index, shape), lambda: Term(RESHAPE, (x,), shape, x.dtype))

    def reduce(self, name: str, x: Term, axes: Shape, keepdim: bool = True, dtype: Any = None) -> Term:
        """A reduction over axes (sorted, none negative): sum, max, min; of floats sumsq, lse, peak."""
        dtype = x.dtype if dtype is None else dtype
        kept = reduced_shape(x.shape, axes, True)
        out = kept if keepdim else reduced_shape(x.shape, axes, False)
        if name in ("sum", "max", "min") and all(x.shape[a] == 1 for a in axes):
            return self.reshape(self.cast(x, dtype), out)
        if x.kind == EXPAND and name in ("sum", "max", "min"):
            return self.reshape(self._reduce_spread(name, x, axes, dtype), out)
        if dtype.kind == "f":
            for law in laws.REDUCING.get(name, ()):
                better = law.rewrite(self, (x, axes, dtype))
                if better is not None:
                    return self.reshape(better, out)
        key = (REDUCE, name, x.index, axes, dtype)
        return self.reshape(self._term(key, lambda: Term(REDUCE, (x,), kept, dtype, name, axes)), out)

    def total(self, x: Term) -> Term:
        """The sum of all elements, as a number."""
        return self.reduce("sum", x, tuple(range(len(x.shape))), keepdim=False)

    def take(self, x: Term, at: Term) -> Term:
        """The element of each row of a matrix whose column is given: a reduction of rows."""
        for law in laws.TAKING:
            better = law.rewrite(self, (x, at))
            if better is not None:
                return better
        key = (REDUCE, "take", x.index, at.index)
        return self._term(key, lambda: Term(REDUCE, (x, at), at.shape, x.dtype, "take", (1,)))

    def shaped(self, fn: Fn, args: tuple[Term, ...], shape: Shape) -> Term:
        """An elementwise term of a shape of its own."""
        key = (EW, fn.key, tuple([a.index for a in args]), shape)
        return self._term(key, lambda: Term(EW, args, shape, args[0].dtype, fn))

    def _reduce_spread(self, name: str, x: Term, axes: Shape, dtype: Any) -> Term:
        """What was repeated is multiplied, not added up."""
        y = x.args[0]
        y = self.reshape(y, (1,) * (len(x.shape) - len(y.shape)) + y.shape)
        own = tuple(a for a in axes if y.shape[a] != 1 or x.shape[a] == 1)
        times = prod(x.shape[a] for a in axes if a not in own)
        y = self.reduce(name, y, own, dtype=dtype)
        if name == "sum" and times != 1:
            y = self.ew(MUL, self.const(times, dtype), y)
        return self.expand(y, reduced_shape(x.shape, axes, True))

    def call(self, node: Node, args: tuple[Term, ...], numbers: tuple[Any, ...], key: Any) -> Term:
        """A node that its own kernel computes as a whole. numbers: the inputs that are Python numbers, else None."""
        known = None if key is None else (CALL, key, tuple([a.index for a in args]))

        def make() -> Term:
            dtype = None if node.op.outputs else node.dtype.numpy
            term = Term(CALL, args, () if node.op.outputs else node.shape, dtype, at=numbers)
            term.node = Node(node.op, (), node.params, node.shape, node.dtype)
            term.node.span = node.span
            return term

        return self._term(known, make)

    def pick(self, x: Term, at: int, shape: Shape, dtype: Any) -> Term:
        """One of the outputs of a call."""
        return self._term((PICK, x.index, at), lambda: Term(PICK, (x,), shape, dtype, at=at))

    # What lowering is written in

    def mul(self, x: Term, y: Term) -> Term:
        """x times y."""
        return self.ew(MUL, x, y)

    def scale(self, x: Term, factor: float) -> Term:
        """x times a number."""
        return self.ew(MUL, self.const(factor, x.dtype), x)

    def plus(self, x: Term, addend: float) -> Term:
        """x plus a number."""
        return self.ew(ADD, self.const(addend, x.dtype), x)

    def largest(self, x: Term, bound: float) -> Term:
        """max(x, bound)."""
        return self.ew(MAXIMUM, self.const(bound, x.dtype), x)

    def smallest(self, x: Term, bound: float) -> Term:
        """min(x, bound)."""
        return self.ew(MINIMUM, self.const(bound, x.dtype), x)


def _numbers_first(term: Term) -> tuple[bool, int]:
    return term.kind != CONST, term.index


def frozen(params: Mapping[str, Any]) -> Any:
    """The parameters of a node as a key, equal when they mean the same; None when they cannot be one."""
    if not params:
        return ()
    try:
        key = tuple([(name, _frozen(value)) for name, value in params.items()])
        hash(key)
    except TypeError:
        return None
    return key


def _frozen(value: Any) -> Any:
    kind = type(value)
    if kind is list or kind is tuple:
        return (kind, *[_frozen(v) for v in value])
    if kind is dict:
        return (kind, *[(k, _frozen(v)) for k, v in value.items()])
    if kind is slice:
        return (kind, value.start, value.stop, value.step)
    if isinstance(value, np.ndarray | Node):
        raise TypeError
    return (kind, repr(value)) if kind is float else (kind, value)
