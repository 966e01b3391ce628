"""What is meant in a program that has run: by the name of a variable, and by its outputs.

One rule for all commands that differentiate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gradcli.errors import NameError_
from gradcli.language.tensors.tensor import Tensor
from gradcli.suggest import nearest


def meant(name: str, given: Mapping[str, Any], after: Mapping[str, Any]) -> Any:
    """The value that the command line gave to a name, else the one that it has at the end of the program.

    A program is a function of what it is given, so `x = x * 2` leaves x what it was. Where a program makes a leaf of
    its own, as by `x = x.detach().requires_grad_()`, that is meant: no gradient would reach the one before.
    """
    last = after.get(name)
    return given[name] if name in given and not is_leaf(last) else last


def no_variable(name: str, known: Iterable[str]) -> NameError_:
    """The error for a name of --wrt that no variable has."""
    names = list(dict.fromkeys(known))
    near = nearest(name, names)
    listed = f"the variables are {', '.join(names[:8])}" if 0 < len(names) <= 8 else None
    return NameError_(f"--wrt: there is no variable {name}", hint=f"did you mean {near}?" if near else listed)


def outputs_of(value: object) -> list[Tensor]:
    """The outputs of a program: its value, or the tensors in it where that is a tuple or a list."""
    return [item for item in (value if isinstance(value, tuple | list) else (value,)) if isinstance(item, Tensor)]


def is_leaf(value: object) -> bool:
    """Whether a value is a tensor that gradients are collected in."""
    return isinstance(value, Tensor) and value.requires_grad and value.grad_fn is None
