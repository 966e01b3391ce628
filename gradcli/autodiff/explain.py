"""The chain rule step by step: for each recorded op what it computes, its local derivative, and what it passes on.

Everything comes from the rules themselves: a step is applied once more to stand-ins for its inputs, and its own rule
gives the formula (from nodes that are not computed) and the numbers (from nodes that are).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.autodiff.steps import Graph, formula_of, said
from gradcli.engine.run import value
from gradcli.graph.node import Node
from gradcli.graph.op import leaf
from gradcli.graph.terms import Term, below
from gradcli.shapes import Shape
from gradcli.simplify.build import Builder
from gradcli.simplify.formula import builder
from gradcli.simplify.normal import bare

Array = np.ndarray[Any, Any]
MASKING = frozenset({"mul", "_choose"})
READABLE = 8  # parts of a formula that takes nothing for granted
Agrees = Callable[[Term | None, Array, Mapping[str, Array]], bool]  # whether a formula gives an array, by the names


class Passed:
    """What a step passes to one of its inputs: to which, as a formula in g (None: it has none), and the numbers.

    local, factor: the local derivative, as a formula and in numbers, where what is passed on is g times it, element by
    element; no factor where elements mix, no formula where none holds at these numbers. repeated: the input was
    broadcast, so what its copies get adds up.
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

    recorded: whether gradients flow through it. came: the parts of the cotangent, and from which steps; several of
    them add up. hooked: a hook has changed it. pending: what finds the formulas, which not every step is asked for.
    """

    __slots__ = ("came", "cotangent", "formula", "hooked", "name", "passed", "pending", "recorded", "value")

    def __init__(self, name: str, value: Array) -> None:
        self.name = name
        self.value = value
        self.formula: Term | None = None
        self.recorded = True
        self.cotangent: Array | None = None
        self.came: list[tuple[str, Array]] = []
        self.hooked = False
        self.passed: list[Passed] = []
        self.pending: list[Callable[[], None]] = []

    def complete(self) -> None:
        """Find the formulas."""
        while self.pending:
            self.pending.pop()()


def _ones(step: Node) -> Array:
    return np.broadcast_to(np.ones((), step.dtype.numpy), step.shape)


class Explained:
    """The steps in the order of the program, and what arrives at each variable and step.

    symbols, numbers: the same program traced twice, once for formulas and once for values. seeds: a cotangent for each
    output. wanted: the variables and steps that gradients are asked for. agrees: the judge of each formula.
    constants: arrays without a gradient that formulas name. unhooked: what arrives at a variable before its hooks
    change it.
    """

    def __init__(
        self, symbols: Graph, numbers: Graph, seeds: Sequence[Array], wanted: Sequence[Node], agrees: Agrees
    ) -> None:
        copies = list(_copies(symbols, numbers))
        symbols.leave_out(copies)
        numbers.leave_out(copies)
        self.symbols, self.numbers, self.agrees = symbols, numbers, agrees
        self.totals: dict[str, Array] = {}
        self.came: dict[str, list[tuple[str, Array]]] = {}
        self.constants: dict[str, Array] = {}
        pairs = list(zip(symbols.steps, numbers.steps, strict=True))
        fixed = list(self._fixed(pairs))
        self.values = {name: value(node) for node, name in numbers.variables.items()}
        self.values |= {symbols.label[shown.serial]: value(computed) for shown, computed in pairs}
        self.values |= {symbols.fixed[shown]: value(computed) for shown, computed in fixed}
        for output, seed in zip(numbers.outputs, seeds, strict=True):
            self._arrive(output, seed, "")
        self.leading = _leading(numbers, [numbers.resolve(node).serial for node in wanted])
        steps = {shown.serial: self._step(shown, computed) for shown, computed in reversed(pairs)}
        steps |= {shown.serial: step for shown, computed in fixed if (step := self._unrecorded(shown, computed))}
        self.steps = [steps[serial] for serial in sorted(steps)]
        self.unhooked: dict[str, Array] = {}
        for node, name in numbers.variables.items():
            before = self.totals.get(name)
            if self._hook(node) and before is not None:
                self.unhooked[name] = before

    def _fixed(self, pairs: Sequence[tuple[Node, Node]]) -> Iterator[tuple[Node, Node]]:
        """What steps use without a gradient and formulas name, among the symbols and the numbers."""
        found: dict[Node, Node] = {}
        for shown, computed in pairs:
            found |= dict(zip(self.symbols.inputs(shown), self.numbers.inputs(computed), strict=True))
        named = {name: node for node, name in self.numbers.assigned.items()}
        for node, name in self.symbols.fixed.items():
            partner = named.get(name, found.get(node))
            if partner is not None:
                yield node, partner

    def _unrecorded(self, shown: Node, computed: Node) -> Step | None:
        """A step that no gradient flows through; a mere array is noted among the constants."""
        step = Step(self.symbols.fixed[shown], value(computed))
        step.formula, step.recorded = self.symbols.formula_of_fixed(shown, builder(shown.dtype)), False
        if step.formula is not None and self.agrees(step.formula, step.value, self.values):
            return step
        self.constants[step.name] = step.value
        return None

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
        step = Step(name, self.values[name])
        step.pending.append(lambda: self._computes(shown, step))
        step.came, step.hooked = self.came.get(name, []), self._hook(computed)
        step.cotangent = self.totals.get(name)
        if step.cotangent is not None:
            self._pass_on(shown, computed, step)
        return step

    def _computes(self, shown: Node, step: Step) -> None:
        """Find what a step computes: simplified where that leaves nothing out, else as it is written."""
        stand = self.symbols.stand_ins(shown, known=False)
        for exact in (False, True):
            b = builder(shown.dtype, exact=exact)
            found = stand.formula(b)
            if found is not None and stand.names_all(found) and self.agrees(found, step.value, self.values):
                step.formula = found
                return
        written = self.symbols.written(shown, b)
        step.formula = written if self.agrees(written, step.value, self.values) else None

    def _pass_on(self, shown: Node, computed: Node, step: Step) -> None:
        known = self.numbers.stand_ins(computed, known=True)
        assert step.cotangent is not None
        _, found = known.pull(step.cotangent)
        inputs = [i.serial for i in self.numbers.inputs(computed)]
        partners = dict(zip(inputs, self.symbols.inputs(shown), strict=True))
        serials: list[tuple[Passed, int, int]] = []
        for i in self.numbers.inputs(computed):
            stand = known.leaves.get(i.serial)
            if stand not in found or i.serial not in self.leading or self.numbers.label[i.serial] in step_names(step):
                continue
            passed = Passed(self.numbers.label[i.serial], value(found[stand]))
            step.passed.append(passed)
            serials.append((passed, partners[i.serial].serial, i.serial))
            self._arrive(i, passed.numbers, step.name)
        step.pending.append(lambda: self._describe(shown, computed, step, serials))

    def _describe(self, shown: Node, computed: Node, step: Step, serials: Sequence[tuple[Passed, int, int]]) -> None:
        assert step.cotangent is not None
        local = Local(self, shown, computed, step.cotangent) if serials else None
        for passed, symbol, number in serials:
            assert local is not None
            local.describe(passed, symbol, number)


def step_names(step: Step) -> set[str]:
    """The names of what a step has passed something to."""
    return {passed.name for passed in step.passed}


class Local:
    """The local derivatives of one step: formulas and numbers."""

    def __init__(self, whole: Explained, shown: Node, computed: Node, cotangent: Array) -> None:
        self.whole, self.shown, self.computed = whole, shown, computed
        self.g = whole.symbols.cotangent
        self.values = {**whole.values, self.g: cotangent}
        self.spread = shown.op.elementwise and not shown.op.outputs
        self.stand = whole.symbols.stand_ins(shown, known=False)
        self.seed, self.found = self.stand.pull(_ones(shown))
        if self.spread:
            self.wide = whole.symbols.stand_ins(shown, known=False, spread=True)
            self.wide_found = self.wide.pull(_ones(shown))[1]
        self.computed_found: tuple[Any, dict[Node, Node]] | None = None

    def describe(self, passed: Passed, shown: int, computed: int) -> None:
        """Say what is passed to an input, by the serials it has among the symbols and the numbers."""
        stand = self.stand.leaves.get(shown)
        if stand is None or stand not in self.found:
            return
        passed.repeated = self.spread and stand.shape != self.shown.shape
        for exact in (False, True):
            b = builder(self.shown.dtype, exact=exact)
            formula = formula_of(self.found[stand], {**self.stand.names, self.seed: self.g}, b)
            if exact and formula is not None and len(below(formula)) > READABLE:
                return  # where a short formula does not hold, a long one says nothing
            local = self._wide_factor(self.wide.leaves[shown], b) if self.spread else self._factor(formula, b)
            if local is not None:
                passed.factor = _of_shape(self._shape(local), self._numbers(computed))
                if self.whole.agrees(local, passed.factor, self.values):
                    passed.local = local
                    return
            elif not self.spread and self.whole.agrees(formula, passed.numbers, self.values):
                passed.formula = formula
                return

    def _shape(self, formula: Term) -> Shape | None:
        """The shape of a formula: where elements go with elements, that of the arrays it names."""
        if formula.head == "number" or not self.spread:
            return None if formula.head == "number" else formula.shape
        own = {self.stand.names[x] for x in [*self.stand.leaves.values(), self.stand.result] if x in self.stand.names}
        if not said(formula) <= own:
            return None
        parts = [part for part in below(formula) if not part.args]
        names = [part.param("name") if part.head == "variable" else None for part in parts]
        shapes = [self.values[n].shape if n else part.shape for n, part in zip(names, parts, strict=True)]
        return np.broadcast_shapes(*shapes)

    def _wide_factor(self, wide: Node, b: Builder) -> Term | None:
        formula = formula_of(self.wide_found[wide], self.wide.names, b) if wide in self.wide_found else None
        return None if formula is None else bare(formula)

    def _factor(self, formula: Term | None, b: Builder) -> Term | None:
        """What is passed on without g, where g is a factor of it."""
        if formula is None:
            return None
        g = b.make("variable", (), (("name", self.g),), self.seed.shape, self.seed.dtype)
        inner = bare(formula)
        alone = inner is g or (
            inner.head == "product" and (g, 1) in zip(inner.args, inner.param("powers"), strict=True)
        )
        return bare(b.divide(inner, g)) if alone else None

    def _numbers(self, serial: int) -> Array:
        if self.computed_found is None:
            stand = self.whole.numbers.stand_ins(self.computed, known=True, spread=self.spread)
            self.computed_found = stand.leaves, stand.pull(_ones(self.computed))[1]
        leaves, found = self.computed_found
        return value(found[leaves[serial]])


def _of_shape(shape: Shape | None, numbers: Array) -> Array:
    """The numbers without repetitions, so that they have a shape that was broadcast."""
    if shape is None or len(shape) > numbers.ndim:
        return numbers
    numbers = numbers[(0,) * (numbers.ndim - len(shape))]
    return numbers[tuple(slice(1) if n == 1 else slice(None) for n in shape)]


def _copies(symbols: Graph, numbers: Graph) -> Iterator[int]:
    """The positions of steps that give on what they get, and pass on what comes in."""
    left: set[int] = set()
    for at, (shown, computed) in enumerate(zip(symbols.steps, numbers.steps, strict=True)):
        if not symbols.may_be_left_out(shown, left):
            continue
        if shown.serial not in symbols.written_out and _masks_nothing(computed, numbers):
            left.add(shown.serial)
            yield at
            continue
        stand = symbols.stand_ins(shown, known=False)
        (x,) = [node for node in stand.leaves.values() if node.requires_grad]
        b = builder(shown.dtype)
        if stand.formula(b) is not formula_of(x, stand.names, b):
            continue
        seed, found = stand.pull(_ones(shown))
        g = symbols.cotangent
        passed = formula_of(found[x], {**stand.names, seed: g}, b) if x in found else None
        before = next(i for i in numbers.inputs(computed) if i.requires_grad)
        if passed is formula_of(seed, {seed: g}, b) and np.array_equal(value(computed), value(before), equal_nan=True):
            left.add(shown.serial)
            yield at


def _masks_nothing(step: Node, numbers: Graph) -> bool:
    """Whether a step is a mask that an op applies to what it leaves as it is, element by element."""
    if step.op.name not in MASKING:
        return False
    (before,) = {i.serial: i for i in numbers.inputs(step) if i.requires_grad}.values()
    stand = numbers.stand_ins(step, known=True)
    found = stand.pull(_ones(step))[1].get(stand.leaves[before.serial])
    return found is not None and bool(np.all(value(found) == 1)) and np.array_equal(value(step), value(before))


def _leading(graph: Graph, wanted: Sequence[int]) -> set[int]:
    """The steps and variables from which a path leads to one that is wanted."""
    leading = set(wanted)
    for step in graph.steps:
        if any(i.serial in leading for i in graph.inputs(step) if i.requires_grad):
            leading.add(step.serial)
    return leading
