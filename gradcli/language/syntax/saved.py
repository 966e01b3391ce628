"""What the text of the saved parser tables stands for. Blank lines separate its parts; `generate.py` writes them."""

from __future__ import annotations

from gradcli.language.syntax.build import BUILDERS
from gradcli.language.syntax.lalr import Tables
from gradcli.language.syntax.lexer import Vocabulary

GRAMMAR = "gradcli.lark"
MISTAKES = "mistakes.toml"
SAVED = "gradcli.tables"


def decode(text: str) -> Tables:
    """The tables from their text."""
    plain, full, words, starts, rules, follows, states, mistakes = text.split("\n\n")
    kinds = dict(word.split(" ") for word in words.split("\n"))
    return Tables(
        Vocabulary(plain, full, {word: int(kind) for word, kind in kinds.items()}),
        {name: int(state) for name, state in (line.split(" ") for line in starts.split("\n"))},
        rules.split("\n"),
        follows.split("\n"),
        states.split("\n"),
        BUILDERS,
        mistakes,
    )
