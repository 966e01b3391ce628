"""torch.autograd.functional, torch.func and the gradient checks beside PyTorch: what is printed, and what is refused.

corpus/functional.txt has the programs, between lines of `---`.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path

import pytest

from gradcli.api import Session

PROGRAMS = (Path(__file__).parent / "corpus" / "functional.txt").read_text().rstrip("\n").split("\n---\n")
IMPORTS = (
    "import torch\n"
    "from torch.func import grad, grad_and_value, vjp, jvp, jacrev, jacfwd, hessian, vmap, linearize\n"
    "AF = torch.autograd.functional\n"
)
REPORT = "\nexcept Exception as error:\n    print(type(error).__name__ + ': ' + str(error))\n"


def guarded(program: str) -> str:
    return IMPORTS + "try:\n" + "\n".join("    " + line for line in program.split("\n")) + REPORT


@pytest.mark.torch
@pytest.mark.parametrize("program", PROGRAMS)
def test_as_in_pytorch(program: str) -> None:
    pytest.importorskip("torch", reason="compares with a live PyTorch")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(action="ignore"):
        exec(compile(guarded(program), "program", "exec"), {})  # noqa: S102 (programs of ours)
    assert Session().run(guarded(program)).rstrip("\n") == printed.getvalue().rstrip("\n")
