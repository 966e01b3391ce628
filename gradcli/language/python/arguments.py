"""Taking the arguments of a built-in function apart, with Python's messages."""

from __future__ import annotations

from typing import Any

from gradcli.errors import TypeError_

REQUIRED: Any = object()


def arguments(name: str, args: list[Any], kwargs: dict[str, Any], /, **params: Any) -> list[Any]:
    """The values of parameters, given in order with their defaults (REQUIRED: without one).

    Raises: TypeError_ for arguments that are missing, unknown, given twice or too many.
    """
    if not kwargs and len(args) == len(params):
        return args
    if len(args) > len(params):
        most = len(params)
        plural = "" if most == 1 else "s"
        raise TypeError_(f"{name}() takes at most {most} argument{plural} ({len(args) + len(kwargs)} given)")
    values = dict(params)
    for param, value in zip(params, args, strict=False):
        if param in kwargs:
            raise TypeError_(f"{name}() got multiple values for argument '{param}'")
        values[param] = value
    for key, value in kwargs.items():
        if key not in params:
            raise TypeError_(f"{name}() got an unexpected keyword argument '{key}'")
        values[key] = value
    for param, value in values.items():
        if value is REQUIRED:
            raise TypeError_(f"{name}() missing required argument '{param}'")
    return list(values.values())
