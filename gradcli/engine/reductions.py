"""Reductions: of small arrays at once, and of large ones block by block.

Single precision is added up in runs of 1024 elements and these in double precision, so an error does not grow with the
number of elements. The parts of a block are added in a fixed order, whatever thread computed them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from gradcli.engine.kernels import exp_from_block

RUN = 1024
SAFE_SQUARES = (1e-25, 1e30)
NEAR = 8.0  # rows whose largest is no further from nought need no shift before exponentials are taken

Array = Any


@cache
def ones(n: int, dtype: Any) -> Array:
    """n ones."""
    return np.ones(n, dtype)


def total_of_products(x: Array, y: Array) -> float:
    """The sum of products of two contiguous blocks, in double precision."""
    x, y = x.reshape(-1), y.reshape(-1)
    n = x.size - x.size % RUN
    total = float(np.dot(x[n:], y[n:])) if n < x.size else 0.0
    if n:
        parts = np.vecdot(x[:n].reshape(-1, RUN), y[:n].reshape(-1, RUN))
        total += float(np.add.reduce(parts, dtype=np.float64))
    return total


def total(x: Array) -> Any:
    """The sum of a block: of floats in double precision, of integers exactly."""
    if x.dtype.kind != "f":
        return int(np.add.reduce(x, axis=None, dtype=np.int64))
    x = np.ascontiguousarray(x).reshape(-1)
    n = x.size - x.size % RUN
    result = float(np.dot(x[n:], ones(x.size - n, x.dtype))) if n < x.size else 0.0
    if n:
        parts = np.vecdot(x[:n].reshape(-1, RUN), ones(RUN, x.dtype))
        result += float(np.add.reduce(parts, dtype=np.float64))
    return result


def total_of_squares(x: Array) -> float:
    """The sum of squares, in double precision where single precision is too narrow."""
    x = np.ascontiguousarray(x)
    result = total_of_products(x, x)
    if x.dtype == np.float32 and not SAFE_SQUARES[0] < result < SAFE_SQUARES[1]:
        wide = x.astype(np.float64)
        return total_of_products(wide, wide)
    return result


def largest(x: Array) -> Any:
    """The largest element; nan if there is one."""
    return np.maximum.reduce(x, axis=None)


def smallest(x: Array) -> Any:
    """The smallest element; nan if there is one."""
    return np.minimum.reduce(x, axis=None)


def exponentials(x: Array, scratch: Array) -> tuple[float, float]:
    """(m, s) with sum(exp(x)) = s e^m."""
    peak = largest(x)
    shift = peak if np.isfinite(peak) else np.zeros_like(peak)
    np.subtract(x, shift, out=scratch)
    np.exp(scratch, out=scratch)
    return float(shift), total(scratch)


def join_exponentials(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """The sum of two sums of exponentials."""
    if a[1] == 0:
        return b
    if b[1] == 0:
        return a
    shift = max(a[0], b[0])
    return shift, a[1] * float(np.exp(a[0] - shift)) + b[1] * float(np.exp(b[0] - shift))


# Whole arrays


# numpy's own types have no words for these calls, all of whose arguments are given by position, which is faster
_add: Any = np.add.reduce
_maximum: Any = np.maximum.reduce
_minimum: Any = np.minimum.reduce


def _sum(x: Array, axes: Any, dtype: Any) -> Array:
    return _add(x, axes, dtype, None, axes is not None)


def _max(x: Array, axes: Any, dtype: Any) -> Array:
    return _maximum(x, axes, None, None, axes is not None)


def _min(x: Array, axes: Any, dtype: Any) -> Array:
    return _minimum(x, axes, None, None, axes is not None)


def _sumsq(x: Array, axes: Any, dtype: Any) -> Array:
    wide = x.astype(np.float64)
    return _add(wide * wide, axes, None, None, axes is not None)


def _lse(x: Array, axes: Any, dtype: Any) -> Array:
    peak = np.maximum.reduce(x, axis=axes, keepdims=True)
    shift = np.where(np.isinf(peak), np.zeros_like(peak), peak)
    out = np.log(np.add.reduce(np.exp(x - shift), axis=axes, keepdims=True)) + shift
    return out if axes is not None else out.reshape(())


def _peak(x: Array, axes: Any, dtype: Any) -> Array:
    return np.asarray(_maximum(x, axes, None, None, True))


def take_rows(x: Array, at: Array, out: Array) -> None:
    """The element of each row at a column; out is (r, 1)."""
    rows, cols = x.shape
    if x.flags.c_contiguous:
        np.take(x.reshape(-1), at[:, 0] + np.arange(0, rows * cols, cols), out=out[:, 0])
    else:
        out[:] = np.take_along_axis(x, at, 1)


def take(x: Array, at: Array) -> Array:
    """The element of each row at a column."""
    return np.take_along_axis(x, np.reshape(at, (-1, 1)), 1)


DIRECT: dict[str, Callable[[Array, Any, Any], Array]] = {
    "sum": _sum, "max": _max, "min": _min, "sumsq": _sumsq, "lse": _lse, "peak": _peak,
}  # fmt: skip


def whole(name: str, x: Any, axes: tuple[int, ...], dtype: Any, exact: bool) -> Callable[..., Any]:
    """What reduces a whole array of the shape and dtype of x: exactly as its op does, or in the fastest way."""
    every = len(axes) == len(x.shape)
    if name == "dot":
        return np.vdot
    if name == "take":
        return take
    if name == "sum" and not exact and x.dtype == dtype and dtype.kind == "f" and x.size <= RUN and dtype.itemsize > 2:
        if every:
            n = ones(x.size, dtype)
            return lambda v: np.vdot(v, n)
        if axes == (0,) and len(x.shape) == 2:
            row, shape = ones(x.shape[0], dtype), (1, x.shape[1])
            return lambda v: np.dot(row, v).reshape(shape)
    reduce, over = DIRECT[name], None if every else axes
    return lambda v: reduce(v, over, dtype)


def row_products(x: Array, w: Array, out: Array) -> None:
    """The sum of products of each row with one row of weights, (1, c)."""
    np.matmul(x, w.T, out=out)


def column_products(x: Array, w: Array) -> Array:
    """The sum of products of each column with one column of weights, (r, 1), in double precision."""
    return np.matmul(w.T, x).astype(np.float64)


# Rows of a block: x is (r, c), out (r, 1)


def row_sums(x: Array, out: Array) -> None:
    """The sum of each row."""
    r, c = x.shape
    if x.dtype.kind == "f" and c <= 8 * RUN:
        np.vecdot(x, ones(c, x.dtype), out=out[:, 0])
    elif x.dtype.kind == "f" and c % RUN == 0:
        np.add.reduce(np.vecdot(x.reshape(r, -1, RUN), ones(RUN, x.dtype)), axis=1, out=out[:, 0])
    else:
        np.add.reduce(x, axis=1, out=out[:, 0])


def row_dots(x: Array, y: Array, out: Array) -> None:
    """The sum of products of each row."""
    np.vecdot(x, y, out=out[:, 0])


def row_max(x: Array, out: Array) -> None:
    """The largest of each row."""
    np.maximum.reduce(x, axis=1, out=out[:, 0])


def row_min(x: Array, out: Array) -> None:
    """The smallest of each row."""
    np.minimum.reduce(x, axis=1, out=out[:, 0])


def row_peaks(x: Array, out: Array) -> None:
    """The largest of each row, or nought if that is near it; nan where there is one.

    The largest of a row is slow to find where rows are short, so one look at all of them decides first. What a row
    gets depends on that row alone: a second plan, with other blocks, finds the same digits.
    """
    if smallest(x) >= -NEAR and largest(x) <= NEAR:
        out[...] = 0
        return
    np.maximum.reduce(x, axis=1, keepdims=True, out=out)
    out[np.abs(out) <= NEAR] = 0


def row_exponentials(x: Array, scratch: Array, out: Array) -> None:
    """log(sum(exp(row))) of each row."""
    peak = np.empty_like(out)
    row_peaks(x, peak)
    peak[np.isinf(peak)] = 0
    exp_from_block(x, peak, scratch)
    row_sums(scratch, out)
    np.log(out, out)
    np.add(out, peak, out)


def column_sums(x: Array) -> Array:
    """The sum of each column, (1, c); of floats in double precision."""
    r, c = x.shape
    if x.dtype.kind != "f":
        return np.add.reduce(x, axis=0, keepdims=True)
    if r < 256:
        return np.add.reduce(x, axis=0, keepdims=True).astype(np.float64)
    side = 64
    n = r - r % side
    parts = np.add.reduce(x[:n].reshape(-1, side, c), axis=1)
    result = np.add.reduce(parts, axis=0, dtype=np.float64)
    if n < r:
        result += np.add.reduce(x[n:], axis=0)
    return result.reshape(1, c)


def partial_row_sums(x: Array) -> Array:
    """The sum of a stretch of each row, (r, 1); of floats in double precision."""
    part = np.add.reduce(x, axis=1, keepdims=True)
    return part.astype(np.float64) if part.dtype.kind == "f" else part
