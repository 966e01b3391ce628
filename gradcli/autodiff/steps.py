"""The steps of a traced program: what each computes, what it is called, and how it is applied once more by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any

import numpy as np

from gradcli.autodiff.backward import vjp
from gradcli.engine.run import value
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import PROGRAM, leaf, leaf_op, number_op, pick, pick_op
from gradcli.graph.terms import Term, below
from gradcli.graph.walk import ancestors, sources
from gradcli.simplify.build import Builder
from gradcli.simplify.convert import Name, called
from gradcli.simplify.formula import simplified
from gradcli.simplify.noform import NoForm

Array = np.ndarray[Any, Any]
LITERAL = 4  # elements of a constant that is written in a formula
DETACHING = frozenset({"detach", "_data"})


class Graph:
    """The steps that lead from variables to outputs, found in one trace of a program.

    names: the variables by node; assigned: further nodes that the program gives a name; taken: names that mean
    something else. fixed: what steps use without a gradient and formulas name: what the program names, and arrays too
    large to be written. spelled: detached nodes, written as what they are detached from.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        names: Mapping[Node, str],
        assigned: Mapping[Node, str],
        taken: Iterable[str] = (),
    ) -> None:
        self.outputs = [_inner(output) for output in outputs]
        self.variables = dict(names)
        self.assigned = dict(assigned)
        order = [n for n in ancestors(outputs, lambda n: n.requires_grad) if n.op is not leaf_op]
        self.steps = [n for n in order if n.via is None and not n.op.outputs and n not in self.variables]
        self.written_out = _written_out(outputs)
        self.given = {n.serial: name for n, name in assigned.items()}
        self.hooks: dict[int, list[Any]] = {}
        self.same: dict[int, Node] = {}
        for n in [*reversed(order), *names]:
            inner = _inner(n)
            if n is not inner and n.serial in self.given:
                self.given.setdefault(inner.serial, self.given[n.serial])
            if n.extra is not None and n.extra.hooks:
                self.hooks[inner.serial] = self.hooks.get(inner.serial, []) + n.extra.hooks
        self.taken = {*taken, *names.values(), *assigned.values()}
        choices = chain(("g", "ct"), ("g" + "_" * n for n in count(1)))
        self.cotangent = next(name for name in choices if name not in self.taken)
        self.fixed = dict(self._fixed())
        self._name()

    def _fixed(self) -> Iterator[tuple[Node, str]]:
        names = (f"c{at}" for at in count(1) if f"c{at}" not in self.taken)
        named = {_inner(n): name for n, name in self.assigned.items()}
        direct = dict.fromkeys(i for step in self.steps for i in self.inputs(step) if not i.requires_grad)
        for i in ancestors(direct, lambda n: not n.requires_grad):
            inner = _inner(i)
            if inner in self.variables or inner.op is number_op:
                continue
            if inner in named:
                yield inner, named[inner]
            elif i in direct and i.value is not None and not i.inputs and i.size > LITERAL:
                yield i, next(names)

    def _name(self) -> None:
        """Call each step what the program calls it, the outputs `out`, and the others t1, t2 and so on."""
        self.label = {n.serial: name for n, name in {**self.variables, **self.fixed}.items()}
        taken = {*self.taken, *self.given.values(), *self.fixed.values()}
        alone = len(self.outputs) == 1
        fresh = (f"t{at}" for at in range(1, len(self.steps) + len(taken) + 2) if f"t{at}" not in taken)
        for at, n in enumerate(self.outputs):
            name = "out" if alone else f"out{at}"
            if n.serial not in self.label and n.serial not in self.given and name not in taken:
                self.given[n.serial] = name
        for n in self.steps:
            self.label[n.serial] = self.given.get(n.serial) or next(fresh)
        self.spelled = dict(self._detached())

    def _detached(self) -> Iterator[tuple[Node, str]]:
        """The detached nodes that steps use, and how they are written."""
        flat = [i for step in self.steps for i in self.inputs(step) if not i.requires_grad]
        for n in ancestors(flat, lambda n: not n.requires_grad):
            if n.op.name in DETACHING:
                name = self.label.get(self.resolve(n.inputs[0]).serial)
                if name is not None:
                    yield n, f"{name}.detach()"

    def formula_of_fixed(self, node: Node, b: Builder) -> Term | None:
        """How something without a gradient is computed; None for what is only a number or an array."""
        if node in self.spelled:
            return b.make("variable", (), (("name", self.spelled[node]),), node.shape, node.dtype)
        if node.value is not None and not node.inputs:
            return None
        named = [n for n in [*self.steps, *self.assigned] if self.resolve(n).serial in self.label]
        labels = {n: self.label[self.resolve(n).serial] for n in named}
        names = {**labels, **self.variables, **self.fixed, **self.spelled}
        del names[node]
        return formula_of(node, names, b)

    def resolve(self, node: Node) -> Node:
        """The step or variable that a node stands for: expansions that keep a name and copies are looked through."""
        node = _inner(node)
        while node.serial in self.same:
            node = self.same[node.serial]
        return node

    def inputs(self, step: Node) -> list[Node]:
        """What a step is computed from. An output of an op of several is one step with that op."""
        return [self.resolve(i) for i in sources(_inner(sources(step)[0]) if step.op is pick_op else step)]

    def leave_out(self, copies: Sequence[int]) -> None:
        """Take steps that only copy their input (by their positions) for this input."""
        dropped = set(copies)
        for at in copies:
            step = self.steps[at]
            (before,) = {i.serial: i for i in self.inputs(step) if i.requires_grad}.values()
            name = self.given.pop(step.serial, None)
            if name is not None:
                self.given[before.serial] = name
            self.same[step.serial] = before
        self.outputs = [self.resolve(output) for output in self.outputs]
        self.steps = [n for at, n in enumerate(self.steps) if at not in dropped]
        self._name()

    def may_be_left_out(self, step: Node, left: set[int]) -> bool:
        """Whether no name is lost when a step is taken for its only input; left: the steps that are left out."""
        before = {i.serial: i for i in self.inputs(step) if i.requires_grad}
        if len(before) != 1 or step.serial in self.hooks:
            return False
        (i,) = before.values()
        free = i.serial not in self.given and i.serial not in left and i.op is not leaf_op and i.serial in self.label
        return (i.shape, i.dtype) == (step.shape, step.dtype) and (step.serial not in self.given or free)

    def stand_ins(self, step: Node, known: bool, spread: bool = False) -> StandIns:
        """The step applied to leaves of their own where an input is a step or a variable.

        spread: an input that the step broadcasts is in the shape of the result.
        """
        own: dict[int, Node] = {}
        stand: list[Node] = []
        for i in self.inputs(step):
            if i.op is number_op or (i.serial not in self.label and not known):
                stand.append(i)
                continue
            if i.serial not in own:
                own[i.serial] = _leaf_like(i, known, step if spread and i.requires_grad else i)
            stand.append(own[i.serial])
        result = _applied(step, stand)
        names = {leaf_: self.label[serial] for serial, leaf_ in own.items() if serial in self.label}
        saved = {n: self.label[n.serial] for n in self.steps} if step.op.family == PROGRAM else {}
        named = {**self.variables, **self.spelled, **self.fixed, **self._beside(step), **saved, **names}
        return StandIns(result, own, named | {result: self.label[step.serial]})

    def _beside(self, step: Node) -> dict[Node, str]:
        """The steps that a step uses without a gradient, as in the condition of a where."""
        flat = [i for i in self.inputs(step) if not i.requires_grad and i.serial not in self.label]
        below = {i for n in ancestors(flat, lambda n: not n.requires_grad) for i in sources(n) if i.requires_grad}
        return {i: self.label[serial] for i in below if (serial := self.resolve(i).serial) in self.label}

    def written(self, step: Node, b: Builder) -> Term | None:
        """What a step computes, as it is written: x - x, where a formula would say 0; None where it has no form."""
        names: dict[Node, tuple[str, int]] = {}
        stand: list[Node] = []
        for at, i in enumerate(self.inputs(step)):
            label = self.label.get(i.serial) or (str(i.value) if i.op is number_op else None)
            stand.append(i if label is None else _leaf_like(i, False, i))
            if label is not None:
                names[stand[-1]] = label, at
        again = _applied(step, stand)
        beside = self._beside(step)
        known: dict[Node, Name] = {**self.variables, **self.spelled, **self.fixed, **beside, **names}
        found = formula_of(again, known, b)
        whole = found is None or said(found).issuperset(name for name, _ in names.values())
        return found if whole else called(again, known, b)


def _leaf_like(node: Node, known: bool, shape_of: Node) -> Node:
    array = value(node) if known else np.broadcast_to(np.zeros((), node.dtype.numpy), node.shape)
    made = leaf(np.broadcast_to(array, shape_of.shape) if shape_of is not node else array, node.dtype)
    made.requires_grad = node.requires_grad
    return made


def _applied(step: Node, inputs: Sequence[Node]) -> Node:
    """A step once more, on other inputs."""
    made = _inner(sources(step)[0]) if step.op is pick_op else step
    again = Node(made.op, tuple(inputs), made.params, made.shape, made.dtype)
    again.requires_grad = True
    return pick(again, step.params["at"]) if step.op is pick_op else again


class StandIns:
    """A step applied to leaves of their own: the result, the leaves by the serial of the input, and all names."""

    __slots__ = ("leaves", "names", "result")

    def __init__(self, result: Node, leaves: dict[int, Node], names: dict[Node, str]) -> None:
        self.result = result
        self.leaves = leaves
        self.names = names

    def pull(self, cotangent: Any) -> tuple[Node, dict[Node, Node]]:
        """What the rules of the step pass on: the cotangent as a node, and what goes to each leaf."""
        seed = leaf(np.asarray(cotangent), self.result.dtype)
        wanted = [x for x in self.leaves.values() if x.requires_grad]
        before, MODE.deferring = MODE.deferring, True
        try:
            return seed, vjp([self.result], [seed], wanted, create_graph=True)
        finally:
            MODE.deferring = before

    def formula(self, b: Builder) -> Term | None:
        """What the step computes; None where it has no form."""
        names = {node: name for node, name in self.names.items() if node is not self.result}
        return formula_of(self.result, names, b)

    def names_all(self, formula: Term) -> bool:
        """Whether a formula names everything that the step is computed from."""
        return said(formula).issuperset(self.names[x] for x in self.leaves.values() if x in self.names)


def said(formula: Term) -> set[str]:
    """The names of the variables in a formula."""
    return {part.param("name") for part in below(formula) if part.head == "variable"}


def _written_out(outputs: Iterable[Node]) -> set[int]:
    """The serials of the steps that the program itself asks for: not those that an op is made of."""
    found: set[int] = set()
    stack, seen = list(outputs), set()
    while stack:
        node = stack.pop()
        if node.serial not in seen:
            seen.add(node.serial)
            found.add(_inner(node).serial)
            stack.extend(node.inputs or ())
    return found


def _inner(node: Node) -> Node:
    while node.via is not None:
        node = node.via
    return node


def formula_of(node: Node, names: Mapping[Node, Name], b: Builder) -> Term | None:
    """The formula of a node in terms of the named ones; None where it has none."""
    try:
        return simplified(node, names, b)
    except NoForm:
        return None
