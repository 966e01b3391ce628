"""The few modules of Python's own that programs about gradients import: time, random, warnings, typing, ..."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from gradcli.errors import TypeError_, ValueError_
from gradcli.language.python.arguments import REQUIRED, arguments
from gradcli.language.python.exceptions import PYTHON_ERRORS, translate
from gradcli.language.python.operators import END, as_index, binary, collect, following, iterate
from gradcli.language.python.values import MISSING, Builtin, Namespace, Value, callable_value

Table = dict[str, Any]


def _module(name: str, make: Callable[[], Table]) -> Namespace:
    """A module whose table is made when a name of it is first asked for."""
    made: Table = {}

    def find(attribute: str) -> Value:
        if not made:
            made.update(make())
        return made.get(attribute, MISSING)

    def names() -> list[str]:
        find("")
        return sorted(made)

    return Namespace(name, find, names)


def plain(name: str, function: Callable[..., Any], convert: Callable[[Value], Value] | None = None) -> Builtin:
    """A function of Python's on Python's values, with its errors as ours."""

    def call(args: list[Value], kwargs: dict[str, Value]) -> Value:
        if convert is not None:
            args = [convert(value) for value in args]
        try:
            return function(*args, **kwargs)
        except PYTHON_ERRORS as error:
            raise translate(error) from None

    return Builtin(name, call)


def _constant(value: Value) -> Builtin:
    return Builtin("ignored", lambda args, kwargs: value)


def _time() -> Table:
    clocks = (time.time, time.perf_counter, time.monotonic, time.process_time)
    return {**{clock.__name__: plain(clock.__name__, clock) for clock in clocks}, "sleep": _constant(None)}


def _random() -> Table:
    import random  # start-up: few programs use it

    source = random.Random()
    table: Table = {
        f.__name__: plain(f.__name__, f, _listed)
        for f in (
            source.random, source.uniform, source.randint, source.randrange, source.gauss, source.normalvariate,
            source.choice, source.sample, source.expovariate, source.betavariate,
        )
    }  # fmt: skip
    table["shuffle"] = plain("shuffle", source.shuffle)
    table["choices"] = plain("choices", source.choices, _listed)
    table["seed"] = plain("seed", lambda a=None: source.seed(a if isinstance(a, int | float | str) else None))
    return table


def _listed(value: Value) -> Value:
    """An argument of `random`: a number or a sequence; anything else that can be iterated over becomes a list."""
    if isinstance(value, int | float | str | list | tuple | range):
        return value
    return collect(value)


def _warnings() -> Table:
    return {name: _constant(None) for name in ("filterwarnings", "simplefilter", "warn", "catch_warnings")}


class Hint:
    """A type hint: read, and of no effect. Any index gives another."""

    __slots__ = ("name",)

    type_name = "type"

    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, index: Value) -> Hint:
        return self

    def __or__(self, other: Value) -> Hint:
        return self

    __ror__ = __or__

    def __repr__(self) -> str:
        return f"typing.{self.name}"


def _typing() -> Table:
    names = (
        "Any", "Callable", "Dict", "Iterable", "Iterator", "List", "Literal", "NamedTuple", "Optional", "Sequence",
        "Set", "Tuple", "Type", "Union", "Mapping", "Generator", "ClassVar",
    )  # fmt: skip
    return {name: Hint(name) for name in names} | {"TYPE_CHECKING": False}


def _functools() -> Table:
    return {"reduce": Builtin("reduce", reduce), "partial": Builtin("partial", partial), "wraps": _decorator}


_decorator = Builtin("wraps", lambda args, kwargs: Builtin("wraps", lambda inner, _: inner[0]))


def reduce(args: list[Value], kwargs: dict[str, Value]) -> Value:
    """`functools.reduce(function, iterable[, initial])`."""
    if not 2 <= len(args) <= 3 or kwargs:
        raise TypeError_("reduce takes a function, an iterable and maybe a first value")
    iterator = iterate(args[1])
    result = args[2] if len(args) == 3 else following(iterator)
    if result is END:
        raise TypeError_("reduce() of empty iterable with no initial value")
    for item in iterator:
        result = args[0].call([result, item], {})
    return result


def partial(args: list[Value], kwargs: dict[str, Value]) -> Value:
    """`functools.partial(function, *args, **kwargs)`."""
    if not args or not callable_value(args[0]):
        raise TypeError_("the first argument must be callable")
    function, *first = args
    return Builtin(function.name, lambda rest, more: function.call([*first, *rest], {**kwargs, **more}))


def _itertools() -> Table:
    import itertools  # numpy has loaded it already

    def listed(name: str, function: Callable[..., Any]) -> Builtin:
        return plain(name, function, lambda value: value if isinstance(value, int) else collect(value))

    return {
        "product": listed("product", itertools.product),
        "permutations": listed("permutations", itertools.permutations),
        "combinations": listed("combinations", itertools.combinations),
        "chain": Builtin("chain", lambda args, kwargs: itertools.chain(*[iterate(value) for value in args])),
        "count": Builtin("count", lambda args, kwargs: _counted(*arguments("count", args, kwargs, start=0, step=1))),
        "cycle": Builtin("cycle", lambda args, kwargs: _cycled(collect(*arguments("cycle", args, kwargs, p=REQUIRED)))),
        "islice": Builtin("islice", _islice),
        "repeat": Builtin("repeat", _repeat),
        "accumulate": Builtin("accumulate", lambda args, kwargs: iter(_accumulated(args))),
        "zip_longest": Builtin(
            "zip_longest", lambda args, kwargs: itertools.zip_longest(*[iterate(v) for v in args], **kwargs)
        ),
    }


# What has no end gives its values one by one from here: Ctrl-C and a time limit reach whoever asks for them all.


def _counted(start: Value, step: Value) -> Iterator[Value]:
    while True:
        yield start
        start = binary("+", start, step)


def _cycled(items: list[Value]) -> Iterator[Value]:
    while items:
        yield from items


def _repeat(args: list[Value], kwargs: dict[str, Value]) -> Iterator[Value]:
    value, times = arguments("repeat", args, kwargs, object=REQUIRED, times=None)
    left = None if times is None else as_index(times)

    def repeated() -> Iterator[Value]:
        given = 0
        while left is None or given < left:
            yield value
            given += 1

    return repeated()


def _islice(args: list[Value], kwargs: dict[str, Value]) -> Value:
    import itertools

    if not 2 <= len(args) <= 4 or not all(isinstance(a, int | None) for a in args[1:]):
        raise ValueError_("islice takes an iterable and one to three integers")
    return itertools.islice(iterate(args[0]), *args[1:])


def _accumulated(args: list[Value]) -> list[Value]:
    results: list[Value] = []
    for item in iterate(args[0]):
        if not results:
            results.append(item)
        elif len(args) > 1 and args[1] is not None:
            results.append(args[1].call([results[-1], item], {}))
        else:
            results.append(binary("+", results[-1], item))
    return results


def _collections() -> Table:
    from gradcli.language.python.containers import containers_table  # start-up: few programs use it

    return containers_table()


def _dataclasses() -> Table:
    from gradcli.language.python.dataclass import dataclass_table  # start-up: few programs use it

    return dataclass_table()


def _copy() -> Table:
    from gradcli.language.python.copying import copy_table  # start-up: few programs use it

    return copy_table()


def _sys() -> Table:
    import sys

    return {"maxsize": sys.maxsize, "version_info": tuple(sys.version_info), "setrecursionlimit": _constant(None)}


STANDARD: dict[str, Namespace] = {
    name: _module(name, make)
    for name, make in (
        ("time", _time), ("random", _random), ("warnings", _warnings), ("typing", _typing), ("functools", _functools),
        ("itertools", _itertools), ("collections", _collections), ("dataclasses", _dataclasses), ("copy", _copy),
        ("sys", _sys), ("__future__", lambda: {"annotations": None,
        "division": None, "print_function": None, "absolute_import": None, "unicode_literals": None}),
    )
}  # fmt: skip
