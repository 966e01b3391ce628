"""The machine: runs the code of a program, block after block, with frames of its own.

It knows tensors only through `hooks`; who puts the language together calls `install` once and makes a Machine per
session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gradcli.errors import GradcliError, NameError_, RecursionError_
from gradcli.language import hooks
from gradcli.language.compiler.code import Code, Frame
from gradcli.language.compiler.statements import compile_module
from gradcli.language.machine import calls
from gradcli.language.machine.flow import abandon
from gradcli.language.machine.generators import Generator, left_by
from gradcli.language.python.builtins import builtins_of
from gradcli.language.python.callables import UserFunction
from gradcli.language.python.exceptions import names_of
from gradcli.language.python.values import MISSING, Value
from gradcli.language.syntax import ast
from gradcli.suggest import nearest

NESTING = 60  # calls of the program's functions from inside built-in functions, inside one another

compile_program = compile_module


def install(
    tensor: type,
    binary: Callable[[str, Any, Any], Any],
    unary: Callable[[str, Any], Any],
    compare: Callable[[str, Any, Any], Any],
    inplace: Callable[[str, Any, Any], Any],
    get_item: Callable[[Any, Any], Any],
    set_item: Callable[[Any, Any, Any], None],
    attribute: Callable[[Any, str], Any],
    set_attribute: Callable[[Any, str, Any], None],
    iterate: Callable[[Any], Iterator[Any]],
    truth: Callable[[Any], bool],
    item: Callable[[Any], Any],
) -> None:
    """Make tensors known to the language. They know their session themselves, so once is enough for all machines."""
    hooks.Tensor = tensor
    hooks.binary = binary
    hooks.unary = unary
    hooks.compare = compare
    hooks.inplace = inplace
    hooks.get_item = get_item
    hooks.set_item = set_item
    hooks.attribute = attribute
    hooks.set_attribute = set_attribute
    hooks.iterate = iterate
    hooks.truth = truth
    hooks.item = item


def _nothing(name: str) -> Value:
    return MISSING


def _no_value(name: str) -> Value:
    return None


def _no_names() -> list[str]:
    return []


class Machine:
    """Runs programs of one session.

    context: what the session keeps; `write` and `settle` of it are used.
    find_name: the value of a name that is neither assigned nor a built-in of Python (an op, a module), or MISSING.
    op_function: the op that a built-in function means for a tensor (`sum`, `abs`), or None.
    import_module: the namespace of a dotted name, or None. known_names: names to suggest besides the program's own.
    show: given the value of every statement of a module that is an expression.
    ops_first: `max(x, 0)` and `sum(v)` of a tensor are always the ops, as in an expression of gradcli; in a program
    they are Python's functions where programs of the public count on it (`builtins.py`).
    """

    def __init__(
        self,
        context: Any,
        find_name: Callable[[str], Value] = _nothing,
        op_function: Callable[[str], Value] = _no_value,
        import_module: Callable[[str], Value] = _no_value,
        known_names: Callable[[], list[str]] = _no_names,
    ) -> None:
        self.context = context
        self.find_name = find_name
        self.op_function = op_function
        self.import_module = import_module
        self.known_names = known_names
        self.settle: Callable[[], None] = getattr(context, "settle", _settled)
        self.deferred: Any = getattr(context, "deferred", (True,))  # empty when there is nothing to settle
        self.show: Callable[[Value], None] | None = None
        self.result: Value = None
        self.ops_first = False
        self.nesting = 0
        self.builtins: dict[str, Value] = builtins_of(self)
        self.modules: Any = None

    def write(self, text: str) -> None:
        """What print does with its text."""
        self.context.write(text)

    def run(self, code: Code, names: dict[str, Value]) -> Value:
        """Run a module in these variables; the value of its last statement if that is an expression, else None.

        Raises: GradcliError with the place it happened; KeyboardInterrupt and TimeoutError_ pass through.
        """
        self.nesting = 0
        return self._finish(Frame(code, code.template.copy(), names, self))

    def call_value(self, function: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Call any callable value of the language from outside the program."""
        return calls.call_value(function, args, kwargs)

    def call_function(self, function: UserFunction, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Run a function of the program to its end."""
        frame = Frame(function.code, calls.bind(function, args, kwargs), function.globals, self)
        if function.code.generator:
            return Generator(frame)
        return self._finish_nested(frame)

    def resume(self, frame: Frame, error: GradcliError | None = None) -> Value:
        """Run a generator's frame up to its next `yield`, or raise an exception where it stands."""
        if error is not None:
            frame = self._caught(frame, error, frame.block.instructions[0][2])
        return self._finish_nested(frame)

    def _finish_nested(self, frame: Frame) -> Value:
        """Run a frame to its end for a built-in function.

        Raises: RecursionError_ when these are nested too deeply.
        """
        if self.nesting >= NESTING:
            raise RecursionError_(
                "maximum recursion depth exceeded",
                hint="functions called by built-in ones count more",
            )
        self.nesting += 1
        try:
            return self._finish(frame)
        finally:
            self.nesting -= 1

    def _finish(self, frame: Frame) -> Value:
        """Run a frame and those it calls until it is done."""
        running: Frame | None = frame
        place: ast.Node = frame.block.instructions[0][2]
        done = False
        try:
            while running is not None:
                try:
                    while running is not None:
                        for run, argument, place in running.block.instructions:  # noqa: B007 (place is for the except)
                            following = run(running, argument)
                        running = following
                except GradcliError as error:
                    running = self._caught(running, error, place)
            done = True
        finally:
            if not done:
                abandon(running)
        result, self.result = self.result, None
        return result

    def _caught(self, frame: Frame, error: GradcliError, place: ast.Node) -> Frame:
        """The frame that handles an error, set to its handler.

        Raises: the error itself when no frame does.
        """
        if error.span is None:
            error.span = frame.code.span(place)
        if not names_of(error):
            raise error
        failed = frame
        while True:
            handler = frame.block.handler
            if handler is not None:
                frame.slots[handler.slot] = error
                frame.block = handler.block
                error.__traceback__ = None
                return frame
            caller = frame.caller
            if frame.generator is not None:
                error = left_by(frame, error)
            if caller is None:
                if failed is not frame:
                    _note_call(error, failed)
                raise error
            frame = caller

    def free_name(self, name: str, names: dict[str, Value]) -> Value:
        """The value of a name that the module has not assigned.

        Raises: NameError_ with the nearest known name.
        """
        value = self.builtins.get(name, MISSING)
        if value is MISSING:
            value = self.find_name(name)
            if value is MISSING:
                near = nearest(name, [*names, *self.builtins, *self.known_names()])
                raise NameError_(f"name '{name}' is not defined", hint=f"did you mean {near}?" if near else None)
            self.builtins[name] = value
        return value


def _settled() -> None:
    """A context without deferred work."""


def _note_call(error: GradcliError, frame: Frame) -> None:
    """Tell, beside the place of an error, which call led there."""
    caller, place = frame.caller, frame.called_at
    if error.detail is None and caller is not None and place is not None:
        line = caller.code.span(place).line
        error.detail = f"in {frame.code.name}, called from line {line}"
