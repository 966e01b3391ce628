"""Reductions: what they have in common; sums, means and products of all elements or along dimensions."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import prod
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, IndexError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.dtyperules import TITLES
from gradcli.ops.elementwise.arithmetic import mul
from gradcli.ops.reductions.cascade import cascade_sum
from gradcli.ops.reductions.scan import exclusive_cumprod
from gradcli.ops.shapes.shape import expand, expand_reduced, reshape
from gradcli.shapes import Shape, normal_dim, normal_dims, reduced_shape

Kernel = Callable[..., Any]


def half_in_single(kernel: Kernel) -> Kernel:
    """A kernel that computes float16 in float32, as torch does, and rounds once at the end."""

    @wraps(kernel)
    def widened(x: Any, *others: Any, **params: Any) -> Any:
        if x.dtype != np.float16:
            return kernel(x, *others, **params)
        wide = [o.astype(np.float32) if getattr(o, "dtype", None) == np.float16 else o for o in (x, *others)]
        return np.asarray(kernel(*wide, **params)).astype(np.float16)

    return widened


def to_scalar(inputs: tuple[Node, ...], params: Any) -> Shape:
    """The shape rule of reductions of all elements."""
    return ()


def reduced(inputs: tuple[Node, ...], params: Any) -> Shape:
    """The shape rule of reductions over `dim`."""
    shape: Shape = inputs[0].shape
    return reduced_shape(shape, normal_dims(params["dim"], len(shape)), params["keepdim"])


def some_elements(inputs: tuple[Node, ...], params: Any) -> Shape:
    """The shape rule of reductions of all elements that need at least one."""
    if 0 in inputs[0].shape:
        raise no_elements(inputs[0].shape)
    return ()


def no_elements(shape: Shape) -> ShapeError:
    """What is said when all elements of an empty tensor are to be reduced to one of them."""
    return ShapeError(
        f"a tensor of shape {shape} has no elements",
        hint="give a dim that has elements",
        torch="{op}(): Expected reduction dim to be specified for input.numel() == 0. "
        "Specify the reduction dim with the 'dim' argument.",
    )


def some_along(inputs: tuple[Node, ...], params: Any) -> Shape:
    """The shape rule of reductions over `dim` that need at least one element there."""
    shape: Shape = inputs[0].shape
    dims = normal_dims(params["dim"], len(shape))
    for dim in dims:
        if shape[dim] == 0:
            raise IndexError_(
                f"dimension {dim} of a tensor of shape {shape} has no elements",
                torch=f"{{op}}(): Expected reduction dim {dim} to have non-zero size.",
            )
    return reduced_shape(shape, dims, params.get("keepdim", False))


def some_anywhere(inputs: tuple[Node, ...], params: Any) -> Shape:
    """As `some_along`; when all dims are reduced an empty tensor is refused in torch's other words."""
    shape: Shape = inputs[0].shape
    if 0 in shape and len(normal_dims(params["dim"], len(shape))) == len(shape) and params["dim"] in (None, ()):
        raise no_elements(shape)
    return some_along(inputs, params)


def two_along(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    """The shape rule of reductions over `dim` that give values and indices."""
    shape = some_along(inputs, params)
    return shape, shape


def with_indices(inputs: tuple[Node, ...], params: Any) -> tuple[dtypes.DType | None, Any]:
    """The dtype rule of ops that give values and indices."""
    return None, (inputs[0].dtype, dtypes.int64)


def summing(inputs: tuple[Node, ...], params: Any) -> tuple[dtypes.DType | None, Any]:
    """The dtype rule of sums: integers and bools add up as int64."""
    own: dtypes.DType = inputs[0].dtype
    dtype = params.get("dtype") or (own if own.floating else dtypes.int64)
    return dtype, dtype


def averaging(inputs: tuple[Node, ...], params: Any) -> tuple[dtypes.DType | None, Any]:
    """The dtype rule of means: only floating tensors have one."""
    dtype = params.get("dtype") or inputs[0].dtype
    if not dtype.floating:
        raise DtypeError(
            f"a tensor of {dtype!r} has no mean in its own dtype",
            hint="convert it first, x.float(), or pass dtype=torch.float32",
            torch="mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {TITLES[dtype.name]}",
        )
    return dtype, dtype


@half_in_single
def add_up(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The sum over dim."""
    dims = normal_dims(dim, x.ndim)
    if x.dtype.kind != "f" or not dims or 0 in x.shape:
        return np.sum(x, axis=dims, keepdims=keepdim)
    total = cascade_sum(x, dims)
    return total.reshape(reduced_shape(x.shape, dims, True)) if keepdim else total


@half_in_single
def average(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The mean over dim."""
    count = prod(x.shape[at] for at in normal_dims(dim, x.ndim))
    return np.true_divide(add_up(x, dim, keepdim), x.dtype.type(count))


def _count(x: Node, dim: Any) -> int:
    return prod(x.shape[at] for at in normal_dims(dim, x.ndim))


def _spread(g: Node, y: Node, x: Node, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Node:
    return expand_reduced(g, x.shape, dim, keepdim)


def _spread_mean(g: Node, y: Node, x: Node, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Node:
    return expand_reduced(g, x.shape, dim, keepdim) / max(_count(x, dim), 1)


ALL_SAMPLES = (draw(3), draw((2, 3)), draw(()))
DIM_SAMPLES = (
    draw((2, 3), dim=(1,), keepdim=True),
    draw((2, 3, 2), dim=(0, -1), keepdim=False),
    draw(3, dim=0, keepdim=False),
)

sum_: Op = op(
    "_sum(Tensor input, dims? dim=None, bool keepdim=False)",
    "The sum over dim.",
    spelled=["_"],
    kernel=add_up,
    grad=_spread,
    shape=reduced,
    dtype=summing,
    grad_fn=("SumBackward0", "SumBackward0"),
    linear=True,
    samples=[draw((2, 3), dim=None, keepdim=False), draw((2, 3), dim=(1,), keepdim=True)],
)
sum_all: Op = op(
    "sum(Tensor input)",
    "The sum of all elements; integers add up as int64.",
    kernel=add_up,
    grad=_spread,
    shape=to_scalar,
    dtype=summing,
    grad_fn=("SumBackward0", "SumBackward0"),
    linear=True,
    samples=ALL_SAMPLES,
)
op(
    "sum(Tensor input, *, dtype? dtype)",
    "The sum of all elements, computed in dtype.",
    kernel=add_up,
    grad=_spread,
    shape=to_scalar,
    dtype=summing,
    grad_fn=("SumBackward1", "SumBackward0"),
    linear=True,
    samples=[draw((2, 3), dtype=None)],
)
sum_dim: Op = op(
    "sum(Tensor input, dims? dim, bool keepdim=False)",
    "The sum along dim.",
    kernel=add_up,
    grad=_spread,
    shape=reduced,
    dtype=summing,
    grad_fn=("SumBackward2", "SumBackward1"),
    linear=True,
    samples=DIM_SAMPLES,
)
sum_as: Op = op(
    "sum(Tensor input, dims? dim, bool keepdim=False, *, dtype? dtype)",
    "The sum along dim, computed in dtype.",
    kernel=add_up,
    grad=_spread,
    shape=reduced,
    dtype=summing,
    grad_fn=("SumBackward3", "SumBackward1"),
    linear=True,
    samples=[draw((2, 3), dim=1, keepdim=False, dtype=None)],
)
mean: Op = op(
    "mean(Tensor input, *, dtype? dtype=None)",
    "The mean of all elements.",
    kernel=average,
    grad=_spread_mean,
    shape=to_scalar,
    dtype=averaging,
    grad_fn=("MeanBackward1", "MeanBackward0"),
    linear=True,
    samples=[draw((2, 3), dtype=None), draw((), dtype=None)],
)
mean_dim: Op = op(
    "mean(Tensor input, dims? dim, bool keepdim=False, *, dtype? dtype=None)",
    "The mean along dim.",
    kernel=average,
    grad=_spread_mean,
    shape=reduced,
    dtype=averaging,
    grad_fn=("MeanBackward0", "MeanBackward1"),
    linear=True,
    samples=[draw((2, 3), dim=1, keepdim=False, dtype=None), draw((2, 3, 2), dim=(0, 2), keepdim=True, dtype=None)],
)


def sum_to_shape(node: Node, shape: Shape) -> Node:
    """The node summed over what was broadcast from `shape`; the inverse of expand."""
    if node.shape == shape:
        return node
    lead = node.ndim - len(shape)
    if lead < 0:  # a rule may leave out dimensions of size 1 in front
        node = reshape(node, shape=(1,) * -lead + node.shape)
        lead = 0
    dims = tuple(range(lead)) + tuple(
        at + lead for at, size in enumerate(shape) if size == 1 and node.shape[at + lead] != 1
    )
    if dims:
        node = sum_(node, dim=dims, keepdim=True)
        if lead:
            node = reshape(node, shape=node.shape[lead:])
    if node.shape != shape:
        node = expand(node, size=shape)
    return node


# --- products


@half_in_single
def _multiply_up(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    multiply = np.all if x.dtype == bool else np.prod
    return multiply(x, axis=normal_dims(dim, x.ndim), keepdims=keepdim)


def _all_but_one(g: Node, y: Node, x: Node, dtype: Any = None) -> Any:
    flat = reshape(x, shape=(-1,))
    return mul(g, reshape(_others(flat, 0), shape=x.shape))


def _all_but_one_along(g: Node, y: Node, x: Node, dim: int, keepdim: bool, dtype: Any = None) -> Node:
    g = expand_reduced(g, x.shape, dim, keepdim)
    return g * _others(x, normal_dim(dim, x.ndim)) if x.ndim else g


def _others(x: Node, dim: int) -> Any:
    """For each element the product of the others along dim: no division, so zeros do no harm in any order."""
    return exclusive_cumprod(x, dim=dim, reverse=False) * exclusive_cumprod(x, dim=dim, reverse=True)


op(
    "prod(Tensor input)",
    "The product of all elements; integers multiply as int64.",
    kernel=_multiply_up,
    grad=_all_but_one,
    shape=to_scalar,
    dtype=summing,
    grad_fn=("ProdBackward0", "ProdBackward0"),
    samples=[draw(4), draw((2, 3)), draw(()), draw(3, low=0, high=0)],
)
op(
    "prod(Tensor input, *, dtype? dtype)",
    "The product of all elements, computed in dtype.",
    kernel=_multiply_up,
    grad=_all_but_one,
    shape=to_scalar,
    dtype=summing,
    grad_fn=("ProdBackward1", "ProdBackward0"),
    samples=[draw(4, dtype=None)],
)
prod_dim: Op = op(
    "prod(Tensor input, int dim, bool keepdim=False)",
    "The product along dim.",
    kernel=_multiply_up,
    grad=_all_but_one_along,
    shape=reduced,
    dtype=summing,
    grad_fn=("ProdBackward2", "ProdBackward1"),
    samples=[draw((2, 3), dim=1, keepdim=False), draw((2, 3, 2), dim=0, keepdim=True)],
)
op(
    "prod(Tensor input, int dim, bool keepdim=False, *, dtype? dtype)",
    "The product along dim, computed in dtype.",
    kernel=_multiply_up,
    grad=_all_but_one_along,
    shape=reduced,
    dtype=summing,
    grad_fn=("ProdBackward3", "ProdBackward1"),
    samples=[draw((2, 3), dim=-1, keepdim=False, dtype=None)],
)
