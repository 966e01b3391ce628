"""Convolutions and transposed convolutions over one, two and three dimensions.

Three ops, each linear in both inputs, whose derivatives are the same three again: `_correlate` (input, weight) gives
the output, `_spread_kernel` (output, weight) goes back to the input, `_correlate_output` (input, output) to the weight.
A transposed convolution is the second of them. All run as one product of matrices for each group.

Shapes: input (N, C, *size), weight (O, C / groups, *kernel), output (N, O, *out).
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradcli.errors import DtypeError, RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op, promoted
from gradcli.ops.dtyperules import TITLES
from gradcli.ops.layers.windows import Pads, Windows, check_at_least, repeated
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import Shape


def _in_single(x: Any) -> Any:
    """Half precision is multiplied in single, as everywhere."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def _columns(x: Any, windows: Windows, groups: int) -> Any:
    """What each window holds, as matrices (groups, C / groups * kernel, N * out)."""
    rank = len(windows.size)
    batch, channels = x.shape[:2]
    split = windows.view(_in_single(x)).reshape(batch, groups, channels // groups, *windows.out, *windows.kernel)
    outs = tuple(range(3, 3 + rank))
    kernels = tuple(range(3 + rank, 3 + 2 * rank))
    ordered = split.transpose(1, 2, *kernels, 0, *outs)
    return ordered.reshape(groups, (channels // groups) * prod(windows.kernel), batch * prod(windows.out))


def _rows(g: Any, groups: int) -> Any:
    """An output as matrices (groups, O / groups, N * out)."""
    batch, channels = g.shape[:2]
    split = _in_single(g).reshape(batch, groups, channels // groups, prod(g.shape[2:]))
    return split.transpose(1, 2, 0, 3).reshape(groups, channels // groups, batch * prod(g.shape[2:]))


def _kernel_rows(weight: Any, groups: int) -> Any:
    """A weight as matrices (groups, O / groups, C / groups * kernel)."""
    return _in_single(weight).reshape(groups, weight.shape[0] // groups, prod(weight.shape[1:]))


def _correlate_kernel(x: Any, weight: Any, windows: Windows, groups: int) -> Any:
    result = np.matmul(_kernel_rows(weight, groups), _columns(x, windows, groups))
    channels = weight.shape[0]
    ordered = result.reshape(channels, x.shape[0], *windows.out).swapaxes(0, 1)
    return np.ascontiguousarray(ordered, dtype=x.dtype)


def _spread_kernel(g: Any, weight: Any, windows: Windows, groups: int) -> Any:
    batch = g.shape[0]
    size = prod(g.shape[2:]) * prod(weight.shape[1:]) * groups  # of what one example is spread to before it is added up
    each = max(BLOCK // max(size, 1), 1)
    if batch <= each:
        return _spread_block(g, weight, windows, groups)
    result = np.empty((batch, groups * weight.shape[1], *windows.size), g.dtype)
    for at in range(0, batch, each):
        result[at : at + each] = _spread_block(g[at : at + each], weight, windows, groups)
    return result


BLOCK = 1 << 16  # elements that stay in cache


def _spread_block(g: Any, weight: Any, windows: Windows, groups: int) -> Any:
    across, rows = _kernel_rows(weight, groups).swapaxes(1, 2), _rows(g, groups)
    columns = across * rows if rows.shape[1] == 1 else np.matmul(across, rows)  # BLAS is slow at outer products
    rank, batch = len(windows.size), g.shape[0]
    channels = weight.shape[1]
    split = columns.reshape(groups, channels, *windows.kernel, batch, *windows.out)
    kernels = tuple(range(2, 2 + rank))
    outs = tuple(range(3 + rank, 3 + 2 * rank))
    added = windows.add(split.transpose(*kernels, 2 + rank, 0, 1, *outs))
    return np.ascontiguousarray(added.reshape(batch, groups * channels, *windows.size), dtype=g.dtype)


def _correlate_output_kernel(x: Any, g: Any, windows: Windows, groups: int) -> Any:
    result = np.matmul(_rows(g, groups), _columns(x, windows, groups).swapaxes(1, 2))
    return result.reshape(g.shape[1], x.shape[1] // groups, *windows.kernel).astype(x.dtype, copy=False)


correlate: Op = op(
    "_correlate(Tensor input, Tensor weight, any windows, int groups)",
    "The sum of weight times each window of input.",
    spelled=["_"],
    kernel=_correlate_kernel,
    grad=[
        lambda g, y, x, w, windows, groups: spread_kernel(g, w, windows=windows, groups=groups),
        lambda g, y, x, w, windows, groups: correlate_output(x, g, windows=windows, groups=groups),
    ],
    shape=lambda inputs, params: (inputs[0].shape[0], inputs[1].shape[0], *params["windows"].out),
    dtype=promoted,
    grad_fn="ConvolutionBackward0",
    linear=True,
)
spread_kernel: Op = op(
    "_spread_kernel(Tensor input, Tensor weight, any windows, int groups)",
    "weight times each element of input, added up where its window is.",
    spelled=["_"],
    kernel=_spread_kernel,
    grad=[
        lambda h, y, g, w, windows, groups: correlate(h, w, windows=windows, groups=groups),
        lambda h, y, g, w, windows, groups: correlate_output(h, g, windows=windows, groups=groups),
    ],
    shape=lambda inputs, params: (
        inputs[0].shape[0],
        inputs[1].shape[1] * params["groups"],
        *params["windows"].size,
    ),
    dtype=promoted,
    grad_fn="ConvolutionBackwardBackward0",
    linear=True,
)
correlate_output: Op = op(
    "_correlate_output(Tensor input, Tensor output, any windows, int groups)",
    "The sum over the windows of input times output.",
    spelled=["_"],
    kernel=_correlate_output_kernel,
    grad=[
        lambda u, y, x, g, windows, groups: spread_kernel(g, u, windows=windows, groups=groups),
        lambda u, y, x, g, windows, groups: correlate(x, u, windows=windows, groups=groups),
    ],
    shape=lambda inputs, params: (
        inputs[1].shape[1],
        inputs[0].shape[1] // params["groups"],
        *params["windows"].kernel,
    ),
    dtype=promoted,
    grad_fn="ConvolutionBackwardBackward0",
    linear=True,
)


def _with_bias(out: Node, bias: Node | None, batched: bool) -> Any:
    if bias is not None:
        out = out + reshape(bias, shape=(1, -1) + (1,) * (out.ndim - 2))
    return out if batched else reshape(out, shape=out.shape[1:])


def _forward(x: Node, w: Node, bias: Node | None, windows: Windows, groups: int, batched: bool) -> Any:
    return _with_bias(correlate(x, w, windows=windows, groups=groups), bias, batched)


def _transposed(x: Node, w: Node, bias: Node | None, windows: Windows, groups: int, batched: bool) -> Any:
    return _with_bias(spread_kernel(x, w, windows=windows, groups=groups), bias, batched)


def _named(expands: Any, torch1: str, torch2: str = "ConvolutionBackward0") -> Op:
    return op(
        "_convolution(Tensor input, Tensor weight, Tensor? bias, any windows, int groups, bool batched)",
        "weight times each window of input, summed.",
        spelled=["_"],
        expands=expands,
        grad_fn=(torch1, torch2),
    )


# PyTorch 1.0 showed the routine that ran: MKL-DNN for float32 images without dilation, else one of its own
_NAMED = {
    name: _named(_forward, name)
    for name in (
        "SqueezeBackward1",
        "MkldnnConvolutionBackward",
        "ThnnConv2DBackward",
        "ThnnConvDilated2DBackward",
        "ThnnConv3DBackward",
        "ThnnConvDilated3DBackward",
    )
}
_UNBATCHED = _named(_forward, "SqueezeBackward1", "SqueezeBackward1")
_NAMED_TRANSPOSED = {
    1: _named(_transposed, "SqueezeBackward1"),
    2: _named(_transposed, "ThnnConvTranspose2DBackward"),
    3: _named(_transposed, "ThnnConvTranspose3DBackward"),
}
_UNBATCHED_TRANSPOSED = _named(_transposed, "SqueezeBackward1", "SqueezeBackward1")


def _torch1_name(x: Node, rank: int, dilation: Shape) -> str:
    if rank == 1:
        return "SqueezeBackward1"
    if any(d != 1 for d in dilation):
        return f"ThnnConvDilated{rank}DBackward"
    if rank == 2 and x.dtype.name == "float32":
        return "MkldnnConvolutionBackward"
    return f"ThnnConv{rank}DBackward"


def _batched(x: Node, rank: int, name: str) -> Node:
    """The input with a batch dimension.

    Raises: ShapeError when it has neither rank + 1 nor rank + 2 dimensions.
    """
    if x.ndim == rank + 1:
        return reshape(x, shape=(1, *x.shape))  # type: ignore[no-any-return]
    if x.ndim != rank + 2:
        raise ShapeError(
            f"the input must have {rank + 1} dimensions, or {rank + 2} with a batch; its shape is {x.shape}",
            torch=f"Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to {name}, "
            f"but got input of size: {list(x.shape)}",
        )
    return x


def _check_operands(x: Node, weight: Node, bias: Node | None, rank: int, at: int, groups: int = 1) -> None:
    """Refuse weights and biases that do not go with the input. at: where the weight has the channels out."""
    if weight.ndim != rank + 2:
        raise ShapeError(
            f"the weight must have {rank + 2} dimensions; its shape is {weight.shape}",
            torch=f"expected {rank + 2}-dimensional weight, but got weight of size {list(weight.shape)}",
        )
    for given in (weight, bias):
        if given is not None and given.dtype is not x.dtype:
            raise DtypeError(
                f"the dtypes differ: {x.dtype.name} and {given.dtype.name}",
                torch=f"expected scalar type {TITLES[x.dtype.name]} but found {TITLES[given.dtype.name]}",
            )
    channels = weight.shape[at] * groups
    if bias is not None and bias.shape != (channels,):
        raise ShapeError(
            f"the bias has shape {bias.shape}; with {channels} channels out it must be ({channels},)",
            torch=f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {channels} "
            f"elements, but got bias of size {list(bias.shape)} instead",
        )


def _check_groups(weight: Node, groups: int) -> None:
    if groups <= 0:
        raise RefusedValue(f"groups is {groups}; it must be positive", torch="non-positive groups is not supported")
    if weight.shape[0] % groups:
        raise ShapeError(
            f"the weight's first size, {weight.shape[0]}, does not divide into {groups} groups",
            torch=f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight "
            f"of size [{list(weight.shape)}] instead",
        )


def _steps(rank: int, name: str, stride: Any, dilation: Any) -> tuple[Shape, Shape]:
    strides, dilations = repeated(stride, rank, "stride", name), repeated(dilation, rank, "dilation", name)
    check_at_least(1, "stride", strides, "non-positive stride is not supported")
    check_at_least(1, "dilation", dilations, "dilation should be greater than zero")
    return strides, dilations


def _pads(padding: Any, kernel: Shape, stride: Shape, dilation: Shape, name: str) -> Pads:
    """The padding before and after: a number, one for each dimension, 'valid' (none) or 'same' (the output has the
    size of the input).

    Raises: ValueError_ for another word, 'same' with a stride, and negative numbers.
    """
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if any(s != 1 for s in stride):
            raise RefusedValue(
                "padding='same' does not go with a stride",
                torch="padding='same' is not supported for strided convolutions",
            )
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, str):
        raise RefusedValue(
            f"padding is {padding!r}; it can be numbers, 'valid' or 'same'",
            torch=f"Invalid padding string: '{padding}'",
        )
    sizes = repeated(padding, len(kernel), "padding", name)
    check_at_least(0, "padding", sizes, "negative padding is not supported")
    return tuple((size, size) for size in sizes)


def _convolve(
    x: Node,
    weight: Node,
    bias: Node | None = None,
    *,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    rank: int,
) -> Any:
    name = f"conv{rank}d"
    batch = _batched(x, rank, name)
    _check_operands(x, weight, bias, rank, 0)
    _check_groups(weight, groups)
    if batch.shape[1] != weight.shape[1] * groups:
        raise ShapeError(
            f"the input has {batch.shape[1]} channels, the weight takes {weight.shape[1] * groups}: "
            f"{x.shape} and {weight.shape}",
            hint="the weight is (channels out, channels in / groups, kernel)",
            torch=f"Given groups={groups}, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have "
            f"{weight.shape[1] * groups} channels, but got {batch.shape[1]} channels instead",
        )
    strides, dilations = _steps(rank, name, stride, dilation)
    size, kernel = batch.shape[2:], weight.shape[2:]
    pads = _pads(padding, kernel, strides, dilations, name)
    padded = [s + before + after for s, (before, after) in zip(size, pads, strict=True)]
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    if any(r > p for r, p in zip(reach, padded, strict=True)):
        raise ShapeError(
            f"the kernel is larger than the input: {tuple(reach)} on {tuple(padded)} (padding included)",
            torch=f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). Kernel size: "
            f"({' x '.join(map(str, reach))}). Kernel size can't be greater than actual input size",
        )
    out = tuple((p - r) // s + 1 for p, r, s in zip(padded, reach, strides, strict=True))
    windows = Windows(size, kernel, strides, pads, dilations, out)
    named = _NAMED[_torch1_name(x, rank, dilations)] if batch is x else _UNBATCHED
    return named(batch, weight, bias, windows=windows, groups=groups, batched=batch is x)


def _check_size(size: Shape, of_input: Shape) -> None:
    """Refuse an output without elements. Raises: ShapeError."""
    if any(s <= 0 for s in size):
        raise ShapeError(
            f"the output would have the size {size}",
            torch=f"Given input size per channel: ({' x '.join(map(str, of_input))}). Calculated output size "
            f"per channel: ({' x '.join(map(str, size))}). Output size is too small",
        )


def _convolve_transposed(
    x: Node,
    weight: Node,
    bias: Node | None = None,
    *,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
    rank: int,
) -> Any:
    name = f"conv_transpose{rank}d"
    batch = _batched(x, rank, name)
    _check_operands(x, weight, bias, rank, 1, groups)
    _check_groups(weight, groups)
    if batch.shape[1] != weight.shape[0]:
        raise ShapeError(
            f"the input has {batch.shape[1]} channels, the weight takes {weight.shape[0]}: "
            f"{x.shape} and {weight.shape}",
            hint="the weight is (channels in, channels out / groups, kernel)",
            torch=f"Given transposed=1, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have "
            f"{weight.shape[0]} channels, but got {batch.shape[1]} channels instead",
        )
    strides, dilations = _steps(rank, name, stride, dilation)
    kernel = weight.shape[2:]
    pads = _pads(repeated(padding, rank, "padding", name), kernel, strides, dilations, name)
    extra = repeated(output_padding, rank, "output_padding", name)
    check_at_least(0, "output_padding", extra, "negative output_padding is not supported")
    if any(e >= max(s, d) for e, s, d in zip(extra, strides, dilations, strict=True)):
        raise RefusedValue(
            f"output_padding {extra} must be smaller than the stride {strides} or the dilation {dilations}",
            torch="output padding must be smaller than either stride or dilation",
        )
    size = tuple(
        (out - 1) * s - 2 * before + d * (k - 1) + 1 + e
        for out, s, (before, _), d, k, e in zip(batch.shape[2:], strides, pads, dilations, kernel, extra, strict=True)
    )
    _check_size(size, batch.shape[2:])
    windows = Windows(size, kernel, strides, pads, dilations, batch.shape[2:])
    named = _NAMED_TRANSPOSED[rank] if batch is x else _UNBATCHED_TRANSPOSED
    return named(batch, weight, bias, windows=windows, groups=groups, batched=batch is x)


def _convolution(rank: int) -> Op:
    small, kernel = (4, 5, 5)[-rank:], (2, 3, 2)[-rank:]
    return op(
        f"conv{rank}d(Tensor input, Tensor weight, Tensor? bias=None, dims stride=1, any padding=0, dims dilation=1, "
        "int groups=1)",
        f"For each window of input over the last {rank} dimension{'s' if rank > 1 else ''}: the sum of it times "
        "weight, plus bias.",
        spelled=[f"F.conv{rank}d", f"torch.conv{rank}d"],
        expands=lambda x, weight, bias=None, **params: _convolve(x, weight, bias, rank=rank, **params),
        samples=[
            draw((2, 2, *small), (3, 2, *kernel), 3),
            draw((1, 4, *small), (4, 2, *kernel), stride=2, padding=1, groups=2),
            draw((2, *small), (1, 2, *kernel), padding="same"),
            draw((1, 1, *small), (2, 1, *kernel), 2, dilation=2, padding=2, stride=2),
        ],
    )


def _transposed_convolution(rank: int) -> Op:
    small, kernel = (2, 3, 3)[-rank:], (2, 3, 2)[-rank:]
    return op(
        f"conv_transpose{rank}d(Tensor input, Tensor weight, Tensor? bias=None, dims stride=1, dims padding=0, "
        "dims output_padding=0, int groups=1, dims dilation=1)",
        f"The transpose of conv{rank}d: weight times each element of input, added up where its window is, plus bias.",
        spelled=[f"F.conv_transpose{rank}d", f"torch.conv_transpose{rank}d"],
        expands=lambda x, weight, bias=None, **params: _convolve_transposed(x, weight, bias, rank=rank, **params),
        samples=[
            draw((2, 2, *small), (2, 3, *kernel), 3),
            draw((1, 4, *small), (4, 2, *kernel), 4, stride=2, padding=1, output_padding=1, groups=2),
            draw((2, *small), (2, 1, *kernel), dilation=2, output_padding=1),
        ],
    )


conv1d, conv2d, conv3d = (_convolution(rank) for rank in (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = (_transposed_convolution(rank) for rank in (1, 2, 3))
