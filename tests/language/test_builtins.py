"""Built-in functions and methods beyond what Python itself can be asked about: tensors, refusals, limits."""

from __future__ import annotations

import contextlib
import gc
import math
from collections.abc import Callable
from typing import Any

import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError, MemoryError_, OverflowError_
from gradcli.language.python.attributes import METHODS
from gradcli.language.python.types import PYTHON_TYPES

Printed = Callable[[str], str]


@pytest.mark.parametrize("name", ["input", "open", "eval", "exec", "compile", "__import__", "breakpoint", "complex"])
def test_what_a_program_cannot_have_says_why(name: str, session: Any) -> None:
    with pytest.raises(GradcliError, match=r"\(\) is not available") as caught:
        session.run(f"{name}('x')")
    assert caught.value.hint


@pytest.mark.parametrize(
    "expression",
    [
        "().__class__.__bases__", "(1).__class__.__subclasses__()", "print.__globals__", "(lambda: 0).__code__",
        "(lambda: 0).__globals__", "''.__class__.__mro__", "len.__self__", "getattr(print, 'call')", "[].__add__",
        "str.format.__func__", "'{0.__class__.__mro__}'.format(1)", "'{0.call}'.format(len)", "print.function",
        "type('A', (), {})", "(lambda: 0).machine", "ValueError('x').__traceback__.tb_frame", "math.find", "int.python",
    ],
)  # fmt: skip
def test_nothing_of_python_is_reached_by_name(expression: str, session: Any) -> None:
    with pytest.raises(GradcliError):
        session.run(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "'a' * 10**9", "[0] * 10**9", "(1, 2) * 10**9", "10**9 * 'ab'", "2 ** 10**9", "1 << 10**9", "pow(3, 10**9)",
        "10**10**10", "'a'.ljust(10**9)", "'a'.replace('', 'b' * 10**6) * 2000", "f'{1:1000000000}'",
        "'%1000000000d' % 1", "'{:9999999999}'.format(1)", "list(range(10**10))", "math.factorial(10**9)",
        "'x'.zfill(10**8)", "10**4000000 ** 2", "f'{1.5:.99999999f}'",
    ],
)  # fmt: skip
def test_a_huge_result_is_refused_before_it_is_made(expression: str, session: Any) -> None:
    with pytest.raises((MemoryError_, OverflowError_)):
        session.run(expression)


def test_repeated_squaring_ends_in_an_error_soon(session: Any) -> None:
    with pytest.raises(MemoryError_):
        session.run("x = 3\nwhile True: x = x * x")


def test_in_place_repetition_is_limited_too(session: Any) -> None:
    with pytest.raises(MemoryError_):
        session.run("x = [0] * 10**6\nx *= 10**6")


def test_print_takes_separator_end_and_flush(printed: Printed) -> None:
    assert (
        printed("print(1, 'a', [2], sep='-', end='!', flush=True)\nprint(sep='x')\nprint('', None)")
        == "1-a-[2]!\n None\n"
    )
    assert "sep must be None or a string, not int" in printed("print(1, sep=1)")
    assert "unexpected keyword argument 'to'" in printed("print(1, to=2)")


def test_a_function_that_is_an_op_is_python_s_for_python_s_values(printed: Printed) -> None:
    program = "print(sum([1, 2.5]), abs(-2), max(1, 2), min([3, 1]), round(2.5), pow(2, 3), any([0]), all([1]))"
    assert printed(program) == "3.5 2 2 1 2 8 False True\n"


def test_a_function_that_is_an_op_is_the_op_for_a_tensor(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradcli.language import hooks
    from gradcli.language.python.values import Builtin

    class Tensor:
        """A tensor as far as this test goes."""

    asked: list[tuple[str, int, dict[str, Any]]] = []

    def op(name: str) -> Builtin:
        return Builtin(name, lambda args, kwargs: asked.append((name, len(args), kwargs)))

    monkeypatch.setattr(hooks, "Tensor", Tensor)
    monkeypatch.setattr(hooks, "attribute", lambda tensor, name: (2, 3))
    session.machine.op_function = op
    session.names["t"] = Tensor()
    session.run("sum(t)\nabs(t)\nround(t, decimals=1)\npow(t, 2)\nany(t)\nall(t, dim=0)\nmax(t, dim=0)\nmin(t)")
    assert asked == [
        ("sum", 1, {}), ("abs", 1, {}), ("round", 1, {"decimals": 1}), ("pow", 2, {}), ("any", 1, {}),
        ("all", 1, {"dim": 0}), ("max", 1, {"dim": 0}), ("min", 1, {}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("len()", "len() missing required argument 'obj'"),
        ("len(1, 2)", "len() takes at most 1 argument (2 given)"),
        ("isinstance(1)", "isinstance() missing required argument 'classinfo'"),
        ("isinstance(1, 2)", "isinstance() arg 2 must be a type, a tuple of types, or a union"),
        ("enumerate([1], begin=2)", "enumerate() got an unexpected keyword argument 'begin'"),
        ("range()", "range expected at least 1 argument, got 0"),
        ("range(1, 2, 3, 4)", "range expected at most 3 arguments, got 4"),
        ("map(1, [2])", "'int' object is not callable"),
        ("sorted([1, 'a'])", "'<' not supported between instances of 'str' and 'int'"),
        ("getattr(1, 2)", "getattr(): attribute name must be string"),
        ("next([1])", "'list' object is not an iterator"),
        ("zip(1)", "'int' object is not iterable"),
        ("','.join([1])", "sequence item 0: expected str instance, int found"),
        ("[].pop()", "pop from empty list"),
        ("{}.popitem()", "'popitem(): dictionary is empty'"),
        ("set().pop()", "'pop from an empty set'"),
        ("int('z', 3)", "invalid literal for int() with base 3: 'z'"),
        ("int([])", "int() argument must be a string, a bytes-like object or a real number, not 'list'"),
        ("float(None)", "float() argument must be a string or a real number, not 'NoneType'"),
        ("chr(10**9)", "chr() arg not in range(0x110000)"),
        ("sum('ab')", "unsupported operand type(s) for +: 'int' and 'str'"),
        ("sum(['a'], '')", "sum() can't sum strings [use ''.join(seq) instead]"),
        ("min()", "min expected at least 1 argument, got 0"),
        ("min([])", "min() iterable argument is empty"),
        ("abs([])", "bad operand type for abs(): 'list'"),
        ("1 + [2]", "unsupported operand type(s) for +: 'int' and 'list'"),
        ("[1] + 2", 'can only concatenate list (not "int") to list'),
        ("1 @ 2", "unsupported operand type(s) for @: 'int' and 'int'"),
        ("2 ** 'a'", "unsupported operand type(s) for ** or pow(): 'int' and 'str'"),
        ("(-8) ** 0.5", "-8 ** 0.5 is a complex number, which gradcli does not have"),
        ("1 < None", "'<' not supported between instances of 'int' and 'NoneType'"),
        ("~1.5", "bad operand type for unary ~: 'float'"),
        ("1[0]", "'int' object is not subscriptable"),
        ("[1]['a']", "list indices must be integers or slices, not str"),
        ("{1: 2}[3]", "3"),
        ("{[]: 1}", "unhashable type: 'list'"),
        ("1 in 2", "argument of type 'int' is not iterable"),
        ("print(*3)", "'int' object is not iterable"),
        ("print(**3)", "argument after ** must be a mapping, not int"),
        ("math.sqrt(-1)", "math domain error"),
        ("math.exp(1e9)", "math range error"),
        ("math.sqrt('a')", "must be real number, not str"),
    ],
)
def test_errors_are_in_python_s_words(expression: str, said: str, session: Any) -> None:
    with pytest.raises(GradcliError) as caught:
        session.run(expression)
    assert caught.value.said() == said


def test_every_method_refuses_wrong_arguments_with_an_error_of_ours(session: Any) -> None:
    samples = {
        "int": 3,
        "float": 2.5,
        "bool": True,
        "str": "ab",
        "list": [1],
        "tuple": (1,),
        "dict": {"a": 1},
        "set": {1},
    }
    samples |= {"frozenset": frozenset([1]), "range": range(3)}
    for name, value in samples.items():
        for method in METHODS[type(value)]:
            for arguments in ("", "None", "1, 2, 3, 4, 5, 6", "wrong=1", "[[]]", "len"):
                session.names["value"] = type(value)(value) if name != "range" else value
                with contextlib.suppress(GradcliError):  # anything else fails the test
                    session.run(f"value.{method}({arguments})")


def test_every_builtin_refuses_wrong_arguments_with_an_error_of_ours(session: Any) -> None:
    for name in session.machine.builtins:
        for arguments in ("", "None", "1, 2, 3, 4, 5", "wrong=1", "[[]]", "len, 1", "'a', 'b'", "int, int", "-1.5"):
            with contextlib.suppress(GradcliError):
                session.run(f"x = {name}({arguments})\nstr(x)\nrepr(x)")


def test_types_print_as_python_s() -> None:
    for name, python in (("int", int), ("list", list), ("dict", dict), ("type", type), ("object", object)):
        assert repr(PYTHON_TYPES[name]) == repr(python)


ENDLESS = [
    "list(itertools.count())", "sum(itertools.repeat(1))", "tuple(itertools.cycle([1]))", "set(range(10**12))",
    "[*range(10**12)]", "sorted(range(10**12))", "a, *b = range(10**12)", "-1 in zip(itertools.count())",
    "list(zip(range(10**12), range(10**12)))", "list(enumerate(range(10**12)))", "max(range(10**12))",
    "print(*itertools.count())", "','.join(itertools.repeat('a'))", "dict(zip(itertools.count(), itertools.count()))",
    "[].extend(itertools.count())", "next(filter(None, itertools.repeat(0)))", "{1}.union(itertools.count())",
]  # fmt: skip


@pytest.mark.parametrize("program", ENDLESS)
def test_what_takes_for_ever_can_be_interrupted(program: str, session: Any) -> None:
    import signal

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    # an exception out of a callback of the garbage collector is dropped, and hypothesis has such a callback
    gc.disable()
    signal.setitimer(signal.ITIMER_REAL, 0.05, 1.0)
    try:
        with pytest.raises((KeyboardInterrupt, MemoryError_)):
            session.run(f"import itertools\n{program}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.enable()
        signal.signal(signal.SIGALRM, before)


def test_a_range_is_summed_without_walking_it(session: Any) -> None:
    assert session.run("sum(range(10**15)), sum(range(5, -5, -3)), sum(range(3, 3)), sum(range(4), 0.5)") == (
        10**15 * (10**15 - 1) // 2, 5 + 2 - 1 - 4, 0, 6.5,
    )  # fmt: skip


def test_functions_of_numbers_are_those_of_math_under_their_free_names() -> None:
    session = Session()
    assert session.eval("(log(2), sqrt(2*pi), exp(1))") == (math.log(2), math.sqrt(2 * math.pi), math.e)
    assert repr(session.eval("sqrt(torch.tensor(4.0))")) == "tensor(2.)"
    for wrong, message in (
        ("torch.log(2)", "'input' must be a tensor, not int"),
        ("from torch import log\nlog(2)", "'input' must be a tensor, not int"),
        ("sqrt(-1)", "math domain error"),
        ("log('2')", "'input' must be a tensor, not str"),
    ):
        with pytest.raises(GradcliError, match=message):
            session.run(wrong)
