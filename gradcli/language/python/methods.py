"""Methods of Python's values: the tables behind `text.join`, `items.append`, `table.keys`.

A method is Python's own where that is safe as it stands, else a function here: where tensors may be among the elements,
a function of the program is called, or the result could be huge.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from gradcli.errors import AttributeError_, TypeError_, ValueError_
from gradcli.language.python.arguments import REQUIRED, arguments
from gradcli.language.python.attributes import Method
from gradcli.language.python.exceptions import PYTHON_ERRORS, translate
from gradcli.language.python.formatting import format_string
from gradcli.language.python.limits import check_items, check_width
from gradcli.language.python.operators import as_index, collect, compare, iterate, truth
from gradcli.language.python.sorting import sorted_values
from gradcli.language.python.values import Builtin, Value, type_name

Table = dict[str, Method]


def own_methods(*functions: Callable[..., Any]) -> Table:
    """Python's methods, with their errors as ours."""
    return {function.__name__: _method(function) for function in functions}


def _method(function: Callable[..., Any]) -> Method:
    def call(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
        try:
            return function(receiver, *args, **kwargs)
        except PYTHON_ERRORS as error:
            raise translate(error) from None
        except AttributeError as error:  # str.join and the like, given a value of another kind
            raise AttributeError_(str(error)) from None

    return call


def unbound(table: Table) -> dict[str, Builtin]:
    """The methods of a type as functions of a value: `str.upper(text)`."""
    return {name: _unbound(name, method) for name, method in table.items()}


def _unbound(name: str, method: Method) -> Builtin:
    def call(args: list[Value], kwargs: dict[str, Value]) -> Value:
        if not args:
            raise TypeError_(f"unbound method {name}() needs an argument")
        return method(args[0], args[1:], kwargs)

    return Builtin(name, call)


# str


def _padded(function: Callable[..., str]) -> Method:
    run = _method(function)

    def call(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
        if args and isinstance(args[0], int):
            check_width(args[0])
        return run(receiver, args, kwargs)

    return call


def _join(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
    (items,) = arguments("join", args, kwargs, iterable=REQUIRED)
    pieces = collect(items)
    for at, piece in enumerate(pieces):
        if not isinstance(piece, str):
            raise TypeError_(
                f"sequence item {at}: expected str instance, {type_name(piece)} found", hint="str(x) makes text of x"
            )
    text: str = receiver.join(pieces)
    return text


def _replace(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
    if len(args) >= 2 and isinstance(args[0], str) and isinstance(args[1], str):
        check_items((receiver.count(args[0]) if args[0] else len(receiver) + 1) * len(args[1]))
    return _plain_replace(receiver, args, kwargs)


def _format(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return format_string(receiver, args, kwargs)


_plain_replace = _method(str.replace)

STR: Table = {
    **own_methods(
        str.capitalize, str.casefold, str.count, str.endswith, str.find, str.index, str.isalnum, str.isalpha,
        str.isascii, str.isdecimal, str.isdigit, str.isidentifier, str.islower, str.isnumeric, str.isspace,
        str.istitle, str.isupper, str.lower, str.lstrip, str.partition, str.removeprefix, str.removesuffix, str.rfind,
        str.rindex, str.rpartition, str.rsplit, str.rstrip, str.split, str.splitlines, str.startswith, str.strip,
        str.swapcase, str.title, str.upper,
    ),
    "ljust": _padded(str.ljust), "rjust": _padded(str.rjust), "center": _padded(str.center),
    "zfill": _padded(str.zfill), "expandtabs": _padded(str.expandtabs), "join": _join,
    "replace": _replace, "format": _format,
}  # fmt: skip


# list and tuple


def _equal(a: Value, b: Value) -> bool:
    return a is b or truth(compare("==", a, b))


def _find(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> int:
    value, start, stop = arguments("index", args, kwargs, value=REQUIRED, start=0, stop=len(receiver))
    for at in range(len(receiver))[slice(as_index(start), as_index(stop))]:
        if _equal(receiver[at], value):
            return at
    raise ValueError_(f"{value!r} is not in {'list' if isinstance(receiver, list) else 'tuple'}")


def _count(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> int:
    (value,) = arguments("count", args, kwargs, value=REQUIRED)
    return sum(_equal(item, value) for item in receiver)


def _remove(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> None:
    (value,) = arguments("remove", args, kwargs, value=REQUIRED)
    for at, item in enumerate(receiver):
        if _equal(item, value):
            del receiver[at]
            return
    raise ValueError_("list.remove(x): x not in list")


def _extend(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> None:
    (items,) = arguments("extend", args, kwargs, iterable=REQUIRED)
    receiver.extend(collect(items))


def _pop(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
    (at,) = arguments("pop", args, kwargs, index=-1)
    try:
        return receiver.pop(as_index(at))
    except IndexError as error:
        raise translate(error) from None


def _sort(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> None:
    if args:
        raise TypeError_("sort() takes no positional arguments")
    receiver[:] = sorted_values("sort", list(receiver), kwargs)


LIST: Table = {
    **own_methods(list.append, list.insert, list.reverse, list.copy, list.clear),
    "extend": _extend, "pop": _pop, "remove": _remove, "index": _find, "count": _count, "sort": _sort,
}  # fmt: skip
TUPLE: Table = {"index": _find, "count": _count}
SIZE: Table = {**TUPLE, "numel": lambda receiver, args, kwargs: receiver.numel()}
RANGE: Table = {"index": _find, "count": _count}


# dict and set


def pairs(value: Value) -> list[tuple[Value, ...]]:
    """The keys and values of an iterable of pairs.

    Raises: TypeError_ or ValueError_ for an element that is none.
    """
    found: list[tuple[Value, ...]] = []
    for at, item in enumerate(iterate(value)):
        if not hasattr(item, "__iter__"):
            raise TypeError_(f"cannot convert dictionary update sequence element #{at} to a sequence")
        found.append(tuple(collect(item)))
        if len(found[-1]) != 2:
            raise ValueError_(f"dictionary update sequence element #{at} has length {len(found[-1])}; 2 is required")
    return found


def _update(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> None:
    if len(args) > 1:
        raise TypeError_(f"update expected at most 1 argument, got {len(args)}")
    try:
        if args and isinstance(args[0], dict):
            receiver.update(args[0])
        elif args:
            receiver.update(pairs(args[0]))
        receiver.update(kwargs)
    except PYTHON_ERRORS as error:
        raise translate(error) from None


def _set_method(function: Callable[..., Any]) -> Method:
    """A method of sets that takes any iterables."""
    run = _method(function)

    def call(receiver: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
        return run(receiver, [collect(value) for value in args], kwargs)

    return call


DICT: Table = {
    **own_methods(dict.keys, dict.values, dict.items, dict.get, dict.pop, dict.popitem, dict.setdefault, dict.copy),
    **own_methods(dict.clear),
    "update": _update,
}  # fmt: skip
SET: Table = {
    **own_methods(set.add, set.discard, set.remove, set.pop, set.clear, set.copy),
    **{
        function.__name__: _set_method(function)
        for function in (
            set.union, set.intersection, set.difference, set.symmetric_difference, set.update, set.issubset,
            set.issuperset, set.isdisjoint, set.intersection_update, set.difference_update,
        )
    },
}  # fmt: skip


# Numbers

INT: Table = own_methods(int.bit_length, int.bit_count, int.conjugate, int.as_integer_ratio)
FLOAT: Table = own_methods(float.is_integer, float.hex, float.conjugate, float.as_integer_ratio)
INT["is_integer"] = lambda receiver, args, kwargs: True
NUMBER_FIELDS: dict[str, Callable[[Any], Any]] = {
    "real": operator.attrgetter("real"), "imag": operator.attrgetter("imag"),
}  # fmt: skip
