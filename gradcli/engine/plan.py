"""A plan: the steps that compute some nodes from given arrays, made once and run again and again.

    nodes -> terms (read.py, lower.py, laws.py) -> places (places.py) -> steps: whole arrays, and passes (fuse.py)

A plan holds no values between runs, except the buffers of its passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import add, mul, sub, truediv
from typing import Any

import numpy as np

from gradcli.engine import calls, layout, reductions
from gradcli.engine.closure import Closure
from gradcli.engine.fuse import Pass
from gradcli.engine.kernels import Fn
from gradcli.engine.places import Home, places_for
from gradcli.engine.term import CONST, EW, INPUT, REDUCE, RESHAPE, Term
from gradcli.errors import no_memory

Step = Callable[[list[Any]], None]
SHORT = 1 << 10  # elements that may be added up in one go
_SCALAR = {"add": add, "sub": sub, "mul": mul, "div": truediv}  # on numpy scalars a tenth of the time of the ufunc


class Plan:
    """Steps over a list of values, by the index of terms.

    template: the values before the first step. exact: small arrays are computed with the kernels of their ops, to the
    last bit what they are without a plan; else with what is fastest.
    """

    def __init__(self, terms: list[Term], outputs: list[Term], inputs: int, exact: bool = True) -> None:
        self._exact = exact
        self.template: list[Any] = [None] * len(terms)
        self.outputs = outputs
        self.inputs = inputs
        self.quick: list[tuple[Callable[..., Any], int, int, int]] = []
        self.passes: list[Pass] = []
        self.steps: list[tuple[str, Term | Pass]] = []  # in words, for describe()
        _join_small_products(live(terms, outputs), outputs)
        self.needed = needed = live(terms, outputs)
        for term in needed:
            if term.kind == CONST:
                self.template[term.index] = term.value[()]
        self._places = places_for(needed, outputs)
        self._give = [term.index for term in outputs]
        self._take = [(term.index, term.at) for term in needed if term.kind == INPUT]
        self._schedule(needed)
        self.finish = [_finisher(term, outputs[:at]) for at, term in enumerate(outputs)]
        if self.passes or any(term.size > 1 << 13 for term in needed):
            self._let_go()

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        """The values of the outputs: arrays of their own, which the caller may keep and change.

        Raises: what a kernel refuses; NoMemory.
        """
        results = []
        try:
            values = self.compute(inputs)
            for index, finish in zip(self._give, self.finish, strict=True):
                value = values[index]
                done = finish is None and type(value) in (np.ndarray, tuple)
                results.append(value if done else _finished(value, finish))
        except MemoryError as error:
            raise no_memory(error) from None
        return results

    def compute(self, inputs: Sequence[Any]) -> list[Any]:
        """The values of all terms that are still there at the end."""
        values = self.template.copy()
        for index, at in self._take:
            values[index] = inputs[at]
        for f, out, i, j in self.quick:
            if j >= 0:
                values[out] = f(values[i], values[j])
            elif j == -1:
                values[out] = f(values[i])
            else:
                f(values)
        return values

    # Making it

    def _schedule(self, needed: list[Term]) -> None:
        found = self._places
        last = max((found.stage[t.index] for t in needed), default=0)
        outside: list[list[Term]] = [[] for _ in range(last + 2)]
        inside: list[dict[int, tuple[Home, list[Term]]]] = [{} for _ in range(last + 2)]
        for term in needed:
            stage = found.stage[term.index]
            home = found.homes.get(term.index)
            if term.index in found.carried:
                home, stage = found.carried[term.index], stage - 1
            elif home is None:
                outside[stage].append(term)
                continue
            elif term.index not in found.stored:
                continue
            inside[stage].setdefault(id(home.layout), (home, []))[1].append(term)
        for stage in range(last + 2):
            for term in outside[stage]:
                self._whole(term)
            for home, roots in inside[stage].values():
                self._add(Closure(found, home, roots, stage).make())

    def _add(self, made: Pass) -> None:
        self.passes.append(made)
        self.steps.append(("pass", made))
        self.quick.append((made.run, 0, 0, -2))

    def _whole(self, term: Term) -> None:
        """A step on whole arrays."""
        if term.kind in (CONST, INPUT):
            return
        self.steps.append(("whole", term))
        function = self._function(term)
        if function is None:
            self.quick.append((calls.whole(term), 0, 0, -2))
            return
        places = [self._place(a, term) for a in term.args]
        self.quick.append((function, term.index, places[0], places[1] if len(places) == 2 else -1))

    def _function(self, term: Term) -> Callable[..., Any] | None:
        """What gives the value of a term with one or two inputs from theirs; None for what is not so simple."""
        if term.kind == EW:
            return self._elementwise(term) if len(term.args) <= 2 else None
        if term.kind == REDUCE:
            return reductions.whole(term.fn, term.args[0], term.at, term.dtype, self._exact)
        return calls.direct(term)

    def _elementwise(self, term: Term) -> Callable[..., Any]:
        fn: Fn = term.fn
        if fn.name in _SCALAR and all(a.scalar for a in term.args):
            return _SCALAR[fn.name]
        if fn.name == "copy":
            return _converter(term.dtype)
        return fn.direct if self._exact or not isinstance(fn.block, np.ufunc) else fn.block

    def _place(self, arg: Term, reader: Term) -> int:
        """Where an input is found. numpy converts its scalars at every call: beside an array a number is an array."""
        if arg.kind != CONST or reader.kind != EW or all(a.scalar for a in reader.args):
            return arg.index
        self.template.append(arg.value)
        return len(self.template) - 1

    def last_reads(self) -> dict[int, int]:
        """After which step nobody reads a term any more."""
        last: dict[int, int] = {}
        for at, (_, what) in enumerate(self.steps):
            for index in _read(what):
                last[index] = at
        return last

    def _let_go(self) -> None:
        """Drop arrays after the step that reads them last, so that memory holds only what is still needed."""
        last = self.last_reads()
        keep = set(self._give)
        steps = self.quick
        self.quick = []
        for at, step in enumerate(steps):
            self.quick.append(step)
            dead = tuple(index for index, when in last.items() if when == at and index not in keep)
            if dead:
                self.quick.append((_dropper(dead), 0, 0, -2))


def _converter(dtype: Any) -> Callable[[Any], Any]:
    return lambda value: value.astype(dtype)


def _read(what: Term | Pass) -> list[int]:
    if isinstance(what, Pass):
        return [term.index for _, term, _ in what.loads]
    return [a.index for a in what.args]


def _dropper(dead: tuple[int, ...]) -> Step:
    def drop(values: list[Any]) -> None:
        for index in dead:
            values[index] = None

    return drop


def _finisher(term: Term, before: list[Term]) -> tuple[Any, bool] | None:
    """What makes a value an array of the caller's own: its shape, and whether it is copied. None: it is one."""
    if term.dtype is None:  # the outputs of a call, as a tuple
        return None
    base = term
    while base.kind == RESHAPE:
        base = base.args[0]
    copy = base.kind not in (EW, REDUCE) or any(_base(o) is base for o in before)
    if not copy and term.kind == EW and not term.scalar and term.fn.name != "copy":
        return None
    return term.shape, copy


def _base(term: Term) -> Term:
    while term.kind == RESHAPE:
        term = term.args[0]
    return term


def _finished(value: Any, how: tuple[Any, bool] | None) -> Any:
    value = np.asarray(value)
    if how is None:
        return value
    shape, copy = how
    if value.shape != shape:
        value = value.reshape(shape)
    return value.copy() if copy else value


def _join_small_products(needed: list[Term], outputs: list[Term]) -> None:
    """Sums of all products of two small arrays become one step, where nothing else needs the products."""
    readers: dict[int, int] = {term.index: 1 for term in outputs}
    for term in needed:
        for a in term.args:
            readers[a.index] = readers.get(a.index, 0) + 1
    for term in needed:
        if term.kind != REDUCE or term.fn != "sum" or term.dtype.kind != "f":
            continue
        x = term.args[0]
        product = x.kind == EW and x.fn.name == "mul" and x.args[0].shape == x.args[1].shape
        small = x.size < min(SHORT, layout.FUSE_ABOVE) and len(term.at) == len(x.shape) and x.dtype == term.dtype
        if product and small and readers[x.index] == 1:
            term.fn, term.args = "dot", x.args


def live(terms: list[Term], outputs: Sequence[Term]) -> list[Term]:
    """What the outputs need, in order."""
    wanted: set[int] = set()
    stack = list(outputs)
    while stack:
        term = stack.pop()
        if term.index not in wanted:
            wanted.add(term.index)
            stack.extend(term.args)
    return [term for term in terms if term.index in wanted]
