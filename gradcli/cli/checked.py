"""The functions that `gradcli check` looks at: a program, or what it computes from some of its own variables on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.autodiff import functional
from gradcli.autodiff.backward import vjp
from gradcli.autodiff.batch import batchable, replay
from gradcli.autodiff.once import is_once
from gradcli.cli.blocks import Part
from gradcli.cli.meant import outputs_of
from gradcli.engine.run import value as value_of
from gradcli.errors import GradError, TypeError_, ValueError_
from gradcli.graph.node import Node, recording
from gradcli.graph.op import leaf
from gradcli.graph.walk import ancestors
from gradcli.language.syntax import ast
from gradcli.language.tensors.tensor import Tensor
from gradcli.ops.shapes.shape import reshape

Array = np.ndarray[Any, Any]

SPACING = 2.0**-32  # of the point: over this little, what changes in a derivative is rounding
DISTANCES = (2.0**-20, 2.0**-40)  # of the point: where derivatives around it are looked at
POINTS = 24  # at each distance


class Block:
    """Some elements of a vector, and a weight for each."""

    __slots__ = ("indices", "weights")

    def __init__(self, indices: Array, weights: Array) -> None:
        self.indices = indices
        self.weights = weights

    def total(self, vector: Array) -> Any:
        """The sum of the elements times their weights."""
        return self.weights @ vector[self.indices]


class Differentiable:
    """A function of a vector that has derivatives of its own, around a point. scale: how large its elements are."""

    point: Array
    scale: Array

    def elements(self) -> list[tuple[str, str]]:
        """The variable and the name of each element of the point."""
        raise NotImplementedError

    def derivatives(self, order: int, point: Array) -> Array:
        """The derivatives of that order at a point."""
        raise NotImplementedError

    def column(self, order: int, point: Array, at: int, asked: Array) -> Array:
        """The derivatives by one element, nan for some of the outputs that are not asked for."""
        return self.derivatives(order, point)[:, at]

    def level(self, order: int, at: int) -> float:
        """How large the numbers are that an output (of the gradient for order 2) comes from, each weighed by how much
        a relative change of it changes the output: times epsilon that is the rounding of a careful computation.
        """
        raise NotImplementedError

    def nearby(self, at: int) -> Array:
        """Points so close that what changes in a derivative between them is rounding."""
        return self.point * (1 + at * SPACING)

    def noise(self, order: int) -> Array:
        """How far rounding puts the derivatives themselves off: what fourth differences leave of them near the point.

        Source: J. Moré and S. Wild, "Estimating computational noise", 2011.
        """
        found = [self.derivatives(order, self.nearby(at)) for at in range(8)]
        with np.errstate(all="ignore"):
            return np.asarray(np.sqrt(np.mean(np.diff(found, 4, axis=0) ** 2, axis=0) / 70))

    def around(self, order: int) -> list[tuple[Array, Array]]:
        """The least and the largest derivatives at points around this one, at two distances."""
        random, found = np.random.default_rng(0), []
        for distance in DISTANCES:
            moves = random.uniform(-distance, distance, (POINTS, self.point.size)) * self.scale
            near = [self.derivatives(order, self.point + move) for move in moves]
            found.append((np.min(near, axis=0), np.max(near, axis=0)))
        return found


class Checked(Differentiable):
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
        self.graphs: dict[int, list[Node]] = {}

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
        outputs = [output for output in outputs_of(answer) if output.dtype.floating]
        if not outputs:
            raise TypeError_("the expression gives no floating-point tensor, so it has no derivatives")
        shapes = [tuple(output.shape) for output in outputs]
        if self.shapes is not None and shapes != self.shapes:
            raise ValueError_(f"the output changes its shape near the point: {self.shapes} and {shapes}")
        self.shapes = shapes
        return outputs, leaves

    def elements(self) -> list[tuple[str, str]]:
        """The variable and the name of each element of the point."""
        return [(part.name, label) for part in self.parts for label in part.labels()]

    @property
    def scale(self) -> Array:  # type: ignore[override]
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
        return flat([output.numpy() for output in outputs])

    def gradient(self, point: Array) -> Array:
        """The gradient of the outputs, weighed and added up."""
        outputs, leaves = self.evaluate(point)
        with self.context.active():
            found = _pulled(outputs, leaves, create_graph=False)
            return flat([value_of(g) for g in found])

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
                levels.append(np.full(slope.size, largest_on_the_way(slope)))
                lines.append(_side_by_side(slope, functional.jacobian(slope, nodes), leaves))
            return np.concatenate(lines).astype(np.float64), np.concatenate(levels)

    def derivatives(self, order: int, point: Array) -> Array:
        """The derivatives of that order at a point."""
        return self.jacobian(point)[0] if order == 1 else self.hessian(point)[0]

    def level(self, order: int, at: int) -> float:
        """As in `Differentiable`."""
        return self.level_of(order, Block(np.array([at]), np.ones(1)))

    def level_of(self, order: int, block: Block) -> float:
        """As `level`, of a sum of outputs."""
        if order not in self.graphs:
            self.graphs[order] = self._graph(order, self.point)[0]
        nodes = self.graphs[order]
        total = 0.0
        with self.context.active():
            for node, g in _pull(nodes, block, ancestors(nodes, lambda node: node.requires_grad)).items():
                if not node.op.outputs or node.via is not None:
                    sizes = np.abs(value_of(node) * value_of(g))
                    total += float(np.sum(sizes, where=np.isfinite(sizes)))
        return total

    def products(self, order: int, point: Array, blocks: Sequence[Block]) -> Array:
        """The derivatives by every element of some sums of outputs (of the gradient for order 2)."""
        nodes, leaves = self._graph(order, point)
        lines = []
        with self.context.active():
            for block in blocks:
                found = _pull(nodes, block, leaves)
                lines.append(flat([value_of(found[x]) if x in found else np.zeros(x.shape) for x in leaves]))
        return np.stack(lines)

    def _graph(self, order: int, point: Array) -> tuple[list[Node], list[Node]]:
        """The outputs at a point, or the gradient, and the leaves."""
        outputs, leaves = self.evaluate(point)
        with self.context.active(), recording(True):
            nodes = [y.node for y in outputs] if order == 1 else _pulled(outputs, leaves, create_graph=True)
        if order == 2 and is_once(nodes):
            raise GradError("a backward formula is marked with @once_differentiable")
        return nodes, [x.node for x in leaves]


class Inner(Checked):
    """What a program computes from some of its own variables on: the graph it recorded, replayed from there."""

    def __init__(self, outputs: list[Tensor], variables: Mapping[str, Tensor]) -> None:
        self.outputs = outputs
        self.given = [tensor.node for tensor in variables.values()]
        self.parts = [Part(name, tuple(tensor.shape)) for name, tensor in variables.items()]
        self.point = flat([value_of(node) for node in self.given])
        self.context = outputs[0].context
        self.graphs: dict[int, list[Node]] = {}

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


def flat(arrays: Sequence[Array]) -> Array:
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


def largest_on_the_way(output: Node) -> float:
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


def _pull(nodes: Sequence[Node], block: Block, wrt: Sequence[Node]) -> dict[Node, Node]:
    """The vector-Jacobian product of a sum of elements of some nodes, taken for one vector."""
    weights, at = np.zeros(sum(node.size for node in nodes)), 0
    weights[block.indices] = block.weights
    outputs, seeds = [], []
    for node in nodes:
        own = weights[at : at + node.size].reshape(node.shape)
        at += node.size
        if node.requires_grad and np.any(own):
            outputs.append(node)
            seeds.append(leaf(own.astype(node.dtype.numpy), node.dtype))
    return vjp(outputs, seeds, wrt, retain_graph=True) if outputs else {}
