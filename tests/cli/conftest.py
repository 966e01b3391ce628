"""Two ways to run a command line: in this process with an Environment of its own, and as a real process."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradcli.cli.main import run_command
from gradcli.environment import Environment

ROOT = Path(__file__).parents[2]


class Ended:
    """How a command ended."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    def __repr__(self):
        return f"status {self.status}\n--- out\n{self.out}--- err\n{self.err}"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def call(tmp_path):
    """Run a command line in this process."""

    def run(*words, stdin="", variables=None):
        streams = [io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")]
        streams += [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
        status = run_command(list(words), Environment(*streams, {"HOME": str(tmp_path), **(variables or {})}))
        out, err = (stream.buffer.getvalue() for stream in streams[1:])
        return Ended(status, out if out.startswith(b"PK") else out.decode(), err.decode())

    return run


@pytest.fixture
def terminal(tmp_path):
    """What a command line writes to a terminal of 80 columns without colour."""

    def run(*words):
        out = Terminal()
        stdin, err = io.StringIO(), io.StringIO()
        variables = {"HOME": str(tmp_path), "COLUMNS": "80", "NO_COLOR": "1"}
        run_command(list(words), Environment(stdin, out, err, variables))
        return out.getvalue() + err.getvalue()

    return run


@pytest.fixture
def process(tmp_path):
    """Run a command line as a process, in an empty folder."""

    def run(*words, stdin="", variables=None, timeout=60, cwd=tmp_path):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GRADCLI_")}
        kept.update(PYTHONPATH=str(ROOT), XDG_CONFIG_HOME=str(tmp_path), HOME=str(tmp_path), **(variables or {}))
        done = subprocess.run(
            [sys.executable, "-m", "gradcli", *words],
            input=stdin,
            capture_output=True,
            text=True,
            env=kept,
            cwd=cwd,
            timeout=timeout,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run
