"""Exported derivatives are run: as functions of numpy, and of real PyTorch and jax, in the test beside each."""

import contextlib
import io
import runpy
from pathlib import Path

import pytest

from gradcli.cli.diff import differentiate
from gradcli.cli.diffexport import exported
from gradcli.cli.problem import Problem
from gradcli.language.parse import parse_program
from gradcli.source import Source
from tests.simplify.test_generated_formulas import point, programs

PROGRAMS = list(programs())
EVERY = slice(None)


def module(text: str, to: str, at: int = 0) -> str:
    source = Source(text)
    problem = Problem(parse_program(source), source, "float64")
    problem.values = {name: value for name, value in point(at).items() if name in text or name == "x"}
    problem.wrt = ["x"]
    return exported(problem, differentiate(problem), to, with_test=True)


def run(text: str, folder: Path) -> str:
    path = folder / "exported.py"
    path.write_text(text, encoding="utf-8")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(path), run_name="__main__")
    return printed.getvalue()


def check(to: str, part: slice, folder: Path) -> None:
    for at, text in PROGRAMS[part]:
        assert run(module(text, to, at), folder) == "ok\n", text


def test_numpy(tmp_path: Path) -> None:
    check("numpy", slice(None, None, 10), tmp_path)


@pytest.mark.slow
def test_numpy_for_all_generated_programs(tmp_path: Path) -> None:
    check("numpy", EVERY, tmp_path)


@pytest.mark.torch
def test_torch_for_all_generated_programs(tmp_path: Path) -> None:
    check("torch", EVERY, tmp_path)


@pytest.mark.torch
def test_jax_for_all_generated_programs(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="needs jax beside PyTorch")
    check("jax", EVERY, tmp_path)


def test_a_module_defines_what_it_calls_and_no_more() -> None:
    text = module("sum(elu(x) * sigmoid(x))", "numpy")
    assert text.count("\ndef ") == 3
    assert "def elu(" in text
    assert "def sigmoid(" in text
    assert "special" not in text
    assert "from scipy import special" in module("sum(gelu(x))", "numpy")


def test_the_test_of_a_module_can_fail(tmp_path: Path) -> None:
    text = module("sum(x**3)", "numpy").replace("return 3*", "return 3.001*")
    with pytest.raises(AssertionError):
        run(text, tmp_path)
