"""What there is to say about a derivative: what `explain` finds, and its forms (text, Markdown, LaTeX) write."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count
from typing import Any, TypeVar

import numpy as np

from gradcli.autodiff.explain import Step
from gradcli.graph.terms import Term
from gradcli.render.style import Style
from gradcli.render.termtext import formula_lines
from gradcli.source import Span

Array = np.ndarray[Any, Any]
Item = TypeVar("Item")
SEEDS = ("v", "u", "w", "v_", "seed", "seed_")  # what seeds are called, if nothing else is
FIRST = LAST = 12  # steps of a long program that are shown


class Matrix:
    """A small Jacobian with a label at each row and column."""

    __slots__ = ("columns", "numbers", "rows")

    def __init__(self, numbers: Array, rows: list[str], columns: list[str]) -> None:
        self.numbers = numbers
        self.rows = rows
        self.columns = columns


class Result:
    """The gradient by one variable: its numbers, its formula if it has one, and what that takes for granted.

    label: what the steps call the variable, which may be named twice. holds: whether the formula gives the numbers,
    which may be on a kink or not finite. unhooked: what arrives, where a hook changes it.
    """

    __slots__ = ("assumed", "formula", "holds", "jacobian", "label", "name", "numbers", "term", "unhooked")

    def __init__(self, name: str, label: str, numbers: Array) -> None:
        self.name = name
        self.label = label
        self.numbers = numbers
        self.term: Term | None = None
        self.formula = ""
        self.assumed: list[str] = []
        self.holds = True
        self.jacobian: Matrix | None = None
        self.unhooked: Array | None = None

    @property
    def shown(self) -> str:
        """What the variable is called here: x2 where the program assigns x anew."""
        anew = self.label.startswith(self.name) and self.label[len(self.name) :].isdigit()
        return self.label if anew else self.name

    @property
    def conditions(self) -> list[str]:
        """What the formula takes for granted, each as `where ...`."""
        texts = dict.fromkeys(self.assumed)
        return [text if text.startswith("where") else f"where {text}" for text in texts]

    @property
    def elsewhere(self) -> str:
        """Where a formula holds that does not hold at the numbers."""
        return " and ".join(self.conditions) or "where the steps are finite and smooth"


class Explanation:
    """The steps forward and backward, the results, and what has no gradient.

    constants: arrays that the program draws or computes without a gradient, by name; nameless: those of them that it
    gives none. cotangent: what the steps call it. unsearched: it is too long to look for formulas of the whole.
    origins: where numbers that are not finite come from. seeds: the outputs by name, each with the cotangent that it
    starts with. every: no step is left out. came: the parts that arrive at each name.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.constants: dict[str, Array] = {}
        self.nameless: set[str] = set()
        self.steps: list[Step] = []
        self.came: dict[str, list[tuple[str, Array]]] = {}
        self.seeds: list[tuple[str, Array]] = []
        self.seeded = False
        self.every = False
        self.cotangent = "g"
        self.unsearched = False
        self.origins: list[str] = []
        self.results: list[Result] = []
        self.missing: list[tuple[str, str, Span | None]] = []

    @property
    def number(self) -> bool:
        """Whether the output is one number, and gradients are its own."""
        return len(self.seeds) == 1 and not self.seeds[0][1].shape and not self.seeded

    @property
    def vector(self) -> bool:
        """Whether there is one output and it is no number, so that there is a Jacobian."""
        return len(self.seeds) == 1 and bool(self.seeds[0][1].shape)

    @property
    def of(self) -> str:
        """What the gradients are of: the output, or the number l that a seed makes of it."""
        if self.number:
            return self.seeds[0][0]
        taken = {*self.values, *(step.name for step in self.steps)}
        return _free(("l", "L", "loss", "l_"), taken)

    @property
    def weights(self) -> list[str]:
        """What the seeds are called, one for each output."""
        taken = {*self.values, *(step.name for step in self.steps)}
        if len(self.seeds) == 1:
            return [_free(SEEDS, taken)]
        v = _free(SEEDS, {name.rstrip("0123456789") for name in taken})
        return [f"{v}{at}" for at in range(len(self.seeds))]

    def total(self) -> str:
        """What the number l is, where gradients are those of it."""
        if self.seeded:
            return " + ".join(f"sum({v}*{name})" for v, (name, _) in zip(self.weights, self.seeds, strict=True))
        return " + ".join(f"sum({name})" if seed.shape else name for name, seed in self.seeds)

    def seeds_of(self, step: Step) -> list[str]:
        """The name of the seed, where it is what arrives."""
        if not self.seeded or step.came:
            return []
        return [v for v, (name, _) in zip(self.weights, self.seeds, strict=True) if name == step.name]

    @property
    def given(self) -> dict[str, tuple[Array, str]]:
        """The variables and what has no gradient, by name, with a remark."""
        found = {name: (v, "") for name, v in self.values.items() if isinstance(v, np.ndarray)}
        drawn = "drawn or computed on the way, without a gradient"
        remarks = {name: drawn if name in self.nameless else "without a gradient" for name in self.constants}
        return found | {name: (v, remarks[name]) for name, v in self.constants.items()}

    @property
    def mixes(self) -> bool:
        """Whether some step has no derivative element by element."""
        steps = [step for step in self.backward_steps if isinstance(step, Step)]
        return any(passed.factor is None for step in steps for passed in step.passed)

    def complete(self) -> None:
        """Find the formulas of the steps that are shown."""
        for step in [*self.forward_steps, *self.backward_steps]:
            if isinstance(step, Step):
                step.complete()

    def paths(self, name: str) -> list[tuple[str, Array] | int]:
        """What arrives at a name from several steps and adds up; of very many the first and the last."""
        came = self.came.get(name, [])
        return _ends(came) if len(came) > 1 else []

    @property
    def forward_steps(self) -> list[Step | int]:
        """The steps in order; of very many the first and the last, and how many are left out between them."""
        return list(self.steps) if self.every else _ends(self.steps)

    @property
    def backward_steps(self) -> list[Step | int]:
        """The steps that have something to say on the way back, the last first, the same way."""
        asked = [result.label for result in self.results]
        return _ends([s for s in reversed(self.steps) if s.cotangent is not None and (s.passed or s.name in asked)])

    def formula(self, term: Term | None) -> list[str]:
        """A term in the language: lines for its shared parts, then the formula."""
        if term is None:
            return ["(no formula)"]
        if term.head == "mask":
            *before, condition = self.formula(term.args[0])
            whole = condition.endswith(")") or condition.isidentifier()
            return [*before, condition if whole else f"({condition})"]
        given = {**self.values, **self.constants}
        shapes = {name: v.shape for name, v in given.items() if isinstance(v, np.ndarray)}
        lines = formula_lines(term, Style(shapes), {*self.values, *(step.name for step in self.steps)})
        return [f"{name} = {text}" if name else text for name, text in lines]


def _free(names: Sequence[str], taken: set[str]) -> str:
    """The first name that nothing else has."""
    longer = (names[0] + "_" * n for n in count(2))
    return next(name for name in chain(names, longer) if name not in taken)


def numeral(value: Any) -> str:
    """A number in six digits."""
    return f"{value + 0.0:.6g}" if isinstance(value, float) else str(value)


def _ends(items: list[Item]) -> list[Item | int]:
    left_out = len(items) - FIRST - LAST
    return [*items[:FIRST], left_out, *items[-LAST:]] if left_out > 1 else list(items)
