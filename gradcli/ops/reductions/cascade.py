"""Sums of floats in the order in which PyTorch's CPU code adds, so that results agree to the last bit.

Source: `cascade_sum` of ATen/native/cpu/SumKernel.cpp for 256-bit vectors: four rows of partial sums side by side, and
a cascade of accumulators that keeps the rounding error small. That costs a few calls of numpy more than its own sum, so
it is done for small arrays, whose sums are printed; the others are added up by numpy.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradcli.shapes import Shape

ROWS = 4  # partial sums side by side
LEVELS = 4
LARGE = 4096  # elements
BLOCK = 128


def cascade_sum(x: Any, dims: Shape) -> Any:
    """The sum of a float array over (normal) dims, without them.

    The last run of dimensions is added up as a whole; what earlier ones hold is added to that one after the other.
    """
    count = prod(x.shape[at] for at in dims)
    if count <= 2 or x.size > LARGE or not x.flags.c_contiguous:
        return _by_numpy(x, dims, count)
    if len(dims) == x.ndim:
        return _vector(x.reshape(-1), 32 // x.itemsize)
    start = stop = dims[-1] + 1
    while start - 1 in dims:
        start -= 1
    run, lanes = prod(x.shape[start:stop]), 32 // x.itemsize
    before, after = x.shape[:start], x.shape[stop:]
    if after:
        columns = prod(after)
        result = _down_columns(x.reshape(-1, run, columns).transpose(1, 0, 2), lanes)
    else:
        result = _along_rows(x.reshape(-1, run), lanes)
    result = result.reshape(before + after)
    earlier = tuple(at for at in dims if at < start)
    if not earlier:
        return result
    turned = np.moveaxis(result, earlier, range(len(earlier)))
    return _in_order(turned.reshape(-1, *turned.shape[len(earlier) :]))


def _by_numpy(x: Any, dims: Shape, count: int) -> Any:
    """numpy adds in pairs along the last dimension only; a long sum down the rows is made in blocks."""
    if dims == (0,) and count >= 2 * BLOCK and x.ndim > 1:
        whole = count // BLOCK * BLOCK
        blocks = np.add.reduce(x[:whole].reshape(-1, BLOCK, *x.shape[1:]), axis=1)
        total = np.add.reduce(blocks, axis=0)
        return total + np.add.reduce(x[whole:], axis=0) if whole < count else total
    return np.add.reduce(x, axis=dims)


def _vector(x: Any, lanes: int) -> Any:
    """The sum of a vector. As `_along_rows`, with fewer calls."""
    n = len(x)
    if n <= ROWS:
        return np.add.reduce(x)
    if n < lanes:  # numpy adds fewer than eight numbers one after the other
        return np.add.reduce(x[_FEW[n]])
    count = n // lanes
    blocks = count // ROWS
    if blocks:
        wide = blocks * ROWS * lanes
        partial = x[:wide].reshape(blocks, ROWS * lanes)
        partial = np.add.reduce(partial, axis=0) if blocks < 16 else _cascade(partial)
        total = partial[:lanes]
        for at in range(wide, count * lanes, lanes):
            total = total + x[at : at + lanes]
        for at in range(lanes, ROWS * lanes, lanes):
            total = total + partial[at : at + lanes]
    else:
        total = np.add.reduce(x[: count * lanes].reshape(count, lanes), axis=0)
    if n > count * lanes:
        total = np.concatenate((x[count * lanes :], total))
    return np.add.accumulate(total)[-1]


# the order in which five to seven numbers are added: the first, those after the fourth, the others
_FEW = {n: [0, *range(ROWS, n), *range(1, ROWS)] for n in range(ROWS + 1, 8)}


def _along_rows(x: Any, lanes: int) -> Any:
    """The sums of the rows: (m, n) -> (m,)."""
    m, n = x.shape
    if n < lanes:
        return _interleaved(x.T)
    whole = n // lanes * lanes
    partial = _interleaved(x[:, :whole].reshape(m, -1, lanes).transpose(1, 0, 2))
    return _in_order(np.concatenate([x[:, whole:].T, partial.T]))


def _down_columns(x: Any, lanes: int) -> Any:
    """The sums over the first dimension: four vectors of the last one at a time, then one, then single columns."""
    m = x.shape[-1]
    wide = ROWS * (lanes if m >= lanes else 1)
    whole = m // wide * wide
    if whole == m:
        return _cascade(x)
    rest = _interleaved(x[..., whole:])
    return np.concatenate([_cascade(x[..., :whole]), rest], axis=-1) if whole else rest


def _interleaved(x: Any) -> Any:
    """The sum over the first dimension, by four interleaved partial sums."""
    whole = len(x) // ROWS * ROWS
    if not whole:
        return _in_order(x)
    partial = _cascade(x[:whole].reshape(-1, ROWS, *x.shape[1:]))
    return _in_order(np.concatenate([partial[:1], x[whole:], partial[1:]]))


def _cascade(x: Any) -> Any:
    """The sum over the first dimension: blocks are added up, then blocks of blocks, four levels high."""
    size = len(x)
    power = max(4, (size - 1).bit_length() // LEVELS) if size else 4
    step = 1 << power
    rest, level = _left(x, step) if size >= step else (_in_order(x), x[:0])
    for _ in range(LEVELS - 2):
        above, level = _left(level, step) if len(level) >= step else (_in_order(level), level[:0])
        rest = rest + above
    return rest + _in_order(level)


def _left(x: Any, step: int) -> tuple[Any, Any]:
    """The sum of what does not fill a block, and the sums of the blocks."""
    blocks = len(x) // step
    sums = _in_order(x[: blocks * step].reshape(blocks, step, *x.shape[1:]).swapaxes(0, 1))
    return _in_order(x[blocks * step :]), sums


def _in_order(x: Any) -> Any:
    """The sum over the first dimension, one after the other."""
    if len(x) < 2:
        return x[0] if len(x) else np.zeros(x.shape[1:], dtype=x.dtype)
    if x.ndim > 1 and x.shape[-1] > 1 and x.flags.c_contiguous:
        return np.add.reduce(x, axis=0)  # row after row: numpy adds in pairs only along the last dimension
    return np.add.accumulate(x, axis=0)[-1]
