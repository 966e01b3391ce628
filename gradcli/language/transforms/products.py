"""Products with Jacobians and Hessians in torch.autograd.functional: vjp, jvp, hvp, vhp.

Source: the torch functions of the same names.
"""

from __future__ import annotations

from typing import Any

from gradcli.autodiff.forward import jvp as push_forward
from gradcli.errors import GradError, ShapeError
from gradcli.graph.node import MODE, recording
from gradcli.language.context import Context
from gradcli.language.python.values import Size
from gradcli.language.tensors.autograd import filled
from gradcli.language.tensors.tensor import NOT_FLOATING, Tensor
from gradcli.language.transforms.jacobians import (
    Tensors,
    as_tuple,
    call_function,
    check_curved,
    check_depends,
    detached,
    filled_in,
    fresh,
    pull_back,
    scalar_output,
    unpacked,
)
from gradcli.ops.shapes.convert import to_dtype


def _check_vector(v: Tensors, like: Tensors, is_tuple: bool) -> None:
    """Raises: ShapeError when v does not have the shapes it is multiplied with."""
    if len(v) != len(like):
        raise ShapeError(
            f"v has {len(v)} tensors where {len(like)} belong",
            torch=f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}."
            if is_tuple
            else "The given v should contain a single Tensor.",
        )
    for at, (own, other) in enumerate(zip(v, like, strict=True)):
        if own.shape != other.shape:
            where = f"Entry {at} in " if is_tuple else ""
            raise ShapeError(
                f"v has shape {own.shape} where {other.shape} belongs",
                torch=f"{where}v has invalid size: should be {Size(other.shape)} but got {Size(own.shape)}.",
            )


def _vector(v: Any, like: Tensors, is_tuple: bool, create_graph: bool, name: str) -> Tensors | None:
    """The vector of a product; None stands for 1 where there is one number.

    Raises: TypeError_, ShapeError; GradError when v is needed and missing.
    """
    if v is not None:
        _, parts = as_tuple(v, "v", name)
        parts = fresh(parts, create_graph, tracked=False)
        _check_vector(parts, like, is_tuple)
        return parts
    if len(like) == 1 and like[0].node.size == 1:
        return None
    if name == "vjp":
        words = "the user-provided function returns a single Tensor with a single element."
    else:
        words = "the input to the user-provided function is a single Tensor with a single element."
    raise GradError(
        f"{name} needs a vector v: there is more than one number to multiply with",
        torch=f"The vector v can only be None if {words}",
    )


def vjp(
    context: Context, func: Any, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs, and v times the Jacobian."""
    with recording(True):
        is_tuple, given = as_tuple(inputs, "inputs", "vjp")
        own = fresh(given, create_graph)
        several, outputs = call_function(context, func, own, "vjp")
        check_depends(outputs, strict)
        seeds = _vector(v, outputs, several, create_graph, "vjp")
    with recording(create_graph or MODE.recording):
        found = filled_in(pull_back(outputs, own, seeds, create_graph), own, strict, create_graph)
    return (
        unpacked(detached(outputs, create_graph), several),
        unpacked(detached(found, create_graph), is_tuple),
    )


def jvp(
    context: Context, func: Any, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs, and the Jacobian times v."""
    with recording(True):
        is_tuple, given = as_tuple(inputs, "inputs", "jvp")
        own = fresh(given, create_graph)
        tangents = _vector(v, own, is_tuple, create_graph, "jvp") or tuple(
            Tensor(filled(i.shape, i.dtype, 1), context) for i in own
        )
        several, outputs = call_function(context, func, own, "jvp")
        check_depends(outputs, strict)
        for output in outputs:
            if not output.dtype.floating:
                raise GradError(f"an output of {output.dtype!r} has no derivative", op="jvp", torch=NOT_FLOATING)
        if strict:
            ones = [Tensor(filled(o.shape, o.dtype, 1), context) for o in outputs]
            filled_in(pull_back(outputs, own, ones, False), own, strict)
        directions = {i.node: to_dtype(t.node, i.dtype) for i, t in zip(own, tangents, strict=True)}
        nodes = push_forward([o.node for o in outputs], directions)
        pushed = [None if node is None else Tensor(node, context) for node in nodes]
        found = filled_in(pushed, outputs, strict, create_graph, "back_trick")
    return (
        unpacked(detached(outputs, create_graph), several),
        unpacked(detached(found, create_graph), several),
    )


def vhp(
    context: Context, func: Any, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of a scalar function, and v times its Hessian."""
    return _hessian_product(context, "vhp", func, inputs, v, create_graph, strict)


def hvp(
    context: Context, func: Any, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of a scalar function, and its Hessian times v: the same as v times it, since it is symmetric."""
    return _hessian_product(context, "hvp", func, inputs, v, create_graph, strict)


def _hessian_product(
    context: Context, name: str, func: Any, inputs: Any, v: Any, create_graph: bool, strict: bool
) -> tuple[Any, Any]:
    with recording(True):
        is_tuple, given = as_tuple(inputs, "inputs", name)
        own = fresh(given, create_graph)
        seeds = _vector(v, own, is_tuple, create_graph, name)
        output = scalar_output(context, func, own, name, strict)
        gradient = filled_in(pull_back([output], own, None, True), own, strict)
        check_curved(gradient, strict)
        stage = "double_back" if name == "vhp" else "double_back_trick"
        found = filled_in(pull_back(gradient, own, seeds, create_graph), own, strict, create_graph, stage)
    return detached(output, create_graph), unpacked(detached(found, create_graph), is_tuple)
