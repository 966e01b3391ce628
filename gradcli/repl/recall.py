"""What an expression at the prompt comes from: the statements that made its variables, and the values they began with.

Only what can be computed again is recalled: from tensors that gradients are collected in, or that have no history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.errors import GradError
from gradcli.language.syntax import ast
from gradcli.language.syntax.parse import parse_program
from gradcli.language.tensors.tensor import Tensor
from gradcli.source import Source

Statement = tuple[ast.Stmt, Source]
CHANGING = frozenset({"register_hook", "requires_grad_"})  # methods besides those in place that matter for gradients


class Recalled:
    """A program that ends with the expression, the values of its variables, and those of them that have gradients."""

    __slots__ = ("leaves", "text", "values")

    def __init__(self, text: str, values: dict[str, Any], leaves: list[str]) -> None:
        self.text = text
        self.values = values
        self.leaves = leaves


def recall(session: Session, past: Sequence[ast.Module], expression: str) -> Recalled:
    """The program of an expression. past: what was entered before.

    Raises: SyntaxError_; GradError where a variable would not come out as it is.
    """
    statements = [(statement, module.source) for module in past for statement in module.body]
    module = parse_program(Source(expression))
    kept: set[int] = set()
    values: dict[str, Any] = {}
    made: dict[str, Any] = {}
    work = [(name, len(statements)) for name in sorted(_names(module))]
    while work:
        name, before = work.pop()
        if name not in session:
            continue
        value, history = session[name], statements[:before]
        another = any(name in _assigned(statement) for statement, _ in statements[before:])  # it was then
        steps = _defining(name, history) or (_making(name, history) if another or _has_history(value) else [])
        if steps and before == len(statements):
            made[name] = value
        elif not steps and name not in made:
            values[name] = value
        steps += _hooks(name, history if another else statements)
        new = [at for at in steps if at not in kept]
        kept.update(new)
        work += [(other, at) for at in new for other in sorted(_read(statements[at][0]))]
    lines = [_text(statements[at]) for at in sorted(kept)]
    assigned = {name for at in kept for name in _assigned(statements[at][0])}
    values = {name: value for name, value in values.items() if name not in made and name not in assigned}
    after = _again(lines, values, made, session).after()
    leaves = [name for name, value in after.items() if isinstance(value, Tensor) and value.requires_grad]
    leaves = [name for name in leaves if name in values or after[name].grad_fn is None]
    return Recalled("\n".join([*lines, expression]), values, leaves)


def _has_history(value: Any) -> bool:
    """Whether a value was computed from what gradients flow to."""
    items = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(item, Tensor) and item.grad_fn is not None for item in items)


def _names(part: ast.Node) -> set[str]:
    return {name.id for name in ast.walk(part) if isinstance(name, ast.Name)}


def _read(statement: ast.Stmt) -> set[str]:
    """The names that a statement may read: not those that it only gives a value."""
    if not isinstance(statement, ast.Assign):
        return _names(statement)
    targets = [part for target in statement.targets for part in _flat(target) if not isinstance(part, ast.Name)]
    return _names(statement.value).union(*map(_names, targets))


def _defining(name: str, statements: Sequence[Statement]) -> list[int]:
    """The last statement that defines a function or class, or imports a module, of this name."""
    found = [at for at, (statement, _) in enumerate(statements) if name in _defined(statement)]
    return found[-1:]


def _defined(statement: ast.Stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    aliases = [part for part in ast.walk(statement) if isinstance(part, ast.Alias)]
    return [alias.alias or alias.dotted.partition(".")[0] for alias in aliases]


def _making(name: str, statements: Sequence[Statement]) -> list[int]:
    """Where a variable was made: from the last assignment that does not read it on, all that assign or change it."""
    found = []
    for at in range(len(statements) - 1, -1, -1):
        statement = statements[at][0]
        if name in set(_changed(statement)):
            found.append(at)
            if isinstance(statement, ast.Assign) and name not in _names(statement.value) and _plainly(statement, name):
                break
    return found


def _plainly(statement: ast.Assign, name: str) -> bool:
    """Whether an assignment gives a name a new value: not y[0] = 1."""
    parts = [part for target in statement.targets for part in _flat(target)]
    return any(isinstance(part, ast.Name) and part.id == name for part in parts)


def _flat(target: ast.Node) -> list[ast.Node]:
    if isinstance(target, ast.TupleExpr | ast.ListExpr):
        return [part for item in target.items for part in _flat(item)]
    return [target]


def _assigned(statement: ast.Node) -> set[str]:
    """The names that a statement gives a value."""
    targets: list[ast.Node] = []
    for part in ast.walk(statement):
        if isinstance(part, ast.Assign):
            targets += part.targets
        elif isinstance(part, ast.AugAssign | ast.AnnAssign | ast.For):
            targets.append(part.target)
    return {part.id for target in targets for part in _flat(target) if isinstance(part, ast.Name)}


def _changed(statement: ast.Node) -> Iterator[str]:
    """The names that a statement assigns or changes."""
    for part in ast.walk(statement):
        if isinstance(part, ast.Assign):
            for target in part.targets:
                yield from _names(target)
        elif isinstance(part, ast.AugAssign | ast.AnnAssign | ast.For):
            yield from _names(part.target)
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and _changes(part.func.name):
            yield from _names(part.func.value)


def _changes(method: str) -> bool:
    return method in CHANGING or (method.endswith("_") and not method.startswith("_"))


def _hooks(name: str, statements: Sequence[Statement]) -> list[int]:
    """The statements that only give a variable a hook."""
    return [at for at, (statement, _) in enumerate(statements) if _hooked(statement) == name]


def _hooked(statement: ast.Stmt) -> str | None:
    call = statement.value if isinstance(statement, ast.ExprStmt) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    owner = call.func.value
    return owner.id if call.func.name == "register_hook" and isinstance(owner, ast.Name) else None


def _text(statement: Statement) -> str:
    part, source = statement
    return source.text[part.start : part.end].strip()


def _again(lines: Sequence[str], values: dict[str, Any], made: dict[str, Any], session: Session) -> Session:
    """A session in which what was made is computed once more. Raises: GradError where it comes out otherwise."""
    again = Session(dtype=session.dtype)
    for name, value in values.items():
        if isinstance(value, Tensor):
            again.set(name, np.array(value.detached().numpy()), requires_grad=value.requires_grad)
        else:
            again[name] = value
    again.run("\n".join(lines))
    for name, value in made.items():
        if isinstance(value, Tensor) and not _same(value, again[name]):
            raise GradError(
                f"{name} would not come out as it is: it was made of values that have changed, or are random",
                hint="run its statements again",
            )
    return again


def _same(a: Tensor, b: Any) -> bool:
    first = a.detached().numpy()
    second = b.detached().numpy() if isinstance(b, Tensor) else None
    return second is not None and first.shape == second.shape and np.allclose(first, second, equal_nan=True)
