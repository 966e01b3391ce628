"""What the transforms of torch.func have in common: the tensors that a function is called with, and what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.errors import GradError, ValueError_
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import leaf
from gradcli.graph.walk import ancestors
from gradcli.language.context import Context
from gradcli.language.python.values import type_name
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.tensor import Tensor
from gradcli.language.transforms.onepass import is_traced
from gradcli.language.transforms.trees import map_leaves
from gradcli.ops.shapes.convert import alias, detach


class Level:
    """One transform at work: which tensors it differentiates by, and what it depends on besides them."""

    def __init__(self, context: Context, forward: bool = False) -> None:
        self.context = context
        self.forward = forward
        self.outside = MODE.recording
        self.start = leaf(np.zeros(())).serial  # what was there before is older

    def enter(self, value: Any) -> Any:
        """A value with tensors of this level in place of its own.

        Raises: ValueError_ for a leaf that is no tensor; GradError for one that is not floating.
        """
        return map_leaves(self._enter, value)

    def _enter(self, part: Any) -> Tensor:
        if not isinstance(part, Tensor):
            raise ValueError_(
                f"what is differentiated by must be a tensor, not {kind_name(part)}",
                torch=f"Thing passed to transform API must be Tensor, got <class '{type_name(part)}'>",
            )
        if part.requires_grad and self.outside:
            return Tensor(alias(part.node), self.context)
        if part.dtype.floating and part.node.value is None and is_traced(part.node):  # a slice of vmap's, not yet known
            node = alias(part.node)
            node.requires_grad = True
            return Tensor(node, self.context)
        if not part.dtype.floating and self.forward:
            raise ValueError_(
                f"what is differentiated by is floating; this tensor is {part.dtype!r}",
                hint="make it floating: .float(), or 3. instead of 3",
                torch=f"Expected primal to be floating point or complex, but got: {part.dtype!r}",
            )
        if not part.dtype.floating:
            raise GradError(
                f"what is differentiated by is floating; this tensor is {part.dtype!r}",
                hint="make it floating: .float(), or 3. instead of 3",
                torch="only Tensors of floating point dtype can require gradients",
            )
        own = Tensor(leaf(part.numpy(), part.dtype), self.context)
        own.set_requires_grad(True)
        return own

    def leave(self, value: Any) -> Any:
        """A value as it is outside: without history unless it depends on something older than the level."""
        return map_leaves(lambda part: self._leave(part) if isinstance(part, Tensor) else part, value)

    def _leave(self, tensor: Tensor) -> Tensor:
        if not tensor.requires_grad or (self.outside and self.reaches_out([tensor.node])):
            return tensor
        return Tensor(detach(tensor.node), self.context)

    def reaches_out(self, nodes: list[Node]) -> bool:
        """Whether nodes depend on something recorded before this level began."""
        older: list[Node] = []

        def follow(node: Node) -> bool:
            if node.requires_grad and node.serial < self.start:
                older.append(node)
            return node.requires_grad and node.serial >= self.start

        ancestors(nodes, follow)
        return bool(older)

    def enter_arguments(self, args: list[Any], argnums: Any) -> tuple[list[Any], Any]:
        """The arguments with those that are differentiated by replaced, and these.

        Raises: GradError for argnums that the call does not have.
        """
        for at in _several(argnums):
            _check_argument(at, len(args))
        entered = list(args)
        if isinstance(argnums, tuple):
            return entered, tuple(self._enter_argument(entered, at) for at in argnums)
        return entered, self._enter_argument(entered, argnums)

    def _enter_argument(self, args: list[Any], at: int) -> Any:
        args[at] = self.enter(args[at])
        return args[at]


def _several(argnums: Any) -> tuple[Any, ...]:
    """The positions that are differentiated by. Raises: GradError for what is no position, or none."""
    if isinstance(argnums, tuple):
        if not argnums:
            raise GradError("argnums is empty: there is nothing to differentiate by", torch="argnums must be non-empty")
        return argnums
    if not isinstance(argnums, int) or isinstance(argnums, bool):
        raise GradError(
            f"argnums is an int or a tuple of them, not {kind_name(argnums)}",
            torch=f"argnums must be int or Tuple[int, ...], got: <class '{type_name(argnums)}'>",
        )
    return (argnums,)


def _check_argument(at: Any, count: int) -> None:
    """Raises: GradError for a position that a call with so many arguments does not have."""
    if not isinstance(at, int) or isinstance(at, bool):
        raise GradError(
            f"argnums is an int or a tuple of them, and has {kind_name(at)} in it",
            torch=f"argnum must be int, got: <class '{type_name(at)}'>",
        )
    if not -count <= at < count:
        raise GradError(
            f"argnums has {at}, but there {'is' if count == 1 else 'are'} {count} positional "
            f"argument{'' if count == 1 else 's'}",
            torch=f"Got argnum={at}, but only {count} positional inputs",
        )
