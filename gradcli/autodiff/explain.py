"""The chain rule step by step: for each recorded op what it computes, its local derivative, and what it passes on.

Everything comes from the rules themselves: a step is applied once more to stand-ins for its inputs, and its own rule
gives the formula (from nodes that are not computed) and the numbers (from nodes that are).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.autodiff.backward import vjp
from gradcli.engine.run import value
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import leaf, leaf_op, number_op, pick, pick_op
from gradcli.graph.terms import Term
from gradcli.graph.walk import ancestors, sources
from gradcli.simplify.formula import builder, simplified
from gradcli.simplify.noform import NoForm
from gradcli.simplify.normal import bare

Array = np.ndarray[Any, Any]


class Passed:
    """What a step passes to one of its inputs: to which, as a formula (None: it has none), and the numbers.

    local: the local derivative, where what is passed on is g times it, element by element.
    """

    __slots__ = ("formula", "local", "name", "numbers")

    def __init__(self, name: str, formula: Term | None, local: Term | None, numbers: Array) -> None:
        self.name = name
        self.formula = formula
        self.local = local
        self.numbers = numbers


class Step:
    """One op: the name of its result, its formula and value, the cotangent that comes in, and what it passes on.

    came: from which steps the cotangent came; several of them add up.
    """

    __slots__ = ("came", "cotangent", "formula", "name", "passed", "value")

    def __init__(self, name: str, formula: Term | None, value: Array) -> None:
        self.name = name
        self.formula = formula
        self.value = value
        self.cotangent: Array | None = None
        self.came: list[str] = []
        self.passed: list[Passed] = []


class Graph:
    """The steps that lead from variables to an output, found in one trace of a program.

    names: the variables by node; assigned: further nodes that the program gives a name.
    """

    def __init__(self, output: Node, names: Mapping[Node, str], assigned: Mapping[Node, str]) -> None:
        self.output = output
        self.variables = dict(names)
        order = [n for n in ancestors([output], lambda n: n.requires_grad) if n.op is not leaf_op]
        self.steps = [n for n in order if n.via is None and not n.op.outputs]
        self.label = {n.serial: name for n, name in names.items()}
        taken = set(names.values()) | set(assigned.values())
        fresh = (name for name in (f"t{at}" for at in range(1, len(order) + 2)) if name not in taken)
        given = {n.serial: name for n, name in assigned.items()}
        for n in order:
            if n.via is not None and n.serial in given:
                given.setdefault(_inner(n).serial, given[n.serial])
        for n in self.steps:
            self.label[n.serial] = given.get(n.serial) or ("out" if n is _inner(output) and "out" not in taken else "")
            if not self.label[n.serial]:
                self.label[n.serial] = next(fresh)
        for n in order:
            if n.via is not None and _inner(n).serial in self.label:
                self.label[n.serial] = self.label[_inner(n).serial]

    def inputs(self, step: Node) -> list[Node]:
        """What a step is computed from, expansions that keep a name resolved.

        An output of an op of several is one step with that op.
        """
        return [_inner(i) for i in sources(_inner(sources(step)[0]) if step.op is pick_op else step)]

    def stand_ins(self, step: Node, known: bool) -> tuple[Node, list[Node]]:
        """The step applied to leaves of their own where an input is a step or a variable."""
        stand: list[Node] = []
        for i in self.inputs(step):
            if i.op is number_op or (i.serial not in self.label and not known):
                stand.append(i)
                continue
            array = value(i) if known else np.broadcast_to(np.zeros((), i.dtype.numpy), i.shape)
            own = leaf(array, i.dtype)
            own.requires_grad = i.requires_grad
            stand.append(own)
        made = _inner(sources(step)[0]) if step.op is pick_op else step
        again = Node(made.op, tuple(stand), made.params, made.shape, made.dtype)
        again.requires_grad = True
        return (pick(again, step.params["at"]) if step.op is pick_op else again), stand


def _inner(node: Node) -> Node:
    while node.via is not None:
        node = node.via
    return node


def explained(symbols: Graph, numbers: Graph, seed: Array) -> tuple[list[Step], dict[str, Array]]:
    """The steps in the order of the program, and the cotangent that arrives at each variable and step.

    symbols, numbers: the same program traced twice, once for formulas and once for values.
    """
    total: dict[str, Array] = {numbers.label[_inner(numbers.output).serial]: seed}
    came: dict[str, list[str]] = {}
    steps: list[Step] = []
    for shown, computed in zip(reversed(symbols.steps), reversed(numbers.steps), strict=True):
        name = symbols.label[shown.serial]
        step = Step(name, _formula_of(symbols, shown), value(computed))
        step.cotangent, step.came = total.get(name), came.get(name, [])
        if step.cotangent is not None:
            _pass_on(symbols, numbers, shown, computed, step)
        for passed in step.passed:
            before = total.get(passed.name)
            total[passed.name] = passed.numbers if before is None else before + passed.numbers
            came.setdefault(passed.name, []).append(name)
        steps.append(step)
    return steps[::-1], total


def _pass_on(symbols: Graph, numbers: Graph, shown: Node, computed: Node, step: Step) -> None:
    assert step.cotangent is not None
    found = _pulled(numbers, computed, step.cotangent, known=True)
    formulas = _pulled(symbols, shown, None, known=False)
    for at, i in enumerate(numbers.inputs(computed)):
        g = found[1].get(at)
        if g is None or i.serial not in numbers.label:
            continue
        formula, local = _terms(symbols, shown, formulas, at)
        step.passed.append(Passed(numbers.label[i.serial], formula, local, value(g)))


Pulled = tuple[tuple[Node, list[Node], Node], dict[int, Node]]


def _pulled(graph: Graph, step: Node, cotangent: Array | None, known: bool) -> Pulled:
    """A step's rules on stand-ins: (the step, its inputs, the seed), and what goes to each input."""
    again, stand = graph.stand_ins(step, known)
    if cotangent is None:
        cotangent = np.broadcast_to(np.ones((), step.dtype.numpy), step.shape)
    seed = leaf(np.asarray(cotangent), step.dtype)
    wanted = [s for s in stand if s.requires_grad and s.op is leaf_op]
    before, MODE.deferring = MODE.deferring, True
    try:
        found = vjp([again], [seed], wanted, create_graph=True)
    finally:
        MODE.deferring = before
    return (again, stand, seed), {at: found[s] for at, s in enumerate(stand) if s in found}


def _names(graph: Graph, step: Node, stand: Sequence[Node]) -> dict[Node, str]:
    return graph.variables | {
        s: graph.label[i.serial] for s, i in zip(stand, graph.inputs(step), strict=True) if i.serial in graph.label
    }


def _terms(graph: Graph, step: Node, pulled: Pulled, at: int) -> tuple[Term | None, Term | None]:
    """What goes to an input as a formula in g, and the same without g where that is a factor."""
    (again, stand, seed), found = pulled
    if at not in found:
        return None, None
    own = graph.label[step.serial]
    names = {**_names(graph, step, stand), again: own, seed: "g"}
    b = builder(step.dtype)
    try:
        term = simplified(found[at], names, b)
    except NoForm:
        return None, None
    g = b.make("variable", (), (("name", "g"),), seed.shape, seed.dtype)
    inner = bare(term)
    factor = inner is g or (inner.head == "product" and (g, 1) in zip(inner.args, inner.param("powers"), strict=True))
    return term, bare(b.divide(inner, g)) if factor else None


def _formula_of(graph: Graph, step: Node) -> Term | None:
    again, stand = graph.stand_ins(step, known=False)
    try:
        return simplified(again, _names(graph, step, stand), builder(step.dtype))
    except NoForm:
        return None
