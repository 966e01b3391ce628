"""unfold and fold: windows of an image as columns, and columns added back into one; each the other's derivative."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradcli.errors import ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op
from gradcli.ops.layers.windows import Windows, check_at_least, repeated
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import Shape


def _unfold_kernel(x: Any, windows: Windows) -> Any:
    batch, channels = x.shape[:2]
    view = windows.view(x)  # N, C, oh, ow, kh, kw
    return view.transpose(0, 1, 4, 5, 2, 3).reshape(batch, channels * prod(windows.kernel), prod(windows.out))


def _fold_kernel(x: Any, windows: Windows) -> Any:
    batch, rows, _ = x.shape
    split = x.reshape(batch, rows // prod(windows.kernel), *windows.kernel, *windows.out)
    return np.ascontiguousarray(windows.add(split.transpose(2, 3, 0, 1, 4, 5)))


im2col: Op = op(
    "_im2col(Tensor input, any windows)",
    "The windows of an image as columns.",
    spelled=["_"],
    kernel=_unfold_kernel,
    grad=lambda g, y, x, windows: col2im(g, windows=windows),
    shape=lambda inputs, params: (
        inputs[0].shape[0],
        inputs[0].shape[1] * prod(params["windows"].kernel),
        prod(params["windows"].out),
    ),
    dtype=kept,
    grad_fn="Im2ColBackward0",
    linear=True,
)
col2im: Op = op(
    "_col2im(Tensor input, any windows)",
    "Columns added up where their windows are in an image.",
    spelled=["_"],
    kernel=_fold_kernel,
    grad=lambda g, y, x, windows: im2col(g, windows=windows),
    shape=lambda inputs, params: (
        inputs[0].shape[0],
        inputs[0].shape[1] // prod(params["windows"].kernel),
        *params["windows"].size,
    ),
    dtype=kept,
    grad_fn="Col2ImBackward0",
    linear=True,
)


def _windows(name: str, size: Shape, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Windows:
    kernel, dilations, pads, strides = (
        repeated(value, 2, word, name)
        for value, word in (
            (kernel_size, "kernel_size"),
            (dilation, "dilation"),
            (padding, "padding"),
            (stride, "stride"),
        )
    )
    for least, word, values in ((1, "kernel", kernel), (1, "dilation", dilations), (1, "stride", strides)):
        check_at_least(least, word, values, f"{word} should be greater than zero")
    check_at_least(0, "padding", pads, "padding should be non-negative")
    out = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(size, pads, dilations, kernel, strides, strict=True)
    )
    if any(n < 1 for n in out):
        raise ShapeError(
            f"the kernel {kernel} has no room in {size}",
            torch=f"calculated shape of the array of sliding blocks is {out}, but its components must be at least one",
        )
    return Windows(size, kernel, strides, tuple((p, p) for p in pads), dilations, out)


def _unfold(x: Node, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    if x.ndim not in (3, 4) or 0 in x.shape[1:]:
        raise ShapeError(
            f"the input must be (channels, height, width), or that with a batch; its shape is {x.shape}",
            torch="Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
            f"input, but got: {list(x.shape)}",
        )
    batch = x if x.ndim == 4 else reshape(x, shape=(1, *x.shape))
    windows = _windows("unfold", batch.shape[2:], kernel_size, dilation, padding, stride)
    columns = im2col(batch, windows=windows)
    return columns if x.ndim == 4 else _unbatched[0](columns)


def _fold(x: Node, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    if x.ndim not in (2, 3):
        raise ShapeError(
            f"the input must be (rows, columns), or that with a batch; its shape is {x.shape}",
            torch="Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions "
            f"for input, but got: {list(x.shape)}",
        )
    size = repeated(output_size, 2, "output_size", "fold")
    windows = _windows("fold", size, kernel_size, dilation, padding, stride)
    rows, columns = x.shape[-2:]
    if rows % prod(windows.kernel):
        raise ShapeError(
            f"the {rows} rows are not a multiple of the kernel's {prod(windows.kernel)} elements",
            torch="Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={rows} and kernel_size={windows.kernel}.",
        )
    if columns != prod(windows.out):
        raise ShapeError(
            f"the input has {columns} columns; {windows.out} windows fit into {size}, which makes {prod(windows.out)}",
            torch=f"Given output_size={size}, expected size of input's dimension 2 to match the calculated number of "
            f"sliding blocks {' * '.join(map(str, windows.out))} = {prod(windows.out)}, but got "
            f"input.size(2)={columns}.",
        )
    batch = x if x.ndim == 3 else reshape(x, shape=(1, *x.shape))
    image = col2im(batch, windows=windows)
    return image if x.ndim == 3 else _unbatched[1](image)


def _named_squeeze(grad_fn: str) -> Op:
    return op(
        "_squeezed(Tensor input)",
        "input without its batch dimension.",
        spelled=["_"],
        expands=lambda x: reshape(x, shape=x.shape[1:]),
        grad_fn=grad_fn,
    )


_unbatched = (_named_squeeze("Im2ColBackward0"), _named_squeeze("Col2ImBackward0"))

unfold: Op = op(
    "unfold(Tensor input, dims kernel_size, dims dilation=1, dims padding=0, dims stride=1)",
    "The windows of images (N, C, H, W) as columns (N, C kernel elements, windows).",
    spelled=["F.unfold"],
    expands=_unfold,
    samples=[
        draw((2, 2, 4, 4), kernel_size=2),
        draw((1, 2, 4, 5), kernel_size=(2, 3), stride=2, padding=1),
        draw((2, 5, 5), kernel_size=2, dilation=2),
    ],
)
fold: Op = op(
    "fold(Tensor input, dims output_size, dims kernel_size, dims dilation=1, dims padding=0, dims stride=1)",
    "Columns (N, C kernel elements, windows) added up where their windows are in images (N, C, *output_size).",
    spelled=["F.fold"],
    expands=_fold,
    samples=[
        draw((1, 8, 4), output_size=3, kernel_size=2),
        draw((2, 6, 6), output_size=(4, 3), kernel_size=(2, 3), stride=2, padding=1),
        draw((4, 9), output_size=5, kernel_size=2, dilation=2),
    ],
)
