"""The values a program holds besides numbers, containers and tensors: callables, types, namespaces, context managers.

Everything callable has `name` and `call(args, kwargs)`: built-in functions, ops, functions of the program, classes.
Everything with attributes of its own has `get_attribute(name)`, which looks in a table; no Python attribute is reached
by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from gradcli.errors import AttributeError_, GradcliError, RecursionError_, TypeError_
from gradcli.language import hooks
from gradcli.suggest import nearest

Value = Any  # any value of the language
Function = Callable[[list[Any], dict[str, Any]], Any]

MISSING: Any = object()  # what a table gives for a name it does not have


class Builtin:
    """A built-in function."""

    __slots__ = ("call", "name")

    type_name: ClassVar[str] = "builtin_function_or_method"

    def __init__(self, name: str, function: Function) -> None:
        self.name = name
        self.call = function

    def __repr__(self) -> str:
        return f"<built-in function {self.name}>"


class BuiltinMethod:
    """A method of a built-in value, bound to it."""

    __slots__ = ("function", "name", "receiver")

    type_name: ClassVar[str] = "builtin_function_or_method"

    def __init__(self, name: str, receiver: Value, function: Callable[..., Any]) -> None:
        self.name = name
        self.receiver = receiver
        self.function = function

    def call(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Run the method of its receiver."""
        return self.function(self.receiver, args, kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BuiltinMethod) and other.receiver is self.receiver and other.name == self.name

    def __hash__(self) -> int:
        return hash((self.name, id(self.receiver)))

    def __repr__(self) -> str:
        return f"<built-in method {self.name} of {type_name(self.receiver)} object at {id(self.receiver):#x}>"


class TypeValue:
    """A type that a program can name: what `type(x)` gives, `isinstance` asks for, and a call converts to.

    python: the Python types of its values. extends: the type that they are of, too.
    static: functions reached as attributes (`dict.fromkeys`).
    unbound: the function that a method of its values is when it is reached through the type (`torch.Tensor.exp`), or
    MISSING.
    """

    __slots__ = ("call", "extends", "module", "name", "python", "static", "unbound")

    type_name: ClassVar[str] = "type"

    def __init__(
        self,
        name: str,
        python: tuple[type, ...],
        convert: Function | None = None,
        static: dict[str, Any] | None = None,
        module: str = "builtins",
        unbound: Callable[[str], Value] | None = None,
        extends: TypeValue | None = None,
    ) -> None:
        self.name = name
        self.extends = extends
        self.python = python
        self.call = convert if convert is not None else self._refuse
        self.static = static or {}
        self.module = module
        self.unbound = unbound

    def _refuse(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        raise TypeError_(f"cannot create '{self.name}' instances")

    def holds(self, value: Value) -> bool:
        """Whether a value is of this type."""
        own = getattr(value, "language_type", None)
        return isinstance(value, self.python) if own is None else own is self or own.extends is self

    def get_attribute(self, name: str) -> Value:
        """Its name, or one of its static functions."""
        if name in ("__name__", "__qualname__"):
            return self.name.rpartition(".")[2]
        if name == "__module__":
            return self.module
        found = self.static.get(name, MISSING)
        if found is MISSING and self.unbound is not None:
            found = self.unbound(name)
        if found is MISSING:
            raise no_attribute(f"type object '{self.name.rpartition('.')[2]}'", name, self.static)
        return found

    def __repr__(self) -> str:
        return f"<class '{self.name}'>"


class NativeBase(TypeValue):
    """A built-in class that a program's classes can extend (`torch.autograd.Function`).

    inherited: given the program's class and a name, the attribute it gets from here, or MISSING.
    """

    __slots__ = ("inherited",)

    def __init__(self, name: str, inherited: Callable[[Value, str], Value]) -> None:
        super().__init__(name, (), module=name.rpartition(".")[0])
        self.inherited = inherited


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints as torch's."""

    __slots__ = ()

    type_name: ClassVar[str] = "Size"

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    __str__ = __repr__

    def __add__(self, other: tuple[Any, ...]) -> Size:
        if not isinstance(other, tuple):
            return NotImplemented
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: tuple[Any, ...]) -> Size:
        return Size(tuple.__add__(other, self))

    def __mul__(self, times: Any) -> Size:
        return Size(tuple.__mul__(self, times))

    __rmul__ = __mul__

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if type(index) is slice else found

    def numel(self) -> int:
        """How many elements a tensor of this shape has."""
        count = 1
        for size in self:
            count *= size
        return count


class Namespace:
    """A module: names looked up in a table when they are asked for.

    find: a name's value, or MISSING. names: what there is, for suggestions and completion.
    """

    __slots__ = ("find", "found", "name", "names")

    type_name: ClassVar[str] = "module"

    def __init__(self, name: str, find: Callable[[str], Value], names: Callable[[], list[str]] | None = None) -> None:
        self.name = name
        self.find = find
        self.names = names
        self.found: dict[str, Value] = {"__name__": name}

    def get_attribute(self, name: str) -> Value:
        """The value of a name in it.

        Raises: AttributeError_ with the nearest name.
        """
        value = self.found.get(name, MISSING)
        if value is MISSING:
            value = self.find(name)
            if value is MISSING:
                raise no_attribute(f"module '{self.name}'", name, self.names() if self.names is not None else ())
            self.found[name] = value
        return value

    def __repr__(self) -> str:
        return f"<module '{self.name}'>"


class ContextManager:
    """What a with statement takes: `enter()`, whose result `as` binds, and `exit(failed)`.

    As a decorator (`@torch.no_grad()`) it is entered around every call of the function.
    """

    __slots__ = ()

    name: ClassVar[str] = "context manager"

    def enter(self) -> Value:
        """Begin the block."""
        return self

    def exit(self, failed: bool) -> None:
        """End the block; failed: an exception ended it."""

    def fresh(self) -> ContextManager:
        """The manager for one call of a decorated function."""
        return self

    def call(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Decorate a function."""
        if len(args) != 1 or kwargs or not callable_value(args[0]):
            raise TypeError_("a context manager decorates one function", hint="with it: ... or @it before a def")
        return Guarded(args[0], self)


class Guarded:
    """A function that runs inside a context manager."""

    __slots__ = ("function", "manager", "name")

    type_name: ClassVar[str] = "function"

    def __init__(self, function: Value, manager: ContextManager) -> None:
        self.function = function
        self.manager = manager
        self.name = function.name

    def call(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Run the function between enter and exit."""
        manager = self.manager.fresh()
        manager.enter()
        done = False
        try:
            result = self.function.call(args, kwargs)
            done = True
        finally:
            manager.exit(not done)
        return result

    def get_attribute(self, name: str) -> Value:
        """What the function has."""
        return self.function.get_attribute(name)

    def __repr__(self) -> str:
        return repr(self.function)


def callable_value(value: Value) -> bool:
    """Whether a value can be called."""
    return hasattr(value, "call") and getattr(value, "can_call", True)


def type_name(value: Value) -> str:
    """The short name of a value's type, as messages show it: 'int', 'Tensor', 'NoneType'."""
    kind = type(value)
    if isinstance(value, GradcliError):
        return value.python_name
    name = getattr(kind, "type_name", None)
    if name is None:
        return kind.__name__
    return name if type(name) is str else str(name.__get__(value))


def value_repr(value: Value) -> str:
    """`repr(value)` of the language.

    Raises: RecursionError_ for lists nested deeper than Python itself goes.
    """
    try:
        if isinstance(value, GradcliError):
            return error_repr(value)
        return repr(value)
    except RecursionError:
        raise RecursionError_("maximum recursion depth exceeded while getting the repr of an object") from None


def value_str(value: Value) -> str:
    """`str(value)` of the language."""
    if type(value) is str:
        return value
    if isinstance(value, GradcliError):
        return value.said()
    try:
        return str(value)
    except RecursionError:
        raise RecursionError_("maximum recursion depth exceeded while getting the str of an object") from None


def error_repr(error: GradcliError) -> str:
    """An exception as Python shows it in a list or with !r."""
    values = error_args(error)
    inside = repr(values[0]) if len(values) == 1 else ", ".join(repr(value) for value in values)
    return f"{error.python_name}({inside})"


def error_args(error: GradcliError) -> tuple[Value, ...]:
    """`e.args` of an exception."""
    values = getattr(error, "values", None)
    return values if values is not None else (error.said(),)


def no_attribute(owner: str, name: str, known: Any = ()) -> AttributeError_:
    """The error for an attribute that is not there, with the nearest that is."""
    near = nearest(name, known)
    return AttributeError_(f"{owner} has no attribute '{name}'", hint=f"did you mean {near}?" if near else None)


def is_tensor(value: Value) -> bool:
    """Whether a value is a tensor."""
    return type(value) is hooks.Tensor
