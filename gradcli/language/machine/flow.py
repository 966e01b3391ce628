"""Instructions of raise, try and with.

A finally block is compiled once. Whoever enters it leaves in a slot what comes after: a block to go on at, or an
exception to raise again.
"""

from __future__ import annotations

from typing import Any

from gradcli.errors import GradcliError, TypeError_
from gradcli.language.compiler.code import Block, Frame
from gradcli.language.python.attributes import type_of
from gradcli.language.python.classes import UserClass, UserError
from gradcli.language.python.exceptions import ExceptionType, as_exception, names_of
from gradcli.language.python.instance import Instance
from gradcli.language.python.operators import truth
from gradcli.language.python.values import Value, type_name


def raise_(frame: Frame, arg: tuple[int, int | None]) -> None:
    """raise exception from cause"""
    source, cause = arg
    error = as_exception(frame.slots[source])
    if cause is not None:
        reason = frame.slots[cause]
        error.__cause__ = None if reason is None else as_exception(reason)
    raise error


def raise_again(frame: Frame, source: int | None) -> None:
    """raise, inside an except clause"""
    if source is None:
        raise GradcliError("no active exception to raise again", torch="No active exception to reraise")
    raise frame.slots[source]


def match_exception(frame: Frame, arg: tuple[int, int, int]) -> None:
    """target = whether an except clause for these types takes the exception"""
    target, error, types = arg
    slots = frame.slots
    slots[target] = matches(slots[error], slots[types])


def matches(error: GradcliError, types: Value) -> bool:
    """Whether an exception is of a type, or of one in a tuple of types.

    Raises: TypeError_ for what is no type of exceptions.
    """
    for kind in types if isinstance(types, tuple) else (types,):
        if isinstance(kind, ExceptionType):
            if kind.name in names_of(error):
                return True
        elif isinstance(kind, UserClass) and isinstance(kind.native, ExceptionType):
            if isinstance(error, UserError) and kind in error.cls.order:
                return True
        else:
            raise TypeError_(
                f"an except clause names types of exceptions, not {type_name(kind)}",
                torch="catching classes that do not inherit from BaseException is not allowed",
            )
    return False


def after_finally(frame: Frame, arg: tuple[int, Block]) -> None:
    """leave for a finally block where to go on"""
    target, block = arg
    frame.slots[target] = block


def end_finally(frame: Frame, source: int) -> Frame:
    """the finally block is done: go on, or raise what brought us here"""
    slots = frame.slots
    reason = slots[source]
    slots[source] = None
    if isinstance(reason, GradcliError):
        raise reason
    frame.block = reason
    return frame


def enter_with(frame: Frame, arg: tuple[int, int]) -> None:
    """target = what the context manager in a slot gives to `as`"""
    target, manager = arg
    value = frame.slots[manager]
    if isinstance(value, Instance):
        refused = "does not support the context manager protocol"
        value.special("__exit__", refused)
        frame.slots[target] = value.special("__enter__", refused).call([value], {})
        return
    enter = getattr(value, "enter", None)
    if enter is None:
        raise TypeError_(f"'{type_name(value)}' object does not support the context manager protocol")
    frame.slots[target] = enter()


def exit_with(frame: Frame, manager: int) -> None:
    """leave a context manager at the end of its block"""
    slots = frame.slots
    value = slots[manager]
    slots[manager] = None
    _exit(value, None)


def fail_with(frame: Frame, arg: tuple[int, int, Block]) -> Frame:
    """leave a context manager for an exception, which is raised again unless the manager has dealt with it"""
    manager, source, following = arg
    slots = frame.slots
    value, error = slots[manager], slots[source]
    slots[manager] = slots[source] = None
    if not _exit(value, error):
        raise error
    frame.block = following
    return frame


def _exit(manager: Value, error: GradcliError | None) -> bool:
    """Leave a manager; whether it has dealt with the error."""
    if isinstance(manager, Instance):
        method = manager.special("__exit__", "does not support the context manager protocol")
        kind: Any = None
        if error is not None:
            kind = type_of(error)
        return truth(method.call([manager, kind, error, None], {}))
    manager.exit(error is not None)
    return False


def abandon(frame: Frame | None) -> None:
    """Leave the context managers of frames whose run is broken off by an interrupt or a timeout."""
    while frame is not None:
        handler = frame.block.handler
        while handler is not None:
            manager = None if handler.manager is None else frame.slots[handler.manager]
            if manager is not None and not isinstance(manager, Instance):
                frame.slots[handler.manager or 0] = None
                manager.exit(True)
            handler = handler.outer
        frame = frame.caller
