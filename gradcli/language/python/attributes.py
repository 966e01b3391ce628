"""`value.name`: attributes of every kind of value, looked up in tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcli.errors import AttributeError_, GradcliError
from gradcli.language import hooks
from gradcli.language.python.classes import UserError, instance_attribute, set_instance_attribute
from gradcli.language.python.exceptions import error_attribute, exception_type, not_attribute
from gradcli.language.python.instance import Instance
from gradcli.language.python.values import MISSING, BuiltinMethod, TypeValue, Value, type_name

Method = Callable[[Any, list[Any], dict[str, Any]], Any]

# Filled by the modules that define the values: `methods.py` for Python's, the tensor's modules for theirs.
METHODS: dict[type, dict[str, Method]] = {}
FIELDS: dict[type, dict[str, Callable[[Any], Any]]] = {}
TYPES: dict[type, TypeValue] = {}


def register(
    kind: TypeValue,
    methods: dict[str, Method] | None = None,
    fields: dict[str, Callable[[Any], Any]] | None = None,
) -> TypeValue:
    """Make a type known: `type(x)` gives it, and its values have these methods and fields."""
    for python in kind.python:
        TYPES[python] = kind
        METHODS[python] = methods or METHODS.get(python, {})
        FIELDS[python] = fields or FIELDS.get(python, {})
    return kind


def type_of(value: Value) -> Value:
    """`type(value)`."""
    own = getattr(value, "language_type", None)  # a value that is not of its Python type's type: an array
    if own is not None:
        return own
    known = TYPES.get(type(value))
    if known is not None:
        return known
    if isinstance(value, Instance | UserError):
        return value.cls
    if isinstance(value, GradcliError):
        return exception_type(value)
    name = type_name(value)
    if not isinstance(getattr(type(value), "type_name", ""), str):  # each value has a type of its own (grad_fn)
        return TypeValue(name, (type(value),))
    known = TYPES[type(value)] = TypeValue(name, (type(value),))
    return known


def get_attribute(value: Value, name: str) -> Value:
    """`value.name`.

    Raises: AttributeError_ with the nearest name.
    """
    kind = type(value)
    if kind is hooks.Tensor:
        return hooks.attribute(value, name) if name != "__class__" else type_of(value)
    if kind is Instance or kind is UserError:
        return instance_attribute(value, name)
    methods = METHODS.get(kind)
    if methods is not None:
        method = methods.get(name)
        if method is not None:
            return BuiltinMethod(name, value, method)
        field = FIELDS[kind].get(name)
        if field is not None:
            return field(value)
    return _other_attribute(value, name)


def _other_attribute(value: Value, name: str) -> Value:
    """An attribute of a value that has a table of its own, or one that every value has."""
    kind = type(value)
    if name == "__class__":
        return type_of(value)
    own = getattr(value, "get_attribute", None)
    if own is not None:
        return own(name)
    if isinstance(value, GradcliError):
        found = error_attribute(value, name)
        if found is not MISSING:
            return found
    if name in ("__name__", "__qualname__") and isinstance(getattr(value, "name", None), str):
        return value.name
    if name == "__doc__":
        return None
    if name == "__dict__":
        raise AttributeError_("__dict__ is there for instances of a program's classes only")
    raise not_attribute(value, name, (*METHODS.get(kind, ()), *FIELDS.get(kind, ())))


def set_attribute(value: Value, name: str, new: Value) -> None:
    """`value.name = new`.

    Raises: AttributeError_ where a value has no such attribute or it is fixed.
    """
    kind = type(value)
    if kind is hooks.Tensor:
        hooks.set_attribute(value, name, new)
    elif kind is Instance or kind is UserError:
        set_instance_attribute(value, name, new)
    else:
        own = getattr(value, "set_attribute", None)
        if own is None:
            get_attribute(value, name)  # a misspelt name is the better thing to say
            raise AttributeError_(f"attribute '{name}' of '{type_of(value).name}' objects cannot be set")
        own(name, new)


def delete_attribute(value: Value, name: str) -> None:
    """`del value.name`, for instances; a tensor's grad becomes None."""
    if isinstance(value, Instance | UserError):
        if name not in value.fields:
            raise not_attribute(value, name, value.fields)
        del value.fields[name]
    elif type(value) is hooks.Tensor and name == "grad":
        hooks.set_attribute(value, "grad", None)
    else:
        raise AttributeError_(f"attribute '{name}' of '{type_of(value).name}' objects cannot be deleted")


def has_attribute(value: Value, name: str) -> bool:
    """`hasattr(value, name)`."""
    try:
        get_attribute(value, name)
    except AttributeError_:
        return False
    except GradcliError as error:
        if "AttributeError" not in error.catches and error.python_name != "AttributeError":
            raise
        return False
    return True


def attribute_names(value: Value) -> list[str]:
    """`dir(value)`: what is in the tables for it."""
    if isinstance(value, Instance | UserError):
        return sorted({*value.fields, *(name for known in value.cls.order for name in known.names)})
    own = getattr(value, "names", None)
    known = own() if callable(own) else [*METHODS.get(type(value), ()), *FIELDS.get(type(value), ())]
    return sorted(known)
