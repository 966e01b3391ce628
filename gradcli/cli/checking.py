"""The derivatives of a program against finite differences: what `gradcli check` finds, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.autodiff import functional
from gradcli.autodiff.backward import vjp
from gradcli.autodiff.batch import batchable, replay
from gradcli.autodiff.differences import SURE, Place, Rounding, Slopes, closer, farther, slopes
from gradcli.autodiff.once import is_once
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
SPACING = 2.0**-32  # of the point: over this little, what changes in a derivative is rounding
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

    def __init__(self, session: Session, module: ast.Module, bound: dict[str, Any], wrt: Mapping[str, Tensor]) -> None:
        self.session = session
        self.module = module
        self.bound = bound
        self.parts = [Part(name, bound[name].shape) for name in wrt]
        self.point: Array = np.concatenate([bound[name].reshape(-1) for name in wrt])
        self.context = next(iter(wrt.values())).context
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

    def jacobian(self, point: Array) -> tuple[Array, list[Tensor]]:
        """The derivatives of every output by every element, and the outputs."""
        outputs, leaves = self.evaluate(point)
        with self.context.active():
            lines = []
            for output in outputs:
                blocks = functional.jacobian(output.node, [x.node for x in leaves])
                lines.append(_side_by_side(output.node, blocks, leaves))
            return np.concatenate(lines).astype(np.float64), outputs

    def hessian(self, point: Array) -> tuple[Array, Array]:
        """The second derivatives of the outputs, weighed and added up, and how large the numbers are they come from."""
        outputs, leaves = self.evaluate(point)
        with self.context.active(), recording(True):
            nodes = [x.node for x in leaves]
            lines, levels = [], []
            firsts = _pulled(outputs, leaves, create_graph=True)
            if is_once(firsts):
                raise GradError("a backward formula is marked with @once_differentiable")
            for slope in firsts:
                levels.append(np.full(slope.size, _largest_on_the_way(slope)))
                lines.append(_side_by_side(slope, functional.jacobian(slope, nodes), leaves))
            return np.concatenate(lines).astype(np.float64), np.concatenate(levels)

    def noise(self, order: int) -> Array:
        """How far rounding puts the derivatives themselves off: what fourth differences leave of them near the point.

        Source: J. Moré and S. Wild, "Estimating computational noise", 2011.
        """
        derivatives = self.jacobian if order == 1 else self.hessian
        found = [derivatives(self.point * (1 + at * SPACING))[0] for at in range(8)]
        with np.errstate(all="ignore"):
            return np.asarray(np.sqrt(np.mean(np.diff(found, 4, axis=0) ** 2, axis=0) / 70))


class Inner(Checked):
    """What a program computes from some of its own variables on: the graph it recorded, replayed from there."""

    def __init__(self, outputs: list[Tensor], variables: Mapping[str, Tensor]) -> None:
        self.outputs = outputs
        self.given = [tensor.node for tensor in variables.values()]
        self.parts = [Part(name, tuple(tensor.shape)) for name, tensor in variables.items()]
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


def _side_by_side(output: Node, blocks: Sequence[Node], leaves: Sequence[Tensor]) -> Array:
    return np.concatenate(
        [value_of(block).reshape(output.size, x.node.size) for block, x in zip(blocks, leaves, strict=True)], axis=1
    )


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.asarray(array, dtype=np.float64).reshape(-1) for array in arrays])


def _pulled(outputs: list[Tensor], leaves: list[Tensor], create_graph: bool) -> list[Node]:
    """The gradient of the outputs times weights that no sum cancels."""
    pairs = []
    for output in outputs:
        if output.requires_grad:
            size = output.node.size
            weights = np.ones(1) if size == 1 else 1 + np.arange(size) % 7 / 16
            seed = leaf(weights.reshape(output.shape).astype(output.dtype.numpy), output.dtype)
            seed.requires_grad = create_graph  # what is marked as differentiable once looks at this
            pairs.append((output.node, seed))
    nodes = [x.node for x in leaves]
    found: dict[Node, Node] = {}
    if pairs:
        found = vjp([y for y, _ in pairs], [v for _, v in pairs], nodes, create_graph=create_graph, retain_graph=True)
    return [found[x] if x in found else functional.zeros(x.shape, x.dtype) for x in nodes]


def check(checked: Checked, names: list[str]) -> Findings:
    """Compare first and second derivatives. names: what the outputs are called."""
    found, outputs = checked.jacobian(checked.point)
    epsilon = max(float(np.finfo(output.dtype.numpy).eps) for output in outputs)
    notes = []
    if epsilon > 1e-10:
        notes.append("the expression computes in less than float64, so the differences are coarse")
    kinks = declared_kinks(outputs)
    value = _flat([output.numpy() for output in outputs])
    labels = [label for name, y in zip(names, outputs, strict=False) for label in Part(name, tuple(y.shape)).labels()]
    level = _flat([np.full(y.node.size, _largest_on_the_way(y.node)) for y in outputs])
    shown = [""] if len(labels) == 1 else labels
    rows = Comparison(1, checked, checked.values, found, value, Rounding(epsilon, level)).rows(shown)
    bent = {row.element for row in rows if row.verdict in ("kink", "undefined")}
    try:
        second, level = checked.hessian(checked.point)
        value = checked.gradient(checked.point)
        elements = [label for part in checked.parts for label in part.labels()]
        again = Comparison(2, checked, checked.gradient, second, value, Rounding(epsilon, level)).rows(elements)
        rows += [row for row in again if row.element not in bent and row.of not in bent]
    except GradError as error:
        notes.append(f"second derivatives are not checked: {error.message}")
    return Findings(rows, kinks, notes)


class Comparison:
    """The derivatives of one order beside differences.

    found: (elements of the function's value, elements of the variables). value: the function at the point.
    """

    def __init__(
        self, order: int, checked: Checked, function: Any, found: Array, value: Array, rounding: Rounding
    ) -> None:
        self.order = order
        self.checked = checked
        self.function = function
        self.found = found
        self.value = value
        self.rounding = rounding
        self.close = max(CLOSE, 64 * rounding.epsilon)
        self.noise: Array | None = None

    def rows(self, labels: list[str]) -> list[Row]:
        """A row for each derivative. labels: of the elements of the function's value."""
        rows: list[Row] = []
        scale = self.checked.scale
        elements = [(part.name, label) for part in self.checked.parts for label in part.labels()]
        for at, (name, element) in enumerate(elements):
            with np.errstate(all="ignore"):
                place = Place(self.function, self.checked.point, at, self.value, self.rounding, float(scale[at]))
                seen = slopes(place)
                agreed = self._settled(place, seen)
            derivatives, differences = self.found[:, at].tolist(), seen.estimate.tolist()
            own = [
                Row(self.order, name, element, of, derivative, difference)
                for of, derivative, difference in zip(labels, derivatives, differences, strict=True)
            ]
            self._judge(own, at, seen, agreed)
            rows += own
        return rows

    def _settled(self, place: Place, seen: Slopes) -> Array:
        """Where differences agree with the derivatives, at the scale of the point or else at another.

        Estimates that are more exact, and agree or are no news, take the place of those that do not; closer ones that
        contradict them do in any case.
        """
        for look in (farther, closer):
            firm = self._agreeing(place.at, seen.estimate) | self._vanishing(place.at, seen)
            other = None if np.all(firm) else look(place)
            if other is None:
                continue
            exact, contradicted = other.error < seen.error, other.contradicted(seen.estimate, seen.error)
            if look is farther:
                known = (seen.error < SURE * np.abs(seen.estimate)) & ~contradicted
                taken = exact & (known | self._agreeing(place.at, other.best, other.error))
            else:
                taken = exact | contradicted
            taken &= ~firm
            seen.estimate = np.where(taken, other.best, seen.estimate)
            seen.error = np.where(taken, other.error, seen.error)
        return self._agreeing(place.at, seen.estimate, seen.error)

    def _slack(self, at: int) -> Array:
        """How much more an estimated error may excuse."""
        column = self.found[:, at]
        largest = float(np.max(np.abs(column), where=np.isfinite(column), initial=0.0))
        return LOOSE * largest + 1e-9 * np.maximum(np.abs(self.value), 1.0)

    def _agreeing(self, at: int, estimate: Array, error: Array | float = 0.0) -> Array:
        """Where estimates agree with the derivatives, as far as their errors can tell."""
        found, slack = self.found[:, at], self._slack(at)
        size = np.maximum(np.abs(found), np.abs(estimate))
        allowed = np.maximum(self.close * size, np.minimum(8 * error, slack))
        return np.asarray(np.abs(found - estimate) <= allowed)

    def _vanishing(self, at: int, seen: Slopes) -> Array:
        """Where both are so small that they may be what rounding leaves of 0."""
        size = np.maximum(np.abs(self.found[:, at]), np.abs(seen.estimate))
        return np.asarray(size <= np.minimum(8 * seen.error, self._slack(at)))

    def _judge(self, rows: list[Row], at: int, seen: Slopes, agreed: Array) -> None:
        """Say what the rows of one element show."""
        slack = self._slack(at)
        whole = bool(np.all(np.isfinite(seen.estimate)))
        for index, row in enumerate(rows):
            if agreed[index] and row.error > self.close:
                small = max(abs(row.derivative), abs(row.difference)) <= slack[index]
                row.error = 0.0 if small else row.error
                row.verdict = "ok" if row.error <= LOOSE else "unclear"
            if not agreed[index] or (seen.kink[index] and self.order == 1):
                row.verdict = self._verdict(row, index, at, seen)
            if not whole and not np.isfinite(row.derivative):  # nan spreads from one output to the others
                row.verdict = "undefined"

    def _verdict(self, row: Row, index: int, at: int, seen: Slopes) -> str:
        kink = bool(seen.kink[index])
        if kink:
            left, right = row.left, row.right = float(seen.left[index]), float(seen.right[index])
            margin = 1e-4 * abs(left - right)
            inside = min(left, right) - margin <= row.derivative <= max(left, right) + margin
            if inside or not np.isfinite(left + right):
                return "kink"
        elif not np.isfinite(row.difference):
            return "undefined"
        off = abs(row.derivative - row.difference)
        if (not kink and off <= 8 * seen.error[index]) or off <= 16 * self._noise()[index, at]:
            return "unclear"
        return "mismatch"

    def _noise(self) -> Array:
        """How far rounding puts the derivatives off; asked only where one does not agree."""
        if self.noise is None:
            self.noise = self.checked.noise(self.order)
        return self.noise


def _largest_on_the_way(output: Node) -> float:
    """The largest number that an output was computed from: what its rounding is relative to.

    A number that would leave no digit of the output and the variables stands for infinity (a mask) and does not count.
    """
    nodes = ancestors([output], lambda node: node.requires_grad)
    kept = max([_largest(node) for node in nodes if node is output or not node.inputs], default=0.0)
    limit = kept / float(np.finfo(output.dtype.numpy).eps)
    sizes = [_largest(node) for node in (*nodes, *(i for node in nodes for i in node.inputs))]
    return max([size for size in sizes if size <= limit], default=0.0)


def _largest(node: Node) -> float:
    array = node.value
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or not array.size:
        return 0.0
    sizes = np.abs(array)
    return float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))


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
