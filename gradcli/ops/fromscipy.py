"""Kernels that are functions of scipy.special, imported when the first of them runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def special(name: str) -> Callable[..., Any]:
    """The kernel that is scipy's function of this name, in the dtype of its (first) array."""

    def kernel(*operands: Any) -> Any:
        import scipy.special  # scipy is slow to import

        dtype = next(x.dtype for x in operands if hasattr(x, "dtype"))
        if dtype == np.float16:
            operands = tuple([np.asarray(x, np.float32) for x in operands])
        return np.asarray(getattr(scipy.special, name)(*operands), dtype)

    return kernel
