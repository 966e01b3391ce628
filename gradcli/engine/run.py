"""The door to execution: `run(outputs)` makes the values of deferred nodes known.

For now the plain executor: every node on its own, oldest first. It sees only what an op carries (its kernel).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gradcli.graph.node import MODE, Node, compute
from gradcli.graph.walk import ancestors


def run(outputs: Iterable[Node]) -> None:
    """Compute the outputs and whatever deferred nodes they need.

    A node that no backward pass will visit lets go of its inputs, so that memory holds only what is still needed.
    Raises: what a kernel refuses (a singular matrix, an index out of range), with the node's place in the source.
    """
    for node in ancestors(outputs, _deferred):
        compute(node)
        if not node.requires_grad and not node.op.view:
            node.inputs = ()
            node.via = None


def _deferred(node: Node) -> bool:
    return node.value is None


def value(node: Node) -> np.ndarray:
    """The array of a node, computed now if it was deferred."""
    if node.value is None:
        run((node,))
    return np.asarray(node.value)


MODE.run = run
