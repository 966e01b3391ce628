"""Lowering statements, and whole programs."""

from __future__ import annotations

from collections.abc import Callable

from gradcli.language.compiler.assignment import (
    lower_annotated,
    lower_assign,
    lower_augmented,
    lower_delete,
    lower_store,
)
from gradcli.language.compiler.code import Block, Code, Handler
from gradcli.language.compiler.expressions import lower_condition
from gradcli.language.compiler.functions import lower_class, lower_function
from gradcli.language.compiler.lower import STATEMENTS, Builder, Cleanup, Loop, Steps, drive
from gradcli.language.compiler.scope import Analysis, Scope
from gradcli.language.machine import calls, flow, imports
from gradcli.language.machine import instructions as run
from gradcli.language.machine import variables as var
from gradcli.language.syntax import ast


def compile_module(module: ast.Module) -> Code:
    """The code of a program, to be run by the machine. The parser has refused what has no meaning."""
    builder = Builder(Analysis(), module.source, Scope("module", module, None), "<module>", "<module>")
    drive(_lower_module(builder, module))
    return builder.done()


def _lower_module(b: Builder, module: ast.Module) -> Steps:
    """A module's result is the value of its last statement, if that is an expression."""
    result = b.constant(None)
    last = module.body[-1] if module.body else None
    for statement in module.body:
        if isinstance(statement, ast.ExprStmt):
            slot = yield b.expression(statement.value)
            b.emit(run.show, slot, statement)
            if statement is last:
                result = b.hidden()
                b.emit(var.move, (result, slot), statement)
        else:
            steps = STATEMENTS[type(statement)](b, statement)
            if steps is not None:
                yield steps
        b.finish(statement, last=True)
    b.end(calls.return_value, result, last or module)


def lower_expression(b: Builder, node: ast.ExprStmt) -> Steps:
    """An expression whose value nobody uses."""
    yield b.expression(node.value)


def lower_if(b: Builder, node: ast.If) -> Steps:
    """if/else; an elif is an if in the else."""
    yes, no, after = b.new_block(), b.new_block(), b.new_block()
    yield lower_condition(b, node.test, yes, no)
    left, known = b.unused(), len(b.log)
    b.start(yes)
    b.let_go(left, node)
    yield b.statements(node.body)
    b.jump(after, node)
    b.forget(known)
    b.start(no)
    b.let_go(left, node)
    yield b.statements(node.orelse)
    b.forget(known)
    b.start(after)


def lower_while(b: Builder, node: ast.While) -> Steps:
    """while/else."""
    again, body, otherwise, after = b.new_block(), b.new_block(), b.new_block(), b.new_block()
    b.start(again)
    yield lower_condition(b, node.test, body, otherwise)
    left, known = b.unused(), len(b.log)
    b.start(body)
    b.let_go(left, node)
    yield _lower_body(b, node.body, again, after)
    b.turn(node)
    b.jump(again, node)
    b.forget(known)
    yield _lower_otherwise(b, node.orelse, otherwise, after)


def _lower_body(b: Builder, body: list[ast.Stmt], again: Block, after: Block) -> Steps:
    """The statements of a loop."""
    b.loops.append(Loop(again, after, len(b.cleanups)))
    yield b.statements(body)
    b.loops.pop()


def _lower_otherwise(b: Builder, orelse: list[ast.Stmt], otherwise: Block, after: Block) -> Steps:
    """The else of a loop, and what follows."""
    known = len(b.log)
    b.start(otherwise)
    yield b.statements(orelse)
    b.forget(known)
    b.start(after)


def lower_for(b: Builder, node: ast.For) -> Steps:
    """for/else. The end of the body takes the next item itself; `continue` jumps to where that is done."""
    again, body, otherwise, after = b.new_block(), b.new_block(), b.new_block(), b.new_block()
    iterable = yield b.expression(node.iter)
    iterator = b.hidden()
    b.emit(run.begin_loop, (iterator, iterable), node.iter)
    b.finish(node)
    name = node.target.id if isinstance(node.target, ast.Name) else ""
    kind = b.variable(name).kind if name else ""
    item = b.variable(name).slot if kind == "local" else -1 if kind == "global" else b.temporary()
    take = run.next_global if kind == "global" else run.next_item
    step = (iterator, name if kind == "global" else item, body, otherwise)
    b.start(again)
    b.end(take, step, node)
    known = len(b.log)
    b.start(body)
    if kind == "local":
        b.now_assigned(item, name)
    elif kind == "global":
        b.written.add(name)
    else:
        yield lower_store(b, node.target, item)
        b.finish(node.target)
    yield _lower_body(b, node.body, again, after)
    b.turn(node)
    b.end(take, step, node)
    b.forget(known)
    yield _lower_otherwise(b, node.orelse, otherwise, after)
    b.emit(var.clear, (iterator,), node)
    b.release(iterator)


def lower_break(b: Builder, node: ast.Break) -> None:
    """break"""
    b.leave(b.loops[-1].cleanups)
    b.jump(b.loops[-1].after, node)
    b.start(b.new_block())


def lower_continue(b: Builder, node: ast.Continue) -> None:
    """continue"""
    b.leave(b.loops[-1].cleanups)
    b.turn(node)
    b.jump(b.loops[-1].again, node)
    b.start(b.new_block())


def lower_pass(b: Builder, node: ast.Stmt) -> None:
    """Nothing to be done: pass, global, nonlocal."""


def lower_return(b: Builder, node: ast.Return) -> Steps:
    """return, through the finally blocks and context managers around it."""
    slot = b.constant(None) if node.value is None else (yield b.expression(node.value))
    if b.cleanups:
        kept = b.slot()
        b.emit(var.move, (kept, slot), node)
        b.finish(node)
        b.leave(0)
        slot = kept
    b.end(b.returns, slot, node)
    b.filled.clear()
    b.start(b.new_block())


def lower_assert(b: Builder, node: ast.Assert) -> Steps:
    """assert test, message"""
    fine, failed = b.new_block(), b.new_block()
    yield lower_condition(b, node.test, fine, failed)
    b.start(failed)
    message = None if node.message is None else (yield b.expression(node.message))
    b.emit(run.fail_assert, message, node)
    b.start(fine)


def lower_raise(b: Builder, node: ast.Raise) -> Steps:
    """raise exception from cause; alone, inside an except clause, the exception again."""
    if node.exception is None:
        b.emit(flow.raise_again, b.errors[-1] if b.errors else None, node)
        return
    slot = yield b.expression(node.exception)
    cause = None if node.cause is None else (yield b.expression(node.cause))
    b.emit(flow.raise_, (slot, cause), node)


def lower_try(b: Builder, node: ast.Try) -> Steps:
    """try/except/else, with the finally block around all of it."""
    if not node.finalbody:
        yield _lower_handled(b, node)
        return
    outer, known = b.handler, len(b.log)
    reason, final, after = b.hidden(), b.new_block(), b.new_block()

    def leave() -> None:
        rest = b.new_block()
        b.emit(flow.after_finally, (reason, rest), node)
        b.jump(final, node)
        b.start(rest)

    b.cleanups.append(Cleanup(outer, leave))
    b.under(Handler(final, reason, None, outer))
    yield _lower_handled(b, node)
    b.cleanups.pop()
    b.under(outer)
    b.emit(flow.after_finally, (reason, after), node)
    b.forget(known)
    b.start(final)
    yield b.statements(node.finalbody)
    b.end(flow.end_finally, reason, node)
    b.start(after)
    b.release(reason)


def _lower_handled(b: Builder, node: ast.Try) -> Steps:
    """try/except/else."""
    if not node.handlers:
        yield b.statements(node.body)
        return
    outer, known = b.handler, len(b.log)
    after, entry, error = b.new_block(), b.new_block(), b.hidden()
    b.under(Handler(entry, error, None, outer))
    yield b.statements(node.body)
    b.under(outer)
    yield b.statements(node.orelse)
    b.jump(after, node)
    b.forget(known)
    b.start(entry)
    for handler in node.handlers:
        following = b.new_block()
        if handler.type is not None:
            types = yield b.expression(handler.type)
            matched = b.result(0, flow.match_exception, (error, types), handler.type)
            chosen = b.new_block()
            b.end(run.take_branch, (matched, chosen, following), handler)
            b.filled.pop(matched)
            b.start(chosen)
        b.finish(handler)
        yield _lower_handler(b, handler, error)
        b.emit(var.clear, (error,), handler)
        b.jump(after, handler)
        b.forget(known)
        b.start(following)
    b.end(flow.raise_again, error, node)
    b.start(after)
    b.release(error)


def _lower_handler(b: Builder, handler: ast.Handler, error: int) -> Steps:
    """The body of an except clause; its name is gone afterwards."""
    b.errors.append(error)
    if handler.name is None:
        yield b.statements(handler.body)
    else:
        name = handler.name
        b.write(name, error, handler)

        def leave() -> None:
            found = b.variable(name)
            if found.kind == "local":
                b.emit(var.forget, found.slot, handler)
            elif found.kind == "global":
                b.emit(var.forget_global, name, handler)
            elif found.kind == "cell":
                b.emit(var.unbind_cell, found.slot, handler)

        b.cleanups.append(Cleanup(b.handler, leave))
        yield b.statements(handler.body)
        b.cleanups.pop()
        leave()
    b.errors.pop()


def lower_with(b: Builder, node: ast.With) -> Steps:
    """with a as b, c: the managers are entered from left to right and left in reverse."""
    opened: list[tuple[int, int, Block, Handler | None]] = []
    known = len(b.log)
    for item in node.items:
        value = yield b.expression(item.context)
        manager, error, failed, outer = b.hidden(), b.hidden(), b.new_block(), b.handler
        b.emit(var.move, (manager, value), item)
        entered = b.result(b.depth, flow.enter_with, (manager,), item)
        b.cleanups.append(Cleanup(outer, _leaving(b, manager, item)))
        b.under(Handler(failed, error, manager, outer))
        if item.target is not None:
            yield lower_store(b, item.target, entered)
        b.finish(item)
        opened.append((manager, error, failed, outer))
    yield b.statements(node.body)
    b.forget(known)
    for manager, error, failed, outer in reversed(opened):
        b.cleanups.pop()
        b.under(outer)
        b.emit(flow.exit_with, manager, node)
        after = b.new_block()
        b.jump(after, node)
        b.start(failed)
        b.end(flow.fail_with, (manager, error, after), node)
        b.start(after)
        b.release(manager)
        b.release(error)


def _leaving(b: Builder, manager: int, place: ast.Node) -> Callable[[], None]:
    def leave() -> None:
        b.emit(flow.exit_with, manager, place)

    return leave


def lower_import(b: Builder, node: ast.Import) -> None:
    """import a.b as c"""
    for alias in node.names:
        name = alias.alias or alias.dotted.partition(".")[0]
        slot = b.result(0, imports.import_module, (alias.dotted, alias.alias is not None), alias)
        b.write(name, slot, alias)


def lower_import_from(b: Builder, node: ast.ImportFrom) -> None:
    """from a.b import c as d"""
    for alias in node.names:
        if alias.dotted == "*":
            b.emit(imports.import_all, node.module, node)
            continue
        slot = b.result(0, imports.import_name, (node.module, alias.dotted), alias)
        b.write(alias.alias or alias.dotted, slot, alias)


STATEMENTS.update({
    ast.ExprStmt: lower_expression, ast.Assign: lower_assign, ast.AugAssign: lower_augmented,
    ast.AnnAssign: lower_annotated, ast.If: lower_if, ast.While: lower_while, ast.For: lower_for,
    ast.Break: lower_break, ast.Continue: lower_continue, ast.Pass: lower_pass, ast.Global: lower_pass,
    ast.Nonlocal: lower_pass, ast.FunctionDef: lower_function, ast.ClassDef: lower_class, ast.Return: lower_return,
    ast.With: lower_with, ast.Delete: lower_delete, ast.Assert: lower_assert, ast.Raise: lower_raise,
    ast.Try: lower_try, ast.Import: lower_import, ast.ImportFrom: lower_import_from,
})  # fmt: skip
