"""Normalisation with running means and variances (batch_norm, instance_norm), and local_response_norm."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import RefusedValue, ShapeError, ValueError_
from gradcli.graph.node import Node, recording
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.elementwise.arithmetic import div
from gradcli.ops.elementwise.explog import pow_, sqrt
from gradcli.ops.layers.normalize import (
    along_channels,
    check_channels,
    check_parameters,
    group_norm,
    layer_norm,
    mean_over,
    scaled_by,
    standardize,
    widened,
)
from gradcli.ops.layers.resample import Made, Taps, resample
from gradcli.ops.shapes.convert import detach, to_dtype
from gradcli.ops.shapes.shape import reshape
from gradcli.ops.updates import Updates
from gradcli.shapes import Shape


def _batch_dims(x: Node) -> Shape:
    return tuple(dim for dim in range(x.ndim) if dim != 1)


def _batch_norm(
    x: Node,
    mean: Node | None,
    variance: Node | None,
    weight: Node | None,
    bias: Node | None,
    training: bool,
    eps: float,
) -> Node:
    shape = along_channels(x)
    if training:
        out, _ = standardize(widened(x), dims=_batch_dims(x), eps=eps)
    else:
        assert mean is not None
        assert variance is not None
        out = (widened(x) - reshape(mean, shape=shape)) * (1 / sqrt(reshape(variance, shape=shape) + eps))
    return to_dtype(scaled_by(out, weight, bias, shape), x.dtype)


_named_batch_norm = op(
    "_batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight, Tensor? bias, bool training, "
    "float eps)",
    "(input - mean) / sqrt(variance + eps) weight + bias, for each channel.",
    spelled=["_"],
    expands=_batch_norm,
    grad_fn="NativeBatchNormBackward0",
)


def _running(x: Node, mean: Node, variance: Node, momentum: float) -> tuple[Node, Node]:
    """The running mean and (unbiased) variance after a batch: momentum of the batch's mixed in."""
    x, dims = widened(x), _batch_dims(x)
    count = prod(x.shape[dim] for dim in dims)
    with recording(False):
        centre = mean_over(x, dims)
        deviation = x - centre
        spread = mean_over(deviation * deviation, dims) * (count / max(count - 1, 1))
        moved = (
            old * (1 - momentum) + reshape(batch, shape=old.shape) * momentum
            for old, batch in ((mean, centre), (variance, spread))
        )
        new_mean, new_variance = (to_dtype(new, old.dtype) for new, old in zip(moved, (mean, variance), strict=True))
    return new_mean, new_variance


def _check_batch(x: Node, training: bool, **parameters: Node | None) -> None:
    if x.ndim < 2:
        raise ShapeError(
            f"the input needs a batch and a channel dimension; its shape is {x.shape}",
            torch=f"Expected 2D or more dimensional input, but got {x.ndim}D",
        )
    check_channels(x, **parameters)
    if not training:
        for name in ("running_mean", "running_var"):
            if parameters[name] is None:
                raise RefusedValue(
                    f"{name} is None; it is needed when training=False",
                    hint="pass training=True to normalise with the batch's own mean and variance",
                    torch=f"{name} must be defined in evaluation mode",
                )
    elif x.size // max(x.shape[1], 1) == 1:
        raise ValueError_(
            f"one value for each channel has no variance: the input has shape {x.shape}",
            hint="training=True needs more than one value per channel",
            torch=f"Expected more than 1 value per channel when training, got input size torch.Size({list(x.shape)})",
        )


def _batch_norm_expanded(
    x: Node,
    running_mean: Node | None,
    running_var: Node | None,
    weight: Node | None = None,
    bias: Node | None = None,
    *,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    stats = {"running_mean": running_mean, "running_var": running_var}
    _check_batch(x, training, weight=weight, bias=bias, **stats)
    check_parameters(x, "batch_norm", weight=weight, bias=bias, **stats)
    result = _named_batch_norm(x, running_mean, running_var, weight, bias, training=training, eps=eps)
    if not training or running_mean is None or running_var is None:
        return result
    new_mean, new_variance = _running(x, running_mean, running_var, momentum)
    return Updates(result, {"running_mean": new_mean, "running_var": new_variance})


batch_norm: Op = op(
    "batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight=None, Tensor? bias=None, "
    "bool training=False, float momentum=0.1, float eps=1e-05, ignored cudnn_enabled=True)",
    "(input - mean) / sqrt(variance + eps) weight + bias, for each channel (dimension 1); with training=True of the "
    "batch, which also moves the running mean and variance, else with those.",
    spelled=["F.batch_norm", "torch.batch_norm"],
    expands=_batch_norm_expanded,
    samples=[draw((3, 2), 2, 2, 2, 2, low=0.5, high=2, training=False)],
)


def _instance_norm(
    x: Node, weight: Node | None, bias: Node | None, mean: Node | None, variance: Node | None, eps: float
) -> Node:
    shape = along_channels(x)
    if mean is None or variance is None:
        out, _ = standardize(widened(x), dims=tuple(range(2, x.ndim)), eps=eps)
    else:
        out = (widened(x) - reshape(mean, shape=shape)) * (1 / sqrt(reshape(variance, shape=shape) + eps))
    return to_dtype(scaled_by(out, weight, bias, shape), x.dtype)


_named_instance_norm = op(
    "_instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? mean, Tensor? variance, float eps)",
    "(input - mean) / sqrt(variance + eps) weight + bias, for each channel of each instance.",
    spelled=["_"],
    expands=_instance_norm,
    grad_fn="ViewBackward0",
)


def _instance_norm_expanded(
    x: Node,
    running_mean: Node | None = None,
    running_var: Node | None = None,
    weight: Node | None = None,
    bias: Node | None = None,
    *,
    use_input_stats: bool,
    momentum: float,
    eps: float,
) -> Any:
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RefusedValue(
            "running_mean and running_var are needed when use_input_stats=False",
            torch="Expected running_mean and running_var to be defined when use_input_stats is false",
        )
    if use_input_stats and (x.ndim < 2 or prod(x.shape[2:]) == 1):
        raise ValueError_(
            f"one value for each channel has no variance: the input has shape {x.shape}",
            torch=f"Expected more than 1 spatial element when training, got input size torch.Size({list(x.shape)})",
        )
    check_channels(x, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    check_parameters(x, "instance_norm", weight=weight, bias=bias)
    fixed = (None, None) if use_input_stats else (running_mean, running_var)
    result = _named_instance_norm(x, weight, bias, *fixed, eps=eps)
    if not use_input_stats or running_mean is None or running_var is None:
        return result
    new_mean, new_variance = _running_of_instances(x, running_mean, running_var, momentum)
    return Updates(result, {"running_mean": new_mean, "running_var": new_variance})


def _running_of_instances(x: Node, mean: Node, variance: Node, momentum: float) -> tuple[Node, Node]:
    """As for a batch, but each instance has its own statistics and they are averaged."""
    x, dims = widened(x), tuple(range(2, x.ndim))
    count = prod(x.shape[2:])
    with recording(False):
        centre = mean_over(x, dims)
        deviation = x - centre
        spread = mean_over(deviation * deviation, dims) * (count / max(count - 1, 1))
        new_mean, new_variance = (
            to_dtype(old * (1 - momentum) + reshape(mean_over(each, (0,)), shape=old.shape) * momentum, old.dtype)
            for old, each in ((mean, centre), (variance, spread))
        )
    return new_mean, new_variance


instance_norm: Op = op(
    "instance_norm(Tensor input, Tensor? running_mean=None, Tensor? running_var=None, Tensor? weight=None, "
    "Tensor? bias=None, bool use_input_stats=True, float momentum=0.1, float eps=1e-05, ignored cudnn_enabled=True)",
    "(input - mean) / sqrt(variance + eps) weight + bias, for each channel of each instance.",
    spelled=["F.instance_norm", "torch.instance_norm"],
    expands=_instance_norm_expanded,
    samples=[draw((2, 2, 3))],
)


def _response_norm(x: Node, size: int, alpha: float, beta: float, k: float) -> Any:
    if x.ndim < 3:
        raise ShapeError(
            f"the input needs at least 3 dimensions; its shape is {x.shape}",
            torch=f"Expected 3D or higher dimensionality input (got {x.ndim} dimensions)",
        )
    if not x.size:
        return x
    squares = x * x
    if not x.dtype.floating:  # torch's mean of integers is an integer
        squares = to_dtype(squares, dtypes.float64)
    mean = resample(squares, dim=1, taps=_neighbours(x.shape[1], size))
    mean = mean if x.dtype.floating else to_dtype(mean, x.dtype)
    return div(x, pow_(mean * alpha + k, beta))


@cache
def _neighbours(channels: int, size: int) -> Taps:
    """For each channel the `size` channels around it, each with weight 1 / size; those outside count as 0."""
    at = np.arange(channels)[:, None] + np.arange(size) - size // 2
    inside = (at >= 0) & (at < channels)
    made: Made | None = ("avg_pool1d", (size, 1, size // 2), {}, 0) if size % 2 else None
    return Taps(channels, np.where(inside, at, 0), inside / size, made)


local_response_norm: Op = op(
    "local_response_norm(Tensor input, int size, float alpha=0.0001, float beta=0.75, float k=1.0)",
    "input / (k + alpha mean(input^2))^beta, with the mean over size neighbouring channels.",
    spelled=["F.local_response_norm"],
    expands=_response_norm,
    samples=[draw((2, 4, 3), size=3, alpha=0.5), draw((1, 3, 2, 2), size=2, alpha=0.3, beta=1.5)],
)


def _statistics(x: Node, dims: Shape, eps: float) -> tuple[Any, Any]:
    """The mean and 1 / sqrt(variance + eps), through which nothing flows."""
    with recording(False):
        wide = widened(x)
        _, scale = standardize(wide, dims=dims, eps=eps)
        return detach(to_dtype(mean_over(wide, dims), x.dtype)), detach(to_dtype(scale, x.dtype))


def _native_layer_norm(
    x: Node, weight: Node | None = None, bias: Node | None = None, *, normalized_shape: Any, eps: float
) -> Any:
    out = layer_norm(x, weight, bias, normalized_shape=normalized_shape, eps=eps)
    return (out, *_statistics(x, tuple(range(x.ndim - len(normalized_shape), x.ndim)), eps))


op(
    "native_layer_norm(Tensor input, ints normalized_shape, Tensor? weight, Tensor? bias, float eps)",
    "layer_norm, with the means and the reciprocal standard deviations.",
    spelled=["torch.native_layer_norm"],
    expands=_native_layer_norm,
    samples=[draw((2, 3), 3, 3, normalized_shape=(3,), eps=1e-5)],
)


def _group_norm_parts(
    x: Node, weight: Node | None, bias: Node | None, N: int, C: int, HxW: int, group: int, eps: float
) -> Any:
    out = group_norm(reshape(x, shape=(N, C, HxW)), weight, bias, num_groups=group, eps=eps)
    grouped = reshape(widened(x), shape=(N, group, (C // group) * HxW))
    stats = mean_over(grouped, (2,)), standardize(grouped, dims=(2,), eps=eps)[1]
    return reshape(out, shape=x.shape), *(to_dtype(reshape(part, shape=(N, group)), x.dtype) for part in stats)


_native_group_norm = op(
    "_native_group_norm(Tensor input, Tensor? weight, Tensor? bias, int N, int C, int HxW, int group, float eps)",
    "group_norm, with the means and the reciprocal standard deviations of the groups.",
    spelled=["_"],
    expands=_group_norm_parts,
    grad_fn="NativeGroupNormBackward0",
)
op(
    "native_group_norm(Tensor input, Tensor? weight, Tensor? bias, int N, int C, int HxW, int group, float eps)",
    "group_norm, with the means and the reciprocal standard deviations of the groups.",
    spelled=["torch.native_group_norm"],
    expands=lambda *tensors, **params: _native_group_norm(*tensors, **params),
    samples=[draw((2, 4, 3), 4, 4, N=2, C=4, HxW=3, group=2, eps=1e-5)],
)


def _native_batch_norm(
    x: Node,
    weight: Node | None,
    bias: Node | None,
    running_mean: Node | None,
    running_var: Node | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    result = _batch_norm_expanded(
        x, running_mean, running_var, weight, bias, training=training, momentum=momentum, eps=eps
    )
    none = leaf(np.zeros(0, x.dtype.numpy))
    saved: tuple[Any, ...] = (none, none)
    if training:
        saved = tuple(reshape(part, shape=(x.shape[1],)) for part in _statistics(x, _batch_dims(x), eps))
    if isinstance(result, Updates):
        return Updates((result.result, *saved), result.changed)
    return (result, *saved)


op(
    "native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, "
    "bool training, float momentum, float eps)",
    "batch_norm, with the means and the reciprocal standard deviations of the batch.",
    spelled=["torch.native_batch_norm"],
    expands=_native_batch_norm,
    samples=[draw((3, 2), 2, 2, running_mean=None, running_var=None, training=True, momentum=0.1, eps=1e-5)],
)
