"""Instances of a program's classes: Python's protocols, answered by the program's special methods.

Operators and built-in functions use Python's own operations on values; an instance takes part in them here, so that
`a + b`, `len(a)`, `sorted(items)` or `a in b` need to know nothing of classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from gradcli.errors import GradcliError, TypeError_
from gradcli.language.python.exceptions import names_of
from gradcli.language.python.values import MISSING, Value, type_name

if TYPE_CHECKING:
    from gradcli.language.python.classes import UserClass


class Instance:
    """An instance: its class and its own attributes."""

    __slots__ = ("__weakref__", "cls", "fields")

    def __init__(self, cls: UserClass) -> None:
        self.cls = cls
        self.fields: dict[str, Any] = {}

    @property
    def type_name(self) -> str:
        """The name of its class."""
        return self.cls.name

    @property
    def name(self) -> str:
        """What messages call it when it is called."""
        return self.cls.name

    @property
    def can_call(self) -> bool:
        """Whether its class defines `__call__`."""
        return self.cls.lookup("__call__") is not MISSING

    def call(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """`instance(...)`."""
        return self.special("__call__", "is not callable").call([self, *args], kwargs)

    def special(self, name: str, otherwise: str) -> Value:
        """A special method of its class.

        Raises: TypeError_ "'Name' object <otherwise>" when there is none.
        """
        found = self.cls.lookup(name)
        if found is MISSING or found is None:
            raise TypeError_(f"'{self.cls.name}' object {otherwise}")
        return found

    def answer(self, name: str, other: Value) -> Value:
        """What a special method of two operands gives, or NotImplemented."""
        found = self.cls.lookup(name)
        return NotImplemented if found is MISSING or found is None else found.call([self, other], {})

    def operate(self, name: str, reflected: str, other: Value) -> Value:
        """`self op other`; Python asks the right operand itself only when it is of another type."""
        result = self.answer(name, other)
        if result is NotImplemented and type(other) is Instance:
            result = other.answer(reflected, self)
        return result

    def __eq__(self, other: object) -> Any:
        return self.operate("__eq__", "__eq__", other)

    def __ne__(self, other: object) -> Any:
        result = self.operate("__ne__", "__ne__", other)
        if result is NotImplemented:
            equal = self.__eq__(other)
            return equal if equal is NotImplemented else not equal
        return result

    def __hash__(self) -> int:
        found = self.cls.lookup("__hash__")
        if found is not MISSING and found is not None:
            return int(found.call([self], {}))
        if found is None or self.cls.lookup("__eq__") is not MISSING:
            raise TypeError_(f"unhashable type: '{self.cls.name}'")
        return object.__hash__(self)

    def __bool__(self) -> bool:
        found = self.cls.lookup("__bool__")
        if found is MISSING:
            found = self.cls.lookup("__len__")
        return True if found is MISSING else bool(found.call([self], {}))

    def __len__(self) -> int:
        found = self.cls.lookup("__len__")
        if found is MISSING:  # Python's own error: list(x) asks for a length, and goes on without one
            raise TypeError(f"object of type '{self.cls.name}' has no len()")
        return int(found.call([self], {}))

    def __getitem__(self, index: Value) -> Value:
        return self.special("__getitem__", "is not subscriptable").call([self, index], {})

    def __setitem__(self, index: Value, value: Value) -> None:
        self.special("__setitem__", "does not support item assignment").call([self, index, value], {})

    def __delitem__(self, index: Value) -> None:
        self.special("__delitem__", "does not support item deletion").call([self, index], {})

    def __contains__(self, value: Value) -> bool:
        found = self.cls.lookup("__contains__")
        if found is not MISSING:
            return bool(found.call([self, value], {}))
        return any(item is value or item == value for item in self)

    def __iter__(self) -> Iterator[Value]:
        found = self.cls.lookup("__iter__")
        if found is not MISSING:
            made = found.call([self], {})
            if not hasattr(made, "__next__"):
                raise TypeError_(f"iter() returned non-iterator of type '{type_name(made)}'")
            iterator: Iterator[Value] = made
            return iterator
        if self.cls.lookup("__getitem__") is MISSING:
            raise TypeError_(f"'{self.cls.name}' object is not iterable")
        return self._by_index()

    def _by_index(self) -> Iterator[Value]:
        """The old protocol of iteration: items until an IndexError."""
        at = 0
        while True:
            try:
                item = self[at]
            except GradcliError as error:
                if names_of(error)[:1] == ("IndexError",):
                    return
                raise
            yield item
            at += 1

    def __next__(self) -> Value:
        try:
            return self.special("__next__", "is not an iterator").call([self], {})
        except GradcliError as error:
            if "StopIteration" in names_of(error):
                raise StopIteration from None
            raise

    def __repr__(self) -> str:
        found = self.cls.lookup("__repr__")
        return plain_repr(self) if found is MISSING else _text(found.call([self], {}), "__repr__")

    def __str__(self) -> str:
        found = self.cls.lookup("__str__")
        return repr(self) if found is MISSING else _text(found.call([self], {}), "__str__")

    def __format__(self, spec: str) -> str:
        found = self.cls.lookup("__format__")
        if found is not MISSING:
            return _text(found.call([self, spec], {}), "__format__")
        if spec:
            raise TypeError_(f"unsupported format string passed to {self.cls.name}.__format__")
        return str(self)


def plain_repr(instance: Instance) -> str:
    """How an instance without `__repr__` prints."""
    return f"<__main__.{instance.cls.name} object at {id(instance):#x}>"


def _text(value: Value, method: str) -> str:
    if not isinstance(value, str):
        raise TypeError_(f"{method} returned non-string")
    return value


def _binary(name: str, reflected: str) -> Callable[[Instance, Value], Value]:
    def operate(self: Instance, other: Value) -> Value:
        return self.operate(name, reflected, other)

    return operate


def _reflected(name: str) -> Callable[[Instance, Value], Value]:
    def operate(self: Instance, other: Value) -> Value:
        return self.answer(name, other)

    return operate


def _unary(name: str, otherwise: str, check: Callable[[Value], Value] = lambda value: value) -> Callable[..., Value]:
    def operate(self: Instance, *rest: Value) -> Value:
        return check(self.special(name, otherwise).call([self, *rest], {}))

    return operate


def _install() -> None:
    """Give Instance the special methods that follow a pattern."""
    for word in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift",
                 "rshift", "divmod"):  # fmt: skip
        setattr(Instance, f"__{word}__", _binary(f"__{word}__", f"__r{word}__"))
        setattr(Instance, f"__r{word}__", _reflected(f"__r{word}__"))
        if word != "divmod":
            setattr(Instance, f"__i{word}__", _reflected(f"__i{word}__"))
    for word, swapped in (("lt", "gt"), ("gt", "lt"), ("le", "ge"), ("ge", "le")):
        setattr(Instance, f"__{word}__", _binary(f"__{word}__", f"__{swapped}__"))
    for word, symbol in (("neg", "-"), ("pos", "+"), ("invert", "~")):
        setattr(Instance, f"__{word}__", _unary(f"__{word}__", f"has no unary {symbol}"))
    for word in ("abs", "round", "reversed", "float", "int", "index", "enter", "exit"):
        setattr(Instance, f"__{word}__", _unary(f"__{word}__", f"has no __{word}__"))


_install()
