"""The % operator on strings, and what it shares with the other ways to format."""

from __future__ import annotations

from typing import Any

from gradcli.errors import GradcliError, KeyError_, TypeError_, ValueError_
from gradcli.language import hooks
from gradcli.language.python.exceptions import PYTHON_ERRORS, translate
from gradcli.language.python.limits import check_width
from gradcli.language.python.values import Value, type_name, value_repr, value_str

_INTEGERS = "diouxX"
_FLOATS = "eEfFgG"


def converted(value: Value, conversion: str | None) -> Value:
    """A value after `!r`, `!s` or `!a`."""
    if conversion is None:
        return value
    if conversion == "s":
        return value_str(value)
    text = value_repr(value)
    return text if conversion == "r" else ascii(text)[1:-1].replace("\\'", "'").replace("\\\\", "\\")


def check_spec(spec: str) -> None:
    """Refuse a width or precision beyond any use."""
    digits = ""
    for letter in spec + " ":
        if letter.isdecimal():
            digits += letter
        else:
            if len(digits) > 6:
                check_width(int(digits[:20]))
            digits = ""


def percent(template: str, values: Value) -> str:
    """`template % values`."""
    pending = list(values) if isinstance(values, tuple) else [values]
    mapping = values if isinstance(values, dict) else None
    pieces: list[str] = []
    at = used = 0
    while True:
        sign = template.find("%", at)
        if sign < 0:
            pieces.append(template[at:])
            break
        pieces.append(template[at:sign])
        key, flags, letter, at = _conversion(template, sign + 1)
        if letter == "%":
            pieces.append("%")
            continue
        while "*" in flags:
            width = _taken(pending, used)
            if not isinstance(width, int):
                raise TypeError_("* wants int")
            flags = flags.replace("*", str(int(width)), 1)
            used += 1
        if key is not None:
            if mapping is None:
                raise TypeError_("format requires a mapping")
            if key not in mapping:
                raise KeyError_(f"the dict has no key {key!r}", torch=repr(key))
            value = mapping[key]
        else:
            value = _taken(pending, used)
            used += 1
        pieces.append(_percent_one(flags, letter, value))
    if used < len(pending) and not isinstance(values, dict | list | range):  # as Python: these may be left unused
        raise TypeError_("not all arguments converted during string formatting")
    return "".join(pieces)


def _taken(pending: list[Value], used: int) -> Value:
    if used >= len(pending):
        raise TypeError_("not enough arguments for format string")
    return pending[used]


def _conversion(template: str, at: int) -> tuple[str | None, str, str, int]:
    """The key, flags with width and precision, letter, and end of a conversion that begins at `at`."""
    key = None
    if template.startswith("(", at):
        end = template.find(")", at)
        if end < 0:
            raise ValueError_("incomplete format key")
        key, at = template[at + 1 : end], end + 1
    start = at
    while at < len(template) and (template[at] in "#-+ .*" or template[at].isdecimal()):
        at += 1
    flags = template[start:at]
    while at < len(template) and template[at] in "hlL":
        at += 1
    if at >= len(template):
        raise ValueError_("incomplete format")
    return key, flags, template[at], at + 1


def _percent_one(flags: str, letter: str, value: Value) -> str:
    check_spec(flags)
    if letter in "sra":
        text: str = f"%{flags}s" % converted(value, letter)
        return text
    if letter not in _INTEGERS + _FLOATS + "c":
        raise ValueError_(f"unsupported format character '{letter}' (0x{ord(letter):x})")
    number: Any = hooks.item(value) if type(value) is hooks.Tensor else value
    if letter in _INTEGERS and type(number) is float and letter not in "oxX":
        number = _whole(number)
    try:
        return f"%{flags}{letter}" % (number,)
    except TypeError as error:
        raise _percent_error(letter, value, error) from None
    except PYTHON_ERRORS as error:
        raise translate(error) from None


def _whole(number: float) -> int:
    try:
        return int(number)
    except (ValueError, OverflowError) as error:
        raise translate(error) from None


def _percent_error(letter: str, value: Value, error: TypeError) -> GradcliError:
    if letter in _FLOATS:
        return TypeError_(f"must be real number, not {type_name(value)}")
    if letter in "diu":
        return TypeError_(f"%{letter} format: a real number is required, not {type_name(value)}")
    if letter in "oxX":
        return TypeError_(f"%{letter} format: an integer is required, not {type_name(value)}")
    return translate(error)
