"""Pooling by means and p-norms of windows, and what all pooling shares: which windows a call asks for.

The windows slide over the last one, two or three dimensions; what stands before them (channels, batch) is kept.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradcli.dtypes import BOOL
from gradcli.errors import RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op
from gradcli.ops.dtyperules import not_taken
from gradcli.ops.elementwise.arithmetic import abs_, mul, sign
from gradcli.ops.elementwise.explog import pow_
from gradcli.ops.elementwise.limits import relu
from gradcli.ops.layers.windows import Windows, check_at_least, repeated
from gradcli.shapes import Shape


def with_last(shape: Shape, out: Shape) -> Shape:
    """The shape with other sizes of its last dimensions."""
    return shape[: len(shape) - len(out)] + out


def check_dims(x: Node, rank: int, name: str) -> None:
    """Refuse an input that has not one or two dimensions before those that are pooled, or none in one of them."""
    if x.ndim not in (rank + 1, rank + 2) or 0 in x.shape[x.ndim - rank - 1 :]:
        raise ShapeError(
            f"the input must have {rank + 1} dimensions, or {rank + 2} with a batch, none of them empty but the batch; "
            f"its shape is {x.shape}",
            torch=f"{name}: Expected {rank + 1}D or {rank + 2}D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{list(x.shape)}",
        )


def windows_of(
    x: Node,
    rank: int,
    name: str,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Windows:
    """The windows that a call asks for.

    Raises: ShapeError, ValueError_ when there is no room for one, or a number makes no sense.
    """
    kernel = repeated(kernel_size, rank, "kernel_size", name)
    check_at_least(1, "kernel_size", kernel, f"{name}() kernel_size must be greater than zero, but got {kernel_size}")
    strides = kernel if stride is None or stride == () else repeated(stride, rank, "stride", name)
    check_at_least(1, "stride", strides, "stride should not be zero")
    dilations = repeated(dilation, rank, "dilation", name)
    check_at_least(1, "dilation", dilations, f"{name}() dilation must be greater than zero, but got {dilation}")
    pads = repeated(padding, rank, "padding", name)
    check_at_least(0, "padding", pads, f"pad must be non-negative, but got pad: {padding}")
    for pad, size in zip(pads, kernel, strict=True):
        if pad > size // 2:
            raise RefusedValue(
                f"padding {pad} is more than half of the kernel's {size}",
                torch=f"pad should be at most half of effective kernel size, but got pad={pad}, kernel_size={size} "
                "and dilation=1",
            )
    size = x.shape[x.ndim - rank :]
    out = tuple(
        _count(n, k, s, p, d, ceil_mode) for n, k, s, p, d in zip(size, kernel, strides, pads, dilations, strict=True)
    )
    if any(n < 1 for n in out):
        raise ShapeError(
            f"the kernel {kernel} has no room in {size}",
            torch=f"Given input size: ({'x'.join(map(str, x.shape[-rank - 1 :]))}). Calculated output size: "
            f"({'x'.join(map(str, (x.shape[-rank - 1], *out)))}). Output size is too small",
        )
    return Windows(size, kernel, strides, tuple((p, p) for p in pads), dilations, out)


def _count(size: int, kernel: int, stride: int, pad: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit; with ceil_mode also one that reaches over the end, if it begins before it."""
    room = size + 2 * pad - dilation * (kernel - 1) - 1
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + pad else count


# --- means


def _sum_kernel(x: Any, windows: Windows, divisor: Any) -> Any:
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    padded = windows.pad(wide)
    total = np.zeros(with_last(x.shape, windows.out), wide.dtype)
    for _, slices in windows.offsets():
        total += padded[(..., *slices)]
    if x.dtype.kind != "f":
        return np.trunc(total / divisor).astype(x.dtype)
    return (total / divisor).astype(x.dtype, copy=False)


def _spread_mean_kernel(g: Any, windows: Windows, divisor: Any) -> Any:
    share = (g / divisor).astype(g.dtype, copy=False)
    return windows.add(np.broadcast_to(share, windows.kernel + share.shape))


def _mean_op(rank: int) -> Op:
    name = "SqueezeBackward1" if rank == 1 else f"AvgPool{rank}DBackward0"
    return op(
        f"_avg_pool{rank}d(Tensor input, any windows, any divisor)",
        "The sum of each window, divided.",
        spelled=["_"],
        kernel=_sum_kernel,
        grad=lambda g, y, x, windows, divisor: _spread_mean(g, windows=windows, divisor=divisor),
        shape=lambda inputs, params: with_last(inputs[0].shape, params["windows"].out),
        dtype=kept,
        grad_fn=(name, name) if rank == 1 else name,
        linear=True,
    )


_MEAN = {rank: _mean_op(rank) for rank in (1, 2, 3)}
_spread_mean: Op = op(
    "_spread_mean(Tensor input, any windows, any divisor)",
    "input, divided, added to each element of its window.",
    spelled=["_"],
    kernel=_spread_mean_kernel,
    grad=lambda g, y, x, windows, divisor: _MEAN[len(windows.size)](g, windows=windows, divisor=divisor),
    shape=lambda inputs, params: with_last(inputs[0].shape, params["windows"].size),
    dtype=kept,
    grad_fn="AvgPoolBackwardBackward0",
    linear=True,
)


def window_sizes(windows: Windows, count_include_pad: bool) -> Any:
    """How many elements each window counts: padding too, or only the input's; never what is beyond the padding."""
    counts = []
    for size, kernel, stride, (before, after), out in zip(
        windows.size, windows.kernel, windows.stride, windows.pads, windows.out, strict=True
    ):
        start = np.arange(out) * stride - before
        end = np.minimum(start + kernel, size + after)
        counts.append(end - start if count_include_pad else np.minimum(end, size) - np.maximum(start, 0))
    return np.asarray(prod(np.ix_(*counts)))


def _avg_pool(
    x: Node,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    rank: int,
    divisor_override: int | None = None,
) -> Any:
    name = f"avg_pool{rank}d"
    check_dims(x, rank, name)
    if x.dtype.category == BOOL:
        raise not_taken(x.dtype, f"{name}_out_frame")
    windows = windows_of(x, rank, name, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override == 0:
        raise RefusedValue("divisor_override cannot be 0", torch="divisor must be not zero")
    divisor = divisor_override if divisor_override is not None else window_sizes(windows, count_include_pad)
    return _MEAN[rank](x, windows=windows, divisor=divisor)


def _declare_mean(rank: int) -> Op:
    size = (3, 4, 5)[-rank:]
    override = "" if rank == 1 else ", int? divisor_override=None"
    return op(
        f"avg_pool{rank}d(Tensor input, dims kernel_size, dims? stride=None, dims padding=0, bool ceil_mode=False, "
        f"bool count_include_pad=True{override})",
        f"The mean of each window over the last {rank} dimension{'s' if rank > 1 else ''}.",
        spelled=[f"F.avg_pool{rank}d", *(["torch.avg_pool1d"] if rank == 1 else [])],
        expands=lambda x, **params: _avg_pool(x, rank=rank, **params),
        samples=[
            draw((2, 2, *size), kernel_size=2),
            draw((1, *size), kernel_size=3, stride=1, padding=1, count_include_pad=False),
            draw((1, 1, *size), kernel_size=2, stride=2, ceil_mode=True, padding=1),
        ],
    )


avg_pool1d, avg_pool2d, avg_pool3d = (_declare_mean(rank) for rank in (1, 2, 3))


def _lp_pool(x: Node, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool, rank: int) -> Any:
    """As torch: the mean of x^p back to a sum, and its root."""
    kernel = repeated(kernel_size, rank, "kernel_size", f"lp_pool{rank}d")
    mean = _avg_pool(pow_(x, norm_type), kernel, stride, 0, ceil_mode, True, rank)
    return pow_(mul(mul(sign(mean), relu(abs_(mean))), prod(kernel)), 1.0 / norm_type)


def _declare_lp(rank: int) -> Op:
    size = (2, 4, 4)[-rank:]
    return op(
        f"lp_pool{rank}d(Tensor input, Scalar norm_type, dims kernel_size, dims? stride=None, bool ceil_mode=False)",
        "sum(input^norm_type)^(1 / norm_type) of each window.",
        spelled=[f"F.lp_pool{rank}d"],
        expands=lambda x, **params: _lp_pool(x, rank=rank, **params),
        domain=(0.2, 2.0),
        samples=[
            draw((1, 2, *size), norm_type=2, kernel_size=2),
            draw((1, *size), norm_type=3, kernel_size=2, stride=1),
        ],
    )


lp_pool1d, lp_pool2d, lp_pool3d = (_declare_lp(rank) for rank in (1, 2, 3))
