"""A program as `explain` sees it: its trace, the leaves it makes itself, and what its nodes are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np

from gradcli.autodiff.steps import Graph
from gradcli.cli.tracing import Trace
from gradcli.engine.run import value
from gradcli.graph.node import Node
from gradcli.graph.op import leaf, leaf_op
from gradcli.graph.walk import ancestors
from gradcli.language.python.instance import Instance
from gradcli.language.tensors.tensor import Tensor

Array = np.ndarray[Any, Any]


def _held(variables: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors that lists, dicts and instances hold, by a name of one word."""
    for name, holder in variables.items():
        items: list[tuple[str, Any]] = []
        if isinstance(holder, list | tuple):
            items = [(f"{name}{at}", item) for at, item in enumerate(holder)]
        elif isinstance(holder, dict | Instance):
            items = [(str(key), item) for key, item in (holder if isinstance(holder, dict) else holder.fields).items()]
        yield from ((word, item) for word, item in items if isinstance(item, Tensor))


class Traced:
    """One trace of the program. deferring: whether nothing of it was computed."""

    def __init__(self, trace: Trace, deferring: bool) -> None:
        self.trace, self.deferring = trace, deferring
        self.outputs = [output.node for output in trace.outputs if output.node.requires_grad]

    @cached_property
    def own(self) -> dict[str, Node]:
        """The leaves that the program makes itself and gradients flow to.

        Those in lists, dicts and instances are called ws0, w and so on, those in nothing that has a name p1, p2. What
        a name was given to before, and the output does not come from, is left out.
        """
        given = set(self.trace.nodes.values())
        names = self.trace.assigned()
        reached = [n for n in ancestors(self.outputs, lambda n: n.requires_grad) if n.op is leaf_op]
        last = [v.node for v in self.trace.variables.values() if isinstance(v, Tensor)]
        named = [n for n in last if n.requires_grad and n.op is leaf_op]
        taken = {*names.values(), *self.trace.variables}
        for name, tensor in _held(self.trace.variables):
            if tensor.node not in names and name.isidentifier() and name not in taken:
                names[tensor.node] = name
                taken.add(name)
        fresh = (f"p{at}" for at in count(1) if f"p{at}" not in taken)
        leaves = [n for n in dict.fromkeys([*named, *reached]) if n not in given]
        return {names.get(n) or next(fresh): n for n in sorted(leaves, key=lambda n: n.serial)}

    def names(self) -> dict[Node, str]:
        """The variables by node: of the command line, and the program's own leaves."""
        return {**self.trace.names(), **{node: name for name, node in self.own.items()}}

    def node(self, name: str) -> Node:
        """What a name stands for, be it one that is numbered here. Raises: NameError_, GradError."""
        if name in self.own:
            return self.own[name]
        numbered = {} if name in self.trace.variables else self.trace.assigned()
        return next((node for node, label in numbered.items() if label == name), None) or self.trace.node(name)

    def wanted(self, given: Mapping[str, Any]) -> list[str]:
        """The names that are explained where none is asked for. given: the values of the command line."""
        arrays = [name for name, v in given.items() if isinstance(v, np.ndarray)]
        meant = {self.trace.node(name) for name in arrays}
        return [*arrays, *(name for name, node in self.own.items() if node not in meant)]

    def leads(self, name: str) -> bool:
        """Whether a gradient arrives at what a name stands for."""
        node = self.node(name)
        if not node.requires_grad or not self.outputs:
            return False
        ones = [leaf(np.broadcast_to(np.ones((), y.dtype.numpy), y.shape), y.dtype) for y in self.outputs]
        return self.trace.pull(self.outputs, ones, [node])[0] is not None

    def given(self) -> dict[str, Array]:
        """The values of the program's own leaves."""
        return {name: value(node) for name, node in self.own.items()}

    def graph(self) -> Graph:
        """The steps from the variables to the outputs."""
        return Graph(self.outputs, self.names(), self.trace.assigned(), set(self.trace.variables))
