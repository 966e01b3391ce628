"""Lowering def, lambda and class: the code inside, and the instructions that make a value of it where it stands."""

from __future__ import annotations

from gradcli.language.compiler.lower import Builder, Steps, pick
from gradcli.language.compiler.scope import Scope
from gradcli.language.machine import calls
from gradcli.language.machine import instructions as run
from gradcli.language.syntax import ast


def lower_lambda(b: Builder, node: ast.Lambda) -> Steps:
    """`lambda x: body`."""
    mark = b.depth
    inner = _inner(b, b.scope_of(node), "<lambda>")
    defaults = yield _lower_parameters(b, inner, node.params)
    slot = yield inner.expression(node.body)
    inner.end(inner.returns, slot, node.body)
    return _make(b, inner, mark, defaults, node)


def lower_function(b: Builder, node: ast.FunctionDef) -> Steps:
    """`def name(params):`, its decorators applied from the last to the first."""
    decorators = []
    for decorator in node.decorators:
        decorators.append((yield b.expression(decorator)))
    mark = b.depth
    inner = _inner(b, b.scope_of(node), node.name)
    defaults = yield _lower_parameters(b, inner, node.params)
    inner.code.doc = docstring(node.body)
    yield inner.statements(node.body)
    inner.end(inner.returns, inner.constant(None), node)
    slot = _make(b, inner, mark, defaults, node)
    yield _lower_decorated(b, node, decorators, slot)


def _lower_decorated(b: Builder, node: ast.FunctionDef | ast.ClassDef, decorators: list[int], slot: int) -> Steps:
    """Apply decorators to a function or class, and bind its name."""
    for decorator, place in zip(reversed(decorators), reversed(node.decorators), strict=True):
        slot = b.call(b.depth - 1, calls.call, (decorator, pick([slot])), place)
    b.write(node.name, slot, node)
    return slot
    yield


def _inner(b: Builder, scope: Scope, name: str) -> Builder:
    """A builder for the code of a function or class inside another's."""
    outer = b.code.qualname
    if b.scope.host.kind == "module":
        qualname = name
    else:
        qualname = f"{outer}.{name}" if b.scope.host.kind == "class" else f"{outer}.<locals>.{name}"
    return Builder(b.analysis, b.source, scope, name, qualname)


_ORDER = ("posonly", "pos", "star", "kw", "dstar")


def _lower_parameters(b: Builder, inner: Builder, params: list[ast.Param]) -> Steps:
    """Give the parameters the function's first slots; where the defaults are, evaluated here, and their names."""
    code = inner.code
    ordered = sorted(params, key=lambda param: _ORDER.index("pos" if param.kind == "posonly" else param.kind))
    for param in ordered:
        slot = inner.own_slot(inner.scope, param.name)
        inner.now_assigned(slot, param.name)
    kinds = [param.kind for param in params]
    code.params = tuple(param.name for param in ordered)
    code.positional_only = kinds.count("posonly")
    code.positional = code.positional_only + kinds.count("pos")
    code.keyword_only = tuple(param.name for param in ordered if param.kind == "kw")
    code.star, code.star_kw = "star" in kinds, "dstar" in kinds
    code.simple = len(params) == code.positional
    defaults, names, keyword_defaults = [], [], []
    for param in params:
        if param.default is not None:
            slot = yield b.expression(param.default)
            if param.kind == "kw":
                names.append(param.name)
                keyword_defaults.append(slot)
            else:
                defaults.append(slot)
    return defaults, tuple(names), keyword_defaults


def _make(
    b: Builder, inner: Builder, mark: int, defaults: tuple[list[int], tuple[str, ...], list[int]], node: ast.Node
) -> int:
    """The instruction that makes a function of its code, where `inner` is complete."""
    code = inner.done()
    cells = tuple([b.variable(name).slot for name in inner.free])
    positional, names, keyword_defaults = defaults
    return b.result(mark, calls.make_function, (code, positional, names, keyword_defaults, cells), node)


def docstring(body: list[ast.Stmt]) -> str | None:
    """The string that a body begins with."""
    first = body[0] if body else None
    if isinstance(first, ast.ExprStmt) and isinstance(first.value, ast.Literal) and isinstance(first.value.value, str):
        return first.value.value
    return None


def lower_class(b: Builder, node: ast.ClassDef) -> Steps:
    """`class Name(bases):` runs its body in a frame of its own, which becomes the class."""
    decorators = []
    for decorator in node.decorators:
        decorators.append((yield b.expression(decorator)))
    mark = b.depth
    bases = []
    for base in node.bases:
        if base.kind != "pos":
            raise b.error("a class takes no keywords here", base)
        bases.append((yield b.expression(base.value)))
    listed = b.result(mark, run.build_list, (pick(bases),), node)
    inner = _inner(b, b.scope_of(node), node.name)
    inner.code.doc = docstring(node.body)
    yield inner.statements(node.body)
    scope = inner.scope
    cell = inner.own_slot(scope, "__class__") if "__class__" in scope.shared else None
    inner.end(calls.end_class, cell, node)
    code = inner.done()
    cells = tuple([b.variable(name).slot for name in inner.free])
    slot = b.call(mark, calls.begin_class, (code, listed, cells), node)
    yield _lower_decorated(b, node, decorators, slot)
