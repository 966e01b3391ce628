"""What the machine knows of tensors: a type and functions, handed to it by `machine.install`.

The machine runs programs without tensors on its own; nothing of the language's core imports the tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class NoTensor:
    """The type of tensors before there are any: no value is of it."""


def _missing(*_: Any) -> Any:
    raise AssertionError("no tensors are installed")


def no_function(name: str) -> Any:
    """The op of a name, when there are no ops."""
    return None


Tensor: type = NoTensor
binary: Callable[[str, Any, Any], Any] = _missing
unary: Callable[[str, Any], Any] = _missing
compare: Callable[[str, Any, Any], Any] = _missing
inplace: Callable[[str, Any, Any], Any] = _missing
get_item: Callable[[Any, Any], Any] = _missing
set_item: Callable[[Any, Any, Any], None] = _missing
attribute: Callable[[Any, str], Any] = _missing
set_attribute: Callable[[Any, str, Any], None] = _missing
iterate: Callable[[Any], Iterator[Any]] = _missing
truth: Callable[[Any], bool] = _missing
item: Callable[[Any], Any] = _missing
op_function: Callable[[str], Any] = no_function
