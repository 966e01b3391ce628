"""The derivatives of a program against finite differences: what `gradcli check` finds, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.autodiff import functional
from gradcli.autodiff.backward import vjp
from gradcli.autodiff.batch import batchable, replay
from gradcli.autodiff.differences import Rounding, Slopes, slopes
from gradcli.cli.blocks import Part
from gradcli.engine.run import value as value_of
from gradcli.errors import GradError, TypeError_, ValueError_
from gradcli.graph.node import Node, recording
from gradcli.graph.op import leaf
from gradcli.graph.walk import ancestors
from gradcli.language import ast
from gradcli.language.tensor import Tensor
from gradcli.ops.shape import reshape

Array = np.ndarray[Any, Any]

CLOSE = 1e-6  # of a derivative: how far a difference may be from it; a rule that is wrong by 1.001 is far outside
LOOSE = 1e-4  # of the largest derivative: beyond this no estimated error excuses a difference
AT_KINK = 1e-6  # how near a point has to be to a kink that an op declares


class Row:
    """One comparison: the derivative of `of` by `element`, and what differences give.

    verdict: ok, mismatch, kink (the two sides differ), undefined (the function is not finite around the point), or
    unclear (rounding hides the difference).
    """

    __slots__ = ("derivative", "difference", "element", "error", "left", "of", "order", "right", "variable", "verdict")

    def __init__(self, order: int, variable: str, element: str, of: str, derivative: float, difference: float) -> None:
        self.order = order
        self.variable = variable
        self.element = element
        self.of = of
        self.derivative = derivative + 0.0  # -0 is 0
        self.difference = difference + 0.0
        size = max(abs(derivative), abs(difference))
        self.error = abs(derivative - difference) / size if size else 0.0
        self.verdict = "ok"
        self.left: float | None = None
        self.right: float | None = None


class Findings:
    """All rows of a check, the kinks that ops declare at the point, and remarks."""

    __slots__ = ("kinks", "notes", "rows")

    def __init__(self, rows: list[Row], kinks: list[str], notes: list[str]) -> None:
        self.rows = rows
        self.kinks = kinks
        self.notes = notes

    def count(self, verdict: str) -> int:
        """How many rows have a verdict."""
        return sum(row.verdict == verdict for row in self.rows)

    @property
    def failed(self) -> bool:
        """Whether a derivative does not agree."""
        return self.count("mismatch") > 0


class Checked:
    """A program as a function of the variables it is checked by, all in one vector."""

    def __init__(self, session: Session, module: ast.Module, bound: dict[str, Any], wrt: Sequence[str]) -> None:
        self.session = session
        self.module = module
        self.bound = bound
        self.parts = [Part(name, bound[name].shape) for name in wrt]
        self.point = np.concatenate([bound[name].reshape(-1) for name in wrt]) if wrt else np.zeros(0)
        self.context = next(t.context for t in (session[name] for name in wrt))
        self.state = self.context.generator.get_state()
        self.shapes: list[tuple[int, ...]] | None = None

    def evaluate(self, point: Array) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs at a point, and the leaves. Random numbers are the same every time."""
        leaves, at = [], 0
        for name, value in self.bound.items():
            self.session[name] = value
            if isinstance(value, np.ndarray):
                self.session.set(name, value.copy())
        for part in self.parts:
            self.session.set(part.name, point[at : at + part.size].reshape(part.shape).copy(), requires_grad=True)
            leaves.append(self.session[part.name])
            at += part.size
        self.context.generator.set_state(self.state)
        answer = self.session.eval(self.module)
        outputs = [item for item in (answer if isinstance(answer, tuple) else (answer,)) if isinstance(item, Tensor)]
        outputs = [output for output in outputs if output.dtype.floating]
        if not outputs:
            raise TypeError_("the expression gives no floating-point tensor, so it has no derivatives")
        shapes = [tuple(output.shape) for output in outputs]
        if self.shapes is not None and shapes != self.shapes:
            raise ValueError_(f"the output changes its shape near the point: {self.shapes} and {shapes}")
        self.shapes = shapes
        return outputs, leaves

    @property
    def scale(self) -> Array:
        """How large each element of the point is; for zeros how large its variable is, or 1."""
        sizes, at = np.abs(self.point), 0
        for part in self.parts:
            own = sizes[at : at + part.size]
            own[own == 0] = np.max(own, initial=0.0) or 1.0
            at += part.size
        return sizes

    def values(self, point: Array) -> Array:
        """The outputs as one vector."""
        outputs, _ = self.evaluate(point)
        return _flat([output.numpy() for output in outputs])

    def gradient(self, point: Array) -> Array:
        """The gradient of the outputs, weighed and added up."""
        outputs, leaves = self.evaluate(point)
        with self.context.active():
            found = _pulled(outputs, leaves, create_graph=False)
            return _flat([value_of(g) for g in found])

    def jacobian(self) -> tuple[Array, list[Tensor]]:
        """The derivatives of every output by every element, and the outputs."""
        outputs, leaves = self.evaluate(self.point)
        with self.context.active():
            lines = []
            for output in outputs:
                blocks = functional.jacobian(output.node, [x.node for x in leaves])
                size = output.node.size
                lines.append(np.concatenate([value_of(block).reshape(size, -1) for block in blocks], axis=1))
            return np.concatenate(lines).astype(np.float64), outputs

    def hessian(self) -> tuple[Array, Array]:
        """The second derivatives of the outputs, weighed and added up, and how large the numbers are they come from."""
        outputs, leaves = self.evaluate(self.point)
        with self.context.active(), recording(True):
            nodes = [x.node for x in leaves]
            lines, levels = [], []
            for slope in _pulled(outputs, leaves, create_graph=True):
                levels.append(np.full(slope.size, _largest_on_the_way(slope)))
                blocks = functional.jacobian(slope, nodes)
                lines.append(np.concatenate([value_of(block).reshape(slope.size, -1) for block in blocks], axis=1))
            return np.concatenate(lines).astype(np.float64), np.concatenate(levels)


class Inner(Checked):
    """What a program computes from some of its own variables on: the graph it recorded, replayed from there."""

    def __init__(self, session: Session, outputs: list[Tensor], names: Sequence[str]) -> None:
        self.outputs = outputs
        self.given = [session[name].node for name in names]
        self.parts = [Part(name, tuple(node.shape)) for name, node in zip(names, self.given, strict=True)]
        self.point = _flat([value_of(node) for node in self.given])
        self.context = outputs[0].context

    @staticmethod
    def problem(outputs: list[Tensor]) -> str | None:
        """Why a graph cannot be replayed."""
        nodes = [output.node for output in outputs]
        if not batchable(nodes):
            return "a function or hook of the program"
        drawn = [node for node in ancestors(nodes, lambda node: node.requires_grad) if node.op.random]
        return f"random numbers ({drawn[0].op.shown})" if drawn else None

    def evaluate(self, point: Array) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs at a point, and the leaves."""
        leaves, at = [], 0
        for part, node in zip(self.parts, self.given, strict=True):
            numbers = point[at : at + part.size].reshape(part.shape).astype(node.dtype.numpy)
            leaves.append(leaf(numbers, node.dtype))
            leaves[-1].requires_grad = True
            at += part.size
        with self.context.active(), recording(True):
            rows = [reshape(x, shape=(1, *x.shape)) for x in leaves]
            nodes = [output.node for output in self.outputs]
            made = replay(nodes, dict(zip(self.given, rows, strict=True)), 1, lambda node: node.requires_grad)
            found = [reshape(y, shape=node.shape) for y, node in zip(made, nodes, strict=True)]
        return [Tensor(y, self.context) for y in found], [Tensor(x, self.context) for x in leaves]


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.asarray(array, dtype=np.float64).reshape(-1) for array in arrays])


def _pulled(outputs: list[Tensor], leaves: list[Tensor], create_graph: bool) -> list[Node]:
    """The gradient of the outputs times weights that no sum cancels."""
    pairs = []
    for output in outputs:
        if output.requires_grad:
            size = output.node.size
            weights = np.ones(1) if size == 1 else 1 + np.arange(size) % 7 / 16
            pairs.append((output.node, leaf(weights.reshape(output.shape).astype(output.dtype.numpy), output.dtype)))
    nodes = [x.node for x in leaves]
    found: dict[Node, Node] = {}
    if pairs:
        found = vjp([y for y, _ in pairs], [v for _, v in pairs], nodes, create_graph=create_graph, retain_graph=True)
    return [found[x] if x in found else functional.zeros(x.shape, x.dtype) for x in nodes]


def check(checked: Checked, names: list[str]) -> Findings:
    """Compare first and second derivatives. names: what the outputs are called."""
    found, outputs = checked.jacobian()
    epsilon = max(float(np.finfo(output.dtype.numpy).eps) for output in outputs)
    notes = []
    if epsilon > 1e-10:
        notes.append("the expression computes in less than float64, so the differences are coarse")
    kinks = declared_kinks(outputs)
    value = _flat([output.numpy() for output in outputs])
    labels = [label for name, y in zip(names, outputs, strict=False) for label in Part(name, tuple(y.shape)).labels()]
    level = _flat([np.full(y.node.size, _largest_on_the_way(y.node)) for y in outputs])
    shown = labels if len(labels) > 1 else [""]
    rows = list(_rows(1, checked, checked.values, found, value, Rounding(epsilon, level), shown))
    bent = {row.element for row in rows if row.verdict in ("kink", "undefined")}
    try:
        second, level = checked.hessian()
        value = checked.gradient(checked.point)
        elements = [label for part in checked.parts for label in part.labels()]
        rows += [
            row
            for row in _rows(2, checked, checked.gradient, second, value, Rounding(epsilon, level), elements)
            if row.element not in bent and row.of not in bent
        ]
    except GradError as error:
        notes.append(f"second derivatives are not checked: {error.message}")
    return Findings(rows, kinks, notes)


def _rows(
    order: int,
    checked: Checked,
    function: Any,
    found: Array,
    value: Array,
    rounding: Rounding,
    labels: list[str],
) -> Iterator[Row]:
    """The rows of one order. found: (elements of the function's value, elements of the variables)."""
    at, scale = 0, checked.scale
    for part in checked.parts:
        for label in part.labels():
            with np.errstate(all="ignore"):
                seen = slopes(function, checked.point, at, value, rounding, float(scale[at]))
            whole = bool(np.all(np.isfinite(seen.estimate)))
            largest = float(np.nanmax(np.abs(np.where(np.isfinite(found[:, at]), found[:, at], 0)), initial=0.0))
            for index, of in enumerate(labels):
                row = Row(order, part.name, label, of, float(found[index, at]), float(seen.estimate[index]))
                slack = LOOSE * largest + 1e-9 * max(abs(float(value[index])), 1.0)
                _judge(row, seen, index, slack, max(CLOSE, 64 * rounding.epsilon))
                if not np.isfinite(row.derivative) and not whole:  # nan spreads from one output to the others
                    row.verdict = "undefined"
                yield row
            at += 1


def _judge(row: Row, seen: Slopes, index: int, slack: float, close: float) -> None:
    """Say what a row shows."""
    size = max(abs(row.derivative), abs(row.difference))
    allowed = max(close * size, min(8 * float(seen.error[index]), slack))
    if abs(row.derivative - row.difference) <= allowed:
        if row.error > close:
            row.error = 0.0 if size <= slack else row.error
        if not (seen.kink[index] and row.order == 1):
            return
    left, right = float(seen.left[index]), float(seen.right[index])
    if seen.kink[index]:
        row.left, row.right = left, right
        inside = min(left, right) - 1e-4 * abs(left - right) <= row.derivative
        inside = inside and row.derivative <= max(left, right) + 1e-4 * abs(left - right)
        row.verdict = "kink" if inside or not np.isfinite(left + right) else "mismatch"
    elif not np.isfinite(row.difference):
        row.verdict = "undefined"
    elif abs(row.derivative - row.difference) <= 8 * float(seen.error[index]):
        row.verdict = "unclear"
    else:
        row.verdict = "mismatch"


def _largest_on_the_way(output: Node) -> float:
    """The largest number that an output was computed from: what its rounding is relative to."""
    nodes = ancestors([output], lambda node: node.requires_grad)
    arrays = [node.value for node in (*nodes, *(i for node in nodes for i in node.inputs))]
    found = 0.0
    for array in arrays:
        if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.size:
            sizes = np.abs(array)
            found = max(found, float(np.max(sizes, where=np.isfinite(sizes), initial=0.0)))
    return found


def declared_kinks(outputs: list[Tensor]) -> list[str]:
    """The kinks that ops declare and an element sits on: `relu at 0`."""
    found: dict[str, None] = {}
    for node in ancestors([output.node for output in outputs], lambda node: node.requires_grad):
        if node.op.kinks and node.inputs:
            at = node.inputs[0].value
            for point, _ in node.op.kinks:
                if at is not None and np.any(np.abs(at - point) <= AT_KINK * max(1.0, abs(point))):
                    found[f"{node.op.shown} at {point:g}"] = None
    return list(found)
