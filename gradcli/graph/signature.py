"""Signatures of ops, written as in torch's own schemas: `sum(Tensor input, dims dim=None, bool keepdim=False)`.

Pure data: binding a call to a signature is the language's (`language/tensors/binding.py`).
"""

from __future__ import annotations

import re
from functools import cached_property

# What an argument may be. `Operand` is a tensor or a Python number; `ints*` also takes bare numbers (x.view(2, 3)).
TENSOR_KINDS = frozenset({"Tensor", "Tensor?", "Tensors", "Tensors*", "Operand", "Operand?"})
KINDS = TENSOR_KINDS | {
    "Scalar", "Scalar?", "int", "int?", "float", "float?", "bool", "bool?", "str", "str?", "ints", "ints?", "ints*",
    "dims", "dims?", "floats", "dtype", "dtype?", "generator", "ignored", "any",
}  # fmt: skip
MISSING = object()

_PARAMETER = re.compile(r"(?P<kind>[A-Za-z]+[?*]?) (?P<name>\w+)(?:=(?P<default>.+))?$")
_CONSTANTS = {"None": None, "True": True, "False": False, "inf": float("inf"), "-inf": float("-inf")}


class Parameter:
    """One argument of an op: its kind, name, default (MISSING when required), and whether only a keyword sets it."""

    __slots__ = ("default", "keyword_only", "kind", "name")

    def __init__(self, kind: str, name: str, default: object, keyword_only: bool) -> None:
        self.kind = kind
        self.name = name
        self.default = default
        self.keyword_only = keyword_only


class Signature:
    """A signature as text, taken apart when it is first needed: start-up declares hundreds and uses three."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = text[: text.index("(")]

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in order."""
        return tuple(_parse(self.text))

    @cached_property
    def by_name(self) -> dict[str, Parameter]:
        """The parameters by name."""
        return {p.name: p for p in self.parameters}

    @cached_property
    def shown(self) -> str:
        """The signature as a person writes the call: `sum(input, dim=None, keepdim=False)`."""
        inside = self.text[self.text.index("(") + 1 : -1]
        parts = [p for p in _split(inside) if not p.startswith(("generator ", "ignored "))]
        while parts and parts[-1] == "*":
            parts.pop()
        return f"{self.name}({', '.join(p if p == '*' else p.split(' ', 1)[1] for p in parts)})"


def _parse(text: str) -> list[Parameter]:
    parameters = []
    keyword_only = False
    for part in _split(text[text.index("(") + 1 : -1]):
        if part == "*":
            keyword_only = True
            continue
        match = _PARAMETER.match(part)
        if match is None or match["kind"] not in KINDS:
            raise ValueError(f"{text}: cannot read the parameter {part!r}")
        default = MISSING if match["default"] is None else _constant(match["default"])
        parameters.append(Parameter(match["kind"], match["name"], default, keyword_only))
    return parameters


def _split(inside: str) -> list[str]:
    """The parts between commas that are not inside brackets."""
    return [part.strip() for part in re.split(r",(?![^()\[\]]*[)\]])", inside) if part.strip()]


def _constant(text: str) -> object:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in "'\"":
        return text[1:-1]
    if text[0] in "([":
        return tuple(_constant(part) for part in _split(text[1:-1]))
    return float(text) if re.search(r"[.e]", text) else int(text)
