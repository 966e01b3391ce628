"""What one pass computes: all that its results need and is not there yet, in an order that frees buffers early."""

from __future__ import annotations

from gradcli.engine.assemble import PRODUCTS, Maker
from gradcli.engine.fuse import Pass
from gradcli.engine.layout import ALONG, FULL
from gradcli.engine.places import Home, Places
from gradcli.engine.term import EW, REDUCE, Term


class Closure:
    """What a pass has to compute for its roots, in an order that frees buffers early."""

    def __init__(self, places: Places, home: Home, roots: list[Term], stage: int) -> None:
        self.places = places
        self.layout = home.layout
        self.roots = roots
        self.stage = stage
        self.order: list[Term] = []
        self.uses: dict[tuple[int, str], int] = {}
        self.products: dict[int, tuple[str, list[tuple[Term, str]]]] = {}

    def _inside(self, term: Term) -> bool:
        """Whether this pass computes a term, rather than reading it."""
        home = self.places.homes.get(term.index)
        if home is None or home.layout is not self.layout:
            return False
        return term.index not in self.places.stored or self.places.stage[term.index] == self.stage

    def _home(self, term: Term) -> Home:
        return self.places.homes.get(term.index) or self.places.carried[term.index]

    def args(self, term: Term) -> list[tuple[Term, str]]:
        """The inputs of a term in this pass; a sum of products takes the factors."""
        if term.index in self.products:
            return self.products[term.index][1]
        home = self._home(term)
        if term.kind != REDUCE:
            return [(a, self.places.kind_in(a, term, home)) for a in term.args]
        x = term.args[0]
        own = self.places.homes.get(x.index)
        inner = own.kind if own is not None and own.layout is self.layout else FULL
        return [(x, inner), *[(a, ALONG) for a in term.args[1:]]]

    def _find_products(self) -> None:
        """Sums of products whose products nobody else needs."""
        readers: dict[int, int] = {}
        for term in self.order:
            for a in term.args:
                readers[a.index] = readers.get(a.index, 0) + 1
        for term in self.order:
            x = term.args[0] if term.kind == REDUCE and term.fn == "sum" else None
            if x is None or x.kind != EW or x.fn.name != "mul" or x.dtype.kind != "f" or x.dtype != term.dtype:
                continue
            if not self._inside(x) or readers[x.index] != 1 or x.index in self.places.stored:
                continue
            factors = [(a, self.places.kind_in(a, x, self._home(x))) for a in x.args]
            factors.sort(key=lambda factor: factor[1] != FULL)
            name = PRODUCTS.get((self._home(term).kind, factors[0][1], factors[1][1]))
            if name is not None and (self.layout.by_rows or name == "dot"):
                self.products[term.index] = name, factors

    def _walk(self) -> None:
        seen: set[int] = set()
        self.order = []
        stack: list[tuple[Term, bool]] = [(t, False) for t in reversed(self.roots)]
        while stack:
            term, ready = stack.pop()
            if ready:
                self.order.append(term)
                continue
            if term.index in seen:
                continue
            seen.add(term.index)
            stack.append((term, True))
            stack.extend((a, False) for a, _ in reversed(self.args(term)) if self._inside(a) and a.index not in seen)

    def make(self) -> Pass:
        """The pass."""
        self._walk()
        self._find_products()
        if self.products:
            self._walk()
        for term in self.order:
            for a, kind in self.args(term):
                key = (a.index, kind)
                self.uses[key] = self.uses.get(key, 0) + 1
        maker = Maker(self.layout, self.uses)
        for term in self._sums_early():
            args = self.args(term)
            for a, kind in args:
                if not self._inside(a):
                    maker.load(a, kind)
            kind = self._home(term).kind
            product = self.products[term.index][0] if term.index in self.products else None
            if term.index in self.places.carried:
                maker.carry(term, product or term.fn, kind, args)
            else:
                maker.compute(term, kind, args, term.index in self.places.stored, product)
        maker.made.choose_step()
        return maker.made

    def _sums_early(self) -> list[Term]:
        """The order in which every sum stands where its inputs are there, so that their buffers are soon free."""
        readers: dict[int, list[Term]] = {}
        missing: dict[int, int] = {}
        early: list[Term] = []
        for term in self.order:
            if term.index not in self.places.carried:
                continue
            inside = {a.index for a, _ in self.args(term) if self._inside(a)}
            missing[term.index] = len(inside)
            for index in inside:
                readers.setdefault(index, []).append(term)
            if not inside:
                early.append(term)
        for term in self.order:
            if term.index in missing:
                continue
            early.append(term)
            for sum in readers.get(term.index, ()):
                missing[sum.index] -= 1
                if not missing[sum.index]:
                    early.append(sum)
        return early
