"""The formula of each gradient that is explained: that of `gradcli diff`, or read from this run where there is none."""

from __future__ import annotations

from gradcli.autodiff.explain import Explained
from gradcli.cli.agreement import Agreement
from gradcli.cli.diff import SAME_WAY, differentiate
from gradcli.cli.diffoutput import text_of
from gradcli.cli.explaintrace import Traced
from gradcli.cli.explanation import Explanation, Result
from gradcli.cli.problem import Derivative, Problem
from gradcli.cli.tracing import NoFormula
from gradcli.graph.node import Node
from gradcli.graph.op import leaf
from gradcli.simplify.formula import builder, simplified
from gradcli.simplify.noform import NoForm
from gradcli.simplify.normal import bare


class Formulas:
    """Finds the formulas of the gradients of one explanation."""

    def __init__(self, explanation: Explanation, problem: Problem, symbols: Traced, explained: Explained) -> None:
        self.e, self.problem, self.symbols, self.explained = explanation, problem, symbols, explained
        self.values = {**explained.values, **{v: g for v, (_, g) in zip(self.e.weights, self.e.seeds, strict=True)}}
        self.judge = Agreement(explanation.formula, problem.module)
        numbered = any(result.name not in symbols.trace.variables for result in explanation.results)
        # what the program names is left out of a formula for all numbers
        named = symbols.own or explained.symbols.fixed or numbered
        self.general = {} if named else self._general()

    def add(self, result: Result, node: Node) -> None:
        """Give a result the formula of a node of the symbols; one that does not hold at its numbers is set apart."""
        derivative = self.general.get(result.name)
        if derivative is not None:
            result.term, result.formula, result.assumed = derivative.term, self._short(derivative), derivative.assumed
        else:
            self._read(result, node)
        arrived = [result.numbers] if result.unhooked is None else [result.numbers, result.unhooked]
        result.holds = any(self.judge.agrees(result.term, numbers, self.values) for numbers in arrived)

    def _general(self) -> dict[str, Derivative]:
        """The formulas that hold for all numbers of these shapes; none where the program depends on values."""
        e, given = self.e, self.problem
        whole = Problem(given.module, given.source, given.dtype)
        whole.records_all = given.records_all
        whole.values, whole.wrt = given.values, list(dict.fromkeys(result.name for result in e.results))
        if len(e.seeds) > 1 and e.seeded:
            return {}
        if e.seeded:
            whole.seed, whole.seed_value = e.weights[0], e.seeds[0][1]
        try:
            derivatives = differentiate(whole)
        except NoFormula:
            return {}
        for d in derivatives:
            d.program = text_of(whole, d)
        return {d.name: d for d in derivatives if d.term is not None}

    def _taken_for_granted(self) -> list[str]:
        """What a formula takes for granted that is read from this run."""
        if not self.symbols.deferring:
            return [f"{SAME_WAY}, and what it draws"]
        return [SAME_WAY] if self.symbols.trace.chose else []

    def _short(self, derivative: Derivative) -> str:
        """The text of a derivative; a number where all elements are that."""
        assert derivative.term is not None
        inner = bare(derivative.term)
        return "\n".join(self.e.formula(inner)) if inner.head == "number" else derivative.program

    def _read(self, result: Result, node: Node) -> None:
        """The formula of the graph that was recorded."""
        outputs = self.symbols.outputs
        seeds = {leaf(g, y.dtype): v for y, v, (_, g) in zip(outputs, self.e.weights, self.e.seeds, strict=True)}
        gradient = self.symbols.trace.pull(outputs, list(seeds), [node])[0]
        assert gradient is not None
        names = {**self.explained.symbols.fixed, **self.symbols.names(), **(seeds if self.e.seeded else {})}
        names[node] = result.label
        for exact in (False, True):
            b = builder(node.dtype, exact=exact)
            try:
                term = simplified(gradient, names, b)
            except NoForm:
                return
            if self.judge.agrees(term, result.numbers, self.values):
                inner = bare(term)
                shown = inner if inner.head == "number" else term
                result.term, result.formula = shown, "\n".join(self.e.formula(shown))
                result.assumed = [*b.assumed, *self._taken_for_granted()]
                return
