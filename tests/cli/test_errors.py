"""A wrong command line of each kind, its whole message and its status, and nothing on standard output.

The cases stand in golden/ beside this file; `GRADCLI_REWRITE=1 pytest tests/cli/test_errors.py` writes them anew.
"""

import os
import shlex
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(GOLDEN.glob("*.txt"))


def parts(text):
    """The command line, its status and its message."""
    command, _, rest = text.partition("\n")
    status, _, message = rest.partition("\n")
    return command.removeprefix("$ gradcli "), int(status.removeprefix("status ") or 0), message


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_error(path, call, monkeypatch):
    monkeypatch.chdir(GOLDEN)
    command, status, message = parts(path.read_text(encoding="utf-8"))
    ended = call(*shlex.split(command))
    if os.environ.get("GRADCLI_REWRITE"):
        path.write_text(f"$ gradcli {command}\nstatus {ended.status}\n{ended.err}", encoding="utf-8")
        return
    assert (ended.status, ended.err) == (status, message)
    assert ended.out == ""
    assert "Traceback" not in ended.err


def test_there_are_cases():
    assert len(CASES) >= 25
