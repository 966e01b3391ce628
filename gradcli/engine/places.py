"""Where each term of a plan is computed: in a pass over a large shape, or outside, as a whole; and in which stage.

A stage is what can be computed once the sums of the stages before are known: first its outside terms, then one pass for
each shape. A term of an earlier stage that a pass needs again is computed again in the block, unless that costs more
than keeping it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from types import MappingProxyType

from gradcli.engine import layout as layouts
from gradcli.engine.layout import ALONG, FULL, ONE, Layout, votes
from gradcli.engine.term import EW, EXPAND, REDUCE, RESHAPE, Term
from gradcli.shapes import Shape

KEEP_FROM = 40.0  # cost, in multiplications an element, from which a value is kept for later stages
BLOCKWISE = frozenset({"sum", "max", "min", "lse", "peak", "take"})


class Home:
    """The pass a term belongs to: its layout, and what the term is in it. flat: an ALONG term in another shape."""

    __slots__ = ("flat", "kind", "layout")

    def __init__(self, layout: Layout, kind: str, flat: bool = False) -> None:
        self.layout = layout
        self.kind = kind
        self.flat = flat


class Places:
    """What is found of terms.

    homes: for terms inside passes. stage: of every term. stored: terms whose values are arrays, results of passes.
    carried: reductions that end with a pass. not_before: stages before which nothing over a shape is computed.
    """

    def __init__(
        self, terms: list[Term], outputs: Iterable[Term], not_before: Mapping[Shape, int] = MappingProxyType({})
    ) -> None:
        self.terms = terms
        self.layouts = _layouts(terms)
        self._not_before = not_before
        self.homes: dict[int, Home] = {}
        self.carried: dict[int, Home] = {}
        self.stage: dict[int, int] = {}
        self.stored: set[int] = set()
        self.cost: dict[int, float] = {}
        for term in terms:
            self._place(term)
        for term in outputs:
            self._store(term)
        self._keep_costly()

    def passes(self) -> dict[Shape, set[int]]:
        """The stages in which there is a pass over a shape."""
        found: dict[Shape, set[int]] = {}
        for index in self.stored:
            found.setdefault(self.homes[index].layout.shape, set()).add(self.stage[index])
        for index, home in self.carried.items():
            found.setdefault(home.layout.shape, set()).add(self.stage[index] - 1)
        return found

    def work(self) -> int:
        """The elements that all passes go over."""
        return sum(prod(shape) * len(stages) for shape, stages in self.passes().items())

    def _store(self, term: Term) -> None:
        if term.index in self.homes:
            self.stored.add(term.index)

    def _place(self, term: Term) -> None:
        index = term.index
        home = None
        if term.kind == REDUCE:
            home = self._reduction(term)
            if home is not None and home.kind != ALONG:
                self.carried[index] = home
                x = term.args[0]
                own = self.homes.get(x.index)
                stage = self.stage[x.index]
                if own is not None and own.layout is not home.layout:
                    self._store(x)
                    stage += 1
                self.stage[index] = max(stage, self._not_before.get(home.layout.shape, 0)) + 1
                return
        elif term.kind == EW or (term.kind == EXPAND and term.args[0].index in self.homes):
            home = self._elementwise(term)
        elif term.kind == RESHAPE:
            home = self._reshaped(term)
        stage = 0
        cost = 1.0 if term.kind != EW else term.fn.cost
        for a in term.args:
            own = self.homes.get(a.index)
            if own is None or (home is not None and own.layout is home.layout):
                stage = max(stage, self.stage[a.index])
                cost += self.cost.get(a.index, 0.0)
            else:
                self._store(a)
                stage = max(stage, self.stage[a.index] + 1)
        if home is not None:
            stage = max(stage, self._not_before.get(home.layout.shape, 0))
        self.stage[index] = stage
        if home is not None:
            self.homes[index] = home
            self.cost[index] = cost

    def _reduction(self, term: Term) -> Home | None:
        x = term.args[0]
        own = self.homes.get(x.index)
        if x.size <= layouts.FUSE_ABOVE and own is None:
            return None
        if own is not None and own.kind == ALONG and not own.flat:
            kind = ONE if len(term.at) == len(x.shape) else None
            return Home(own.layout, ONE) if kind == ONE and term.fn in ("sum", "max", "min") else None
        if x.size <= layouts.FUSE_ABOVE:
            return None
        layout = self.layouts[x.shape]
        kind = layout.reduced(term.at)
        if kind == ALONG:
            known = term.fn in BLOCKWISE and (layout.by_rows or term.fn not in ("lse", "peak", "take"))
            if term.fn == "take":
                known = known and layout.place(term.args[1].shape) == ALONG
            return Home(layout, ALONG) if known else None
        if kind is None or term.fn == "take" or (kind != ONE and term.fn not in ("sum", "max", "min")):
            return None
        return Home(layout, kind)

    def _elementwise(self, term: Term) -> Home | None:
        if term.kind == EW and term.fn.rows and not self._by_rows(term):
            return None
        inside = [(a, self.homes[a.index]) for a in term.args if a.index in self.homes]
        for _, own in sorted(inside, key=lambda pair: -pair[0].size):
            home = self._fits(term, own.layout, inside)
            if home is not None:
                return home
        if term.size > layouts.FUSE_ABOVE:
            layout = self.layouts[term.shape]
            if all(layout.place(a.shape) is not None for a in term.args):
                return Home(layout, FULL)
        return None

    def _by_rows(self, term: Term) -> bool:
        layout = self.layouts.get(term.shape)
        return layout is not None and layout.by_rows and layout.split == 1

    def _fits(self, term: Term, layout: Layout, inside: list[tuple[Term, Home]]) -> Home | None:
        """The home of an elementwise term in a layout that one of its inputs has."""
        ours = [(a, h) for a, h in inside if h.layout is layout]
        if any(h.flat for _, h in ours):
            shape = next(a.shape for a, h in ours if h.flat)
            fit = all(a.shape == shape or a.size == 1 for a in term.args) and term.shape == shape
            return Home(layout, ALONG, True) if fit else None
        kind = layout.place(term.shape)
        if kind not in (FULL, ALONG):
            return None
        for a in term.args:
            if layout.place(a.shape) is None:
                return None
        return Home(layout, kind)

    def _reshaped(self, term: Term) -> Home | None:
        own = self.homes.get(term.args[0].index)
        if own is None or own.kind != ALONG:
            return None
        return Home(own.layout, ALONG, own.layout.place(term.shape) != ALONG)

    def _keep_costly(self) -> None:
        """Store what a later stage of the same pass would have to compute again at too high a price.

        That is what costs much, and reductions of rows, which are small.
        """
        until: dict[int, int] = {}
        for term in reversed(self.terms):
            index = term.index
            home = self.homes.get(index)
            if index in self.carried:
                last = self.stage[index] - 1
            elif home is None:
                continue
            else:
                if until.get(index, 0) > self.stage[index] and (
                    self.cost[index] >= KEEP_FROM or (home.kind == ALONG and term.kind == REDUCE)
                ):
                    self.stored.add(index)
                last = self.stage[index] if index in self.stored else max(until.get(index, 0), self.stage[index])
            for a in term.args:
                until[a.index] = max(until.get(a.index, 0), last)

    def kind_in(self, arg: Term, term: Term, home: Home) -> str:
        """What an input of a term is in the pass the term belongs to."""
        own = self.homes.get(arg.index)
        if own is not None and own.layout is home.layout:
            return own.kind
        if home.flat:
            return ONE if arg.size == 1 else ALONG
        kind = home.layout.place(arg.shape)
        assert kind is not None, (term, arg)
        return kind


def places_for(terms: list[Term], outputs: list[Term]) -> Places:
    """Where terms are computed, so that a shape is gone over once where it can be.

    What could be computed in an early pass waits for a later one over the same shape, unless that waits for it.
    """
    found = Places(terms, outputs)
    late: dict[Shape, int] = {}
    for shape, stages in sorted(found.passes().items(), key=lambda item: -prod(item[0])):
        if len(stages) > 1:
            other = Places(terms, outputs, {**late, shape: max(stages)})
            if other.work() < found.work():
                found, late[shape] = other, max(stages)
    return found


def _layouts(terms: list[Term]) -> dict[Shape, Layout]:
    """A layout for each large shape; the split is where most of what broadcasts to it needs one."""
    wishes: dict[Shape, dict[int, int]] = {}

    def wish(shape: Shape, split: int | None) -> None:
        counts = wishes.setdefault(shape, {})
        if split is not None:
            counts[split] = counts.get(split, 0) + 1

    for term in terms:
        if term.kind in (EW, EXPAND) and term.size > layouts.FUSE_ABOVE:
            wish(term.shape, None)
            for a in term.args:
                if 1 < a.size < term.size or (a.size == term.size and a.shape != term.shape):
                    wish(term.shape, votes(term.shape, a.shape))
        elif term.kind == REDUCE and term.args[0].size > layouts.FUSE_ABOVE:
            shape = term.args[0].shape
            wish(shape, None)
            if len(term.at) < len(shape):
                rest = tuple(1 if a in term.at else n for a, n in enumerate(shape))
                wish(shape, votes(shape, rest))
    return {s: Layout(s, max(c, key=lambda k: c[k]) if c else None) for s, c in wishes.items()}
