"""Programs made up by hypothesis: the machine does what Python does, value for value and error for error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

Printed = Callable[[str], str]
Draw = Callable[[Any], Any]

ATOMS = [
    "0", "1", "2", "-3", "7", "0.5", "-1.5", "2.0", "1e3", "True", "False", "10**20", "-0.0", "None", "'x'", "'yz'",
    "[]", "[1, 2]", "(1, 2.5)", "{'k': 1}", "()", "{1, 2}", "a", "b", "c", "a", "b", "c",
]  # fmt: skip
# E is an expression.
COMPOUND = [
    "(E + E)", "(E - E)", "(E * E)", "(E / E)", "(E // E)", "(E % E)", "(E & E)", "(E | E)", "(E == E)", "(E != E)",
    "(E < E)", "(E <= E)", "(E > E)", "(E in E)", "(E not in E)", "(E < E <= E)", "(E is None)", "(E and E)",
    "(E or E or E)", "(E if E else E)", "(not E)", "(-E)", "E[-1]", "E[1]", "E[1:]", "E[:-1]", "[E, E]", "(E, *E)",
    "[E for a in E]", "[E for b, c in E if E]", "{a: E for a in E}", "(lambda a, b=E: E)(E)", "str(E)", "len(E)",
    "abs(E)", "sum(E)", "sorted(E)", "max(E, E)", "isinstance(E, (int, list))", "(d := E)", "list(map(str, E))",
    "(lambda *a, **b: (a, b))(*E, c=1)", "f'{(E)}'", "bool(E)", "round(E)", "list(zip(E, E))", "dict(k=E)",
]  # fmt: skip
SIMPLE = [
    "a = E", "b, c = E", "*a, b = E", "a += E", "b -= E", "c *= E", "print(E)", "assert E, 'failed'", "pass",
    "raise ValueError(a)", "b = c", "print(a, b, c)", "del a", "a = b = c = 1", "c = [1, E]", "c[0] = E", "c[E] += 1",
]  # fmt: skip
# S is a block of statements, indented once.
NESTED = """
if E:
Selse:
S----
for a in range(3):
S    if b: break
else:
S----
for b in [1, 2, 3]:
    if E: continue
S----
for b, c in [(1, 2), (3, 4)]:
S----
n = 0
while n < 3:
    n += 1
S    if E: continue
else:
S----
try:
Sexcept (ValueError, TypeError) as error:
    print(type(error).__name__)
Sfinally:
S----
try:
Sexcept Exception as error:
    print(type(error).__name__)
else:
S----
def f(a, b=E):
S    return a, b
print(f(E))
----
def g():
    global a
Sg()
----
def h():
    a = b = c = 2
    def inner():
        nonlocal b
        b = E
        return E
    return inner(), a, b
print(h())
----
def k():
    for a in [1, 2]:
        try:
            if E: return E
            if E: continue
        finally:
            print('f', a)
    return 'end'
print(k())
----
class K:
    v = E
    def __init__(self, x):
        self.x = x
    def m(self):
        return self.x, self.v, a
print(K(E).m())
----
functions = [lambda a, k=k: (E, k) for k in range(2)]
print([f(1) for f in functions])
----
def y(a):
    for b in E:
        a = yield b, a
    return E
print(list(y(E)), [c for c in y(1)])
"""


def _filled(draw: Draw, pattern: str, depth: int) -> str:
    return re.sub(r"\bE\b", lambda _: _expression(draw, depth), pattern)


def _expression(draw: Draw, depth: int) -> str:
    if depth <= 0 or draw(st.integers(0, 3)) == 0:
        return str(draw(st.sampled_from(ATOMS)))
    text = _filled(draw, draw(st.sampled_from(COMPOUND)), depth - 1)
    if text.startswith("f'") and re.search(
        r"['\"{}:!\\]", text[4:-3]
    ):  # an f-string cannot hold every text before 3.12
        return f"str({text[4:-3]})"
    return text


def _statement(draw: Draw, depth: int) -> str:
    if depth <= 0 or draw(st.integers(0, 2)) == 0:
        return _filled(draw, draw(st.sampled_from(SIMPLE)), 2) + "\n"
    parts = re.split("^S", draw(st.sampled_from(NESTED.split("----"))).lstrip("\n"), flags=re.MULTILINE)
    text = _filled(draw, parts[0], 1)
    for part in parts[1:]:
        text += _block(draw, depth - 1) + _filled(draw, part, 1)
    return text + "\n"


def _block(draw: Draw, depth: int) -> str:
    lines = "".join(_statement(draw, depth) for _ in range(draw(st.integers(1, 2))))
    return "".join(f"    {line}\n" for line in lines.split("\n") if line)


@st.composite
def expressions(draw: Draw) -> str:
    return _expression(draw, 3)


@st.composite
def programs(draw: Draw) -> str:
    return "".join(_statement(draw, 2) for _ in range(draw(st.integers(1, 4))))


def _names_only(printed: str) -> str:
    """What was printed, with the name of a final error but not its text, which differs between versions of Python."""
    lines = printed.split("\n")
    if len(lines) > 1 and lines[-2].partition(":")[0].endswith("Error"):
        lines[-2] = lines[-2].partition(":")[0]
    return "\n".join(lines)


START = "a, b, c = 3, 'text', [1, 2, 3]\n"


@given(expressions())
def test_an_expression_has_the_value_it_has_in_python(printed: Printed, python: Printed, expression: str) -> None:
    program = f"{START}print({expression})\nprint(a, b, c)\n"
    expected = _names_only(python(program))
    assume("SyntaxError" not in expected)
    assert _names_only(printed(program)) == expected


@given(programs())
def test_a_program_does_what_it_does_in_python(printed: Printed, python: Printed, program: str) -> None:
    program = f"{START}{program}print('end', a, b, c)\n"
    expected = _names_only(python(program))
    assume("SyntaxError" not in expected)
    assert _names_only(printed(program)) == expected
