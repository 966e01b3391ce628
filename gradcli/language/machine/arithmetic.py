"""Instructions of operators. The common ones have a handler each: a program spends its time in them.

Argument: (target, left, right), or (target, operand).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcli.language import hooks
from gradcli.language.compiler.code import Frame
from gradcli.language.python.exceptions import PYTHON_ERRORS
from gradcli.language.python.operators import (
    BINARY,
    COMPARE,
    INPLACE,
    Binary,
    compare,
    comparison_error,
    contains,
    operator_error,
    truth,
    unary,
    with_tensor,
)

Run = Callable[[Frame, Any], None]
Operands = tuple[int, int, int]


def add(frame: Frame, arg: Operands) -> None:
    """left + right"""
    target, left, right = arg
    slots = frame.slots
    a, b = slots[left], slots[right]
    if type(a) is hooks.Tensor or type(b) is hooks.Tensor:
        slots[target] = with_tensor("+", a, b)
    else:
        try:
            slots[target] = a + b
        except PYTHON_ERRORS as error:
            raise operator_error("+", a, b, error) from None


def subtract(frame: Frame, arg: Operands) -> None:
    """left - right"""
    target, left, right = arg
    slots = frame.slots
    a, b = slots[left], slots[right]
    if type(a) is hooks.Tensor or type(b) is hooks.Tensor:
        slots[target] = with_tensor("-", a, b)
    else:
        try:
            slots[target] = a - b
        except PYTHON_ERRORS as error:
            raise operator_error("-", a, b, error) from None


_multiply = BINARY["*"]


def multiply(frame: Frame, arg: Operands) -> None:
    """left * right"""
    target, left, right = arg
    slots = frame.slots
    a, b = slots[left], slots[right]
    if type(a) is hooks.Tensor or type(b) is hooks.Tensor:
        slots[target] = with_tensor("*", a, b)
    else:
        try:
            slots[target] = a * b if type(a) is float else _multiply(a, b)
        except PYTHON_ERRORS as error:
            raise operator_error("*", a, b, error) from None


def divide(frame: Frame, arg: Operands) -> None:
    """left / right"""
    target, left, right = arg
    slots = frame.slots
    a, b = slots[left], slots[right]
    if type(a) is hooks.Tensor or type(b) is hooks.Tensor:
        slots[target] = with_tensor("/", a, b)
    else:
        try:
            slots[target] = a / b
        except PYTHON_ERRORS as error:
            raise operator_error("/", a, b, error) from None


def _binary(symbol: str, name: str, apply: Binary) -> Run:
    def run(frame: Frame, arg: Operands) -> None:
        target, left, right = arg
        slots = frame.slots
        a, b = slots[left], slots[right]
        if type(a) is hooks.Tensor or type(b) is hooks.Tensor:
            slots[target] = with_tensor(symbol, a, b)
        else:
            try:
                slots[target] = apply(a, b)
            except PYTHON_ERRORS as error:
                raise operator_error(symbol, a, b, error) from None

    run.__name__ = name
    return run


def _inplace(symbol: str, name: str, apply: Binary) -> Run:
    def run(frame: Frame, arg: Operands) -> None:
        target, left, right = arg
        slots = frame.slots
        a, b = slots[left], slots[right]
        if type(a) is hooks.Tensor:
            slots[target] = hooks.inplace(symbol, a, b)
        elif type(b) is hooks.Tensor:
            slots[target] = with_tensor(symbol, a, b)
        else:
            try:
                slots[target] = apply(a, b)
            except PYTHON_ERRORS as error:
                raise operator_error(symbol, a, b, error, "=") from None

    run.__name__ = name
    return run


def _compare(symbol: str, name: str, apply: Binary) -> Run:
    def run(frame: Frame, arg: Operands) -> None:
        target, left, right = arg
        slots = frame.slots
        a, b = slots[left], slots[right]
        if type(a) is hooks.Tensor or type(b) is hooks.Tensor:
            slots[target] = compare(symbol, a, b)
        else:
            try:
                slots[target] = apply(a, b)
            except PYTHON_ERRORS as error:
                raise comparison_error(symbol, a, b, error) from None

    run.__name__ = name
    return run


def is_(frame: Frame, arg: Operands) -> None:
    """left is right"""
    target, left, right = arg
    slots = frame.slots
    slots[target] = slots[left] is slots[right]


def is_not(frame: Frame, arg: Operands) -> None:
    """left is not right"""
    target, left, right = arg
    slots = frame.slots
    slots[target] = slots[left] is not slots[right]


def in_(frame: Frame, arg: Operands) -> None:
    """left in right"""
    target, left, right = arg
    slots = frame.slots
    slots[target] = contains(slots[right], slots[left])


def not_in(frame: Frame, arg: Operands) -> None:
    """left not in right"""
    target, left, right = arg
    slots = frame.slots
    slots[target] = not contains(slots[right], slots[left])


def negative(frame: Frame, arg: tuple[int, int]) -> None:
    """-operand"""
    target, source = arg
    slots = frame.slots
    slots[target] = unary("-", slots[source])


def positive(frame: Frame, arg: tuple[int, int]) -> None:
    """+operand"""
    target, source = arg
    slots = frame.slots
    slots[target] = unary("+", slots[source])


def invert(frame: Frame, arg: tuple[int, int]) -> None:
    """~operand"""
    target, source = arg
    slots = frame.slots
    slots[target] = unary("~", slots[source])


def not_(frame: Frame, arg: tuple[int, int]) -> None:
    """not operand"""
    target, source = arg
    slots = frame.slots
    slots[target] = not truth(slots[source])


_NAMES = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "remainder", "**": "power",
    "@": "matmul", "&": "and_", "|": "or_", "^": "xor", "<<": "shift_left", ">>": "shift_right",
    "==": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
}  # fmt: skip

RUN_BINARY: dict[str, Run] = {
    **{symbol: _binary(symbol, _NAMES[symbol], apply) for symbol, apply in BINARY.items()},
    "+": add, "-": subtract, "*": multiply, "/": divide,
}  # fmt: skip
RUN_INPLACE: dict[str, Run] = {
    symbol: _inplace(symbol, f"{_NAMES[symbol]}_inplace", apply) for symbol, apply in INPLACE.items()
}
RUN_COMPARE: dict[str, Run] = {
    **{symbol: _compare(symbol, _NAMES[symbol], apply) for symbol, apply in COMPARE.items()},
    "is": is_, "is not": is_not, "in": in_, "not in": not_in,
}  # fmt: skip
RUN_UNARY: dict[str, Run] = {"-": negative, "+": positive, "~": invert, "not": not_}
