"""Normalisation: to mean 0 and variance 1 over layers, groups, instances and batches, and by norms and mean squares."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.dtyperules import new, not_taken
from gradcli.ops.elementwise.activations import floats
from gradcli.ops.elementwise.arithmetic import div
from gradcli.ops.elementwise.explog import sqrt
from gradcli.ops.elementwise.limits import clamp_min
from gradcli.ops.linalg.norms import vector_norm_
from gradcli.ops.reductions.reduce import mean_dim
from gradcli.ops.shapes.convert import to_dtype
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import Shape, reduced_shape


def _standardize_kernel(x: Any, dims: Shape, eps: float) -> tuple[Any, Any]:
    # not np.mean, which warns of the mean of nothing
    count = x.dtype.type(prod(x.shape[dim] for dim in dims))
    centred = x - np.sum(x, axis=dims, keepdims=True) / count
    scale = 1 / np.sqrt(np.sum(centred * centred, axis=dims, keepdims=True) / count + x.dtype.type(eps))
    return centred * scale, np.asarray(scale)


def _standardize_rule(g: Any, y: Any, x: Node, dims: Shape, eps: float) -> tuple[Any]:
    """(g - mean(g) - y mean(g y)) scale; a cotangent of the scale itself adds -g scale^2 y / n."""
    out, scale = y
    total: Any = None
    if g[0] is not None:
        centred = g[0] - mean_over(g[0], dims)
        total = (centred - out * mean_over(g[0] * out, dims)) * scale
    if g[1] is not None:
        count = prod(x.shape[dim] for dim in dims)
        part = out * (g[1] * scale * scale * (-1 / max(count, 1)))
        total = part if total is None else total + part
    return (total,)


def mean_over(x: Node, dims: Shape) -> Any:
    """The mean over dims, which stay with size 1."""
    return mean_dim(x, dim=dims, keepdim=True, dtype=None)


def _of_both(inputs: tuple[Node, ...], params: Any) -> tuple[Any, Any]:
    target, result = floats("native_layer_norm")(inputs, params)
    return target, (result, result)


standardize: Op = op(
    "_standardize(Tensor input, ints dims, float eps)",
    "(input - mean) / sqrt(variance + eps) over dims, and 1 / sqrt(variance + eps).",
    spelled=["_"],
    outputs=("output", "scale"),
    kernel=_standardize_kernel,
    joint=_standardize_rule,
    shape=lambda inputs, params: (inputs[0].shape, reduced_shape(inputs[0].shape, params["dims"], True)),
    dtype=_of_both,
    samples=[draw((2, 4), dims=(1,), eps=1e-5), draw((3, 2, 4), dims=(0, 2), eps=0.1)],
)


def widened(x: Node) -> Any:
    """Half precision in single, in which torch computes statistics."""
    return to_dtype(x, dtypes.float32) if x.dtype is dtypes.float16 else x


def scaled_by(x: Node, weight: Node | None, bias: Node | None, shape: Shape) -> Node:
    """x * weight + bias, each laid out in a shape."""
    if weight is not None:
        x = x * reshape(weight, shape=shape)
    if bias is not None:
        x = x + reshape(bias, shape=shape)
    return x


def _affine_names(torch2: str) -> tuple[tuple[str, str], ...]:
    """PyTorch 1.0 showed the last step: nothing, the weight, the bias, both."""
    return tuple((torch1, torch2) for torch1 in ("ViewBackward", "MulBackward0", "AddBackward0", "AddcmulBackward"))


def _given(weight: Node | None, bias: Node | None) -> int:
    return (weight is not None) + 2 * (bias is not None)


def _layer_norm(x: Node, weight: Node | None, bias: Node | None, normalized_shape: Shape, eps: float) -> Node:
    dims = tuple(range(x.ndim - len(normalized_shape), x.ndim))
    out, _ = standardize(widened(x), dims=dims, eps=eps)
    return to_dtype(scaled_by(out, weight, bias, normalized_shape), x.dtype)


_layer_norms = [
    op(
        "_layer_norm(Tensor input, Tensor? weight, Tensor? bias, ints normalized_shape, float eps)",
        "(input - mean) / sqrt(variance + eps) weight + bias, over the last dimensions.",
        spelled=["_"],
        expands=_layer_norm,
        grad_fn=names,
    )
    for names in _affine_names("NativeLayerNormBackward0")
]


def _check_last(x: Node, shape: Shape, **parameters: Node | None) -> None:
    if not shape:
        raise ShapeError(
            "normalized_shape needs at least one size",
            torch="Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, "
            "but got normalized_shape = []",
        )
    if x.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"normalized_shape {shape} is not the end of the input's shape {x.shape}",
            torch=f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(x.shape)}",
        )
    for name, given in parameters.items():
        if given is not None and given.shape != shape:
            raise ShapeError(
                f"the {name} has shape {given.shape}; it must be normalized_shape, {shape}",
                torch=f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(given.shape)} and normalized_shape = {list(shape)}",
            )


def check_parameters(x: Node, kernel: str, **parameters: Node | None) -> None:
    """Refuse integers, and parameters of another dtype than the input."""
    if not x.dtype.floating:
        raise not_taken(x.dtype, kernel)
    for name, given in parameters.items():
        if given is not None and given.dtype not in (x.dtype, dtypes.float32 if x.dtype is dtypes.float16 else x.dtype):
            raise DtypeError(
                f"the {name} is {given.dtype.name}, the input is {x.dtype.name}",
                hint=f"convert it: {name}.to(torch.{x.dtype.name})",
                torch="mixed dtype (CPU): expect parameter to have scalar type of Float",
            )


def _layer_norm_expanded(
    x: Node, weight: Node | None, bias: Node | None, normalized_shape: tuple[int, ...], eps: float
) -> Any:
    shape = tuple(normalized_shape)
    _check_last(x, shape, weight=weight, bias=bias)
    check_parameters(x, "LayerNormKernelImpl", weight=weight, bias=bias)
    named = _layer_norms[_given(weight, bias)]
    return named(x, weight, bias, normalized_shape=shape, eps=eps)


layer_norm: Op = op(
    "layer_norm(Tensor input, ints normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, "
    "ignored cudnn_enable=True)",
    "(input - mean) / sqrt(variance + eps) weight + bias, over the last dimensions, which normalized_shape lists.",
    spelled=["F.layer_norm", "torch.layer_norm"],
    expands=_layer_norm_expanded,
    samples=[draw((2, 3), 3, 3, normalized_shape=(3,)), draw((2, 3, 2), (3, 2), (3, 2), normalized_shape=(3, 2))],
)


def along_channels(x: Node) -> Shape:
    """The shape in which one number for each channel lies along dimension 1 of x."""
    return (1, x.shape[1]) + (1,) * (x.ndim - 2)


def _group_norm(x: Node, weight: Node | None, bias: Node | None, num_groups: int, eps: float) -> Node:
    batch, channels = x.shape[:2]
    grouped = reshape(widened(x), shape=(batch, num_groups, (channels // num_groups) * prod(x.shape[2:])))
    out, _ = standardize(grouped, dims=(2,), eps=eps)
    return to_dtype(scaled_by(reshape(out, shape=x.shape), weight, bias, along_channels(x)), x.dtype)


_group_norms = [
    op(
        "_group_norm(Tensor input, Tensor? weight, Tensor? bias, int num_groups, float eps)",
        "(input - mean) / sqrt(variance + eps) weight + bias, over groups of channels.",
        spelled=["_"],
        expands=_group_norm,
        grad_fn=names,
    )
    for names in _affine_names("NativeGroupNormBackward0")
]


def check_channels(x: Node, **parameters: Node | None) -> None:
    """Refuse parameters that are not one number for each channel."""
    for name, given in parameters.items():
        if given is not None and given.shape != (x.shape[1],):
            raise ShapeError(
                f"the {name} has shape {given.shape}; for {x.shape[1]} channels it must be ({x.shape[1]},)",
                torch=f"{name} should contain {x.shape[1]} elements not {given.size}",
            )


def _group_norm_expanded(x: Node, weight: Node | None, bias: Node | None, num_groups: int, eps: float) -> Any:
    if x.ndim < 2:
        raise ShapeError(
            f"the input needs a batch and a channel dimension; its shape is {x.shape}",
            torch=f"Expected at least 2 dimensions for input tensor but received {x.ndim}",
        )
    if num_groups <= 0 or x.shape[1] % num_groups:
        raise ShapeError(
            f"{x.shape[1]} channels do not divide into {num_groups} groups",
            torch="Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(x.shape)} and num_groups={num_groups}",
        )
    check_channels(x, weight=weight, bias=bias)
    check_parameters(x, "GroupNormKernelImpl", weight=weight, bias=bias)
    return _group_norms[_given(weight, bias)](x, weight, bias, num_groups=num_groups, eps=eps)


group_norm: Op = op(
    "group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, "
    "ignored cudnn_enabled=True)",
    "(input - mean) / sqrt(variance + eps) weight + bias, over each of num_groups groups of channels.",
    spelled=["F.group_norm", "torch.group_norm"],
    expands=_group_norm_expanded,
    samples=[draw((2, 4, 3), 4, 4, num_groups=2), draw((3, 2, 2), 2, 2, num_groups=1)],
)


def _rms_norm(x: Node, weight: Node | None, normalized_shape: Shape, eps: float) -> Node:
    dims = tuple(range(x.ndim - len(normalized_shape), x.ndim))
    wide = widened(x)
    out = wide * (1 / sqrt(mean_over(wide * wide, dims) + eps))
    return to_dtype(scaled_by(out, weight, None, normalized_shape), x.dtype)


_rms_norms = {
    half: op(
        "_rms_norm(Tensor input, Tensor? weight, ints normalized_shape, float eps)",
        "input / sqrt(mean(input^2) + eps) weight.",
        spelled=["_"],
        expands=_rms_norm,
        grad_fn=new("ToCopyBackward0" if half else "MulBackward0"),
    )
    for half in (False, True)
}


def _rms_norm_expanded(x: Node, weight: Node | None, normalized_shape: tuple[int, ...], eps: float | None) -> Any:
    shape = tuple(normalized_shape)
    _check_last(x, shape, weight=weight)
    check_parameters(x, "rms_norm", weight=None)
    if eps is None:
        eps = float(np.finfo(np.float32 if x.dtype is dtypes.float16 else x.dtype.numpy).eps)
    return _rms_norms[x.dtype is dtypes.float16](x, weight, normalized_shape=shape, eps=eps)


rms_norm: Op = op(
    "rms_norm(Tensor input, ints normalized_shape, Tensor? weight=None, float? eps=None)",
    "input / sqrt(mean(input^2) + eps) weight, over the last dimensions; eps is the dtype's unit when None.",
    spelled=["F.rms_norm", "torch.rms_norm"],
    expands=_rms_norm_expanded,
    samples=[draw((2, 3), 3, normalized_shape=(3,)), draw((2, 3, 2), (3, 2), normalized_shape=(3, 2), eps=0.1)],
)


def _normalize(x: Node, p: float, dim: Any, eps: float) -> Any:
    norm = vector_norm_(x, ord=p, dim=dim, keepdim=True)
    return div(x, clamp_min(norm, min=eps))


normalize: Op = op(
    "normalize(Tensor input, Scalar p=2.0, dims dim=1, float eps=1e-12)",
    "input / max(norm(input), eps), with the p-norm along dim.",
    spelled=["F.normalize"],
    expands=_normalize,
    samples=[draw((2, 3)), draw((2, 3), p=3.0, dim=0), draw(4, p=1.0, dim=0, low=0.2, high=1)],
)
