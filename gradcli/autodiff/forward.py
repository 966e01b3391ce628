"""Forward mode: tangents of inputs in, tangents of outputs out, as nodes of the same graph.

No op declares a forward rule. An op linear in its input is applied to the tangent; for the others the reverse rule is
linear in its cotangent, so it is differentiated with respect to that: J t is the vector-Jacobian product of
u -> J^T u.
Source: the transposition of linear maps; J. Townsend, "A new trick for calculating Jacobian vector products", 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.autodiff.backward import fit, vjp
from gradcli.graph.node import Node, recording
from gradcli.graph.op import leaf, pick, pick_op
from gradcli.graph.walk import ancestors, sources


def jvp(outputs: Sequence[Node], tangents: Mapping[Node, Node]) -> list[Node | None]:
    """The Jacobian-vector product: J t for each output, None where it does not depend on the inputs.

    outputs: nodes of a recorded graph. tangents: for inputs (nodes that require grad), nodes of their shape and dtype.
    Raises: GradError when an op on the way has no derivative.
    """
    known: dict[int, Any] = {node.serial: t for node, t in tangents.items()}
    for node in ancestors(outputs, lambda n: n.requires_grad):
        if node.serial not in known:
            tangent = _push(node, known)
            if tangent is not None:
                known[node.serial] = tangent
    return [known.get(output.serial) for output in outputs]


def _push(node: Node, known: Mapping[int, Any]) -> Any:
    """The tangent of a node from those of what it was made from."""
    origins = sources(node)
    if not any(i.serial in known for i in origins):
        return None
    if node.via is not None:
        return known[node.via.serial]
    if node.op is pick_op:
        return known[origins[0].serial][node.params["at"]]
    if node.op.linear and len(origins) == 1:
        return node.op(known[origins[0].serial], **node.params)
    return _transposed(node, known)


def _transposed(node: Node, known: Mapping[int, Any]) -> Any:
    """J t by differentiating the reverse rule with respect to its cotangent."""
    inputs = node.inputs
    shapes, dtypes = (node.shape, node.dtype) if node.op.outputs else ((node.shape,), (node.dtype,))
    with recording(True):
        seeds = [_cotangent(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
        pulled = _pull(node, seeds)
        pairs = [
            (fit(g, i), known[i.serial])
            for i, g in zip(inputs, pulled, strict=True)
            if g is not None and i.serial in known and g.requires_grad
        ]
        found = vjp([g for g, _ in pairs], [t for _, t in pairs], seeds, create_graph=True, retain_graph=True)
    tangents = [found.get(seed, seed * 0.0) for seed in seeds]
    return tangents if node.op.outputs else tangents[0]


def _cotangent(shape: Any, dtype: Any) -> Node:
    """A cotangent to differentiate by; the rules are linear in it, so any value will do."""
    seed = leaf(np.zeros(shape, dtype.numpy), dtype)
    seed.requires_grad = bool(dtype.floating)
    return seed


def _pull(node: Node, seeds: list[Node]) -> list[Node | None]:
    """What the reverse rules of a node give for each input."""
    op, inputs = node.op, node.inputs
    g: Any = tuple(seeds) if op.outputs else seeds[0]
    y: Any = tuple(pick(node, at) for at in range(len(op.outputs))) if op.outputs else node
    if op.joint is not None:
        return list(op.joint(g, y, *inputs, **node.params))
    rules = op.grads or (None,) * len(inputs)
    return [
        None if rule is None or not i.requires_grad else rule(g, y, *inputs, **node.params)
        for rule, i in zip(rules, inputs, strict=True)
    ]
