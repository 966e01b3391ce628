"""What tensors that share memory need: torch's `.data`, and the name of a view whose base was changed in place."""

from __future__ import annotations

from gradcli.graph.node import Node
from gradcli.graph.op import Op, named, op
from gradcli.ops.declare import identity, through

data: Op = identity(
    "_data(Tensor input)",
    "input as `.data` shows it: the same memory, unknown to autograd.",
    spelled=["_"],
    view=True,
)
before_change: Op = identity(
    "_before_change(Tensor input)",
    "input as it was when a change in place began: what the change computes from stays good for its derivative.",
    spelled=["_"],
    grad=through,
    grad_fn="AliasBackward0",
    view=True,
)
accumulated: Op = identity(
    "_accumulated(Tensor input)",
    "input as it is kept in .grad to be differentiated again.",
    spelled=["_"],
    grad=through,
    grad_fn=("CloneBackward", "CopyBackwards"),
)
_as_strided: Op = op(
    "_as_strided_view(Tensor input)",
    "A view made again after its base was changed in place.",
    spelled=["_"],
    grad_fn=("AsStridedBackward", "AsStridedBackward0"),
    expands=lambda x: x,
)


def viewed_again(base: Node, view: Node) -> Node:
    """A view that was rebuilt from its changed base, under the name torch gives it."""
    return named(_as_strided, (base,), {}, view)
