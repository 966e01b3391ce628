"""Python's cycle collector, and when it only costs time.

Trees and graphs have no cycles, and a collector that walks through a growing one again and again takes a third of the
time it is made in.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 20_000  # objects of which cycles may be made, between two looks for cycles


@contextmanager
def paused() -> Iterator[None]:
    """No collection inside: for work that is bounded by the length of a text."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def look_seldom() -> None:
    """For a process of our own, most of which is loading modules."""
    gc.set_threshold(SELDOM)
