"""An expression as a graph in which nothing is computed: what `diff` and `explain` read formulas from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.autodiff.backward import vjp
from gradcli.cli.meant import is_leaf, meant, no_variable, outputs_of
from gradcli.dtypes import ALIASES, DType
from gradcli.errors import GradError
from gradcli.graph.node import MODE, NeedsValue, Node
from gradcli.graph.op import leaf, number_op
from gradcli.graph.walk import ancestors, sources
from gradcli.language.machine.machine import compile_program
from gradcli.language.syntax import ast
from gradcli.language.tensors.tensor import Tensor
from gradcli.shapes import Shape

Array = np.ndarray[Any, Any]


class NoFormula(GradError):
    """A program whose graph cannot be made without computing its values."""


class Forgetful(list[Any]):
    """A list that keeps nothing: what a trace leaves deferred is to stay so."""

    def append(self, item: Any) -> None:
        """Forget it."""


class Assignments(dict[str, Any]):
    """The variables of a program, and the nodes that each name was given to, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[tuple[str, Node]] = []

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        if isinstance(value, Tensor):
            self.history.append((name, value.node))


class Held:
    """In how many places masks hold, in a formula that is to hold for any: numbers that nothing else has.

    masks: the mask, as broadcast to a shape, that each such number belongs to.
    """

    def __init__(self) -> None:
        self.masks: dict[int, tuple[Node, Shape]] = {}
        self._known: dict[Any, int] = {}
        self._ways: dict[Any, int] = {}
        self._free = iter(COUNTS)

    def count(self, mask: Node, shape: Shape) -> int:
        """A number for a mask, the same for masks that are computed in the same way."""
        key = (self._way(mask), shape)
        if key not in self._known:
            number = next(self._free, None)
            if number is None:
                raise NeedsValue
            self._known[key] = number
            self.masks[number] = mask, shape
        return self._known[key]

    def _way(self, mask: Node) -> int:
        """A number for how a node is computed: the same for two that are alike down to the same leaves."""
        found: dict[int, int] = {}
        for node in ancestors([mask], lambda node: True):
            parts = sources(node)
            own: Any = tuple(found[p.serial] for p in parts)
            if not parts:
                own = repr(node.value) if node.op is number_op else node.serial
            way = (node.op.name, own, repr(sorted(node.params.items())), parts == ())
            found[node.serial] = self._ways.setdefault(way, len(self._ways))
        return found[mask.serial]


COUNTS = (10007, 10037, 10061, 10091, 10133, 10159, 10181, 10211)


class Trace:
    """The graph of a program: its variables and outputs as nodes, nothing of it computed.

    variables: arrays by name (a broadcast view will do: only shapes and dtypes are looked at, unless the program asks
    for a value); other values are bound as they are. chose: whether the program looked at values that depend on
    variables, as branches do.
    """

    def __init__(
        self,
        module: ast.Module,
        variables: Mapping[str, Any],
        dtype: str = "float64",
        recorded: Sequence[str] = (),
        counted: bool = False,
        deferring: bool = True,
        state: Any = None,
    ) -> None:
        """recorded: the variables that gradients flow to (none named: all). counted: see `Held`.

        deferring: whether nothing is computed; state: of the random numbers, which need that something is.
        """
        self.held = Held()
        self._session = session = Session(dtype=dtype)
        self.context = session._context
        self.context.deferred = Forgetful()
        self.nodes: dict[str, Node] = {}
        self.given: dict[str, Any] = {}
        bound = Assignments()
        with self.context.active():
            MODE.deferring = deferring
            if state is not None:
                self.context.generator.set_state(state)
            MODE.held = self.held.count if counted else None
            looked: list[Node] = []
            MODE.looked = looked
            for name, value in variables.items():
                bound[name] = self._bind(name, value, not recorded or name in recorded)
            self.given = dict(bound)
            session._machine.ops_first = True
            try:
                value = session._machine.run(compile_program(module), bound)
            except NeedsValue:
                raise NoFormula(
                    "the expression draws random numbers or depends on values, so it has no formula",
                    hint="bind what is drawn to a variable: --mask 1,0,1",
                ) from None
            finally:
                MODE.held = MODE.looked = None
        self.variables = bound
        self.value = value
        self.chose = not set(self.nodes.values()).isdisjoint(ancestors(looked, lambda node: True))
        self.outputs = outputs_of(value)

    def _bind(self, name: str, value: Any, recorded: bool) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        node = leaf(value)
        node.requires_grad = recorded and node.dtype.floating
        self.nodes[name] = node
        return Tensor(node, self.context)

    def node(self, name: str) -> Node:
        """The node of a variable, given or assigned. Raises: NameError_, GradError."""
        value = meant(name, self.given, self.variables)
        if value is None:
            raise no_variable(name, self.variables)
        if not isinstance(value, Tensor):
            raise GradError(f"--wrt: {name} is no tensor")
        return value.node

    def leaves(self) -> list[str]:
        """The variables that the program makes itself and gradients are collected in."""
        return [name for name, value in self.variables.items() if name not in self.given and is_leaf(value)]

    def assigned(self) -> dict[Node, str]:
        """The names that the program gives to tensors; what a name was given to before is numbered: y1, y2, y.

        Where the plain name is that of a variable of the command line, all are: x, x2, x3.
        """
        last = {n: v.node for n, v in self.variables.items() if isinstance(v, Tensor)}
        known: set[Node] = set(self.nodes.values())
        versions: dict[str, list[Node]] = {}
        for name, node in [*self.variables.history, *last.items()]:
            if node not in known:
                known.add(node)
                versions.setdefault(name, []).append(node)
        found: dict[Node, str] = {}
        for name, nodes in versions.items():
            given = name in self.nodes
            numbered = (f"{name}{at}" for at in count(1 + given) if f"{name}{at}" not in self.variables)
            for node in nodes:
                found[node] = name if node is last.get(name) and not given else next(numbered)
        return found

    def active(self) -> AbstractContextManager[None]:
        """Inside, what hooks and functions of the program compute is computed as in the program."""
        return self.context.active()

    def names(self) -> dict[Node, str]:
        """The variables of the command line by node."""
        return {node: name for name, node in self.nodes.items()}

    def pull(self, outputs: Sequence[Node], seeds: Sequence[Node], wrt: Sequence[Node]) -> list[Node | None]:
        """The vector-Jacobian product, as deferred nodes; None where nothing leads to a variable."""
        with self.context.active():
            MODE.deferring = True
            found = vjp(outputs, seeds, wrt, create_graph=True)
        return [found.get(node) for node in wrt]

    def seed(self, value: Array, name: str | None = None) -> Node:
        """A cotangent; one that has a name is a variable of the formula."""
        node = leaf(value)
        if name is not None:
            self.nodes[name] = node
        return node


def ones(shape: Sequence[int], dtype: DType) -> Array:
    """Ones that take no memory."""
    return np.broadcast_to(np.ones((), dtype.numpy), tuple(shape))


def default_dtype(name: str) -> DType:
    """The dtype of a name of `--dtype`."""
    return ALIASES[name]
