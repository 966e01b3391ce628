"""torch.signal.windows: symmetric windows, as functions of the place of each sample. (torch.hann_window: tapers.py.)

A window that is not symmetric (sym=False) is a symmetric one of a sample more, without its last.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np

from gradcli.dtypes import DType, float32, float64
from gradcli.errors import TypeError_, ValueError_
from gradcli.graph.node import MODE
from gradcli.graph.op import leaf, op
from gradcli.ops.creation.create import PLACE


def _cosines(at: Any, last: int, a: Any) -> Any:
    """a0 - a1 cos(2 pi n / last) + a2 cos(4 pi n / last) - ..."""
    angle = at * (2 * pi / last)
    return sum((-1) ** order * weight * np.cos(order * angle) for order, weight in enumerate(a))


def _bartlett(at: Any, last: int) -> Any:
    return 1 - np.abs(at * (2 / last) - 1)


def _half_sine(at: Any, last: int) -> Any:
    return np.sin((at + 0.5) * (pi / (last + 1)))


def _exponential(at: Any, last: int, center: float | None, tau: float) -> Any:
    return np.exp(-np.abs((at - (last / 2 if center is None else center)) / tau))


def _gaussian(at: Any, last: int, std: float) -> Any:
    off = (at - last / 2) / (std * np.sqrt(2))
    return np.exp(-off * off)


def _kaiser(at: Any, last: int, beta: float) -> Any:
    from scipy.special import i0  # scipy is slow to import

    off = at * (2 * beta / last) - beta
    return i0(np.sqrt(np.maximum(beta * beta - off * off, 0))) / i0(beta)


def _window(
    name: str,
    shape: Callable[..., Any],
    flat: bool,
    m: int,
    sym: bool,
    dtype: DType | None,
    **params: Any,
) -> Any:
    """The node of a window, as shape(places, last place) has it. flat: a window of one sample is 1."""
    dtype = dtype or MODE.default
    if m < 0:
        raise ValueError_(
            f"the length is {m}; it cannot be negative",
            torch=f"{name} requires non-negative window length, got M={m}",
        )
    if dtype not in (float32, float64):
        raise ValueError_(
            f"a window is of float32 or float64, not {dtype.name}",
            torch=f"{name} expects float32 or float64 dtypes, got: {dtype!r}",
        )
    if m == 0 or (m == 1 and flat):
        return leaf(np.ones(m, dtype.numpy))
    last = m - 1 if sym or m == 1 else m
    return leaf(np.asarray(shape(np.arange(m, dtype=np.float64), last, **params)).astype(dtype.numpy))


def _declare(name: str, doc: str, shape: Callable[..., Any], arguments: str = "", flat: bool = True) -> None:
    op(
        f"{name}(int M, *, {arguments}bool sym=True, dtype? dtype=None, {PLACE})",
        doc,
        spelled=[f"signal.windows.{name}"],
        expands=lambda M, sym, dtype, **params: _window(name, shape, flat, M, sym, dtype, **params),
    )


def _fixed(*weights: float) -> Callable[[Any, int], Any]:
    return lambda at, last: _cosines(at, last, weights)


def _general_hamming(at: Any, last: int, alpha: float) -> Any:
    return _cosines(at, last, (alpha, 1 - alpha))


def _general_cosine(at: Any, last: int, a: Any) -> Any:
    if not isinstance(a, list | tuple):
        raise TypeError_(f"a is a list of weights, not {a!r}", torch="Coefficients must be a list/tuple")
    if not a:
        raise ValueError_("the list of weights is empty", torch="Coefficients cannot be empty")
    return _cosines(at, last, a)


def _checked_gaussian(at: Any, last: int, std: float) -> Any:
    if std <= 0:
        raise ValueError_(f"std is {std}; it must be positive", torch=f"Standard deviation must be positive, got: {std}"
                          " instead.")  # fmt: skip
    return _gaussian(at, last, std)


_declare("hann", "0.5 - 0.5 cos(2 pi n / last).", _fixed(0.5, 0.5))
_declare("hamming", "0.54 - 0.46 cos(2 pi n / last).", _fixed(0.54, 0.46))
_declare("blackman", "0.42 - 0.5 cos(2 pi n / last) + 0.08 cos(4 pi n / last).", _fixed(0.42, 0.5, 0.08))
_declare("nuttall", "Four cosines, for small side lobes.", _fixed(0.3635819, 0.4891775, 0.1365995, 0.0106411))
_declare("general_cosine", "A sum of cosines with the weights a.", _general_cosine, "any a, ")
_declare("general_hamming", "alpha - (1 - alpha) cos(2 pi n / last).", _general_hamming, "float alpha=0.54, ")
_declare("bartlett", "A triangle: 1 in the middle, 0 at the ends.", _bartlett)
_declare("cosine", "Half a period of a sine.", _half_sine, flat=False)
_declare("exponential", "exp(-|n - center| / tau).", _exponential, "float? center=None, float tau=1.0, ", flat=False)
_declare("gaussian", "exp(-(n - last / 2)^2 / (2 std^2)).", _checked_gaussian, "float std=1.0, ", flat=False)
_declare("kaiser", "i0(sqrt(beta^2 - off^2)) / i0(beta).", _kaiser, "float beta=12.0, ")
