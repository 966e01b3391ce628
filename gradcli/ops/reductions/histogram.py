"""Counting elements by value: bincount, histc, histogram. None of them has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.engine.run import value
from gradcli.errors import IndexError_, RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import draw, leaf, op
from gradcli.ops.dtyperules import not_taken
from gradcli.shapes import Shape


def _bincount(x: Node, weights: Node | None, minlength: int) -> Any:
    numbers = value(x)
    if x.dtype.floating or x.dtype is dtypes.bool_:
        raise not_taken(x.dtype, "bincount_cpu")
    if x.ndim != 1 or (numbers.size and numbers.min() < 0):
        raise ShapeError(
            f"it takes a vector of integers from 0, not {'negative ones' if x.ndim == 1 else f'shape {x.shape}'}",
            torch="bincount only supports 1-d non-negative integral inputs.",
        )
    if minlength < 0:
        raise IndexError_(f"minlength is negative: {minlength}", torch="minlength should be >= 0")
    if weights is None:
        return leaf(np.bincount(numbers, minlength=minlength).astype(np.int64))
    if weights.shape != x.shape:
        raise ShapeError(
            f"the weights have shape {weights.shape}, the input {x.shape}",
            torch="weights should be 1-d and have the same length as input",
        )
    kind = np.float32 if weights.dtype is dtypes.float32 else np.float64
    return leaf(np.bincount(numbers, value(weights), minlength=minlength).astype(kind))


op(
    "bincount(Tensor input, Tensor? weights=None, int minlength=0)",
    "How often each integer from 0 occurs, or the sum of the weights where it occurs.",
    expands=_bincount,
)


def _bins(x: Any, bins: int, min: float, max: float) -> Any:
    low, high = min, max
    if low == high and x.size:
        low, high = float(np.min(x)), float(np.max(x))
    if low == high:
        low, high = low - 1, high + 1
    inside = x[(x >= low) & (x <= high)].astype(np.float64)
    places = np.minimum(((inside - low) * (bins / (high - low))).astype(np.int64), bins - 1)
    return np.bincount(places, minlength=bins).astype(x.dtype)


def _bins_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    if params["bins"] <= 0:
        raise RefusedValue(f"bins is {params['bins']}; it must be at least 1", torch="bins must be > 0")
    if params["min"] > params["max"]:
        raise ShapeError(
            f"min is above max: {params['min']} > {params['max']}", torch="torch.histc(): max must be larger than min"
        )
    return (params["bins"],)


def _floats_kept(inputs: tuple[Node, ...], params: Any) -> tuple[DType | None, Any]:
    if not inputs[0].dtype.floating:
        raise not_taken(inputs[0].dtype, "histogram_cpu")
    return None, inputs[0].dtype


op(
    "histc(Tensor input, int bins=100, Scalar min=0, Scalar max=0)",
    "How many elements fall into each of the equal bins between min and max (both 0: those of the input).",
    kernel=_bins,
    shape=_bins_shape,
    dtype=_floats_kept,
    samples=[draw(5, bins=4, min=-2, max=2)],
)


def _edges(x: Any, bins: int, range: Any) -> Any:
    """Equal bins over a range, or over the values."""
    if bins <= 0:
        raise ShapeError(f"bins is {bins}; it must be at least 1", torch="torch.histogram(): bins must be > 0")
    if range is None:
        low, high = (float(np.min(x)), float(np.max(x))) if x.size else (0.0, 1.0)
    else:
        low, high = float(range[0]), float(range[1])
    if low == high:
        low, high = low - 0.5, high + 0.5
    if low > high:
        raise ShapeError(
            f"the range ends before it begins: {low} to {high}",
            torch="torch.histogramdd: min should not exceed max",
        )
    return np.linspace(low, high, bins + 1)


def _histogram(x: Node, edges: Any, weight: Node | None, density: bool) -> tuple[Node, Node]:
    kind = x.dtype.numpy
    if not x.dtype.floating:
        raise not_taken(x.dtype, "histogram_cpu")
    if weight is not None and weight.shape != x.shape:
        raise ShapeError(
            f"the weights have shape {weight.shape}, the input {x.shape}",
            torch="torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor",
        )
    edges = np.asarray(edges).astype(kind)
    data = value(x).reshape(-1)
    counts = np.histogram(
        data[data == data], edges, weights=None if weight is None else value(weight).reshape(-1)[data == data]
    )[0].astype(np.float64)
    if density:
        counts = counts / np.sum(counts) / np.diff(edges)
    return leaf(counts.astype(kind)), leaf(edges)


op(
    "histogram(Tensor input, int bins, *, any range=None, Tensor? weight=None, bool density=False)",
    "How many elements (or how much weight) fall into each of the equal bins, and where these begin and end.",
    outputs=("hist", "bin_edges"),
    expands=lambda x, weight, bins, range, density: _histogram(x, _edges(value(x), bins, range), weight, density),
    samples=[draw(5, bins=3, range=None, density=False)],
)
op(
    "histogram(Tensor input, Tensor bins, *, Tensor? weight=None, bool density=False)",
    "How many elements (or how much weight) fall between each edge and the next.",
    outputs=("hist", "bin_edges"),
    expands=lambda x, bins, weight, density: _histogram(x, value(bins), weight, density),
    samples=[draw(5, bins=np.array([-2.0, 0.0, 1.0]), density=True)],
)
