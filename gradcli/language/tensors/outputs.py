"""`out=`: the result of a call, put into a tensor (or a tuple of them) that is there already."""

from __future__ import annotations

from typing import Any

from gradcli.errors import GradError, TypeError_
from gradcli.graph.node import MODE
from gradcli.language.tensors.autograd import filled
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.results import Results
from gradcli.language.tensors.tensor import Tensor


def put_out(out: Any, result: Any, name: str) -> Any:
    """Give the result's elements (and its shape) to what `out=` names, and return that.

    Raises: GradError where a gradient would have to flow; TypeError_ for what is no tensor.
    """
    if not isinstance(result, tuple):
        return _put(out, result, name)
    if not isinstance(out, tuple | list) or len(out) != len(result):
        raise TypeError_(f"out is a tuple of {len(result)} tensors here, not {kind_name(out)}", op=name)
    parts = [_put(target, part, name) for target, part in zip(out, result, strict=True)]
    return Results(f"{result.kind}_out", result.fields, parts) if isinstance(result, Results) else tuple(parts)


def _put(target: Any, result: Tensor, name: str) -> Tensor:
    if not isinstance(target, Tensor):
        raise TypeError_(
            f"out is a tensor, not {kind_name(target)}",
            op=name,
            torch=f"{name}(): argument 'out' must be Tensor, not {kind_name(target)}",
        )
    if MODE.recording and (result.requires_grad or target.requires_grad):
        raise GradError(
            "out= has no derivative, and an argument requires grad",
            op=name,
            hint="assign the result instead",
            torch=f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad.",
        )
    if target.shape != result.shape:
        target.set_data(Tensor(filled(result.shape, target.dtype, 0), target.context))
    target.assign(result.node, name=name)
    return target
