"""The values of `--NAME VALUE` and `--seed VALUE`: expressions, forms that need no quotes, files.

A value is evaluated in the session, so it may use the variables before it, but what it gives is bound as a leaf: the
gradient of a variable is the partial derivative with the other variables held fixed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.cli.arguments import Binding
from gradcli.cli.datafiles import load_array, numbers_to_array
from gradcli.environment import Environment
from gradcli.errors import FileError, GradcliError, UsageError, ValueError_
from gradcli.language.tensors.tensor import Tensor
from gradcli.source import Source, Span
from gradcli.suggest import nearest

Array = np.ndarray[Any, Any]

# `ones:2,2` is ones(2, 2): the creation functions whose arguments are numbers alone.
SHORTHAND = ("ones", "zeros", "rand", "randn", "eye", "arange", "linspace", "logspace", "randperm")


def value_of(binding: Binding, session: Session, dtype: str, environment: Environment) -> object:
    """The value of a variable of the command line."""
    if binding.given is not None:
        return binding.given
    return read_value(binding.text, f"--{binding.name}", session, dtype, environment)


def read_value(text: str, label: str, session: Session, dtype: str, environment: Environment) -> object:
    """The array of a VALUE, or the value itself where it is no tensor and no number (a function, a string).

    label is what messages call it: `--x`.
    """
    if not text.strip():
        raise UsageError(f"{label}: the value is empty")
    if text == "@":
        raise UsageError(f"{label}: a file's name follows the @", hint=f"{label} @data.npy")
    if text.startswith("@"):
        try:
            return load_array(text[1:], dtype, environment)
        except FileError as error:
            error.op = error.op or label
            raise
    source = Source(expand_shorthand(text, label), label)
    value = session.eval(source)
    try:
        return to_array(value, dtype)
    except GradcliError as error:
        error.span = Span(source, 0, len(source.text))
        raise


def expand_shorthand(text: str, label: str) -> str:
    """`ones:2,2` as the expression it stands for; any other text as it is."""
    name, colon, rest = text.partition(":")
    if not colon or not name.isidentifier() or name == "lambda":
        return text
    if name not in SHORTHAND:
        near = nearest(name, SHORTHAND)
        hint = f"did you mean {near}:{rest}?" if near else f"the short forms are {', '.join(SHORTHAND)}"
        raise UsageError(f"{label}: there is no short form '{name}:'", hint=hint)
    parts = rest.split(",") if rest else []
    if not all(_is_number(part) for part in parts):
        raise UsageError(f"{label}: '{text}' needs numbers after the colon, as in {name}:2,3")
    if not parts and name in ("ones", "zeros", "rand", "randn"):
        return f"{name}(())"
    return f"{name}({rest})"


def to_array(value: object, dtype: str) -> object:
    """Tensors and numbers as arrays: a tensor keeps its dtype, numbers and lists of them take the default one."""
    if isinstance(value, Tensor):
        return np.array(value.numpy())
    if isinstance(value, bool):
        return np.array(value)
    if isinstance(value, int | float):
        return numbers_to_array(value, dtype, "the value")
    if isinstance(value, list | tuple) and _all_numbers(value):
        try:
            return numbers_to_array(_lists(value), dtype, "the value")
        except FileError as error:
            raise ValueError_(error.message.removeprefix("the value: "), hint=error.hint) from None
    return value


def bind(session: Session, name: str, value: object, requires_grad: bool) -> None:
    """Give a variable its value; floating-point arrays become leaves that require grad."""
    if isinstance(value, np.ndarray):
        session.set(name, value, requires_grad=requires_grad and value.dtype.kind == "f")
    else:
        session[name] = value


def _all_numbers(value: object) -> bool:
    """Whether nested lists hold numbers alone (a list of tensors is left as it is)."""
    level = [value]
    while level:
        below: list[object] = []
        for item in level:
            if isinstance(item, list | tuple):
                below.extend(item)
            elif not isinstance(item, bool | int | float):
                return False
        level = below
    return True


def _lists(value: object) -> object:
    """Tuples as lists, as deep as an array may be."""
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
