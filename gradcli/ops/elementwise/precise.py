"""Single-precision functions to the last bit, for small arrays.

torch's vector code is within a hair of correct rounding; numpy's single-precision loops are off by a bit in every
third number or so. Where the numbers are few enough to be read, the function is computed in double precision and
rounded once, which gives torch's bits in 99 of 100 cases; larger arrays take numpy's own loops, several times as fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SMALL = 1000  # elements: what a tensor's text shows in full
SINGLE = np.dtype(np.float32)
DOUBLE = np.dtype(np.float64)


class Precise:
    """The kernel of a function of one array. `ufunc` is for those who need its speed alone."""

    __slots__ = ("ufunc",)

    def __init__(self, ufunc: np.ufunc) -> None:
        self.ufunc = ufunc

    def __call__(self, x: Any) -> Any:
        if type(x) is np.float32:
            return np.float32(self.ufunc(float(x)))
        if x.dtype is SINGLE and x.size <= SMALL:
            return self.ufunc(x.astype(DOUBLE)).astype(SINGLE)
        return self.ufunc(x)


class PreciseBinary:
    """The kernel of a function of two arrays, or of an array and a number."""

    __slots__ = ("ufunc",)

    def __init__(self, ufunc: np.ufunc) -> None:
        self.ufunc = ufunc

    def __call__(self, x: Any, other: Any) -> Any:
        if _small_single(x) and _small_single(other):
            return self.ufunc(np.asarray(x, DOUBLE), np.asarray(other, DOUBLE)).astype(SINGLE)
        return self.ufunc(x, other)


def _small_single(x: Any) -> bool:
    return type(x) is float or (x.dtype is SINGLE and x.size <= SMALL)


exp = Precise(np.exp)
power = PreciseBinary(np.power)
