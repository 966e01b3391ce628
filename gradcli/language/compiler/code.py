"""What the compiler makes of a program and the machine runs: blocks of instructions.

An instruction is a handler, its argument and the node of the tree it came from (the place that an error names). A
handler works on the slots of a frame: locals, constants and intermediate values side by side in one list. The last
instruction of a block says where to go on: it sets `frame.block` and returns the frame that runs next (None: the run is
over).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gradcli.language.syntax import ast
from gradcli.source import Source, Span

if TYPE_CHECKING:
    from gradcli.language.machine.machine import Machine

Instruction = tuple[Callable[["Frame", Any], Any], Any, ast.Node]


class Unbound:
    """What a slot or a cell holds before its variable is assigned."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unbound>"


UNBOUND: Any = Unbound()


class Cell:
    """A variable that inner functions share with the function it belongs to."""

    __slots__ = ("value",)

    def __init__(self, value: Any = UNBOUND) -> None:
        self.value = value


class Handler:
    """Where an exception goes: a block, with the exception in a slot.

    manager: for a with statement, the slot of its context manager, which is left even when the run is broken off.
    outer: the handler around the statement.
    """

    __slots__ = ("block", "manager", "outer", "slot")

    def __init__(self, block: Block, slot: int, manager: int | None, outer: Handler | None) -> None:
        self.block = block
        self.slot = slot
        self.manager = manager
        self.outer = outer


class Block:
    """Instructions that run one after the other; `handler` takes the exceptions they raise."""

    __slots__ = ("handler", "instructions")

    def __init__(self, handler: Handler | None) -> None:
        self.instructions: list[Instruction] = []
        self.handler = handler


class Code:
    """A module, function, lambda or class body, ready to run.

    template: the slots of a new frame, constants filled in. Parameters come first, in the order: positional, *args,
    keyword-only, **kwargs. cells: slots that get a new Cell on entry. free: slots that get the cells of the function.
    generator: it has a `yield`, so a call of it is a generator.
    """

    __slots__ = (
        "cells", "doc", "entry", "free", "generator", "keyword_only", "name", "params", "positional", "positional_only",
        "qualname", "simple", "source", "star", "star_kw", "template",
    )  # fmt: skip

    def __init__(self, name: str, source: Source) -> None:
        self.name = name
        self.qualname = name
        self.source = source
        self.entry = Block(None)
        self.template: list[Any] = []
        self.params: tuple[str, ...] = ()
        self.positional = 0
        self.positional_only = 0
        self.keyword_only: tuple[str, ...] = ()
        self.star = False
        self.star_kw = False
        self.simple = True
        self.cells: tuple[int, ...] = ()
        self.free: tuple[int, ...] = ()
        self.doc: str | None = None
        self.generator = False

    def span(self, place: ast.Node) -> Span:
        """The place of an instruction in the source."""
        return Span(self.source, place.start, place.end, caret_of(place))

    def blocks(self) -> list[Block]:
        """Every block that can be reached from the entry, in the order first met."""
        found: dict[int, Block] = {}
        pending: list[object] = [self.entry]
        while pending:
            item = pending.pop()
            if isinstance(item, Block) and id(item) not in found:
                found[id(item)] = item
                if item.handler is not None:
                    pending.append(item.handler.block)
                pending.extend(argument for _, argument, _ in reversed(item.instructions))
            elif isinstance(item, tuple):
                pending.extend(reversed(item))
        return list(found.values())

    def show(self) -> str:
        """The code as text, for tests and debugging: a line for each instruction."""
        blocks = self.blocks()
        labels = {id(block): f"b{at}" for at, block in enumerate(blocks)}
        lines = []
        for block in blocks:
            handler = f" -> {labels[id(block.handler.block)]}" if block.handler else ""
            lines.append(f"{labels[id(block)]}:{handler}")
            for run, argument, _ in block.instructions:
                lines.append(f"    {run.__name__} {_shown(argument, labels)}")
        return "\n".join(lines)


def _shown(argument: object, labels: dict[int, str]) -> str:
    if isinstance(argument, Block):
        return labels[id(argument)]
    if isinstance(argument, tuple):
        return ", ".join(_shown(item, labels) for item in argument)
    return argument.name if isinstance(argument, Code) else repr(argument)


def caret_of(place: ast.Node) -> int | None:
    """Where the caret goes in the stretch of a node: below the operator or the attribute's name."""
    if isinstance(place, ast.BinOp | ast.Compare | ast.AugAssign):
        return place.op_at
    if isinstance(place, ast.Attribute):
        return place.name_at
    return None


class Frame:
    """A module, function or class body that is running.

    into: the slot of the caller's frame that the result goes to (None: it is dropped); called_at: where the caller
    stands. made: the instance that `__init__` is running for, which is the result of the call. names, bases: of a class
    whose body it is. generator, exhausted: the generator it belongs to, and where its caller goes on at its end.
    """

    __slots__ = (
        "__dict__", "block", "called_at", "caller", "code", "depth", "globals", "into", "machine", "slots",
    )  # fmt: skip

    # Few frames have these.
    made: Any = None
    names: dict[str, Any] | None = None
    bases: list[Any] = []  # noqa: RUF012
    generator: Any = None
    exhausted: Any = None

    def __init__(
        self,
        code: Code,
        slots: list[Any],
        names: dict[str, Any],
        machine: Machine,
        caller: Frame | None = None,
        into: int | None = None,
        called_at: ast.Node | None = None,
    ) -> None:
        self.code = code
        self.block = code.entry
        self.slots = slots
        self.globals = names
        self.machine = machine
        self.caller = caller
        self.into = into
        self.called_at = called_at
        self.depth: int = 0 if caller is None else caller.depth + 1
