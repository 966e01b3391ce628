"""Normal numbers from uniform ones, two from two, rounded step by step as PyTorch's CPU code rounds them.

Source: G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", 1958; the order of the
operations is that of ATen's normal_distribution and NormalFill16 in PyTorch 2.13.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gradcli.ops.elementwise.multiplyadd import fused32, fused64, log32, sincos32, single

if TYPE_CHECKING:
    from gradcli.ops.elementwise.multiplyadd import Double, Single

BLOCK = 16
BLOCKS_AT_ONCE = 1024  # so that what one pass works on stays in the cache
TWO_PI = 2.0 * math.pi
TWO_PI_SINGLE = float(np.float32(TWO_PI))


def mapped(function: Callable[[float], float], values: Double) -> Double:
    """A function of the math module for every element.

    numpy's own vector logarithm, sine and cosine may differ in the last bit from the C library's, which PyTorch calls.
    """
    return np.fromiter(map(function, values.ravel().tolist()), np.float64, values.size).reshape(values.shape)


def pairs64(uniform: list[float]) -> list[float]:
    """Standard normal numbers, as they come one by one: of two uniform numbers the first turns, the second scales."""
    values: list[float] = []
    for turn, u in zip(uniform[::2], uniform[1::2], strict=True):
        radius = math.sqrt(-2.0 * math.log1p(-u))
        angle = TWO_PI * turn
        values += radius * math.cos(angle), radius * math.sin(angle)
    return values


def blocks64(uniform: Double, mean: float, std: float) -> Double:
    """Normal doubles from blocks of 16 uniform ones: 8 that scale, then 8 that turn."""
    halves = uniform.reshape(-1, 2, BLOCK // 2)
    radius = np.sqrt(-2.0 * mapped(math.log, 1.0 - halves[:, 0]))
    angle = TWO_PI * halves[:, 1]
    normal = np.stack([radius * mapped(math.cos, angle), radius * mapped(math.sin, angle)], axis=1)
    return fused64(normal, std, mean).ravel()


def blocks32(uniform: Double, mean: float, std: float) -> Single:
    """The same in single precision, with the polynomials of PyTorch's AVX2 code."""
    values = np.empty(uniform.size, np.float32)
    step = BLOCKS_AT_ONCE * BLOCK
    for start in range(0, uniform.size, step):
        halves = uniform[start : start + step].reshape(-1, 2, BLOCK // 2)
        radius = single(np.sqrt(-2.0 * log32(1.0 - halves[:, 0])))
        sine, cosine = sincos32(single(TWO_PI_SINGLE * halves[:, 1]))
        normal = np.stack([single(radius * cosine), single(radius * sine)], axis=1)
        values[start : start + step] = fused32(normal, float(np.float32(std)), float(np.float32(mean))).ravel()
    return values
