"""Writing a pass: terms in, steps and registers out. A register that is not needed any more is given out again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcli.engine import reductions
from gradcli.engine.fuse import Op, Pass, Sum
from gradcli.engine.layout import ACROSS, ALONG, FULL, ONE, Layout
from gradcli.engine.term import CONST, EW, EXPAND, REDUCE, RESHAPE, Term

Array = Any


class Maker:
    """Writes a pass: terms in, steps and registers out. Terms come in the order in which they are computed."""

    def __init__(self, layout: Layout, uses: dict[tuple[int, str], int]) -> None:
        self.made = Pass(layout)
        self._uses = uses
        self._register: dict[tuple[int, str], int] = {}
        self._free: dict[tuple[str, Any], list[int]] = {}
        self._temps: dict[int, tuple[str, Any]] = {}

    def _new(self) -> int:
        self.made.registers += 1
        return self.made.registers - 1

    def _temp(self, kind: str, dtype: Any) -> int:
        free = self._free.setdefault((kind, dtype), [])
        if free:
            return free.pop()
        register = self._new()
        self._temps[register] = (kind, dtype)
        self.made.temps.append((register, kind, dtype))
        return register

    def load(self, term: Term, kind: str) -> None:
        """An array that is there before the pass."""
        if (term.index, kind) in self._register:
            return
        register = self._new()
        self._register[term.index, kind] = register
        if term.kind == CONST:
            self.made.constants.append((register, term.value))
        else:
            self.made.loads.append((register, term, kind))

    def _done(self, term: Term, kind: str) -> int | None:
        """Count one use of a register; a buffer that has no more is free: its number, else None."""
        key = (term.index, kind)
        self._uses[key] -= 1
        register = self._register[key]
        return register if self._uses[key] == 0 and register in self._temps else None

    def _release(self, register: int) -> None:
        self._free[self._temps[register]].append(register)

    def compute(
        self, term: Term, kind: str, args: Sequence[tuple[Term, str]], stored: bool, product: str | None
    ) -> None:
        """A step of every block. stored: its result is a result of the pass. product: how it is one of PRODUCTS."""
        self.made.members.append((term, product or _name(term), [a for a, _ in args]))
        if term.kind == RESHAPE and not stored:  # the same register under another name, which is never free
            self._register[term.index, kind] = self._register[args[0][0].index, args[0][1]]
            self._uses[term.index, kind] = self._uses.get((term.index, kind), 0) + 1
            return
        run, cost, inplace, scratches = _step(term, args, self.made.layout, product)
        registers = [self._filled(term, a, k, kind) for a, k in args]
        self.made.cost += cost if kind == FULL or term.kind == REDUCE else 0
        scratch = [self._temp(k, d) for k, d in scratches]
        dead = [d for a, k in args if (d := self._done(a, k)) is not None]
        own = (kind, term.dtype)
        out = next((d for d in dead if self._temps[d] == own), None) if inplace else None
        if out is not None:
            dead.remove(out)
        if stored:
            out = self._result(out, term, kind)
        elif out is None:
            out = self._temp(*own)
        for d in (*dead, *scratch):
            self._release(d)
        self._register[term.index, kind] = out
        self.made.ops.append(Op(run, (*registers, *scratch), out))

    def _result(self, dying: int | None, term: Term, kind: str) -> int:
        """The register of a result. A buffer that it would be written over becomes the result's own memory."""
        if dying is not None and kind == FULL and self.made.layout.down:
            self.made.temps.remove((dying, *self._temps.pop(dying)))
            out = dying
        else:
            if dying is not None:
                self._release(dying)
            out = self._new()
        self.made.results.append((out, term, kind))
        return out

    def _filled(self, term: Term, arg: Term, kind: str, own: str) -> int:
        """The register of an input; for functions that are slow with a number, a block full of it."""
        if term.kind == EW and term.fn.filled and arg.kind == CONST:
            register = self._new()
            self.made.filled.append((register, own, arg.value))
            return register
        return self._register[arg.index, kind]

    def carry(self, term: Term, name: str, kind: str, args: Sequence[tuple[Term, str]]) -> None:
        """A reduction that ends after the last block."""
        registers = [self._register[a.index, k] for a, k in args]
        exponentials = name == "lse"
        scratch = [self._temp(args[0][1], args[0][0].dtype)] if exponentials else []
        self.made.cost += 6 if exponentials else 1
        for d in (*[d for a, k in args if (d := self._done(a, k)) is not None], *scratch):
            self._release(d)
        part = _WHOLE[name] if kind == ONE else _ALONG[name, self.made.layout.down]
        self.made.ops.append(Op(part, (*registers, *scratch), -1, len(self.made.sums)))
        self.made.sums.append(Sum(term, name, kind))
        self.made.members.append((term, name, [a for a, _ in args]))


def _step(
    term: Term, args: Sequence[tuple[Term, str]], layout: Layout, product: str | None
) -> tuple[Any, float, bool, list[Any]]:
    """How a step of a block runs: the function, its cost, whether it may write over an input, its scratch buffers."""
    if term.kind in (EXPAND, RESHAPE):
        return _copy, 1.0, False, []
    if term.kind == EW:
        return term.fn.block, term.fn.cost, term.fn.inplace, []
    x = args[0][0]
    if product is not None:
        return _ROWS[product], 1.0, False, []
    if term.fn == "take":
        return reductions.take_rows, 0.0, False, []
    if term.fn == "lse":
        return reductions.row_exponentials, 8.0, False, [(FULL, x.dtype)]
    if layout.by_rows:
        return _ROWS[term.fn], 2.0, False, []
    return _COLUMNS[term.fn], 1.0, False, []


def _name(term: Term) -> str:
    return term.fn.name if term.kind == EW else term.fn if term.kind == REDUCE else term.kind


def _copy(x: Array, out: Array) -> None:
    np.copyto(out, x)


# Sums of products that are computed without the products: what the sum is, and what its factors are
PRODUCTS = {
    (ONE, FULL, FULL): "dot",
    (ALONG, FULL, FULL): "row dots",
    (ALONG, FULL, ACROSS): "row products",
    (ACROSS, FULL, ALONG): "column products",
}
_WHOLE: dict[str, Callable[..., Any]] = {
    "sum": reductions.total,
    "dot": reductions.total_of_products,
    "sumsq": reductions.total_of_squares,
    "max": reductions.largest,
    "min": reductions.smallest,
    "lse": reductions.exponentials,
}
# Parts of what remains when the direction of the blocks is reduced: whether blocks follow each other down the rows
_ALONG: dict[tuple[str, bool], Callable[..., Any]] = {
    ("column products", True): reductions.column_products,
    ("sum", True): reductions.column_sums,
    ("sum", False): reductions.partial_row_sums,
    ("max", True): lambda x: np.maximum.reduce(x, axis=0, keepdims=True),
    ("max", False): lambda x: np.maximum.reduce(x, axis=1, keepdims=True),
    ("min", True): lambda x: np.minimum.reduce(x, axis=0, keepdims=True),
    ("min", False): lambda x: np.minimum.reduce(x, axis=1, keepdims=True),
}
_ROWS: dict[str, Callable[..., Any]] = {
    "sum": reductions.row_sums,
    "max": reductions.row_max,
    "min": reductions.row_min,
    "peak": reductions.row_peaks,
    "row dots": reductions.row_dots,
    "row products": reductions.row_products,
}
_COLUMNS: dict[str, Callable[..., Any]] = {
    "sum": lambda x, out: np.add.reduce(x, axis=0, keepdims=True, out=out),
    "max": lambda x, out: np.maximum.reduce(x, axis=0, keepdims=True, out=out),
    "min": lambda x, out: np.minimum.reduce(x, axis=0, keepdims=True, out=out),
}
