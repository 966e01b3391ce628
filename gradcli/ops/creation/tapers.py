"""Windows of signal processing: weights that rise from near 0 to 1 and fall again. (Windows of pooling: windows.py.)

A periodic window is a symmetric one of a sample more, without its last.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np

from gradcli.dtypes import DType
from gradcli.errors import DtypeError, RefusedValue
from gradcli.graph.node import MODE
from gradcli.graph.op import leaf, op
from gradcli.ops.creation.create import PLACE


def _raised_cosine(at: Any, last: int, alpha: float, beta: float) -> Any:
    return alpha - beta * np.cos(at * (2 * pi / last))


def _blackman(at: Any, last: int) -> Any:
    step = at * (pi / last)
    return np.cos(step * 4) * 0.08 - np.cos(step * 2) * 0.5 + 0.42


def _bartlett(at: Any, last: int) -> Any:
    rising = at * (2 / last)
    return np.where(at <= last >> 1, rising, 2 - rising)


def _kaiser(at: Any, last: int, beta: float) -> Any:
    from scipy.special import i0  # scipy is slow to import

    off_centre = at * (2 / last) - 1
    return (i0(beta * np.sqrt(1 - off_centre * off_centre)) / i0(beta)).astype(at.dtype)


def _window(
    shape: Callable[..., Any], name: str, count: int, periodic: bool, dtype: DType | None, **params: Any
) -> Any:
    """The node of a window, as shape(places, last place) has it."""
    dtype = dtype or MODE.default
    if not dtype.floating:
        raise DtypeError(
            f"a window has floating weights, not {dtype.name}",
            torch=f"{name} expects floating point dtypes, got: {dtype!r}",
        )
    if count < 0:
        raise RefusedValue(
            f"the length is {count}; it cannot be negative",
            torch=f"{name} requires non-negative window_length, got window_length={count}",
        )
    if count < 2:
        return leaf(np.ones(count, dtype.numpy))
    last = count if periodic else count - 1
    at = np.arange(count).astype(np.float64 if dtype.numpy == np.float64 else np.float32)
    return leaf(shape(at, last, **params).astype(dtype.numpy))


for _name, _shape, _arguments, _doc in (
    ("hamming", _raised_cosine, ", float alpha=0.54, float beta=0.46", "alpha - beta cos(2 pi n / last)."),
    ("blackman", _blackman, "", "0.42 - 0.5 cos(2 pi n / last) + 0.08 cos(4 pi n / last)."),
    ("bartlett", _bartlett, "", "A triangle: 1 in the middle, 0 at the ends."),
    ("kaiser", _kaiser, ", float beta=12.0", "i0(beta sqrt(1 - (2 n / last - 1)^2)) / i0(beta)."),
):
    op(
        f"{_name}_window(int window_length, bool periodic=True{_arguments}, *, dtype? dtype=None, {PLACE})",
        _doc,
        spelled=[f"torch.{_name}_window"],
        expands=lambda window_length, periodic, dtype, shape=_shape, name=f"{_name}_window", **params: _window(
            shape, name, window_length, periodic, dtype, **params
        ),
    )
op(
    f"hann_window(int window_length, bool periodic=True, *, dtype? dtype=None, {PLACE})",
    "0.5 - 0.5 cos(2 pi n / last).",
    spelled=["torch.hann_window"],
    expands=lambda window_length, periodic, dtype: _window(
        _raised_cosine, "hann_window", window_length, periodic, dtype, alpha=0.5, beta=0.5
    ),
    wrong=[("torch.hann_window(-1)", "cannot be negative")],
)
