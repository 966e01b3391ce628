"""Which names of a function are its own, shared with inner functions, or global: one pass before it is compiled.

A comprehension has a scope but no frame: its variables are slots of the function (or module) around it. Names of a
module are in a dict, so a module needs no pass; it starts with the first function, class or comprehension in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.language.syntax import ast

Scoped = ast.FunctionDef | ast.Lambda | ast.ClassDef | ast.Comprehension

# What can hold names, statements or further expressions; a target is handled where it is bound.
_FIELDS: dict[type, tuple[str, ...]] = {
    ast.JoinedStr: ("parts",), ast.FormatPart: ("value", "spec"), ast.BinOp: ("left", "right"),
    ast.UnaryOp: ("operand",), ast.BoolOp: ("values",), ast.Compare: ("left", "operands"),
    ast.IfExp: ("test", "body", "orelse"), ast.Starred: ("value",), ast.ListExpr: ("items",),
    ast.TupleExpr: ("items",), ast.SetExpr: ("items",), ast.DictExpr: ("keys", "values"),
    ast.Slice: ("lower", "upper", "step"), ast.Subscript: ("value", "index"), ast.Call: ("func", "args"),
    ast.Arg: ("value",), ast.Attribute: ("value",), ast.ExprStmt: ("value",), ast.Return: ("value",),
    ast.If: ("test", "body", "orelse"), ast.While: ("test", "body", "orelse"), ast.Assert: ("test", "message"),
    ast.Raise: ("exception", "cause"), ast.Try: ("body", "handlers", "orelse", "finalbody"),
}  # fmt: skip


class Scope:
    """The names of one function, class body or comprehension.

    bound: what it assigns. outside: what it declares global or nonlocal. used: what it reads or assigns.
    shared: its own names that inner functions use. free: names of outer functions that it, or one inside it, uses.
    walrus: names that change in the middle of an expression. deleted: names that may be unbound again.
    yields: it has a `yield` of its own.
    """

    __slots__ = ("bound", "deleted", "free", "kind", "node", "outside", "parent", "shared", "used", "walrus", "yields")

    def __init__(self, kind: str, node: ast.Node | None, parent: Scope | None) -> None:
        self.kind = kind
        self.node = node
        self.parent = parent
        self.bound: dict[str, None] = {}
        self.outside: dict[str, str] = {}
        self.used: dict[str, None] = {}
        self.shared: set[str] = set()
        self.free: dict[str, None] = {}
        self.walrus: set[str] = set()
        self.deleted: set[str] = set()
        self.yields = False

    @property
    def host(self) -> Scope:
        """The function, class or module whose frame holds its variables."""
        scope = self
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        return scope

    def owner(self, name: str) -> Scope | None:
        """The scope that a name used here belongs to; None: it is global."""
        scope: Scope | None = self
        left_function = False
        while scope is not None and scope.kind != "module":
            declared = scope.outside.get(name)
            if declared == "global":
                return None
            visible = scope.kind != "class" or not left_function or name == "__class__"
            if visible and declared is None and name in scope.bound:
                return scope
            left_function = left_function or scope.kind == "function"
            scope = scope.parent
        return None


class Analysis:
    """The scopes of a function, class or comprehension and of all inside it, by the node they belong to."""

    def __init__(self) -> None:
        self.scopes: dict[ast.Node, Scope] = {}

    def analyse(self, node: Scoped, parent: Scope) -> None:
        """Find the scopes of a node met in `parent` (a module's scope, or one already analysed)."""
        made: list[Scope] = []
        pending: list[tuple[ast.Node, Scope]] = [(node, parent)]
        while pending:
            item, scope = pending.pop()
            kind = type(item)
            fields = _FIELDS.get(kind)
            if fields is not None:
                for child in _children(item, fields):
                    pending.append((child, scope))
            elif kind is ast.Name:
                scope.used[item.id] = None  # type: ignore[attr-defined]
            elif kind is ast.Literal:
                pass
            else:
                pending.extend(self._special(item, scope, made))
        for scope in made:
            self._resolve(scope)

    def _special(self, item: ast.Node, scope: Scope, made: list[Scope]) -> Iterator[tuple[ast.Node, Scope]]:
        """What is left to look at of a node that binds names or has a scope of its own."""
        if isinstance(item, ast.Assign):
            for target in item.targets:
                yield from _targets(target, scope)
            yield item.value, scope
        elif isinstance(item, ast.AugAssign):
            yield from _targets(item.target, scope)
            yield item.value, scope
        elif isinstance(item, ast.AnnAssign):
            yield from _targets(item.target, scope)
            if item.value is not None:
                yield item.value, scope
        elif isinstance(item, ast.For):
            yield from _targets(item.target, scope)
            for child in _children(item, ("iter", "body", "orelse")):
                yield child, scope
        elif isinstance(item, ast.With):
            for entry in item.items:
                yield entry.context, scope
                if entry.target is not None:
                    yield from _targets(entry.target, scope)
            for statement in item.body:
                yield statement, scope
        elif isinstance(item, ast.Delete):
            for target in item.targets:
                yield from _targets(target, scope, deleted=True)
        elif isinstance(item, ast.Handler):
            if item.name is not None:
                _bind(item.name, scope)
                scope.deleted.add(item.name)
            for child in _children(item, ("type", "body")):
                yield child, scope
        elif isinstance(item, ast.NamedExpr):
            _bind(item.target_name, scope.host)
            scope.host.walrus.add(item.target_name)
            scope.used[item.target_name] = None
            yield item.value, scope
        elif isinstance(item, ast.Yield):
            scope.host.yields = True
            if item.value is not None:
                yield item.value, scope
        elif isinstance(item, ast.Import | ast.ImportFrom):
            for alias in item.names:
                _bind(alias.alias or alias.dotted.partition(".")[0], scope)
        elif isinstance(item, ast.Global | ast.Nonlocal):
            kind = "global" if isinstance(item, ast.Global) else "nonlocal"
            scope.host.outside.update(dict.fromkeys(item.names, kind))
        elif isinstance(item, ast.FunctionDef | ast.Lambda | ast.ClassDef | ast.Comprehension):
            yield from self._inner(item, scope, made)

    def _inner(self, item: Scoped, scope: Scope, made: list[Scope]) -> Iterator[tuple[ast.Node, Scope]]:
        if isinstance(item, ast.Comprehension):
            inner = Scope("comprehension", item, scope)
            yield item.clauses[0].iterable, scope
            for at, clause in enumerate(item.clauses):
                yield from _targets(clause.target, inner)
                inside: list[ast.Expr] = ([clause.iterable] if at else []) + clause.conditions
                for child in inside:
                    yield child, inner
            yield item.element, inner
            if item.value is not None:
                yield item.value, inner
        elif isinstance(item, ast.ClassDef):
            inner = Scope("class", item, scope)
            inner.bound["__class__"] = None
            _bind(item.name, scope)
            yield from ((child, scope) for child in _children(item, ("bases", "decorators")))
            yield from ((statement, inner) for statement in item.body)
        else:
            inner = Scope("function", item, scope)
            for param in item.params:
                inner.bound[param.name] = None
                if param.default is not None:
                    yield param.default, scope
            if isinstance(item, ast.Lambda):
                yield item.body, inner
            else:
                _bind(item.name, scope)
                yield from ((decorator, scope) for decorator in item.decorators)
                yield from ((statement, inner) for statement in item.body)
        self.scopes[item] = inner
        made.append(inner)

    def _resolve(self, scope: Scope) -> None:
        """Tell the scopes around which of their names are used from inside."""
        for name, declared in scope.outside.items():
            if declared == "nonlocal":
                scope.used[name] = None
        for name in scope.used:
            owner = scope.owner(name if name != "super" else "__class__")
            if name == "super":
                name = "__class__"
            if owner is None or owner.host is scope.host:
                continue
            owner.shared.add(name)
            inner: Scope | None = scope.host
            while inner is not None and inner is not owner.host:
                inner.free[name] = None
                inner = inner.parent.host if inner.parent is not None else None


def _bind(name: str, scope: Scope) -> None:
    scope.bound[name] = None
    scope.used[name] = None


def _targets(target: ast.Expr, scope: Scope, deleted: bool = False) -> Iterator[tuple[ast.Node, Scope]]:
    """Bind the names of a target; what it reads (`x[i]`, `x.a`) is left to look at."""
    pending: list[ast.Expr] = [target]
    while pending:
        item = pending.pop()
        if isinstance(item, ast.Name):
            _bind(item.id, scope)
            if deleted:
                scope.deleted.add(item.id)
        elif isinstance(item, ast.TupleExpr | ast.ListExpr):
            pending.extend(item.items)
        elif isinstance(item, ast.Starred):
            pending.append(item.value)
        else:
            yield item, scope


def _children(item: ast.Node, fields: tuple[str, ...]) -> Iterator[ast.Node]:
    for field in fields:
        value = getattr(item, field)
        if type(value) is list:
            for child in value:
                if child is not None:
                    yield child
        elif value is not None:
            yield value
