"""Scattering: values put, added or combined, element by element, where integer tensors point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op, same
from gradcli.ops.creation.create import ones, zeros
from gradcli.ops.declare import refuse
from gradcli.ops.elementwise.arithmetic import mul
from gradcli.ops.elementwise.compare import eq, where
from gradcli.ops.indexing.gather import (
    check_gather_shape,
    check_integers,
    check_range,
    gather,
    grid,
)
from gradcli.ops.shapes.convert import to_dtype
from gradcli.ops.shapes.part import slice_
from gradcli.ops.shapes.views import spread
from gradcli.shapes import Shape

Kernel = Callable[..., Any]


# scatter: along a dimension, element by element


def same_dtypes(x: Node, src: Node, torch: str) -> None:
    """Refuse values of another dtype.

    Raises: DtypeError.
    """
    if x.dtype is not src.dtype:
        raise DtypeError(
            f"the values are of {src.dtype}, the tensor is of {x.dtype}",
            hint=f"convert them: .to({x.dtype})",
            torch=torch,
        )


def _scattered(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    x, index, *src = inputs
    check_integers(index, "scatter", (dtypes.int64, dtypes.int32))
    check_gather_shape(x.shape, index.shape, params["dim"], "self")
    if src and index.size:
        same_dtypes(x, src[0], "scatter(): Expected self.dtype to be equal to src.dtype")
        if max(src[0].ndim, 1) != max(index.ndim, 1):
            raise ShapeError(
                f"the values have {src[0].ndim} dimensions, the index has {index.ndim}",
                torch="Index tensor must have the same number of dimensions as src tensor",
            )
        if any(size > own for size, own in zip(index.shape, src[0].shape, strict=False)):
            raise ShapeError(
                f"the index of shape {index.shape} is larger than the values of shape {src[0].shape}",
                torch=f"Expected index {list(index.shape)} to be no larger than self {list(x.shape)} apart from "
                f"dimension {params['dim']} and to be no larger size than src {list(src[0].shape)}",
            )
    return same(inputs, params)


def _combined(x: Any, index: Any, src: Any, dim: int, combine: Callable[[Any, Any, Any], None]) -> Any:
    """A copy of x in which `combine(target, places, values)` put the values where the index points."""
    result = np.array(x, order="C")
    if index.size:
        target, places = (a.reshape(1) if a.ndim == 0 else a for a in (result, index))
        dim %= target.ndim
        check_range(places, target.shape[dim], dim)
        if not isinstance(src, np.ndarray):
            values = np.asarray(src).astype(x.dtype)
        else:
            values = np.reshape(src, 1) if src.ndim == 0 else src[tuple(slice(n) for n in places.shape)]
        combine(target, grid(places, dim), values)
    return result


def overwrite(target: Any, places: Any, values: Any) -> None:
    """Put values in their places."""
    target[places] = values


_COMBINE: dict[str, Callable[[Any, Any, Any], None]] = {
    "sum": np.add.at, "mean": np.add.at, "add": np.add.at, "prod": np.multiply.at, "multiply": np.multiply.at,
    "amax": np.maximum.at, "amin": np.minimum.at,
}  # fmt: skip


def _overwritten(g: Node, index: Node, dim: int) -> Node:
    """The cotangent of what was not overwritten."""
    node: Node = _scatter_value(g, index, dim=dim, value=0.0)
    return node


scatter_src: Op = op(
    "scatter(Tensor input, int dim, Tensor index, Tensor src)",
    "input with the elements of src at the indices along dim: y[index[i][j]][j] = src[i][j] for dim 0.",
    kernel=lambda x, index, src, dim: _combined(x, index, src, dim, overwrite),
    grad=[
        lambda g, y, x, index, src, dim: _overwritten(g, index, dim),
        None,
        lambda g, y, x, index, src, dim: _in_place_of(gather(g, index, dim=dim), src),
    ],
    shape=_scattered,
    dtype=kept,
    grad_fn=("ScatterBackward0", "ScatterBackward0"),
    inplace=True,
    samples=[
        draw((3, 4), (2, 4), dim=0, index=[[0, 2, 1, 0], [1, 0, 2, 2]]),
        draw((3, 4), (3, 4), dim=-1, index=[[3, 0], [1, 2], [0, 1]]),
    ],
)
_scatter_value: Op = op(
    "scatter(Tensor input, int dim, Tensor index, Scalar value)",
    "input with a number at the indices along dim.",
    kernel=lambda x, index, dim, value: _combined(x, index, value, dim, overwrite),
    grad=[lambda g, y, x, index, dim, value: _overwritten(g, index, dim), None],
    shape=_scattered,
    dtype=kept,
    grad_fn=("ScatterBackward1", "ScatterBackward1"),
    inplace=True,
    samples=[draw((3, 4), dim=0, index=[[0, 2, 1, 0], [1, 0, 2, 2]], value=1.5)],
    wrong=[("scatter(ones(4), 0, tensor([4]), 1.0)", "out of range")],
)


def _in_place_of(g: Node, src: Node) -> Node:
    """The cotangent of the part of src that was used, in the shape of src."""
    if g.shape == src.shape:
        return g
    steps = tuple((slice_, {"dim": dim, "start": 0, "end": size, "step": 1}) for dim, size in enumerate(g.shape))
    node: Node = spread(g, shape=src.shape, steps=steps)
    return node


def _reduce_word(reduce: str) -> None:
    if reduce not in ("add", "multiply"):
        raise RefusedValue(
            f"reduce is {reduce!r}; it can be 'add' or 'multiply'",
            torch="reduce argument must be either add or multiply.",
        )


def _scattered_by(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    _reduce_word(params["reduce"])
    return _scattered(inputs, params)


op(
    "scatter(Tensor input, int dim, Tensor index, Tensor src, *, str reduce)",
    "input with the elements of src added or multiplied in at the indices along dim; torch has no derivative for it.",
    kernel=lambda x, index, src, dim, reduce: _combined(x, index, src, dim, _COMBINE[reduce]),
    grad=[refuse, None, refuse],
    shape=_scattered_by,
    dtype=kept,
    grad_fn=("NotImplemented", "NotImplemented"),
    inplace=True,
)
op(
    "scatter(Tensor input, int dim, Tensor index, Scalar value, *, str reduce)",
    "input with a number added or multiplied in at the indices along dim; torch has no derivative for it.",
    kernel=lambda x, index, dim, value, reduce: _combined(x, index, value, dim, _COMBINE[reduce]),
    grad=[refuse, None],
    shape=_scattered_by,
    dtype=kept,
    grad_fn=("NotImplemented", "NotImplemented"),
    inplace=True,
)
scatter_add: Op = op(
    "scatter_add(Tensor input, int dim, Tensor index, Tensor src)",
    "input with the elements of src added at the indices along dim.",
    kernel=lambda x, index, src, dim: _combined(x, index, src, dim, np.add.at),
    grad=[
        lambda g, y, x, index, src, dim: g,
        None,
        lambda g, y, x, index, src, dim: _in_place_of(gather(g, index, dim=dim), src),
    ],
    shape=_scattered,
    dtype=kept,
    grad_fn="ScatterAddBackward0",
    inplace=True,
    samples=[draw((3, 4), (2, 4), dim=0, index=[[0, 2, 1, 0], [0, 0, 2, 2]])],
)

# scatter_reduce and index_reduce: values that meet are combined

_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")
_EMPTY: dict[str, float] = {"sum": 0, "mean": 0, "prod": 1}


def _neutral(reduce: str, dtype: np.dtype[Any]) -> Any:
    """What a place starts from when its own value does not count."""
    if reduce in _EMPTY:
        return _EMPTY[reduce]
    low = reduce == "amax"
    if dtype.kind == "f":
        return -np.inf if low else np.inf
    if dtype.kind == "b":
        return not low
    return np.iinfo(dtype).min if low else np.iinfo(dtype).max


def reduced(x: Any, index: Any, src: Any, dim: int, reduce: str, include_self: bool) -> Any:
    """x with the values of src combined into it where index points."""
    start = x
    if not include_self:
        start = _combined(x, index, _neutral(reduce, x.dtype), dim, overwrite)
    result = _combined(start, index, src, dim, _COMBINE[reduce])
    if reduce == "mean":
        counts = np.ones(x.shape, np.int64) if include_self else np.zeros(x.shape, np.int64)
        counts = np.maximum(_combined(counts, index, 1, dim, np.add.at), 1)
        result = result / counts if x.dtype.kind == "f" else result // counts
    return np.asarray(result, x.dtype)


def _reduced_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    if params["reduce"] not in _REDUCTIONS:
        raise RefusedValue(
            f"reduce is {params['reduce']!r}; it can be sum, prod, mean, amax or amin",
            torch=f"reduce argument must be either sum, prod, mean, amax or amin, got {params['reduce']}",
        )
    return _scattered(inputs, params)


def reduce_rule(
    g: Node, y: Node, x: Node, index: Node, src: Node, dim: int, reduce: str, include_self: bool
) -> tuple[Node, None, Node]:
    """Source: PyTorch's `scatter_reduce_backward`."""
    if reduce == "prod":
        of_x, of_src = _product_rule(g, y, x, index, src, dim, include_self)
    elif reduce == "mean":
        counts = (ones if include_self else zeros)(x.shape, x.dtype)
        counts = scatter_add(counts, index, ones(src.shape, x.dtype), dim=dim)
        counts = where(eq(counts, 0), 1.0, counts)
        of_x = g / counts
        of_src = gather(of_x, index, dim=dim)
    elif reduce == "sum":
        of_x, of_src = g, gather(g, index, dim=dim)
    else:
        of_x, of_src = _extreme_rule(g, y, x, index, src, dim)
    if not include_self:
        of_x = _overwritten(of_x, index, dim)
    return of_x, None, _in_place_of(of_src, src)


def _used(src: Node, index: Node) -> Node:
    """The part of src that the index covers."""
    if src.shape == index.shape:
        return src
    for dim, size in enumerate(index.shape):
        if src.shape[dim] != size:
            src = slice_(src, dim=dim, start=0, end=size, step=1)
    return src


def _product_rule(g: Node, y: Node, x: Node, index: Node, src: Node, dim: int, include_self: bool) -> tuple[Node, Node]:
    """The product of the others: result / own, except where own is 0 and the only 0."""
    src = _used(src, index)
    options: dict[str, Any] = {"dim": dim, "reduce": "prod", "include_self": include_self}
    safe = where(eq(x, 0), 1.0, x)
    of_x = g * scatter_reduce(safe, index, src, **options) / safe
    zero = eq(src, 0)
    count = gather(scatter_add(zeros(x.shape, x.dtype), index, to_dtype(zero, x.dtype), dim=dim), index, dim=dim)
    single = mul(to_dtype(zero, x.dtype), to_dtype(eq(count, 1), x.dtype)) > 0
    others = scatter_reduce(x, index, where(single, 1.0, src), **options)
    of_src = where(
        single,
        gather(g * others, index, dim=dim),
        gather(g * y, index, dim=dim) / where(zero, 1.0, src),
    )
    return of_x, of_src


def _extreme_rule(g: Node, y: Node, x: Node, index: Node, src: Node, dim: int) -> tuple[Node, Node]:
    """Ties share the gradient."""
    src = _used(src, index)
    own = to_dtype(eq(x, y), g.dtype)
    theirs = to_dtype(eq(src, gather(y, index, dim=dim)), g.dtype)
    shared = g / scatter_add(own, index, theirs, dim=dim)
    return where(eq(own, 1), shared, 0.0), theirs * gather(shared, index, dim=dim)


scatter_reduce: Op = op(
    "scatter_reduce(Tensor input, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True)",
    "input with the elements of src combined at the indices along dim: sum, prod, mean, amax or amin.",
    kernel=reduced,
    joint=reduce_rule,
    shape=_reduced_shape,
    dtype=kept,
    grad_fn="ScatterReduceBackward0",
    inplace=True,
    samples=[
        draw((3, 4), (2, 4), dim=0, index=[[0, 2, 1, 0], [0, 0, 2, 2]], reduce=reduce, include_self=own)
        for reduce in _REDUCTIONS
        for own in (True, False)
    ],
)  # fmt: skip
