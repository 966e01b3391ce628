"""Small programs beside PyTorch: what each prints, or the exception it ends with and its text.

corpus/programs.txt has them, between lines of `---`: training loops by hand, hooks, Functions, changes in place, views,
modes, higher derivatives, printing, Python's own types, classes, generators, exceptions, wrong calls.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradcli.api import Session

PROGRAMS = (Path(__file__).parent / "corpus" / "programs.txt").read_text(encoding="utf-8").rstrip("\n").split("\n---\n")
REPORT = "\nexcept Exception as error:\n    print(type(error).__name__ + ': ' + str(error))\n"
ADDRESS = re.compile(r" object at 0x[0-9a-f]+")


def guarded(program: str) -> str:
    indented = "\n".join("    " + line for line in program.split("\n"))
    return f"import torch\nimport torch.nn.functional as F\ntry:\n{indented}{REPORT}"


@pytest.fixture
def fresh_torch() -> Iterator[None]:
    """PyTorch's settings are those of the process: they begin and end as they are at first."""
    torch = pytest.importorskip("torch", reason="compares with a live PyTorch")

    def reset() -> None:
        torch.set_printoptions(profile="default")
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.autograd.set_detect_anomaly(False)

    reset()
    yield
    reset()


@pytest.mark.torch
@pytest.mark.usefixtures("fresh_torch")
@pytest.mark.parametrize("program", PROGRAMS)
def test_as_in_pytorch(program: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(action="ignore"):
        exec(compile(guarded(program), "program", "exec"), {"__name__": "__main__"})  # noqa: S102 (programs of ours)
    ours = Session(names="torch2").run(guarded(program))
    assert ADDRESS.sub("", ours).rstrip("\n") == ADDRESS.sub("", printed.getvalue()).rstrip("\n")
