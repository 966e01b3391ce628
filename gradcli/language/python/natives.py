"""Python functions as built-in functions of the language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcli.errors import TypeError_
from gradcli.language.python.values import Builtin


def builtin(name: str, function: Callable[..., Any]) -> Builtin:
    """A built-in whose Python function takes the arguments themselves.

    Raises (when called): TypeError_ when the arguments do not fit the function.
    """

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        check_arguments(name, function, args, kwargs)
        return function(*args, **kwargs)

    return Builtin(name, call)


def check_arguments(name: str, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> None:
    """Refuse arguments that a Python function would refuse, in words about the call."""
    import inspect  # numpy has loaded it already

    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError_(str(error), op=name, hint=f"the call is {name}{signature}") from None
