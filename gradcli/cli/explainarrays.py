"""Arrays in an explanation: in a line where they fit, else row by row, the middle of large ones left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcli.cli.explanation import numeral

Array = np.ndarray[Any, Any]
EDGE = 3  # elements kept at both ends, as torch does
FEW = 6  # rows of a matrix, or elements of a row, of which none is left out
GAP = "..."
LINE = 12  # elements of a vector that are in one line


def in_line(array: Array, room: int) -> str | None:
    """An array in one line; None where it does not fit."""
    array = np.asarray(array)
    if array.ndim < 2 and array.size > LINE:
        return _row(array, room)
    if array.size > LINE:
        return None
    text = _nested(array)
    return text if len(text) <= room else _row(array, room) if array.ndim == 1 else None


def _nested(array: Array) -> str:
    if array.ndim == 0:
        return numeral(array.item())
    return f"[{', '.join(_nested(part) for part in array)}]"


def _row(row: Array, room: int) -> str:
    """A vector with its middle left out, and its shape."""
    shape = f" {tuple(row.shape)}"
    for edge in (EDGE, 2, 1):
        ends = [numeral(v) for v in row[:edge].tolist()], [numeral(v) for v in row[-edge:].tolist()]
        text = f"[{', '.join([*ends[0], GAP, *ends[1]])}]{shape}"
        if len(text) <= room:
            break
    return text


def short(array: Array, room: int) -> str:
    """An array in one line in any case."""
    text = in_line(array, room)
    return text if text is not None else " ".join(line.strip() for line in rows(array, room))


def rows(array: Array, room: int) -> list[str]:
    """An array in rows, columns aligned; rows and columns left out in the middle where there are many."""
    array = np.asarray(array)
    if array.ndim < 2:
        return [in_line(array, room) or _row(array, room)]
    kept, shape = _edges(array.shape, room, array), ""
    if any(part is None for dim in kept for part in dim):
        shape = f" {tuple(array.shape)}"
    lines = list(_lines(array, kept))
    return [*lines[:-1], lines[-1] + shape]


def _edges(shape: tuple[int, ...], room: int, array: Array) -> list[list[int | None]]:
    """The positions kept along each dimension; None where some are left out."""
    inner = len(shape) - 2
    kept = [_ends(n, *((FEW, EDGE) if at >= inner else (2, 1))) for at, n in enumerate(shape)]
    ends = array[np.ix_(*[[i for i in dim if i is not None] for dim in kept])]
    widest = max((len(numeral(v)) for v in ends.reshape(-1).tolist()), default=1) + 2
    fit = max((room - 2 * len(shape) - len(str(shape))) // widest, 2)
    if shape[-1] > fit or len(kept[-1]) < shape[-1]:
        kept[-1] = _ends(shape[-1], fit, max(min(EDGE, (fit - 1) // 2), 1))
    return kept


def _ends(n: int, few: int, edge: int) -> list[int | None]:
    return list(range(n)) if n <= few else [*range(edge), None, *range(n - edge, n)]


def _lines(array: Array, kept: list[list[int | None]]) -> Iterator[str]:
    texts = {}
    for index in np.ndindex(*[len(dim) for dim in kept]):
        at = [dim[i] for dim, i in zip(kept, index, strict=True)]
        texts[index] = GAP if None in at else numeral(array[tuple(at)].item())
    width = max((len(text) for text in texts.values() if text != GAP), default=0)
    ndim, rows_of = array.ndim, [len(dim) for dim in kept]
    for outer in np.ndindex(*rows_of[:-1]):
        opened = next((d for d in range(ndim - 1, 0, -1) if outer[d - 1]), 0)
        closed = next((d for d in range(ndim - 1, 0, -1) if outer[d - 1] < rows_of[d - 1] - 1), 0)
        start = " " * opened + "[" * (ndim - opened)
        end = "]" * (ndim - closed) + ("," if closed else "")
        if None in [dim[i] for dim, i in zip(kept, outer, strict=False)]:
            if not outer[-1] or kept[-2][outer[-1]] is None:
                yield " " * opened + GAP
            continue
        inside = [texts[(*outer, i)] for i in range(rows_of[-1])]
        yield start + ", ".join(text if text == GAP else text.rjust(width) for text in inside) + end


def whole(array: Array, room: int, limit: int) -> list[str]:
    """All elements of an array of at most `limit`, rows continued where they are long; of a larger one the edges."""
    array = np.asarray(array)
    text = _nested(array) if array.size <= limit else ""
    if text and len(text) <= room:
        return [text]
    if array.size > limit:
        return rows(array, room)
    lines: list[str] = []
    every: list[list[int | None]] = [list(range(n)) for n in array.shape]
    for line in _lines(array, every) if array.ndim > 1 else [text]:
        lines += _continued(line, room)
    return lines


def _continued(line: str, room: int) -> Iterator[str]:
    indent = " " * (len(line) - len(line.lstrip(" [")))
    while len(line) > room:
        cut = line.rfind(", ", 0, room)
        if cut < len(indent):
            break
        yield line[: cut + 1]
        line = indent + line[cut + 2 :].lstrip()
    yield line
