"""What the tests of running programs share: a machine without tensors, and Python itself to compare with."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from gradcli.errors import GradcliError
from gradcli.language.machine.machine import Machine, compile_program
from gradcli.language.syntax.parse import parse_program
from gradcli.source import Source


class Written:
    """A context that keeps what is printed and counts how often it was asked to settle."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.settled = 0

    def write(self, text: str) -> None:
        self.pieces.append(text)

    def settle(self) -> None:
        self.settled += 1

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class Session:
    """A machine with its variables, which several programs share."""

    def __init__(self) -> None:
        self.context = Written()
        self.machine = Machine(self.context)
        self.names: dict[str, Any] = {}

    def run(self, program: str) -> Any:
        """The value of the program's last expression."""
        return self.machine.run(compile_program(parse_program(Source(program))), self.names)

    def printed(self, program: str) -> str:
        """What a program prints, and the name and text of the error that ended it."""
        before = len(self.context.pieces)
        try:
            self.run(program)
        except GradcliError as error:
            self.context.write(f"{error.python_name}: {error.said()}\n")
        return "".join(self.context.pieces[before:])


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def printed() -> Callable[[str], str]:
    """What a program prints in a session of its own."""
    return lambda program: Session().printed(program)


@pytest.fixture
def python() -> Callable[[str], str]:
    """What Python prints for the same program."""
    return run_python


def run_python(program: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})  # noqa: S102
        except Exception as error:  # noqa: BLE001 (whatever Python says is what is asked for)
            out.write(f"{type(error).__name__}: {error}\n")
    return out.getvalue()
