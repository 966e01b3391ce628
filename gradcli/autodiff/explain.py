"""The chain rule step by step: for each recorded op what it computes, its local derivative, and what it passes on.

Everything comes from the rules themselves: a step is applied once more to stand-ins for its inputs, and its own rule
gives the formula (from nodes that are not computed) and the numbers (from nodes that are).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from gradcli.autodiff.backward import vjp
from gradcli.engine.run import value
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import leaf, leaf_op, number_op, pick, pick_op
from gradcli.graph.terms import Term
from gradcli.graph.walk import ancestors, sources
from gradcli.simplify.build import Builder
from gradcli.simplify.formula import builder, simplified
from gradcli.simplify.noform import NoForm
from gradcli.simplify.normal import bare

Array = np.ndarray[Any, Any]
LITERAL = 4  # elements of a constant that is written in a formula


class Passed:
    """What a step passes to one of its inputs: to which, as a formula in g (None: it has none), and the numbers.

    local, factor: the local derivative, as a formula and in numbers, where what is passed on is g times it, element by
    element; None where elements mix. repeated: the input was broadcast, so what its copies get adds up.
    """

    __slots__ = ("factor", "formula", "local", "name", "numbers", "repeated")

    def __init__(self, name: str, numbers: Array) -> None:
        self.name = name
        self.numbers = numbers
        self.formula: Term | None = None
        self.local: Term | None = None
        self.factor: Array | None = None
        self.repeated = False


class Step:
    """One op: the name of its result, its formula and value, the cotangent that comes in, and what it passes on.

    came: the parts of the cotangent, and from which steps; several of them add up. hooked: a hook has changed it.
    """

    __slots__ = ("came", "cotangent", "formula", "hooked", "name", "passed", "value")

    def __init__(self, name: str, value: Array) -> None:
        self.name = name
        self.value = value
        self.formula: Term | None = None
        self.cotangent: Array | None = None
        self.came: list[tuple[str, Array]] = []
        self.hooked = False
        self.passed: list[Passed] = []


class Graph:
    """The steps that lead from variables to outputs, found in one trace of a program.

    names: the variables by node; assigned: further nodes that the program gives a name; taken: names that mean
    something else. constants: arrays without a gradient that are too large to be written in a formula.
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
        order = [n for n in ancestors(outputs, lambda n: n.requires_grad) if n.op is not leaf_op]
        self.steps = [n for n in order if n.via is None and not n.op.outputs and n not in self.variables]
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
        self.constants = dict(self._constants())
        self._name()

    def _constants(self) -> Iterator[tuple[Node, str]]:
        names = (f"c{at}" for at in count(1) if f"c{at}" not in self.taken)
        seen = set(self.variables)
        for step in self.steps:
            for i in self.inputs(step):
                known = i.value is not None and not i.inputs and i.op is not number_op and not i.requires_grad
                if known and i.size > LITERAL and i not in seen:
                    seen.add(i)
                    yield i, next(names)

    def _name(self) -> None:
        """Call each step what the program calls it, the outputs `out`, and the others t1, t2 and so on."""
        self.label = {n.serial: name for n, name in {**self.variables, **self.constants}.items()}
        taken = {*self.taken, *self.given.values(), *self.constants.values()}
        alone = len(self.outputs) == 1
        fresh = (f"t{at}" for at in range(1, len(self.steps) + len(taken) + 2) if f"t{at}" not in taken)
        for at, n in enumerate(self.outputs):
            name = "out" if alone else f"out{at}"
            if n.serial not in self.label and n.serial not in self.given and name not in taken:
                self.given[n.serial] = name
        for n in self.steps:
            self.label[n.serial] = self.given.get(n.serial) or next(fresh)

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
                array = value(i) if known else np.broadcast_to(np.zeros((), i.dtype.numpy), i.shape)
                if spread and i.requires_grad:
                    array = np.broadcast_to(array, step.shape)
                own[i.serial] = leaf(array, i.dtype)
                own[i.serial].requires_grad = i.requires_grad
            stand.append(own[i.serial])
        made = _inner(sources(step)[0]) if step.op is pick_op else step
        again = Node(made.op, tuple(stand), made.params, made.shape, made.dtype)
        again.requires_grad = True
        result = pick(again, step.params["at"]) if step.op is pick_op else again
        names = {leaf_: self.label[serial] for serial, leaf_ in own.items() if serial in self.label}
        return StandIns(result, own, self.variables | names | {result: self.label[step.serial]})


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
        return _term(self.result, names, b)


def _inner(node: Node) -> Node:
    while node.via is not None:
        node = node.via
    return node


def _term(node: Node, names: Mapping[Node, str], b: Builder) -> Term | None:
    try:
        return simplified(node, names, b)
    except NoForm:
        return None


def _ones(step: Node) -> Array:
    return np.broadcast_to(np.ones((), step.dtype.numpy), step.shape)


class Explained:
    """The steps in the order of the program, and what arrives at each variable and step.

    symbols, numbers: the same program traced twice, once for formulas and once for values. seeds: a cotangent for each
    output. wanted: the variables and steps that gradients are asked for. unhooked: what arrives at a variable before
    its hooks change it.
    """

    def __init__(self, symbols: Graph, numbers: Graph, seeds: Sequence[Array], wanted: Sequence[Node]) -> None:
        copies = list(_copies(symbols, numbers))
        symbols.leave_out(copies)
        numbers.leave_out(copies)
        self.symbols, self.numbers = symbols, numbers
        self.totals: dict[str, Array] = {}
        self.came: dict[str, list[tuple[str, Array]]] = {}
        for output, seed in zip(numbers.outputs, seeds, strict=True):
            self._arrive(output, seed, "")
        self.leading = _leading(numbers, [numbers.resolve(node).serial for node in wanted])
        pairs = zip(reversed(symbols.steps), reversed(numbers.steps), strict=True)
        self.steps = [self._step(shown, computed) for shown, computed in pairs][::-1]
        self.unhooked: dict[str, Array] = {}
        for node, name in numbers.variables.items():
            before = self.totals.get(name)
            if self._hook(node) and before is not None:
                self.unhooked[name] = before

    def _arrive(self, node: Node, g: Array, source: str) -> None:
        name = self.numbers.label[node.serial]
        before = self.totals.get(name)
        self.totals[name] = g if before is None else before + g
        if source:
            self.came.setdefault(name, []).append((source, g))

    def _hook(self, node: Node) -> bool:
        """Let the hooks of a step or variable change what has arrived; whether there are any."""
        name = self.numbers.label[node.serial]
        hooks = self.numbers.hooks.get(node.serial, []) if name in self.totals else []
        for hook in hooks:
            changed = hook(leaf(self.totals[name], node.dtype))
            self.totals[name] = self.totals[name] if changed is None else value(changed)
        return bool(hooks)

    def _step(self, shown: Node, computed: Node) -> Step:
        name = self.symbols.label[shown.serial]
        step = Step(name, value(computed))
        step.formula = self.symbols.stand_ins(shown, known=False).formula(builder(shown.dtype))
        step.came, step.hooked = self.came.get(name, []), self._hook(computed)
        step.cotangent = self.totals.get(name)
        if step.cotangent is not None:
            self._pass_on(shown, computed, step)
        return step

    def _pass_on(self, shown: Node, computed: Node, step: Step) -> None:
        known = self.numbers.stand_ins(computed, known=True)
        _, found = known.pull(step.cotangent)
        inputs = [i.serial for i in self.numbers.inputs(computed)]
        local = Local(self.symbols, self.numbers, shown, computed)
        partners = dict(zip(inputs, self.symbols.inputs(shown), strict=True))
        for i in self.numbers.inputs(computed):
            stand = known.leaves.get(i.serial)
            if stand not in found or i.serial not in self.leading or self.numbers.label[i.serial] in step_names(step):
                continue
            passed = Passed(self.numbers.label[i.serial], value(found[stand]))
            local.describe(passed, partners[i.serial].serial, i.serial)
            step.passed.append(passed)
            self._arrive(i, passed.numbers, step.name)


def step_names(step: Step) -> set[str]:
    """The names of what a step has passed something to."""
    return {passed.name for passed in step.passed}


class Local:
    """The local derivatives of one step: formulas and numbers."""

    def __init__(self, symbols: Graph, numbers: Graph, shown: Node, computed: Node) -> None:
        self.b = builder(shown.dtype)
        self.symbols, self.numbers, self.shown, self.computed = symbols, numbers, shown, computed
        self.stand = symbols.stand_ins(shown, known=False)
        self.seed, self.found = self.stand.pull(_ones(shown))
        op = shown.op
        self.spread = op.elementwise and not op.outputs
        if self.spread:
            self.wide = symbols.stand_ins(shown, known=False, spread=True)
            self.wide_found = self.wide.pull(_ones(shown))[1]
        self.computed_found: tuple[Any, dict[Node, Node]] | None = None

    def describe(self, passed: Passed, shown: int, computed: int) -> None:
        """Say what is passed to an input, by the serials it has among the symbols and the numbers."""
        stand = self.stand.leaves.get(shown)
        if stand is None or stand not in self.found:
            return
        passed.formula = _term(self.found[stand], {**self.stand.names, self.seed: "g"}, self.b)
        passed.repeated = self.spread and stand.shape != self.shown.shape
        if self.spread:
            wide = self.wide.leaves[shown]
            if wide in self.wide_found:
                passed.local = _bare(_term(self.wide_found[wide], self.wide.names, self.b))
        else:
            passed.local = self._factor(passed.formula)
        if passed.local is not None:
            passed.factor = self._numbers(computed)

    def _factor(self, formula: Term | None) -> Term | None:
        """What is passed on without g, where g is a factor of it."""
        if formula is None:
            return None
        g = self.b.make("variable", (), (("name", "g"),), self.seed.shape, self.seed.dtype)
        inner = bare(formula)
        alone = inner is g or (
            inner.head == "product" and (g, 1) in zip(inner.args, inner.param("powers"), strict=True)
        )
        return bare(self.b.divide(inner, g)) if alone else None

    def _numbers(self, serial: int) -> Array:
        if self.computed_found is None:
            stand = self.numbers.stand_ins(self.computed, known=True, spread=self.spread)
            self.computed_found = stand.leaves, stand.pull(_ones(self.computed))[1]
        leaves, found = self.computed_found
        return value(found[leaves[serial]])


def _bare(term: Term | None) -> Term | None:
    return None if term is None else bare(term)


def _copies(symbols: Graph, numbers: Graph) -> Iterator[int]:
    """The positions of steps that give on what they get, and pass on what comes in."""
    left: set[int] = set()
    for at, (shown, computed) in enumerate(zip(symbols.steps, numbers.steps, strict=True)):
        if not symbols.may_be_left_out(shown, left):
            continue
        stand = symbols.stand_ins(shown, known=False)
        (x,) = [node for node in stand.leaves.values() if node.requires_grad]
        b = builder(shown.dtype)
        if stand.formula(b) is not _term(x, stand.names, b):
            continue
        seed, found = stand.pull(_ones(shown))
        passed = _term(found[x], {**stand.names, seed: "g"}, b) if x in found else None
        before = next(i for i in numbers.inputs(computed) if i.requires_grad)
        if passed is _term(seed, {seed: "g"}, b) and np.array_equal(value(computed), value(before), equal_nan=True):
            left.add(shown.serial)
            yield at


def _leading(graph: Graph, wanted: Sequence[int]) -> set[int]:
    """The steps and variables from which a path leads to one that is wanted."""
    leading = set(wanted)
    for step in graph.steps:
        if any(i.serial in leading for i in graph.inputs(step) if i.requires_grad):
            leading.add(step.serial)
    return leading
