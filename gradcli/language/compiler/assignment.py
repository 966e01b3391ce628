"""Lowering what stands left of `=`: storing into names, attributes, items and patterns of them; and deleting."""

from __future__ import annotations

from gradcli.language.compiler.lower import Builder, Steps
from gradcli.language.machine import instructions as run
from gradcli.language.machine import variables as var
from gradcli.language.machine.arithmetic import RUN_INPLACE
from gradcli.language.syntax import ast


def lower_store(b: Builder, target: ast.Expr, slot: int, keep: bool = False) -> Steps:
    """Store a value into a target. keep: the value is used again."""
    if isinstance(target, ast.Name):
        b.write(target.id, slot, target, keep)
    elif isinstance(target, ast.Attribute):
        owner = yield b.expression(target.value)
        b.emit(var.store_attribute, (owner, target.name, slot), target)
    elif isinstance(target, ast.Subscript):
        owner = yield b.expression(target.value)
        index = yield b.expression(target.index)
        b.emit(var.store_item, (owner, index, slot), target)
    elif isinstance(target, ast.TupleExpr | ast.ListExpr):
        yield _lower_unpacking(b, target, slot)
    return slot


def _lower_unpacking(b: Builder, target: ast.TupleExpr | ast.ListExpr, slot: int) -> Steps:
    """Store the items of a value into several targets, of which one may have a star."""
    mark = b.depth
    stars = [at for at, item in enumerate(target.items) if isinstance(item, ast.Starred)]
    parts = [item.value if isinstance(item, ast.Starred) else item for item in target.items]
    direct = all(isinstance(part, ast.Name) and b.variable(part.id).kind == "local" for part in parts)
    slots = [b.variable(part.id).slot if direct and isinstance(part, ast.Name) else b.temporary() for part in parts]
    if stars:
        at = stars[0]
        b.emit(run.unpack_star, (tuple(slots[:at]), slots[at], tuple(slots[at + 1 :]), slot), target)
    else:
        b.emit(run.unpack, (tuple(slots), slot), target)
    b.producer = None
    for part, own in zip(parts, slots, strict=True):
        if direct and isinstance(part, ast.Name):
            b.now_assigned(own, part.id)
        else:
            yield lower_store(b, part, own)
    b.depth = mark
    return slot


def lower_assign(b: Builder, node: ast.Assign) -> Steps:
    """`a = b = value`."""
    slot = yield b.expression(node.value)
    last = len(node.targets) - 1
    for at, target in enumerate(node.targets):
        if type(target) is ast.Name:
            b.write(target.id, slot, target, keep=at < last)
        else:
            yield lower_store(b, target, slot, keep=at < last)


def lower_annotated(b: Builder, node: ast.AnnAssign) -> Steps:
    """`name: annotation = value`: the annotation is read, not kept; a class knows which names had one."""
    if b.scope.host.kind == "class" and isinstance(node.target, ast.Name) and not _of_the_class(node.annotation):
        b.emit(var.note_annotated, node.target.id, node)
    if node.value is not None:
        slot = yield b.expression(node.value)
        yield lower_store(b, node.target, slot)


def _of_the_class(annotation: ast.Expr) -> bool:
    """Whether an annotation is `ClassVar`, which says that the name belongs to the class alone."""
    named = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return isinstance(named, ast.Name) and named.id == "ClassVar"


def lower_augmented(b: Builder, node: ast.AugAssign) -> Steps:
    """`target op= value`: the target's parts are evaluated once."""
    target, apply = node.target, RUN_INPLACE[node.op]
    if isinstance(target, ast.Name):
        own = b.read(target)
        value = yield b.expression(node.value)
        slot = b.result(0, apply, (own, value), node)
        b.write(target.id, slot, target)
    elif isinstance(target, ast.Attribute):
        owner = yield b.expression(target.value)
        mark = b.depth
        own = b.result(mark, var.load_attribute, (owner, target.name), target)
        value = yield b.expression(node.value)
        slot = b.result(mark, apply, (own, value), node)
        b.emit(var.store_attribute, (owner, target.name, slot), target)
    else:
        assert isinstance(target, ast.Subscript)
        owner = yield b.expression(target.value)
        index = yield b.expression(target.index)
        mark = b.depth
        own = b.result(mark, var.load_item, (owner, index), target)
        value = yield b.expression(node.value)
        slot = b.result(mark, apply, (own, value), node)
        b.emit(var.store_item, (owner, index, slot), target)


def lower_delete(b: Builder, node: ast.Delete) -> Steps:
    """`del a, b[0], c.d`."""
    for target in node.targets:
        yield _lower_deletion(b, target)


def _lower_deletion(b: Builder, target: ast.Expr) -> Steps:
    if isinstance(target, ast.Name):
        found = b.variable(target.id)
        if found.kind == "local":
            b.emit(var.unbind, (found.slot, found.name), target)
        elif found.kind == "global":
            b.emit(var.unbind_global, found.name, target)
        elif found.kind == "cell":
            b.emit(var.unbind_cell, found.slot, target)
        else:
            b.emit(var.unbind_name, found.name, target)
    elif isinstance(target, ast.Attribute):
        owner = yield b.expression(target.value)
        b.emit(var.unbind_attribute, (owner, target.name), target)
    elif isinstance(target, ast.Subscript):
        owner = yield b.expression(target.value)
        index = yield b.expression(target.index)
        b.emit(var.unbind_item, (owner, index), target)
    elif isinstance(target, ast.TupleExpr | ast.ListExpr):
        for item in target.items:
            yield _lower_deletion(b, item)
