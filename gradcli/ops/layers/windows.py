"""Windows that slide over the last dimensions: where convolution, pooling and unfolding read and add.

Everything here is plain numpy and arithmetic on sizes. A window has a size, a stride, a dilation (the step between its
elements) and padding (before, after) in each dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gradcli.errors import RefusedValue, ShapeError, TypeError_
from gradcli.shapes import Shape

Pads = tuple[tuple[int, int], ...]


class Windows:
    """Windows over an input of spatial shape `size`; `out` windows in each dimension. Equal ones are one to a plan."""

    __slots__ = ("dilation", "kernel", "out", "pads", "size", "stride")

    def __init__(self, size: Shape, kernel: Shape, stride: Shape, pads: Pads, dilation: Shape, out: Shape) -> None:
        self.size = size
        self.kernel = kernel
        self.stride = stride
        self.pads = pads
        self.dilation = dilation
        self.out = out

    def __eq__(self, other: object) -> bool:
        return type(other) is Windows and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def _parts(self) -> tuple[Any, ...]:
        return self.size, self.kernel, self.stride, self.pads, self.dilation, self.out

    @property
    def padded(self) -> Shape:
        """The size of an input that has room for all windows."""
        return tuple(
            max(size + before + after, (out - 1) * stride + dilation * (kernel - 1) + 1)
            for size, (before, after), out, stride, dilation, kernel in zip(
                self.size, self.pads, self.out, self.stride, self.dilation, self.kernel, strict=True
            )
        )

    def inner(self) -> tuple[slice, ...]:
        """Where the input itself is in the padded one."""
        return tuple(slice(before, before + size) for size, (before, _) in zip(self.size, self.pads, strict=True))

    def pad(self, x: Any, value: Any = 0) -> Any:
        """The padded input."""
        padded = self.padded
        if padded == x.shape[x.ndim - len(padded) :]:
            return x
        result: Any = np.full(x.shape[: x.ndim - len(padded)] + padded, value, x.dtype)
        result[(..., *self.inner())] = x
        return result

    def view(self, x: Any, value: Any = 0) -> Any:
        """The windows as a view of the padded input: (..., *out, *kernel)."""
        x = self.pad(x, value)
        rank = len(self.size)
        lead, strides = x.shape[: x.ndim - rank], x.strides
        steps = strides[x.ndim - rank :]
        return as_strided(
            x,
            lead + self.out + self.kernel,
            strides[: x.ndim - rank]
            + tuple(step * s for step, s in zip(steps, self.stride, strict=True))
            + tuple(step * d for step, d in zip(steps, self.dilation, strict=True)),
            writeable=False,
        )

    def offsets(self) -> Any:
        """Each element of a window: its index in the kernel, and the slices of the padded input that hold it."""
        for at in product(*map(range, self.kernel)):
            yield (
                at,
                tuple(
                    slice(k * d, k * d + (out - 1) * s + 1, s)
                    for k, d, out, s in zip(at, self.dilation, self.out, self.stride, strict=True)
                ),
            )

    def add(self, values: Any) -> Any:
        """An input in which the values (*kernel, ..., *out) of the windows were added up."""
        rank = len(self.size)
        result: Any = np.zeros(values.shape[rank : values.ndim - rank] + self.padded, values.dtype)
        if prod(self.out):
            for at, slices in self.offsets():
                result[(..., *slices)] += values[at]
        return result[(..., *self.inner())]


def repeated(value: Any, rank: int, name: str, op: str) -> Shape:
    """An argument given as one number or as one for each dimension.

    Raises: ShapeError when there are too many or too few; TypeError_ for what is no integer.
    """
    if isinstance(value, int):
        return (value,) * rank
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(item, int) for item in values):
        raise TypeError_(
            f"{name} is made of integers, not {value!r}",
            torch=f"{op}(): argument '{name}' must be tuple of ints, not {type(value).__name__}",
        )
    if len(values) == 1:
        return values * rank
    if len(values) != rank:
        raise ShapeError(
            f"{name} has {len(values)} numbers; there are {rank} dimensions to slide over: {values}",
            torch=f"{op}: {name} must either be a single int, or a tuple of {rank} ints",
        )
    return values


def check_at_least(least: int, name: str, values: Sequence[int], torch: str) -> None:
    """Refuse a stride of 0, a negative padding and the like."""
    for value in values:
        if value < least:
            raise RefusedValue(f"{name} is {value}; it must be at least {least}", torch=torch)
