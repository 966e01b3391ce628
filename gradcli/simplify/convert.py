"""From a graph to terms: every node in public words, simplified on the way. Nothing recurses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.dtypes import DType
from gradcli.graph.node import Node
from gradcli.graph.op import PROGRAM, Op, leaf_op, number_op, pick_op
from gradcli.graph.signature import MISSING, TENSOR_KINDS
from gradcli.graph.terms import Arg, Params, Term
from gradcli.graph.walk import sources
from gradcli.ops.catalog import spellings_of
from gradcli.simplify.build import Builder
from gradcli.simplify.forms import FORMS
from gradcli.simplify.forms.arithmetic import numbers
from gradcli.simplify.noform import NoForm

Name = str | tuple[str, int]
# literals with more elements than this are data, not part of a formula
LITERAL_LIMIT = 1000
# expansions that give several tensors: each is read from what computes it
SEVERAL = frozenset({"var_mean", "std_mean"})
ADDING = frozenset({"add", "sub"})
Addend = tuple[Any, Term]  # with its factor
MANY = 12  # addends; of more, no two that come together are looked at alone
COMPARING = {"gt": "gt", "lt": "lt", "ge": "ge", "le": "le", "eq": "eq", "ne": "ne"}


class Converter:
    """Makes the terms of graph nodes. names: the nodes that are variables; with a number, none is like another."""

    def __init__(self, builder: Builder, names: Mapping[Node, Name]) -> None:
        self.builder = builder
        self._terms: dict[int, Any] = {
            node.serial: builder.make("variable", (), _named(name), node.shape, node.dtype)
            for node, name in names.items()
        }
        self._loose: dict[int, list[Addend]] = {}  # sums that are only a part of another one

    def term(self, output: Node) -> Term:
        """The term of a node. Raises: NoForm."""
        readers = self._readers(output)
        stack = [output]
        while stack:
            node = stack[-1]
            if self._made(node):
                stack.pop()
                continue
            parts = self._parts(node)
            waiting = [p for p in parts if not self._made(p)]
            if waiting:
                stack.extend(waiting)
            else:
                self._convert(stack.pop(), parts, readers.get(node.serial, []))
        result: Term = self._terms[output.serial]
        return result

    def _made(self, node: Node) -> bool:
        return node.serial in self._terms or node.serial in self._loose

    def _convert(self, node: Node, parts: Sequence[Node], readers: Sequence[Node]) -> None:
        """Make the term of a node whose parts are made. readers: the nodes that read it, two at most."""
        if node.op.name in ADDING and node.dtype.floating:
            addends = self._addends(node, parts)
            if len(readers) == 1 and readers[0].op.name in ADDING and readers[0].dtype is node.dtype:
                self._loose[node.serial] = addends
                return
            made: Any = self._total(addends)
        else:
            made = self._make(node, [self._terms[p.serial] for p in parts])
        self._terms[node.serial] = made
        if len(readers) > 1 and isinstance(made, Term):
            self.builder.close(made)

    def _total(self, addends: Sequence[Addend]) -> Term:
        """The sum of a few terms as they come one after another, which the laws see, or of many at once."""
        if len(addends) > MANY:
            return self.builder.add(addends)
        total = self.builder.add(addends[:1])
        for addend in addends[1:]:
            total = self.builder.add([(1, total), addend])
        return total

    def _readers(self, output: Node) -> dict[int, list[Node]]:
        """The nodes that read each node which is still to be converted; two at most."""
        found: dict[int, list[Node]] = {}
        stack, seen = [output], {output.serial}
        while stack:
            node = stack.pop()
            if node.serial in self._terms:
                continue
            for part in self._parts(node):
                readers = found.setdefault(part.serial, [])
                if len(readers) < 2:
                    readers.append(node)
                if part.serial not in seen:
                    seen.add(part.serial)
                    stack.append(part)
        return found

    def _addends(self, node: Node, parts: Sequence[Node]) -> list[Addend]:
        """What a sum of two adds up, with factors: those of sums that are only a part of it, one by one."""
        scale = self.builder.number(node.params.get("alpha", 1)).value
        found: list[Addend] = []
        for part, factor in zip(parts, (1, -scale if node.op.name == "sub" else scale), strict=True):
            loose = self._loose.pop(part.serial, None)
            if loose is None:
                found += [(factor, a) for a in numbers(self.builder, [self._terms[part.serial]], node)]
            elif factor == 1 and not found:
                found = loose  # not copied, so that a chain takes no longer than its length
            else:
                found += [(factor * c, a) for c, a in loose]
        return found

    def _parts(self, node: Node) -> tuple[Node, ...]:
        if node.via is not None and (node.op.name not in FORMS and _rebuilt(node) is None):
            return (node.via,)
        return (node.inputs or ()) if node.via is not None else sources(node)

    def _make(self, node: Node, parts: list[Term]) -> Any:
        b, op = self.builder, node.op
        if op is number_op:
            return b.sized(node.value)
        if op is leaf_op or (not node.inputs and node.value is not None):
            return self._literal(node)
        if op is pick_op:
            picked: Any = parts[0]
            if isinstance(picked, tuple):
                return picked[node.params["at"]]
            return b.settle(b.make("item", (picked,), (("at", node.params["at"]),), node.shape, node.dtype))
        form = FORMS.get(op.name)
        if form is not None:
            return form(b, parts, node)
        if op.name in COMPARING and len(parts) == 2:
            return b.compare(op.name, parts[0], parts[1])
        layout = _rebuilt(node)
        if layout is None:
            if node.via is not None:
                return parts[0]
            raise NoForm(op.name)
        shape, dtype = (node.shape, node.dtype) if not op.outputs else ((), None)
        if op.elementwise and op.signature.name == op.name and all(not isinstance(v, Arg) for _, v in layout):
            return b.elementwise(spelling(op), parts, dtype, layout)
        return b.settle(b.make(spelling(op), parts, layout, shape, dtype))

    def _literal(self, node: Node) -> Term:
        value = np.asarray(node.value)
        first = value[(0,) * value.ndim].item() if value.size else 0
        b = self.builder
        if not value.size:
            return b.zeros(value.shape) if value.dtype.kind == "f" else _empty(b, node)
        different = value[tuple(slice(1) if step == 0 else slice(None) for step in value.strides)]
        if value.dtype.kind == "f" and bool((different == first).all()):
            return b.expand(b.known(first), value.shape)
        if value.ndim == 2 and value.dtype.kind == "f" and np.array_equal(value, np.eye(*value.shape)):
            return b.call("eye", (), node.shape, node.dtype, *dict.fromkeys(node.shape))
        if value.size > LITERAL_LIMIT:
            raise NoForm("data")
        return b.make("literal", (), (("value", _nested(value)),), node.shape, node.dtype)


def _named(name: Name) -> Params:
    return (("name", name),) if isinstance(name, str) else (("name", name[0]), ("at", name[1]))


def called(node: Node, names: Mapping[Node, Name], b: Builder) -> Term | None:
    """A node as a call of its op, to which no law is applied; None where the op has no such call."""
    layout = _rebuilt(node)
    if layout is None or node.op.outputs:
        return None
    terms = Converter(b, names)
    args = [terms.term(i) for i in node.inputs]
    if spelling(node.op) == "pow" and len(args) == 1:
        ((_, exponent),) = layout
        return b.make("pow", [*args, b.known(exponent)], (), node.shape, node.dtype)
    return b.make(spelling(node.op), args, layout, node.shape, node.dtype)


def _empty(b: Builder, node: Node) -> Term:
    """A tensor of no elements whose dtype matters."""
    params = (("", tuple(node.shape)), ("dtype", node.dtype))
    return b.make("zeros", (), params, node.shape, node.dtype)


def _nested(value: Any) -> Any:
    return repr(value.tolist())


def spelling(op: Op) -> str:
    """The public spelling of an op: plain where there is one; a program's own function is called by its class."""
    if op.family == PROGRAM:
        return f"{op.name}.apply"
    found = list(spellings_of(op))
    plain = [s for s in found if "." not in s]
    dotted = [s for s in found if not s.startswith((".", "torch."))]
    return next(iter([*plain, *dotted, *found]))


def _rebuilt(node: Node) -> tuple[tuple[str, Any], ...] | None:
    """How the call is written: what follows the leading tensors, or None where the op has no such call."""
    op = node.op
    if next(spellings_of(op), None) is None:
        return None
    if op.random or op.name in SEVERAL or (op.outputs and node.via is not None):
        return None
    parameters = [p for p in op.signature.parameters if p.kind not in ("ignored", "generator")]
    tensors = [p for p in parameters if p.kind in TENSOR_KINDS]
    if any(p.kind.startswith("Tensors") for p in tensors):
        return _listed(node, parameters)
    inputs = node.inputs or ()
    if len(tensors) != len(inputs):
        return None
    layout: list[tuple[str, Any]] = []
    at, positional = 0, True
    for p in parameters:
        if p.kind in TENSOR_KINDS:
            if layout:
                layout.append(("" if positional and not p.keyword_only else p.name, Arg(at)))
            at += 1
            continue
        value = node.params.get(p.name, p.default)
        if value is MISSING or not _plain(value):
            return None
        unchanged = p.name == "dtype" and len(inputs) == 1 and value is inputs[0].dtype
        if unchanged or (value == p.default and type(value) is type(p.default)):
            positional = False
            continue
        by_place = positional and not p.keyword_only and not isinstance(value, bool | str)
        positional = by_place
        layout.append(("" if by_place else p.name, value))
    return tuple(layout)


def _listed(node: Node, parameters: Any) -> tuple[tuple[str, Any], ...] | None:
    """A call whose first argument is a list of tensors (cat, stack), or all of whose are (block_diag)."""
    if parameters[0].kind not in ("Tensors", "Tensors*") or sum(p.kind in TENSOR_KINDS for p in parameters) != 1:
        return None
    tensors = [Arg(at) for at in range(len(node.inputs or ()))]
    layout: list[tuple[str, Any]] = [("", tensors)] if parameters[0].kind == "Tensors" else []
    for p in parameters[1:]:
        value = node.params.get(p.name, p.default)
        if value is MISSING or not _plain(value):
            return None
        if value != p.default:
            layout.append((p.name, value))
    return tuple(layout)


def _plain(value: Any) -> bool:
    """Whether a value can be written in a formula."""
    if isinstance(value, tuple | list):
        return all(_plain(v) for v in value)
    return value is None or isinstance(value, bool | int | float | str | DType)
