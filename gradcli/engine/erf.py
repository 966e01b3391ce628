"""The error function in single precision, block by block.

x P(x^2) / Q(x^2) on |x| < 3.925, where erf rounds to 1; our own fit (Lawson's weighted least squares), relative error
2e-9 in exact arithmetic. Evaluated in single precision it is right to a few units of the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BOUND = 3.925
# highest power first
SINGLE = (
    (
        -1.2828117938e-08,
        4.6144672052e-06,
        0.00037695790542,
        0.0038395108927,
        0.054249447944,
        0.18514329012,
        1.1283791692,
    ),
    (6.2448304745e-05, 0.0013019706022, 0.015432533152, 0.11388096433, 0.49741237546, 1.0),
)


PART = 1 << 13  # elements: what all steps need stays in the innermost cache


def _horner(series: tuple[float, ...], t: Any, out: Any) -> Any:
    np.multiply(t, series[0], out)
    for c in series[1:-1]:
        np.add(out, c, out)
        np.multiply(out, t, out)
    return np.add(out, series[-1], out)


def erf_block(x: Any, out: Any) -> None:
    """erf of a block, in its own precision."""
    if not out.flags.c_contiguous:
        rows = np.empty(out.shape, out.dtype)
        erf_block(x, rows)
        np.copyto(out, rows)
        return
    x, result = x.reshape(-1), out.reshape(-1)
    size = min(PART, x.size)
    low, high = np.full(size, -BOUND, x.dtype), np.full(size, BOUND, x.dtype)
    scratch = [np.empty(size, x.dtype) for _ in range(4)]
    for start in range(0, x.size, size):
        part, to = x[start : start + size], result[start : start + size]
        n = part.size
        clipped, t, above, below = (s[:n] for s in scratch)
        np.minimum(part, high[:n], out=clipped)
        np.maximum(clipped, low[:n], out=clipped)
        np.multiply(clipped, clipped, t)
        np.multiply(clipped, _horner(SINGLE[0], t, above), above)
        np.true_divide(above, _horner(SINGLE[1], t, below), to)


def erf(x: Any) -> Any:
    """erf of a small array of single precision, rounded once."""
    wide = np.atleast_1d(np.asarray(x, np.float64))
    out = np.empty_like(wide)
    erf_block(wide, out)
    return out.reshape(np.shape(x)).astype(np.float32)
