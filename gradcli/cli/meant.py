"""Which tensor a variable's name means once the program has run: one rule for all commands that differentiate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradcli.language.tensor import Tensor


def meant(name: str, given: Mapping[str, Any], after: Mapping[str, Any]) -> Any:
    """The value that the command line gave to a name, else the one that it has at the end of the program.

    A program is a function of what it is given, so `x = x * 2` leaves x what it was. Where a program makes a leaf of
    its own, as by `x = x.detach().requires_grad_()`, that is meant: no gradient would reach the one before.
    """
    last = after.get(name)
    return given[name] if name in given and not is_leaf(last) else last


def is_leaf(value: object) -> bool:
    """Whether a value is a tensor that gradients are collected in."""
    return isinstance(value, Tensor) and value.requires_grad and value.grad_fn is None
