"""The package works however it is installed: the grammar and the parse tables are found in each."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("gradcli", "grammar", "tests", ".ci", "pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what is in the repository, so that building leaves nothing behind in it."""
    folder = tmp_path_factory.mktemp("checkout") / "gradcli"
    folder.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "venv*", ".*_cache")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def built(checkout):
    """The sdist, and the wheel made from it."""
    environment = checkout.parent / "build"
    pip(environment, "build")
    run(environment / "bin" / "python", "-m", "build", "--outdir", checkout.parent / "dist", checkout)
    wheel, sdist = sorted((checkout.parent / "dist").iterdir(), key=lambda path: path.suffix == ".gz")
    return {"wheel": wheel, "sdist": sdist}


def run(*words, cwd=None):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GRADCLI_"))}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=cwd, env=clean)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(environment, *words):
    venv.create(environment, with_pip=True)
    run(environment / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *words)


@pytest.mark.parametrize("kind", ["wheel", "sdist", "editable"])
def test_installed(kind, checkout, tmp_path, request):
    environment = tmp_path / "venv"
    what = ["-e", checkout] if kind == "editable" else [request.getfixturevalue("built")[kind]]
    pip(environment, *what)
    gradcli = environment / "bin" / "gradcli"
    printed = run(gradcli, "eval", "mean(3*(x+2)**2)", "--x", "ones(2,2)", cwd=tmp_path)
    assert printed.splitlines()[:2] == ["tensor(27., grad_fn=<MeanBackward1>)", "x.grad:"]
    assert run(gradcli, "--version", cwd=tmp_path).startswith("gradcli ")
    statements = "def f(x):\n    return x * 2\nprint(f(3))\n"
    (tmp_path / "p.py").write_text(statements)
    assert run(gradcli, "run", "p.py", cwd=tmp_path) == "6\n"


def test_contents(built):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = set(wheel.namelist())
    assert {"gradcli/grammar/gradcli.lark", "gradcli/py.typed", "gradcli/cli/main.py"} <= names
    assert not [name for name in names if name.startswith(("tests/", "grammar/"))]
    with tarfile.open(built["sdist"]) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"grammar/gradcli.lark", "tests/packaging/test_install.py", ".ci/run", "LICENSE"} <= inside


def test_the_readme_s_first_command(checkout, tmp_path):
    """Word for word, with this Python as python3."""
    folder = tmp_path / "clone"
    shutil.copytree(checkout, folder)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    command = next(
        line for line in (folder / "README.md").read_text().splitlines() if line.startswith("python3 -m venv")
    )
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tensor(27., grad_fn=<MeanBackward1>)\nx.grad:\n")
