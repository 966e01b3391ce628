"""Functions of a program: arguments that do not fit are refused in Python's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcli.errors import RecursionError_

Printed = Callable[[str], str]

SIGNATURES = [
    "",
    "a",
    "a, b=2",
    "a, /, b",
    "*a",
    "a, *b, c",
    "a, *, b=3",
    "**a",
    "a, b=1, *c, d, e=5, **f",
    "*, a, b",
    "a=1, /, b=2",
]
CALLS = [
    "", "1", "1, 2", "1, 2, 3", "a=1", "1, a=2", "b=1", "1, b=2", "1, c=2", "1, 2, b=3", "*[1, 2]", "*[1], **{'b': 2}",
    "**{'a': 1}", "1, d=4", "1, d=4, z=5", "d=1, a=2", "x=1", "1, *[2, 3, 4], d=5", "a=1, b=2, c=3",
]  # fmt: skip


@pytest.mark.parametrize("signature", SIGNATURES)
def test_arguments_are_bound_or_refused_as_in_python(signature: str, printed: Printed, python: Printed) -> None:
    for call in CALLS:
        program = f"def f({signature}):\n    return sorted(locals_)\n".replace("sorted(locals_)", _tuple_of(signature))
        program += f"try:\n    print(f({call}))\nexcept TypeError as e:\n    print(e)\n"
        assert printed(program) == python(program), call


def _tuple_of(signature: str) -> str:
    names = [part.strip().lstrip("*").partition("=")[0] for part in signature.split(",")]
    return "(" + "".join(f"{name}, " for name in names if name and name != "/") + ")"


@given(st.lists(st.sampled_from("abcdef"), unique=True, max_size=4), st.data())
def test_any_call_of_any_function(printed: Printed, python: Printed, names: list[str], data: Any) -> None:
    defaults = data.draw(st.integers(0, len(names)))
    params = [name if at < len(names) - defaults else f"{name}={at}" for at, name in enumerate(names)]
    star = data.draw(st.integers(0, len(params)))
    params.insert(star, data.draw(st.sampled_from(["*rest", "*", "**more"])) if star < len(params) else "*rest")
    if "**more" in params:
        params.remove("**more")
        params.append("**more")
    count = data.draw(st.integers(0, 4))
    args = [str(at) for at in range(count)] + [
        f"{name}={at}"
        for at, name in enumerate(data.draw(st.lists(st.sampled_from("abcdefz"), unique=True, max_size=3)))
    ]
    result = _tuple_of(", ".join(params))
    program = f"def f({', '.join(params)}):\n    return {result}\ntry:\n    print(f({', '.join(args)}))\n"
    program += "except TypeError as e:\n    print(e)\n"
    expected = python(program)
    if "SyntaxError" not in expected:
        assert printed(program) == expected


def test_methods_are_named_with_their_class(printed: Printed) -> None:
    program = "class A:\n    def m(self, x): pass\ntry:\n    A().m()\nexcept TypeError as e:\n    print(e)"
    assert printed(program) == "A.m() missing 1 required positional argument: 'x'\n"


def test_recursion_as_deep_as_python_s_ends_in_an_error(session: Any) -> None:
    assert session.run("def f(n): return 0 if n == 0 else 1 + f(n - 1)\nf(950)") == 950
    with pytest.raises(RecursionError_, match="maximum recursion depth exceeded"):
        session.run("f(10**6)")
    assert session.run("f(950)") == 950


def test_defaults_are_evaluated_once_where_def_stands(printed: Printed) -> None:
    program = "n = 1\ndef f(a=n, b=[]):\n    b.append(a)\n    return b\nn = 2\nprint(f(), f(), f(9, []))"
    assert printed(program) == "[1, 1] [1, 1] [9]\n"


def test_a_function_is_a_value_with_a_name_and_a_docstring(session: Any) -> None:
    session.run("def outer():\n    def inner(x):\n        'about'\n    return inner\ng = outer()")
    assert session.run("g.__name__, g.__doc__, callable(g)") == ("inner", "about", True)
    assert session.run("repr(g)").startswith("<function outer.<locals>.inner at 0x")
