"""Running graphs with large nodes: a plan for each structure of a graph, so that a loop plans its body once.

What lies between and is needed again, by a backward pass, is computed again in the block where it is needed, unless it
came out of the plan as an array anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gradcli.engine.plan import Plan, live
from gradcli.engine.read import read
from gradcli.engine.term import CALL, PICK, REDUCE, RESHAPE, Term, frozen
from gradcli.errors import GradcliError, NoMemory
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import number_op
from gradcli.graph.walk import sources

PLANS = 256  # kept; then the cache starts over

_plans: dict[Any, tuple[Plan, list[int]]] = {}


def run_planned(
    shown: list[Node], order: list[Node], one_by_one: Callable[[Iterable[Node]], None], let_go: Callable[[Node], None]
) -> None:
    """Run the plan for what has elements of its own; the views of that are left to do.

    shown: deferred nodes that are asked for. order: all deferred nodes they need, oldest first. one_by_one: computes
    them without a plan. let_go: what is done with a node whose value is known.
    """
    targets = _owners(shown)
    key, known = _structure(order, targets)
    entry = _plans.get(key) if key is not None else None
    if entry is None:
        entry = _planned(order, targets, known)
        if key is not None:
            if len(_plans) >= PLANS:
                _plans.clear()
            _plans[key] = entry
    plan, at = entry
    try:
        values = plan.run([node.value for node in known])
    except NoMemory:
        raise  # node by node would take more
    except GradcliError:
        one_by_one(order)  # says where it happened
        return
    for value, position in zip(values, at, strict=True):
        order[position].value = value
    for position in at:
        let_go(order[position])


def _owners(nodes: Iterable[Node]) -> set[int]:
    """The serials of the nodes that have elements of their own, of which these are views or other names."""
    owners = set()
    for node in nodes:
        while node.value is None and (node.via is not None or (node.op.view and node.inputs)):
            node = node.via if node.via is not None else node.inputs[0]
        if node.value is None:
            owners.add(node.serial)
    return owners


def _structure(order: list[Node], targets: set[int]) -> tuple[Any, list[Node]]:
    """What makes two graphs the same to a plan, and the known nodes they start from. None: it cannot be said."""
    number: dict[int, int] = {}
    known: list[Node] = []
    key: list[Any] = [MODE.default]
    for node in order:
        inputs = []
        for i in node.inputs if node.via is None else (node.via,):
            if i.serial not in number:
                number[i.serial] = len(number)
                key.append(_described(i))
                if i.op is not number_op:
                    known.append(i)
            inputs.append(number[i.serial])
        if node.via is not None:
            number[node.serial] = inputs[0]
            continue
        params = frozen(node.params)
        if params is None:
            key = []
            break
        number[node.serial] = len(number)
        kept = node.requires_grad or node.serial in targets
        key.append((node.op, params, tuple(inputs), node.shape, node.dtype, kept, node.serial in targets))
    if key:
        return tuple(key), known
    seen = {i.serial: i for node in order for i in sources(node) if i.value is not None}
    return None, [i for i in seen.values() if i.op is not number_op]


def _described(node: Node) -> Any:
    if node.op is number_op:
        return (type(node.value), repr(node.value))
    return (node.shape, node.dtype, _one(node))


def _one(node: Node) -> bool:
    """Whether it is known to be the number 1, which is where most cotangents begin."""
    return (
        not node.op.outputs
        and node.size == 1
        and type(node.value) is np.ndarray
        and bool(node.value.reshape(-1)[0] == 1)
    )


def _planned(order: list[Node], targets: set[int], known: list[Node]) -> tuple[Plan, list[int]]:
    """A plan, and which nodes of `order` its outputs are."""
    inputs = {node.serial: at for at, node in enumerate(known) if not _one(node)}
    wanted = [node for node in order if node.via is None]
    builder, terms, _ = read(wanted, inputs, None)
    needed = live(builder.terms, [t for node, t in zip(wanted, terms, strict=True) if node.serial in targets])
    there = {term.index for term in needed}
    at = [n for n, (node, term) in enumerate(zip(wanted, terms, strict=True)) if _stored(node, term, targets, there)]
    position = {node.serial: n for n, node in enumerate(order)}
    plan = Plan(builder.terms, [terms[n] for n in at], len(known))
    return plan, [position[wanted[n].serial] for n in at]


def _stored(node: Node, term: Term, targets: set[int], there: set[int]) -> bool:
    """Whether a node's value is kept: it was asked for, or a backward pass may need what costs little to keep."""
    if node.serial in targets:
        return True
    if not node.requires_grad or node.op.view or term.index not in there:
        return False
    while term.kind == RESHAPE:
        term = term.args[0]
    return term.kind in (CALL, PICK) or (term.kind == REDUCE and term.size * 8 <= term.args[0].size)
