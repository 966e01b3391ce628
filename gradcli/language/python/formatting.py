"""Text from values: format specs of f-strings and `format`, and `str.format`.

Numbers and strings are formatted by Python; a tensor without dimensions by the number in it. Attributes and indexes
inside a format string are looked up in the same tables as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gradcli.errors import IndexError_, KeyError_, TypeError_, ValueError_
from gradcli.language import hooks
from gradcli.language.python.attributes import get_attribute
from gradcli.language.python.exceptions import translate
from gradcli.language.python.instance import Instance
from gradcli.language.python.operators import get_item
from gradcli.language.python.percent import check_spec, converted
from gradcli.language.python.values import Value, type_name, value_str


def format_value(value: Value, spec: str = "") -> str:
    """`format(value, spec)`.

    Raises: ValueError_ or TypeError_ for a spec the value does not take; MemoryError_ for an absurd width.
    """
    kind = type(value)
    if kind is hooks.Tensor:
        return _format_tensor(value, spec)
    if not spec and kind is not Instance:
        return value_str(value)
    check_spec(spec)
    if kind in (int, float, str, bool, Instance):
        try:
            return format(value, spec)
        except (ValueError, TypeError, OverflowError) as error:
            raise translate(error) from None
    raise TypeError_(f"unsupported format string passed to {type_name(value)}.__format__")


def _format_tensor(value: Value, spec: str) -> str:
    if len(hooks.attribute(value, "shape")) or value.special is not None:
        if spec:
            raise TypeError_("unsupported format string passed to Tensor.__format__", hint="format the numbers in it")
        return repr(value)
    return format_value(hooks.item(value), spec)


# str.format


def format_string(template: str, args: list[Value], kwargs: dict[str, Value]) -> str:
    """`template.format(*args, **kwargs)`."""
    return _Fields(args, kwargs).fill(template, nested=False)


class _Fields:
    """The arguments of a `str.format`, and how far automatic numbering has come."""

    def __init__(self, args: list[Value], kwargs: dict[str, Value]) -> None:
        self.args = args
        self.kwargs = kwargs
        self.next = 0
        self.numbered: bool | None = None  # whether fields have numbers; None: there was none so far

    def fill(self, template: str, nested: bool) -> str:
        """The template with its replacement fields filled in."""
        pieces = []
        for text, field in split_fields(template):
            pieces.append(text)
            if field is not None:
                pieces.append(self._field(field, nested))
        return "".join(pieces)

    def _field(self, field: Field, nested: bool) -> str:
        value = self._value(field.name)  # in Python's order: the value, its conversion, the spec
        if field.conversion not in (None, "r", "s", "a"):
            raise ValueError_(f"Unknown conversion specifier {field.conversion!r}")
        value = converted(value, field.conversion)
        if nested and "{" in field.spec:
            raise ValueError_("Max string recursion exceeded")
        return format_value(value, self.fill(field.spec, nested=True) if "{" in field.spec else field.spec)

    def _value(self, expression: str) -> Value:
        end = min((at for at in (expression.find("."), expression.find("[")) if at >= 0), default=len(expression))
        value = self._argument(expression[:end])
        rest = expression[end:]
        while rest:
            if rest[0] == ".":
                end = min((at for at in (rest.find(".", 1), rest.find("[", 1)) if at >= 0), default=len(rest))
                value = get_attribute(value, rest[1:end])
            else:
                end = rest.find("]") + 1
                if not end:
                    raise ValueError_("Missing ']' in format string")
                key = rest[1 : end - 1]
                value = get_item(value, int(key) if key.isdecimal() else key)
            rest = rest[end:]
        return value

    def _argument(self, name: str) -> Value:
        if name and not name.isdecimal():
            if name not in self.kwargs:
                raise KeyError_(f"the format string names {name}, which is not given", torch=repr(name))
            return self.kwargs[name]
        self._number(bool(name))
        if name:
            at = int(name)
        else:
            at = self.next
            self.next += 1
        if at >= len(self.args):
            raise IndexError_(f"Replacement index {at} out of range for positional args tuple")
        return self.args[at]

    def _number(self, given: bool) -> None:
        words = ("automatic field numbering", "manual field specification")
        if self.numbered is not None and self.numbered != given:
            raise ValueError_(f"cannot switch from {words[not given]} to {words[given]}")
        self.numbered = given


class Field(NamedTuple):
    """A replacement field, `{name!conversion:spec}`, and where it ends."""

    name: str
    conversion: str | None
    spec: str
    end: int


def split_fields(template: str) -> Iterator[tuple[str, Field | None]]:
    """The stretches of text of a format string, each with the replacement field after it (None at the end).

    Raises: ValueError_ for braces that do not match.
    """
    text: list[str] = []
    at, size = 0, len(template)
    while at < size:
        brace = template[at]
        if brace not in "{}":
            end = min((found for found in (template.find("{", at), template.find("}", at)) if found >= 0), default=size)
            text.append(template[at:end])
            at = end
        elif template.startswith(brace * 2, at):
            text.append(brace)
            at += 2
        elif brace == "}":
            raise ValueError_("Single '}' encountered in format string")
        else:
            field = _read_field(template, at + 1)
            yield "".join(text), field
            text = []
            at = field.end
    yield "".join(text), None


def _read_field(template: str, start: int) -> Field:
    """The field that begins behind a brace, as Python reads it: what follows `!` is the conversion, be it a brace."""
    if start == len(template):
        raise ValueError_("Single '{' encountered in format string")
    at = _end_of_name(template, start)
    name, sign = template[start:at], template[at : at + 1]
    conversion = None
    if sign == "!":
        conversion, sign = template[at + 1 : at + 2], template[at + 2 : at + 3]
        if not conversion:
            raise ValueError_("end of string while looking for conversion specifier")
        if sign not in ("", "}", ":"):
            raise ValueError_("expected ':' after conversion specifier")
        at += 2
    if sign == "}":
        return Field(name, conversion, "", at + 1)
    if sign != ":":
        raise ValueError_("unmatched '{' in format spec" if conversion else "expected '}' before end of string")
    end = _end_of_spec(template, at + 1)
    return Field(name, conversion, template[at + 1 : end], end + 1)


def _end_of_name(template: str, start: int) -> int:
    """Where the name of a field ends; what is between brackets is a key."""
    inside = False
    for at in range(start, len(template)):
        letter = template[at]
        if inside:
            inside = letter != "]"
        elif letter == "{":
            raise ValueError_("unexpected '{' in field name")
        elif letter in "}:!":
            return at
        else:
            inside = letter == "["
    return len(template)


def _end_of_spec(template: str, start: int) -> int:
    depth = 1
    for at in range(start, len(template)):
        depth += (template[at] == "{") - (template[at] == "}")
        if not depth:
            return at
    raise ValueError_("unmatched '{' in format spec")
