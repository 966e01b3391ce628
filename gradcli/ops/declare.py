"""The words families share: what most unary, binary and comparing ops have in common is said once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradcli.errors import GradError
from gradcli.graph.node import Node
from gradcli.graph.op import (
    DtypeRule,
    Op,
    Rule,
    Sample,
    broadcasted,
    comparing,
    draw,
    floating,
    kept,
    op,
    promoted,
    same,
)


def unary(
    name: str,
    doc: str,
    kernel: Callable[..., Any] | None = None,
    grad: Rule | None = None,
    *,
    arguments: str = "",
    dtype: DtypeRule = floating,
    samples: Sequence[Sample] = (),
    **more: Any,
) -> Op:
    """An elementwise op of one tensor, `name(Tensor input, arguments)`, with its in-place form."""
    signature = f"{name}(Tensor input{', ' if arguments else ''}{arguments})"
    options: dict[str, Any] = {"shape": same, "elementwise": kernel is not None, "inplace": True} | more
    return op(signature, doc, kernel=kernel, grad=grad, dtype=dtype, samples=samples or UNARY_SAMPLES, **options)


def binary(
    name: str,
    doc: str,
    kernel: Callable[..., Any] | None = None,
    grad: Sequence[Rule | None] | None = None,
    *,
    arguments: str = "Tensor input, Operand other",
    dtype: DtypeRule = promoted,
    samples: Sequence[Sample] = (),
    **more: Any,
) -> Op:
    """An elementwise op of two operands that broadcast, with its in-place form."""
    options: dict[str, Any] = {"shape": broadcasted, "elementwise": kernel is not None, "inplace": True} | more
    return op(
        f"{name}({arguments})", doc, kernel=kernel, grad=grad, dtype=dtype, samples=samples or BINARY_SAMPLES, **options
    )


def identity(signature: str, doc: str, **more: Any) -> Op:
    """An op of one tensor that gives it back; with `grad=through` its gradient passes."""
    return op(signature, doc, kernel=lambda x: x, shape=same, dtype=kept, linear="grad" in more, **more)


def through(g: Node, y: Node, x: Node) -> Node:
    """The rule of what changes nothing."""
    return g


def comparison(name: str, doc: str, kernel: Callable[..., Any], **more: Any) -> Op:
    """An elementwise op of two operands whose result is bool; nothing flows through it."""
    return binary(name, doc, kernel, dtype=comparing, **more)


def refuse(g: Node, y: Node, *inputs: Node, **params: Any) -> Node:
    """The rule of an op that torch, too, has no derivative for.

    Raises: GradError, when a backward pass comes to it.
    """
    raise GradError(
        f"{y.op.name} has no derivative",
        hint="use .detach() where no gradient should flow",
        torch=f"derivative for aten::{y.op.name} is not implemented",
    )


UNARY_SAMPLES = (draw(3), draw((2, 3)), draw(()))
BINARY_SAMPLES = (draw(3, 3), draw((2, 3), 3), draw((2, 1), (1, 3)), draw((), 3), draw((), ()))
