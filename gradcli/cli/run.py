"""`gradcli run`: programs, transcripts, notebooks and documents; `--check` compares with the recorded output."""

from __future__ import annotations

import difflib

from gradcli.api import Session
from gradcli.cli.arguments import Arguments
from gradcli.cli.documents import read_document
from gradcli.cli.program import bind_variables, check_stdin_once, names_in, never_named, open_session
from gradcli.cli.timelimit import time_limit
from gradcli.environment import Environment
from gradcli.language.syntax import ast
from gradcli.language.syntax.parse import parse_program
from gradcli.repl.cells import Cell
from gradcli.repl.execute import Write, run_module, writing


def run_run(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli run`: everything is parsed first, then output streams as it is printed."""
    check_stdin_once(arguments)
    path = arguments.operands[0]
    cells = read_document(path, environment)
    modules = [parse_program(cell.source) for cell in cells]
    _check_variables(modules, arguments)
    with time_limit(arguments.values.get("timeout"), environment):
        session = open_session(arguments)
        bind_variables(session, arguments, environment, None)
        if "check" in arguments.flags:
            return check_document(session, cells, modules, environment)
        write = _at_once(environment)
        for cell, module in zip(cells, modules, strict=True):
            run_module(session, module, cell.shows, write, writing(write))
    if "keep_session" in arguments.flags:
        from gradcli.cli.atprompt import talk

        return talk(session, environment, modules)
    return 0


def _at_once(environment: Environment) -> Write:
    """A write whose text is seen at once, by a pipe too."""
    stdout = environment.stdout

    def write(text: str) -> None:
        stdout.write(text)
        stdout.flush()

    return write


def _check_variables(modules: list[ast.Module], arguments: Arguments) -> None:
    named = set().union(*(names_in(module) for module in modules)) if arguments.bindings else set()
    for binding in arguments.bindings:
        if binding.name not in named and not any(binding.name in other.text for other in arguments.bindings):
            raise never_named(binding.name, named, arguments)


def check_document(session: Session, cells: list[Cell], modules: list[ast.Module], environment: Environment) -> int:
    """Run all cells and print a diff for each whose output is not the recorded one; 1 if there is any."""
    compared = different = 0
    for cell, module in zip(cells, modules, strict=True):
        printed: list[str] = []
        run_module(session, module, cell.shows, printed.append, writing(printed.append))
        if cell.recorded is None:
            continue
        compared += 1
        diff = compare("".join(printed), cell)
        different += bool(diff)
        environment.stdout.write(diff)
    what = (
        "nothing is recorded" if not compared else f"{compared - different} of {compared} cells print what is recorded"
    )
    print(what, file=environment.stderr)
    return 1 if different else 0


def compare(printed: str, cell: Cell) -> str:
    """A unified diff from the recorded output to the printed one, empty where they agree.

    Where prose may follow the recorded output, only as much of it counts as was printed.
    """
    got = [line.rstrip() for line in printed.strip("\n").split("\n")] if printed.strip() else []
    recorded = (cell.recorded or "").strip("\n")
    expected = [line.rstrip() for line in recorded.split("\n")] if recorded.strip() else []
    if not cell.exact:
        expected = expected[: len(got)]
    place = f"{cell.source.name}, line {cell.source.first_line}"
    lines = difflib.unified_diff(expected, got, f"{place}: recorded", f"{place}: printed", lineterm="")
    return "".join(f"{line}\n" for line in lines)
