"""Files that `gradcli run` reads, as cells: programs, transcripts, notebooks, Markdown."""

from __future__ import annotations

import re
from typing import Any

from gradcli.cli.program import read_text
from gradcli.environment import Environment
from gradcli.errors import FileError
from gradcli.repl.cells import Cell, has_prompts, looks_like_program, split_cells, without_magics
from gradcli.source import Source

FENCE = re.compile(r"^(?P<indent>\s*)(?P<mark>`{3,}|~{3,})\s*\{?\.?(?P<language>[\w+-]*)")
CODE = frozenset({"python", "py", "python3", "pycon", "ipython", "code-cell"})
RECORD = frozenset({"", "text", "txt", "output", "console", "none"})


def read_document(path: str, environment: Environment) -> list[Cell]:
    """The cells of a file, by the ending of its name; `-` is standard input. Raises: FileError."""
    text = read_text(path, environment)
    if path.endswith(".ipynb"):
        return notebook_cells(text, path)
    if path.endswith((".md", ".markdown")):
        return markdown_cells(text, path)
    return split_cells(text, "standard input" if path == "-" else path)


def notebook_cells(text: str, path: str) -> list[Cell]:
    """The code cells of a notebook, with the output recorded in it."""
    import json  # here for start-up: only notebooks need it

    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise FileError(f"{path} is not a notebook: it is not JSON") from None
    if not isinstance(content, dict):
        raise FileError(f"{path} is not a notebook: it has no cells")
    sheets = content.get("worksheets") or [content]  # format 3 had sheets
    cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
    if not cells and "cells" not in content:
        raise FileError(f"{path} is not a notebook: it has no cells")
    code = [cell for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    return [_notebook_cell(cell, f"{path}, cell {number}") for number, cell in enumerate(code, 1)]


def _notebook_cell(cell: dict[str, Any], name: str) -> Cell:
    lines = _joined(cell.get("source", cell.get("input", ""))).split("\n")
    if lines[0].startswith("%%") and not lines[0].startswith(("%%time", "%%capture", "%%python")):
        lines = []  # a cell of another language
    source = Source("\n".join(without_magics(lines)), name)
    ran = cell.get("execution_count", cell.get("prompt_number")) is not None
    return Cell(source, "last", _recorded(cell.get("outputs", [])) if ran else None, exact=True)


def _recorded(outputs: list[dict[str, Any]]) -> str:
    """The text that a cell's outputs show, standard error left out."""
    texts = []
    for output in outputs:
        if output.get("output_type") == "stream" and output.get("name", output.get("stream")) != "stderr":
            texts.append(_joined(output.get("text", "")))
        elif output.get("output_type") in ("execute_result", "pyout", "display_data"):
            data = output.get("data", output)
            texts.append(_joined(data.get("text/plain", data.get("text", ""))) + "\n")
    return "".join(texts)


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def markdown_cells(text: str, path: str) -> list[Cell]:
    """The fenced blocks of code; a block of plain text right after one is what it prints."""
    cells: list[Cell] = []
    adjacent = False  # whether the last thing read was a block of code without prompts
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if fence is None:
            adjacent = adjacent and not lines[at].strip()
            at += 1
            continue
        end = _fence_end(lines, at, fence["mark"])
        block = "\n".join(line.removeprefix(fence["indent"]) for line in lines[at + 1 : end])
        language = fence["language"].lower()
        if adjacent and language in RECORD and not has_prompts(block):
            cells[-1].recorded, cells[-1].exact = block, True
            adjacent = False
        elif language in CODE or (language in RECORD and (has_prompts(block) or looks_like_program(block))):
            found = split_cells(block, path, at + 2)
            cells += found
            adjacent = len(found) == 1 and found[0].recorded is None
        else:
            adjacent = False
        at = end + 1
    return cells


def _fence_end(lines: list[str], start: int, mark: str) -> int:
    """The line of the closing fence, or the end of the text."""
    for at in range(start + 1, len(lines)):
        line = lines[at].strip()
        if line.startswith(mark) and not line.strip(mark[0]):
            return at
    return len(lines)
