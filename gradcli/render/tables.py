"""Tables on a terminal, drawn by rich: labelled matrices, and the rows of a check."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

Array = np.ndarray[Any, Any]

ALL = 24  # rows of a matrix that are shown without leaving any out
EDGE = 8  # rows shown at both ends of a longer one
GAP = "..."
HEAD, TAIL = 6, 4  # letters of a long name that are shown
BAR = " │"  # between the columns of different variables


def matrix_table(
    matrix: Array,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    layout: str,
    borders: tuple[Sequence[int], Sequence[int]],
    width: int,
    color: bool,
) -> str:
    """A matrix with a label at each row and column; one too wide for the terminal is continued below.

    borders: how many rows, and columns, belong together: lines are drawn between these blocks.
    layout: what rows and columns are, in words.
    """
    rows, columns = _shortened(rows), _shortened(columns)
    shown = _shown(len(rows), ALL, EDGE)
    texts = _numbers(matrix, shown, _shown(len(columns), ALL, EDGE))
    console, file = _console(width, color)
    size = f"{len(rows)} x {len(columns)}"
    for line in (f"{title}, {size}",) if len(title) + len(size) + 2 <= width else (title, size):
        console.print(Text(line, style="bold"))
    console.print(Text(layout, style="dim"))
    if not matrix.size:
        console.print("it has no elements")
        return file.getvalue()
    row_ends, column_ends = (set(np.cumsum(sizes).tolist()) for sizes in borders)
    for number, chunk in enumerate(_chunks(texts, shown, rows, columns, column_ends, width)):
        if number:
            console.print()
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 0, 0, 1))
        table.add_column("", style="cyan", no_wrap=True)
        for at in chunk:
            barred = at is not None and at + 1 in column_ends and at != chunk[-1]
            heading = GAP if at is None else columns[at]
            table.add_column(heading + BAR * barred, justify="right", no_wrap=True)
        for row in shown:
            cells = [
                GAP if row is None or at is None else texts[row][at] + BAR * (at + 1 in column_ends and at != chunk[-1])
                for at in chunk
            ]
            ends = row is not None and row + 1 in row_ends and row + 1 < len(rows)
            table.add_row(GAP if row is None else rows[row], *cells, end_section=ends)
        console.print(table)
    if len(shown) < len(rows) or len(columns) > ALL:
        console.print(Text("not all are shown: --format csv, json and npz have the whole matrix", style="dim"))
    return file.getvalue()


def rows_table(
    headings: Sequence[tuple[str, str]], rows: Iterable[Sequence[tuple[str, str]]], width: int, color: bool
) -> str:
    """A table of texts. headings: (text, left or right). rows: cells as (text, style)."""
    console, file = _console(width, color)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    for text, side in headings:
        right = side == "right"
        table.add_column(text.replace(" ", "\n"), justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in rows:
        table.add_row(*[Text(text, style=style) for text, style in row])
    console.print(table)
    return file.getvalue()


def _console(width: int, color: bool) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False
    )
    return console, file


def _numbers(matrix: Array, rows: list[int | None], columns: list[int | None]) -> dict[int, dict[int, str]]:
    """The numbers of some rows and columns, written as all of the matrix can be."""
    write = _writer(matrix)
    return {
        row: {at: write(matrix[row, at].item()) for at in columns if at is not None} for row in rows if row is not None
    }


def _writer(matrix: Array) -> Callable[[float], str]:
    """Four digits after the point, scientific notation where a number would lose its digits; whole ones as they are."""
    finite = np.abs(matrix[np.isfinite(matrix) & (matrix != 0)].astype(np.float64))
    if finite.size and np.all(finite == np.round(finite)) and finite.max() < 1e6:
        return lambda number: "0" if number == 0 else f"{number:.0f}"
    wide = finite.size and (finite.max() >= 1e5 or finite.min() < 1e-4 or finite.max() / finite.min() > 1e6)
    form = ".4e" if wide else ".4f"
    return lambda number: "0" if number == 0 else format(number, form)


def _shown(count: int, most: int, edge: int) -> list[int | None]:
    """The positions that are shown, None for those left out between them."""
    if count <= most:
        return list(range(count))
    return [*range(edge), None, *range(count - edge, count)]


def _chunks(
    texts: dict[int, dict[int, str]],
    shown: list[int | None],
    rows: Sequence[str],
    columns: Sequence[str],
    column_ends: set[int],
    width: int,
) -> list[list[int | None]]:
    """The columns that are shown, in groups that fit the width."""
    label = max([len(row) for row in rows] + [len(GAP)]) + 1
    places = _shown(len(columns), ALL, EDGE)
    sizes = [_column_width(at, texts, shown, columns, column_ends) for at in places]
    groups: list[list[int | None]] = [[]]
    room = width - label
    for number, (at, size) in enumerate(zip(places, sizes, strict=True)):
        block = _block_width(places[number:], sizes[number:], column_ends) if at in column_ends else size
        if groups[-1] and (size > room or room < block <= width - label):
            groups.append([])
            room = width - label
        groups[-1].append(at)
        room -= size
    return groups


def _column_width(
    at: int | None,
    texts: dict[int, dict[int, str]],
    shown: list[int | None],
    columns: Sequence[str],
    column_ends: set[int],
) -> int:
    """How much of a line a column takes."""
    if at is None:
        return 2 + len(GAP)
    longest = max([len(columns[at])] + [len(texts[row][at]) for row in shown if row is not None])
    return 2 + longest + (len(BAR) if at + 1 in column_ends else 0)


def _block_width(places: Sequence[int | None], sizes: Sequence[int], column_ends: set[int]) -> int:
    """How much of a line the columns up to the end of a variable take: it is not broken where it fits a line."""
    width = 0
    for at, size in zip(places, sizes, strict=True):
        width += size
        if at is not None and at + 1 in column_ends:
            break
    return width


def _shortened(labels: Sequence[str]) -> list[str]:
    """Labels with the middle of long names left out, where they stay different; the title has the whole names."""
    parts = [label.partition("[") for label in labels]
    short = {
        name: f"{name[:HEAD]}…{name[-TAIL:]}" if len(name) > HEAD + TAIL + 2 else name for name in {p[0] for p in parts}
    }
    if len(set(short.values())) < len(short):
        return list(labels)
    return [short[name] + bracket + index for name, bracket, index in parts]
