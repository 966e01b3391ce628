"""`tests/golden/formulas.txt`: command lines of `gradcli diff`, and below each the formula it prints.

To record them again: GRADCLI_RECORD=1 pytest tests/simplify/test_golden_formulas.py, and read the diff.
"""

import io
import os
import shlex
from pathlib import Path

import pytest

from gradcli.cli.main import run_command
from gradcli.environment import Environment

FILE = Path(__file__).parents[1] / "golden" / "formulas.txt"


def printed(line):
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(3)]
    status = run_command(["diff", *shlex.split(line)], Environment(*streams, {"HOME": "/"}))
    out, err = (stream.buffer.getvalue().decode() for stream in streams[1:])
    assert status == 0, err
    return out


def cases():
    found = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            found[-1][1].append(line[4:])
        elif line:
            found.append((line, []))
    return [(line, "\n".join(formula) + "\n") for line, formula in found]


@pytest.mark.parametrize(("line", "formula"), cases(), ids=lambda text: text if text.startswith('"') else "")
def test_the_formula_is_what_a_person_writes(line, formula):
    if not os.environ.get("GRADCLI_RECORD"):
        assert printed(line) == formula


def test_record():
    if os.environ.get("GRADCLI_RECORD"):
        texts = [line + "\n" + "".join(f"    {part}\n" for part in printed(line).splitlines()) for line, _ in cases()]
        FILE.write_text("\n".join(texts), encoding="utf-8")
