"""Nodes from rules: a small function for each name that the grammar gives to a rule.

A builder gets the tokens, the rule's children, and the offsets where what was read begins and ends. A child is a
node, the value of another builder, None for an optional part that is absent, or the number of a token.
What the grammar cannot say is checked here, when the node is made; where statements stand is left to `placement.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcli.language.syntax import ast
from gradcli.language.syntax.lalr import Builder
from gradcli.language.syntax.lexer import Tokens
from gradcli.language.syntax.parameters import (
    argument,
    arguments,
    bare_star,
    double_star_argument,
    double_star_parameter,
    keyword_argument,
    lambda_parameter,
    parameter,
    parameters,
    slash,
    star_argument,
    star_parameter,
)
from gradcli.language.syntax.targets import check_single_target, check_target, refuse, refuse_star

# ---- Statements ----------------------------------------------------------------------------------------------------


def program(tokens: Tokens, c: Any, start: int, end: int) -> ast.Module:
    return ast.Module(list(c), tokens.source, 0, len(tokens.source.text))


def expression_statement(tokens: Tokens, c: Any, start: int, end: int) -> ast.ExprStmt:
    refuse_star(tokens, c[0])
    return ast.ExprStmt(c[0], start, end)


def assign(tokens: Tokens, c: Any, start: int, end: int) -> ast.Assign:
    *targets, value = c
    for target in targets:
        check_target(tokens, target, "==")
    refuse_star(tokens, value)
    return ast.Assign(targets, value, start, end)


def augmented(tokens: Tokens, c: Any, start: int, end: int) -> int:
    token: int = c[0]
    return token


def augment(tokens: Tokens, c: Any, start: int, end: int) -> ast.AugAssign:
    target, token, value = c
    op = tokens.texts[token]
    check_single_target(tokens, target, f" with {op}")
    refuse_star(tokens, value)
    return ast.AugAssign(target, op[:-1], value, tokens.starts[token], start, end)


def annotate(tokens: Tokens, c: Any, start: int, end: int) -> ast.AnnAssign:
    target, annotation, value = c
    check_single_target(tokens, target, " with an annotation")
    if value is not None:
        refuse_star(tokens, value)
    return ast.AnnAssign(target, annotation, value, start, end)


def delete(tokens: Tokens, c: Any, start: int, end: int) -> ast.Delete:
    for target in c:
        check_target(tokens, target, verb="delete")
    return ast.Delete(list(c), start, end)


def pass_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Pass:
    return ast.Pass(start, end)


def break_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Break:
    tokens.placed = True
    return ast.Break(start, end)


def continue_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Continue:
    tokens.placed = True
    return ast.Continue(start, end)


def return_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Return:
    tokens.placed = True
    if c[0] is not None:
        refuse_star(tokens, c[0])
    return ast.Return(c[0], start, end)


def raise_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Raise:
    return ast.Raise(c[0], c[1] if len(c) > 1 else None, start, end)


def assert_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Assert:
    return ast.Assert(c[0], c[1], start, end)


def global_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Global:
    tokens.placed = True
    return ast.Global([tokens.texts[token] for token in c], start, end)


def nonlocal_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Nonlocal:
    tokens.placed = True
    return ast.Nonlocal([tokens.texts[token] for token in c], start, end)


def import_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Import:
    return ast.Import(list(c), start, end)


def import_from(tokens: Tokens, c: Any, start: int, end: int) -> ast.ImportFrom:
    return ast.ImportFrom(c[0], list(c[1]), start, end)


def dotted(tokens: Tokens, c: Any, start: int, end: int) -> str:
    return ".".join(tokens.texts[token] for token in c)


def module(tokens: Tokens, c: Any, start: int, end: int) -> ast.Alias:
    return ast.Alias(c[0], None if c[1] is None else tokens.texts[c[1]], start, end)


def member(tokens: Tokens, c: Any, start: int, end: int) -> ast.Alias:
    return ast.Alias(tokens.texts[c[0]], None if c[1] is None else tokens.texts[c[1]], start, end)


def import_all(tokens: Tokens, c: Any, start: int, end: int) -> list[ast.Alias]:
    return [ast.Alias("*", None, start, end)]


# ---- Statements with a block ---------------------------------------------------------------------------------------


def if_(tokens: Tokens, c: Any, start: int, end: int) -> ast.If:
    orelse = c[-1] or []
    for branch in reversed(c[2:-1]):
        branch.orelse = orelse
        branch.end = end
        orelse = [branch]
    return ast.If(c[0], c[1], orelse, start, end)


def elif_(tokens: Tokens, c: Any, start: int, end: int) -> ast.If:
    return ast.If(c[1], c[3], [], start, end)


def while_(tokens: Tokens, c: Any, start: int, end: int) -> ast.While:
    return ast.While(c[0], c[1], c[2] or [], start, end)


def for_(tokens: Tokens, c: Any, start: int, end: int) -> ast.For:
    target, iterable, body, orelse = c
    check_target(tokens, target)
    refuse_star(tokens, iterable)
    return ast.For(target, iterable, body, orelse or [], start, end)


def try_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Try:
    return ast.Try(c[0], c[1], c[2] or [], c[3] or [], start, end)


def try_finally(tokens: Tokens, c: Any, start: int, end: int) -> ast.Try:
    return ast.Try(c[0], [], [], c[1], start, end)


def handlers(tokens: Tokens, c: Any, start: int, end: int) -> list[ast.Handler]:
    for one in c[:-1]:
        if one.type is None:
            refuse(tokens, "'except:' without a type must come last", one.start, one.start + len("except"))
    return list(c)


def handler(tokens: Tokens, c: Any, start: int, end: int) -> ast.Handler:
    return ast.Handler(c[0], None if c[1] is None else tokens.texts[c[1]], c[2], start, end)


def with_(tokens: Tokens, c: Any, start: int, end: int) -> ast.With:
    return ast.With(c[0], c[1], start, end)


def with_items(tokens: Tokens, c: Any, start: int, end: int) -> list[ast.WithItem]:
    """The items; `with (a, b):` has two, and is not of a tuple."""
    items = list(c)
    if len(items) == 1 and items[0].target is None and items[0].start == items[0].context.start:
        context = items[0].context
        if isinstance(context, ast.TupleExpr) and context.items and not _has_special_item(context):
            items = list(context.items)
    for place, item in enumerate(items):
        if not isinstance(item, ast.WithItem):
            refuse_star(tokens, item)
            items[place] = ast.WithItem(item, None, item.start, item.end)
    return items


def _has_special_item(value: ast.TupleExpr) -> bool:
    """Whether a tuple has an item that could not stand in a `with` without the parentheses."""
    return any(isinstance(item, (ast.Starred, ast.NamedExpr)) for item in value.items)


def with_item(tokens: Tokens, c: Any, start: int, end: int) -> ast.WithItem:
    target = c[1] if len(c) > 1 else None
    if target is not None:
        check_target(tokens, target)
    return ast.WithItem(c[0], target, start, end)


def decorated(tokens: Tokens, c: Any, start: int, end: int) -> ast.FunctionDef | ast.ClassDef:
    definition: ast.FunctionDef | ast.ClassDef = c[1]
    definition.decorators = c[0]
    return definition


def function(tokens: Tokens, c: Any, start: int, end: int) -> ast.FunctionDef:
    name, params, _, body = c  # the annotation of the result is not kept
    return ast.FunctionDef(tokens.texts[name], params or [], body, [], tokens.starts[name], start, end)


def class_(tokens: Tokens, c: Any, start: int, end: int) -> ast.ClassDef:
    name, bases, body = c
    return ast.ClassDef(tokens.texts[name], bases or [], body, [], tokens.starts[name], start, end)


# ---- Operators -----------------------------------------------------------------------------------------------------


def binary(tokens: Tokens, c: Any, start: int, end: int) -> ast.BinOp:
    left, token, right = c
    return ast.BinOp(tokens.texts[token], left, right, tokens.starts[token], start, end)


def unary(tokens: Tokens, c: Any, start: int, end: int) -> ast.UnaryOp:
    return ast.UnaryOp(tokens.texts[c[0]], c[1], start, end)


def and_(tokens: Tokens, c: Any, start: int, end: int) -> ast.BoolOp:
    return ast.BoolOp("and", c, start, end)


def or_(tokens: Tokens, c: Any, start: int, end: int) -> ast.BoolOp:
    return ast.BoolOp("or", c, start, end)


def comparator(tokens: Tokens, c: Any, start: int, end: int) -> tuple[str, int]:
    return " ".join(tokens.texts[token] for token in c), start


def compare(tokens: Tokens, c: Any, start: int, end: int) -> ast.Compare:
    signs = c[1::2]
    return ast.Compare(c[0], [text for text, _ in signs], c[2::2], signs[0][1], start, end)


def conditional(tokens: Tokens, c: Any, start: int, end: int) -> ast.IfExp:
    body, test, orelse = c
    return ast.IfExp(test, body, orelse, start, end)


def lambda_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Lambda:
    return ast.Lambda(c[0] or [], c[1], start, end)


def named(tokens: Tokens, c: Any, start: int, end: int) -> ast.NamedExpr:
    return ast.NamedExpr(tokens.texts[c[0]], c[1], start, end)


def yield_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Yield:
    if c[0] is not None:
        refuse_star(tokens, c[0])
    return ast.Yield(c[0], False, start, end)


def yield_from(tokens: Tokens, c: Any, start: int, end: int) -> ast.Yield:
    return ast.Yield(c[0], True, start, end)


def starred(tokens: Tokens, c: Any, start: int, end: int) -> ast.Starred:
    return ast.Starred(c[0], start, end)


def attribute(tokens: Tokens, c: Any, start: int, end: int) -> ast.Attribute:
    value, token = c
    return ast.Attribute(value, tokens.texts[token], tokens.starts[token], start, end)


def call(tokens: Tokens, c: Any, start: int, end: int) -> ast.Call:
    return ast.Call(c[0], c[1], start, end)


def call_empty(tokens: Tokens, c: Any, start: int, end: int) -> ast.Call:
    return ast.Call(c[0], [], start, end)


def call_generator(tokens: Tokens, c: Any, start: int, end: int) -> ast.Call:
    func, opening, element, clauses_, _ = c
    inside = tokens.starts[opening]
    made = ast.Comprehension("generator", element, None, clauses_, inside, end)
    return ast.Call(func, [ast.Arg("pos", None, made, inside, end)], start, end)


def subscript(tokens: Tokens, c: Any, start: int, end: int) -> ast.Subscript:
    value, index = c
    if isinstance(index, ast.Starred):
        index = ast.TupleExpr([index], index.start, index.end)
    return ast.Subscript(value, index, start, end)


def slice_(tokens: Tokens, c: Any, start: int, end: int) -> ast.Slice:
    return ast.Slice(c[0], c[1], c[2], start, end)


# ---- Operands ------------------------------------------------------------------------------------------------------


def name(tokens: Tokens, c: Any, start: int, end: int) -> ast.Name:
    return ast.Name(tokens.texts[c[0]], start, end)


def number(tokens: Tokens, c: Any, start: int, end: int) -> ast.Literal:
    text = tokens.texts[c[0]]
    try:
        if text[:2] in ("0x", "0X", "0b", "0B", "0o", "0O") or not ("." in text or "e" in text or "E" in text):
            return ast.Literal(int(text, 0), start, end)
        return ast.Literal(float(text), start, end)
    except ValueError:  # Python's own limits: a zero in front, or thousands of digits
        if text.startswith("0"):
            hint = f"write {text.lstrip('0_')}, or 0o{text.lstrip('0_')} if it is octal"
            refuse(tokens, "a whole number cannot begin with 0", start, end, hint)
        refuse(tokens, f"a number of {len(text)} digits is too long", start, end)


def strings(tokens: Tokens, c: Any, start: int, end: int) -> ast.Literal | ast.JoinedStr:
    if len(c) == 1:
        text = tokens.texts[c[0]]
        if text[0] in "\"'" and "\\" not in text and "\r" not in text:
            quotes = 3 if text[:3] in ('"""', "'''") else 1
            return ast.Literal(text[quotes:-quotes], start, end)
    from gradcli.language.syntax.literals import (
        read_strings,  # for start-up time: few short expressions have such strings
    )

    return read_strings(tokens, c, start, end)


def true(tokens: Tokens, c: Any, start: int, end: int) -> ast.Literal:
    return ast.Literal(True, start, end)


def false(tokens: Tokens, c: Any, start: int, end: int) -> ast.Literal:
    return ast.Literal(False, start, end)


def none(tokens: Tokens, c: Any, start: int, end: int) -> ast.Literal:
    return ast.Literal(None, start, end)


def ellipsis(tokens: Tokens, c: Any, start: int, end: int) -> ast.Literal:
    return ast.Literal(..., start, end)


def tuple_(tokens: Tokens, c: Any, start: int, end: int) -> ast.TupleExpr:
    return ast.TupleExpr(list(c), start, end)


def list_display(tokens: Tokens, c: Any, start: int, end: int) -> ast.ListExpr:
    return ast.ListExpr(list(c), start, end)


def set_display(tokens: Tokens, c: Any, start: int, end: int) -> ast.SetExpr:
    return ast.SetExpr(list(c), start, end)


def dict_display(tokens: Tokens, c: Any, start: int, end: int) -> ast.DictExpr:
    return ast.DictExpr([key for key, _ in c], [value for _, value in c], start, end)


def pair(tokens: Tokens, c: Any, start: int, end: int) -> Sequence[ast.Expr]:
    return tuple(c)


def spread(tokens: Tokens, c: Any, start: int, end: int) -> tuple[None, ast.Expr]:
    return None, c[0]


def clause(tokens: Tokens, c: Any, start: int, end: int) -> ast.Clause:
    check_target(tokens, c[0])
    return ast.Clause(c[0], c[1], list(c[2:]), start, end)


def generator(tokens: Tokens, c: Any, start: int, end: int) -> ast.Comprehension:
    return ast.Comprehension("generator", c[0], None, c[1], start, end)


def list_comprehension(tokens: Tokens, c: Any, start: int, end: int) -> ast.Comprehension:
    return ast.Comprehension("list", c[0], None, c[1], start, end)


def set_comprehension(tokens: Tokens, c: Any, start: int, end: int) -> ast.Comprehension:
    return ast.Comprehension("set", c[0], None, c[1], start, end)


def dict_comprehension(tokens: Tokens, c: Any, start: int, end: int) -> ast.Comprehension:
    return ast.Comprehension("dict", c[0], c[1], c[2], start, end)


def as_list(tokens: Tokens, c: Any, start: int, end: int) -> list[Any]:
    """Rules that are a list and nothing else."""
    return list(c)


BUILDERS: dict[str, Builder] = {
    function_.__name__: function_
    for function_ in (
        program, expression_statement, assign, augmented, augment, annotate, delete, pass_, break_, continue_, return_,
        raise_, assert_, global_, nonlocal_, import_, import_from, dotted, module, member, import_all, if_, elif_,
        while_, for_, try_, try_finally, handlers, handler, with_, with_items, with_item, decorated, function, class_,
        parameter, lambda_parameter, star_parameter, double_star_parameter, bare_star, slash, parameters, argument,
        keyword_argument, star_argument, double_star_argument, arguments, binary, unary, and_, or_, comparator,
        compare, conditional, lambda_, named, starred, attribute, call, call_empty, call_generator, subscript, name,
        number, strings, true, false, none, ellipsis, list_display, set_display, dict_display, pair, spread, clause,
        yield_, yield_from, generator, list_comprehension, set_comprehension, dict_comprehension,
    )
}  # fmt: skip
BUILDERS["slice"] = slice_
BUILDERS["tuple"] = BUILDERS["tuple_display"] = tuple_
BUILDERS["imported"] = BUILDERS["suite"] = as_list
BUILDERS["decorators"] = BUILDERS["clauses"] = as_list
