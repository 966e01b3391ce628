"""What tensors that share memory need: the names autograd shows after a write, and torch's `.data`."""

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
_copy_slices: Op = op(
    "_copy_slices(Tensor input, Tensor value)",
    "input after a view of it was written to.",
    spelled=["_"],
    grad_fn=("CopySlices", "CopySlices"),
    expands=lambda x, value: x,
)
_as_strided: Op = op(
    "_as_strided_view(Tensor input)",
    "A view made again after its base was changed in place.",
    spelled=["_"],
    grad_fn=("AsStridedBackward", "AsStridedBackward0"),
    expands=lambda x: x,
)


def written(base: Node, value: Node, result: Node) -> Node:
    """The result of writing `value` through a view of `base`, under the name torch gives it."""
    return named(_copy_slices, (base, value), {}, result)


def viewed_again(base: Node, view: Node) -> Node:
    """A view that was rebuilt from its changed base, under the name torch gives it."""
    return named(_as_strided, (base,), {}, view)
