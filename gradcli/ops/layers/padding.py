"""pad: a tensor made larger (with negative numbers smaller) at its ends, with a constant or with its own elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.errors import NotImplementedError_, RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op
from gradcli.ops.layers.resample import Taps, resample
from gradcli.shapes import Shape

MODES = ("constant", "reflect", "replicate", "circular")


def _ends(pad: Shape, ndim: int) -> tuple[tuple[int, int], ...]:
    """What is put before and after each dimension; torch's list begins with the last."""
    pairs = [(pad[at], pad[at + 1]) for at in range(0, len(pad), 2)]
    return ((0, 0),) * (ndim - len(pairs)) + tuple(reversed(pairs))


def _constant_kernel(x: Any, pad: Shape, value: Any) -> Any:
    ends = _ends(pad, x.ndim)
    shape = tuple(n + before + after for n, (before, after) in zip(x.shape, ends, strict=True))
    result = np.full(shape, np.asarray(value).astype(x.dtype), x.dtype)
    inner, taken = [], []
    for size, (before, after) in zip(x.shape, ends, strict=True):
        inner.append(slice(max(before, 0), max(before, 0) + size + min(before, 0) + min(after, 0)))
        taken.append(slice(max(-before, 0), size - max(-after, 0)))
    result[tuple(inner)] = x[tuple(taken)]
    return result


def _constant_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    shape: Shape = inputs[0].shape
    pad = params["pad"]
    if len(pad) > 2 * len(shape):
        raise ShapeError(
            f"pad has {len(pad)} numbers; a tensor of {len(shape)} dimensions has {2 * len(shape)} ends",
            torch="Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {len(shape)}",
        )
    sizes = tuple(n + before + after for n, (before, after) in zip(shape, _ends(pad, len(shape)), strict=True))
    for size, own, (before, after) in zip(sizes, shape, _ends(pad, len(shape)), strict=True):
        if size < 0 or own + min(before, 0) + min(after, 0) < 0:
            raise ShapeError(
                f"pad takes more elements away than there are: {shape} and {pad}",
                torch="narrow(): length must be non-negative.",
            )
    return sizes


constant: Op = op(
    "constant_pad_nd(Tensor input, ints pad, Scalar value=0)",
    "input with value put before and after it; negative numbers take elements away.",
    spelled=["torch.constant_pad_nd"],
    kernel=_constant_kernel,
    grad=lambda g, y, x, pad, value: constant(g, pad=tuple(-n for n in pad), value=0),
    shape=_constant_shape,
    dtype=kept,
    grad_fn="ConstantPadNdBackward0",
    samples=[draw((2, 3), pad=(1, 2)), draw((2, 3), pad=(-1, 1, 1, 0), value=2.5)],
)


def _reflected(at: Any, size: int, kept: tuple[int, int]) -> Any:
    return size - 1 - np.abs(size - 1 - np.abs(at))


def _repeated(at: Any, size: int, kept: tuple[int, int]) -> Any:
    return np.clip(at, 0, size - 1)


def _around(at: Any, size: int, kept: tuple[int, int]) -> Any:
    start, end = kept
    return start + (at - start) % max(end - start, 1)


_PLACES: dict[str, Callable[[Any, int, tuple[int, int]], Any]] = {
    "reflect": _reflected,
    "replicate": _repeated,
    "circular": _around,
}


def _filled(x: Node, pad: Shape, mode: str) -> Any:
    """x with its own elements at its ends."""
    for dim, (before, after) in enumerate(_ends(pad, x.ndim)):
        if before or after:
            at = np.arange(-before, x.shape[dim] + after)
            size = x.shape[dim]
            kept = max(-before, 0), size - max(-after, 0)
            made = ("pad", ((before, after),), {"mode": mode}, 0)
            x = resample(x, dim=dim, taps=Taps(size, _PLACES[mode](at, size, kept), made=made))
    return x


def _named(grad_fn: str, torch1: str | None = None) -> Op:
    return op(
        "_pad(Tensor input, ints pad, str mode)",
        "input with its own elements put before and after it.",
        spelled=["_"],
        expands=_filled,
        grad_fn=(torch1, grad_fn) if torch1 else grad_fn,
    )


_NAMED = {
    (mode, rank): _named(f"{word}Pad{rank}DBackward0")
    for mode, word in (("reflect", "Reflection"), ("replicate", "Replication"))
    for rank in (1, 2, 3)
} | {("circular", rank): _named("CopySlices", "CatBackward") for rank in (1, 2, 3)}


def _check_ends(x: Node, pad: Shape, mode: str) -> None:
    """Refuse what reflection and the others cannot do: too many dimensions, ends larger than the tensor."""
    rank = len(pad) // 2
    if rank not in (1, 2, 3) or x.ndim not in (rank + 1, rank + 2):
        raise NotImplementedError_(
            f"mode={mode!r} pads the last 1, 2 or 3 dimensions of a tensor with 1 or 2 more, not {len(pad)} ends of "
            f"a tensor of shape {x.shape}",
            torch=f"Padding size {len(pad)} is not supported for {x.ndim}D input tensor.",
        )
    if 0 in x.shape[x.ndim - rank - 1 :]:
        raise ShapeError(
            f"the input has no elements to pad with: {x.shape}",
            torch="Expected 2D or 3D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
            f"input, but got: {list(x.shape)}",
        )
    for dim, ends in enumerate(_ends(pad, x.ndim)):
        size = x.shape[dim]
        if not size:  # an empty batch
            continue
        if mode == "reflect" and max(ends) >= size:
            raise ShapeError(
                f"reflect needs padding smaller than the dimension: {max(ends)} at dimension {dim} of size {size}",
                torch="Padding size should be less than the corresponding input dimension, but got: padding "
                f"{ends} at dimension {dim} of input {list(x.shape)}",
            )
        if mode == "circular" and max(ends) > size:
            raise ShapeError(
                f"circular padding goes around once at most: {max(ends)} at dimension {dim} of size {size}",
                torch="Padding value causes wrapping around more than once.",
            )
        if size + sum(ends) < 1 and mode != "circular":
            raise ShapeError(
                f"nothing would be left of dimension {dim} of size {size}: {ends}",
                torch=f"input (W: {size}) is too small. Calculated output W: {size + sum(ends)}",
            )


def _pad(x: Node, pad: Any, mode: str, value: Any) -> Any:
    pad = tuple(pad)
    if len(pad) % 2:
        raise ShapeError(
            f"pad has {len(pad)} numbers; it needs two for each dimension, before and after",
            torch="Padding length must be divisible by 2",
        )
    if mode not in MODES:
        raise NotImplementedError_(
            f"mode is {mode!r}; it can be {', '.join(map(repr, MODES))}", torch=f"Unrecognised padding mode {mode}"
        )
    if mode == "constant":
        return constant(x, pad=pad, value=0 if value is None else value)
    if value is not None and value != 0:
        raise RefusedValue(
            f"mode={mode!r} takes no value", torch=f'Padding mode "{mode}" doesn\'t take in value argument'
        )
    _check_ends(x, pad, mode)
    return _NAMED[mode, len(pad) // 2](x, pad=pad, mode=mode)


pad: Op = op(
    "pad(Tensor input, ints pad, str mode='constant', Scalar? value=None)",
    "input made larger at the ends of its last dimensions: pad is (before, after) for the last, then the one before "
    "it, ...; with a value, its reflection, its edge, or its other end.",
    spelled=["F.pad"],
    expands=_pad,
    samples=[
        draw((2, 3), pad=(1, 2), value=1.5),
        draw((1, 3, 4), pad=(2, 1), mode="reflect"),
        draw((1, 2, 3), pad=(1, 2), mode="circular"),
        draw((1, 3, 2), pad=(3, 1, -1, 2), mode="replicate"),
    ],
)
