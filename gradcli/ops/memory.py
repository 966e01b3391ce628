"""What tensors that share memory need: torch's `.data`, and the name of a view whose base was changed in place."""

from __future__ import annotations

from gradcli.graph.node import Node
from gradcli.graph.op import Op, kept, named, op, same

data: Op = op(
    "_data(Tensor input)",
    "input as `.data` shows it: the same memory, unknown to autograd.",
    spelled=["_"],
    kernel=lambda x: x,
    shape=same,
    dtype=kept,
    view=True,
)
before_change: Op = op(
    "_before_change(Tensor input)",
    "input as it was when a change in place began: what the change computes from stays good for its derivative.",
    spelled=["_"],
    kernel=lambda x: x,
    grad=lambda g, y, x: g,
    shape=same,
    dtype=kept,
    grad_fn="AliasBackward0",
    linear=True,
    view=True,
)
accumulated: Op = op(
    "_accumulated(Tensor input)",
    "input as it is kept in .grad to be differentiated again.",
    spelled=["_"],
    kernel=lambda x: x,
    grad=lambda g, y, x: g,
    shape=same,
    dtype=kept,
    grad_fn=("CloneBackward", "CopyBackwards"),
    linear=True,
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
