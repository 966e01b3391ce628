"""Exceptions: every error of gradcli can be caught by the name PyTorch raises it under, and by no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gradcli import Session, errors
from gradcli.errors import GradcliError, RaisedError, TypeError_
from gradcli.language.python.exceptions import EXCEPTIONS, ImportError_, chain_of, translate
from gradcli.language.python.values import Builtin

Printed = Callable[[str], str]
OURS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, GradcliError) and kind not in (RaisedError, errors.TimeoutError_)
]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_an_error_of_ours_is_caught_by_each_of_its_names(kind: type[GradcliError], session: Any) -> None:
    def fail(args: list[Any], kwargs: dict[str, Any]) -> None:
        raise kind("the message", torch="what torch says")

    session.names["fail"] = Builtin("fail", fail)
    for name in [name for name in kind.catches if "." not in name]:  # the machine alone has no torch
        program = f"try:\n    fail()\nexcept {name} as e:\n    result = str(e), e.args, type(e).__name__\nresult"
        assert session.run(program) == ("what torch says", ("what torch says",), kind.catches[0].split(".")[-1])
    other = "KeyError" if "KeyError" not in kind.catches else "TypeError"
    with pytest.raises(kind):
        session.run(f"try:\n    fail()\nexcept {other}:\n    pass")


def test_the_exceptions_are_python_s_and_derive_as_python_s_do() -> None:
    for name in EXCEPTIONS:
        python = getattr(__import__("builtins"), name)
        if name != "IOError":
            assert chain_of(name) == tuple(base.__name__ for base in python.__mro__ if base is not object)


def test_an_uncaught_exception_of_a_program_names_itself(session: Any) -> None:
    with pytest.raises(GradcliError) as caught:
        session.run("class MyError(Exception): pass\nraise MyError('went wrong', 3)")
    assert caught.value.headline == "MyError: ('went wrong', 3)"
    assert caught.value.python_name == "MyError"
    with pytest.raises(RaisedError, match="ValueError: text"):
        session.run("raise ValueError('text')")
    with pytest.raises(RaisedError) as bare:
        session.run("raise ValueError")
    assert bare.value.headline == "ValueError"


def test_str_of_an_exception_of_the_program_is_its_own(printed: Printed) -> None:
    program = (
        "class E(Exception):\n    def __init__(self, n): self.n = n\n    def __str__(self): return f'n is {self.n}'\n"
        "try:\n    raise E(3)\nexcept E as e:\n    print(e, str(e), f'{e}', e.n, e.args)"
    )
    assert printed(program) == "n is 3 n is 3 n is 3 3 (3,)\n"


def test_the_error_kept_is_not_held_by_its_traceback(session: Any) -> None:
    session.run("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    kept = e")
    assert session.names["kept"].__traceback__ is None


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise", "no active exception to raise again"),
        ("def f(): raise\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    f()", "no active exception to raise again"),
        ("raise 3", "exceptions must derive from BaseException"),
        ("raise int", "exceptions must derive from BaseException"),
        ("try:\n    1 / 0\nexcept 3: pass", "an except clause names types of exceptions, not int"),
        ("raise ValueError('a') from 3", "exceptions must derive from BaseException"),
    ],
)
def test_what_cannot_be_raised_or_caught(program: str, message: str, session: Any) -> None:
    with pytest.raises(GradcliError) as caught:
        session.run(program)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        ("os", "a program reads only the files it is given"),
        ("matplotlib.pyplot", "there is nothing to draw with"),
        ("torchvision", "data sets and layers of networks are out of reach here"),
        ("maths", "did you mean math?"),
        ("pandas", "there are torch, numpy, math, time, random"),
    ],
)
def test_a_module_that_is_not_there_is_refused_with_what_is(module: str, hint: str, session: Any) -> None:
    for program in (f"import {module}", f"import {module} as x", f"from {module} import y"):
        with pytest.raises(ImportError_, match=f"there is no module {module}") as caught:
            session.run(program)
        assert (caught.value.hint or "").startswith(hint)
    session.run(f"try:\n    import {module}\nexcept ImportError:\n    x = 'without'")
    assert session.names["x"] == "without"


def test_a_name_that_a_module_lacks_is_refused(session: Any) -> None:
    with pytest.raises(ImportError_, match="cannot import name 'sqroot' from 'math'"):
        session.run("from math import sqroot")


@pytest.mark.parametrize(
    ("source", "said", "hint"),
    [
        ("torch.optim.SGD", "torch has torch.optim.SGD, gradcli does not: optimisers have state", "write the"),
        ("torch.fft", "torch has torch.fft, gradcli does not: it works on complex numbers", ""),
        ("torch.nn.Linear", "torch has nn.Linear, gradcli does not: layers are classes with state", "F.linear is"),
        ("torch.nn.BCELoss", "torch has nn.BCELoss, gradcli does not: layers are cl", "F.binary_cross_entropy is"),
        ("torch.nn.Module", "torch has nn.Module, gradcli does not: layers are cl", "write a class of your own"),
        ("torch.save", "torch.save: torch has save, gradcli does not: it is about", ""),
        ("torch.nn.Foo", "module 'torch.nn' has no attribute 'Foo'", ""),
    ],
)
def test_what_torch_has_and_gradcli_leaves_out(source: str, said: str, hint: str) -> None:
    session = Session()
    with pytest.raises(GradcliError) as caught:
        session.run(source)
    assert str(caught.value).startswith(said)
    assert (caught.value.hint or "").startswith(hint)
    assert session.run(f"print(hasattr({source.rpartition('.')[0]}, {source.rpartition('.')[2]!r}))") == "False\n"


def test_python_s_own_errors_become_ours() -> None:
    for error in (
        TypeError("a"),
        ValueError("b"),
        KeyError("k"),
        IndexError("i"),
        OverflowError("o"),
        MemoryError("m"),
    ):
        ours = translate(error)
        assert ours.python_name == type(error).__name__
        assert ours.said() == str(error)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("torch.sqrt(8)", "for a number there is math.sqrt(8); a tensor is tensor(8.0)"),
        ("relu(8)", "the call is relu(input)"),
        ("sqrt('8')", "the call is sqrt(input)"),
    ],
)
def test_a_number_where_a_tensor_is_taken(source: str, hint: str) -> None:
    with pytest.raises(TypeError_) as caught:
        Session().run(source)
    assert caught.value.hint == hint
