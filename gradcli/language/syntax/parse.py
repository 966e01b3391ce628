"""Text to tree: the front door of the language.

Tokens come from `lexer.py`, tables from `tables.py`, the loop from `lalr.py`, nodes from `build.py`. Here they are put
together; an error becomes one that a person can read in `complaint.py`.
"""

from __future__ import annotations

from typing import Any

from gradcli.collector import paused
from gradcli.errors import SyntaxError_
from gradcli.language.syntax import ast
from gradcli.language.syntax.lalr import Stuck, run
from gradcli.language.syntax.lexer import Tokens, read_expression, read_program
from gradcli.language.syntax.tables import load_tables
from gradcli.source import Source


def parse_program(source: Source) -> ast.Module:
    """The statements of a program.

    Raises: SyntaxError_ where the text is not of the language; its `incomplete` tells that more lines could make it so.
    """
    tokens = read_program(source, load_tables().vocabulary)
    module: ast.Module = _run(tokens, "program")
    if tokens.placed:
        from gradcli.language.syntax.placement import (
            check_placement,  # for start-up time: one-liners have no need of it
        )

        check_placement(module)
    return module


def parse_expression(source: Source) -> ast.Expr:
    """A single expression, on one line or several.

    Raises: SyntaxError_ where the text is not an expression of the language.
    """
    return parse_expression_tokens(read_expression(source, load_tables().vocabulary))


def parse_expression_tokens(tokens: Tokens) -> ast.Expr:
    """The expression that tokens are."""
    value: ast.Expr = _run(tokens, "expression")
    return value


def _run(tokens: Tokens, start: str) -> Any:
    tables = load_tables()
    tokens.subparse = parse_expression_tokens
    try:
        with paused():
            return run(tables, tokens, start)
    except Stuck as stuck:
        from gradcli.language.syntax.complaint import complain  # for start-up time: most texts are right

        raise complain(tables, tokens, stuck) from None


def is_incomplete(text: str) -> bool:
    """Whether a text typed so far asks for more lines.

    It does while a bracket, a string of three quotes or the head of a block is open, after a backslash, and in a block
    until a blank line ends it. Lines are joined by newlines, so after a blank one the text ends with a newline.
    """
    from gradcli.language.syntax.complaint import ends_with_blank_line  # for start-up time, as below

    try:
        module = parse_program(Source(text))
    except SyntaxError_ as error:
        return error.incomplete
    last = module.body[-1] if module.body else None
    return isinstance(last, _BLOCKS) and not ends_with_blank_line(text)


_BLOCKS = (ast.If, ast.While, ast.For, ast.Try, ast.With, ast.FunctionDef, ast.ClassDef)
