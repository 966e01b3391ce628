"""Conversions: between dtypes, and the identities (clone, detach)."""

from __future__ import annotations

from gradcli import dtypes
from gradcli.graph.node import Node, cast_value
from gradcli.graph.op import Op, draw, kept, op, same

cast: Op = op(
    "_to_dtype(Tensor input, any dtype)",
    "input in another dtype.",
    kernel=lambda x, dtype: cast_value(x, dtype).astype(dtype.numpy),
    grad=lambda g, y, x, dtype: to_dtype(g, x.dtype),
    shape=same,
    dtype=lambda inputs, params: (None, params["dtype"]),
    grad_fn=("CopyBackwards", "ToCopyBackward0"),
    linear=True,
)
clone: Op = op(
    "clone(Tensor input, *, ignored memory_format=None)",
    "A copy of input.",
    kernel=lambda x: x.copy(),
    grad=lambda g, y, x: g,
    shape=same,
    dtype=kept,
    grad_fn="CloneBackward0",
    linear=True,
    samples=[draw(3)],
)
detach: Op = op(
    "detach(Tensor input)",
    "input, through which no gradient flows.",
    kernel=lambda x: x,
    shape=same,
    dtype=kept,
    view=True,
)
alias: Op = op(
    "alias(Tensor input)",
    "input as another tensor.",
    spelled=["_"],
    kernel=lambda x: x,
    grad=lambda g, y, x: g,
    shape=same,
    dtype=kept,
    grad_fn="AliasBackward0",
    linear=True,
    view=True,
    write=lambda x, new: new,
)


def to_dtype(node: Node, dtype: dtypes.DType) -> Node:
    """The node in a dtype; itself where it has it."""
    if node.dtype is dtype:
        return node
    result: Node = cast(node, dtype=dtype)
    return result
