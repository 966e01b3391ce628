"""The text of errors, stated whole."""

from gradcli.errors import ShapeError, SyntaxError_, UsageError
from gradcli.render.errortext import RED, RESET, error_parts, error_text
from gradcli.source import Source, Span


def inner_sizes(name=None):
    source = Source("mean(x @ w + b)", name)
    return ShapeError("the inner sizes differ: (2, 3) @ (4, 2)", op="matmul", span=Span(source, 5, 10, 7))


def test_the_spec_s_example():
    assert error_text(inner_sizes()) == (
        "error: matmul: the inner sizes differ: (2, 3) @ (4, 2)\n  line 1, column 8\n  mean(x @ w + b)\n       ~~^~~"
    )


def test_detail_and_hint():
    error = inner_sizes()
    error.detail = "x is (2, 3), w is (4, 2)"
    error.hint = "w @ x would fit"
    assert error_text(error).splitlines()[3:] == [
        "       ~~^~~         x is (2, 3), w is (4, 2)",
        "  hint: w @ x would fit",
    ]


def test_a_file_is_named():
    assert error_text(inner_sizes("a.py")).splitlines()[1] == "  a.py, line 1, column 8"


def test_the_line_of_a_cell_in_a_document():
    source = Source("x = 1\ny = x +\n", "doc.md", first_line=10)
    error = SyntaxError_("the expression is not finished", span=Span(source, 12, 13))
    assert error_text(error).splitlines()[1:] == ["  doc.md, line 11, column 7", "  y = x +", "        ^"]


def test_without_a_place():
    assert error_text(UsageError("no such option", hint="--seed")) == "error: no such option\n  hint: --seed"


def test_colour():
    text = error_text(inner_sizes(), color=True)
    assert text.startswith(f"{RED}error:{RESET} matmul")
    assert "\033" not in error_text(inner_sizes())


def test_long_lines_are_cut():
    source = Source("a + " * 100 + "b @ c")
    error = ShapeError("no", span=Span(source, 400, 405, 402))
    assert max(map(len, error_text(error, width=60).splitlines())) <= 60
    assert "b @ c" in error_text(error, width=60)


def test_as_json():
    assert error_parts(inner_sizes()) == {
        "error": {
            "kind": "ShapeError",
            "message": "matmul: the inner sizes differ: (2, 3) @ (4, 2)",
            "source": None,
            "line": 1,
            "column": 8,
            "text": "x @ w",
            "status": 1,
        }
    }
    assert error_parts(SyntaxError_("no"))["error"]["kind"] == "SyntaxError"
