"""When Enter ends an entry, and how a pipe is cut into entries."""

import pytest

from gradcli.repl.conversation import needs_more
from gradcli.repl.piped import entries


@pytest.mark.parametrize(
    "text",
    [
        "while x < 3:",
        "while x < 3:\n    x = 4",
        "f(1,",
        "x = [1,\n  2,",
        "if x: y = 1",
        ">>> while x < 3:",
        ">>> while x < 3:\n...     x = 4",
        "In [3]:",
        "def f():\n    '''doc",
        "x = 1 + \\",
    ],
)
def test_more_is_needed(text):
    assert needs_more(text)


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "x +",
        "while x < 3:\n    x = 4\n",
        "while x < 3:\n    x = 4\nprint(x)",
        ">>> while x < 3:\n...     x = 4\n...",
        ":info mean",
        "In [3]:\nx = 1\nwhile x < 3:\n    x = 4",
        "In [3]: x = 1",
        "don't",
    ],
)
def test_it_is_whole(text):
    assert not needs_more(text)


@pytest.mark.parametrize(
    "expected",
    [
        ["x = 1", "y = 2"],
        ["for i in x:\n    a\n    b", "y = 2"],
        ["for i in x:\n    a\n\n    b", "y = 2"],
        ["if x:\n    a\nelse:\n    b", "y"],
        ["f(1,\n2)", "y"],
        [":vars", "x"],
        ["@torch.no_grad()\ndef f():\n    pass", "f()"],
        ["s = '''a\n\nb'''", "s"],
    ],
)
def test_entries(expected):
    found = list(entries(f"{entry}\n" for entry in "\n".join(expected).split("\n")))
    assert [entry.rstrip("\n") for entry in found] == expected


def test_a_transcript_is_one_entry():
    lines = ["y = 1", ">>> x = 1", "1", ">>> x"]
    assert list(entries(lines)) == ["y = 1", ">>> x = 1\n1\n>>> x"]


def test_entries_come_as_soon_as_they_are_whole():
    seen = []

    def lines():
        yield "x = 1\n"
        assert seen == ["x = 1"]
        yield "y = 2\n"

    for entry in entries(lines()):
        seen.append(entry)
    assert seen == ["x = 1", "y = 2"]
