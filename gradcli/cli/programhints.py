"""What a program says about variables without a value: which of them are indices or classes, which may be vectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradcli.language.syntax import ast

# calls by the place of the argument that holds classes or indices
CLASSES = {
    "cross_entropy": 1, "nll_loss": 1, "multi_margin_loss": 1, "one_hot": 0, "embedding": 0, "gather": 2,
    "index_select": 2, "take_along_dim": 1, "take": 1, "bincount": 0,
}  # fmt: skip
METHODS = frozenset("gather index_select take_along_dim take".split())
PROBABLE = frozenset("p q probs probabilities soft soft_labels".split())  # targets of cross_entropy that are no classes


def integer_names(module: ast.Module) -> set[str]:
    """The names that stand alone where an index or class numbers are wanted."""
    found: set[str] = set()
    for part in ast.walk(module):
        if isinstance(part, ast.Subscript):
            places = part.index.items if isinstance(part.index, ast.TupleExpr) else [part.index]
            found.update(place.id for place in places if isinstance(place, ast.Name))
    return found | class_names(module)


def class_names(module: ast.Module) -> set[str]:
    """The names that stand alone where a call wants indices or class numbers."""
    calls = [part for part in ast.walk(module) if isinstance(part, ast.Call)]
    return {name for call in calls for name in _classes(call)}


def _classes(call: ast.Call) -> Iterator[str]:
    name = _called(call)
    method = isinstance(call.func, ast.Attribute) and name in METHODS and not _is_module(call.func.value)
    at = CLASSES.get(name, -1) - method
    given = [a.value for a in call.args if a.kind == "pos"]
    if 0 <= at < len(given):
        argument = given[at]
        if isinstance(argument, ast.Name) and not (name == "cross_entropy" and argument.id in PROBABLE):
            yield argument.id


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.name if isinstance(call.func, ast.Attribute) else ""


def _is_module(owner: Any) -> bool:
    return isinstance(owner, ast.Name) and owner.id in ("torch", "F")


def of_vectors(module: ast.Module) -> bool:
    """Whether something is indexed, or dimension 0 is named and no other: so vectors are likelier than matrices."""
    dims: set[int] = set()
    for part in ast.walk(module):
        if isinstance(part, ast.Subscript):
            return True
        if isinstance(part, ast.Call) and _called(part) != "size":
            first = 0 if isinstance(part.func, ast.Attribute) and not _is_module(part.func.value) else 1
            values = [a.value for at, a in enumerate(part.args) if at >= first or a.name in ("dim", "axis")]
            dims.update(v.value for v in values if isinstance(v, ast.Literal) and type(v.value) is int)
    return dims == {0}
