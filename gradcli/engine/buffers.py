"""Memory for results and blocks: it begins where a page does, and is given out again when nobody holds it.

A store that straddles two cache lines takes twice the time, and numpy's own large arrays begin 16 bytes into one. Loads
that follow a store at nearly the same place of another page wait for it; all that begins with a page is never so near.
A fresh array costs a page fault for every 4 KB, one that was there before does not.
"""

from __future__ import annotations

import os
import sys
import weakref
from typing import Any

import numpy as np

from gradcli.shapes import Shape

PAGE = 4096  # bytes
LARGE = 1 << 20  # bytes: smaller results come from the allocator, which keeps such pieces itself
SHARE = 16  # of the machine's memory, one part in so many may lie here unheld


def aligned(shape: Shape, dtype: Any) -> Any:
    """A fresh array that begins at a page; its elements are anything."""
    return _shaped(_owner(_bytes(shape, dtype)), shape, dtype)


def empty(shape: Shape, dtype: Any) -> Any:
    """An array for a result, fresh or one that nobody holds any more; its elements are anything."""
    size = _bytes(shape, dtype)
    if size < LARGE:
        return aligned(shape, dtype)
    owner = _take(size)
    array = _shaped(owner, shape, dtype)
    loan = _Loan(array, _returned)
    loan.owner = owner
    _loans[id(loan)] = loan
    return array


def forget() -> None:
    """Let go of what nobody holds."""
    _unheld.clear()


class _Loan(weakref.ref[Any]):
    """Memory that was given out as an array, which may go before parts of it do."""

    __slots__ = ("owner",)
    owner: Any


_loans: dict[int, _Loan] = {}
_unheld: dict[int, Any] = {}


def _bytes(shape: Shape, dtype: Any) -> int:
    size: int = np.dtype(dtype).itemsize
    for n in shape:
        size *= n
    return size


def _owner(size: int) -> Any:
    return np.empty(size + PAGE, np.uint8)


def _shaped(owner: Any, shape: Shape, dtype: Any) -> Any:
    start = -owner.__array_interface__["data"][0] % PAGE
    return np.ndarray(shape, dtype, owner, start)


def _take(size: int) -> Any:
    for key, owner in list(_unheld.items()):  # a copy: the collector may return an array at any moment
        if owner.size == size + PAGE and _unheld.pop(key, None) is not None:
            return owner
    return _owner(size)


def _returned(loan: _Loan) -> None:
    """The array is gone: keep its memory, unless a part of it is still held or too much is kept already."""
    del _loans[id(loan)]
    if sys.getrefcount(loan.owner) > _FREE:
        return
    _unheld[id(loan.owner)] = loan.owner
    while sum(owner.size for owner in _unheld.values()) > _most():
        del _unheld[next(iter(_unheld))]


def _most() -> int:
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 1 << 20
    return pages * 4096 // SHARE


def _references() -> int:
    """How many references to an owner are seen when its array goes and nobody holds a part of it."""
    seen: list[int] = []
    owner = _owner(1)
    array = _shaped(owner, (1,), np.uint8)
    loan = _Loan(array, lambda loan: seen.append(sys.getrefcount(loan.owner)))
    loan.owner = owner
    del owner, array
    return seen[0]


_FREE = _references()
