"""Many cotangents (or tangents) at once: a gradient graph built once, then replayed with a leading batch dimension.

A pass is recorded with a placeholder that has a shape and no value. `replay` puts a batch in its place: every node that
depends on it is made again with one dimension more in front. How, is said once for each kind of op: elementwise ops
align by broadcasting, ops along dimensions move these by one, products become products of batches. An op without a form
here runs once for each row, so every op can be replayed.
Raises (all of it): NeedsValue when what is replayed looked at the value of the placeholder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.autodiff import convolved, multiplied, placed, solved  # noqa: F401 (for the forms they enter)
from gradcli.autodiff.along import along_dims
from gradcli.autodiff.backward import vjp
from gradcli.autodiff.entries import sparsely
from gradcli.autodiff.forms import FORMS, Batch, Form, rows_of_elementwise
from gradcli.autodiff.forward import jvp
from gradcli.autodiff.sparse import Sparse, directions
from gradcli.dtypes import DType
from gradcli.engine.run import run
from gradcli.errors import GradError
from gradcli.graph.node import MODE, NeedsValue, Node, compute_now, recording
from gradcli.graph.op import leaf, op, pick_op
from gradcli.graph.walk import ancestors, sources
from gradcli.ops.shapes.join import stack
from gradcli.ops.shapes.order import transpose
from gradcli.ops.shapes.part import select
from gradcli.ops.shapes.shape import expand, reshape
from gradcli.shapes import Shape


def _unknown(over: list[GradError]) -> Any:
    if over:
        raise over[0]
    raise NeedsValue


placeholder_op = op(
    "placeholder(any over)",
    "A cotangent or tangent that is not known yet.",
    spelled=["_"],
    kernel=_unknown,
    dtype=lambda inputs, params: (None, None),
    listed=False,
)


def placeholder(shape: Shape, dtype: DType, requires_grad: bool = False) -> Node:
    """A node without a value, to be replaced by a batch. requires_grad: whether the batch does."""
    node = Node(placeholder_op, (), {"over": []}, shape, dtype)
    node.requires_grad = requires_grad
    return node


def close(slot: Node, error: GradError) -> None:
    """The pass is over: whoever looks at something that was kept, and depends on the placeholder, gets the error."""
    slot.params["over"].append(error)


# Jacobians


def rows(output: Node, wrt: Sequence[Node], create_graph: bool) -> list[Node | None]:
    """The Jacobian of an output by each node of `wrt`, None where it does not depend on it.

    Shapes: (elements of the output, *shape of the node).
    """
    count = output.size
    if count == 1:
        found = vjp([output], [_ones(output)], wrt, create_graph=create_graph, retain_graph=True)
        return [reshape(found[x], shape=(1, *x.shape)) if x in found else None for x in wrt]
    return _pulled([output], [_identity(output.shape, output.dtype)], wrt, create_graph)


def products(
    outputs: Sequence[Node], seeds: Sequence[Node | None], wrt: Sequence[Node], create_graph: bool
) -> list[Node | None]:
    """The vector-Jacobian product of every row of the seeds.

    Shapes: seed (B, *shape of the output) -> (B, *shape of the node).
    """
    pairs = [(y, seed) for y, seed in zip(outputs, seeds, strict=True) if seed is not None]
    return _pulled([y for y, _ in pairs], [seed for _, seed in pairs], wrt, create_graph)


def _pulled(
    outputs: Sequence[Node], seeds: Sequence[Node | Sparse], wrt: Sequence[Node], create_graph: bool
) -> list[Node | None]:
    slots = [
        placeholder(y.shape, y.dtype, isinstance(seed, Node) and seed.requires_grad)
        for y, seed in zip(outputs, seeds, strict=True)
    ]
    count = seeds[0].count if isinstance(seeds[0], Sparse) else seeds[0].shape[0]
    found = vjp(outputs, slots, wrt, create_graph=create_graph, retain_graph=True)
    own = [found[x] for x in wrt if x in found]
    with recording(create_graph):
        made = iter(replay(own, dict(zip(slots, seeds, strict=True)), count))
    return [next(made) if x in found else None for x in wrt]


def columns(output: Node, x: Node) -> Node | None:
    """The Jacobian of an output by an input, by forward passes; None where it does not depend on it.

    Shapes: (*shape of the output, *shape of the input).
    """
    tangent = placeholder(x.shape, x.dtype)
    pushed = jvp([output], {x: tangent})[0]
    if pushed is None:
        return None
    made = _replayed([pushed], {tangent: _identity(x.shape, x.dtype)}, x.size, _unknown_value).get(pushed.serial)
    shape = (*output.shape, *x.shape)
    if isinstance(made, Sparse):
        sparse: Node = reshape(made.turned(), shape=shape)
        return sparse
    flat = reshape(_spread(pushed, x.size) if made is None else made, shape=(x.size, output.size))
    turned: Node = reshape(transpose(flat, dim0=0, dim1=1), shape=shape)
    return turned


def batchable(outputs: Sequence[Node]) -> bool:
    """Whether no code of the program runs in a backward pass: no hook, no Function of its own.

    Such code is owed a call for every row.
    """
    return not any(
        (node.extra is not None and node.extra.hooks) or node.op.family == "function"
        for node in ancestors(outputs, lambda node: node.requires_grad)
    )


def _ones(like: Node) -> Node:
    return leaf(np.ones(like.shape, like.dtype.numpy), like.dtype)


def _identity(shape: Shape, dtype: DType) -> Node | Sparse:
    """The directions of the elements of a tensor, one after the other."""
    sparse = directions(shape, dtype)
    if sparse is not None:
        return sparse
    size = int(np.prod(shape, dtype=np.int64))
    return leaf(np.eye(size, dtype=dtype.numpy).reshape(size, *shape), dtype)


# Replaying


def _unknown_value(node: Node) -> bool:
    return node.value is None


def replay(
    outputs: Iterable[Node],
    batches: Mapping[Node, Node | Sparse],
    count: int,
    follow: Callable[[Node], bool] = _unknown_value,
) -> list[Node]:
    """The outputs again, with batches in place of the placeholders they depend on.

    follow: which nodes may depend on what is replaced; where that is no placeholder, they have values.
    Shapes: batch (count, *shape of its placeholder) -> (count, *shape of the output).
    """
    wanted = list(outputs)
    known = _replayed(wanted, batches, count, follow)
    return [_whole(node, known) if node.serial in known else _spread(node, count) for node in wanted]


def _replayed(
    wanted: Sequence[Node], batches: Mapping[Node, Node | Sparse], count: int, follow: Callable[[Node], bool]
) -> dict[int, Any]:
    """What becomes of each node on the way to those that are wanted, by serial."""
    known: dict[int, Any] = {node.serial: batch for node, batch in batches.items()}
    before = MODE.recording
    try:
        for node in ancestors(wanted, follow):
            if node.serial not in known:
                MODE.recording = before and node.requires_grad
                made = _again(node, known, count)
                if made is not None:
                    known[node.serial] = made
    finally:
        MODE.recording = before
    return known


def _whole(node: Node, known: dict[int, Any]) -> Any:
    """The batch of a node, with its zeros."""
    batch = known[node.serial]
    if isinstance(batch, Sparse):
        batch = known[node.serial] = batch.whole()
    return batch


def _again(node: Node, known: dict[int, Any], count: int) -> Any:
    """A node in a batch; None when it does not depend on one."""
    origins = sources(node)
    flags = [i.serial in known for i in origins]
    if not any(flags):
        return None
    if node.via is not None:
        return known[node.via.serial]
    if node.op is pick_op:
        return known[origins[0].serial][node.params["at"]]
    inputs = [known[i.serial] if flag else i for i, flag in zip(origins, flags, strict=True)]
    if any(isinstance(i, Sparse) for i in inputs):
        if all(isinstance(i, Sparse) or not flag for i, flag in zip(inputs, flags, strict=True)):
            made = sparsely(node, inputs)
            if made is not None:
                return made
        inputs = [_whole(i, known) if flag else i for i, flag in zip(origins, flags, strict=True)]
    batch = Batch(node, inputs, flags, count)
    if node.op.elementwise:
        made = rows_of_elementwise(batch)
    else:
        form: Form = FORMS.get(f"{node.op.family}.{node.op.name}", along_dims)
        made = form(batch)
    return made if _fits(made, node, count) else _by_row(batch)


def _fits(made: Any, node: Node, count: int) -> bool:
    """Whether a form gave what it should."""
    if node.op.outputs:
        return isinstance(made, tuple) and all(
            part.shape == (count, *shape) and part.dtype is dtype
            for part, shape, dtype in zip(made, node.shape, node.dtype, strict=True)
        )
    return isinstance(made, Node) and made.shape == (count, *node.shape) and made.dtype is node.dtype


def _by_row(batch: Batch) -> Any:
    """A node in a batch, row by row."""
    node, op_ = batch.node, batch.node.op
    tracked = MODE.recording and any(i.requires_grad for i in batch.inputs)
    if not batch.count:
        return _empty(node)
    if not tracked:
        return _values_by_row(batch)
    made = [op_(*batch.row(at, select), **node.params) for at in range(batch.count)]
    if op_.outputs:
        return tuple(stack(*parts, dim=0) for parts in zip(*made, strict=True))
    return stack(*made, dim=0)


def _values_by_row(batch: Batch) -> Any:
    """As `_by_row`, where only the values matter."""
    node = batch.node
    run([i for i in batch.inputs if i.value is None])
    found = []
    for at in range(batch.count):
        inputs = batch.row(at, lambda node, dim, index: leaf(np.asarray(node.value)[index], node.dtype))
        single = Node(node.op, tuple(inputs), node.params, node.shape, node.dtype)
        compute_now(single, node.op.dtype(single.inputs or (), node.params)[0])
        found.append(single.value)
    if node.op.outputs:
        dtypes: Sequence[DType] = node.dtype
        return tuple(leaf(np.stack(part), dtype) for part, dtype in zip(zip(*found, strict=True), dtypes, strict=True))
    return leaf(np.stack(found), node.dtype)


def _empty(node: Node) -> Any:
    """A node in a batch of none."""
    if node.op.outputs:
        pairs = zip(node.shape, node.dtype, strict=True)
        return tuple(leaf(np.zeros((0, *shape), dtype.numpy), dtype) for shape, dtype in pairs)
    return leaf(np.zeros((0, *node.shape), node.dtype.numpy), node.dtype)


def _spread(node: Node, count: int) -> Node:
    """What does not depend on a batch, once for each row."""
    spread: Node = expand(reshape(node, shape=(1, *node.shape)), size=(count, *node.shape))
    return spread
