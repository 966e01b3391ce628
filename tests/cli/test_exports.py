"""Exported derivatives are run: as functions of numpy, and of real PyTorch and jax, in the test beside each."""

import contextlib
import io
import runpy
from pathlib import Path

import pytest

from gradcli.cli.diff import differentiate
from gradcli.cli.diffexport import exported
from gradcli.cli.problem import Problem
from gradcli.language.syntax.parse import parse_program
from gradcli.source import Source
from tests.simplify.test_generated_formulas import point, programs
from tests.simplify.test_golden_formulas import cases, printed

PROGRAMS = list(programs())
EVERY = slice(None)


def module(text: str, to: str, at: int = 0) -> str:
    source = Source(text)
    problem = Problem(parse_program(source), source, "float64")
    problem.values = problem.known = {name: value for name, value in point(at).items() if name in text or name == "x"}
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


GOLDEN = [line for line, _ in cases() if "--to" not in line]


def test_some_golden_formulas(tmp_path: Path) -> None:
    for line in GOLDEN[::4]:
        assert run(printed(f"{line} --to numpy --with-test"), tmp_path) == "ok\n", line


@pytest.mark.parametrize(
    "to", [pytest.param("numpy", marks=pytest.mark.slow), pytest.param("torch", marks=pytest.mark.torch)]
)
def test_golden_formulas(to: str, tmp_path: Path) -> None:
    for line in GOLDEN:
        assert run(printed(f"{line} --to {to} --with-test"), tmp_path) == "ok\n", line


def test_what_comes_back_is_floating(tmp_path: Path) -> None:
    for text, shown in [
        ("x[1]", "return one_hot(np.array(1), 3).astype(x.dtype)"),
        ("sum(x)", "return np.ones_like(x)"),
    ]:
        assert shown in printed(f'"{text}" --wrt x --x 1,2,3 --to numpy')
    assert "0.3*F.one_hot(t, 4).to(x.dtype)" in printed(
        '"cross_entropy(x, t, label_smoothing=0.1)" --wrt x --x randn:3,4 --t "tensor([0, 1, 2])" --to torch'
    )


def test_a_point_where_shapes_are_unknown_has_a_finite_gradient(tmp_path: Path) -> None:
    text = printed('"m*c**2/sqrt(1 - v**2/c**2)" --wrt v --to numpy --with-test')
    assert "inf" not in text
    assert run(text, tmp_path) == "ok\n"


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_infinite_gradients_are_compared_too(tmp_path: Path) -> None:
    text = printed('"sum(sqrt(x))" --wrt x --x 0,1 --to numpy --with-test')
    assert 'float("inf")' in text
    assert run(text, tmp_path) == "ok\n"


@pytest.mark.parametrize("to", ["numpy", pytest.param("torch", marks=pytest.mark.torch)])
@pytest.mark.parametrize(
    "line",
    [
        '"x @ y" --wrt x --x zeros:3,0 --y zeros:0,2',
        '"rad2deg(x)" --wrt x --x 2',
        '"sum(x[:, m])" --wrt x --x ones:2,3 --m "tensor([True, False, True])"',
        '"sum(torch.masked.softmax(x, 0, dtype=torch.float64)*x)" --wrt x --x 1,2,3',
        '"sum(x*(torch.linspace(0, 1, 3) + torch.arange(0.5, 2.0, 0.5) + torch.logspace(0, 2, 3)))" --wrt x --x 1,2,3',
        '"norm(max(relu(exp(x))[0], 0).values)" --wrt x --x 1,2,3',
    ],
)
def test_empty_tensors_and_what_is_made_on_the_way(to: str, line: str, tmp_path: Path) -> None:
    assert run(printed(f"{line} --to {to} --with-test"), tmp_path) == "ok\n"


def test_a_module_defines_what_it_calls_and_no_more() -> None:
    text = module("sum(elu(x) * tanh(x))", "numpy")
    assert text.count("\ndef ") == 2
    assert "def elu(" in text
    assert "special" not in text
    text = module("sum(gelu(x))**2", "numpy")
    assert text.startswith("import numpy as np\nfrom scipy import special\n\n\ndef gelu(")


def test_each_library_is_imported_as_its_users_do() -> None:
    assert module("sum(softmax(x, 1) * c)", "torch").startswith(
        "import torch\nimport torch.nn.functional as F\n\n\ndef "
    )
    text = module("sum(softmax(x, 1) * c)", "jax")
    assert text.startswith('import jax\nimport jax.numpy as jnp\n\njax.config.update("jax_enable_x64", True)\n\n\ndef ')
    assert "jax.nn.softmax(x, axis=1)" in text


def test_the_test_of_a_module_can_fail(tmp_path: Path) -> None:
    text = module("sum(x**3)", "numpy").replace("return 3*", "return 3.001*")
    with pytest.raises(AssertionError):
        run(text, tmp_path)
