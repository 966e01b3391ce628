"""The largest and smallest elements, of all or along dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, IndexError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, index, kept, op
from gradcli.ops.elementwise.compare import eq, maximum, minimum, ne, where
from gradcli.ops.indexing.along import put_along
from gradcli.ops.reductions.reduce import (
    ALL_SAMPLES,
    DIM_SAMPLES,
    no_elements,
    some_along,
    some_anywhere,
    some_elements,
    sum_,
    sum_all,
    two_along,
    with_indices,
)
from gradcli.ops.shapes.convert import to_dtype
from gradcli.ops.shapes.shape import expand_reduced, reshape
from gradcli.shapes import Shape, normal_dim, normal_dims, reduced_shape


def _same_as(x: Node, y: Node) -> Node:
    """Where x equals y, counting nan as equal to nan: a bool node."""
    return where(ne(y, y), ne(x, x), eq(x, y))


def share_all(g: Node, y: Node, x: Node) -> Any:
    """All elements that equal the result share its cotangent evenly."""
    mask = to_dtype(_same_as(x, y), x.dtype)
    return g * (mask / sum_all(mask))


def _share_along(g: Node, y: Node, x: Node, dim: Any, keepdim: bool) -> Any:
    """The elements along dim that equal the result share its cotangent evenly."""
    mask = to_dtype(eq(x, expand_reduced(y, x.shape, dim, keepdim)), x.dtype)
    return expand_reduced(g, x.shape, dim, keepdim) * mask / sum_(mask, dim=dim, keepdim=True)


def chosen(g: tuple[Node | None, ...], y: tuple[Node, ...], x: Node, dim: int, keepdim: bool) -> Node | None:
    """The cotangent of the values goes to the chosen index."""
    return None if g[0] is None else put_back(g[0], y[1], x.shape, dim, keepdim)


def put_back(g: Node, indices: Node, shape: Shape, dim: int, keepdim: bool) -> Any:
    """The cotangent of a reduction that picked one element along dim, at that element."""
    if not shape:
        return reshape(g, shape=())
    at = normal_dim(dim, len(shape))
    if not keepdim:
        kept_shape = reduced_shape(shape, (at,), True)
        g, indices = reshape(g, shape=kept_shape), reshape(indices, shape=kept_shape)
    result: Node = put_along(g, indices, dim=at, size=shape[at])
    return result


def _extreme_along(pick: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(x: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
        if not np.ndim(x):
            return x, np.int64(0)
        at = normal_dim(dim, x.ndim)
        where_ = pick(x, axis=at, keepdims=True)
        values = np.take_along_axis(x, where_, at)
        return (values, where_) if keepdim else (values.squeeze(at), where_.squeeze(at))

    return kernel


def _extremes(name: str, word: str, reduce: Any, pick: Any, elementwise: Op) -> Op:
    """max or min: of all elements, along a dimension with indices, of two tensors; the op returned is amax or amin."""
    title = name.capitalize()
    op(
        f"{name}(Tensor input)",
        f"The {word} element; ties share the gradient evenly.",
        kernel=reduce,
        grad=share_all,
        shape=some_elements,
        dtype=kept,
        grad_fn=(f"{title}Backward1", f"{title}Backward1"),
        samples=ALL_SAMPLES,
    )
    op(
        f"{name}(Tensor input, int dim, bool keepdim=False)",
        f"The {word} elements along dim and their indices; the gradient goes to the chosen index.",
        outputs=("values", "indices"),
        kernel=_extreme_along(pick),
        grad=chosen,
        shape=two_along,
        dtype=with_indices,
        grad_fn=(f"{title}Backward0", f"{title}Backward0"),
        samples=[draw((2, 3), dim=1, keepdim=False), draw((2, 3, 2), dim=0, keepdim=True)],
    )
    op(
        f"{name}(Tensor input, Tensor other)",
        f"The {word} of both, element by element; ties share the gradient.",
        expands=lambda x, y: elementwise(x, y),
        grad_fn=(f"{title}Backward2", elementwise.torch2 or ""),
        samples=[draw(3, 3), draw((2, 3), 3)],
    )
    return op(
        f"a{name}(Tensor input, dims? dim=(), bool keepdim=False)",
        f"The {word} element along dim; ties share the gradient evenly.",
        kernel=lambda x, dim, keepdim: reduce(x, axis=normal_dims(dim, x.ndim), keepdims=keepdim),
        grad=_share_along,
        shape=some_anywhere,
        dtype=kept,
        grad_fn=f"A{name}Backward0",
        samples=DIM_SAMPLES,
    )


amax: Op = _extremes("max", "largest", np.max, np.argmax, maximum)
amin: Op = _extremes("min", "smallest", np.min, np.argmin, minimum)


def _aminmax_shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    shape = some_anywhere(inputs, params)
    return shape, shape


op(
    "aminmax(Tensor input, *, int? dim=None, bool keepdim=False)",
    "The smallest and the largest element along dim; ties share the gradient evenly.",
    outputs=("min", "max"),
    kernel=lambda x, dim, keepdim: (
        np.min(x, axis=normal_dims(dim, x.ndim), keepdims=keepdim),
        np.max(x, axis=normal_dims(dim, x.ndim), keepdims=keepdim),
    ),
    grad=lambda g, y, x, dim, keepdim: _share_both(g, y, x, dim, keepdim),
    shape=_aminmax_shape,
    dtype=lambda inputs, params: (None, (inputs[0].dtype, inputs[0].dtype)),
    grad_fn="AminmaxBackward0",
    samples=[draw((2, 3), dim=None, keepdim=False), draw((2, 3), dim=1, keepdim=True)],
)


def _share_both(g: tuple[Node | None, ...], y: tuple[Node, ...], x: Node, dim: Any, keepdim: bool) -> Any:
    parts = [_share_along(gi, yi, x, dim, keepdim) for gi, yi in zip(g, y, strict=True) if gi is not None]
    return parts[0] + parts[1] if len(parts) == 2 else parts[0] if parts else None


def _arg_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    if params["dim"] is None and 0 in inputs[0].shape:
        refusal = no_elements(inputs[0].shape)
        words = "{op}(): Expected reduction dim to be specified for input.numel() == 0."
        raise IndexError_(refusal.message, hint=refusal.hint, torch=words)
    if inputs[0].dtype is dtypes.bool_:
        raise DtypeError("it does not take bool", hint="convert it first: x.int()", torch="does not support bool input")
    return some_along(inputs, params)


def _arg_kernel(pick: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(x: Any, dim: int | None, keepdim: bool) -> Any:
        axis = None if dim is None or not np.ndim(x) else dim
        return pick(x, axis=axis, keepdims=keepdim)

    return kernel


def _place(name: str, word: str, pick: Callable[..., Any]) -> Op:
    return op(
        f"{name}(Tensor input, int? dim=None, bool keepdim=False)",
        f"The index of the {word} element, along dim or among all; the first of equals.",
        kernel=_arg_kernel(pick),
        shape=_arg_shape,
        dtype=index,
        samples=[draw((2, 3), dim=None, keepdim=False), draw((2, 3), dim=1, keepdim=False)],
    )


argmax: Op = _place("argmax", "largest", np.argmax)
argmin: Op = _place("argmin", "smallest", np.argmin)
