"""Scans: sums, products, extremes and log-sums of all that comes before, along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op, promoted, same
from gradcli.ops.indexing.along import put_along
from gradcli.shapes import normal_dim


def _scan_dtype(inputs: tuple[Node, ...], params: Any) -> tuple[dtypes.DType | None, Any]:
    """Integers and bools add up as int64."""
    normal_dim(params["dim"], inputs[0].ndim)
    own: dtypes.DType = inputs[0].dtype
    dtype = params.get("dtype") or (own if own.floating else dtypes.int64)
    return dtype, dtype


def _along(x: Any, dim: int, reverse: bool) -> Any:
    """The array with dim last, reversed when the scan runs from the end."""
    x = np.moveaxis(np.atleast_1d(x), dim, -1)
    return x[..., ::-1] if reverse else x


def _back(x: Any, shape: tuple[int, ...], dim: int, reverse: bool) -> Any:
    x = x[..., ::-1] if reverse else x
    return np.moveaxis(x, -1, dim).reshape(shape)


def _accumulate(ufunc: np.ufunc, x: Any, dim: int, reverse: bool) -> Any:
    """ufunc of everything up to each element; floats accumulate in double precision, as in torch, from 0 or 1 on."""
    if not x.ndim:
        return x
    flipped = np.flip(x, dim) if reverse else x
    wide = np.float64 if x.dtype.kind == "f" else x.dtype
    result = ufunc.accumulate(flipped, axis=dim, dtype=wide).astype(x.dtype, copy=False)
    if ufunc is np.add and x.dtype.kind == "f":
        result += 0.0  # a sum that begins with 0 is never -0.0
    return np.flip(result, dim) if reverse else result


cumsum_: Op = op(
    "_cumsum(Tensor input, int dim, bool reverse)",
    "The sum of each element and what comes before it (after it, if reverse) along dim.",
    spelled=["_"],
    kernel=lambda x, dim, reverse: _accumulate(np.add, x, dim, reverse),
    grad=lambda g, y, x, dim, reverse: cumsum_(g, dim=dim, reverse=not reverse),
    shape=same,
    dtype=kept,
    grad_fn=("CumsumBackward0", "CumsumBackward0"),
    linear=True,
)
cumsum: Op = op(
    "cumsum(Tensor input, int dim, *, dtype? dtype=None)",
    "The sum of each element and what comes before it along dim.",
    kernel=lambda x, dim, dtype: _accumulate(np.add, x, dim, False),
    grad=lambda g, y, x, dim, dtype: cumsum_(g, dim=dim, reverse=True),
    shape=same,
    dtype=_scan_dtype,
    grad_fn=("CumsumBackward0", "CumsumBackward0"),
    linear=True,
    inplace=True,
    samples=[draw(4, dim=0, dtype=None), draw((2, 3), dim=-1, dtype=None), draw((2, 3), dim=0, dtype=None)],
)


# --- products


def _shifted(x: Any, dim: int, by: int, fill: float) -> Any:
    result = np.full_like(x, fill)
    if x.ndim and abs(by) < x.shape[dim]:
        source, target = [slice(None)] * x.ndim, [slice(None)] * x.ndim
        source[dim], target[dim] = (
            (slice(None, -by), slice(by, None)) if by > 0 else (slice(-by, None), slice(None, by))
        )
        result[tuple(target)] = x[tuple(source)]
    return result


shift: Op = op(
    "_shift(Tensor input, int dim, int by, float fill)",
    "input moved by so many places along dim, fill where nothing moved in.",
    spelled=["_"],
    kernel=_shifted,
    grad=lambda g, y, x, dim, by, fill: shift(g, dim=dim, by=-by, fill=0.0),
    shape=same,
    dtype=kept,
    samples=[draw((2, 4), dim=1, by=1, fill=1.0), draw((3, 2), dim=0, by=-2, fill=0.0)],
)


def _recur(a: Any, b: Any, dim: int, reverse: bool) -> Any:
    """h[t] = a[t] h[t-1] + b[t]. Long scans by doubling: composing affine maps is associative."""
    if not b.ndim:
        return b
    steps, start = _along(a, dim, reverse), _along(b, dim, reverse)
    wide = np.float64 if b.dtype == np.float64 else np.float32
    n = start.shape[-1]
    if n * 8 <= start.size or n <= 64:
        h = np.array(np.moveaxis(start, -1, 0), dtype=wide, order="C")  # a step is one stretch of memory
        gain = np.moveaxis(steps, -1, 0)
        for t in range(1, n):
            h[t] += gain[t] * h[t - 1]
        h = np.moveaxis(h, 0, -1)
    else:
        h = start.astype(wide)
        gain, width = steps.astype(h.dtype), 1
        while width < n:
            h[..., width:] += gain[..., width:] * h[..., :-width].copy()
            gain[..., width:] *= gain[..., :-width].copy()
            width *= 2
    return np.ascontiguousarray(_back(h, b.shape, dim, reverse)).astype(b.dtype, copy=False)


def _gain_rule(g: Node, y: Node, a: Node, b: Node, dim: int, reverse: bool) -> Any:
    by = -1 if reverse else 1
    return _carried(g, a, dim, reverse) * shift(y, dim=dim, by=by, fill=0.0)


def _carried(g: Node, a: Node, dim: int, reverse: bool) -> Node:
    """What a cotangent of every step means for each step: the same recurrence, backwards, with the next step's gain."""
    by = -1 if reverse else 1
    result: Node = recurrence(shift(a, dim=dim, by=-by, fill=0.0), g, dim=dim, reverse=not reverse)
    return result


recurrence: Op = op(
    "_recurrence(Tensor gain, Tensor input, int dim, bool reverse)",
    "h[t] = gain[t] h[t-1] + input[t] along dim (h[t+1] if reverse), starting from 0.",
    spelled=["_"],
    kernel=_recur,
    grad=[_gain_rule, lambda g, y, a, b, dim, reverse: _carried(g, a, dim, reverse)],
    shape=same,
    dtype=promoted,
    samples=[draw((2, 4), (2, 4), dim=1, reverse=False), draw((3, 2), (3, 2), dim=0, reverse=True)],
)


def _cumprod_rule(g: Node, y: Node, x: Node, dim: int, reverse: bool = False, dtype: Any = None) -> Any:
    """No division, so zeros do no harm: what comes before each element, times what its successors carry back."""
    dim = normal_dim(dim, x.ndim)
    by = -1 if reverse else 1
    return _carried(g, x, dim, reverse) * (shift(y, dim=dim, by=by, fill=1.0) if x.ndim else 1.0)


cumprod_: Op = op(
    "_cumprod(Tensor input, int dim, bool reverse)",
    "The product of each element and what comes before it (after it, if reverse) along dim.",
    spelled=["_"],
    kernel=lambda x, dim, reverse: _accumulate(np.multiply, x, dim, reverse),
    grad=_cumprod_rule,
    shape=same,
    dtype=kept,
    grad_fn=("CumprodBackward0", "CumprodBackward0"),
)
cumprod: Op = op(
    "cumprod(Tensor input, int dim, *, dtype? dtype=None)",
    "The product of each element and what comes before it along dim.",
    kernel=lambda x, dim, dtype: _accumulate(np.multiply, x, dim, False),
    grad=_cumprod_rule,
    shape=same,
    dtype=_scan_dtype,
    grad_fn=("CumprodBackward0", "CumprodBackward0"),
    inplace=True,
    samples=[draw(4, dim=0, dtype=None), draw((2, 3), dim=-1, dtype=None), draw(3, low=0, high=0, dim=0, dtype=None)],
)


def exclusive_cumprod(x: Node, dim: int, reverse: bool) -> Node:
    """The product of what comes before each element (after it, if reverse) along dim; 1 for the first."""
    result: Node = shift(cumprod_(x, dim=dim, reverse=reverse), dim=dim, by=-1 if reverse else 1, fill=1.0)
    return result


# --- extremes


def _running(ufunc: np.ufunc) -> Any:
    """The extreme so far and its index: of equals the latest, and nan once there is one."""

    def kernel(x: Any, dim: int) -> tuple[Any, Any]:
        if not x.ndim:
            return x, np.int64(0)
        values = ufunc.accumulate(x, axis=dim)
        places = np.arange(x.shape[dim]).reshape((-1,) + (1,) * (x.ndim - 1 - dim % x.ndim))
        reached = (x == values) | (x != x)
        return values, np.maximum.accumulate(np.where(reached, places, 0), axis=dim)

    return kernel


def _running_rule(g: tuple[Node | None, ...], y: tuple[Node, ...], x: Node, dim: int) -> Any:
    if g[0] is None or not x.ndim:
        return g[0]
    at = normal_dim(dim, x.ndim)
    return put_along(g[0], y[1], dim=at, size=x.shape[at])


def _running_shape(inputs: tuple[Node, ...], params: Any) -> Any:
    normal_dim(params["dim"], inputs[0].ndim)
    return inputs[0].shape, inputs[0].shape


for _name, _word, _ufunc in (("cummax", "largest", np.maximum), ("cummin", "smallest", np.minimum)):
    op(
        f"{_name}(Tensor input, int dim)",
        f"The {_word} element so far along dim, and its index; of equals the latest.",
        outputs=("values", "indices"),
        kernel=_running(_ufunc),
        grad=_running_rule,
        shape=_running_shape,
        dtype=lambda inputs, params: (None, (inputs[0].dtype, dtypes.int64)),
        grad_fn=f"{_name.capitalize()}Backward0",
        samples=[draw(4, dim=0), draw((2, 3), dim=-1), draw((), dim=0)],
    )
