"""A plan: the steps that compute some nodes from given arrays, made once and run again and again.

    nodes -> terms (lower.py, laws.py) -> places (places.py) -> steps: numpy calls on whole arrays, and passes (fuse.py)

A plan holds no values between runs, except the buffers of its passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import add, mul, sub, truediv
from typing import Any

import numpy as np

from gradcli.engine import places, reductions
from gradcli.engine.fuse import PRODUCTS, Maker, Pass
from gradcli.engine.kernels import Fn
from gradcli.engine.layout import ALONG, FULL
from gradcli.engine.lower import term_of
from gradcli.engine.places import Home, Places
from gradcli.engine.term import CALL, CONST, EW, EXPAND, INPUT, PICK, REDUCE, RESHAPE, Builder, Term
from gradcli.errors import GradcliError
from gradcli.graph.node import NeedsValue, Node
from gradcli.graph.op import leaf_op, number_op

Step = Callable[[list[Any]], None]
_ARRAYS = (np.ndarray, tuple)
_PRODUCTS = frozenset({"mm", "mv", "_matmul", "_matmul_row"})
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
        needed = live(terms, outputs)
        for term in needed:
            if term.kind == CONST:
                self.template[term.index] = term.value[()]
        self._places = Places(needed, outputs)
        self._give = [term.index for term in outputs]
        self._take = [(term.index, term.at) for term in needed if term.kind == INPUT]
        self._schedule(needed)
        self.finish = [_finisher(term, outputs[:at]) for at, term in enumerate(outputs)]
        if self.passes or any(term.size > 1 << 13 for term in needed):
            self._let_go()

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        """The values of the outputs: arrays of their own, which the caller may keep and change."""
        values = self.compute(inputs)
        results = []
        for index, finish in zip(self._give, self.finish, strict=True):
            value = values[index]
            done = finish is None and type(value) in (np.ndarray, tuple)
            results.append(value if done else _finished(value, finish))
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
                self._add(_Closure(found, home, roots, stage).make())

    def _add(self, made: Pass) -> None:
        self.passes.append(made)
        self.steps.append(("pass", made))
        self.quick.append((made.run, 0, 0, -2))

    def _whole(self, term: Term) -> None:
        """A step on whole arrays."""
        if term.kind in (CONST, INPUT):
            return
        self.steps.append(("whole", term))
        args = [a.index for a in term.args]
        if term.kind == EW and len(args) <= 2:
            fn: Fn = term.fn
            direct = fn.direct if self._exact or not isinstance(fn.block, np.ufunc) else fn.block
            if fn.name in _SCALAR and all(_scalar(a) for a in term.args):
                direct = _SCALAR[fn.name]
            elif fn.name == "copy":
                direct = _converter(term.dtype)
            self.quick.append((direct, term.index, args[0], args[1] if len(args) == 2 else -1))
        elif term.kind == RESHAPE and term.size == 1 and _scalar(term.args[0]):
            self.quick.append((_itself, term.index, args[0], -1))
        elif term.kind == REDUCE:
            self._reduce(term)
        elif term.kind == CALL and (product := _product_kernel(term)) is not None:
            self.quick.append((product, term.index, args[0], args[1] if len(args) == 2 else -1))
        else:
            self.quick.append((_STEPS[term.kind](term, self.inputs), 0, 0, -2))

    def _reduce(self, term: Term) -> None:
        x = term.args[0]
        whole = len(term.at) == len(x.shape)
        if term.fn == "dot":
            self.quick.append((np.vdot, term.index, x.index, term.args[1].index))
            return
        if term.fn == "take":
            self.quick.append((reductions.take, term.index, x.index, term.args[1].index))
            return
        reduce, axes, dtype = reductions.DIRECT[term.fn], None if whole else term.at, term.dtype
        self.quick.append((lambda v: reduce(v, axes, dtype), term.index, x.index, -1))

    def _let_go(self) -> None:
        """Drop arrays after the step that reads them last, so that memory holds only what is still needed."""
        last: dict[int, int] = {}
        for at, (_, what) in enumerate(self.steps):
            for index in _read(what):
                last[index] = at
        keep = set(self._give)
        steps = self.quick
        self.quick = []
        for at, step in enumerate(steps):
            self.quick.append(step)
            dead = tuple(index for index, when in last.items() if when == at and index not in keep)
            if dead:
                self.quick.append((_dropper(dead), 0, 0, -2))


def _read(what: Term | Pass) -> list[int]:
    if isinstance(what, Pass):
        return [term.index for _, term, _ in what.loads]
    return [a.index for a in what.args]


def _dropper(dead: tuple[int, ...]) -> Step:
    def drop(values: list[Any]) -> None:
        for index in dead:
            values[index] = None

    return drop


def _scalar(term: Term) -> bool:
    """Whether the value of a term is a numpy scalar."""
    if term.kind == CONST:
        return True
    if term.kind == REDUCE:
        return len(term.at) == len(term.args[0].shape)
    if term.kind in (EW, RESHAPE) and term.size == 1:
        return all(_scalar(a) for a in term.args)
    return False


def _itself(value: Any) -> Any:
    return value


def _converter(dtype: Any) -> Callable[[Any], Any]:
    return lambda value: value.astype(dtype)


def _ew_step(term: Term, inputs: int) -> Step:
    direct, args, out = term.fn.direct, [a.index for a in term.args], term.index

    def step(values: list[Any]) -> None:
        values[out] = direct(*[values[a] for a in args])

    return step


def _reshape_step(term: Term, inputs: int) -> Step:
    shape, arg, out = term.shape, term.args[0].index, term.index

    def step(values: list[Any]) -> None:
        values[out] = np.reshape(values[arg], shape)

    return step


def _expand_step(term: Term, inputs: int) -> Step:
    shape, arg, out = term.shape, term.args[0].index, term.index

    def step(values: list[Any]) -> None:
        values[out] = np.broadcast_to(values[arg], shape)

    return step


def _pick_step(term: Term, inputs: int) -> Step:
    arg, at, out = term.args[0].index, term.at, term.index

    def step(values: list[Any]) -> None:
        values[out] = values[arg][at]

    return step


def _call_step(term: Term, inputs: int) -> Step:
    """A kernel on whole arrays. Python numbers reach it as such."""
    node, out = term.node, term.index
    assert node is not None
    kernel, params, numbers = node.op.kernel, node.params, term.at
    args = [a.index for a in term.args]
    # numpy scalars stand for arrays of one element; kernels may rely on arrays
    shaped = [(at, a.shape) for at, a in enumerate(term.args) if numbers[at] is None and _scalar(a)]
    given_numbers = [(at, n) for at, n in enumerate(numbers) if n is not None]
    shown, span = node.op.shown, node.span

    def step(values: list[Any]) -> None:
        given = [values[index] for index in args]
        for at, shape in shaped:
            given[at] = np.asarray(given[at]).reshape(shape)
        for at, n in given_numbers:
            given[at] = n
        try:
            result = kernel(*given, **params)
        except GradcliError as error:
            error.op, error.span = error.op or shown, error.span or span
            raise
        values[out] = result if type(result) in _ARRAYS else np.asarray(result)

    return step


def _product_kernel(term: Term) -> Callable[..., Any] | None:
    """What computes a call at once where its kernel would do no more: products and transposes of matrices."""
    assert term.node is not None
    name = term.node.op.name
    plain = all(len(a.shape) <= 2 and a.dtype.kind == "f" and a.dtype.itemsize > 2 for a in term.args)
    if name in _PRODUCTS and plain and not any(_scalar(a) for a in term.args):
        return np.matmul
    if name == "transpose" and len(term.shape) == 2 and term.node.params["dim0"] != term.node.params["dim1"]:
        return _turned if not _scalar(term.args[0]) else None
    return None


def _turned(x: Any) -> Any:
    return x.T


_STEPS: dict[str, Callable[[Term, int], Step]] = {
    EW: _ew_step, RESHAPE: _reshape_step, EXPAND: _expand_step, PICK: _pick_step, CALL: _call_step,
}  # fmt: skip


def _finisher(term: Term, before: list[Term]) -> tuple[Any, bool] | None:
    """What makes a value an array of the caller's own: its shape, and whether it is copied. None: it is one."""
    if term.dtype is None:  # the outputs of a call, as a tuple
        return None
    base = term
    while base.kind == RESHAPE:
        base = base.args[0]
    copy = base.kind not in (EW, REDUCE) or any(_base(o) is base for o in before)
    if not copy and term.kind == EW and not _scalar(term) and term.fn.name != "copy":
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


class _Closure:
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
        carried = []
        for term in self.order:
            args = self.args(term)
            for a, kind in args:
                if not self._inside(a):
                    maker.load(a, kind)
            if term.index in self.places.carried:
                carried.append(term)
                continue
            name = self.products[term.index][0] if term.index in self.products else None
            maker.compute(term, self._home(term).kind, args, term.index in self.places.stored, name)
        for term in carried:
            name = self.products[term.index][0] if term.index in self.products else term.fn
            maker.carry(term, name, self._home(term).kind, self.args(term))
        return maker.made


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
        small = x.size < min(SHORT, places.FUSE_ABOVE) and len(term.at) == len(x.shape) and x.dtype == term.dtype
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


def read(
    outputs: Sequence[Node], inputs: Mapping[int, int], constants: list[Any] | None
) -> tuple[Builder, list[Term], int]:
    """The terms of nodes. inputs: the number of the input that a node is, by serial.

    constants: known values that are neither inputs nor single numbers are put here and become further inputs.
    """
    builder = Builder()
    terms: dict[int, Term] = {}
    count = len(inputs)

    def sources_known(node: Node) -> bool:
        return node.serial in inputs or node.value is not None

    order = _reachable(outputs, sources_known)
    for node in order:
        if node.serial in inputs:
            terms[node.serial] = _input(builder, inputs[node.serial], node)
        elif node.op is number_op:
            precise = np.dtype(np.float64) if node.dtype.floating else node.dtype.numpy
            terms[node.serial] = builder.const(node.value, precise)
        elif node.value is not None and type(node.value) is not tuple and node.size == 1:
            number = builder.const(np.asarray(node.value).reshape(()), node.dtype.numpy)
            terms[node.serial] = builder.expand(number, node.shape)
        elif node.value is not None:
            assert constants is not None
            constants.append(node.value)
            terms[node.serial] = _input(builder, count, node)
            count += 1
        elif node.via is not None:
            terms[node.serial] = terms[node.via.serial]
        elif node.op is leaf_op:
            raise NeedsValue
        else:
            terms[node.serial] = term_of(builder, node, [terms[i.serial] for i in node.inputs])
    return builder, [terms[o.serial] for o in outputs], count


def _input(builder: Builder, at: int, node: Node) -> Term:
    return builder.input(at, (), None) if node.op.outputs else builder.input(at, node.shape, node.dtype.numpy)


def _reachable(outputs: Sequence[Node], known: Callable[[Node], bool]) -> list[Node]:
    seen: dict[int, Node] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.serial not in seen:
            seen[node.serial] = node
            if not known(node):
                stack.extend((node.via,) if node.via is not None else node.inputs)
    return [seen[serial] for serial in sorted(seen)]
