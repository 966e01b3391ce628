"""The reference: every node on its own, oldest first, with its kernel. Tests compare the planned engine with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gradcli.graph.node import Node, compute
from gradcli.graph.walk import ancestors


def run_plainly(outputs: Iterable[Node]) -> None:
    """Compute the outputs and whatever deferred nodes they need. Every node keeps its value."""
    for node in ancestors(outputs, lambda n: n.value is None):
        compute(node)


def values_plainly(outputs: Sequence[Node]) -> list[Any]:
    """The values of nodes."""
    run_plainly(outputs)
    return [node.value for node in outputs]
