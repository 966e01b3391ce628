"""Lowering expressions: a generator for each kind of node, which returns the slot of the value."""

from __future__ import annotations

from collections.abc import Callable

from gradcli.language.compiler.assignment import lower_store
from gradcli.language.compiler.code import Block
from gradcli.language.compiler.functions import lower_lambda
from gradcli.language.compiler.lower import EXPRESSIONS, Builder, Steps, pick
from gradcli.language.machine import calls, generators
from gradcli.language.machine import instructions as run
from gradcli.language.machine import variables as var
from gradcli.language.machine.arithmetic import RUN_BINARY, RUN_COMPARE, RUN_UNARY
from gradcli.language.syntax import ast


def lower_binary(b: Builder, node: ast.BinOp) -> Steps:
    """A chain `a + b - c` is lowered from its left end in one go."""
    mark = b.depth
    chain = [node]
    left = node.left
    while type(left) is ast.BinOp:
        chain.append(left)
        left = left.left
    slot = yield b.expression(left)
    while chain:
        node = chain.pop()
        right = yield b.expression(node.right)
        slot = b.result(mark, RUN_BINARY[node.op], (slot, right), node)
    return slot


def lower_unary(b: Builder, node: ast.UnaryOp) -> Steps:
    """A number with a minus is a constant."""
    mark = b.depth
    operand = node.operand
    if node.op == "-" and isinstance(operand, ast.Literal):
        value = operand.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return b.constant(-value)
    slot = yield b.expression(operand)
    return b.result(mark, RUN_UNARY[node.op], (slot,), node)


def lower_condition(b: Builder, node: ast.Expr, yes: Block, no: Block) -> Steps:
    """Go on at one of two blocks, without making a value of `and`, `or` and `not`."""
    while type(node) is ast.UnaryOp and node.op == "not":
        node, yes, no = node.operand, no, yes
    if type(node) is ast.BoolOp:
        known = -1
        for value in node.values[:-1]:
            following = b.new_block()
            if node.op == "and":
                yield lower_condition(b, value, following, no)
            else:
                yield lower_condition(b, value, yes, following)
            b.start(following)
            known = len(b.log) if known < 0 else known
        yield lower_condition(b, node.values[-1], yes, no)
        b.forget(known)
    elif type(node) is ast.Literal:
        b.jump(yes if node.value else no, node)
    else:
        mark = b.depth
        slot = yield b.expression(node)
        b.depth = mark
        taken = b.filled.pop(slot, 0) is None
        b.end(run.take_branch if taken else run.branch, (slot, yes, no), node)


def lower_bool(b: Builder, node: ast.BoolOp) -> Steps:
    """`and`, `or` as a value: the first operand that decides."""
    mark, known = b.depth, len(b.log)
    after = b.new_block()
    for value in node.values[:-1]:
        slot = yield b.expression(value)
        slot = b.settled(mark, slot, node)
        b.depth = mark
        following = b.new_block()
        b.end(run.branch, (slot, following, after) if node.op == "and" else (slot, after, following), value)
        b.start(following)
    slot = yield b.expression(node.values[-1])
    slot = b.settled(mark, slot, node)
    b.start(after)
    b.forget(known)
    return slot


def lower_choice(b: Builder, node: ast.IfExp) -> Steps:
    """`a if c else b`."""
    mark, known = b.depth, len(b.log)
    yes, no, after = b.new_block(), b.new_block(), b.new_block()
    yield lower_condition(b, node.test, yes, no)
    for block, value in ((yes, node.body), (no, node.orelse)):
        b.start(block)
        b.depth = mark
        slot = yield b.expression(value)
        slot = b.settled(mark, slot, node)
        b.forget(known)
        b.jump(after, node)
    b.start(after)
    return slot


def lower_compare(b: Builder, node: ast.Compare) -> Steps:
    """A chain `a < b < c` stops at the first comparison that fails; b is evaluated once."""
    mark = b.depth
    if len(node.ops) == 1:
        left = yield b.expression(node.left)
        right = yield b.expression(node.operands[0])
        return b.result(mark, RUN_COMPARE[node.ops[0]], (left, right), node)
    known = len(b.log)
    target = b.temporary()
    after = b.new_block()
    left = yield b.expression(node.left)
    for at, (op, operand) in enumerate(zip(node.ops, node.operands, strict=True)):
        right = yield b.expression(operand)
        b.emit(RUN_COMPARE[op], (target, left, right), node)
        left = right
        if at < len(node.ops) - 1:
            following = b.new_block()
            b.end(run.branch, (target, following, after), node)
            b.start(following)
    b.start(after)
    b.forget(known)
    b.depth = mark + 1
    return target


def lower_list(b: Builder, node: ast.ListExpr) -> Steps:
    """`[a, *b]`."""
    return lower_items(b, node, node.items, run.build_list)


def lower_tuple(b: Builder, node: ast.TupleExpr) -> Steps:
    """`a, *b`."""
    return lower_items(b, node, node.items, run.build_tuple)


def lower_set(b: Builder, node: ast.SetExpr) -> Steps:
    """`{a, *b}`."""
    return lower_items(b, node, node.items, run.build_set)


def lower_items(b: Builder, node: ast.Node, items: list[ast.Expr], build: Callable[..., None]) -> Steps:
    """A display, built at once, or item by item where one has a star."""
    mark = b.depth
    if not any(type(item) is ast.Starred for item in items):
        slots = []
        for item in items:
            slots.append((yield b.expression(item)))
        return b.result(mark, build, (pick(slots),), node)
    target = b.result(mark, run.build_list, (pick([]),), node)
    yield lower_growing(b, target, items)
    b.depth = mark + 1
    if build is run.build_tuple:
        return b.result(mark, run.to_tuple, (target,), node)
    if build is run.build_set:
        return b.result(mark, run.to_set, (target,), node)
    return target


def lower_growing(b: Builder, target: int, items: list[ast.Expr]) -> Steps:
    """Add items to a list that is being built."""
    depth = b.depth
    for item in items:
        if isinstance(item, ast.Starred):
            slot = yield b.expression(item.value)
            b.emit(run.extend, (target, slot), item)
        else:
            slot = yield b.expression(item)
            b.emit(run.append, (target, slot), item)
        b.depth = depth
    return target


def lower_dict(b: Builder, node: ast.DictExpr) -> Steps:
    """`{k: v, **more}`."""
    target = b.result(b.depth, run.build_dict, (), node)
    depth = b.depth
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            slot = yield b.expression(value)
            b.emit(run.update, (target, slot), value)
        else:
            key_slot = yield b.expression(key)
            slot = yield b.expression(value)
            b.emit(run.enter_item, (target, key_slot, slot), key)
        b.depth = depth
    return target


def lower_attribute(b: Builder, node: ast.Attribute) -> Steps:
    """`value.name`."""
    mark = b.depth
    owner = yield b.expression(node.value)
    return b.result(mark, var.load_attribute, (owner, node.name), node)


def lower_subscript(b: Builder, node: ast.Subscript) -> Steps:
    """`value[index]`."""
    mark = b.depth
    owner = yield b.expression(node.value)
    index = yield b.expression(node.index)
    return b.result(mark, var.load_item, (owner, index), node)


def lower_slice(b: Builder, node: ast.Slice) -> Steps:
    """`lower:upper:step`."""
    mark = b.depth
    slots = []
    for part in (node.lower, node.upper, node.step):
        slots.append(b.constant(None) if part is None else (yield b.expression(part)))
    return b.result(mark, run.build_slice, tuple(slots), node)


def lower_named(b: Builder, node: ast.NamedExpr) -> Steps:
    """`name := value`."""
    mark = b.depth
    slot = yield b.expression(node.value)
    b.write(node.target_name, slot, node, keep=True)
    return b.settled(mark, slot, node)


def lower_yield(b: Builder, node: ast.Yield) -> Steps:
    """`yield value`, and `yield from value`: a loop that yields what it gets."""
    if b.scope.kind != "function":
        where = "inside a comprehension" if b.scope.kind == "comprehension" else "outside a function"
        raise b.error(f"'yield' {where}", node)
    mark = b.depth
    slot = b.constant(None) if node.value is None else (yield b.expression(node.value))
    if not node.delegates:
        return b.call(mark, generators.yield_value, (slot,), node)
    iterator, source, item = b.hidden(), b.hidden(), b.hidden()
    b.emit(run.begin_loop, (source, slot), node)
    b.emit(var.move, (iterator, source), node)
    again, body, after = b.new_block(), b.new_block(), b.new_block()
    b.start(again)
    b.end(run.next_item, (iterator, item, body, after), node)
    b.start(body)
    b.end(generators.yield_value, (item, item, (), again, node), node)
    b.start(after)
    for hidden in (iterator, source, item):
        b.release(hidden)
    return b.result(mark, generators.delegated, (source,), node)


def lower_text(b: Builder, node: ast.JoinedStr) -> Steps:
    """An f-string."""
    mark = b.depth
    pieces = []
    for part in node.parts:
        if isinstance(part, ast.Literal):
            pieces.append(b.constant(part.value))
            continue
        if part.text:
            pieces.append(b.constant(part.text))
        own = b.depth
        slot = yield b.expression(part.value)
        spec = None if part.spec is None else (yield b.expression(part.spec))
        conversion = "r" if part.text and part.spec is None and part.conversion is None else part.conversion
        pieces.append(b.result(own, run.format_part, (slot, conversion, spec), part))
    return b.result(mark, run.join_text, (pick(pieces),), node)


# Calls


def lower_call(b: Builder, node: ast.Call) -> Steps:
    """`func(args)`; a method is called without making a bound method first."""
    mark = b.depth
    func = node.func
    if not node.args and isinstance(func, ast.Name) and func.id == "super":
        owner = b.scope.owner("__class__")
        if owner is not None:
            return b.result(mark, calls.load_super, (b.variable("__class__").slot, _first(b)), node)
    kinds = {arg.kind for arg in node.args}
    if kinds - {"pos", "kw"}:
        return (yield _lower_spread(b, node))
    if type(func) is ast.Attribute and "kw" not in kinds:
        owner_slot = yield b.expression(func.value)
        slots = []
        for arg in node.args:
            slots.append((yield b.expression(arg.value)))
        return b.call(mark, calls.call_method, (owner_slot, func.name, pick(slots)), node)
    callee = yield b.expression(func)
    slots, names, values = [], [], []
    for arg in node.args:
        slot = yield b.expression(arg.value)
        if arg.kind == "pos":
            slots.append(slot)
        else:
            names.append(arg.name)
            values.append(slot)
    if not names:
        return b.call(mark, calls.call, (callee, pick(slots)), node)
    return b.call(mark, calls.call_keywords, (callee, pick(slots), tuple(names), pick(values)), node)


def _lower_spread(b: Builder, node: ast.Call) -> Steps:
    """A call with *args or **kwargs: the arguments are collected in a list and a dict."""
    mark = b.depth
    callee = yield b.expression(node.func)
    positional = b.result(b.depth, run.build_list, (pick([]),), node)
    keywords = b.result(b.depth, run.build_dict, (), node)
    depth = b.depth
    for arg in node.args:
        slot = yield b.expression(arg.value)
        if arg.kind == "pos":
            b.emit(run.append, (positional, slot), arg)
        elif arg.kind == "star":
            b.emit(run.extend, (positional, slot), arg)
        elif arg.kind == "kw":
            b.emit(run.enter_item, (keywords, b.constant(arg.name), slot), arg)
        else:
            b.emit(run.update_keywords, (keywords, slot), arg)
        b.depth = depth
    return b.call(mark, calls.call_spread, (callee, positional, keywords), node)


def _first(b: Builder) -> int:
    """The slot of the first parameter of the method, which super() speaks for."""
    host = b.scope.host.node
    if not isinstance(host, ast.FunctionDef | ast.Lambda) or not host.params:
        return b.constant(None)
    return b.own_slot(b.scope.host, host.params[0].name)


# Comprehensions


def lower_comprehension(b: Builder, node: ast.Comprehension) -> Steps:
    """Loops inside the frame around it, with variables of its own."""
    mark, known = b.depth, len(b.log)
    scope = b.scope_of(node)
    if node.kind == "dict":
        target = b.result(mark, run.build_dict, (), node)
    else:
        target = b.result(mark, run.build_set if node.kind == "set" else run.build_list, (pick([]),), node)
    iterable = yield b.expression(node.clauses[0].iterable)
    before = b.enter_scope(scope)
    for name in scope.bound:
        if name in scope.shared:
            b.emit(var.fresh_cell, b.variable(name).slot, node)
        else:
            b.leftover[b.variable(name).slot] = None
    loops: list[tuple[int, int, Block, Block]] = []
    for at, clause in enumerate(node.clauses):
        if at:
            iterable = yield b.expression(clause.iterable)
        loops.append((yield _open_loop(b, clause, iterable)))
    yield _lower_element(b, node, target)
    for loop, clause in zip(reversed(loops), reversed(node.clauses), strict=True):
        b.end(run.next_item, loop, clause)
        b.start(loop[3])
    b.leave_scope(before)
    b.forget(known)
    b.depth = mark + 1
    if node.kind == "generator":
        return b.result(mark, run.to_iterator, (target,), node)
    return target


def _open_loop(b: Builder, clause: ast.Clause, iterable: int) -> Steps:
    """The head of one `for` of a comprehension: its iterator, the slot of its item, and its blocks."""
    iterator = b.temporary()
    b.emit(run.begin_loop, (iterator, iterable), clause)
    again, body, after = b.new_block(), b.new_block(), b.new_block()
    direct = isinstance(clause.target, ast.Name) and b.variable(clause.target.id).kind == "local"
    if isinstance(clause.target, ast.Name) and direct:
        item = b.variable(clause.target.id).slot
    else:
        item = b.temporary()
    b.start(again)
    b.end(run.next_item, (iterator, item, body, after), clause)
    b.start(body)
    if isinstance(clause.target, ast.Name) and direct:
        b.now_assigned(item, clause.target.id)
    else:
        yield lower_store(b, clause.target, item, keep=True)
    depth = b.depth
    for condition in clause.conditions:
        following = b.new_block()
        yield lower_condition(b, condition, following, again)
        b.start(following)
        b.depth = depth
    return iterator, item, body, after


def _lower_element(b: Builder, node: ast.Comprehension, target: int) -> Steps:
    """Put one element into what the comprehension builds."""
    depth = b.depth
    slot = yield b.expression(node.element)
    if node.kind == "dict":
        assert node.value is not None
        value = yield b.expression(node.value)
        b.emit(run.enter_item, (target, slot, value), node.element)
    elif node.kind == "set":
        b.emit(run.include, (target, slot), node.element)
    elif slot in b.filled:
        del b.filled[slot]
        b.emit(run.take_append, (target, slot), node.element)
    else:
        b.emit(run.append, (target, slot), node.element)
    b.depth = depth


EXPRESSIONS.update({
    ast.BinOp: lower_binary, ast.UnaryOp: lower_unary, ast.BoolOp: lower_bool, ast.IfExp: lower_choice,
    ast.Compare: lower_compare, ast.ListExpr: lower_list, ast.TupleExpr: lower_tuple, ast.SetExpr: lower_set,
    ast.DictExpr: lower_dict, ast.Attribute: lower_attribute, ast.Subscript: lower_subscript, ast.Slice: lower_slice,
    ast.NamedExpr: lower_named, ast.JoinedStr: lower_text, ast.Call: lower_call,
    ast.Comprehension: lower_comprehension, ast.Lambda: lower_lambda, ast.Yield: lower_yield,
})  # fmt: skip
