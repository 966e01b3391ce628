"""Channels and pixels exchanged: pixel_shuffle, pixel_unshuffle, channel_shuffle."""

from __future__ import annotations

from typing import Any

from gradcli.errors import RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.dtyperules import new
from gradcli.ops.shapes.order import permute
from gradcli.ops.shapes.shape import reshape


def _check_image(x: Node, name: str, factor: int, word: str) -> None:
    if x.ndim < 3:
        raise ShapeError(
            f"the input needs channels, height and width; its shape is {x.shape}",
            torch=f"{name} expects input to have at least 3 dimensions, but got input with {x.ndim} dimension(s)",
        )
    if factor <= 0:
        raise RefusedValue(
            f"{word} is {factor}; it must be positive", torch=f"{name} expects a positive {word}, but got {factor}"
        )


def _permuted(x: Node, split: tuple[int, ...], order: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The last dimensions split, put in another order and joined again."""
    lead = x.shape[:-3]
    ahead = tuple(range(len(lead)))
    moved = permute(reshape(x, shape=lead + split), dims=ahead + tuple(len(lead) + at for at in order))
    return reshape(moved, shape=lead + shape)


def _shuffled(x: Node, factor: int) -> Any:
    channels, height, width = x.shape[-3:]
    kept = channels // factor**2
    return _permuted(x, (kept, factor, factor, height, width), (0, 3, 1, 4, 2), (kept, height * factor, width * factor))


def _unshuffled(x: Node, factor: int) -> Any:
    channels, height, width = x.shape[-3:]
    high, wide = height // factor, width // factor
    return _permuted(x, (channels, high, factor, wide, factor), (0, 2, 4, 1, 3), (channels * factor**2, high, wide))


def _named(name: str, expands: Any, grad_fn: tuple[str, str]) -> Op:
    return op(
        f"_{name}(Tensor input, int factor)",
        "Channels and pixels exchanged.",
        spelled=["_"],
        expands=expands,
        grad_fn=grad_fn,
    )


_pixel_shuffle = _named("pixel_shuffle", _shuffled, ("UnsafeViewBackward", "PixelShuffleBackward0"))
_pixel_unshuffle = _named("pixel_unshuffle", _unshuffled, new("PixelUnshuffleBackward0"))


def _pixel_shuffle_expanded(x: Node, upscale_factor: int) -> Any:
    _check_image(x, "pixel_shuffle", upscale_factor, "upscale_factor")
    if x.shape[-3] % upscale_factor**2:
        raise ShapeError(
            f"{x.shape[-3]} channels do not divide into squares of {upscale_factor}: {x.shape}",
            torch="pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            f"upscale_factor, but input.size(-3)={x.shape[-3]} is not divisible by {upscale_factor**2}",
        )
    return _pixel_shuffle(x, factor=upscale_factor)


def _pixel_unshuffle_expanded(x: Node, downscale_factor: int) -> Any:
    _check_image(x, "pixel_unshuffle", downscale_factor, "downscale_factor")
    for word, dim in (("height", -2), ("width", -1)):
        if x.shape[dim] % downscale_factor:
            raise ShapeError(
                f"the {word} {x.shape[dim]} does not divide by {downscale_factor}: {x.shape}",
                torch=f"pixel_unshuffle expects {word} to be divisible by downscale_factor, but "
                f"input.size({dim})={x.shape[dim]} is not divisible by {downscale_factor}",
            )
    return _pixel_unshuffle(x, factor=downscale_factor)


pixel_shuffle: Op = op(
    "pixel_shuffle(Tensor input, int upscale_factor)",
    "Every upscale_factor^2 channels (..., C r^2, H, W) made into one larger image (..., C, H r, W r).",
    spelled=["F.pixel_shuffle", "torch.pixel_shuffle"],
    expands=_pixel_shuffle_expanded,
    samples=[draw((1, 4, 2, 3), upscale_factor=2), draw((9, 1, 2), upscale_factor=3)],
)
pixel_unshuffle: Op = op(
    "pixel_unshuffle(Tensor input, int downscale_factor)",
    "The inverse of pixel_shuffle: images (..., C, H r, W r) made into channels (..., C r^2, H, W).",
    spelled=["F.pixel_unshuffle", "torch.pixel_unshuffle"],
    expands=_pixel_unshuffle_expanded,
    samples=[draw((1, 1, 4, 6), downscale_factor=2)],
)


def _mixed(x: Node, groups: int) -> Any:
    batch, channels = x.shape[:2]
    rest = x.shape[2:]
    split = reshape(x, shape=(batch, groups, channels // groups, *rest))
    moved = permute(split, dims=(0, 2, 1, *range(3, 3 + len(rest))))
    return reshape(moved, shape=x.shape)


_channel_shuffle = op(
    "_channel_shuffle(Tensor input, int groups)",
    "The channels of the groups, dealt out in turn.",
    spelled=["_"],
    expands=_mixed,
    grad_fn=new("ChannelShuffleBackward0"),
)


def _channel_shuffle_expanded(x: Node, groups: int) -> Any:
    if x.ndim < 3:
        raise ShapeError(
            f"the input needs a batch, channels and at least one dimension more; its shape is {x.shape}",
            torch=f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(x.shape)}",
        )
    if groups <= 0 or x.shape[1] % groups:
        raise ShapeError(
            f"{x.shape[1]} channels do not divide into {groups} groups",
            torch=f"Number of channels must be divisible by groups. Got {x.shape[1]} channels and {groups} groups.",
        )
    return _channel_shuffle(x, groups=groups)


channel_shuffle: Op = op(
    "channel_shuffle(Tensor input, int groups)",
    "The channels of the groups, dealt out in turn.",
    spelled=["F.channel_shuffle", "torch.channel_shuffle", "torch.native_channel_shuffle"],
    expands=_channel_shuffle_expanded,
    samples=[draw((1, 4, 2), groups=2), draw((2, 6, 1, 2), groups=3)],
)
