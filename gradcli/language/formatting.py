"""Text from values: format specs of f-strings and `format`, and `str.format`.

Numbers and strings are formatted by Python; a tensor without dimensions by the number in it. Attributes and indexes
inside a format string are looked up in the same tables as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.errors import IndexError_, KeyError_, TypeError_, ValueError_
from gradcli.language import hooks
from gradcli.language.attributes import get_attribute
from gradcli.language.exceptions import translate
from gradcli.language.instance import Instance
from gradcli.language.operators import get_item
from gradcli.language.percent import check_spec, converted
from gradcli.language.values import Value, type_name, value_str


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
    if len(hooks.attribute(value, "shape")):
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

    def fill(self, template: str, nested: bool) -> str:
        """The template with its replacement fields filled in."""
        pieces = []
        for text, field in split_fields(template):
            pieces.append(text)
            if field is not None:
                pieces.append(self._field(field, nested))
        return "".join(pieces)

    def _field(self, field: str, nested: bool) -> str:
        if nested and "{" in field:
            raise ValueError_("Max string recursion exceeded")
        expression, spec = _cut_spec(field)
        conversion = None
        if "!" in expression:
            expression, _, conversion = expression.partition("!")
            if len(conversion) != 1:
                raise ValueError_(f"Unknown conversion specifier {conversion!r}")
        if "{" in spec:
            spec = self.fill(spec, nested=True)
        value = self._value(expression)  # Python looks the value up before it minds an unknown conversion
        if conversion not in (None, "r", "s", "a"):
            raise ValueError_(f"Unknown conversion specifier {conversion!r}")
        return format_value(converted(value, conversion), spec)

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
        if name:
            at = int(name)
        else:
            at = self.next
            self.next += 1
        if at >= len(self.args):
            raise IndexError_(f"Replacement index {at} out of range for positional args tuple")
        return self.args[at]


def split_fields(template: str) -> Iterator[tuple[str, str | None]]:
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
            end = _closing(template, at)
            yield "".join(text), template[at + 1 : end]
            text = []
            at = end + 1
    yield "".join(text), None


def _closing(template: str, start: int) -> int:
    depth = 0
    for at in range(start, len(template)):
        if template[at] == "{":
            depth += 1
        elif template[at] == "}":
            depth -= 1
            if depth == 0:
                return at
    if start + 1 == len(template):
        raise ValueError_("Single '{' encountered in format string")
    raise ValueError_("expected '}' before end of string")


def _cut_spec(field: str) -> tuple[str, str]:
    """The expression of a field and its spec; a colon inside [] is part of the key."""
    inside = False
    for at, letter in enumerate(field):
        if letter == "[":
            inside = True
        elif letter == "]":
            inside = False
        elif letter == ":" and not inside:
            return field[:at], field[at + 1 :]
    return field, ""
