"""Reading a graph: nodes in, terms out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.engine.lower import term_of
from gradcli.engine.term import Builder, Term
from gradcli.graph.node import NeedsValue, Node
from gradcli.graph.op import leaf_op, number_op


def read(
    outputs: Sequence[Node], inputs: Mapping[int, int], constants: list[Any] | None
) -> tuple[Builder, list[Term], int]:
    """The terms of nodes. inputs: the number of the input that a node is, by serial.

    constants: known values that are neither inputs nor single numbers are put here and become further inputs.
    """
    builder = Builder()
    terms: dict[int, Term] = {}
    count = len(inputs)

    def sources_known(node: Node) -> bool:
        return node.serial in inputs or node.value is not None

    order = _reachable(outputs, sources_known)
    for node in order:
        if node.serial in inputs:
            terms[node.serial] = _input(builder, inputs[node.serial], node)
        elif node.op is number_op:
            precise = np.dtype(np.float64) if node.dtype.floating else node.dtype.numpy
            terms[node.serial] = builder.const(node.value, precise)
        elif node.value is not None and type(node.value) is not tuple and node.size == 1:
            number = builder.const(np.asarray(node.value).reshape(()), node.dtype.numpy)
            terms[node.serial] = builder.expand(number, node.shape)
        elif node.value is not None:
            assert constants is not None
            constants.append(node.value)
            terms[node.serial] = _input(builder, count, node)
            count += 1
        elif node.via is not None:
            terms[node.serial] = terms[node.via.serial]
        elif node.op is leaf_op:
            raise NeedsValue
        else:
            terms[node.serial] = term_of(builder, node, [terms[i.serial] for i in node.inputs])
    return builder, [terms[o.serial] for o in outputs], count


def _input(builder: Builder, at: int, node: Node) -> Term:
    return builder.input(at, (), None) if node.op.outputs else builder.input(at, node.shape, node.dtype.numpy)


def _reachable(outputs: Sequence[Node], known: Callable[[Node], bool]) -> list[Node]:
    seen: dict[int, Node] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.serial not in seen:
            seen[node.serial] = node
            if not known(node):
                stack.extend((node.via,) if node.via is not None else node.inputs)
    return [seen[serial] for serial in sorted(seen)]
