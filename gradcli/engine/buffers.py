"""Memory for large results. A fresh array above 32 MB costs a page fault for every 4 KB; one that nobody holds any more
does not, so the last few are kept and given out again.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from gradcli.shapes import Shape

LARGE = 32 << 20  # bytes
KEPT = 2  # arrays that nobody holds

_given: list[Any] = []
_UNHELD = sys.getrefcount(np.empty(0)) + 1


def empty(shape: Shape, dtype: Any) -> Any:
    """An array for a result; its elements are anything."""
    dtype = np.dtype(dtype)
    size = dtype.itemsize
    for n in shape:
        size *= n
    if size < LARGE:
        return np.empty(shape, dtype)
    return _reused(shape, dtype)


def _reused(shape: Shape, dtype: Any) -> Any:
    free = []
    found = None
    for at in range(len(_given) - 1, -1, -1):
        if sys.getrefcount(_given[at]) == _UNHELD:
            if found is None and _given[at].shape == shape and _given[at].dtype == dtype:
                found = at
            else:
                free.append(at)
    if found is not None:
        array = _given.pop(found)
    else:
        for at in free[KEPT - 1 :]:
            del _given[at]
        array = np.empty(shape, dtype)
    _given.append(array)
    return array


def forget() -> None:
    """Let go of what nobody holds."""
    _given.clear()
