"""The numeric side of a gradient check: finite differences, and what counts as equal. Arrays in, arrays out.

It knows neither graph nor rules: whatever can be computed can be checked. What is compared with it, its callers say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Array = np.ndarray
ArrayFunction = Callable[[list[Array]], Sequence[Array]]


def finite_differences(function: ArrayFunction, points: Sequence[Array], at: int, step: float) -> list[Array]:
    """The Jacobian of each output with respect to one input, by central differences.

    function: of all inputs; it may not keep or change them. at: which of the points is varied. step: how far, each way.
    Shapes: a Jacobian is (elements of the input, elements of the output), as gradcheck shows it.
    """
    rows: list[list[Array]] = []
    for index in range(points[at].size):
        above = function(_moved(points, at, index, step))
        below = function(_moved(points, at, index, -step))
        rows.append(
            [(np.asarray(u) - np.asarray(v)).reshape(-1) / (2 * step) for u, v in zip(above, below, strict=True)]
        )
    if not rows:
        return [np.zeros((0, np.asarray(y).size)) for y in function(list(points))]
    return [np.stack(parts) for parts in zip(*rows, strict=True)]


def _moved(points: Sequence[Array], at: int, index: int, step: float) -> list[Array]:
    moved = [point.copy() for point in points]
    moved[at].flat[index] += step
    return moved


def close(found: Array, expected: Array, rtol: float, atol: float) -> bool:
    """Whether all elements are within atol + rtol |expected|; nan equals nan."""
    return bool(np.allclose(found, expected, rtol=rtol, atol=atol, equal_nan=True))
