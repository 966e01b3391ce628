"""Parsing as a whole: what is said about wrong texts, what is incomplete, how long and deep a text may be.

`python tests/language/test_parse.py` writes the messages in corpus/rejected.txt anew; read the difference.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gradcli.errors import SyntaxError_
from gradcli.language.syntax import ast
from gradcli.language.syntax.lalr import run
from gradcli.language.syntax.lexer import read_program
from gradcli.language.syntax.parse import is_incomplete, parse_expression, parse_program
from gradcli.language.syntax.tables import load_tables
from gradcli.source import Source, Span

CORPUS = Path(__file__).parent / "corpus"
SEPARATOR = "# ----\n"
SAYS = "# =>\n"


def rejected() -> list[tuple[str, str]]:
    """Wrong texts (without the newline that ends them in the file) and what is said about each."""
    cases = (CORPUS / "rejected.txt").read_text(encoding="utf-8").split(SEPARATOR)
    return [(text[:-1], said) for text, _, said in (case.partition(SAYS) for case in cases)]


def said_about(text: str) -> str:
    """The whole of the message, the place and the hint."""
    error, span = wrong(text)
    line, marks = span.underline()
    place = f"  line {span.line}, column {span.column}\n  {line}\n  {marks}".rstrip()
    hint = f"\nhint: {error.hint}" if error.hint else ""
    return f"{error.message}\n{place}{hint}\n"


def wrong(text: str) -> tuple[SyntaxError_, Span]:
    with pytest.raises(SyntaxError_) as caught:
        parse_program(Source(text))
    assert caught.value.span is not None
    return caught.value, caught.value.span


@pytest.mark.parametrize(("text", "said"), rejected())
def test_what_is_said(text: str, said: str) -> None:
    assert said_about(text) == said


def test_messages_are_short_and_lower_case() -> None:
    for text, said in rejected():
        message = said.splitlines()[0]
        assert len(message) < 90, text
        assert not message.endswith("."), text
        assert message[0].islower() or message[0] in "'\"", text


# ---- Typed so far --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "f(", "f(\n", "x = [1,\n2", "x = {\n\n", '"""a', "f'''abc", "f'''{x", "if x:", "if x:\n", "if x:\n    y",
        "for i in x:\n    if y:", "for i in x:\n    if y:\n", "x \\", "x = 1 + \\\n", "@f", "@f\n", "try:\n    x",
        "def f(x): return x", "class A:\n    def f(self):\n        return 1", "def f():\n  # c", "if x:\n    y\nelse:",
        "def f(x):\n    return (x +\n\n",
    ],
)  # fmt: skip
def test_more_lines_are_asked_for(text: str) -> None:
    assert is_incomplete(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "# c", "x = 1", "x +", "x = 'a", "f(]", "x)", "if x:\n    y\n", "if x:\n    y\n    ",
        "try:\n    x\n",
        "def f(x): return x\n", "return x", "if x\n", "x = (1 2", "for i in x:\n    if y:\n        z\n\n",
    ],
)  # fmt: skip
def test_no_more_lines_are_asked_for(text: str) -> None:
    assert not is_incomplete(text)


# ---- Lines, blocks and characters ----------------------------------------------------------------------------------


def same(first: str, second: str) -> None:
    assert ast.dump(parse_program(Source(first))) == ast.dump(parse_program(Source(second)))


def test_ends_of_lines_of_all_systems() -> None:
    text = "if x:\n    y\n\n    # c\nz = '''a\nb'''\nw = f(1,\n  2) + \\\n  3\n"
    same(text, text.replace("\n", "\r\n"))
    same(text, text.replace("\n", "\r"))


def test_a_byte_order_mark_is_skipped() -> None:
    module = parse_program(Source("\ufeffx = 1"))
    assert (module.body[0].start, module.body[0].end) == (1, 6)


def test_a_form_feed_begins_a_line_anew() -> None:
    same("x\n\fif y:\n    z\n\f\nw", "x\nif y:\n    z\nw")


def test_a_text_may_be_indented_as_a_whole() -> None:
    same("\n    x = 1\n    if x:\n        y\n    z\n", "x = 1\nif x:\n    y\nz\n")
    same("  mean(x)", "mean(x)")


def test_no_newline_at_the_end() -> None:
    same("if x:\n    y", "if x:\n    y\n")
    same("if x:\n    y\n  ", "if x:\n    y\n")
    same("x # c", "x\n")


def test_an_expression_may_go_over_lines() -> None:
    assert ast.dump(parse_expression(Source("1 +\n  2 # c\n"))) == "BinOp('+', Literal(1), Literal(2))"
    assert ast.dump(parse_expression(Source("1, 2"))) == "TupleExpr([Literal(1), Literal(2)])"


@pytest.mark.parametrize("text", ["", "x = 1", "x; y", "x)", "(x", "return 1", "x y"])
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(SyntaxError_):
        parse_expression(Source(text))


def test_the_text_of_a_number_is_its_value() -> None:
    values = [1_000, 0.5, 0.001, 255, 2, 15, 10.0, 0]
    module = parse_program(Source("1_000; .5; 1e-3; 0xff; 0b10; 0o17; 1_0.; 00"))
    assert [node.value for node in ast.walk(module) if isinstance(node, ast.Literal)] == values


# ---- Size ----------------------------------------------------------------------------------------------------------

LONG = 20_000
DEEP = 5_000


def long_and_deep_texts(long: int, deep: int) -> list[str]:
    return [
        "x" + " + x" * long,
        "-" * long + "x",
        "not " * long + "x",
        "x" + ".y" * long,
        "x" + " ** x" * long,
        "x" + " < x" * long,
        "x" + " and x" * long,
        "x" + " if y else x" * deep,
        "lambda: " * deep + "x",
        "(" * deep + "x" + ")" * deep,
        "f(" * deep + "x" + ")" * deep,
        "[" * deep + "x" + "]" * deep,
        "x[" * deep + "0" + "]" * deep,
        "{1: " * deep + "x" + "}" * deep,
        "f(" + "x, " * long + ")",
        "[" + "x, " * long + "]",
        "x = " * deep + "x",
        "'a' " * deep,
        "x = 1\n" * long,
        "x; " * long,
        "if x: y\n" + "elif x: y\n" * deep,
        "\n" * long + "x",
        "# c\n" * long + "x",
        "x = '" + "a" * 10 * long + "'",
        'f"' + "{x}" * deep + '"',
        "".join(" " * depth + "if x:\n" for depth in range(1_000)) + " " * 1_000 + "y",
    ]


@pytest.mark.parametrize("text", long_and_deep_texts(LONG, DEEP), ids=lambda text: text[:12])
def test_long_and_deep_texts(text: str) -> None:
    parse_program(Source(text))


@pytest.mark.slow
def test_texts_of_a_hundred_thousand_parts() -> None:
    for text in long_and_deep_texts(100_000, 100_000):
        parse_program(Source(text))


@pytest.mark.parametrize(
    "text", ["(" * LONG, "f(" * DEEP, "x" + " + (x" * DEEP, "[" * DEEP + "x" + ")" * DEEP, "x = " * DEEP]
)
def test_long_and_deep_texts_that_are_wrong(text: str) -> None:
    with pytest.raises(SyntaxError_):
        parse_program(Source(text))


@pytest.mark.parametrize(
    "text", ["-" * LONG + "x y", "x ** " * LONG + "x y", 'f"' + "{{}}" * 1_000, 'f"' + "{a" * 10_000]
)
def test_complaints_take_no_longer_than_parsing(text: str) -> None:
    with pytest.raises(SyntaxError_):  # without end, if the work were quadratic or worse
        parse_program(Source(text))


class Counting(dict[int, "int | None"]):
    """Counts how often the parser asks what to do."""

    def __init__(self, real: dict[int, int | None]) -> None:
        super().__init__()
        self.real = real
        self.asked = 0

    def __getitem__(self, key: int) -> int | None:
        self.asked += 1
        return self.real[key]


def steps(text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The actions of the parser for a text."""
    tables = load_tables()
    counting = Counting(tables.actions)
    with monkeypatch.context() as patch:
        patch.setattr(tables, "actions", counting)
        run(tables, read_program(Source(text), tables.vocabulary), "program")
    return counting.asked


@pytest.mark.parametrize(
    ("piece", "at_most"),
    [
        (" + x*1.25 + sin(x) + (x + 0.5)*x", 45),
        ("; x = f(y)", 25),
        ("\nif x:\n    y = -x", 40),
        (" + [1, 2, 3][0]", 30),
    ],
)
def test_work_grows_with_the_text(piece: str, at_most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    steps("x" + piece * 10, monkeypatch)  # decodes what is needed of the tables
    few, many = steps("x" + piece * 100, monkeypatch), steps("x" + piece * 1_000, monkeypatch)
    assert (many - few) % 900 == 0
    assert (many - few) // 900 <= at_most


if __name__ == "__main__":
    texts = [text for text, _ in rejected()]
    (CORPUS / "rejected.txt").write_text(
        SEPARATOR.join(f"{text}\n{SAYS}{said_about(text)}" for text in texts), encoding="utf-8"
    )
    sys.exit(0)
