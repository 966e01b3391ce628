"""Statements that are right in some places only: return, break, continue, global and nonlocal.

Read after a program is parsed, and only if it has one of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.errors import SyntaxError_
from gradcli.language.syntax import ast
from gradcli.source import Span

_Definition = (ast.FunctionDef, ast.ClassDef)


class _Place:
    """Where statements stand: the functions around them, from the outside, and whether a loop or a class is next."""

    __slots__ = ("functions", "in_class", "in_loop")

    def __init__(self, functions: tuple[ast.FunctionDef, ...], in_class: bool, in_loop: bool) -> None:
        self.functions = functions
        self.in_class = in_class
        self.in_loop = in_loop

    @property
    def in_function(self) -> bool:
        return bool(self.functions) and not self.in_class


def check_placement(module: ast.Module) -> None:
    """Refuse the first statement that stands where it means nothing.

    Raises: SyntaxError_ with the statement's span.
    """
    pending = [(statement, _Place((), False, False)) for statement in reversed(module.body)]
    while pending:
        statement, place = pending.pop()
        problem = _problem(statement, place)
        if problem:
            span = Span(
                module.source, statement.start, min(statement.end, statement.start + len(problem.split("'")[1]))
            )
            raise SyntaxError_(problem, span=span)
        pending.extend(reversed([(inner, at) for block, at in _blocks(statement, place) for inner in block]))


def _problem(statement: ast.Stmt, place: _Place) -> str | None:
    """What is wrong with a statement where it stands."""
    if isinstance(statement, ast.Return) and not place.in_function:
        return "'return' outside a function"
    if isinstance(statement, ast.Break) and not place.in_loop:
        return "'break' outside a loop"
    if isinstance(statement, ast.Continue) and not place.in_loop:
        return "'continue' outside a loop"
    if isinstance(statement, (ast.Global, ast.Nonlocal)):
        word = "global" if isinstance(statement, ast.Global) else "nonlocal"
        params = {param.name for param in place.functions[-1].params} if place.in_function else set()
        for name in statement.names:
            if name in params:
                return f"'{word}' names '{name}', which is a parameter"
        if word == "nonlocal":
            outer = place.functions if place.in_class else place.functions[:-1]
            if not outer:
                return "'nonlocal' needs a function around the one it stands in"
            for name in statement.names:
                if not any(name in _names_bound(function) for function in outer):
                    return f"'nonlocal' names '{name}', which no function around has"
    return None


def _blocks(statement: ast.Stmt, place: _Place) -> Iterator[tuple[list[ast.Stmt], _Place]]:
    """The blocks inside a statement, with the place that each is."""
    if isinstance(statement, ast.FunctionDef):
        yield statement.body, _Place((*place.functions, statement), False, False)
    elif isinstance(statement, ast.ClassDef):
        yield statement.body, _Place(place.functions, True, False)
    elif isinstance(statement, (ast.For, ast.While)):
        yield statement.body, _Place(place.functions, place.in_class, True)
        yield statement.orelse, place
    elif isinstance(statement, ast.If):
        yield statement.body, place
        yield statement.orelse, place
    elif isinstance(statement, ast.With):
        yield statement.body, place
    elif isinstance(statement, ast.Try):
        yield statement.body, place
        for handler in statement.handlers:
            yield handler.body, place
        yield statement.orelse, place
        yield statement.finalbody, place


def _names_bound(function: ast.FunctionDef) -> set[str]:
    """The names that a function binds itself."""
    names = {param.name for param in function.params}
    passed_on: set[str] = set()
    pending: list[ast.Node] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, _Definition):
            names.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            passed_on.update(node.names)
        names.update(_names_bound_by(node))
        pending.extend(ast.children_of(node))
    return names - passed_on


def _names_bound_by(node: ast.Node) -> Iterator[str]:
    """The names that a single node binds."""
    if isinstance(node, ast.NamedExpr):
        yield node.target_name
    elif isinstance(node, ast.Handler) and node.name:
        yield node.name
    elif isinstance(node, ast.Alias):
        yield node.alias or node.dotted.partition(".")[0]
    for target in _targets(node):
        yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def _targets(node: ast.Node) -> list[ast.Expr]:
    """The targets that a statement assigns to."""
    if isinstance(node, ast.Assign):
        return [target for target in node.targets if not isinstance(target, (ast.Attribute, ast.Subscript))]
    if isinstance(node, (ast.For, ast.AugAssign, ast.AnnAssign)):
        return [node.target]
    if isinstance(node, ast.WithItem) and node.target is not None:
        return [node.target]
    return []
