"""A plan in words: what is fused into which pass, what else runs, the bytes that move and the memory it takes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from gradcli.engine.fuse import Pass
from gradcli.engine.kernels import Fn
from gradcli.engine.plan import Plan
from gradcli.engine.term import CALL, CONST, EXPAND, INPUT, PICK, RESHAPE, Term
from gradcli.errors import size_text

FREE = frozenset({RESHAPE, EXPAND, PICK})


def describe(plan: Plan, names: Sequence[str] = ()) -> str:
    """The text of `--show plan`. names: of the inputs, in their order."""
    words = _Words(names)
    lines = [_headline(plan)]
    passes = 0
    for _, what in plan.steps:
        if isinstance(what, Pass):
            passes += 1
            lines += _pass_lines(what, passes, words)
        elif _moves(what):
            lines.append(f"  whole    {words.step(what)}    {size_text(_bytes(what))}")
    read, written, peak, ends = _traffic(plan)
    lines.append(f"  results  {', '.join(words.value(t) for t in plan.outputs)}")
    lines.append(f"  bytes    {size_text(read)} read, {size_text(written)} written")
    lines.append(f"  memory   {size_text(peak)} at most, by estimate; {size_text(ends)} are inputs and results")
    return "\n".join(lines) + "\n"


def _moves(term: Term) -> bool:
    """Whether elements are computed or moved, rather than seen in another way."""
    return term.kind not in FREE and not (term.node is not None and term.node.op.view)


def _headline(plan: Plan) -> str:
    whole = sum(1 for _, what in plan.steps if isinstance(what, Term) and _moves(what))
    return f"plan: {_count(len(plan.passes), 'pass', 'passes')} over blocks, {_count(whole, 'step')} on whole arrays"


def _count(n: int, one: str, many: str | None = None) -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


class _Words:
    """What terms are called: inputs by name, numbers as such, the rest %1, %2, ... as they come."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._numbers: dict[int, int] = {}

    def value(self, term: Term) -> str:
        """A term where it is used."""
        if term.kind == CONST:
            return f"{float(term.value):g}"
        if term.kind == INPUT:
            return self._names[term.at] if term.at < len(self._names) else f"input {term.at}"
        if term.kind in FREE:
            return self.value(term.args[0])
        if not _moves(term):
            return f"{term.node.op.shown}({self.value(term.args[0])})" if term.node is not None else ""
        return f"%{self._numbers.setdefault(term.index, len(self._numbers) + 1)}"

    def step(self, term: Term) -> str:
        """A term where it is computed."""
        args = ", ".join(self.value(a) for a in term.args)
        if term.kind == CALL:
            assert term.node is not None
            name = term.node.op.shown
        else:
            name = term.fn.name if isinstance(term.fn, Fn) else str(term.fn)
        return f"{self.value(term)} = {name}({args})"


def _pass_lines(what: Pass, number: int, words: _Words) -> list[str]:
    layout = what.layout
    size = prod(layout.block("full", what.step))
    seen = f"{layout.rows} x {layout.cols}" if layout.split is not None else f"{layout.rows}"
    threads = what.workers
    lines = [
        f"  pass {number}   over {list(layout.shape)} as {seen}: {_count(what.blocks, 'block')} of {size} elements, "
        f"{_count(threads, 'thread')}"
    ]
    stored = {term.index for _, term, _ in what.results}
    for term, name, args in what.members:
        if term.kind not in FREE:
            step = f"{words.value(term)} = {name}({', '.join(words.value(a) for a in args)})"
            lines.append(f"           {step}{'    stored' if term.index in stored else ''}")
    buffers = sum(prod(layout.block(kind, what.step)) * dtype.itemsize for _, kind, dtype in what.temps)
    lines.append(
        f"           reads {', '.join(dict.fromkeys(words.value(t) for _, t, _ in what.loads)) or 'nothing'}; "
        f"{_count(len(what.temps), 'buffer')} a thread, {size_text(buffers)}"
    )
    return lines


def _bytes(term: Term) -> int:
    return 0 if term.dtype is None or term.kind == CONST else term.size * int(term.dtype.itemsize)


def _traffic(plan: Plan) -> tuple[int, int, int, int]:
    """Bytes read and written, the most held at a time, and of these inputs and results."""
    inputs = {t.index: _bytes(t) for t in plan.needed if t.kind == INPUT}
    results = {t.index: _bytes(t) for t in plan.outputs}
    read = written = 0
    held = dict(inputs)
    last = plan.last_reads()
    peak = sum(inputs.values())
    for at, (_, what) in enumerate(plan.steps):
        blocks = 0
        if isinstance(what, Pass):
            made = [t for _, t, _ in what.results] + [s.term for s in what.sums]
            read += sum(_bytes(t) for _, t, _ in what.loads)
            size = [prod(what.layout.block(kind, what.step)) * dtype.itemsize for _, kind, dtype in what.temps]
            blocks = sum(size) * what.workers
        elif not _moves(what):
            made = []
        else:
            made = [what]
            read += sum(_bytes(a) for a in what.args)
        written += sum(_bytes(t) for t in made)
        held |= {t.index: _bytes(t) for t in made}
        peak = max(peak, sum(held.values()) + blocks)
        for index in [i for i, when in last.items() if when == at and i not in results and i not in inputs]:
            held.pop(index, None)
    return read, written, peak, sum((inputs | results).values())
