"""What `dataclasses` has: a class whose annotated names are its fields gets `__init__`, `__repr__` and `__eq__`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcli.errors import TypeError_, ValueError_
from gradcli.language.python.arguments import REQUIRED, arguments
from gradcli.language.python.classes import UserClass
from gradcli.language.python.exceptions import ExceptionType, chain_of
from gradcli.language.python.instance import Instance
from gradcli.language.python.values import MISSING, Builtin, Value, type_name

FIELDS = "__dataclass_fields__"
ANNOTATIONS = "__annotations__"
FROZEN = ExceptionType("FrozenInstanceError", ("FrozenInstanceError", *chain_of("AttributeError")))


class Field:
    """A field: its default, or what makes one. init, shown, compared: whether it takes part in those methods."""

    type_name = "Field"

    def __init__(self, default: Value = MISSING, factory: Value = MISSING, **uses: bool) -> None:
        self.name = ""
        self.default = default
        self.factory = factory
        self.init = uses.get("init", True)
        self.shown = uses.get("repr", True)
        self.compared = uses.get("compare", True)

    @property
    def optional(self) -> bool:
        """Whether it has a default of some kind."""
        return self.default is not MISSING or self.factory is not MISSING

    def make(self) -> Value:
        """The default for a new instance."""
        return self.default if self.factory is MISSING else self.factory.call([], {})

    def get_attribute(self, name: str) -> Value:
        """`field.name`."""
        return self.name if name == "name" else MISSING


def _field(args: list[Value], kwargs: dict[str, Value]) -> Field:
    if args:
        raise TypeError_(f"field() takes 0 positional arguments but {len(args)} were given")
    default, factory = kwargs.pop("default", MISSING), kwargs.pop("default_factory", MISSING)
    if default is not MISSING and factory is not MISSING:
        raise ValueError_("cannot specify both default and default_factory")
    return Field(default, factory, **{name: bool(value) for name, value in kwargs.items()})


def _dataclass(args: list[Value], kwargs: dict[str, Value]) -> Value:
    """`@dataclass` and `@dataclass(frozen=True)`."""
    options = {name: bool(value) for name, value in kwargs.items()}
    if not args or args[0] is None:
        return Builtin("dataclass", lambda inner, _: _completed(inner[0], options))
    return _completed(args[0], options)


def _completed(cls: Value, options: dict[str, bool]) -> UserClass:
    if not isinstance(cls, UserClass):
        raise TypeError_(f"dataclass() takes a class, not {type_name(cls)}")
    fields = _collect(cls)
    cls.names[FIELDS] = fields
    methods: dict[str, Callable[[list[Value], dict[str, Value]], Value]] = {}
    if options.get("init", True):
        methods["__init__"] = lambda args, kwargs: _fill(cls, fields, args, kwargs)
    if options.get("repr", True):
        methods["__repr__"] = lambda args, kwargs: _shown(args[0], fields)
    if options.get("eq", True):
        methods["__eq__"] = lambda args, kwargs: _compare(args, fields, lambda a, b: bool(a == b))
        cls.names.setdefault("__hash__", None)
    if options.get("order", False):
        methods["__lt__"] = lambda args, kwargs: _compare(args, fields, lambda a, b: bool(a < b))
        methods["__le__"] = lambda args, kwargs: _compare(args, fields, lambda a, b: bool(a <= b))
        methods["__gt__"] = lambda args, kwargs: _compare(args, fields, lambda a, b: bool(a > b))
        methods["__ge__"] = lambda args, kwargs: _compare(args, fields, lambda a, b: bool(a >= b))
    if options.get("frozen", False):
        methods["__setattr__"] = _refuse_assignment
        cls.names["__hash__"] = Builtin("__hash__", lambda args, kwargs: hash(_values(args[0], fields)))
    for name, method in methods.items():
        if name == "__setattr__" or name not in cls.names or name == "__init__":
            cls.names[name] = Builtin(name, method)
    return cls


def _collect(cls: UserClass) -> dict[str, Field]:
    """The fields of the classes it extends, then its own.

    Raises: TypeError_, ValueError_ for a default that cannot be.
    """
    found: dict[str, Field] = {}
    for known in reversed(cls.order[1:]):
        found.update(known.names.get(FIELDS, {}))
    for name in cls.names.get(ANNOTATIONS, {}):
        default = cls.names.get(name, MISSING)
        field = default if isinstance(default, Field) else Field(default)
        if isinstance(field.default, list | dict | set):
            kind = type_name(field.default)
            raise ValueError_(f"mutable default <class '{kind}'> for field {name} is not allowed: use default_factory")
        field.name = name
        if isinstance(default, Field):
            del cls.names[name]
            if field.default is not MISSING:
                cls.names[name] = field.default
        found[name] = field
    optional = ""
    for name, field in found.items():
        if field.init and optional and not field.optional:
            raise TypeError_(f"non-default argument '{name}' follows default argument '{optional}'")
        optional = name if field.init and field.optional else optional
    return found


def _fill(cls: UserClass, fields: dict[str, Field], args: list[Value], kwargs: dict[str, Value]) -> None:
    """The `__init__` of a dataclass."""
    instance, *given = args
    names = [name for name, field in fields.items() if field.init]
    where = f"{cls.name}.__init__()"
    if len(given) > len(names):
        least = sum(not fields[name].optional for name in names) + 1
        takes = f"{len(names) + 1}" if least > len(names) else f"from {least} to {len(names) + 1}"
        raise TypeError_(f"{where} takes {takes} positional arguments but {len(args)} were given")
    values = dict(zip(names, given, strict=False))
    for name, value in kwargs.items():
        if name not in names:
            raise TypeError_(f"{where} got an unexpected keyword argument '{name}'")
        if name in values:
            raise TypeError_(f"{where} got multiple values for argument '{name}'")
        values[name] = value
    missing = [name for name in names if name not in values and not fields[name].optional]
    if missing:
        listed = " and ".join(filter(None, [", ".join(map(repr, missing[:-1])), repr(missing[-1])]))
        raise TypeError_(
            f"{where} missing {len(missing)} required positional argument{'s' * (len(missing) > 1)}: {listed}"
        )
    for name, field in fields.items():
        if name in values or field.optional:
            instance.fields[name] = values[name] if name in values else field.make()
    after = instance.cls.lookup("__post_init__")
    if after is not MISSING:
        after.call([instance], {})


def _shown(instance: Instance, fields: dict[str, Field]) -> str:
    parts = (f"{name}={instance.fields.get(name)!r}" for name, field in fields.items() if field.shown)
    return f"{instance.cls.name}({', '.join(parts)})"


def _values(instance: Instance, fields: dict[str, Field]) -> tuple[Value, ...]:
    return tuple(instance.fields.get(name) for name, field in fields.items() if field.compared)


def _compare(args: list[Value], fields: dict[str, Field], holds: Callable[[Any, Any], bool]) -> Value:
    one, other = args
    if not isinstance(other, Instance) or other.cls is not one.cls:
        return NotImplemented
    return holds(_values(one, fields), _values(other, fields))


def _refuse_assignment(args: list[Value], kwargs: dict[str, Value]) -> Value:
    raise FROZEN.make([f"cannot assign to field {args[1]!r}"], {})


def _fields_of(value: Value, function: str) -> dict[str, Field]:
    cls = value.cls if isinstance(value, Instance) else value
    fields = cls.lookup(FIELDS) if isinstance(cls, UserClass) else MISSING
    if fields is MISSING:
        raise TypeError_(f"{function}() should be called on dataclass instances")
    found: dict[str, Field] = fields
    return found


def _as_dict(value: Value) -> Value:
    """A dataclass instance as a dict, and those inside it."""
    if isinstance(value, Instance) and value.cls.lookup(FIELDS) is not MISSING:
        return {name: _as_dict(value.fields[name]) for name in _fields_of(value, "asdict")}
    if isinstance(value, list):
        return [_as_dict(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_dict(item) for key, item in value.items()}
    return value


def _asdict(args: list[Value], kwargs: dict[str, Value]) -> Value:
    (value,) = arguments("asdict", args, kwargs, obj=REQUIRED)
    _fields_of(value, "asdict")
    return _as_dict(value)


def _astuple(args: list[Value], kwargs: dict[str, Value]) -> Value:
    (value,) = arguments("astuple", args, kwargs, obj=REQUIRED)
    return tuple(value.fields[name] for name in _fields_of(value, "astuple"))


def _replace(args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    fields = _fields_of(value, "replace")
    kept = {name: value.fields[name] for name, field in fields.items() if field.init}
    return value.cls.call([], {**kept, **kwargs})


def dataclass_table() -> dict[str, Value]:
    """The module's names."""
    return {
        "dataclass": Builtin("dataclass", _dataclass),
        "field": Builtin("field", _field),
        "asdict": Builtin("asdict", _asdict),
        "astuple": Builtin("astuple", _astuple),
        "replace": Builtin("replace", _replace),
        "fields": Builtin("fields", lambda args, kwargs: tuple(_fields_of(args[0], "fields").values())),
        "is_dataclass": Builtin(
            "is_dataclass",
            lambda args, kwargs: (
                isinstance(args[0], Instance | UserClass)
                and (args[0].cls if isinstance(args[0], Instance) else args[0]).lookup(FIELDS) is not MISSING
            ),
        ),
        "FrozenInstanceError": FROZEN,
    }
