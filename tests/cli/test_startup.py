"""What each command line imports, told from fresh processes; `--help` costs a few times what Python alone does."""

import os
import statistics
import subprocess
import sys
import time

import pytest

HEAVY = ("numpy", "lark", "rich", "prompt_toolkit", "pygments", "argparse", "dataclasses", "importlib.metadata", "json")


def imported(*words):
    """The modules in sys.modules after a command line has run."""
    program = (
        "import sys, io, os\n"
        "from gradcli.cli.main import run_command\n"
        "from gradcli.environment import Environment\n"
        "streams = io.StringIO(), io.StringIO(), io.StringIO()\n"
        "run_command(sys.argv[1:], Environment(*streams, dict(os.environ)))\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["help", "eval"],
        ["eval", "--help"],
        ["evla"],
        ["eval", "x", "--no-gard"],
        ["eval", "x", "--dtype", "int"],
        ["run"],
        ["eval", "x", "--x"],
    ],
)
def test_answers_that_need_no_engine(words):
    assert not imported(*words) & set(HEAVY)


def test_importing_the_package_is_light():
    program = "import sys, gradcli; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"numpy", "lark", "dataclasses", "json"}


def test_eval_imports_what_it_needs():
    modules = imported("eval", "mean(3*(x+2)**2)", "--x", "ones(2,2)")
    assert "numpy" in modules
    assert not modules & {"rich", "prompt_toolkit", "pygments", "argparse", "dataclasses", "importlib.metadata"}
    assert not any(module.startswith("gradcli.ops.linalg") for module in modules)


def seconds(command):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    times = []
    for _ in range(11):
        begin = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


@pytest.mark.slow
def test_help_costs_at_most_five_times_python():
    python = seconds([sys.executable, "-c", "pass"])
    assert seconds([sys.executable, "-m", "gradcli", "--help"]) <= 5 * python
