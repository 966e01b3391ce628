"""Differences and areas along a dimension: diff, gradient, trapezoid, cumulative_trapezoid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.engine.run import value
from gradcli.errors import DtypeError, IndexError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, leaf, op
from gradcli.ops.elementwise.arithmetic import div, mul, sub
from gradcli.ops.elementwise.bitwise import bitwise_xor
from gradcli.ops.reductions.reduce import sum_
from gradcli.ops.reductions.scan import cumsum, shift
from gradcli.ops.shapes.convert import clone, to_dtype
from gradcli.ops.shapes.join import cat
from gradcli.ops.shapes.part import select, slice_
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import normal_dim, normal_dims


def _from(x: Node, dim: int, start: int, end: int) -> Any:
    return slice_(x, dim=dim, start=start, end=end, step=1)


_unchanged: Op = op(
    "_unchanged(Tensor input)",
    "A copy of input.",
    spelled=["_"],
    expands=lambda x: clone(x),
    grad_fn=("CopyBackwards", "CopyBackwards"),
)


def _diff(x: Node, prepend: Node | None, append: Node | None, n: int, dim: int) -> Any:
    if not x.ndim:
        raise ShapeError("it takes at least one dimension", torch="diff expects input to be at least one-dimensional")
    at = normal_dim(dim, x.ndim)
    if n < 0:
        raise ShapeError(f"the order n is negative: {n}", torch=f"order must be non-negative but got {n}")
    parts = [part for part in (prepend, x, append) if part is not None]
    if n == 0:
        return _unchanged(x)
    joined = cat(*parts, dim=at) if len(parts) > 1 else x
    n = min(n, joined.shape[at])
    for _ in range(n):
        size = joined.shape[at]
        rear, front = _from(joined, at, 1, size), _from(joined, at, 0, max(size - 1, 0))
        joined = (bitwise_xor if x.dtype is dtypes.bool_ else sub)(rear, front)
    return joined


op(
    "diff(Tensor input, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None)",
    "The n-th differences of neighbours along dim, of prepend, input and append together.",
    expands=_diff,
    samples=[draw(4, n=1, dim=-1), draw((2, 4), n=2, dim=1), draw((2, 3), (1, 3), n=1, dim=0)],
)


# --- areas


def _halves(y: Node, dim: int) -> tuple[Any, Any]:
    size = y.shape[dim]
    return _from(y, dim, 0, max(size - 1, 0)), _from(y, dim, 1, size)


def _widths(x: Node, y: Node, dim: int) -> Any:
    """The distances of neighbouring x, ready to multiply parts of y along dim."""
    if x.ndim == 1 and y.ndim > 1:
        if x.shape[0] != y.shape[dim]:
            raise ShapeError(
                f"there are {x.shape[0]} x-values for {y.shape[dim]} y-values",
                torch="trapezoid: There must be one `x` value for each sample point",
            )
        x = reshape(x, shape=tuple(-1 if at == dim else 1 for at in range(y.ndim)))
        front, rear = _halves(x, dim)
    else:
        x = reshape(x, shape=(1,) * (y.ndim - x.ndim) + x.shape) if x.ndim < y.ndim else x
        front, rear = _halves(x, x.ndim - (y.ndim - dim))
    return sub(rear, front)


def _checked_dim(y: Node, dim: int) -> int:
    """The dimension counted from 0; only tensors with dimensions of numbers have areas."""
    if not y.ndim:
        raise IndexError_(
            "a tensor without dimensions has no area under it",
            torch=f"Dimension specified as {dim} but tensor has no dimensions",
        )
    if y.dtype is dtypes.bool_:
        raise DtypeError(
            "it does not take bool",
            hint="convert it first: y.int()",
            torch="trapezoid: received a bool input for `y`, but bool is not supported",
        )
    return normal_dim(dim, y.ndim)


_nothing: Op = op(
    "_no_area(Tensor y, int dim)",
    "Zeros: the areas under no values.",
    spelled=["_"],
    kernel=lambda y, dim: np.zeros(y.shape[:dim] + y.shape[dim + 1 :], y.dtype),
    shape=lambda inputs, params: inputs[0].shape[: params["dim"]] + inputs[0].shape[params["dim"] + 1 :],
    dtype=kept,
)


def _area(y: Node, dx: float, dim: int) -> Any:
    at = _checked_dim(y, dim)
    ends = select(y, dim=at, index=0) + select(y, dim=at, index=y.shape[at] - 1)
    return mul(sub(sum_(y, dim=at, keepdim=False), mul(ends, 0.5)), dx)


def _area_over(y: Node, x: Node, dim: int) -> Any:
    at = _checked_dim(y, dim)
    front, rear = _halves(y, at)
    return div(sum_(mul(_widths(x, y, at), front + rear), dim=at, keepdim=False), 2.0)


def _areas(y: Node, dx: float, dim: int) -> Any:
    at = _checked_dim(y, dim)
    front, rear = _halves(y, at)
    return cumsum(mul(front + rear, dx / 2.0), dim=at, dtype=None)


def _areas_over(y: Node, x: Node, dim: int) -> Any:
    at = _checked_dim(y, dim)
    front, rear = _halves(y, at)
    return div(cumsum(mul(_widths(x, y, at), front + rear), dim=at, dtype=None), 2.0)


_scaled_area: Op = op(
    "_area(Tensor y, Scalar dx, int dim)",
    "The area under y by trapezoids of width dx along dim.",
    spelled=["_"],
    expands=_area,
    grad_fn=("MulBackward1", "MulBackward1"),
)
_area_between: Op = op(
    "_area_over(Tensor y, Tensor x, int dim)",
    "The area under y over x by trapezoids along dim.",
    spelled=["_"],
    expands=_area_over,
    grad_fn=("DivBackward1", "DivBackward1"),
)


def _area_or_nothing(area: Op) -> Any:
    def expands(y: Node, *x: Node, dim: int, **width: float) -> Any:
        at = _checked_dim(y, dim)
        return area(y, *x, dim=at, **width) if y.shape[at] else _nothing(y, dim=at)

    return expands


for _name, _old in (("trapezoid", ["torch.trapezoid"]), ("trapz", ["torch.trapz"])):
    op(
        f"{_name}(Tensor y, *, Scalar dx=1, int dim=-1)",
        "The area under y by trapezoids of width dx along dim.",
        spelled=_old,
        expands=_area_or_nothing(_scaled_area),
        samples=[draw(4, dx=1, dim=-1), draw((2, 3), dx=0.5, dim=0)],
    )
    op(
        f"{_name}(Tensor y, Tensor x, *, int dim=-1)",
        "The area under y over x by trapezoids along dim.",
        spelled=_old,
        expands=_area_or_nothing(_area_between),
        samples=[draw(4, 4, dim=-1), draw((2, 3), 2, dim=0), draw((2, 3), (2, 3), dim=1)],
    )
op(
    "cumulative_trapezoid(Tensor y, *, Scalar dx=1, int dim=-1)",
    "The areas under y so far by trapezoids of width dx along dim.",
    spelled=["torch.cumulative_trapezoid"],
    expands=_areas,
    grad_fn=("CumsumBackward0", "CumsumBackward0"),
    samples=[draw(4, dx=1, dim=-1), draw((2, 3), dx=0.5, dim=0)],
)
op(
    "cumulative_trapezoid(Tensor y, Tensor x, *, int dim=-1)",
    "The areas under y over x so far by trapezoids along dim.",
    spelled=["torch.cumulative_trapezoid"],
    expands=_areas_over,
    grad_fn=("DivBackward1", "DivBackward1"),
    samples=[draw(4, 4, dim=-1), draw((2, 3), 2, dim=0)],
)


# --- slopes


def _slope_weights(places: Any, edge_order: int) -> list[Any]:
    """The weights of the elements two before to two after each place: second order inside, edge_order at the ends."""
    n = len(places)
    weights = [np.zeros(n) for _ in range(5)]
    step = np.diff(places)
    before, after = step[:-1], step[1:]
    weights[1][1:-1] = -after / (before * (before + after))
    weights[2][1:-1] = (after - before) / (before * after)
    weights[3][1:-1] = before / (after * (before + after))
    if edge_order == 1:
        weights[2][0], weights[3][0] = -1 / step[0], 1 / step[0]
        weights[1][-1], weights[2][-1] = -1 / step[-1], 1 / step[-1]
    else:
        a, b = step[0], step[1]
        weights[2][0], weights[3][0], weights[4][0] = (
            -(2 * a + b) / (a * (a + b)),
            (a + b) / (a * b),
            -a / (b * (a + b)),
        )
        a, b = step[-2], step[-1]
        weights[0][-1], weights[1][-1], weights[2][-1] = (
            b / (a * (a + b)),
            -(a + b) / (a * b),
            (2 * b + a) / (b * (a + b)),
        )
    return weights


_slopes: Op = op(
    "_slopes(Tensor input, any places, int dim, int edge_order)",
    "The slopes along dim of values at the given places.",
    spelled=["_"],
    expands=lambda x, places, dim, edge_order: _weighted(x, _slope_weights(places, edge_order), dim),
    grad_fn=("CatBackward0", "CatBackward0"),
)


def _weighted(x: Node, weights: Sequence[Any], dim: int) -> Any:
    shape = tuple(-1 if at == dim else 1 for at in range(x.ndim))
    total: Any = None
    for at, weight in enumerate(weights):
        if np.any(weight):
            moved = x if at == 2 else shift(x, dim=dim, by=2 - at, fill=0.0)
            part = mul(moved, leaf(weight.astype(x.dtype.numpy).reshape(shape)))
            total = part if total is None else total + part
    return total


def _gradient(x: Node, spacing: Any, dim: Any, edge_order: int) -> tuple[Any, ...]:
    if edge_order not in (1, 2):
        raise ShapeError(
            f"edge_order is {edge_order}; it can be 1 or 2",
            torch="torch.gradient only supports edge_order=1 and edge_order=2.",
        )
    if x.dtype in (dtypes.bool_, dtypes.uint8):
        raise DtypeError(
            f"it does not take {x.dtype.name}",
            hint="convert it first: x.float()",
            torch="torch.gradient does not support uint8 input.",
        )
    x = x if x.dtype.floating else to_dtype(x, dtypes.float32)
    listed = (
        list(range(x.ndim))
        if dim is None
        else [normal_dim(d, x.ndim) for d in ([dim] if isinstance(dim, int) else dim)]
    )
    normal_dims(tuple(listed), x.ndim)
    spacings = list(spacing) if isinstance(spacing, list | tuple) else [spacing] * len(listed)
    if len(spacings) != len(listed):
        raise ShapeError(
            f"there are {len(spacings)} spacings for {len(listed)} dimensions",
            torch="torch.gradient expected spacing to be unspecified, a scalar or a list of length equal to "
            f"'self.dim() = {x.ndim}', since dim argument was not given, but got a list of length {len(spacings)}",
        )
    for d in listed:
        if x.shape[d] < edge_order + 1:
            raise ShapeError(
                f"dimension {d} has {x.shape[d]} elements; edge_order={edge_order} needs {edge_order + 1}",
                torch="torch.gradient expected each dimension size to be at least edge_order+1",
            )
    return tuple(
        _slopes(x, places=_places(gap, x.shape[d]), dim=d, edge_order=edge_order)
        for d, gap in zip(listed, spacings, strict=True)
    )


def _places(gap: Any, size: int) -> Any:
    """Where the values lie: at multiples of a number, or at the coordinates of a tensor."""
    if not isinstance(gap, Node):
        return np.arange(size) * float(gap)
    places = value(gap).astype(np.float64)
    if places.shape != (size,):
        raise ShapeError(
            f"there are {places.size} coordinates for {size} values",
            torch="torch.gradient expected each element of spacing to have the same length as the dimension",
        )
    return places


op(
    "gradient(Tensor input, *, Scalar? spacing=None, dims? dim=None, int edge_order=1)",
    "The slopes along each dim: central differences inside, one-sided of edge_order at the ends.",
    spelled=["torch.gradient"],
    expands=lambda x, spacing, dim, edge_order: _gradient(x, 1.0 if spacing is None else spacing, dim, edge_order),
    samples=[draw(4, spacing=None, dim=None, edge_order=1), draw((3, 4), spacing=0.5, dim=1, edge_order=2)],
)
op(
    "gradient(Tensor input, *, floats spacing, dims? dim=None, int edge_order=1)",
    "The slopes along each dim, with a spacing for each.",
    spelled=["torch.gradient"],
    expands=lambda x, spacing, dim, edge_order: _gradient(x, spacing, dim, edge_order),
    samples=[draw((3, 4), spacing=(0.5, 2.0), dim=None, edge_order=1)],
)
op(
    "gradient(Tensor input, *, Tensors spacing, dims? dim=None, int edge_order=1)",
    "The slopes along each dim, with the coordinates of the values for each.",
    spelled=["torch.gradient"],
    expands=lambda x, spacing, dim, edge_order: _gradient(x, spacing, dim, edge_order),
)
