"""Classes of a program: what `class` makes, how attributes are looked up in it, super(), exceptions of its own.

How an instance takes part in operators and built-in functions is in `instance.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from gradcli.errors import AttributeError_, RaisedError, TypeError_
from gradcli.language.python.callables import BoundMethod, ClassMethod, Property, StaticMethod, UserFunction
from gradcli.language.python.exceptions import ExceptionType, error_attribute, raised_text
from gradcli.language.python.instance import Instance, plain_repr
from gradcli.language.python.values import MISSING, Builtin, Guarded, NativeBase, TypeValue, Value, no_attribute

if TYPE_CHECKING:
    from gradcli.language.machine.machine import Machine


class UserClass:
    """A class of the program.

    order: the class and those it extends, in the order attributes are looked up. native: the built-in class below.
    """

    __slots__ = ("bases", "machine", "name", "names", "native", "order")

    type_name: ClassVar[str] = "type"

    def __init__(self, name: str, bases: list[Value], names: dict[str, Value], machine: Machine) -> None:
        self.name = name
        self.names = names
        self.machine = machine
        self.bases = tuple(base for base in bases if isinstance(base, UserClass))
        self.native: NativeBase | ExceptionType | None = None
        for base in bases:
            if isinstance(base, NativeBase | ExceptionType):
                self.native = base
            elif isinstance(base, UserClass):
                self.native = self.native or base.native
            elif not (isinstance(base, TypeValue) and base.name == "object"):
                shown = base.name if isinstance(base, TypeValue) else repr(base)
                raise TypeError_(
                    f"a class cannot extend {shown}",
                    hint="only torch.autograd.Function, exceptions and your classes",
                )
        self.order = self._linear()

    def _linear(self) -> tuple[UserClass, ...]:
        """Itself, then its bases from left to right, each before what it extends."""
        found: list[UserClass] = []
        for base in self.bases:
            found = [known for known in found if known not in base.order] + list(base.order)
        return (self, *found)

    def lookup(self, name: str) -> Value:
        """What the class or one it extends defines under a name, as it was defined; MISSING if nothing."""
        for known in self.order:
            value = known.names.get(name, MISSING)
            if value is not MISSING:
                return value
        return MISSING

    def find(self, name: str) -> Value:
        """As `lookup`, ready to be called: a static method is the function in it."""
        return _of_class(self.lookup(name), self)

    def call(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Make an instance and run `__init__` on it."""
        made = self.make(args)
        init = self.lookup("__init__")
        if init is not MISSING:
            init.call([made, *args], kwargs)
        else:
            self.check_plain(args, kwargs)
        return made

    def make(self, args: list[Value]) -> Value:
        """An instance on which `__init__` has not run yet."""
        if isinstance(self.native, ExceptionType):
            return UserError(self, tuple(args))
        return Instance(self)

    def check_plain(self, args: list[Value], kwargs: dict[str, Value]) -> None:
        """A class without `__init__` takes no arguments.

        Raises: TypeError_.
        """
        if (args or kwargs) and not isinstance(self.native, ExceptionType):
            raise TypeError_(f"{self.name}() takes no arguments")

    def holds(self, value: Value) -> bool:
        """Whether a value is an instance of it or of a class that extends it."""
        return isinstance(value, Instance | UserError) and self in value.cls.order

    def get_attribute(self, name: str) -> Value:
        """A class attribute, a static or class method, or a function that is given its instance.

        Raises: AttributeError_.
        """
        found = self.lookup(name)
        if found is not MISSING:
            return _of_class(found, self)
        if name in ("__name__", "__qualname__"):
            return self.name
        if name == "__doc__":
            return None
        if name == "__module__":
            return "__main__"
        if isinstance(self.native, NativeBase):
            found = self.native.inherited(self, name)
            if found is not MISSING:
                return found
        raise no_attribute(f"type object '{self.name}'", name, [n for known in self.order for n in known.names])

    def set_attribute(self, name: str, value: Value) -> None:
        """Set a class attribute."""
        self.names[name] = value

    def __repr__(self) -> str:
        return f"<class '__main__.{self.name}'>"


def _of_class(found: Value, cls: UserClass) -> Value:
    """What an attribute found in a class is when it is read from the class."""
    kind = type(found)
    if kind is StaticMethod:
        return found.function
    if kind is ClassMethod:
        return BoundMethod(found.function, cls)
    return found


def instance_attribute(instance: Instance | UserError, name: str) -> Value:
    """An attribute of an instance.

    Raises: AttributeError_ with the nearest name.
    """
    found = instance.cls.lookup(name)
    kind = type(found)
    if kind is Property:
        return found.getter.call([instance], {})
    if name in instance.fields:
        return instance.fields[name]
    if kind is UserFunction or kind is Guarded:
        return BoundMethod(found, instance)
    if found is not MISSING:
        return _of_class(found, instance.cls)
    if name == "__class__":
        return instance.cls
    if name == "__dict__":
        return instance.fields
    if isinstance(instance, UserError):
        found = error_attribute(instance, name)
        if found is not MISSING:
            return found
    elif isinstance(instance.cls.native, NativeBase):
        found = instance.cls.native.inherited(instance.cls, name)
        if found is not MISSING:
            return found
    hook = instance.cls.lookup("__getattr__")
    if hook is not MISSING:
        return hook.call([instance, name], {})
    known = [*instance.fields, *(n for c in instance.cls.order for n in c.names)]
    raise no_attribute(f"'{instance.cls.name}' object", name, known)


def set_instance_attribute(instance: Instance | UserError, name: str, value: Value) -> None:
    """`instance.name = value`.

    Raises: AttributeError_ for a property without a setter.
    """
    found = instance.cls.lookup(name)
    if type(found) is Property:
        if found.setter is None:
            raise AttributeError_(f"property '{name}' of '{instance.cls.name}' object has no setter")
        found.setter.call([instance, value], {})
        return
    hook = instance.cls.lookup("__setattr__")
    if hook is not MISSING:
        hook.call([instance, name, value], {})
        return
    instance.fields[name] = value


class Super:
    """`super()`: attributes of the classes behind one in the order of an instance's class."""

    __slots__ = ("cls", "receiver")

    type_name: ClassVar[str] = "super"

    def __init__(self, cls: UserClass, receiver: Value) -> None:
        self.cls = cls
        self.receiver = receiver

    def get_attribute(self, name: str) -> Value:
        """An attribute of the next class that has it, bound to the instance."""
        start = self.receiver if isinstance(self.receiver, UserClass) else self.receiver.cls
        behind = start.order[start.order.index(self.cls) + 1 :]
        for known in behind:
            found = known.names.get(name, MISSING)
            if found is MISSING:
                continue
            if type(found) is Property:
                return found.getter.call([self.receiver], {})
            if type(found) in (UserFunction, Guarded) and not isinstance(self.receiver, UserClass):
                return BoundMethod(found, self.receiver)
            return _of_class(found, start)
        plain = _OBJECT.get(name)
        if plain is not None:
            return BoundMethod(plain, self.receiver)
        raise no_attribute("'super' object", name, [n for c in behind for n in c.names])


def _object_init(args: list[Value], kwargs: dict[str, Value]) -> None:
    """The `__init__` of a class that extends nothing; an exception keeps its arguments."""
    receiver = args[0]
    if isinstance(receiver, UserError):
        receiver.keep(tuple(args[1:]))
    elif len(args) > 1 or kwargs:
        raise TypeError_("object.__init__() takes exactly one argument (the instance to initialize)")


def _object_setattr(args: list[Value], kwargs: dict[str, Value]) -> None:
    receiver, name, value = args
    receiver.fields[name] = value


_OBJECT = {
    "__init__": Builtin("__init__", _object_init),
    "__setattr__": Builtin("__setattr__", _object_setattr),
    "__init_subclass__": Builtin("__init_subclass__", lambda args, kwargs: None),
    "__repr__": Builtin("__repr__", lambda args, kwargs: plain_repr(args[0])),
    "__str__": Builtin("__str__", lambda args, kwargs: repr(args[0])),
}


class UserError(RaisedError):
    """An instance of a program's class that extends an exception."""

    def __init__(self, cls: UserClass, args: tuple[Value, ...]) -> None:
        assert isinstance(cls.native, ExceptionType)
        super().__init__((*(known.name for known in cls.order), *cls.native.chain), args, "")
        self.cls = cls
        self.fields: dict[str, Any] = {}
        self.keep(args)

    def keep(self, args: tuple[Value, ...]) -> None:
        """Have these arguments, and the text they make."""
        self.values = args
        self.message = raised_text(self.names[0], args)

    @property
    def headline(self) -> str:
        """Its name and its text."""
        text = self.said()
        return f"{self.names[0]}: {text}" if text else self.names[0]

    def said(self) -> str:
        """`str(e)`: what the program's `__str__` returns, if it has one."""
        method = self.cls.lookup("__str__")
        return str(method.call([self], {})) if method is not MISSING else self.message
