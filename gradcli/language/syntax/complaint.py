"""What to say where the parser is stuck: what was found, what could stand there, and what may have been meant.

What could stand there is asked of the parser's own tables; the advice on common mistakes is in grammar/mistakes.toml.
Runs only when a text is wrong.
"""

from __future__ import annotations

import json
import re

from gradcli.errors import SyntaxError_
from gradcli.language.syntax.lalr import STATE, Stuck, Tables, accepts
from gradcli.language.syntax.lexer import (
    BAD_DEDENT,
    BAD_TABS,
    DEDENT,
    END,
    ERROR,
    FIRST_CLOSING,
    FIRST_OPENING,
    FSTRING,
    INDENT,
    LAST_SPECIAL,
    NAME,
    NEWLINE,
    NUMBER,
    STRING,
    Tokens,
)
from gradcli.source import Span

_CLOSES = dict(zip("([{", ")]}", strict=True))
_QUOTES = re.compile(r"(\w*)(\"\"\"|'''|\"|')")
_PREFIXES = ("", "r", "u", "f", "fr", "rf")


def ends_with_blank_line(text: str) -> bool:
    """Whether the last of several lines is blank: that is how a block is ended at a prompt."""
    return "\n" in text and not text[text.rfind("\n") :].strip()


def complain(tables: Tables, tokens: Tokens, stuck: Stuck) -> SyntaxError_:
    """The error for the token that no rule takes."""
    return _Complaint(tables, tokens, stuck).error()


class _Complaint:
    """The token that no rule takes, and what is around it."""

    def __init__(self, tables: Tables, tokens: Tokens, stuck: Stuck) -> None:
        self.tables = tables
        self.tokens = tokens
        self.stuck = stuck
        self.index = stuck.index
        self.kind = tokens.kinds[stuck.index]
        self.start = tokens.starts[stuck.index]
        self.found = tokens.texts[stuck.index]
        self.before = tokens.texts[stuck.index - 1] if stuck.index else ""
        self.at_end = all(kind in (DEDENT, END) for kind in tokens.kinds[stuck.index :])
        if self.kind == ERROR and self.found not in (BAD_DEDENT, BAD_TABS):
            self.found = self._whole_word()

    def error(self) -> SyntaxError_:
        """The first of these that has something to say."""
        return (
            self._about_layout()
            or self._about_quotes()
            or self._about_brackets()
            or self._about_mistake()
            or self._about_block()
            or self._about_expected()
        )

    def _whole_word(self) -> str:
        """The letters around what is no token, so that a word is not spoken of by its first letter."""
        word = re.compile(r"\w+").match(self.tokens.source.text, self.start)
        return word[0] if word else self.found

    def _say(
        self,
        message: str,
        start: int | None = None,
        end: int | None = None,
        hint: str | None = None,
        incomplete: bool = False,
    ) -> SyntaxError_:
        if start is None:
            start = self.start
            end = start + (len(self.found) if self.kind not in (NEWLINE, INDENT, DEDENT, END) else 0)
        span = Span(self.tokens.source, start, start if end is None else end)
        return SyntaxError_(message, span=span, hint=hint, incomplete=incomplete)

    # ---- What the lexer could not read -----------------------------------------------------------------------------

    def _about_layout(self) -> SyntaxError_ | None:
        if self.kind == ERROR and self.found == BAD_DEDENT:
            return self._say("the indentation of this line is that of no block around it", self.start, self._line_end())
        if self.kind == ERROR and self.found == BAD_TABS:
            message = "the indentation mixes tabs and spaces"
            return self._say(message, self.start, self._line_end(), "indent with spaces only")
        if self.kind == ERROR and self.found.startswith("\\"):
            incomplete = not self.tokens.source.text[self.start + 1 :].strip()
            self.found = "\\"
            return self._say("a backslash continues a line only as its last character", incomplete=incomplete)
        return None

    def _line_end(self) -> int:
        return next((place for place in self._ends_of_line(self.start)), len(self.tokens.source.text))

    def _ends_of_line(self, start: int) -> list[int]:
        text = self.tokens.source.text
        return sorted(place for place in (text.find("\n", start), text.find("\r", start)) if place >= 0)

    def _about_quotes(self) -> SyntaxError_ | None:
        """A string that is not closed, or of a kind that there is not."""
        if self.kind != ERROR:
            return None
        text = self.tokens.source.text
        opened = _QUOTES.match(text, self.start)
        if opened is None:
            return None
        prefix, quotes = opened.groups()
        if prefix.lower() in ("b", "br", "rb"):
            return self._say("bytes are not in the language", self.start, opened.end(), "write it without the b")
        if prefix.lower() not in _PREFIXES:
            hint = "put an operator or a comma between them"
            return self._say(f"a string right after '{prefix}'", self.start, opened.end(), hint)
        if "f" in prefix.lower() and self._closes_without_fields(opened.end(), quotes):
            brace = text.find("{", self.start)
            hint = "write {{ for a brace in the text"
            return self._say("'{' was never closed in this f-string", brace, brace + 1, hint)
        if len(quotes) == 3:
            return self._say("this string is never closed", self.start, opened.end(), f"end it with {quotes}", True)
        hint = f"end it with {quotes} on the same line"
        return self._say("this string is never closed", self.start, self._line_end(), hint)

    def _closes_without_fields(self, begin: int, quotes: str) -> bool:
        """Whether the string has its closing quotes if braces mean nothing in it."""
        inside = r"(?:[^\\]|\\.)*?" if len(quotes) == 3 else r"(?:[^\\\n]|\\.)*?"
        return re.compile(inside + quotes, re.S).match(self.tokens.source.text, begin) is not None

    # ---- Brackets --------------------------------------------------------------------------------------------------

    def _about_brackets(self) -> SyntaxError_ | None:
        """A bracket that is not closed, closes nothing or closes another."""
        kinds, texts, starts = self.tokens.kinds, self.tokens.texts, self.tokens.starts
        around = self._open_brackets(self.index)
        if FIRST_CLOSING <= self.kind <= LAST_SPECIAL:
            if not around:
                return self._say(f"'{self.found}' closes nothing", hint="remove it, or open it before")
            opener = around[-1]
            if _CLOSES[texts[opener]] != self.found:
                wanted = _CLOSES[texts[opener]]
                return self._say(f"'{self.found}' cannot close '{texts[opener]}'", hint=f"'{wanted}' closes it")
            return None
        if not around:
            return None
        opener = around[-1]
        at_end = self.kind == END
        if at_end or (opener in self._open_brackets(len(kinds)) and self._begins_line()):
            message = f"'{texts[opener]}' was never closed"
            return self._say(message, starts[opener], starts[opener] + 1, incomplete=at_end)
        return None

    def _open_brackets(self, index: int) -> list[int]:
        """The brackets that are open before a token."""
        open_: list[int] = []
        for number in range(min(index, len(self.tokens.kinds))):
            kind = self.tokens.kinds[number]
            if FIRST_OPENING <= kind < FIRST_CLOSING:
                open_.append(number)
            elif FIRST_CLOSING <= kind <= LAST_SPECIAL and open_:
                open_.pop()
        return open_

    def _begins_line(self) -> bool:
        between = self.tokens.source.text[self.tokens.ends[self.index - 1] : self.start]
        return "\n" in between or "\r" in between

    # ---- Known mistakes --------------------------------------------------------------------------------------------

    def _about_mistake(self) -> SyntaxError_ | None:
        """Advice from mistakes.toml: for this place, else for this token."""
        known = json.loads(self.tables.mistakes)
        candidates = [
            *known["places"].get(f"{self.stuck.state // STATE} {self.kind}", []),
            *known["anywhere"].get(self.found, []),
        ]
        for candidate in candidates:
            advice = known["advice"][candidate]
            if self._fits(advice):
                message, hint = (
                    part and part.replace("{found}", self.found).replace("{before}", self.before)
                    for part in (advice.get("message"), advice.get("hint"))
                )
                return self._say(message or self._unexpected(), hint=hint)
        return None

    def _fits(self, advice: dict[str, list[str]]) -> bool:
        """Whether the wrong token, and what stands before it, are those that the advice is for."""
        before = self._joined_before()
        return self.found in advice.get("at", [self.found]) and bool(before & set(advice.get("after", before)))

    def _joined_before(self) -> set[str]:
        """The token before the wrong one, and the two before it if nothing is between them."""
        texts, starts, ends = self.tokens.texts, self.tokens.starts, self.tokens.ends
        last = self.index - 1
        joined = last > 0 and ends[last - 1] == starts[last]
        return {self.before, texts[last - 1] + self.before} if joined else {self.before}

    # ---- The rest --------------------------------------------------------------------------------------------------

    def _about_block(self) -> SyntaxError_ | None:
        """A block that is missing, or indentation without one."""
        if self.kind == INDENT:
            hint = "a block follows a line that ends with ':'"
            return self._say("this line is indented more than the one before", self.start, self._line_end(), hint)
        if accepts(self.tables, self.stuck, INDENT):
            place, word = self._header()
            line = self.tokens.source.locate(place)[0]
            message = f"expected an indented block after '{word}' on line {line}"
            hint = "'pass' is a block that does nothing"
            end = self.start if self.at_end else self._line_end()
            return self._say(message, self.start, end, hint, incomplete=self.at_end)
        return None

    def _header(self) -> tuple[int, str]:
        """Where the line before begins, and its first word."""
        number = self.index - 2
        while number > 0 and self.tokens.kinds[number - 1] not in (NEWLINE, INDENT, DEDENT):
            number -= 1
        return self.tokens.starts[number], self.tokens.texts[number]

    def _about_expected(self) -> SyntaxError_:
        ended = self.tokens.kinds[self.index - 1] == DEDENT and ends_with_blank_line(self.tokens.source.text)
        return self._say(self._unexpected(), incomplete=self.at_end and not ended)

    def _unexpected(self) -> str:
        """What was found, and what could have stood there."""
        if self.kind == ERROR:
            return f"'{self.found}' is not part of the language"
        expected = self._expected()
        listed = " or ".join(filter(None, [", ".join(expected[:-1]), *expected[-1:]]))
        return f"unexpected {self._described()}" + (f": expected {listed}" if listed else "")

    def _described(self) -> str:
        if self.kind in (STRING, FSTRING):
            return "string"
        names = {NEWLINE: "end of the line", END: "end of the text", DEDENT: "end of the block"}
        return names.get(self.kind) or f"'{self.found}'"

    def _expected(self) -> list[str]:
        """What could have stood there, in a reader's words, at most four."""
        words = {kind: word for word, kind in self.tables.vocabulary.kinds.items() if kind != ERROR}
        kinds = {END, NEWLINE, INDENT, DEDENT, NAME, NUMBER, STRING, *words}
        possible = {words.get(kind, kind) for kind in kinds if accepts(self.tables, self.stuck, kind)}
        found: list[str] = []
        if possible >= {NAME, "return", "import"}:
            return ["a statement"]
        if possible >= {NAME, NUMBER}:
            found.append("a value")
            possible -= _BEGIN_VALUE
        elif NAME in possible:
            found.append("a name")
        operators = possible >= {"+", "and"}
        if operators:
            possible -= _CONTINUE_VALUE
            if possible & {")", "]", "}", NEWLINE}:  # rarer ways to go on are not worth a reader's time
                possible -= {"=", "for", "if"} | ({":"} if NEWLINE in possible else set())
        elif "|" in possible:  # the name of a loop, of which operators could only make nonsense
            possible -= _CONTINUE_VALUE - {"in"}
        if possible >= {"+=", "-="}:
            possible -= {word for word in possible if isinstance(word, str) and word.endswith("=")}
        if NEWLINE in possible:
            possible.discard(";")
        found += [f"'{word}'" for word in sorted(map(str, possible - _LAYOUT)) if word not in map(str, _LAYOUT)]
        if operators:
            found.append("an operator")
        if NEWLINE in possible:
            found.append("the end of the line")
        elif END in possible:
            found.append("the end of the text")
        return found[:4]


_LAYOUT: set[object] = {END, NEWLINE, INDENT, DEDENT, NAME, NUMBER, STRING}
_BEGIN_VALUE: set[object] = {
    NAME, NUMBER, STRING, *"([{+-~", "not", "lambda", "True", "False", "None", "...", "*", "**", "yield",
}  # fmt: skip
_CONTINUE_VALUE: set[object] = {
    STRING, *"([.+-*/%@&|<>", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "in", "is", "not", "and", "or", "if",
    ":=",
}  # fmt: skip
