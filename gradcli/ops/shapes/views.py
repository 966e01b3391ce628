"""Views: ops whose result shares memory with their input, and writing through a chain of them.

A chain is a tuple of (op, params), the first applied to the tensor that owns the memory. The derivative of a view that
takes some of the elements is a write of the cotangent into zeros, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.graph.op import Op, Sample, ShapeRule, kept, op, same
from gradcli.shapes import Shape, element_count

Step = tuple[Op, Mapping[str, Any]]
Steps = tuple[Step, ...]


def take_view(node: Node, steps: Steps) -> Node:
    """The node seen through a chain of views."""
    for step, params in steps:
        node = step(node, **params)
    return node


def _array_view(array: Any, steps: Steps) -> Any:
    for step, params in steps:
        array = step.kernel(array, **params)
    return array


def _positions(shape: Shape, steps: Steps) -> Any:
    """Where the elements of the view are in the flattened tensor."""
    return _array_view(np.arange(element_count(shape)).reshape(shape), steps)


def _write(x: Any, value: Any, steps: Steps) -> Any:
    result = np.array(x, order="C")
    seen = _array_view(result, steps)
    if np.may_share_memory(seen, result) and seen.flags.writeable:
        seen[...] = value
    else:  # a reshape in the chain had to copy
        result.reshape(-1)[_positions(result.shape, steps)] = value
    return result


def _spread(x: Any, shape: Shape, steps: Steps, overlapping: bool = False) -> Any:
    result = np.zeros(shape, x.dtype)
    if overlapping:
        np.add.at(result.reshape(-1), _positions(shape, steps), x)
    else:
        _array_view(result, steps)[...] = x
    return result


write_view: Op = op(
    "_copy_slices(Tensor input, Operand value, any steps)",
    "input with what the views show replaced by value.",
    spelled=["_"],
    kernel=_write,
    grad=[
        lambda g, y, x, value, steps: write_view(g, 0.0, steps=steps),
        lambda g, y, x, value, steps: take_view(g, steps),
    ],
    shape=same,
    dtype=lambda inputs, params: (inputs[0].dtype, inputs[0].dtype),
    grad_fn=("CopySlices", "CopySlices"),
    linear=True,
)
spread: Op = op(
    "_spread(Tensor input, any shape, any steps, bool overlapping=False)",
    "Zeros of a shape in which the views show input; where they show an element twice, both are added.",
    spelled=["_"],
    kernel=_spread,
    grad=lambda g, y, x, shape, steps, overlapping=False: take_view(g, steps),
    shape=lambda inputs, params: params["shape"],
    dtype=kept,
    grad_fn="SliceBackward0",
    linear=True,
)


def part(
    signature: str,
    doc: str,
    *,
    kernel: Callable[..., Any],
    shape: ShapeRule,
    grad_fn: str | tuple[str | None, str],
    overlapping: bool = False,
    spelled: Sequence[str] = (),
    samples: Sequence[Sample] = (),
) -> Op:
    """A view op that shows some of the elements; its derivative follows from the view."""

    def place_back(g: Node, y: Node, x: Node, **params: Any) -> Node:
        node: Node = spread(g, shape=x.shape, steps=((declared, params),), overlapping=overlapping)
        return node

    declared = op(
        signature,
        doc,
        kernel=kernel,
        grad=place_back,
        shape=shape,
        dtype=kept,
        grad_fn=grad_fn,
        linear=True,
        view=True,
        spelled=spelled,
        samples=samples,
    )
    return declared
