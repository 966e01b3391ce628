"""The compiler: linear in the length of a program, without recursion, and its code can be read."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from gradcli.language.machine.machine import compile_program
from gradcli.language.syntax import ast
from gradcli.language.syntax.parse import parse_program
from gradcli.source import Source


def compiled(program: str) -> Any:
    return compile_program(parse_program(Source(program)))


def long_and_deep_programs(n: int) -> dict[str, tuple[str, int | bool]]:
    """Programs of n parts, each with its value."""
    return {
        "terms": ("a = 1\nb = " + "+".join(["a"] * n) + "\nb", n),
        "right to left": ("a = 1\nb = " + "(a+" * n + "1" + ")" * n + "\nb", n + 1),
        "parentheses": ("(" * n + "7" + ")" * n, 7),
        "lists": ("x = " + "[" * n + "]" * n + "\nlen(x)", 1),
        "calls": ("abs(" * n + "-3" + ")" * n, 3),
        "conditions": ("x = 5\n" + "1 if x == 0 else " * n + "9", 9),
        "and": ("x = 1\ny = " + " and ".join(["x"] * n) + "\ny", 1),
        "comparisons": ("x = 1\n" + " <= ".join(["x"] * n), True),
        "not": ("not " * n + "1", n % 2 == 0),
        "minus": ("x = 3\n" + "--" * n + "x", 3),
        "attributes": ("x = 3\nx" + ".real" * n, 3),
        "statements": ("x = 0\n" + "x = x + 1\n" * n + "x", n),
        "elements": ("len([" + ",".join(map(str, range(n))) + "])", n),
        "arguments": ("max(" + ",".join(map(str, range(n))) + ")", n - 1),
        "lambdas": ("x = " + "lambda: " * (n // 5) + "1\nx()" + "()" * (n // 5 - 1), 1),
    }


SMALLER = long_and_deep_programs(5_000)


@pytest.mark.parametrize("name", SMALLER)
def test_long_and_deep_programs_run(name: str, session: Any) -> None:
    program, value = SMALLER[name]
    limit = sys.getrecursionlimit()
    assert session.run(program) == value
    assert sys.getrecursionlimit() == limit


@pytest.mark.slow
def test_programs_of_a_hundred_thousand_parts_run(session: Any) -> None:
    for name, (program, value) in long_and_deep_programs(100_000).items():
        assert session.run(program) == value, name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "inside"),
    [("x = x * 2 + 1", False), ("x = [i for i in [x]]", False), ("y = x + 1", True), ("if x: x = f(x, 2)", True)],
)
def test_time_is_linear_in_the_number_of_statements(line: str, inside: bool) -> None:
    def seconds(count: int) -> float:
        lines = [line] * count
        text = "def g(x, f):\n" + "".join(f"    {part}\n" for part in lines) if inside else "\n".join(lines)
        module = parse_program(Source(text))
        nodes = sum(1 for _ in ast.walk(module))
        best = min(_timed(module) for _ in range(3))
        return best / nodes

    assert seconds(2000) < 4 * seconds(200)


def _timed(module: ast.Module) -> float:
    begin = time.process_time()
    compile_program(module)
    return time.process_time() - begin


def test_code_can_be_read() -> None:
    assert compiled("def f(a, b):\n    while a < b:\n        a += 1\n    return a * b").show() == "\n".join(
        ["b0:", "    make_function 1, f, [], , [], ", "    take_global 'f', 1", "    settle ", "    return_value 0"]
    )
    function = next(
        item
        for block in compiled("def f(a, b):\n    while a < b:\n        a += 1\n    return a * b").blocks()
        for _, argument, _ in block.instructions
        if isinstance(argument, tuple)
        for item in argument
        if hasattr(item, "show")
    )
    assert function.show().splitlines() == [
        "b0:",
        "    jump b1",
        "b1:",
        "    less 2, 0, 1",
        "    take_branch 2, b2, b3",
        "b2:",
        "    add_inplace 0, 0, 3",
        "    settle ",
        "    jump b1",
        "b3:",
        "    jump b4",
        "b4:",
        "    multiply 2, 0, 1",
        "    return_value 2",
    ]


def test_every_block_ends_by_saying_where_to_go_on() -> None:
    from pathlib import Path

    from gradcli.language.compiler.code import Code

    def ends(run: Any) -> bool:
        return "Frame" in run.__annotations__["return"] or run.__name__ == "raise_again"

    pending: list[Code] = [
        compiled(path.read_text(encoding="utf-8")) for path in (Path(__file__).parent / "programs").glob("*.txt")
    ]
    while pending:
        for block in pending.pop().blocks():
            runs = [run for run, _, _ in block.instructions]
            assert ends(runs[-1])
            assert not any("Frame" in run.__annotations__["return"] for run in runs[:-1])
            for _, argument, _ in block.instructions:
                pending.extend(item for item in argument if isinstance(item, Code)) if isinstance(
                    argument, tuple
                ) else None


def test_intermediate_values_use_few_slots() -> None:
    code = compiled("x = 1\n" + "x = x * 2 + x * 3 + x * (x + 4)\n" * 100)
    assert len(code.template) < 20
