"""The door to execution: `run(outputs)` makes the values of deferred nodes known.

Small nodes are computed one by one. A graph with large ones is planned (planned.py, plan.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gradcli.engine import layout
from gradcli.graph.node import MODE, Node, compute
from gradcli.graph.walk import ancestors

LONGEST = 2000  # nodes planned at once; longer graphs are computed node by node


def run(outputs: Iterable[Node]) -> None:
    """Compute the outputs and whatever deferred nodes they need.

    A node that no backward pass will visit lets go of its inputs, so that memory holds only what is still needed.
    Raises: what a kernel refuses (a singular matrix, an index out of range), with the node's place in the source.
    """
    shown = [node for node in outputs if node.value is None]
    order = ancestors(shown, _deferred)
    if len(order) > LONGEST or not any(_large(node) for node in order):
        _run_one_by_one(order)
        return
    from gradcli.engine.planned import run_planned  # start-up: small programs plan nothing

    run_planned(shown, order, _run_one_by_one, _let_go)
    _run_one_by_one(ancestors(shown, _deferred))


def _run_one_by_one(order: Iterable[Node]) -> None:
    for node in order:
        if node.value is None:
            compute(node)
            _let_go(node)


def _let_go(node: Node) -> None:
    if node.op.view or MODE.deferring:  # a traced graph is read as well
        return
    if not node.requires_grad:
        node.via = None
    elif not node.freed:
        return
    node.inputs = ()


def _deferred(node: Node) -> bool:
    return node.value is None


def _large(node: Node) -> bool:
    shapes: Sequence[Any] = node.shape if node.op.outputs else (node.shape,)
    for shape in shapes:
        n = 1
        for s in shape:
            n *= s
        if n > layout.FUSE_ABOVE:
            return True
    return any(i.size > layout.FUSE_ABOVE for i in node.inputs if not i.op.outputs)


def value(node: Node) -> np.ndarray:
    """The array of a node, computed now if it was deferred."""
    if node.value is None:
        run((node,))
    if MODE.looked is not None:
        MODE.looked.append(node)
    return np.asarray(node.value)


MODE.run = run
