"""Matrices of derivatives planned once for each structure of a graph, and run again for other values.

The graph is made again of leaves that have no values and differentiated there, so nothing that was decided on the way
can depend on a value: what asks for one is not planned. Numbers, and the contents of tensors that are no floats
(indices, masks), belong to the structure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradcli.autodiff.batch import placeholder_op
from gradcli.autodiff.entries import assuming
from gradcli.engine.plan import Plan
from gradcli.engine.read import read
from gradcli.engine.term import frozen
from gradcli.errors import GradcliError
from gradcli.graph.node import MODE, NeedsValue, Node
from gradcli.graph.op import leaf, leaf_op, number_op
from gradcli.graph.walk import ancestors, sources

Maker = Callable[[Node, Sequence[Node]], list[Node | None]]

SMALLEST = 1 << 12  # elements of a matrix; smaller ones are computed as they are
LONGEST = 1000  # nodes of a graph
CONTENTS = 1 << 15  # bytes of a tensor that is part of a structure
VARIANTS = 4  # contents that one structure may have; then it is not planned any more
PLANS = 64  # kept; then the cache starts over


class Kept:
    """A plan, the constants it takes besides the values of the graph, and what its outputs are.

    outputs: for each matrix its number among the results, None where there is none; the rest are guards, which hold
    while they are zeros.
    """

    def __init__(self, plan: Plan, constants: list[Any], outputs: list[int | None]) -> None:
        self._plan = plan
        self._constants = constants
        self._outputs = outputs
        self._guards = sum(at is not None for at in outputs)

    def run(self, values: list[Any]) -> list[Node | None] | None:
        """The matrices for the values of a graph; None when a guard does not hold."""
        results = self._plan.run([*values, *self._constants])
        if any(guard.any() for guard in results[self._guards :]):
            return None
        return [None if at is None else leaf(results[at]) for at in self._outputs]


_plans: dict[Any, dict[Any, Kept] | None] = {}


def planned(make: Maker, output: Node, wrt: Sequence[Node]) -> list[Node | None] | None:
    """What `make(output, wrt)` gives, from a plan; None where it has to be made from the values.

    make: a function of a graph alone, whose results are not differentiated again.
    """
    graph = _Graph(output, wrt)
    if not graph.plannable:
        return None
    key = (make, MODE.default, graph.wrt, *graph.key)
    if key not in _plans:
        if len(_plans) >= PLANS:
            _plans.clear()
        _plans[key] = {}
    variants = _plans[key]
    if variants is None:
        return None
    contents = tuple(graph.contents)
    kept = variants.get(contents)
    if kept is None:
        kept = _made(make, graph) if len(variants) < VARIANTS else None
        if kept is None:
            _plans[key] = None
            return None
        variants[contents] = kept
    try:
        return kept.run([node.value for node in graph.given])
    except GradcliError:
        return None  # to be said by what is computed in order, and knows where


class _Graph:
    """The graph between an output and what it was computed from.

    order: its nodes, oldest first. given: those, and leaves before them, whose values are known. key, contents: what
    makes two graphs the same. plannable: whether that can be said.
    """

    def __init__(self, output: Node, wrt: Sequence[Node]) -> None:
        self.output = output
        self.order = ancestors([output], _followed)
        self.number: dict[int, int] = {}
        self.before: list[Node] = []
        self.given: list[Node] = []
        self.key: list[Any] = []
        self.contents: list[bytes] = []
        self.plannable = 0 < len(self.order) <= LONGEST and all(map(self._enter, self.order))
        self.wrt = tuple([(self.number.get(x.serial, -1), x.shape, x.dtype) for x in wrt])

    def _enter(self, node: Node) -> bool:
        """Take in a node, after what it is made from. Returns: whether a plan can be made of it."""
        origins, extra = sources(node), node.extra
        if node.freed or node.op.family == "function" or (node.value is None and node.op in (leaf_op, placeholder_op)):
            return False
        if extra is not None and (extra.hooks or (extra.alias and extra.alias.storage.version != extra.alias.version)):
            return False
        if not all(i.serial in self.number or self._enter_leaf(i) for i in origins):
            return False
        params = frozen(node.params)
        if params is None:
            return False
        inputs = tuple([self.number[i.serial] for i in origins])
        known = node.value is not None
        self.key.append((node.op, params, inputs, node.shape, node.dtype, node.requires_grad, known, node.via is None))
        self.number[node.serial] = len(self.number)
        if known:
            self.given.append(node)
        return True

    def _enter_leaf(self, node: Node) -> bool:
        self.number[node.serial] = len(self.number)
        self.before.append(node)
        if node.op is number_op:
            self.key.append((type(node.value), repr(node.value)))
        elif node.op.outputs:
            return False
        else:
            self.key.append((node.shape, node.dtype))
            if node.dtype.floating:
                self.given.append(node)
            elif node.value.nbytes > CONTENTS:
                return False
            else:
                self.contents.append(node.value.tobytes())
        return True

    def copied(self) -> dict[int, Node]:
        """The same nodes without values, by the serial of those they stand for; numbers and integers keep theirs."""
        made: dict[int, Node] = {}
        for node in self.before:
            copy = node
            if node.op is not number_op:
                value = None if node.dtype.floating else node.value.copy()
                copy = Node(leaf_op, (), {}, node.shape, node.dtype, value)
            made[node.serial] = copy
        for node in self.order:
            via = None if node.via is None else made[node.via.serial]
            inputs = tuple([made[i.serial] for i in node.inputs]) if via is None else ()
            copy = made[node.serial] = Node(node.op, inputs, node.params, node.shape, node.dtype)
            copy.via, copy.requires_grad = via, node.requires_grad
        return made


def _followed(node: Node) -> bool:
    return node.requires_grad or node.value is None


def _made(make: Maker, graph: _Graph) -> Kept | None:
    """A plan for graphs like this one; None when making it takes values."""
    copies = graph.copied()
    by_number = {number: copies[serial] for serial, number in graph.number.items()}
    wrt = [
        by_number[number] if number in by_number else Node(leaf_op, (), {}, shape, dtype)
        for number, shape, dtype in graph.wrt
    ]
    inputs = {copies[node.serial].serial: at for at, node in enumerate(graph.given)}
    constants: list[Any] = []
    try:
        with assuming() as guards:
            found = make(copies[graph.output.serial], wrt)
        builder, terms, count = read([node for node in (*found, *guards) if node is not None], inputs, constants)
        plan = Plan(builder.terms, terms, count)
    except (NeedsValue, GradcliError):
        return None
    numbers = iter(range(len(found)))
    return Kept(plan, constants, [None if node is None else next(numbers) for node in found])
