"""How large a Python value may become: what no program needs is refused before memory or time is gone."""

from __future__ import annotations

import sys

from gradcli.errors import MemoryError_, OverflowError_

ITEMS = 10**8
BITS = 10**7
WIDTH = 10**6


def check_items(count: int) -> None:
    """Refuse a string or list of more elements than any program needs.

    Raises: MemoryError_; OverflowError_ where no computer could.
    """
    if count > sys.maxsize:
        raise OverflowError_("cannot fit 'int' into an index-sized integer")
    if count > ITEMS:
        raise MemoryError_(f"the result would have {_rounded(count)} elements", hint=f"the limit is {ITEMS:,}")


def check_bits(count: int) -> None:
    """Refuse an integer of more bits than any program needs.

    Raises: MemoryError_.
    """
    if count > BITS:
        raise MemoryError_(f"the result would be an integer of {_rounded(count)} bits", hint=f"the limit is {BITS:,}")


def check_width(width: int) -> None:
    """Refuse to pad text to a width that no screen has.

    Raises: MemoryError_.
    """
    if width > WIDTH:
        raise MemoryError_(f"the text would be {_rounded(width)} characters wide", hint=f"the limit is {WIDTH:,}")


def _rounded(count: int) -> str:
    return f"{count:,}" if count < 10**12 else f"about 10**{(count.bit_length() * 3) // 10}"
