"""The types of Python's values: what `int`, `list`, `str` ... convert to, and what `type(x)` and `isinstance` know."""

from __future__ import annotations

from gradcli.errors import TypeError_, ValueError_
from gradcli.language import hooks
from gradcli.language.python.arguments import REQUIRED, arguments
from gradcli.language.python.attributes import register, type_of
from gradcli.language.python.callables import BoundMethod, ClassMethod, Property, StaticMethod, UserFunction
from gradcli.language.python.classes import UserClass
from gradcli.language.python.exceptions import PYTHON_ERRORS, ExceptionType, translate
from gradcli.language.python.mathmodule import one_number
from gradcli.language.python.methods import (
    DICT,
    FLOAT,
    INT,
    LIST,
    NUMBER_FIELDS,
    RANGE,
    SET,
    SIZE,
    STR,
    TUPLE,
    pairs,
    unbound,
)
from gradcli.language.python.operators import as_index, collect, truth
from gradcli.language.python.values import (
    Builtin,
    BuiltinMethod,
    Namespace,
    NativeBase,
    Size,
    TypeValue,
    Value,
    type_name,
    value_str,
)


def _int(args: list[Value], kwargs: dict[str, Value]) -> Value:
    value, base = arguments("int", args, kwargs, x=0, base=None)
    if type(value) is hooks.Tensor:
        value = one_number(value)
    try:
        return int(value) if base is None else int(value, as_index(base))
    except TypeError:
        raise TypeError_(
            f"int() argument must be a string, a bytes-like object or a real number, not '{type_name(value)}'"
        ) from None
    except PYTHON_ERRORS as error:
        raise translate(error) from None


def _float(args: list[Value], kwargs: dict[str, Value]) -> Value:
    (value,) = arguments("float", args, kwargs, x=0.0)
    if type(value) is hooks.Tensor:
        value = one_number(value)
    try:
        return float(value)
    except TypeError:
        raise TypeError_(f"float() argument must be a string or a real number, not '{type_name(value)}'") from None
    except PYTHON_ERRORS as error:
        raise translate(error) from None


def _bool(args: list[Value], kwargs: dict[str, Value]) -> Value:
    (value,) = arguments("bool", args, kwargs, x=False)
    return truth(value)


def _str(args: list[Value], kwargs: dict[str, Value]) -> Value:
    (value,) = arguments("str", args, kwargs, object="")
    return value_str(value)


def _listed(args: list[Value], kwargs: dict[str, Value], name: str) -> list[Value]:
    (value,) = arguments(name, args, kwargs, iterable=())
    return collect(value)


def _list(args: list[Value], kwargs: dict[str, Value]) -> Value:
    return _listed(args, kwargs, "list")


def _tuple(args: list[Value], kwargs: dict[str, Value]) -> Value:
    return tuple(_listed(args, kwargs, "tuple"))


def _set(args: list[Value], kwargs: dict[str, Value]) -> Value:
    try:
        return set(_listed(args, kwargs, "set"))
    except TypeError as error:
        raise translate(error) from None


def _frozenset(args: list[Value], kwargs: dict[str, Value]) -> Value:
    return frozenset(_set(args, kwargs))


def _dict(args: list[Value], kwargs: dict[str, Value]) -> Value:
    if len(args) > 1:
        raise TypeError_(f"dict expected at most 1 argument, got {len(args)}")
    if not args:
        return dict(kwargs)
    try:
        if isinstance(args[0], dict):
            return dict(args[0], **kwargs)
        return dict(pairs(args[0]), **kwargs)
    except PYTHON_ERRORS as error:
        raise translate(error) from None


def _fromkeys(args: list[Value], kwargs: dict[str, Value]) -> Value:
    keys, value = arguments("fromkeys", args, kwargs, iterable=REQUIRED, value=None)
    try:
        return dict.fromkeys(collect(keys), value)
    except TypeError as error:
        raise translate(error) from None


def _range(args: list[Value], kwargs: dict[str, Value]) -> Value:
    if kwargs:
        raise TypeError_("range() takes no keyword arguments")
    if not 1 <= len(args) <= 3:
        wanted = "at most 3 arguments" if args else "at least 1 argument"
        raise TypeError_(f"range expected {wanted}, got {len(args)}")
    try:
        return range(*[as_index(value) for value in args])
    except ValueError as error:
        raise ValueError_(str(error)) from None


def _slice(args: list[Value], kwargs: dict[str, Value]) -> Value:
    if kwargs or not 1 <= len(args) <= 3:
        raise TypeError_("slice takes one to three positional arguments")
    return slice(*args)


def _static(args: list[Value], kwargs: dict[str, Value]) -> Value:
    return StaticMethod(*arguments("staticmethod", args, kwargs, function=REQUIRED))


def _class(args: list[Value], kwargs: dict[str, Value]) -> Value:
    return ClassMethod(*arguments("classmethod", args, kwargs, function=REQUIRED))


def _property(args: list[Value], kwargs: dict[str, Value]) -> Value:
    getter, setter, _, _ = arguments("property", args, kwargs, fget=None, fset=None, fdel=None, doc=None)
    return Property(getter, setter)


class Plain:
    """`object()`: a value that is only itself."""

    __slots__ = ()

    type_name = "object"

    def __repr__(self) -> str:
        return f"<object object at {id(self):#x}>"


def _type(args: list[Value], kwargs: dict[str, Value]) -> Value:
    return type_of(*arguments("type", args, kwargs, object=REQUIRED))


def _from_hex(args: list[Value], kwargs: dict[str, Value]) -> Value:
    (text,) = arguments("fromhex", args, kwargs, string=REQUIRED)
    try:
        return float.fromhex(text)
    except PYTHON_ERRORS as error:
        raise translate(error) from None


_FROM_HEX = Builtin("fromhex", _from_hex)
_FROM_KEYS = Builtin("fromkeys", _fromkeys)
_SLICE_FIELDS = {
    "start": lambda value: value.start, "stop": lambda value: value.stop, "step": lambda value: value.step,
}  # fmt: skip

PYTHON_TYPES: dict[str, TypeValue] = {
    kind.name: kind
    for kind in (
        register(TypeValue("int", (int,), _int), INT, NUMBER_FIELDS),
        register(TypeValue("float", (float,), _float, {"fromhex": _FROM_HEX}), FLOAT, NUMBER_FIELDS),
        register(TypeValue("bool", (bool,), _bool), INT, NUMBER_FIELDS),
        register(TypeValue("str", (str,), _str, unbound(STR)), STR),
        register(TypeValue("list", (list,), _list, unbound(LIST)), LIST),
        register(TypeValue("tuple", (tuple,), _tuple, unbound(TUPLE)), TUPLE),
        register(TypeValue("dict", (dict,), _dict, {**unbound(DICT), "fromkeys": _FROM_KEYS}), DICT),
        register(TypeValue("set", (set,), _set, unbound(SET)), SET),
        register(TypeValue("frozenset", (frozenset,), _frozenset), SET),
        register(TypeValue("range", (range,), _range), RANGE, _SLICE_FIELDS),
        register(TypeValue("slice", (slice,), _slice), {}, _SLICE_FIELDS),
        register(TypeValue("type", (TypeValue, NativeBase, ExceptionType, UserClass), _type)),
        TypeValue("object", (object,), lambda args, kwargs: Plain()),
        TypeValue("staticmethod", (StaticMethod,), _static),
        TypeValue("classmethod", (ClassMethod,), _class),
        TypeValue("property", (Property,), _property),
    )
}
NOT_NAMED = [
    register(TypeValue("NoneType", (type(None),))),
    register(TypeValue("ellipsis", (type(Ellipsis),))),
    register(TypeValue("torch.Size", (Size,), module="torch"), SIZE),
    register(TypeValue("function", (UserFunction,))),
    register(TypeValue("method", (BoundMethod,))),
    register(TypeValue("builtin_function_or_method", (Builtin, BuiltinMethod))),
    register(TypeValue("module", (Namespace,))),
]
