"""One pass over memory: a chain of elementwise functions and reductions, run block by block in cache.

A `Pass` is made from terms of one layout (plan.py chooses them) and run on the values of a plan. Each thread has
buffers of its own, allocated once; results are written where they stay. Sums are carried in lanes: a lane is a fixed
stretch of the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcli.engine import buffers, reductions
from gradcli.engine.layout import ACROSS, ALONG, FULL, ONE, Layout
from gradcli.engine.term import CONST, EW, EXPAND, REDUCE, RESHAPE, Term
from gradcli.engine.threads import available, share

LANES = 16
THREADS_FROM = 1 << 20  # elements
HEAVY = 6.0  # cost for an element, in multiplications, from which a second thread pays

Array = Any


class Op:
    """A step of a block: `run(*inputs, out)`. Registers are numbers."""

    __slots__ = ("args", "out", "run")

    def __init__(self, run: Callable[..., Any], args: tuple[int, ...], out: int) -> None:
        self.run = run
        self.args = args
        self.out = out


class Sum:
    """What is carried from block to block: a reduction that ends after the last one."""

    __slots__ = ("args", "kind", "name", "scratch", "term")

    def __init__(self, term: Term, name: str, kind: str, args: tuple[int, ...], scratch: int | None) -> None:
        self.term = term
        self.name = name
        self.kind = kind
        self.args = args
        self.scratch = scratch


class Pass:
    """Steps over the blocks of one layout.

    members: what it computes, with the name and the inputs of each step, in order. loads, results: (register, term,
    kind) of arrays that are read, and written. temps: (register, kind, dtype) of buffers; registers share them.
    filled: (register, kind, number) of buffers that hold one number.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.ops: list[Op] = []
        self.sums: list[Sum] = []
        self.loads: list[tuple[int, Term, str]] = []
        self.results: list[tuple[int, Term, str]] = []
        self.temps: list[tuple[int, str, Any]] = []
        self.filled: list[tuple[int, str, Any]] = []
        self.constants: list[tuple[int, Any]] = []
        self.registers = 0
        self.cost = 0.0
        self.members: list[tuple[Term, str, list[Term]]] = []
        self._idle: list[_Workspace] = []

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-self.layout.length // self.layout.step)

    @property
    def workers(self) -> int:
        """How many threads it runs on."""
        if self.cost < HEAVY or self.layout.rows * self.layout.cols < THREADS_FROM or self._uses_blas():
            return 1
        return min(available(), self.blocks)

    def _uses_blas(self) -> bool:
        """Whether it multiplies matrices, for which BLAS has threads of its own."""
        return any(name in ("row products", "column products") for _, name, _ in self.members)

    def run(self, values: list[Any]) -> None:
        """Compute the results and sums into `values`, by the index of their terms."""
        layout = self.layout
        arrays: list[tuple[int, Array, bool]] = []
        for register, term, kind in self.loads:
            arrays.append((register, np.reshape(values[term.index], layout.matrix(kind)), kind in (FULL, ALONG)))
        for register, term, kind in self.results:
            out = buffers.empty(term.shape, term.dtype)
            values[term.index] = out
            arrays.append((register, out.reshape(layout.matrix(kind)), True))
        blocks = self.blocks
        lanes = min(blocks, LANES)
        carried: list[list[Any]] = [[None] * len(self.sums) for _ in range(lanes)]

        def work(take: Callable[[], int | None]) -> None:
            space = self._idle.pop() if self._idle else _Workspace(self)
            while (lane := take()) is not None:
                first, last = blocks * lane // lanes, blocks * (lane + 1) // lanes
                space.run(arrays, range(first, last), carried[lane])
            self._idle.append(space)

        share(lanes, self.workers, work)
        for at, s in enumerate(self.sums):
            values[s.term.index] = _joined(s, [lane[at] for lane in carried])


def _joined(s: Sum, parts: list[Any]) -> Array:
    """The parts of all lanes, joined in their order."""
    parts = [p for p in parts if p is not None]
    whole = parts[0]
    for part in parts[1:]:
        whole = _JOIN[s.name](whole, part)
    if s.name in ("lse", "lsm"):
        whole = np.nan if s.name == "lsm" and np.isinf(whole[1]) else np.log(whole[1]) + whole[0]
    if s.kind == ONE:
        return np.asarray(whole, dtype=s.term.dtype)[()]
    return np.asarray(whole).astype(s.term.dtype).reshape(s.term.shape)


_JOIN: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda a, b: a + b,
    "dot": lambda a, b: a + b,
    "column products": lambda a, b: a + b,
    "sumsq": lambda a, b: a + b,
    "max": np.maximum,
    "min": np.minimum,
    "lse": reductions.join_exponentials,
    "lsm": reductions.join_exponentials,
}
_WHOLE: dict[str, Callable[..., Any]] = {
    "sum": reductions.total,
    "dot": reductions.total_of_products,
    "sumsq": reductions.total_of_squares,
    "max": reductions.largest,
    "min": reductions.smallest,
    "lse": reductions.exponentials,
    "lsm": reductions.exponentials,
}


class _Workspace:
    """The buffers of one thread, and its registers."""

    def __init__(self, of: Pass) -> None:
        self.of = of
        layout = of.layout
        self._buffers = [np.empty(layout.block(kind, layout.step), dtype).reshape(-1) for _, kind, dtype in of.temps]
        self._full = [np.full(layout.block(kind, layout.step), number).reshape(-1) for _, kind, number in of.filled]
        self._prepared: dict[int, list[Any]] = {}
        self._steps = [(op.run, op.args, op.out) for op in of.ops]

    def _registers(self, size: int) -> list[Any]:
        """The registers for a block of a size, with the views of the buffers in their places."""
        registers = self._prepared.get(size)
        if registers is None:
            registers = [None] * self.of.registers
            layout = self.of.layout
            both = [*zip(self.of.temps, self._buffers, strict=True), *zip(self.of.filled, self._full, strict=True)]
            for (register, kind, _), buffer in both:
                shape = layout.block(kind, size)
                registers[register] = buffer[: int(np.prod(shape))].reshape(shape)
            for register, number in self.of.constants:
                registers[register] = number
            self._prepared[size] = registers
        return registers

    def run(self, arrays: Sequence[tuple[int, Array, bool]], blocks: range, carried: list[Any]) -> None:
        """Run all steps on some blocks, adding to what is carried."""
        layout, sums = self.of.layout, self.of.sums
        step, length = layout.step, layout.length
        down = layout.split is None or layout.by_rows
        for at in blocks:
            start, end = at * step, min((at + 1) * step, length)
            r = self._registers(end - start)
            for register, array, sliced in arrays:
                r[register] = array if not sliced else array[start:end] if down else array[:, start:end]
            for run, args, out in self._steps:
                if len(args) == 2:
                    run(r[args[0]], r[args[1]], r[out])
                elif len(args) == 1:
                    run(r[args[0]], r[out])
                else:
                    run(*[r[a] for a in args], r[out])
            for n, s in enumerate(sums):
                part = _part(s, r, down)
                before = carried[n]
                carried[n] = part if before is None else _JOIN[s.name](before, part)
        for registers in self._prepared.values():  # hold on to nobody's array
            for register, _, _ in arrays:
                registers[register] = None


def _part(s: Sum, r: list[Any], down: bool) -> Any:
    if s.kind == ONE:
        if s.scratch is not None:
            return reductions.exponentials(r[s.args[0]], r[s.scratch])
        return _WHOLE[s.name](*[r[a] for a in s.args])
    x = r[s.args[0]]
    if s.name == "column products":
        return reductions.column_products(x, r[s.args[1]]).astype(np.float64)
    if s.name == "sum":
        part = reductions.column_sums(x) if down else np.add.reduce(x, axis=1, keepdims=True)
        return part.astype(np.float64) if part.dtype.kind == "f" else part
    reduce = np.maximum.reduce if s.name == "max" else np.minimum.reduce
    return reduce(x, axis=0 if down else 1, keepdims=True)


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
        out = None
        if stored:
            out = self._new()
            self.made.results.append((out, term, kind))
        elif inplace:
            out = next((d for d in dead if self._temps[d] == own), None)
            if out is not None:
                dead.remove(out)
        if out is None:
            out = self._temp(*own)
        for d in (*dead, *scratch):
            self._release(d)
        self._register[term.index, kind] = out
        self.made.ops.append(Op(run, (*registers, *scratch), out))

    def _filled(self, term: Term, arg: Term, kind: str, own: str) -> int:
        """The register of an input; for functions that are slow with a number, a block full of it."""
        if term.kind == EW and term.fn.filled and arg.kind == CONST:
            register = self._new()
            self.made.filled.append((register, own, arg.value))
            return register
        return self._register[arg.index, kind]

    def carry(self, term: Term, name: str, kind: str, args: Sequence[tuple[Term, str]]) -> None:
        """A reduction that ends after the last block."""
        registers = tuple(self._register[a.index, k] for a, k in args)
        scratch = self._temp(args[0][1], args[0][0].dtype) if name in ("lse", "lsm") else None
        self.made.cost += 6 if name in ("lse", "lsm") else 1
        self.made.sums.append(Sum(term, name, kind, registers, scratch))
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
    if term.fn in ("lse", "lsm"):
        infinite = term.fn == "lse"
        run = lambda x, scratch, out: reductions.row_exponentials(x, scratch, out, infinite)  # noqa: E731
        return run, 8.0, False, [(FULL, x.dtype)]
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
_ROWS: dict[str, Callable[..., Any]] = {
    "sum": reductions.row_sums,
    "max": reductions.row_max,
    "min": reductions.row_min,
    "row dots": reductions.row_dots,
    "row products": reductions.row_products,
}
_COLUMNS: dict[str, Callable[..., Any]] = {
    "sum": lambda x, out: np.add.reduce(x, axis=0, keepdims=True, out=out),
    "max": lambda x, out: np.maximum.reduce(x, axis=0, keepdims=True, out=out),
    "min": lambda x, out: np.minimum.reduce(x, axis=0, keepdims=True, out=out),
}
