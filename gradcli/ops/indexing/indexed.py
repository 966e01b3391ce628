"""Rows put, added or combined along a dimension where an integer tensor points (index_add and its like), and put."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import IndexError_, RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op, same
from gradcli.ops.dtyperules import TITLES
from gradcli.ops.elementwise.arithmetic import mul
from gradcli.ops.indexing.gather import (
    at_dim,
    check_integers,
    check_range,
    index_select,
    take,
)
from gradcli.ops.indexing.scatter import overwrite, reduce_rule, reduced, same_dtypes
from gradcli.ops.reductions.reduce import sum_
from gradcli.ops.shapes.convert import zeros_as
from gradcli.ops.shapes.shape import expand, reshape
from gradcli.shapes import Shape, normal_dim


def _slices_shape(name: str, error: type[IndexError_] | type[ShapeError]) -> Callable[..., Shape]:
    def check(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
        x, index, src = inputs
        dim = normal_dim(params["dim"], x.ndim)
        if index.ndim > 1:
            raise IndexError_(
                f"the index has shape {index.shape}; it has to be a vector",
                torch=f"{name}(): Index should have dimension 1 or 0",
            )
        check_integers(index, name)
        same_dtypes(
            x,
            src,
            f"{name}(): self and source expected to have the same dtype, but got (self) {TITLES[x.dtype.name]} and "
            f"(source) {TITLES[src.dtype.name]}",
        )
        wanted: Shape = (*x.shape[:dim], index.size, *x.shape[dim + 1 :]) if x.ndim else ()
        scalars = name == "index_copy_" and not x.ndim and src.shape in ((), (1,))
        if src.shape != wanted and not scalars:
            own = src.shape[dim] if dim < src.ndim else 1
            raise error(
                f"the values have shape {src.shape}; the places have shape {wanted}",
                torch=f"{name}(): Number of indices ({index.size}) should be equal to source.size(dim): ({own}), "
                f"for dim: {dim}",
            )
        return same(inputs, params)

    return check


def _slices(x: Any, index: Any, src: Any, dim: int, combine: Callable[[Any, Any, Any], None]) -> Any:
    result = np.array(x, order="C")
    target = result.reshape(1) if result.ndim == 0 else result
    dim %= target.ndim
    check_range(index, target.shape[dim], dim)
    values = np.reshape(src, 1) if isinstance(src, np.ndarray) and src.ndim == 0 else src
    combine(target, at_dim(dim, index.reshape(-1)), values)
    return result


def _back_to(g: Node, src: Node) -> Node:
    """The cotangent of the values in their own shape, which a 0-d tensor may have otherwise."""
    node: Node = g if g.shape == src.shape else reshape(g, shape=src.shape)
    return node


index_add: Op = op(
    "index_add(Tensor input, int dim, Tensor index, Tensor source, *, Scalar alpha=1)",
    "input with alpha times the slices of source added at the given indices of dim.",
    kernel=lambda x, index, source, dim, alpha: _slices(
        x, index, source if alpha == 1 else np.asarray(source * alpha, x.dtype), dim, np.add.at
    ),
    grad=[
        lambda g, y, x, index, source, dim, alpha: g,
        None,
        lambda g, y, x, index, source, dim, alpha: mul(_back_to(index_select(g, index, dim=dim), source), alpha),
    ],
    shape=_slices_shape("index_add_", ShapeError),
    dtype=kept,
    grad_fn="IndexAddBackward0",
    inplace=True,
    samples=[
        draw((4, 2), (3, 2), dim=0, index=[0, 2, 2], alpha=1),
        draw((2, 4), (2, 2), dim=-1, index=[3, 0], alpha=-1.5),
    ],
    wrong=[("index_add(ones(4), 0, tensor([9]), ones(1))", "out of range")],
)
index_fill_value: Op = op(
    "index_fill(Tensor input, int dim, Tensor index, Tensor value)",
    "input with a number in the slices at the given indices of dim.",
    kernel=lambda x, index, value, dim: _fill_slices(x, index, dim, value),
    grad=[
        lambda g, y, x, index, value, dim: index_fill(g, index, dim=dim, value=0.0),
        None,
        lambda g, y, x, index, value, dim: sum_(g - index_fill(g, index, dim=dim, value=0.0), dim=None, keepdim=False),
    ],
    shape=lambda inputs, params: _fill_shape(inputs, params),
    dtype=lambda inputs, params: (None, inputs[0].dtype),
    grad_fn=("IndexFillBackward1", "IndexFillBackward1"),
    inplace=True,
    samples=[draw((4, 2), (), dim=0, index=[0, 2])],
)
index_fill: Op = op(
    "index_fill(Tensor input, int dim, Tensor index, Scalar value)",
    "input with a number in the slices at the given indices of dim.",
    kernel=lambda x, index, dim, value: _fill_slices(x, index, dim, value),
    grad=[lambda g, y, x, index, dim, value: index_fill(g, index, dim=dim, value=0.0), None],
    shape=lambda inputs, params: _fill_shape(inputs, params),
    dtype=kept,
    grad_fn=("IndexFillBackward0", "IndexFillBackward0"),
    inplace=True,
    samples=[draw((4, 2), dim=0, index=[0, 2], value=2.5)],
)


def _fill_slices(x: Any, index: Any, dim: int, value: Any) -> Any:
    result = np.array(x, order="C")
    target = result.reshape(1) if result.ndim == 0 else result
    dim %= target.ndim
    check_range(index, target.shape[dim], dim, negative=True)
    target[at_dim(dim, index.reshape(-1))] = value
    return result


def _fill_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    x, index, *value = inputs
    normal_dim(params["dim"], x.ndim)
    if index.ndim > 1:
        raise ShapeError(
            f"the index has shape {index.shape}; it has to be a vector", torch="Index has to be a vector/scalar"
        )
    if index.dtype is not dtypes.int64:
        raise IndexError_(
            f"the index has dtype {index.dtype}; it has to be int64",
            torch="index_fill_(): Expected dtype int64 for index.",
        )
    if value and value[0].ndim:
        raise ShapeError(
            f"the value to fill with has shape {value[0].shape}; it can only be one number",
            torch="index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value[0].ndim} dimension(s).",
        )
    return same(inputs, params)


index_copy: Op = op(
    "index_copy(Tensor input, int dim, Tensor index, Tensor source)",
    "input with the slices of source at the given indices of dim.",
    kernel=lambda x, index, source, dim: _slices(x, index, source, dim, overwrite),
    grad=[
        lambda g, y, x, index, source, dim: index_fill(g, index, dim=dim, value=0.0),
        None,
        lambda g, y, x, index, source, dim: _back_to(index_select(g, index, dim=dim), source),
    ],
    shape=_slices_shape("index_copy_", IndexError_),
    dtype=kept,
    grad_fn="IndexCopyBackward0",
    inplace=True,
    samples=[draw((4, 2), (2, 2), dim=0, index=[0, 2])],
)


def _index_reduced(x: Any, index: Any, source: Any, dim: int, reduce: str, include_self: bool) -> Any:
    wide = _along(index, source.shape, dim % max(x.ndim, 1))
    return reduced(x, wide, np.asarray(source), dim, reduce, include_self)


def _along(index: Any, shape: Shape, dim: int) -> Any:
    """A vector of indices as an index tensor of a shape, the same for all other dimensions."""
    if not shape:
        return index.reshape(())
    return np.broadcast_to(index.reshape((-1,) + (1,) * (len(shape) - dim - 1)), shape)


def _index_reduce_rule(
    g: Node, y: Node, x: Node, index: Node, source: Node, dim: int, reduce: str, include_self: bool
) -> tuple[Node, None, Node]:
    at = normal_dim(dim, x.ndim)
    wide: Node
    if not source.shape:
        wide = reshape(index, shape=())
    else:
        wide = expand(reshape(index, shape=(-1,) + (1,) * (source.ndim - at - 1)), size=source.shape)
    return reduce_rule(g, y, x, wide, source, dim, reduce, include_self)


def _index_reduce_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    if params["reduce"] not in ("prod", "mean", "amax", "amin"):
        raise RefusedValue(
            f"reduce is {params['reduce']!r}; it can be prod, mean, amax or amin",
            torch=f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {params['reduce']}.",
        )
    return _slices_shape("index_reduce", ShapeError)(inputs, params)


op(
    "index_reduce(Tensor input, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True)",
    "input with the slices of source combined at the given indices of dim: prod, mean, amax or amin.",
    kernel=_index_reduced,
    joint=_index_reduce_rule,
    shape=_index_reduce_shape,
    dtype=kept,
    grad_fn="IndexReduceBackward0",
    inplace=True,
    samples=[
        draw((4, 2), (3, 2), dim=0, index=[0, 2, 2], reduce=reduce, include_self=own)
        for reduce in ("prod", "mean", "amax", "amin")
        for own in (True, False)
    ],
)  # fmt: skip

# put: elements of the flattened tensor


def _put_flat(x: Any, index: Any, source: Any, accumulate: bool) -> Any:
    result = np.array(x, order="C")
    places = index.reshape(-1)
    outside = "out of range: tried to access index {index} on a tensor of " + f"{x.size} elements."
    check_range(places, x.size, 0, negative=True, torch=outside)
    if accumulate:
        np.add.at(result.reshape(-1), places, source.reshape(-1))
    else:
        result.reshape(-1)[places] = source.reshape(-1)
    return result


def _put_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    x, index, source = inputs
    same_dtypes(x, source, "put_(): self and source expected to have the same dtype")
    if index.size != source.size:
        raise IndexError_(
            f"there are {source.size} values for {index.size} indices",
            torch="put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.size}, index.numel() = {index.size}",
        )
    return same(inputs, params)


put: Op = op(
    "put(Tensor input, Tensor index, Tensor source, bool accumulate=False)",
    "input with the elements of source at the indices of its flattened form, or added there.",
    kernel=_put_flat,
    grad=[
        lambda g, y, x, index, source, accumulate: (
            g if accumulate else put(g, index, zeros_as(source), accumulate=False)
        ),
        None,
        lambda g, y, x, index, source, accumulate: reshape(take(g, index), shape=source.shape),
    ],
    shape=_put_shape,
    dtype=kept,
    grad_fn="PutBackward0",
    inplace=True,
    samples=[draw((2, 3), 2, index=[0, -1], accumulate=False), draw((2, 3), 3, index=[0, 1, 1], accumulate=True)],
)
