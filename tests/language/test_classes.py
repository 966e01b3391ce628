"""Classes of a program, with what is around them: native bases, decorators, context managers."""

from __future__ import annotations

from typing import Any

import pytest

from gradcli.errors import AttributeError_, GradcliError, TypeError_
from gradcli.language.python.classes import UserClass
from gradcli.language.python.values import MISSING, Builtin, ContextManager, Namespace, NativeBase, Size, TypeValue


def test_a_native_base_gives_attributes_to_the_classes_that_extend_it(session: Any) -> None:
    def inherited(user_class: UserClass, name: str) -> Any:
        if name != "apply":
            return MISSING
        return Builtin("apply", lambda args, kwargs: user_class.find("forward").call(["ctx", *args], kwargs))

    session.names["Function"] = NativeBase("torch.autograd.Function", inherited)
    session.run(
        "class Double(Function):\n    @staticmethod\n    def forward(ctx, x): return ctx, x * 2\n"
        "class More(Double):\n    @staticmethod\n    def forward(ctx, x): return ctx, x * 3"
    )
    assert session.run("Double.apply(4), More.apply(4), isinstance(Double(), Double)") == (
        ("ctx", 8),
        ("ctx", 12),
        True,
    )
    with pytest.raises(AttributeError_, match="type object 'Double' has no attribute 'aply'"):
        session.run("Double.aply(1)")
    assert session.names["Double"].find("nothing") is MISSING


def test_a_class_cannot_extend_just_anything(session: Any) -> None:
    for base in ("int", "list", "3", "print", "len"):
        with pytest.raises(TypeError_, match="a class cannot extend"):
            session.run(f"class A({base}): pass")


def test_a_context_manager_decorates_functions_and_methods(session: Any) -> None:
    events: list[Any] = []

    class Manager(ContextManager):
        def enter(self) -> str:
            events.append("enter")
            return "entered"

        def exit(self, failed: bool) -> None:
            events.append(failed)

    session.names["manager"] = Manager()
    session.run(
        "@manager\ndef f(x): return x + 1\n"
        "class A:\n    @manager\n    def m(self, x): return self, x\n"
        "    @staticmethod\n    @manager\n    def s(x): return x\n"
        "a = A()\nwith manager as entered: pass"
    )
    assert session.run("f(1), a.m(2)[0] is a, a.m(2)[1], A.s(3), entered, f.__name__") == (
        2,
        True,
        2,
        3,
        "entered",
        "f",
    )
    assert events == ["enter", False] * 5
    events.clear()
    with pytest.raises(GradcliError):
        session.run("f('a')")
    assert events == ["enter", True]
    with pytest.raises(TypeError_, match="decorates one function"):
        session.run("manager(3)")


def test_a_with_statement_takes_context_managers_only(session: Any) -> None:
    for value in ("3", "[]", "print"):
        with pytest.raises(TypeError_, match="does not support the context manager protocol"):
            session.run(f"with {value}: pass")


def test_size_is_a_tuple_that_prints_as_torch_s() -> None:
    size = Size((2, 3))
    assert repr(size) == "torch.Size([2, 3])"
    assert (size.numel(), Size().numel(), size == (2, 3), size[0], len(size)) == (6, 1, True, 2, 2)
    assert [repr(size.__add__((1,))), repr(size[:1]), repr(size * 2), repr((1, *size))] == [
        "torch.Size([2, 3, 1])", "torch.Size([2])", "torch.Size([2, 3, 2, 3])", "(1, 2, 3)",
    ]  # fmt: skip


def test_a_namespace_looks_names_up_once_and_suggests_the_nearest(session: Any) -> None:
    asked: list[str] = []

    def find(name: str) -> Any:
        asked.append(name)
        return {"softplus": 7}.get(name, MISSING)

    session.names["F"] = Namespace("torch.nn.functional", find, lambda: ["softplus", "softmax"])
    assert session.run("F.softplus + F.softplus") == 14
    assert asked == ["softplus"]
    with pytest.raises(AttributeError_, match="has no attribute 'softmin'") as caught:
        session.run("F.softmin")
    assert caught.value.hint == "did you mean softmax?"


def test_a_type_of_our_own_takes_part_in_isinstance_and_type(session: Any) -> None:
    class Thing:
        type_name = "Thing"

    session.names.update(Thing=TypeValue("torch.Thing", (Thing,), lambda args, kwargs: Thing(), module="torch"))
    assert session.run("isinstance(Thing(), Thing), isinstance(3, Thing), Thing.__name__, str(Thing)") == (
        True, False, "Thing", "<class 'torch.Thing'>",
    )  # fmt: skip


def test_instances_raise_python_s_errors(session: Any) -> None:
    session.run("class A:\n    x = 1\na = A()")
    for expression, message in (
        ("a + 1", "unsupported operand type(s) for +: 'A' and 'int'"),
        ("1 - a", "unsupported operand type(s) for -: 'int' and 'A'"),
        ("a < a", "'<' not supported between instances of 'A' and 'A'"),
        ("-a", "'A' object has no unary -"),
        ("a[0]", "'A' object is not subscriptable"),
        ("a()", "'A' object is not callable"),
        ("len(a)", "object of type 'A' has no len()"),
        ("for i in a: pass", "'A' object is not iterable"),
        ("a.y", "'A' object has no attribute 'y'"),
        ("A.y", "type object 'A' has no attribute 'y'"),
        ("A(1)", "A() takes no arguments"),
        ("float(a)", "'A' object has no __float__"),
    ):
        with pytest.raises(GradcliError) as caught:
            session.run(expression)
        assert caught.value.said() == message
