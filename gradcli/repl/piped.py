"""Entries from a pipe: each statement as soon as it is known to be whole, so that a program may talk to the prompt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradcli.repl.cells import BLOCK, CLAUSE, MARKER, PROMPT, has_open_end


def entries(lines: Iterable[str]) -> Iterator[str]:
    """Statements and commands from lines; a text with prompts in it is one entry, as a paste is."""
    entry: list[str] = []
    transcript = False
    for line in lines:
        line = line.rstrip("\r\n")
        if not transcript and (MARKER.match(line) or PROMPT.match(line)):
            transcript = True
            yield from _flush(entry)
        if transcript:
            entry.append(line)
            continue
        if entry and not _continues(entry, line):
            yield from _flush(entry)
        if entry or line.strip():
            entry.append(line)
        if entry and not BLOCK.match(entry[0]) and not has_open_end(entry):
            yield from _flush(entry)
    yield from _flush(entry)


def _continues(entry: list[str], line: str) -> bool:
    """Whether a line belongs to the statement before it."""
    if not line.strip() or line[0] in " \t" or CLAUSE.match(line) or entry[-1].startswith("@"):
        return True
    return has_open_end(entry)


def _flush(entry: list[str]) -> Iterator[str]:
    if any(line.strip() for line in entry):
        yield "\n".join(entry)
    entry.clear()
