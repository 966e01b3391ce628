"""What can stand on the left of `=`, and the refusals of the builders."""

from __future__ import annotations

from typing import NoReturn

from gradcli.errors import SyntaxError_
from gradcli.language.syntax import ast
from gradcli.language.syntax.lexer import Tokens
from gradcli.source import Span


def refuse(tokens: Tokens, message: str, start: int, end: int, hint: str | None = None) -> NoReturn:
    """Say what is wrong with the text between two offsets."""
    raise SyntaxError_(message, span=Span(tokens.source, start, end), hint=hint)


def refuse_star(tokens: Tokens, value: ast.Expr) -> None:
    """Refuse `*a` where it is all there is."""
    if isinstance(value, ast.Starred):
        text = tokens.source.text[value.start : value.end]
        refuse(tokens, "'*' unpacks into a list or a tuple only", value.start, value.end, f"write [{text}]")


def check_single_target(tokens: Tokens, target: ast.Expr, how: str) -> None:
    """Refuse what `+=` or an annotation cannot be written after."""
    if not isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
        refuse(tokens, f"cannot assign to {_described(target)}{how}", target.start, target.end)


def check_target(tokens: Tokens, target: ast.Expr, instead: str | None = None, verb: str = "assign to") -> None:
    """Refuse what cannot be bound; `instead` is the operator that may have been meant."""
    if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
        return
    if isinstance(target, ast.Starred):
        message = "a target with '*' must be in a list or a tuple"
        refuse(tokens, message, target.start, target.end, f"write {tokens.source.text[target.start : target.end]},")
    pending = [target]
    while pending:
        part = pending.pop()
        if isinstance(part, (ast.TupleExpr, ast.ListExpr)):
            pending.extend(reversed(_items_of_target(tokens, part) if verb == "assign to" else part.items))
        elif not isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)):
            hint = None
            if instead and part is target and not isinstance(part, (ast.DictExpr, ast.SetExpr)):
                hint = f"{instead} compares"
            refuse(tokens, f"cannot {verb} {_described(part)}", part.start, part.end, hint)


def _items_of_target(tokens: Tokens, target: ast.TupleExpr | ast.ListExpr) -> list[ast.Expr]:
    """The targets in a list of them, without the star that one may have."""
    items: list[ast.Expr] = []
    star = False
    for item in target.items:
        if isinstance(item, ast.Starred):
            if star:
                refuse(tokens, "only one target of a list can have a '*'", item.start, item.end)
            star = True
            items.append(item.value)
        else:
            items.append(item)
    return items


_DESCRIPTIONS: dict[type[ast.Expr], str] = {
    ast.JoinedStr: "an f-string",
    ast.Call: "a call",
    ast.Compare: "a comparison",
    ast.IfExp: "a conditional expression",
    ast.Lambda: "a lambda",
    ast.Comprehension: "a comprehension",
    ast.TupleExpr: "a tuple",
    ast.ListExpr: "a list",
    ast.DictExpr: "a dict",
    ast.SetExpr: "a set",
    ast.NamedExpr: "an assignment",
    ast.Starred: "an expression with '*'",
}


def _described(value: ast.Expr) -> str:
    """What an expression is, in a user's words."""
    if isinstance(value, ast.Literal):
        constant = value.value
        if isinstance(constant, (bool, type(None))):
            return str(constant)
        return "'...'" if constant is ... else "a string" if isinstance(constant, str) else "a number"
    return _DESCRIPTIONS.get(type(value), "an expression")
