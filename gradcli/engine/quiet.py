"""Silence: numpy's warnings about overflow and division are not for the user, who gets the infinities and nans.

`numpy.errstate` takes as long as two small ops. Its state belongs to a context, so one that was made silent once is
entered instead.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")
_idle: list[Context] = []


def quietly(function: Callable[..., Result], *args: object) -> Result:
    """The result of a function that computes with numpy, without warnings."""
    try:
        context = _idle.pop()
    except IndexError:
        context = Context()
        context.run(np.seterr, all="ignore")
    try:
        return context.run(function, *args)
    finally:
        _idle.append(context)
