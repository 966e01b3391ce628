"""One pass over memory: a chain of elementwise functions and reductions, run block by block in cache.

A `Pass` is made from terms of one layout (assemble.py) and run on the values of a plan. Each thread has buffers of its
own, allocated once; results are written where they stay. Sums are carried in lanes: a lane is a fixed stretch of the
blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import add
from threading import Lock
from typing import Any

import numpy as np

from gradcli.engine import buffers, reductions
from gradcli.engine import layout as layouts
from gradcli.engine.layout import ALONG, FULL, ONE, Layout
from gradcli.engine.term import Term
from gradcli.engine.threads import available, share

LANES = 16
THREADS_FROM = 1 << 22  # multiplications, from which threads pay
KEPT = 1 << 26  # bytes of buffers that no run uses
PASSES = 64  # and the passes that may have some

Array = Any


class Op:
    """A step of a block: `run(*inputs, out)`, or the part of a sum, `run(*inputs)`. Registers are numbers.

    sum: which sum the result is a part of, and then there is no `out`.
    """

    __slots__ = ("args", "out", "run", "sum")

    def __init__(self, run: Callable[..., Any], args: tuple[int, ...], out: int, sum: int = -1) -> None:
        self.run = run
        self.args = args
        self.out = out
        self.sum = sum


class Sum:
    """What is carried from block to block: a reduction that ends after the last one."""

    __slots__ = ("join", "kind", "name", "term")

    def __init__(self, term: Term, name: str, kind: str) -> None:
        self.term = term
        self.name = name
        self.kind = kind
        self.join = _JOIN[name]


class Pass:
    """Steps over the blocks of one layout.

    members: what it computes, with the name and the inputs of each step, in order. loads, results: (register, term,
    kind) of arrays that are read, and written. temps: (register, kind, dtype) of buffers; registers share them.
    filled: (register, kind, number) of buffers that hold one number. cost: for an element, in multiplications.
    step: rows or columns in a block.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.step = 1
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

    def choose_step(self) -> None:
        """Blocks of a size that stays in cache with all buffers."""
        dtypes = [*[term.dtype for _, term, _ in (*self.loads, *self.results)], *[dtype for _, _, dtype in self.temps]]
        widest = max((dtype.itemsize for dtype in dtypes), default=4)
        size = layouts.BLOCK * 4 // widest
        self.step = self.layout.step(2 * size if len(self.temps) <= layouts.FEW else size)

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-self.layout.length // self.step)

    @property
    def workers(self) -> int:
        """How many threads it runs on."""
        work = self.cost * self.layout.rows * self.layout.cols
        if work < THREADS_FROM or self._uses_blas():
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
            space = _IDLE.take(self) or _Workspace(self)
            while (lane := take()) is not None:
                first, last = blocks * lane // lanes, blocks * (lane + 1) // lanes
                space.run(arrays, range(first, last), carried[lane])
            _IDLE.give(space)

        share(lanes, self.workers, work)
        for at, s in enumerate(self.sums):
            values[s.term.index] = _joined(s, [lane[at] for lane in carried])


def _joined(s: Sum, parts: list[Any]) -> Array:
    """The parts of all lanes, joined in their order."""
    parts = [p for p in parts if p is not None]
    whole = parts[0]
    for part in parts[1:]:
        whole = s.join(whole, part)
    if s.name == "lse":
        whole = np.log(whole[1]) + whole[0]
    if s.kind == ONE:
        return np.asarray(whole, dtype=s.term.dtype)[()]
    return np.asarray(whole).astype(s.term.dtype).reshape(s.term.shape)


_JOIN: dict[str, Callable[[Any, Any], Any]] = {
    "sum": add,
    "dot": add,
    "column products": add,
    "sumsq": add,
    "max": np.maximum,
    "min": np.minimum,
    "lse": reductions.join_exponentials,
}


class _Workspace:
    """The buffers of one thread, and its registers."""

    def __init__(self, of: Pass) -> None:
        self.of = of
        layout = of.layout
        self._buffers = [buffers.aligned(layout.block(kind, of.step), dtype).reshape(-1) for _, kind, dtype in of.temps]
        self._full = [np.full(layout.block(kind, of.step), number).reshape(-1) for _, kind, number in of.filled]
        self.size = sum(buffer.nbytes for buffer in (*self._buffers, *self._full))
        self._prepared: dict[int, list[Any]] = {}
        self._steps = [_unpacked(op) for op in of.ops]

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
        step, length = self.of.step, layout.length
        down = layout.down
        for at in blocks:
            start, end = at * step, min((at + 1) * step, length)
            r = self._registers(end - start)
            for register, array, sliced in arrays:
                r[register] = array if not sliced else array[start:end] if down else array[:, start:end]
            for run, i, j, out, number in self._steps:
                if number >= 0:
                    part = run(*[r[a] for a in i])
                    before = carried[number]
                    carried[number] = part if before is None else sums[number].join(before, part)
                elif j >= 0:
                    run(r[i], r[j], r[out])
                elif j == _UNARY:
                    run(r[i], r[out])
                else:
                    run(*[r[a] for a in i], r[out])
        for registers in self._prepared.values():  # hold on to nobody's array
            for register, _, _ in arrays:
                registers[register] = None


class _Idle:
    """Workspaces that nobody uses at the moment, so that the next run of their pass need not make them again.

    Those of the passes that ran last are kept, up to KEPT bytes: plans are many, and each has buffers of its own.
    """

    def __init__(self) -> None:
        self._spaces: dict[int, list[_Workspace]] = {}  # by pass, that used last at the end
        self._size = 0
        self._lock = Lock()

    def take(self, of: Pass) -> _Workspace | None:
        """A workspace of a pass, if there is one."""
        with self._lock:
            spaces = self._spaces.get(id(of))
            if not spaces:
                return None
            space = spaces.pop()
            self._size -= space.size
            return space

    def give(self, space: _Workspace) -> None:
        """Keep a workspace for the next run."""
        with self._lock:
            key = id(space.of)
            spaces = self._spaces.pop(key, [])
            spaces.append(space)
            self._spaces[key] = spaces
            self._size += space.size
            while (self._size > KEPT or len(self._spaces) > PASSES) and len(self._spaces) > 1:
                dropped = self._spaces.pop(next(iter(self._spaces)))
                self._size -= sum(one.size for one in dropped)


_IDLE = _Idle()
_UNARY, _MANY = -1, -2


def _unpacked(op: Op) -> tuple[Any, Any, int, int, int]:
    """A step as the loop over blocks wants it: function, one or two registers or a tuple of them, result, sum."""
    if op.sum >= 0 or len(op.args) > 2:
        return op.run, op.args, _MANY, op.out, op.sum
    return op.run, op.args[0], op.args[1] if len(op.args) == 2 else _UNARY, op.out, op.sum
