"""Source text and places in it; drawing the line with the carets under it. Imports nothing of gradcli."""

from __future__ import annotations

import unicodedata


class Source:
    """A text that was given to gradcli, with the name it goes by in messages.

    name is None for an expression of the command line, else a file name or a cell's label.
    first_line is the number of the text's first line (a cell in a document need not begin at 1).
    """

    __slots__ = ("first_line", "name", "text")

    def __init__(self, text: str, name: str | None = None, first_line: int = 1) -> None:
        self.text = text
        self.name = name
        self.first_line = first_line

    def locate(self, offset: int) -> tuple[int, int]:
        """The line and column, both from 1, of a character offset."""
        offset = min(max(offset, 0), len(self.text))
        line_start = self.text.rfind("\n", 0, offset) + 1
        line = self.text.count("\n", 0, offset) + self.first_line
        return line, offset - line_start + 1

    def line_around(self, offset: int) -> tuple[int, str]:
        """The offset at which the line around a character begins, and the line without its end."""
        offset = min(max(offset, 0), len(self.text))
        begin = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        return begin, self.text[begin : end if end >= 0 else len(self.text)].rstrip("\r")


class Span:
    """A stretch of a source: characters start to end, with the caret on `caret` where one place matters most."""

    __slots__ = ("caret", "end", "source", "start")

    def __init__(self, source: Source, start: int, end: int, caret: int | None = None) -> None:
        self.source = source
        self.start = start
        self.end = end
        self.caret = caret

    @property
    def text(self) -> str:
        """The characters of the span."""
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """The line of its first character, from 1."""
        return self.source.locate(self.start)[0]

    @property
    def column(self) -> int:
        """The column of its caret, else of its first character, from 1."""
        return self.source.locate(self.caret if self.caret is not None else self.start)[1]

    def underline(self, width: int = 76) -> tuple[str, str]:
        """The source line of the span, cut to `width` characters around it, and the marks to put below it."""
        at = self.caret if self.caret is not None else self.start
        begin, line = self.source.line_around(at)
        first = max(self.start - begin, 0)
        last = max(min(self.end - begin, len(line)), first + 1)
        caret = None if self.caret is None else self.caret - begin
        line, shift = _cut(line, first if caret is None else caret, width)
        marks = "".join(
            _mark(column, first, last, caret) * _columns(line, column - shift)
            for column in range(shift, min(last, shift + max(len(line), 1) + 1))
        )
        return line.replace("\t", " "), marks.rstrip()


def _cut(line: str, at: int, width: int) -> tuple[str, int]:
    """A stretch of a long line around a column, and the column at which it begins."""
    if len(line) <= width:
        return line, 0
    shift = min(max(at - width // 2, 0), len(line) - width)
    return line[shift : shift + width], shift


def _mark(column: int, first: int, last: int, caret: int | None) -> str:
    if not first <= column < last:
        return " "
    return "^" if caret is None or column == caret else "~"


def _columns(line: str, index: int) -> int:
    """How many columns of a terminal a character takes: two for wide ones (CJK)."""
    if index >= len(line):
        return 1
    return 2 if unicodedata.east_asian_width(line[index]) in "WF" else 1
