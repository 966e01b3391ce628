"""From the tree to code: one pass, linear in the program's length, with a stack of its own instead of recursion.

A function that lowers a node is a generator: it yields what has to be lowered first and is sent the slot of the result.
So a parenthesis 10,000 deep costs memory, not Python's stack. `expressions.py`, `functions.py` and `statements.py` hold
these functions; here is what they build with.

Slots: every constant, local variable and intermediate value has one. Intermediate values are used like a stack
(`depth`), and a statement ends by emptying those it left filled.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from operator import itemgetter
from typing import Any

from gradcli.errors import SyntaxError_
from gradcli.language.compiler.code import UNBOUND, Block, Code, Handler
from gradcli.language.compiler.scope import Analysis, Scope, Scoped
from gradcli.language.machine import instructions as run
from gradcli.language.machine import variables as var
from gradcli.language.machine.calls import return_value
from gradcli.language.machine.generators import end_generator
from gradcli.language.syntax import ast
from gradcli.source import Source, Span

Steps = Generator[Any, Any, Any]  # yields Steps or a slot, is sent a slot, returns a slot


def drive(steps: Steps) -> Any:
    """Run a lowering function and all it asks for."""
    stack = [steps]
    value: Any = None
    while stack:
        try:
            wanted = stack[-1].send(value)
        except StopIteration as end:
            stack.pop()
            value = end.value
            continue
        if type(wanted) is int:
            value = wanted
        else:
            stack.append(wanted)
            value = None
    return value


class Variable:
    """Where a name is: kind is local, cell, global or name (of a class body)."""

    __slots__ = ("kind", "name", "slot")

    def __init__(self, kind: str, name: str, slot: int = -1) -> None:
        self.kind = kind
        self.name = name
        self.slot = slot


class Loop:
    """A loop being lowered: where continue and break go, and how many cleanups are outside of it."""

    __slots__ = ("after", "again", "cleanups")

    def __init__(self, again: Block, after: Block, cleanups: int) -> None:
        self.again = again
        self.after = after
        self.cleanups = cleanups


class Cleanup:
    """What has to happen on the way out of a statement by return, break or continue.

    handler: the one around the statement. leave: emits what has to be done.
    """

    __slots__ = ("handler", "leave")

    def __init__(self, handler: Handler | None, leave: Callable[[], None]) -> None:
        self.handler = handler
        self.leave = leave


class Builder:
    """The code of one module, function or class body while it is made."""

    def __init__(self, analysis: Analysis, source: Source, scope: Scope, name: str, qualname: str) -> None:
        self.analysis = analysis
        self.source = source
        self.scope = scope
        self.code = Code(name, source)
        self.code.qualname = qualname
        self.handler: Handler | None = None
        self.block = self.code.entry
        self.open = True  # the block does not say yet where to go on
        self.template = self.code.template
        self.constants: dict[Any, int] = {}
        self.depth = 0
        self.pool: list[int] = []
        self.intermediate: set[int] = set()
        self.filled: dict[int, None] = {}  # intermediate slots that hold a value
        self.leftover: dict[int, None] = {}  # variables of comprehensions, to be emptied with the statement
        self.spare: list[int] = []
        self.variables: dict[str, Variable] = {}
        self.own: dict[tuple[Scope, str], int] = {}
        self.free: dict[str, int] = {}
        self.cells: list[int] = []
        self.assigned: set[int] = set()
        self.log: list[int] = []
        self.written: set[str] = set()  # global names assigned so far
        self.loops: list[Loop] = []
        self.cleanups: list[Cleanup] = []
        self.errors: list[int] = []
        self.producer: tuple[list[Any], int, int] | None = None

    # Slots

    def slot(self, value: Any = None) -> int:
        """A new slot, with what it holds when a frame begins."""
        self.template.append(value)
        return len(self.template) - 1

    def constant(self, value: Any) -> int:
        """The slot of a constant; the same constant has the same slot."""
        key = (type(value), value if type(value) is not float else repr(value))
        found = self.constants.get(key)
        if found is None:
            found = self.constants[key] = self.slot(value)
        return found

    def temporary(self) -> int:
        """A slot for an intermediate value."""
        depth = self.depth
        self.depth = depth + 1
        if depth == len(self.pool):
            made = self.slot()
            self.pool.append(made)
            self.intermediate.add(made)
        target = self.pool[depth]
        self.filled[target] = None
        return target

    def hidden(self) -> int:
        """A slot that lasts for a statement: an iterator, a context manager, an exception."""
        return self.spare.pop() if self.spare else self.slot()

    def release(self, slot: int) -> None:
        """A hidden slot may be used by the statements that follow."""
        self.spare.append(slot)

    # Instructions

    def emit(self, handler: Callable[..., Any], argument: Any, place: ast.Node) -> None:
        """An instruction that goes on with the next."""
        self.block.instructions.append((handler, argument, place))

    def end(self, handler: Callable[..., Any], argument: Any, place: ast.Node) -> None:
        """An instruction that ends its block."""
        self.block.instructions.append((handler, argument, place))
        self.open = False

    def result(self, mark: int, handler: Callable[..., Any], sources: tuple[Any, ...], place: ast.Node) -> int:
        """An instruction with a result: the slot it goes to is the first that was free at `mark`."""
        self.depth = mark
        target = self.temporary()
        instructions = self.block.instructions
        self.producer = (instructions, len(instructions), target)
        instructions.append((handler, (target, *sources), place))
        return target

    def call(self, mark: int, handler: Callable[..., Any], sources: tuple[Any, ...], place: ast.Node) -> int:
        """An instruction that calls: its block ends, the result is there in the next one."""
        used = tuple([slot for slot in self.pool[mark : self.depth] if slot in self.filled])
        for slot in used:
            del self.filled[slot]
        following = self.new_block()
        target = self.result(mark, handler, (*sources, used, following, place), place)
        made = self.producer
        self.open = False
        self.start(following)
        self.producer = made
        return target

    def new_block(self) -> Block:
        """A block under the handler of this place."""
        return Block(self.handler)

    def start(self, block: Block) -> None:
        """Go on in a block; the one before leads there unless it has said otherwise."""
        if self.open:
            self.block.instructions.append((run.jump, block, ast.Pass(0, 0)))
        self.block = block
        self.open = True
        self.producer = None

    def under(self, handler: Handler | None) -> None:
        """What follows is under another handler of exceptions."""
        self.handler = handler
        self.start(Block(handler))

    def jump(self, block: Block, place: ast.Node) -> None:
        """Go on at a block. What is lowered next is reached from elsewhere, or not at all."""
        self.end(run.jump, block, place)

    def settled(self, mark: int, slot: int, place: ast.Node) -> int:
        """Have a value in the intermediate slot of `mark`, where branches meet."""
        self.depth = mark
        target = self.temporary()
        if slot != target:
            self.emit(var.take if slot in self.filled else var.move, (target, slot), place)
            self.filled.pop(slot, None)
        return target

    def finish(self, place: ast.Node, last: bool = False) -> None:
        """The end of a statement: intermediate values are let go. last: of a module's, so deferred work is done."""
        left = self.unused()
        if last:
            self.emit(run.settle, left, place)
        else:
            self.let_go(left, place)

    def unused(self) -> tuple[int, ...]:
        """The slots that a statement has left filled; from here on nothing counts as filled."""
        self.depth = 0
        left = (*self.filled, *self.leftover)
        self.filled.clear()
        self.leftover.clear()
        return left

    def let_go(self, left: tuple[int, ...], place: ast.Node) -> None:
        """Empty slots that a statement has left filled."""
        if left:
            self.emit(var.clear, left, place)

    def turn(self, place: ast.Node) -> None:
        """The end of a turn of a loop: deferred work is done."""
        instructions = self.block.instructions
        left: tuple[int, ...] = ()
        if instructions and instructions[-1][0] is var.clear:
            left = instructions.pop()[1]
        self.emit(run.settle, left, place)

    # Variables

    def variable(self, name: str) -> Variable:
        """Where a name of this place is."""
        found = self.variables.get(name)
        if found is None:
            found = self.variables[name] = self._find(name)
        return found

    def _find(self, name: str) -> Variable:
        owner = self.scope.owner(name)
        if owner is None:
            return Variable("global", name)
        if owner.host is not self.scope.host:
            return Variable("cell", name, self._free_slot(name))
        if owner.kind == "class" and name != "__class__":
            return Variable("name", name)
        return Variable("cell" if name in owner.shared else "local", name, self.own_slot(owner, name))

    def own_slot(self, owner: Scope, name: str) -> int:
        """The slot of a variable of this frame."""
        key = (owner, name)
        slot = self.own.get(key)
        if slot is None:
            slot = self.own[key] = self.slot(UNBOUND)
            if name in owner.shared and owner.kind != "comprehension":
                self.cells.append(slot)
        return slot

    def _free_slot(self, name: str) -> int:
        slot = self.free.get(name)
        if slot is None:
            slot = self.free[name] = self.slot()
        return slot

    def enter_scope(self, scope: Scope) -> tuple[Scope, dict[str, Variable]]:
        """Names are those of a comprehension from here on; what to give back to `leave_scope`."""
        before = self.scope, self.variables
        self.scope = scope
        self.variables = {}
        return before

    def leave_scope(self, before: tuple[Scope, dict[str, Variable]]) -> None:
        """Names are those around the comprehension again."""
        self.scope, self.variables = before

    def read(self, node: ast.Name) -> int:
        """The slot of a variable's value."""
        name = node.id
        found = self.variables.get(name) or self.variable(name)
        kind = found.kind
        if kind == "local":
            slot = found.slot
            if slot not in self.assigned:
                self.emit(var.check_local, (slot, name), node)
                self.now_assigned(slot, name)
            if name in self.scope.host.walrus:
                return self.result(self.depth, var.move, (slot,), node)
            return slot
        if kind == "global":
            load = var.load_known if name in self.written else var.load_global
            return self.result(self.depth, load, (name,), node)
        if kind == "cell":
            return self.result(self.depth, var.load_cell, (found.slot, name), node)
        return self.result(self.depth, var.load_name, (name,), node)

    def write(self, name: str, slot: int, place: ast.Node, keep: bool = False) -> None:
        """Give a variable the value of a slot. keep: the slot is used again."""
        found = self.variable(name)
        taken = slot in self.filled and not keep
        if taken:
            del self.filled[slot]
        if found.kind == "local":
            producer = self.producer
            if taken and producer is not None and producer[2] == slot:
                instructions, at, _ = producer
                handler, argument, where = instructions[at]
                instructions[at] = (handler, (found.slot, *argument[1:]), where)
                self.producer = None
            else:
                self.emit(var.take if taken else var.move, (found.slot, slot), place)
            self.now_assigned(found.slot, name)
        elif found.kind == "global":
            self.written.add(name)
            self.emit(var.take_global if taken else var.store_global, (name, slot), place)
        elif found.kind == "cell":
            self.emit(var.take_cell if taken else var.store_cell, (found.slot, slot), place)
        else:
            self.emit(var.store_name, (name, slot), place)

    def now_assigned(self, slot: int, name: str) -> None:
        """A local variable surely has a value from here on (as long as the program does not come back before it)."""
        if slot not in self.assigned and name not in self.scope.host.deleted:
            self.assigned.add(slot)
            self.log.append(slot)

    def forget(self, mark: int) -> None:
        """What was assigned since `mark = len(log)` may not be: the way here need not lead through it."""
        while len(self.log) > mark:
            self.assigned.discard(self.log.pop())

    # What else lowering functions ask for

    def expression(self, node: ast.Expr) -> Any:
        """What to yield for the slot of an expression's value."""
        kind = type(node)
        if kind is ast.Name:
            return self.read(node)  # type: ignore[arg-type]
        if kind is ast.Literal:
            return self.constant(node.value)  # type: ignore[attr-defined]
        return EXPRESSIONS[kind](self, node)

    def statements(self, body: Iterable[ast.Stmt]) -> Steps:
        """Lower statements one after the other."""
        for statement in body:
            steps = STATEMENTS[type(statement)](self, statement)
            if steps is not None:
                yield steps
            self.finish(statement)

    def scope_of(self, node: Scoped) -> Scope:
        """The scope that belongs to a node met here."""
        if node not in self.analysis.scopes:
            self.analysis.analyse(node, self.scope)
        return self.analysis.scopes[node]

    def error(self, message: str, place: ast.Node) -> SyntaxError_:
        """What is wrong with the program before it runs."""
        return SyntaxError_(message, span=Span(self.source, place.start, place.end))

    def leave(self, down_to: int) -> None:
        """Emit the cleanups on the way out of the innermost statements, until `down_to` are left."""
        kept, handler = self.cleanups, self.handler
        while len(self.cleanups) > down_to:
            cleanup = self.cleanups[-1]
            self.cleanups = self.cleanups[:-1]
            self.under(cleanup.handler)
            cleanup.leave()
        self.cleanups, self.handler = kept, handler

    @property
    def returns(self) -> Callable[..., Any]:
        """The instruction that ends the function."""
        return end_generator if self.scope.host.yields else return_value

    def done(self) -> Code:
        """The code, complete."""
        code = self.code
        code.cells = tuple(self.cells)
        code.free = tuple(self.free.values())
        code.generator = self.scope.yields
        return code


def pick(slots: list[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """A function that takes some slots out of a frame's, as a list or tuple."""
    if len(slots) > 1:
        return itemgetter(*slots)
    return itemgetter(slice(slots[0], slots[0] + 1) if slots else slice(0, 0))


EXPRESSIONS: dict[type, Callable[[Builder, Any], Any]] = {}
STATEMENTS: dict[type, Callable[[Builder, Any], Steps | None]] = {}
