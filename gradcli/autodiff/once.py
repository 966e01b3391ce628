"""Results that cannot be differentiated: what a backward formula gives that is marked with @once_differentiable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradcli.errors import GradError
from gradcli.graph.node import Node
from gradcli.graph.op import kept, op, same
from gradcli.graph.walk import ancestors


def _refuse(g: Any, y: Any, x: Any) -> Any:
    raise GradError(
        "a backward formula marked with @once_differentiable cannot be differentiated",
        hint="write it in differentiable ops and leave out the mark",
        torch="trying to differentiate twice a function that was marked with @once_differentiable",
    )


once_op = op(
    "once_differentiable(Tensor input)",
    "A result of which there is no derivative.",
    spelled=["_"],
    kernel=lambda x: x,
    joint=_refuse,
    shape=same,
    dtype=kept,
    grad_fn=("Error", "Error"),
    listed=False,
)


def differentiable_once(node: Node) -> Node:
    """The node, as a result that refuses to be differentiated."""
    made: Node = once_op(node)
    made.inputs = (node,)
    made.requires_grad = made.dtype.floating
    return made


def is_once(outputs: Iterable[Node]) -> bool:
    """Whether nodes were computed by a formula that cannot be differentiated."""
    return any(node.op is once_op for node in ancestors(outputs, lambda node: node.requires_grad))
