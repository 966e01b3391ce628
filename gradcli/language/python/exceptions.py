"""Exceptions as values of the language: their types, which clause catches which, Python's own errors as ours."""

from __future__ import annotations

from typing import ClassVar

from gradcli import errors
from gradcli.errors import GradcliError, RaisedError, TypeError_
from gradcli.language.python.values import (
    MISSING,
    TypeValue,
    Value,
    error_args,
    no_attribute,
    type_name,
    value_repr,
    value_str,
)

# Every exception a program can name, with what it derives from.
_BASES = {
    "BaseException": "", "Exception": "BaseException", "KeyboardInterrupt": "BaseException",
    "SystemExit": "BaseException", "ArithmeticError": "Exception", "AssertionError": "Exception",
    "AttributeError": "Exception", "FloatingPointError": "ArithmeticError", "OverflowError": "ArithmeticError",
    "ZeroDivisionError": "ArithmeticError", "EOFError": "Exception", "ImportError": "Exception",
    "ModuleNotFoundError": "ImportError", "LookupError": "Exception", "IndexError": "LookupError",
    "KeyError": "LookupError", "MemoryError": "Exception", "NameError": "Exception",
    "UnboundLocalError": "NameError", "OSError": "Exception", "FileNotFoundError": "OSError",
    "TimeoutError": "OSError", "RuntimeError": "Exception", "NotImplementedError": "RuntimeError",
    "RecursionError": "RuntimeError", "StopIteration": "Exception", "SyntaxError": "Exception",
    "TypeError": "Exception", "ValueError": "Exception", "UnicodeError": "ValueError", "Warning": "Exception",
    "UserWarning": "Warning", "DeprecationWarning": "Warning", "FutureWarning": "Warning", "RuntimeWarning": "Warning",
}  # fmt: skip


class UnboundLocalError_(GradcliError):
    """A local variable that is read before it is assigned."""

    catches = ("UnboundLocalError", "NameError", "Exception", "BaseException")


class ImportError_(GradcliError):
    """A module, or a name of one, that gradcli does not have."""

    catches = ("ModuleNotFoundError", "ImportError", "Exception", "BaseException")


class StopIteration_(GradcliError):
    """An iterator that is at its end."""

    catches = ("StopIteration", "Exception", "BaseException")
    values: tuple[Value, ...] = ()

    def said(self) -> str:
        """Python says nothing."""
        return ""


class ExceptionType(TypeValue):
    """A type of exception; a call makes one that `raise` takes.

    chain: its name and those it derives from.
    """

    __slots__ = ("chain",)

    def __init__(self, name: str, chain: tuple[str, ...]) -> None:
        super().__init__(name, (), self.make)
        self.chain = chain

    def make(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """`ValueError("text")`."""
        if kwargs:
            raise TypeError_(f"{self.name}() takes no keyword arguments")
        return RaisedError(self.chain, tuple(args), raised_text(self.name, tuple(args)))

    def holds(self, value: Value) -> bool:
        """Whether a value is an exception of this type."""
        return isinstance(value, GradcliError) and self.name in names_of(value)


def raised_text(name: str, args: tuple[Value, ...]) -> str:
    """What `str(e)` gives for an exception made of these arguments."""
    if not args:
        return ""
    if len(args) == 1:
        return value_repr(args[0]) if name == "KeyError" else value_str(args[0])
    return value_repr(args)


def chain_of(name: str) -> tuple[str, ...]:
    """The name of an exception and of all that it derives from."""
    chain = []
    while name:
        chain.append(name)
        name = _BASES[name]
    return tuple(chain)


EXCEPTIONS: dict[str, ExceptionType] = {name: ExceptionType(name, chain_of(name)) for name in _BASES}
EXCEPTIONS["IOError"] = EXCEPTIONS["OSError"]


def names_of(error: GradcliError) -> tuple[str, ...]:
    """The names under which an error can be caught; none for a timeout."""
    return error.names if isinstance(error, RaisedError) else error.catches


def exception_type(error: GradcliError) -> TypeValue:
    """`type(e)`."""
    names = names_of(error)
    known = EXCEPTIONS.get(names[0])
    return known if known is not None else ExceptionType(names[0], names)


def error_attribute(error: GradcliError, name: str) -> Value:
    """An attribute of an exception: `e.args`, `e.value` of StopIteration."""
    if name == "args":
        return error_args(error)
    if name == "value" and "StopIteration" in names_of(error):
        return next(iter(error_args(error)), None)
    if name in ("__cause__", "__context__", "__traceback__"):
        return error.__cause__ if name == "__cause__" else None
    return MISSING


def as_exception(value: Value) -> GradcliError:
    """What `raise value` raises.

    Raises: TypeError_ when the value is no exception.
    """
    if isinstance(value, GradcliError):
        return value
    if isinstance(value, TypeValue) or type_name(value) == "type":
        made = value.call([], {})
        if isinstance(made, GradcliError):
            return made
    raise TypeError_("exceptions must derive from BaseException")


_TRANSLATED: tuple[tuple[type[Exception], type[GradcliError]], ...] = (
    (ZeroDivisionError, errors.ZeroDivisionError_),
    (OverflowError, errors.OverflowError_),
    (RecursionError, errors.RecursionError_),
    (NotImplementedError, errors.NotImplementedError_),
    (IndexError, errors.IndexError_),
    (MemoryError, errors.MemoryError_),
    (AttributeError, errors.AttributeError_),
    (TypeError, errors.TypeError_),
    (ValueError, errors.ValueError_),
    (RuntimeError, GradcliError),
)

# What Python's operators, conversions and methods of its own values raise; what stands in `except PYTHON_ERRORS` is one
# call of Python's, never a stretch of our own code.
PYTHON_ERRORS = (TypeError, ValueError, ArithmeticError, LookupError, MemoryError, RecursionError)


def translate(error: Exception) -> GradcliError:
    """One of Python's errors, raised by an operation on Python's own values, as ours with Python's words."""
    if isinstance(error, GradcliError):
        return error
    if isinstance(error, KeyError):
        return key_error(error.args[0] if error.args else None)
    for kind, ours in _TRANSLATED:
        if isinstance(error, kind):
            return ours(str(error))
    if isinstance(error, StopIteration):
        return StopIteration_("the iterator is at its end")
    return GradcliError(str(error))


def key_error(key: Value) -> GradcliError:
    """The error for a key that a dict does not have; `str(e)` is the key, as in Python."""
    if isinstance(key, str) and " " in key and key.endswith(("set", "empty", "dictionary")):
        return errors.KeyError_(key, torch=repr(key))  # "pop from an empty set" is no key
    return KeyError_(key)


class KeyError_(errors.KeyError_):
    """A key that a dict does not have."""

    values: ClassVar[tuple[Value, ...]] = ()

    def __init__(self, key: Value) -> None:
        text = value_repr(key)
        super().__init__(f"the dict has no key {text}", torch=text)
        self.values = (key,)  # type: ignore[misc]


def not_attribute(value: Value, name: str, known: object = ()) -> GradcliError:
    """The error for an attribute that a value of the program does not have."""
    return no_attribute(f"'{type_name(value)}' object", name, known)
