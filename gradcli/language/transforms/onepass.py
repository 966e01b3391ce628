"""vmap and batched cotangents in one pass: the function is called once, with slices that have no value yet.

What it records is replayed for the whole batch (`autodiff/batch.py`). A function that looks at the numbers in its slice
(`if x > 0`, `x.item()`, a Function of the program's own) cannot be called so, and is called for each slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcli.autodiff.batch import batchable, close, placeholder, placeholder_op, products, replay
from gradcli.engine.run import run
from gradcli.errors import GradError, ValueError_
from gradcli.graph.node import NeedsValue, Node
from gradcli.graph.walk import ancestors
from gradcli.language.context import Context
from gradcli.language.tensors.tensor import Tensor
from gradcli.language.transforms.trees import Tree, flatten, spread_over, unflatten
from gradcli.ops.shapes.order import move_dim


def is_traced(node: Node) -> bool:
    """Whether a node depends on a slice without a value."""
    return any(part.op is placeholder_op for part in ancestors([node], lambda part: part.value is None))


def in_one_pass(
    context: Context,
    func: Any,
    leaves: list[Any],
    dims: list[int | None],
    tree: Tree,
    count: int,
    kwargs: dict[str, Any],
    out_dims: Any,
    shown: str,
) -> Any:
    """The result of a function over slices, called once; None where it has to be called for each.

    What it printed and drew before it looked at a number is undone.
    """
    printed: list[str] = []
    write, tracing, state = context.write, context.tracing, context.generator.get_state()
    context.write, context.tracing = printed.append, True
    slices: dict[Node, Node] = {}
    given = [_slice(part, dim, slices, context) for part, dim in zip(leaves, dims, strict=True)]
    try:
        result = context.call(func, list(unflatten(given, tree)), dict(kwargs))
        whole = _whole(context, result, slices, count, out_dims, shown)
    except NeedsValue:
        whole = None
    finally:
        context.write, context.tracing = write, tracing
        for slot in slices:
            close(slot, GradError("a tensor from inside the function was kept, and has no value outside", op="vmap"))
    if whole is None:
        context.generator.set_state(state)
        return None
    write("".join(printed))
    return whole


def _slice(part: Any, dim: int | None, slices: dict[Node, Node], context: Context) -> Any:
    """What stands for a slice of an argument; the argument itself where it is not mapped over."""
    if dim is None:
        return part
    slot = placeholder(part.shape[:dim] + part.shape[dim + 1 :], part.dtype, part.requires_grad)
    slices[slot] = part.node if dim == 0 else move_dim(part.node, dim, 0)
    return Tensor(slot, context)


def _whole(context: Context, result: Any, slices: dict[Node, Node], count: int, out_dims: Any, shown: str) -> Any:
    """The results for the whole batch; None for results that the slow way has to refuse, or pass on as they are."""
    leaves, tree = flatten(result)
    spread = spread_over(tuple(out_dims) if isinstance(out_dims, list) else out_dims, tree)
    if spread is None or not all(isinstance(part, Tensor) for part in leaves):
        return None
    for part, dim in zip(leaves, spread, strict=True):
        if dim is None and is_traced(part.node):
            raise ValueError_(
                "a result that differs from slice to slice has no dimension for them: its entry of out_dims is None",
                op="vmap",
                torch=f"vmap({shown}, ...): `{shown}` can not return a BatchedTensor when out_dim is None",
            )
    nodes = [part.node for part in leaves]
    if any(
        not isinstance(dim, int) or not -node.ndim - 1 <= dim <= node.ndim
        for node, dim in zip(nodes, spread, strict=True)
    ):
        return None
    made = replay(nodes, slices, count)
    whole = [
        node if dim % (node.ndim) == 0 else move_dim(node, 0, dim % node.ndim)
        for node, dim in zip(made, spread, strict=True)
    ]
    run([node for node in whole if node.value is None])
    return unflatten([Tensor(node, context) for node in whole], tree)


def products_in_one_pass(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], seeds: Sequence[Tensor | None], create_graph: bool
) -> tuple[Tensor | None, ...] | None:
    """The vector-Jacobian product of every row of the seeds; None where it has to be computed row by row."""
    nodes = [output.node for output in outputs]
    if not all(i.requires_grad for i in inputs) or None in seeds or not batchable(nodes):
        return None
    given = [None if seed is None else seed.node for seed in seeds]
    try:
        found = products(nodes, given, [i.node for i in inputs], create_graph)
    except NeedsValue:
        return None
    return tuple(None if g is None else Tensor(g, outputs[0].context) for g in found)
