"""The prompt in a real pseudo-terminal: typed, pasted, interrupted, completed, and kept over sessions."""

import os
import re
import sys
import time
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).parents[2]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07|\r")
PASTE = "\x1b[200~{}\x1b[201~"

CELLS = [
    (
        "import torch\nx = torch.ones(2,2, requires_grad=True)\ny = x + 2\nz = y * y * 3\nout = z.mean()\nprint(out)",
        "tensor(27., grad_fn=<MeanBackward1>)",
    ),
    ("out.backward()\nprint(x.grad)", "tensor([[4.5000, 4.5000],\n        [4.5000, 4.5000]])"),
    (
        "x = torch.tensor([2.2441, 1.7583, -1.2006], requires_grad=True)\nprint(x)\n\ny = x * 2\n"
        "while y.data.norm() < 1000:\n    y = y * 2\n\nprint(y)",
        "tensor([ 2.2441,  1.7583, -1.2006], requires_grad=True)\n"
        "tensor([1148.9792,  900.2496, -614.7072], grad_fn=<MulBackward0>)",
    ),
    (
        "v = torch.tensor([0.1, 1.0, 0.0001], dtype=torch.float)\ny.backward(v)\n\nprint(x.grad)",
        "tensor([5.1200e+01, 5.1200e+02, 5.1200e-02])",
    ),
    (
        "print(x.requires_grad)\nprint((x ** 2).requires_grad)\n"
        "with torch.no_grad():\n    print((x ** 2).requires_grad)\n",
        "True\nTrue\nFalse",
    ),
]


class Prompt:
    """A `gradcli repl` in a pseudo-terminal."""

    def __init__(self, folder, *words, **variables):
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "TERM": "xterm-256color",
            **variables,
        }
        environment = {name: value for name, value in environment.items() if value is not None}
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "gradcli", *words],
            env=environment,
            encoding="utf-8",
            timeout=30,
            dimensions=(50, 120),
            echo=False,  # what is typed ahead of a running statement would stand amid its output
        )
        self.child.delaybeforesend = None  # nothing here asks for a password
        self.screen()

    def screen(self):
        """Everything up to the next prompt, as a person sees it."""
        self.child.expect(r">>> (\x1b\[[0-9;?]*[A-Za-z])*\x1b\[\?25h")
        return ESCAPES.sub("", self.child.before)

    def say(self, text):
        """Type lines, each ended by Enter; what was shown."""
        for line in text.split("\n"):
            self.child.send(line + "\r")
        return self.shown()

    def paste(self, text):
        self.child.send(PASTE.format(text) + "\r")
        return self.shown()

    def shown(self):
        """What is on the screen when everything typed so far has been run."""
        self.child.send('print("%" * 7)\r')
        self.child.expect_exact("%" * 7 + "\r\n")
        shown = ESCAPES.sub("", self.child.before)
        self.screen()
        return shown

    def leave(self):
        """Ctrl-D, and the exit status."""
        self.child.send("\x04")
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """The prompts that were started: one, and another after each test that has left one hanging."""
    started = [Prompt(tmp_path_factory.mktemp("home"), "repl")]
    yield started
    for prompt in started:
        prompt.child.close(force=True)


@pytest.fixture
def prompt(started, tmp_path):
    """A prompt that knows nothing yet; starting one for each test would take most of their time."""
    try:
        started[-1].say(":reset")
    except pexpect.ExceptionPexpect:
        started.append(Prompt(tmp_path, "repl"))
    return started[-1]


def test_the_tutorial_pasted_cell_by_cell(prompt):
    for code, printed in CELLS:
        assert printed in prompt.paste(code)


def test_the_tutorial_typed(prompt):
    for code, printed in CELLS:
        for line in code.split("\n"):
            prompt.child.send(line + "\r")
        for line in printed.split("\n"):
            prompt.child.expect_exact(line + "\r\n")


def test_the_whole_tutorial_pasted_with_prompts_and_prose(prompt):
    cells = [f"In [{number}]:\n{code}\n\n{printed}\n\nSome prose.\n" for number, (code, printed) in enumerate(CELLS)]
    shown = prompt.paste("\n".join(cells))
    printed = "\n".join(printed for _, printed in CELLS)
    assert printed in shown.split("Some prose.")[-1]


@pytest.mark.slow
def test_a_transcript_pasted(prompt):
    assert "\n6.0" in prompt.paste(">>> a = 2.0\n>>> for i in range(2):\n...     a = a + 2\n...\n>>> a\nwhatever")


def test_values_are_shown_and_kept(prompt):
    assert "tensor([2., 2.])" in prompt.say("torch.ones(2) * 2")
    assert "tensor([4., 4.])" in prompt.say("_ + ans")
    for silent in ("y = 3", "None"):
        assert all(line.startswith(">>> ") for line in prompt.say(silent).strip().splitlines())


def test_blocks_go_on_until_an_empty_line(prompt):
    assert "0\n1\n" in prompt.say("for i in range(2):\n    print(i)\n")
    assert "\n5\n" in prompt.say("def f(x):\n    return x + 2\n\nf(3)")


def test_errors_are_told_and_the_prompt_goes_on(prompt):
    assert "error: " in prompt.say("unknown + 1")
    assert "Traceback" not in prompt.say("1 / 0")
    assert "\n2\n" in prompt.say("1 + 1")


def test_control_c_clears_the_line(prompt):
    prompt.child.send("1 +")
    prompt.child.send("\x03")
    prompt.screen()
    assert "\n2\n" in prompt.say("1 + 1")


def test_control_c_stops_a_statement(prompt):
    prompt.child.send("while True: pass\r\r")
    prompt.child.expect_exact("pass")
    time.sleep(0.5)
    prompt.child.send("\x03")
    assert "interrupted" in prompt.screen()
    assert "\n2\n" in prompt.say("1 + 1")


def test_quit(tmp_path):
    prompt = Prompt(tmp_path, "repl")
    prompt.child.send(":quit\r")
    prompt.child.expect(pexpect.EOF)


def test_tab_completes(prompt):
    prompt.say("long_name = 5")
    for typed, completed in [
        ("torch.ones(2).logsum", "logsumexp"),
        ("torch.logsum", "logsumexp"),
        ("long_n", "long_name"),
    ]:
        prompt.child.send(typed + "\t")
        prompt.child.expect_exact(completed.removeprefix(typed.rpartition(".")[2]))
        prompt.child.send("\x03")
        prompt.screen()


def test_history_is_kept(tmp_path):
    first = Prompt(tmp_path, "repl")
    first.child.send("12345 + 1\r")
    assert "12346" in first.screen()
    first.leave()
    assert "12345 + 1" in (tmp_path / ".local/state/gradcli/history").read_text()
    second = Prompt(tmp_path, "repl")
    second.child.send("\x1b[A\r")
    assert "12346" in second.screen()
    second.leave()


@pytest.mark.slow
def test_history_elsewhere(tmp_path):
    prompt = Prompt(tmp_path, "repl", GRADCLI_HISTORY=str(tmp_path / "mine"))
    prompt.say("1 + 1")
    prompt.leave()
    assert "1 + 1" in (tmp_path / "mine").read_text()


def test_plain_gradcli_is_the_prompt(tmp_path):
    prompt = Prompt(tmp_path)
    assert "\n2\n" in prompt.say("1 + 1")
    assert prompt.leave() == 0


def test_variables_and_eval_with_i(tmp_path):
    prompt = Prompt(tmp_path, "eval", "x*2", "--x", "3", "-i")
    assert "tensor(3., requires_grad=True)" in prompt.say("x")
    prompt.leave()


@pytest.mark.slow
def test_no_color(tmp_path):
    prompt = Prompt(tmp_path, "repl", NO_COLOR="1")
    prompt.child.send("while_x = 1\r")
    prompt.child.expect(r">>> (\x1b\[[0-9;?]*[A-Za-z])*\x1b\[\?25h")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m|\x1b\[38;", prompt.child.before)
    prompt.leave()


@pytest.mark.slow
def test_a_dumb_terminal(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "TERM": "dumb"}
    child = pexpect.spawn(sys.executable, ["-m", "gradcli", "repl"], env=environment, encoding="utf-8", timeout=30)
    child.expect(">>> ")
    child.send("20 + 22\r")
    child.expect("42\r\n")
    child.send("\x04")
    child.expect(pexpect.EOF)


def test_colon_commands(prompt, tmp_path):
    prompt.say("x = torch.ones(2, 3, requires_grad=True)")
    assert "Tab completes" in prompt.say(":help")
    assert re.search(r"x +float32 \[2, 3\], requires_grad", prompt.say(":vars"))
    assert "mean(" in prompt.say(":info mean")
    assert "best of" in prompt.say(":time x.sum()")
    assert "entries: gradcli run" in prompt.say(f":save {tmp_path}/s.py")
    assert "x = torch.ones(2, 3, requires_grad=True)\n" in (tmp_path / "s.py").read_text()
    assert "there is no command :halp" in prompt.say(":halp")
    prompt.say(":set names torch2")
    assert "MeanBackward0" in prompt.say("x.mean()")
    prompt.say(":reset")
    assert "error" in prompt.say("x")
    (tmp_path / "p.py").write_text("z = 40\nz\nprint(z + 2)\n")
    assert "\n42\n" in prompt.say(f":load {tmp_path}/p.py")
    assert "\n40\n" in prompt.say("z")
