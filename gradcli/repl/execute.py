"""Running a cell: what it prints, and the values it shows."""

from __future__ import annotations

from collections.abc import Callable

from gradcli.api import Session
from gradcli.language.syntax import ast

Write = Callable[[str], None]
Show = Callable[[object], object]


def run_module(session: Session, module: ast.Module, shows: str, write: Write, show: Show) -> None:
    """Run parsed statements; `show` gets the values that are shown beside what is printed (see `Cell`).

    None is not shown, nor is a value that ends with `;`, by which notebooks hide it.
    """
    if shows == "none":
        session.run(module, write=write)
        return
    for part in _statements(module) if shows == "each" else [module]:
        value = session.eval(part, write=write)
        if value is not None and not _hidden(part):
            show(value)


def writing(write: Write) -> Show:
    """A `show` that writes the value's text, as Python's prompt and notebooks do."""
    return lambda value: write(f"{value!r}\n")


def _hidden(part: ast.Module) -> bool:
    """Whether a semicolon stands after the last statement."""
    return part.source.text[part.body[-1].end :].lstrip(" ").startswith(";")


def _statements(module: ast.Module) -> list[ast.Module]:
    """Each statement as a program of its own."""
    return [ast.Module([part], module.source, part.start, part.end) for part in module.body]
