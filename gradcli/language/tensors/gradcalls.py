"""torch.autograd.grad and torch.autograd.backward as functions: their arguments, in torch's forms."""

from __future__ import annotations

from typing import Any

from gradcli.errors import GradError, TypeError_, ValueError_
from gradcli.language.context import Context
from gradcli.language.tensors import autograd
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.tensor import Tensor
from gradcli.language.transforms import functional


def _tensors(value: Any, name: str) -> list[Tensor]:
    listed = list(value) if isinstance(value, tuple | list) else [value]
    for item in listed:
        if not isinstance(item, Tensor):
            raise TypeError_(f"the {name} are tensors, not {kind_name(item)}", op="grad")
    return listed


def _seeds(value: Any, count: int) -> list[Tensor | None]:
    listed: list[Any] = list(value) if isinstance(value, tuple | list) else [value] * (count if value is None else 1)
    if len(listed) != count:
        raise ValueError_(f"{count} output{'s' if count > 1 else ''} and {len(listed)} seeds", op="grad")
    for item in listed:
        if item is not None and not isinstance(item, Tensor):
            raise TypeError_(f"the seeds are tensors or None, not {kind_name(item)}", op="grad")
    return listed


def torch_grad(
    context: Context,
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: Any = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: Any = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """`torch.autograd.grad(outputs, inputs)`."""
    listed = _tensors(outputs, "outputs")
    seeds = _seeds(grad_outputs, len(listed))
    wanted = _tensors(inputs, "inputs")
    if not wanted:
        raise GradError(
            "there is no input to differentiate by", op="grad", torch="`inputs` argument to `grad()` cannot be empty."
        )
    if is_grads_batched:
        return functional.batched_grad(context, listed, wanted, seeds, bool(retain_graph), create_graph)
    return autograd.grad(
        listed,
        wanted,
        seeds,
        retain_graph=retain_graph,
        create_graph=create_graph,
        allow_unused=bool(allow_unused),
        materialize=materialize_grads,
    )


def torch_backward(
    tensors: Any, grad_tensors: Any = None, retain_graph: Any = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """`torch.autograd.backward(tensors)`."""
    listed = _tensors(tensors, "tensors")
    wanted = None if inputs is None else _tensors(inputs, "inputs")
    autograd.backward(
        listed, _seeds(grad_tensors, len(listed)), retain_graph=retain_graph, create_graph=create_graph, inputs=wanted
    )
