"""Generators: a frame that is suspended at `yield` and goes on when its next value is asked for.

A `for` loop goes on in the generator's frame itself, so generators that draw on generators use no stack of Python's.
Anything else that wants a value (`next`, `list`, `zip`) asks the machine to run the frame up to the next `yield`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from gradcli.errors import GradcliError, RecursionError_, TypeError_, ValueError_
from gradcli.language.compiler.code import Block, Frame
from gradcli.language.python.exceptions import StopIteration_, as_exception, names_of, not_attribute
from gradcli.language.python.values import Builtin, Value
from gradcli.language.syntax import ast

DEPTH = 1000  # generators that wait for one another


class GeneratorExit_(GradcliError):
    """What `close()` raises at the `yield` where a generator stands."""

    catches = ("GeneratorExit", "BaseException")


class Generator:
    """What a call of a function with `yield` gives.

    received: the slot of the frame that gets what `send` sends; None before the first value. result: what it returned.
    """

    __slots__ = ("finished", "frame", "received", "result", "running")

    type_name: ClassVar[str] = "generator"

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.received: int | None = None
        self.finished = False
        self.running = False
        self.result: Value = None
        frame.generator = self

    def __iter__(self) -> Generator:
        return self

    def __next__(self) -> Value:
        value = self.advance(None)
        if self.finished:
            raise StopIteration
        return value

    def advance(self, sent: Value) -> Value:
        """Run to the next `yield`; its value, or None and `finished`."""
        if self.finished:
            return None
        self.wake(sent)
        self.frame.depth = 0
        return self.frame.machine.resume(self.frame)

    def wake(self, sent: Value) -> None:
        """Make the frame ready to go on.

        Raises: ValueError_ when it is running already; TypeError_ for a value sent before the first `yield`.
        """
        if self.running:
            raise ValueError_("generator already executing")
        if self.received is not None:
            self.frame.slots[self.received] = sent
        elif sent is not None:
            raise TypeError_("can't send non-None value to a just-started generator")
        self.running = True

    def end(self, result: Value = None) -> None:
        """It has returned, or was left by an exception."""
        self.finished = True
        self.running = False
        self.result = result
        self.frame.caller = None
        self.frame.slots = []

    def send(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """`g.send(value)`."""
        if len(args) != 1 or kwargs:
            raise TypeError_(f"generator.send() takes exactly one argument ({len(args) + len(kwargs)} given)")
        value = self.advance(args[0])
        if self.finished:
            raise self._stopped()
        return value

    def throw(self, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """`g.throw(error)`: the exception is raised at the `yield` where it stands."""
        if not args or kwargs:
            raise TypeError_("throw expected at least 1 argument, got 0")
        error = as_exception(args[0])
        if self.finished or self.received is None:
            self.end()
            raise error
        self.wake(None)
        value = self.frame.machine.resume(self.frame, error)
        if self.finished:
            raise self._stopped()
        return value

    def close(self, args: list[Value], kwargs: dict[str, Value]) -> None:
        """`g.close()`: leave it where it stands, by way of its finally blocks."""
        try:
            self.throw([GeneratorExit_("")], {})
        except GradcliError as error:
            if not {"GeneratorExit", "StopIteration"} & set(names_of(error)[:1]):
                raise
        else:
            raise GradcliError("generator ignored GeneratorExit")

    def _stopped(self) -> StopIteration_:
        error = StopIteration_("the generator is at its end")
        error.values = () if self.result is None else (self.result,)
        return error

    def get_attribute(self, name: str) -> Value:
        """Its methods."""
        if name in ("__next__", "__iter__"):
            return Builtin(name, lambda args, kwargs: self if name == "__iter__" else self.send([None], {}))
        found = {"send": self.send, "throw": self.throw, "close": self.close}.get(name)
        if found is not None:
            return Builtin(name, found)
        if name in ("__name__", "__qualname__"):
            return self.frame.code.name
        raise not_attribute(self, name, ("send", "throw", "close"))

    def __repr__(self) -> str:
        return f"<generator object {self.frame.code.qualname} at {id(self):#x}>"


def enter_generator(frame: Frame, generator: Generator, target: int, following: Block, done: Block) -> Frame:
    """Go on in a generator's frame; the frame that asks gets the value in target and follows, or is done.

    Raises: RecursionError_ when too many wait for one another.
    """
    own = generator.frame
    if generator.finished:
        frame.block = done
        return frame
    if frame.depth >= DEPTH:
        raise RecursionError_(
            "maximum recursion depth exceeded", hint=f"{own.code.name} draws on itself without an end?"
        )
    generator.wake(None)
    own.caller, own.into, own.depth, own.exhausted = frame, target, frame.depth + 1, done
    frame.block = following
    return own


def yield_value(frame: Frame, arg: tuple[int, int, Sequence[int], Block, ast.Node]) -> Frame | None:
    """hand a value to whoever asked; target = what is sent when the frame goes on"""
    target, source, used, following, _ = arg
    generator = frame.generator
    slots = frame.slots
    value = slots[source]
    for slot in used:
        slots[slot] = None
    frame.block = following
    generator.received = target
    generator.running = False
    caller, frame.caller = frame.caller, None
    if caller is None:
        frame.machine.result = value
        return None
    caller.slots[frame.into] = value  # type: ignore[index]
    return caller


def end_generator(frame: Frame, source: int) -> Frame | None:
    """the function with yield returns: there are no more values"""
    result, caller = frame.slots[source], frame.caller
    frame.generator.end(result)
    if caller is None:
        return None
    caller.block = frame.exhausted
    return caller


def delegated(frame: Frame, arg: tuple[int, int]) -> None:
    """target = what `yield from` gives: the result of the generator it drew on"""
    target, source = arg
    slots = frame.slots
    value = slots[source]
    slots[source] = None
    slots[target] = value.result if type(value) is Generator else None


def left_by(frame: Frame, error: GradcliError) -> GradcliError:
    """A generator is left by an exception: what its caller sees of it."""
    frame.generator.end()
    if names_of(error)[:1] == ("StopIteration",):
        changed = GradcliError("generator raised StopIteration")
        changed.span = error.span
        return changed
    return error
