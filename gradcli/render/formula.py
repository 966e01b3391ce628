"""A graph as a formula in gradcli's own language: `1.5 * (x + 2)`.

Takes nodes and the names they go by; knows no numerics. Infix operators are printed with as few parentheses as their
precedence asks for, everything else as the call that makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gradcli.dtypes import DType
from gradcli.graph.node import Node
from gradcli.graph.op import leaf_op, number_op, pick_op
from gradcli.graph.walk import sources

Text = tuple[str, int]  # a formula and how tightly it binds

ATOM, POWER, SIGN, TIMES, PLUS, COMPARISON = 100, 80, 70, 60, 50, 40
# op -> symbol, precedence, and whether the right operand needs parentheses at the same precedence
INFIX = {
    "add": ("+", PLUS, False), "sub": ("-", PLUS, True), "mul": ("*", TIMES, False), "div": ("/", TIMES, True),
    "_matmul": ("@", TIMES, True), "mm": ("@", TIMES, True), "mv": ("@", TIMES, True), "matmul": ("@", TIMES, True),
    "gt": (">", COMPARISON, True), "lt": ("<", COMPARISON, True), "ge": (">=", COMPARISON, True),
    "le": ("<=", COMPARISON, True), "eq": ("==", COMPARISON, True), "ne": ("!=", COMPARISON, True),
    "remainder": ("%", TIMES, True), "floor_divide": ("//", TIMES, True),
}  # fmt: skip
# internal ops that a public one is made of, by the public one's name
SHOWN = {"_choose": "where", "_take_along": "take_along_dim"}
# ops that only bring a value into the shape or dtype it is used in
TRANSPARENT = frozenset({"_to_dtype", "alias", "_data"})


def formula(output: Node, names: Mapping[Node, str]) -> str:
    """The formula of a node in terms of the named ones. A part that is used twice is printed twice."""
    texts: dict[int, Text] = {node.serial: (name, ATOM) for node, name in names.items()}
    stack = [output]
    while stack:
        node = stack[-1]
        if node.serial in texts:
            stack.pop()
            continue
        waiting = [i for i in _parts(node) if i.serial not in texts]
        if waiting:
            stack.extend(waiting)
        else:
            texts[stack.pop().serial] = _text(node, texts)
    return texts[output.serial][0]


def _parts(node: Node) -> Iterable[Node]:
    if node.op.torch2 is not None and node.via is not None:
        return node.inputs or ()
    return sources(node)


def _text(node: Node, texts: Mapping[int, Text]) -> Text:
    parts = [texts[i.serial] for i in _parts(node)]
    op = node.op
    if op is number_op:
        value = node.value
        return _number(value), ATOM if value >= 0 else SIGN
    if op is leaf_op:
        return _constant(node), ATOM
    if op.name in TRANSPARENT:
        return parts[0]
    if op.name == "_zero":
        return "0", ATOM
    if op is pick_op:
        return f"{_wrap(parts[0], ATOM)}[{node.params['at']}]", ATOM
    if op.name == "neg":
        return f"-{_wrap(parts[0], SIGN)}", SIGN
    if op.name in INFIX and len(parts) == 2:
        return _infix(op.name, parts)
    if op.name == "pow":
        exponent = parts[1] if len(parts) > 1 else (_number(node.params["exponent"]), ATOM)
        return f"{_wrap(parts[0], POWER + 1)} ** {_wrap(exponent, POWER)}", POWER
    return _call(node, [text for text, _ in parts]), ATOM


def _infix(name: str, parts: list[Text]) -> Text:
    symbol, precedence, strict = INFIX[name]
    left, right = parts
    return f"{_wrap(left, precedence)} {symbol} {_wrap(right, precedence + strict)}", precedence


def _wrap(text: Text, at_least: int) -> str:
    return text[0] if text[1] >= at_least else f"({text[0]})"


def _number(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return repr(int(value))
    return repr(value)


def _constant(node: Node) -> str:
    value = node.value
    if value is not None and value.size == 1:
        return _number(value.item())
    return f"<{node.dtype!r} {list(node.shape)}>"


def _call(node: Node, parts: list[str]) -> str:
    own = node.op.signature.by_name
    given = [
        f"{name}={_parameter(value)}"
        for name, value in node.params.items()
        if not (name in own and own[name].default == value) and not isinstance(value, DType)
    ]
    return f"{SHOWN.get(node.op.name, node.op.shown)}({', '.join([*parts, *given])})"


def _parameter(value: Any) -> str:
    if isinstance(value, Node):
        return "..."
    return repr(value) if not callable(value) else "..."
