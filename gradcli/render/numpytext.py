"""The text of numpy arrays, as `print(x.numpy())` and a prompt show them: numpy's own, whatever options are set."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np


def array_text(value: np.ndarray[Any, Any] | np.generic) -> str:
    """What print shows of an array or of one of its elements."""
    with _standard_options():
        return str(value)


def array_repr(value: np.ndarray[Any, Any] | np.generic) -> str:
    """What a prompt shows of an array or of one of its elements."""
    with _standard_options():
        return repr(value)


def _standard_options() -> AbstractContextManager[Any]:
    """The options numpy begins with."""
    return np.printoptions(
        precision=8,
        threshold=1000,
        edgeitems=3,
        linewidth=75,
        suppress=False,
        nanstr="nan",
        infstr="inf",
        formatter=None,
        sign="-",
        floatmode="maxprec",
        legacy=False,
    )
