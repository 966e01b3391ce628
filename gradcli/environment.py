"""What surrounds a command: its streams, what they are connected to, environment variables, where files belong.

Commands take an Environment and touch nothing else of the process, so a test hands them one of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Literal, TextIO


class Environment:
    """Streams, environment variables and terminal facts of one run."""

    __slots__ = ("stderr", "stdin", "stdout", "variables")

    def __init__(self, stdin: TextIO, stdout: TextIO, stderr: TextIO, variables: Mapping[str, str]) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.variables = variables

    @classmethod
    def of_process(cls) -> Environment:
        """The environment of this process; text that the terminal cannot show is escaped, not refused."""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        return cls(_or_null(sys.stdin, "r"), _or_null(sys.stdout, "w"), _or_null(sys.stderr, "w"), os.environ)

    @property
    def stdin_is_terminal(self) -> bool:
        """Whether a person types the input."""
        return _is_terminal(self.stdin)

    @property
    def stdout_is_terminal(self) -> bool:
        """Whether a person reads the output."""
        return _is_terminal(self.stdout)

    @property
    def width(self) -> int:
        """Columns of the terminal, 80 where there is none."""
        text = self.variables.get("COLUMNS", "")
        if text.isdigit() and int(text) > 0:
            return int(text)
        try:
            return os.get_terminal_size(self.stdout.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def color_allowed(self, stream: TextIO) -> bool:
        """Colour only on a terminal that has it, and never with NO_COLOR."""
        if self.variables.get("NO_COLOR") or self.variables.get("TERM") == "dumb":
            return False
        return _is_terminal(stream)

    @property
    def debug(self) -> bool:
        """Whether tracebacks are wanted (GRADCLI_DEBUG=1)."""
        return self.variables.get("GRADCLI_DEBUG", "") not in ("", "0")

    @property
    def config_path(self) -> str:
        """Where the settings file is, if there is one."""
        return os.path.join(self._base("XDG_CONFIG_HOME", ".config"), "gradcli", "config.toml")

    @property
    def history_path(self) -> str:
        """Where the prompt keeps its history."""
        given = self.variables.get("GRADCLI_HISTORY")
        return given or os.path.join(
            self._base("XDG_STATE_HOME", os.path.join(".local", "state")), "gradcli", "history"
        )

    def _base(self, variable: str, fallback: str) -> str:
        """An XDG base directory; the standard says that a relative one is to be ignored."""
        given = self.variables.get(variable, "")
        if os.path.isabs(given):
            return given
        return os.path.join(self.variables.get("HOME") or os.path.expanduser("~"), fallback)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # a closed stream
        return False


def _or_null(stream: TextIO | None, mode: Literal["r", "w"]) -> TextIO:
    """The stream, or the null device where the process was started with it closed."""
    return stream if stream is not None else open(os.devnull, mode, encoding="utf-8")
