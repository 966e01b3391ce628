"""Functions and methods of a program: what `def` and `lambda` make, and how a class holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from gradcli.language.compiler.code import Cell, Code
from gradcli.language.python.arguments import REQUIRED, arguments
from gradcli.language.python.exceptions import not_attribute
from gradcli.language.python.values import Builtin, Value

if TYPE_CHECKING:
    from gradcli.language.machine.machine import Machine


class UserFunction:
    """A function of the program."""

    __slots__ = ("cells", "code", "defaults", "globals", "keyword_defaults", "machine", "more", "name", "qualname")

    type_name: ClassVar[str] = "function"

    def __init__(
        self,
        code: Code,
        names: dict[str, Value],
        cells: tuple[Cell, ...],
        defaults: tuple[Value, ...],
        keyword_defaults: dict[str, Value],
        machine: Machine,
    ) -> None:
        self.code = code
        self.name = code.name
        self.qualname = code.qualname
        self.globals = names
        self.cells = cells
        self.defaults = defaults
        self.keyword_defaults = keyword_defaults
        self.machine = machine
        self.more: dict[str, Value] | None = None

    def call(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Run it to its end, for callers that are not instructions (hooks, `map`, autograd.functional)."""
        return self.machine.call_function(self, args, kwargs)

    def get_attribute(self, name: str) -> Value:
        """Its name, its docstring, or what the program attached to it."""
        if self.more is not None and name in self.more:
            return self.more[name]
        if name in ("__name__", "__qualname__"):
            return self.name
        if name == "__doc__":
            return self.code.doc
        if name == "__defaults__":
            return self.defaults or None
        if name == "__module__":
            return "__main__"
        raise not_attribute(self, name, self.more or ())

    def set_attribute(self, name: str, value: Value) -> None:
        """Attach a value to it (`f.calls = 0`)."""
        if name == "__name__":
            self.name = value
            return
        if self.more is None:
            self.more = {}
        self.more[name] = value

    def __repr__(self) -> str:
        return f"<function {self.qualname} at {id(self):#x}>"


class BoundMethod:
    """A function together with the instance (or class) that is its first argument."""

    __slots__ = ("function", "receiver")

    type_name: ClassVar[str] = "method"

    def __init__(self, function: Value, receiver: Value) -> None:
        self.function = function
        self.receiver = receiver

    @property
    def name(self) -> str:
        """The name of its function."""
        name: str = self.function.name
        return name

    def call(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Call the function with the receiver first."""
        return self.function.call([self.receiver, *args], kwargs)

    def get_attribute(self, name: str) -> Value:
        """`__self__`, else what the function has."""
        return self.receiver if name == "__self__" else self.function.get_attribute(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundMethod) and (other.function, other.receiver) == (self.function, self.receiver)

    def __hash__(self) -> int:
        return hash((id(self.function), id(self.receiver)))

    def __repr__(self) -> str:
        return f"<bound method {getattr(self.function, 'qualname', self.name)} of {self.receiver!r}>"


class StaticMethod:
    """`@staticmethod`: a function of a class that gets no instance."""

    __slots__ = ("function",)

    type_name: ClassVar[str] = "staticmethod"

    def __init__(self, function: Value) -> None:
        self.function = function

    @property
    def name(self) -> str:
        """The name of its function."""
        name: str = self.function.name
        return name

    def call(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Call the function."""
        return self.function.call(args, kwargs)


class ClassMethod:
    """`@classmethod`: a function that gets the class as its first argument."""

    __slots__ = ("function",)

    type_name: ClassVar[str] = "classmethod"

    def __init__(self, function: Value) -> None:
        self.function = function


class Property:
    """`@property`: a function that is called when the attribute is read."""

    __slots__ = ("getter", "setter")

    type_name: ClassVar[str] = "property"

    def __init__(self, getter: Value, setter: Value = None) -> None:
        self.getter = getter
        self.setter = setter

    def get_attribute(self, name: str) -> Value:
        """`@name.setter`."""
        if name not in ("setter", "getter"):
            raise not_attribute(self, name, ("setter", "getter"))

        def replace(args: list[Value], kwargs: dict[str, Value]) -> Property:
            (function,) = arguments(name, args, kwargs, function=REQUIRED)
            return Property(function, self.setter) if name == "getter" else Property(self.getter, function)

        return Builtin(name, replace)
