"""`gradcli run`: files of each kind, streaming, checks, places in errors."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = "x = torch.ones(2, requires_grad=True)\ny = (x * 3).sum()\ny.backward()\nprint(x.grad)\n"
PRINTED = "tensor([3., 3.])\n"


def fine(ended, out, err=""):
    assert (ended.status, ended.out, ended.err) == (0, out, err)


@pytest.fixture
def write(tmp_path):
    def make(name, text):
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
        return str(path)

    return make


def cell(source, *outputs):
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "execution_count": 1}


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


@pytest.mark.parametrize("name", ["p.py", "p.txt", "p"])
def test_programs(call, write, name):
    fine(call("run", write(name, PROGRAM)), PRINTED)


def test_windows_line_ends_and_byte_order_mark(call, write):
    fine(call("run", write("p.py", "\ufeff" + PROGRAM.replace("\n", "\r\n"))), PRINTED)


def test_standard_input(call):
    fine(call("run", "-", stdin=PROGRAM), PRINTED)
    fine(call(stdin=PROGRAM), PRINTED)
    fine(call(stdin=""), "")


def test_a_program_shows_no_values(call, write):
    fine(call("run", write("p.py", "x = 1\nx\n")), "")


def test_transcripts_show_values(call, write):
    fine(
        call("run", write("p.txt", ">>> x = ones(2)\n>>> x\nwhatever\n>>> x.grad\n>>> x.sum()\n")),
        "tensor([1., 1.])\ntensor(2.)\n",
    )


def test_marked_cells_show_their_last_value(call, write):
    fine(call("run", write("p.txt", "In [1]:\nx = torch.ones(2)\nx\nx * 2\nIn [2]:\nx * 3;\n")), "tensor([2., 2.])\n")


def test_notebooks(call, write):
    notebook = {"cells": [cell("x = torch.ones(2)\nprint('a')\nx"), cell("x = None"), cell("x"), cell("2;"), cell("3")]}
    fine(call("run", write("n.ipynb", notebook)), "a\ntensor([1., 1.])\n3\n")


def test_markdown(call, write):
    fine(call("run", write("d.md", f"# A document\n\n```python\n{PROGRAM}```\n")), PRINTED)


def test_variables(call, write):
    fine(call("run", write("p.py", "print(x * 2)\n"), "--x", "1,2"), "tensor([2., 4.], grad_fn=<MulBackward0>)\n")
    ended = call("run", write("p.py", "print(inputs)\n"), "--input", "1")
    assert (ended.status, ended.out) == (2, "")
    assert "did you mean --inputs?" in ended.err


def test_output_before_an_error_is_kept_and_the_place_is_named(call, write):
    path = write("p.py", "print('first')\nx = ones(2)\ny = x @ ones(3)\n")
    ended = call("run", path)
    assert (ended.status, ended.out) == (1, "first\n")
    assert f"{path}, line 3, column 7\n  y = x @ ones(3)\n      ~~^~~~~~~~~" in ended.err


def test_a_syntax_error_anywhere_runs_nothing(call, write):
    ended = call("run", write("n.ipynb", {"cells": [cell("print(1)"), cell("x = = 2")]}))
    assert (ended.status, ended.out) == (2, "")
    assert "n.ipynb, cell 2, line 1, column" in ended.err


def test_lines_are_those_of_the_document(call, write):
    assert "d.md, line 5, column 1" in call("run", write("d.md", "# A\n\n```py\nx = 1\nfoo + x\n```\n")).err
    assert "t.txt, line 4, column 1" in call("run", write("t.txt", "prose\n\n>>> x = 1\n>>> foo + x\n")).err


def test_check_of_a_notebook(call, write):
    right = cell("print(1)\n2", printed("1\n"), {"output_type": "execute_result", "data": {"text/plain": "2"}})
    path = write("n.ipynb", {"cells": [right, cell("x = 1")]})
    fine(call("run", path, "--check"), "", "2 of 2 cells print what is recorded\n")
    path = write("n.ipynb", {"cells": [right, cell("print(2)", printed("3\n"))]})
    ended = call("run", path, "--check")
    assert (ended.status, ended.err) == (1, "1 of 2 cells print what is recorded\n")
    assert ended.out.splitlines()[-2:] == ["-3", "+2"]
    assert "n.ipynb, cell 2" in ended.out


def test_check_of_text_and_markdown(call, write):
    text = "In [1]:\nprint(ones(2))\n\ntensor([1., 1.])\n\nProse.\n"
    assert call("run", write("t.txt", text), "--check").status == 0
    assert call("run", write("t.txt", text.replace("1.]", "2.]")), "--check").status == 1
    markdown = "```python\nprint(1)\n```\n\n```\n1\n```\n"
    assert call("run", write("d.md", markdown), "--check").status == 0
    assert call("run", write("d.md", markdown.replace("\n1\n", "\n2\n")), "--check").status == 1


def test_manual_seed(call, write):
    path = write("p.py", "print(torch.randn(3))\n")
    fine(call("run", path, "--manual-seed", "0"), "tensor([ 1.5410, -0.2934, -2.1788])\n")


def test_timeout_keeps_what_was_printed(call, write):
    ended = call("run", write("p.py", "print(1)\nwhile True: pass\n"), "--timeout", "0.2")
    assert (ended.status, ended.out) == (124, "1\n")


def started(tmp_path, *words, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    return subprocess.Popen(
        [sys.executable, "-m", "gradcli", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def test_output_streams(tmp_path, write):
    child = started(tmp_path, "run", write("p.py", "print('now')\nwhile True: pass\n"))
    assert child.stdout.readline() == "now\n"
    child.kill()
    child.communicate()


def test_interrupts_are_quiet(tmp_path, write):
    child = started(tmp_path, "run", write("p.py", "print('now')\nwhile True: pass\n"))
    child.stdout.readline()
    time.sleep(0.2)
    child.send_signal(2)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (130, "", "")


def test_an_except_of_the_program_catches_no_interrupt(tmp_path, write):
    program = "print('now')\nwhile True:\n    try:\n        while True: pass\n    except:\n        pass\n"
    child = started(tmp_path, "run", write("p.py", program))
    child.stdout.readline()
    time.sleep(0.2)
    child.send_signal(2)
    child.communicate(timeout=20)
    assert child.returncode == 130


def test_a_closed_pipe_ends_quietly(tmp_path, write):
    child = started(tmp_path, "run", write("p.py", "while True: print('y')\n"))
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == ""
    assert child.wait(timeout=20) == 0


def test_a_full_device_is_told(process, write):
    if not os.path.exists("/dev/full"):
        return
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gradcli", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("no space left on device\n")
    assert done.stderr.count("\n") == 1


def test_tracebacks_with_debug_alone(process, write):
    path = write("p.py", "1 / 0\n")
    assert "Traceback" not in process("run", path).err
    assert "Traceback" in process("run", path, variables={"GRADCLI_DEBUG": "1"}).err
