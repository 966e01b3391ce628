"""sorted, min and max of any values: tensors among them are compared by their elements."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

from gradcli.errors import TypeError_, ValueError_
from gradcli.language import hooks
from gradcli.language.python.arguments import arguments
from gradcli.language.python.exceptions import PYTHON_ERRORS
from gradcli.language.python.operators import compare, comparison_error, iterate, truth
from gradcli.language.python.values import Value


def sorted_values(name: str, values: list[Value], options: dict[str, Value]) -> list[Value]:
    """The values in order; options are those of `sorted`: key and reverse.

    Raises: TypeError_ for values that cannot be compared.
    """
    key, reverse = arguments(name, [], options, key=None, reverse=False)
    keys = values if key is None else [key.call([value], {}) for value in values]
    order = sorted(range(len(keys)), key=_comparable(keys), reverse=truth(reverse))
    return [values[at] for at in order]


def _comparable(keys: list[Value]) -> Any:
    """A key function for positions: Python's own order where it is sure to work, else ours."""
    kinds = set(map(type, keys))
    if kinds <= {int, float, bool} or kinds == {str}:
        return keys.__getitem__

    def order(a: int, b: int) -> int:
        if truth(compare("<", keys[a], keys[b])):
            return -1
        return 1 if truth(compare("<", keys[b], keys[a])) else 0

    return cmp_to_key(order)


def extreme(name: str, symbol: str, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """`max` (symbol >) or `min` (symbol <) of the arguments, or of the items of the only one.

    Raises: ValueError_ when there is nothing to choose from; TypeError_ for values that cannot be compared.
    """
    missing: Any = object()
    key, default = arguments(name, [], kwargs, key=None, default=missing)
    if not args:
        raise TypeError_(f"{name} expected at least 1 argument, got 0")
    values = iterate(args[0]) if len(args) == 1 else iter(args)
    best = best_key = missing
    for value in values:
        own = value if key is None else key.call([value], {})
        if best is missing or _before(symbol, own, best_key):
            best, best_key = value, own
    if best is missing:
        if default is missing:
            raise ValueError_(f"{name}() iterable argument is empty")
        return default
    return best


def _before(symbol: str, a: Value, b: Value) -> bool:
    if type(a) is hooks.Tensor or type(b) is hooks.Tensor:
        return truth(compare(symbol, a, b))
    try:
        return bool(a > b if symbol == ">" else a < b)
    except PYTHON_ERRORS as error:
        raise comparison_error(symbol, a, b, error) from None
