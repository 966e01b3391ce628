"""torch.nn.utils: gradients limited in norm or value, and tensors as one vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.errors import GradError, ShapeError, TypeError_
from gradcli.graph.node import recording
from gradcli.graph.op import leaf
from gradcli.language.context import Context
from gradcli.language.python.natives import builtin
from gradcli.language.python.operators import collect
from gradcli.language.python.values import Builtin
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.tensor import Tensor
from gradcli.ops.elementwise.limits import clamp
from gradcli.ops.linalg.norms import vector_norm_
from gradcli.ops.shapes.join import cat, stack
from gradcli.ops.shapes.part import slice_
from gradcli.ops.shapes.shape import reshape


def _listed(parameters: Any) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else collect(parameters)
    for item in listed:
        if not isinstance(item, Tensor):
            raise TypeError_(f"the parameters are tensors, not {kind_name(item)}")
    return listed


def _gradients(parameters: Any) -> list[Tensor]:
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def _norm(x: Any, norm_type: float) -> Any:
    return vector_norm_(x, ord=float(norm_type), dim=None, keepdim=False)


def clip_grad_norm(
    context: Context,
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: Any = None,
) -> Tensor:
    """Scale all gradients so that their norm together is at most max_norm; returns the norm they had."""
    found = _gradients(parameters)
    if not found:
        return Tensor(leaf(np.zeros((), context.default.numpy)), context)
    with recording(False):
        total = Tensor(_norm(stack(*(_norm(g.node, norm_type) for g in found), dim=0), norm_type), context)
        if error_if_nonfinite and not np.isfinite(total.numpy()):
            raise GradError("the norm of the gradients is not finite, so they cannot be clipped")
        scale = clamp(float(max_norm) / (total.node + 1e-6), min=None, max=1.0)
        for g in found:
            g.assign(g.node * scale)
    return total


def clip_grad_value(parameters: Any, clip_value: float, foreach: Any = None) -> None:
    """Limit every element of the gradients to [-clip_value, clip_value]."""
    limit = float(clip_value)
    with recording(False):
        for g in _gradients(parameters):
            g.assign(clamp(g.node, min=-limit, max=limit))


def parameters_to_vector(context: Context, parameters: Any) -> Tensor:
    """All elements of tensors one after the other."""
    return Tensor(cat(*(reshape(p.node, shape=(-1,)) for p in _listed(parameters)), dim=0), context)


def vector_to_parameters(vec: Tensor, parameters: Any) -> None:
    """Give the elements of a vector to tensors, in order, without autograd taking part."""
    listed = _listed(parameters)
    if sum(p.node.size for p in listed) > vec.node.size:
        raise ShapeError(
            f"a vector of {vec.node.size} elements is too short for tensors of {[p.shape for p in listed]}"
        )
    start = 0
    for p in listed:
        end = start + p.node.size
        with recording(False):
            part = slice_(vec.node, dim=0, start=start, end=end, step=1)
            p.set_data(Tensor(reshape(part, shape=p.shape), p.context))
        start = end


def nn_utils(context: Context) -> dict[str, Builtin]:
    """The functions of torch.nn.utils."""
    return {
        "clip_grad_norm_": builtin("clip_grad_norm_", lambda *a, **k: clip_grad_norm(context, *a, **k)),
        "clip_grad_value_": builtin("clip_grad_value_", clip_grad_value),
        "parameters_to_vector": builtin("parameters_to_vector", lambda p: parameters_to_vector(context, p)),
        "vector_to_parameters": builtin("vector_to_parameters", vector_to_parameters),
    }
