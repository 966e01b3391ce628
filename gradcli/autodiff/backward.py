"""Reverse mode: cotangents of outputs in, cotangents of inputs out, as nodes of the same graph.

This is the one place where a cotangent is fitted to its primal: broadcasting is undone and the dtype restored here, so
no rule does either. Nothing recurses: nodes are visited from the youngest to the oldest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from numpy import isnan

from gradcli.errors import GradcliError, GradError
from gradcli.graph.node import MODE, Node, recording
from gradcli.graph.op import number_op, pick, pick_op
from gradcli.graph.walk import ancestors, sources
from gradcli.ops.reductions.reduce import sum_to_shape
from gradcli.ops.shapes.convert import alias, to_dtype

SECOND_TIME = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
    "after calling backward."
)


class Cotangents:
    """What has come in so far for each node: one node, or a list of them for an op of several outputs."""

    def __init__(self) -> None:
        self._by_serial: dict[int, Any] = {}

    def add(self, node: Node, g: Node) -> None:
        """Add a cotangent to those of a node."""
        before = self._by_serial.get(node.serial)
        self._by_serial[node.serial] = g if before is None else before + g

    def add_part(self, node: Node, at: int, g: Node) -> None:
        """Add the cotangent of one output of an op of several."""
        parts = self._by_serial.setdefault(node.serial, [None] * len(node.op.outputs))
        parts[at] = g if parts[at] is None else parts[at] + g

    def take(self, node: Node) -> Any:
        """What came in for a node, or None."""
        return self._by_serial.pop(node.serial, None)


def vjp(
    outputs: Sequence[Node],
    cotangents: Sequence[Node],
    wrt: Iterable[Node] | None = None,
    *,
    create_graph: bool = False,
    retain_graph: bool = False,
) -> dict[Node, Node]:
    """The vector-Jacobian product: J^T v for each leaf (or each node of `wrt`) that the outputs depend on.

    outputs, cotangents: nodes and what came in for each, of its shape and dtype.
    wrt: stop at these nodes, and leave out the paths that do not lead to them; None: all leaves.
    create_graph: the result can itself be differentiated (so the graph is retained).
    retain_graph: the graph can be walked again.
    Raises: GradError when the graph was freed, a saved tensor changed in place, or an op has no derivative.
    """
    retain_graph = retain_graph or create_graph
    targets = None if wrt is None else {n.serial for n in wrt}
    order = ancestors(outputs, _requires_grad)
    if targets is not None:
        order = _leading_to(order, targets)
    pending = Cotangents()
    found: dict[Node, Node] = {}
    before = MODE.horizon, MODE.touched
    with recording(create_graph):
        MODE.horizon = 0
        # what is older than the first alias was there before this pass
        first: Node | None = None
        for output, g in zip(outputs, cotangents, strict=True):
            g = alias(g)
            first = first or g
            pending.add(output, g)
        MODE.horizon = first.serial if first is not None else 0
        try:
            while order:
                _visit(order.pop(), pending, found, targets, retain_graph)
        finally:
            MODE.horizon, MODE.touched = before
            MODE.visited = None
    return found


def _requires_grad(node: Node) -> bool:
    return node.requires_grad


def _leading_to(order: list[Node], targets: set[int]) -> list[Node]:
    """The nodes from which a path leads to a target, oldest first as they came.

    Where a freed node would have led nobody knows, so it stays, to be refused when a cotangent reaches it.
    """
    leading: set[int] = set()
    kept = []
    for node in order:
        if node.freed or node.serial in targets or any(s.serial in leading for s in sources(node)):
            leading.add(node.serial)
            kept.append(node)
    return kept


def _visit(
    node: Node, pending: Cotangents, found: dict[Node, Node], targets: set[int] | None, retain_graph: bool
) -> None:
    """Pass the cotangent of a node on to what it was made from."""
    g = pending.take(node)
    if g is None:
        return
    if node.extra is not None and node.extra.hooks:
        for hook in list(node.extra.hooks):
            g = hook(g) or g
    if targets is not None and node.serial in targets:
        found[node] = g
    if node.extra is not None and node.extra.retained:
        found[node] = g
    if node.via is not None:
        pending.add(node.via, g)
    elif node.freed:
        raise GradError(
            "the graph was freed by an earlier backward pass",
            hint="pass retain_graph=True to the first backward, or compute the output again",
            torch=SECOND_TIME,
            span=node.span,
        )
    elif node.op is pick_op:
        pending.add_part(node.inputs[0], node.params["at"], g)
    elif node.op.grads is None and node.op.joint is None:
        if targets is None:
            found[node] = g
    else:
        _apply_rules(node, g, pending)
        if MODE.touched and not retain_graph:
            node.free()


def _apply_rules(node: Node, g: Any, pending: Cotangents) -> None:
    op, inputs = node.op, node.inputs
    MODE.touched, MODE.visited = False, node
    MODE.numbers = tuple([i for i in inputs if i.op is number_op])
    y = node if not op.outputs else _outputs(node)
    try:
        if op.joint is not None:
            for at, (i, gi) in enumerate(zip(inputs, op.joint(g, y, *inputs, **node.params), strict=True)):
                if gi is not None and i.requires_grad:
                    pending.add(i, _sound(node, at, fit(gi, i)))
            return
        assert op.grads is not None
        for at, (rule, i) in enumerate(zip(op.grads, inputs, strict=True)):
            if i.requires_grad and rule is not None:
                gi = rule(g, y, *inputs, **node.params)
                if gi is not None:
                    pending.add(i, _sound(node, at, fit(gi, i)))
    except GradcliError as error:
        error.span = error.span or node.span
        raise


def _sound(node: Node, at: int, g: Node) -> Node:
    """The cotangent of an input; where anomalies are looked for, only without a nan.

    Raises: GradError.
    """
    if MODE.anomalies:
        MODE.run([g])
        if isnan(g.value).any():
            raise GradError(
                f"the gradient of {node.op.shown} for its input {at} has a nan",
                hint="--trace-nan shows where it began",
                torch=f"Function '{node.op.torch2 or node.op.shown}' returned nan values in its {at}th output.",
            )
    return g


def _outputs(node: Node) -> tuple[Node, ...]:
    """The outputs of an op of several, as the rule sees them."""
    MODE.touched = True
    return tuple(pick(node, at) for at in range(len(node.op.outputs)))


def fit(g: Node, primal: Node) -> Node:
    """A cotangent in the shape and dtype of its primal: summed over what was broadcast."""
    if g.shape != primal.shape:
        g = sum_to_shape(g, primal.shape)
    return g if g.dtype is primal.dtype else to_dtype(g, primal.dtype)
