"""Derivatives as labelled blocks, and how the matrix commands write them: text, JSON, CSV, npz.

A block is the derivative of one output (or of the gradient by one variable) by one variable; its shape is that of the
row's tensor followed by the column's.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, SupportsIndex

import numpy as np

from gradcli.cli.result import array_of, value_json
from gradcli.language.tensors.tensor import Tensor
from gradcli.render.jsontext import array_json, tensor_json

Array = np.ndarray[Any, Any]


class Part:
    """What a row or a column of blocks belongs to: a name and a shape."""

    __slots__ = ("name", "shape")

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name = name
        self.shape = shape

    def labels(self) -> Iterator[str]:
        """`x[0,1]` for each element; a number has none."""
        return map(self.label, np.ndindex(self.shape))

    def label(self, index: tuple[SupportsIndex, ...]) -> str:
        """`x[0,1]`, or the name of a number."""
        return f"{self.name}[{','.join(map(str, index))}]" if index else self.name

    @property
    def size(self) -> int:
        """How many elements it has."""
        return int(np.prod(self.shape, dtype=np.int64))


class Blocks:
    """A matrix of blocks: kind is jacobian or hessian; blocks[row][column] are tensors."""

    __slots__ = ("blocks", "columns", "kind", "rows", "value")

    def __init__(
        self, kind: str, value: object, rows: list[Part], columns: list[Part], blocks: list[list[Tensor]]
    ) -> None:
        self.kind = kind
        self.value = value
        self.rows = rows
        self.columns = columns
        self.blocks = blocks

    def matrix(self) -> Array:
        """All blocks as one matrix: a row for each element of the rows' parts, a column for each of the columns'."""
        whole = [
            np.concatenate(
                [
                    array_of(block).reshape(row.size, column.size)
                    for block, column in zip(line, self.columns, strict=True)
                ],
                axis=1,
            )
            for row, line in zip(self.rows, self.blocks, strict=True)
        ]
        return np.concatenate(whole, axis=0)

    @property
    def row_labels(self) -> list[str]:
        """What each row of the matrix is."""
        return [label for row in self.rows for label in row.labels()]

    @property
    def column_labels(self) -> list[str]:
        """What each column of the matrix is."""
        return [label for column in self.columns for label in column.labels()]

    @property
    def layout(self) -> str:
        """Where a derivative stands, in words."""
        if self.kind == "hessian":
            return "rows and columns are the elements of the variables"
        return "a row for each element of the output, a column for each element of the variables"

    def named(self) -> Iterator[tuple[str, Part, Part, Tensor]]:
        """The blocks with a name for each: `x.jacobian`, `output_1.x.jacobian`, `x.y.hessian`."""
        for row, line in zip(self.rows, self.blocks, strict=True):
            for column, block in zip(self.columns, line, strict=True):
                several = self.kind == "hessian" or len(self.rows) > 1
                yield f"{row.name}.{column.name}" if several else column.name, row, column, block


def render_blocks(found: Blocks, form: str) -> str | bytes:
    """What jacobian and hessian write, in the form that --format names."""
    if form == "json":
        return blocks_json(found)
    if form == "csv":
        return blocks_csv(found)
    if form == "npz":
        return blocks_npz(found)
    return blocks_text(found)


def blocks_text(found: Blocks) -> str:
    """Torch's tensor of each block, after a line that says what it is and how it is laid out."""
    parts = []
    for name, row, column, block in found.named():
        layout = f"{row.name} {row.shape} by {column.name} {column.shape}"
        parts.append(f"{name}.{found.kind}: {layout}\n{block}\n")
    return "".join(parts)


def blocks_json(found: Blocks) -> str:
    """One object: the output, and the blocks by name: of a tuple's outputs a list, of a Hessian an object in each."""
    lines = [
        {column.name: tensor_json(array_of(block)) for column, block in zip(found.columns, line, strict=True)}
        for line in found.blocks
    ]
    if found.kind == "hessian":
        pairs = zip(found.rows, lines, strict=True)
        body = _object({row.name: _object(line) for row, line in pairs})
    elif isinstance(found.value, Tensor):
        body = _object(lines[0])
    else:
        body = _object({c.name: f"[{', '.join(line[c.name] for line in lines)}]" for c in found.columns})
    layout = "shape of the row's variable + shape of the column's" if found.kind == "hessian" else "output + variable"
    return f'{{"output": {value_json(found.value)}, "{found.kind}": {body}, "layout": "{layout}"}}\n'


def _object(texts: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {text}' for name, text in texts.items()) + "}"


def blocks_csv(found: Blocks) -> str:
    """The labelled matrix: a column of labels, then a column for each element of the variables."""
    lines = [",".join(["", *map(_quoted, found.column_labels)])]
    for label, numbers in zip(found.row_labels, found.matrix(), strict=True):
        lines.append(",".join([_quoted(label), array_json(numbers).strip("[]").replace('"', "").replace(", ", ",")]))
    return "\n".join(lines) + "\n"


def _quoted(label: str) -> str:
    return f'"{label}"' if "," in label else label


def blocks_npz(found: Blocks) -> bytes:
    """A numpy archive with the blocks under the names that text has."""
    file = io.BytesIO()
    arrays = {f"{name}.{found.kind}": array_of(block) for name, _, _, block in found.named()}
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()
