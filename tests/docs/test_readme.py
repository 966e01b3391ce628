"""Every block of README.md runs and prints what stands below it."""

import doctest
import re
import subprocess
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    return [match[2] for match in FENCE.finditer(README) if match[1] == language]


def exchanges(block):
    """The commands of a console block, each with the output below it."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], ""])
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        else:
            found[-1][1] += line + "\n"
    return found


def test_it_begins_with_two_commands():
    assert [match[1] for match in FENCE.finditer(README)][:2] == ["sh", "sh"]
    first, second = blocks("sh")[:2]
    assert first.count("\n") == second.count("\n") == 1
    assert "gradcli eval" in first
    assert "-m pytest" in second
    assert all("-m venv" in command for command in (first, second))


@pytest.mark.parametrize("block", blocks("console"))
def test_console(block, folder, shell_environment):
    status = None
    for command, expected in exchanges(block):
        if command == "echo $?":
            assert expected == f"{status}\n"
            continue
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=shell_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        status = done.returncode
        assert done.stdout == expected, command


@pytest.mark.parametrize("block", blocks("pycon"))
def test_python(block):
    test = doctest.DocTestParser().get_doctest(block, {}, "README.md", "README.md", 0)
    said = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert not said, "".join(said)


def test_every_block_is_of_a_kind_that_runs():
    assert {match[1] for match in FENCE.finditer(README)} <= {"sh", "console", "pycon"}
