"""Text to tokens: words, numbers, strings and operators, and the lines and blocks they stand in.

The patterns and words come from the grammar, by way of the saved tables. A token is an index into parallel lists,
because a million small objects would cost more than the parsing. What the language has no token for becomes a token
of kind ERROR and is left to the parser, which meets it in its turn and knows what could have stood there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate
from operator import sub
from typing import Any

from gradcli.source import Source

# Kinds of tokens. Those up to LAST_SPECIAL are the ones that lines and blocks depend on.
END, ERROR, NEWLINE, INDENT, DEDENT, SKIP = range(6)
BRACKETS = "([{)]}"  # kinds 6 to 11, in this order
FIRST_OPENING, FIRST_CLOSING, LAST_SPECIAL = 6, 9, 11
NAME, NUMBER, STRING, FSTRING = range(12, 16)
FIRST_WORD = 16  # operators and keywords

# What is wrong where a token of kind ERROR stands for no characters: its text.
BAD_DEDENT = "<dedent>"
BAD_TABS = "<tabs>"

_BLANKS = " \t\f"


class Vocabulary:
    """What the lexer knows of the grammar: the kind of each word and operator, and the pattern of a token."""

    __slots__ = ("_patterns", "full", "kinds", "plain")

    def __init__(self, plain: str, full: str, kinds: dict[str, int]) -> None:
        self.plain = plain
        self.full = full
        self.kinds = kinds
        self._patterns: dict[str, re.Pattern[str]] = {}

    def pattern_for(self, text: str) -> re.Pattern[str]:
        """The pattern that splits a text; where it has no quotes a smaller one, which takes less time to compile."""
        wanted = self.full if '"' in text or "'" in text else self.plain
        pattern = self._patterns.get(wanted)
        if pattern is None:
            pattern = self._patterns[wanted] = re.compile(wanted)
        return pattern


class Tokens:
    """The tokens of a text: token i is `texts[i]`, of kind `kinds[i]`, at characters `starts[i]` to `ends[i]`.

    A token of layout (NEWLINE, INDENT, DEDENT, END) ends where the last real one before it does, so that the end of
    whatever was read up to token i is always `ends[i]`.
    """

    __slots__ = ("ends", "kinds", "placed", "source", "starts", "subparse", "texts", "vocabulary")

    def __init__(self, source: Source, vocabulary: Vocabulary) -> None:
        self.source = source
        self.vocabulary = vocabulary
        self.kinds: list[int] = []
        self.texts: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.placed = False  # whether there is a statement that is right in some places only, like `return`
        self.subparse: Callable[[Tokens], Any]  # makes the expression of a field of an f-string


class _Kinds(dict[str, int]):
    """The kind of each text of a token; that of one which is no word of the grammar is told by its characters."""

    def __missing__(self, text: str) -> int:
        kind = self[text] = _kind_of(text)
        return kind


def _kind_of(text: str) -> int:
    first = text[0]
    if first in "\r\n":
        return NEWLINE
    if first == "#":
        return NEWLINE if text[-1] in "\r\n" + _BLANKS else ERROR
    if len(text) > 1:
        if text[-1] in "\"'":
            return _kind_of_string(text)
        if first == "\\":
            return SKIP
    if first in "0123456789" or first == ".":
        return NUMBER
    return NAME if text.isidentifier() else ERROR


def _kind_of_string(text: str) -> int:
    """The kind of what ends with a quote; if that is its only one, it is a string that is never closed."""
    quote = min(place for place in (text.find("'"), text.find('"')) if place >= 0)
    if quote == len(text) - 1:
        return ERROR
    return FSTRING if "f" in text[:quote].lower() else STRING


def read_expression(source: Source, vocabulary: Vocabulary, begin: int = 0, end: int | None = None) -> Tokens:
    """The tokens of an expression; the ends of its lines mean nothing."""
    text = source.text
    if end is None:
        end = len(text)
        text += "\n"  # ends a comment
    tokens = _split(source, vocabulary, text, begin, len(text) if end == len(source.text) else end)
    if NEWLINE in tokens.kinds or SKIP in tokens.kinds:
        kept = [index for index, kind in enumerate(tokens.kinds) if kind not in (NEWLINE, SKIP)]
        tokens.kinds = [tokens.kinds[index] for index in kept]
        tokens.texts = [tokens.texts[index] for index in kept]
        tokens.starts = [tokens.starts[index] for index in kept]
        tokens.ends = [tokens.ends[index] for index in kept]
    _put(tokens, END, "", end)
    return tokens


def read_program(source: Source, vocabulary: Vocabulary) -> Tokens:
    """The tokens of a program, with its lines and blocks: NEWLINE, INDENT and DEDENT where the grammar has them."""
    text = source.text
    begin = 1 if text.startswith("\ufeff") else 0
    closed = text if text.endswith(("\n", "\r")) else text + "\n"
    tokens = _Layout(_split(source, vocabulary, closed, begin, len(closed)), closed).arrange()
    _put(tokens, END, "", len(text))
    return tokens


def _split(source: Source, vocabulary: Vocabulary, text: str, begin: int, end: int) -> Tokens:
    """The tokens between two offsets as they are written, ends of lines among them."""
    tokens = Tokens(source, vocabulary)
    pieces = vocabulary.pattern_for(text).findall(text, begin, end)
    ends = list(accumulate(map(len, pieces), initial=begin))
    del ends[0]
    texts = [piece.lstrip(_BLANKS) for piece in pieces]
    tokens.texts = texts
    tokens.ends = ends
    tokens.starts = list(map(sub, ends, map(len, texts)))
    tokens.kinds = list(map(_Kinds(vocabulary.kinds).__getitem__, texts))
    if not text.isascii():
        _normalize(tokens)
    return tokens


def _normalize(tokens: Tokens) -> None:
    """Make names the same that Python takes for the same: the letters µ and μ, ﬁ and fi."""
    from unicodedata import normalize

    for index, (kind, text) in enumerate(zip(tokens.kinds, tokens.texts, strict=True)):
        if kind == NAME and not text.isascii():
            tokens.texts[index] = normalize("NFKC", text)


def _put(tokens: Tokens, kind: int, text: str, start: int) -> None:
    """Append a token that no characters stand for."""
    tokens.kinds.append(kind)
    tokens.texts.append(text)
    tokens.starts.append(start)
    tokens.ends.append(tokens.ends[-1] if tokens.ends else start)


class _Layout:
    """Turns the ends of lines into NEWLINE, INDENT and DEDENT, and drops those inside brackets.

    Whole stretches between them are copied at once, so that a long line costs little.
    """

    def __init__(self, raw: Tokens, text: str) -> None:
        self.raw = raw
        self.text = text
        self.out = Tokens(raw.source, raw.vocabulary)
        self.copied = 0  # tokens of `raw` that are in `out` or dropped
        # Open blocks: the column at which each begins, counting a tab as up to 8 columns and as one.
        self.blocks: list[tuple[int, int]] = []

    def arrange(self) -> Tokens:
        """The tokens with their layout."""
        kinds = self.raw.kinds
        if not kinds:
            return self.out
        self.blocks.append(self._first_indentation())
        depth = 0
        last = len(kinds) - 1
        for index in [index for index, kind in enumerate(kinds) if kind <= LAST_SPECIAL]:
            kind = kinds[index]
            if kind >= FIRST_CLOSING:
                depth = max(depth - 1, 0)
            elif kind >= FIRST_OPENING:
                depth += 1
            elif kind == NEWLINE and not depth:
                self._end_line(index, index == last)
            elif kind == NEWLINE or (kind == SKIP and index < last):
                self._copy_to(index)
                self.copied = index + 1
            elif kind == SKIP:
                kinds[index] = ERROR  # a backslash that nothing follows
        self._copy_to(len(kinds))
        return self.out

    def _first_indentation(self) -> tuple[int, int]:
        """Where the first statement begins: a text that is indented as a whole is as good as one that is not."""
        raw = self.raw
        if raw.kinds[0] == NEWLINE:
            return _columns(_indentation(raw.texts[0]))
        begin = 1 if self.text.startswith("\ufeff") else 0
        return _columns(self.text[begin : raw.starts[0]])

    def _copy_to(self, index: int) -> None:
        """Copy the tokens before `index` that are not copied yet."""
        begin = self.copied
        if begin < index:
            raw, out = self.raw, self.out
            out.kinds += raw.kinds[begin:index]
            out.texts += raw.texts[begin:index]
            out.starts += raw.starts[begin:index]
            out.ends += raw.ends[begin:index]
            self.copied = index

    def _end_line(self, index: int, last: bool) -> None:
        """Put the end of a line, and of the blocks that end with it or the block that begins."""
        self._copy_to(index)
        self.copied = index + 1
        out, raw = self.out, self.raw
        if out.kinds and out.kinds[-1] not in (NEWLINE, DEDENT):
            _put(out, NEWLINE, "\n", min(raw.starts[index], len(raw.source.text)))
        place = min(raw.ends[index], len(raw.source.text))
        blocks = self.blocks
        if last:
            self._close_blocks(blocks[0][0], place)
            return
        column, narrow = _columns(_indentation(raw.texts[index]))
        if column > blocks[-1][0]:
            blocks.append((column, narrow))
            _put(out, INDENT, "", place)
            if narrow <= blocks[-2][1]:
                _put(out, ERROR, BAD_TABS, place)
        else:
            self._close_blocks(column, place)
            if column != blocks[-1][0]:
                _put(out, ERROR, BAD_DEDENT, place)
            elif narrow != blocks[-1][1]:
                _put(out, ERROR, BAD_TABS, place)

    def _close_blocks(self, column: int, place: int) -> None:
        """Put a DEDENT for each block that begins to the right of a column."""
        blocks = self.blocks
        while len(blocks) > 1 and column < blocks[-1][0]:
            blocks.pop()
            _put(self.out, DEDENT, "", place)


def _indentation(text: str) -> str:
    """The blanks at the end of a NEWLINE token: those that the next line begins with."""
    return text[max(text.rfind("\n"), text.rfind("\r"), text.rfind("\f")) + 1 :]


def _columns(blanks: str) -> tuple[int, int]:
    """How far blanks reach, counting a tab as up to 8 columns, and as one."""
    blanks = blanks[blanks.rfind("\f") + 1 :]
    return len(blanks.expandtabs(8)), len(blanks)
