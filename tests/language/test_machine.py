"""Running programs: they print what Python prints, fail where it fails, and leave the machine usable."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradcli.errors import GradcliError, NameError_, TimeoutError_, TypeError_, ZeroDivisionError_
from gradcli.language.python.values import ContextManager

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.txt"))
Printed = Callable[[str], str]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_prints_what_python_prints(path: Path, printed: Printed, python: Printed) -> None:
    program = path.read_text(encoding="utf-8")
    assert printed(program) == python(program)


def test_the_value_of_a_program_is_that_of_its_last_expression(session: Any) -> None:
    assert session.run("x = 2\nx * 3") == 6
    assert session.run("x") == 2
    assert session.run("y = x") is None
    assert session.run("") is None
    assert session.run("for i in range(3): i") is None


def test_variables_are_kept_from_one_program_to_the_next(session: Any) -> None:
    session.run("def f(): return n + 1\nn = 4")
    session.names["n"] = 10
    assert session.run("f()") == 11
    assert list(session.names) == ["f", "n"]


def test_show_is_given_every_expression_statement_of_the_module(session: Any) -> None:
    shown: list[Any] = []
    session.machine.show = shown.append
    session.run("1\n'a'\nx = 2\nx + 1\nif x: x\nNone")
    assert shown == [1, "a", 3, None]


def test_deferred_work_is_settled_after_each_statement_and_each_turn_of_a_loop(session: Any) -> None:
    session.run("x = 1\ny = 2")
    assert session.context.settled == 2
    session.run("def f():\n    for i in range(3): pass\nf()")
    assert session.context.settled == 2 + 1 + 3 + 1


def test_nothing_is_settled_when_nothing_is_deferred(session: Any) -> None:
    session.machine.deferred = []
    session.run("x = 1\nfor i in range(5): x += i")
    assert session.context.settled == 0


@pytest.mark.parametrize(
    ("program", "underlined", "column"),
    [
        ("x = 1\ny = x + 'a'", "x + 'a'", 7),
        ("print(1 / 0)", "1 / 0", 9),
        ("a = [1, 2]\na[5]", "a[5]", 1),
        ("(1).foo", "(1).foo", 5),
        ("x = 3\nprint(x, nope)", "nope", 10),
        ("def f(a): return a\nf(1, 2)", "f(1, 2)", 1),
        ("'a'.join(3)", "'a'.join(3)", 1),
        ("a, b = 1, 2, 3", "a, b", 1),
        ("for i in 5: pass", "5", 10),
        ("raise ValueError('x')", "raise ValueError('x')", 1),
        ("x = [i + 'a' for i in range(2)]", "i + 'a'", 8),
        ("f'{1:q}'", "{1:q}", 3),
        ("import nowhere", "nowhere", 8),
    ],
)
def test_an_error_knows_its_place(program: str, underlined: str, column: int, session: Any) -> None:
    with pytest.raises(GradcliError) as caught:
        session.run(program)
    span = caught.value.span
    assert span is not None
    assert (span.text, span.column) == (underlined, column)


def test_an_error_in_a_function_tells_who_called_it(session: Any) -> None:
    with pytest.raises(ZeroDivisionError_) as caught:
        session.run("def f(x):\n    return 1 / x\n\ndef g():\n    return f(0)\n\ng()")
    assert caught.value.span is not None
    assert caught.value.span.line == 2
    assert caught.value.detail == "in f, called from line 5"


def test_a_name_that_is_near_is_suggested(session: Any) -> None:
    with pytest.raises(NameError_) as caught:
        session.run("total = 1\nprint(totel)")
    assert caught.value.hint == "did you mean total?"
    with pytest.raises(GradcliError, match="has no attribute 'apend'") as attribute:
        session.run("[].apend(1)")
    assert attribute.value.hint == "did you mean append?"


@pytest.mark.parametrize("error", [KeyboardInterrupt, lambda: TimeoutError_("too long")])
def test_an_interrupt_or_timeout_is_not_caught_by_a_program(error: Callable[[], BaseException], session: Any) -> None:
    def interrupt(args: list[Any], kwargs: dict[str, Any]) -> None:
        raise error()

    left: list[bool] = []

    class Manager(ContextManager):
        def exit(self, failed: bool) -> None:
            left.append(failed)

    from gradcli.language.python.values import Builtin

    session.names.update(interrupt=Builtin("interrupt", interrupt), manager=Manager())
    program = (
        "def f():\n"
        "    try:\n"
        "        with manager:\n"
        "            list(map(lambda x: interrupt(), [1]))\n"
        "    except BaseException:\n"
        "        print('caught')\n"
        "    finally:\n"
        "        print('finally')\n"
        "try:\n"
        "    f()\n"
        "except:\n"
        "    print('caught')\n"
    )
    with pytest.raises((KeyboardInterrupt, TimeoutError_)):
        session.run(program)
    assert session.context.text == ""
    assert left == [True]
    assert session.run("1 + 1") == 2
    assert session.machine.nesting == 0


def test_an_error_inside_a_function_called_by_a_builtin_can_be_caught(printed: Printed) -> None:
    program = "try:\n    print(sorted([3, 1], key=lambda x: 1 / (x - 1)))\nexcept ZeroDivisionError as e:\n    print(e)"
    assert printed(program) == "division by zero\n"


def test_builtins_that_call_functions_that_call_builtins_end_in_a_recursion_error(printed: Printed) -> None:
    program = (
        "def f(x): return list(map(f, [x]))\ntry:\n    f(1)\nexcept RecursionError as e:\n    print(e)\nprint('on')"
    )
    assert printed(program) == "maximum recursion depth exceeded\non\n"


def test_special_methods_that_call_themselves_end_in_a_recursion_error(printed: Printed) -> None:
    cls = "class A:\n    def __len__(self): return len(self)\n"
    program = cls + "try:\n    len(A())\nexcept RecursionError:\n    print('deep')"
    assert printed(program) == "deep\n"


def test_a_function_can_be_called_from_outside(session: Any) -> None:
    session.run("def f(a, b=2, *c, **d): return a, b, c, d\nclass A:\n    def __init__(self, v): self.v = v")
    call = session.machine.call_value
    assert call(session.names["f"], [1], {}) == (1, 2, (), {})
    assert call(session.names["f"], [1, 2, 3], {"k": 4}) == (1, 2, (3,), {"k": 4})
    assert call(session.names["A"], [5], {}).fields == {"v": 5}
    with pytest.raises(TypeError_, match="'int' object is not callable"):
        call(3, [], {})


def test_a_value_is_let_go_where_it_is_used_up(session: Any) -> None:
    import gc
    import weakref

    from gradcli.language.python.values import Builtin

    class Watched:
        type_name = "watched"

        def __add__(self, other: Any) -> Watched:
            return Watched()

    made: list[weakref.ref[Watched]] = []

    def make(args: list[Any], kwargs: dict[str, Any]) -> Watched:
        value = Watched()
        made.append(weakref.ref(value))
        return value

    alive: list[int] = []

    def count(args: list[Any], kwargs: dict[str, Any]) -> None:
        gc.collect()
        alive.append(sum(ref() is not None for ref in made))

    session.names.update(make=Builtin("make", make), count=Builtin("count", count))
    session.run("x = make() + make()\ncount()\nmake()\ncount()\nx = [make() for i in range(3)]\nx = 0\ncount()")
    session.run(
        "def f():\n    a = make()\n    a = make()\n    count()\nf()\ncount()\nfor v in [make()]: pass\nv = 0\ncount()"
    )
    assert alive == [0, 0, 0, 1, 0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "program",
    [
        "i = 0\nwhile i < 20000: i += 1",
        "for i in range(20000): x = i * 2",
        "def f(n): return n\nfor i in range(8000): f(i)",
        "x = [i for i in range(40000)]",
    ],
)
def test_a_step_costs_the_same_in_a_long_loop(program: str, session: Any) -> None:
    def seconds(text: str) -> float:
        begin = time.process_time()
        session.run(text)
        return time.process_time() - begin

    once = min(seconds(program) for _ in range(3))
    tenfold = seconds(program.replace("000", "0000", 1))
    assert tenfold < 40 * once
