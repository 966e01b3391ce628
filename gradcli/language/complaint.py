"""What to say where the parser is stuck."""

from __future__ import annotations

from gradcli.errors import SyntaxError_
from gradcli.language.lalr import Stuck, Tables
from gradcli.language.lexer import END, Tokens
from gradcli.source import Span


def complain(tables: Tables, tokens: Tokens, stuck: Stuck) -> SyntaxError_:
    """The error for the token that no rule takes."""
    index = stuck.index
    span = Span(tokens.source, tokens.starts[index], tokens.starts[index] + len(tokens.texts[index]))
    message = f"unexpected {tokens.texts[index]!r}"
    return SyntaxError_(message, span=span, incomplete=tokens.kinds[index] == END)
