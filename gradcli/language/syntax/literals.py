r"""Strings: escapes, implicit concatenation, and the fields of f-strings.

Plain strings do not come here (`build.strings`), so a program pays for this module when it has a `\n` or an f-string.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcli.language.syntax import ast
from gradcli.language.syntax.lexer import BRACKETS, Tokens, read_expression
from gradcli.language.syntax.targets import refuse

_ESCAPE = re.compile(
    r"\\(?:\r\n|([0-7]{1,3})|(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|N\{([^}]*)\}|(.))", re.S
)
_SIMPLE = {"\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SIMPLE |= {"\n": "", "\r": ""}

# What matters in the text of an f-string between its fields; in a raw one a backslash does not.
_MARK = re.compile(r"\\N\{[^}]*\}|\\[^{}]|\{\{|\}\}|\{|\}", re.S)
_RAW_MARK = re.compile(r"\{\{|\}\}|\{|\}")


def read_strings(tokens: Tokens, numbers: Sequence[int], start: int, end: int) -> ast.Literal | ast.JoinedStr:
    """The value of strings that stand side by side."""
    parts: list[ast.Literal | ast.FormatPart] = []
    formatted = False
    for number in numbers:
        string = _String(tokens, number)
        formatted = formatted or string.formatted
        for part in string.parts():
            before = parts[-1] if parts else None
            if isinstance(part, ast.Literal) and isinstance(before, ast.Literal):
                parts[-1] = ast.Literal(f"{before.value}{part.value}", before.start, part.end)
            else:
                parts.append(part)
    if formatted:
        return ast.JoinedStr(
            [part for part in parts if not (isinstance(part, ast.Literal) and part.value == "")], start, end
        )
    text = "".join(str(part.value) for part in parts if isinstance(part, ast.Literal))
    return ast.Literal(text, start, end)


class _String:
    """A string token: its prefix, and where its text begins and ends."""

    def __init__(self, tokens: Tokens, number: int) -> None:
        self.tokens = tokens
        self.source = tokens.source.text
        text = tokens.texts[number]
        quote = min(place for place in (text.find("'"), text.find('"')) if place >= 0)
        prefix = text[:quote].lower()
        self.raw = "r" in prefix
        self.formatted = "f" in prefix
        quotes = 3 if text[quote : quote + 3] in ("'''", '"""') else 1
        self.begin = tokens.starts[number] + quote + quotes
        self.end = tokens.ends[number] - quotes

    def parts(self) -> list[ast.Literal | ast.FormatPart]:
        """The stretches of text and the fields."""
        if self.formatted:
            parts, _ = self._formatted_parts(self.begin, in_spec=False)
            return parts
        return [ast.Literal(self._decoded(self.begin, self.end), self.begin, self.end)]

    def _decoded(self, begin: int, end: int) -> str:
        """The text between two offsets, with escapes replaced and ends of lines as one character."""
        text = self.source[begin:end]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if self.raw or "\\" not in text:
            return text
        return _ESCAPE.sub(lambda found: self._unescaped(found, begin), text)

    def _unescaped(self, found: re.Match[str], begin: int) -> str:
        octal, code, name, other = found.groups()
        at = begin + found.start()
        if octal:
            return chr(int(octal, 8))
        if code:
            number = int(code[1:], 16)
            if number > 0x10FFFF:
                refuse(self.tokens, f"'{found[0]}' is beyond the last character, \\U0010ffff", at, at + len(found[0]))
            return chr(number)
        if name is not None:
            import unicodedata

            try:
                return unicodedata.lookup(name)
            except KeyError:
                refuse(self.tokens, f"no character is called '{name}'", at, at + len(found[0]))
        if other is None:
            return ""
        if other in "xuUN":
            wanted = {"x": "two hex digits", "u": "four hex digits", "U": "eight hex digits", "N": "a name in braces"}
            refuse(self.tokens, f"'\\{other}' needs {wanted[other]} after it", at, at + 2)
        return _SIMPLE.get(other, found[0])

    def _formatted_parts(self, begin: int, in_spec: bool) -> tuple[list[ast.Literal | ast.FormatPart], int]:
        """The parts of an f-string from an offset, to its end or, in a format spec, to the brace that closes it."""
        parts: list[ast.Literal | ast.FormatPart] = []
        mark = _RAW_MARK if self.raw else _MARK
        at = since = begin
        while (found := mark.search(self.source, at, self.end)) is not None:
            at = found.end()
            if found[0][0] == "\\":
                continue
            if found[0] == "}" or (in_spec and found[0] == "}}"):
                if in_spec:
                    self._add_text(parts, since, found.start())
                    return parts, found.start()
                hint = "write }} for a brace in the text"
                refuse(self.tokens, "'}' closes nothing in this f-string", found.start(), at, hint)
            if found[0] == "{" or in_spec:
                self._add_text(parts, since, found.start())
                field, at = self._field(found.start())
                parts.append(field)
                since = at
            else:  # a doubled brace stands for one
                self._add_text(parts, since, at - 1)
                since = at
        self._add_text(parts, since, self.end)
        return parts, self.end

    def _add_text(self, parts: list[ast.Literal | ast.FormatPart], begin: int, end: int) -> None:
        if begin < end:
            parts.append(ast.Literal(self._decoded(begin, end), begin, end))

    def _field(self, opening: int) -> tuple[ast.FormatPart, int]:
        """The field that a brace opens, and the offset after the brace that closes it."""
        begin = opening + 1
        end = self._end_of_expression(begin, opening)
        at = end
        text = ""
        if self.source.startswith("=", at):
            at = _after_blanks(self.source, at + 1)
            text = self.source[begin:at]
        value = self._expression(begin, end, opening)
        conversion: str | None = None
        if self.source.startswith("!", at):
            conversion = self.source[at + 1 : at + 2]
            if conversion not in ("r", "s", "a"):
                refuse(self.tokens, "after '!' comes r, s or a", at, at + 2, "f'{x!r}' prints repr(x)")
            at = _after_blanks(self.source, at + 2)
        spec: ast.JoinedStr | None = None
        if self.source.startswith(":", at):
            parts, closing = self._formatted_parts(at + 1, in_spec=True)
            spec = ast.JoinedStr(parts, at + 1, closing)
            at = closing
        if at >= self.end or self.source[at] != "}":
            refuse(self.tokens, "'{' was never closed in this f-string", opening, opening + 1)
        if text and conversion is None and spec is None:
            conversion = "r"
        return ast.FormatPart(value, conversion, spec, text, opening, at + 1), at + 1

    def _expression(self, begin: int, end: int, opening: int) -> ast.Expr:
        if not self.source[begin:end].strip():
            refuse(
                self.tokens, "a field of an f-string is empty", opening, end + 1, "write {{}} for braces in the text"
            )
        tokens = read_expression(self.tokens.source, self.tokens.vocabulary, begin, end)
        value: ast.Expr = self.tokens.subparse(tokens)
        return value

    def _end_of_expression(self, begin: int, opening: int) -> int:
        """Where the expression of a field ends: before = ! : or } outside all brackets."""
        pattern = self.tokens.vocabulary.pattern_for(self.source)
        depth = 0
        at = begin
        while True:
            found = pattern.match(self.source, at, self.end)
            if found is None:
                refuse(self.tokens, "'{' was never closed in this f-string", opening, opening + 1)
            token = found[0].lstrip(" \t\f")
            start = found.end() - len(token)
            if not depth and (token in ("}", "!", ":", ":=") or (token == "=" and self._ends_debugging(found.end()))):
                return start
            if token in BRACKETS:
                depth += 1 if token in "([{" else -1
            at = found.end()

    def _ends_debugging(self, at: int) -> bool:
        """Whether an `=` before an offset is the one of `{x=}`."""
        at = _after_blanks(self.source, at)
        return at < self.end and self.source[at] in "}!:"


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\f\r\n":
        at += 1
    return at
