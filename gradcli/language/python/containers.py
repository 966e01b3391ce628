"""What `collections` has: defaultdict, Counter, deque, namedtuple, OrderedDict."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

from gradcli.errors import KeyError_, TypeError_, ValueError_
from gradcli.language.python.arguments import REQUIRED, arguments
from gradcli.language.python.attributes import register
from gradcli.language.python.exceptions import PYTHON_ERRORS, translate
from gradcli.language.python.methods import DICT, LIST, TUPLE, own_methods, pairs
from gradcli.language.python.operators import as_index, collect
from gradcli.language.python.values import Builtin, TypeValue, Value, callable_value, type_name


class DefaultDict(dict[Value, Value]):
    """`defaultdict(list)`: a key that is not there gets what the factory makes."""

    type_name = "collections.defaultdict"

    def __init__(self, factory: Value, *items: Any, **more: Value) -> None:
        super().__init__(*items, **more)
        self.factory = factory

    def __missing__(self, key: Value) -> Value:
        if self.factory is None:
            raise KeyError(key)
        made = self[key] = self.factory.call([], {})
        return made

    def __repr__(self) -> str:
        return f"defaultdict({self.factory!r}, {dict(self)!r})"


class Counter(dict[Value, int]):
    """`Counter("abca")`: how often each element comes; 0 for others."""

    type_name = "collections.Counter"

    def __missing__(self, key: Value) -> int:
        return 0

    def add(self, values: Value, sign: int = 1) -> None:
        """Count the elements of an iterable, or take over the counts of a dict."""
        counted = values.items() if isinstance(values, dict) else ((value, 1) for value in collect(values))
        for key, count in counted:
            self[key] = self[key] + sign * count

    def ordered(self) -> list[tuple[Value, int]]:
        """The elements with their counts, the commonest first."""
        return sorted(self.items(), key=lambda pair: -pair[1])

    def __repr__(self) -> str:
        return f"Counter({dict(self.ordered())!r})" if self else "Counter()"


class Record(tuple[Value, ...]):
    """An instance of a namedtuple; each one is a class below this."""

    type_name = "tuple"
    fields: tuple[str, ...] = ()

    def __repr__(self) -> str:
        parts = (f"{name}={value!r}" for name, value in zip(self.fields, self, strict=True))
        return f"{self.type_name}({', '.join(parts)})"


def _default_dict(args: list[Value], kwargs: dict[str, Value]) -> DefaultDict:
    factory = args[0] if args else None
    if factory is not None and not callable_value(factory):
        raise TypeError_("first argument must be callable or None")
    items = args[1] if len(args) > 1 else {}
    return DefaultDict(factory, items if isinstance(items, dict) else pairs(items), **kwargs)


def _counter(args: list[Value], kwargs: dict[str, Value]) -> Counter:
    made = Counter()
    for values in (*args, kwargs):
        made.add(values)
    return made


def _most_common(receiver: Counter, args: list[Value], kwargs: dict[str, Value]) -> list[tuple[Value, int]]:
    (n,) = arguments("most_common", args, kwargs, n=None)
    return receiver.ordered()[: None if n is None else as_index(n)]


def _elements(receiver: Counter, args: list[Value], kwargs: dict[str, Value]) -> list[Value]:
    return [key for key, count in receiver.items() for _ in range(count)]


def _counting(sign: int) -> Callable[[Counter, list[Value], dict[str, Value]], None]:
    def call(receiver: Counter, args: list[Value], kwargs: dict[str, Value]) -> None:
        for values in (*args, kwargs):
            receiver.add(values, sign)

    return call


def _deque(args: list[Value], kwargs: dict[str, Value]) -> Any:
    items, longest = arguments("deque", args, kwargs, iterable=(), maxlen=None)
    try:
        return collections.deque(collect(items), None if longest is None else as_index(longest))
    except PYTHON_ERRORS as error:
        raise translate(error) from None


def _extending(name: str, function: Callable[..., Any]) -> Callable[..., None]:
    def call(receiver: Any, args: list[Value], kwargs: dict[str, Value]) -> None:
        (items,) = arguments(name, args, kwargs, iterable=REQUIRED)
        function(receiver, collect(items))

    return call


def _named_tuple(args: list[Value], kwargs: dict[str, Value]) -> TypeValue:
    """`namedtuple("Point", ["x", "y"])` or `namedtuple("Point", "x y")`."""
    defaults = collect(kwargs.pop("defaults", None) or ())
    name, given = arguments("namedtuple", args, kwargs, typename=REQUIRED, field_names=REQUIRED)
    fields = tuple(given.replace(",", " ").split() if isinstance(given, str) else collect(given))
    for field in (name, *fields):
        if not isinstance(field, str) or not field.isidentifier():
            raise ValueError_(f"Type names and field names must be valid identifiers: {field!r}")
    cls: Any = type("Record", (Record,), {"type_name": name, "fields": fields})
    params = dict.fromkeys(fields, REQUIRED) | dict(zip(fields[len(fields) - len(defaults) :], defaults, strict=True))
    kind = TypeValue(
        f"__main__.{name}",
        (cls,),
        lambda values, more: cls(arguments(name, values, more, **params)),
        {"_fields": fields, "_make": Builtin("_make", lambda values, _: cls(collect(values[0])))},
        module="__main__",
    )
    getters = {field: _field(at) for at, field in enumerate(fields)} | {"_fields": lambda record: record.fields}
    return register(kind, TUPLE | {"_asdict": _as_dict, "_replace": _replaced}, getters)


def _field(at: int) -> Callable[[Record], Value]:
    return lambda record: record[at]


def _as_dict(receiver: Record, args: list[Value], kwargs: dict[str, Value]) -> dict[str, Value]:
    return dict(zip(receiver.fields, receiver, strict=True))


def _replaced(receiver: Record, args: list[Value], kwargs: dict[str, Value]) -> Record:
    unknown = [name for name in kwargs if name not in receiver.fields]
    if unknown:
        raise ValueError_(f"Got unexpected field names: {unknown!r}")
    return type(receiver)(kwargs.get(name, value) for name, value in zip(receiver.fields, receiver, strict=True))


class OrderedDict(dict[Value, Value]):
    """`OrderedDict(a=1)`: a dict that says that its order counts."""

    type_name = "collections.OrderedDict"

    def __repr__(self) -> str:
        return repr(collections.OrderedDict(self))


def _move_to_end(receiver: OrderedDict, args: list[Value], kwargs: dict[str, Value]) -> None:
    key, last = arguments("move_to_end", args, kwargs, key=REQUIRED, last=True)
    if key not in receiver:
        raise KeyError_(repr(key))
    items = [(key, receiver.pop(key)), *([] if last else receiver.items())]
    if not last:
        receiver.clear()
    receiver.update(items)


def _pop_item(receiver: OrderedDict, args: list[Value], kwargs: dict[str, Value]) -> tuple[Value, Value]:
    (last,) = arguments("popitem", args, kwargs, last=True)
    if not receiver:
        raise KeyError_("'dictionary is empty'")
    key = next(reversed(receiver) if last else iter(receiver))
    return key, receiver.pop(key)


def _ordered(args: list[Value], kwargs: dict[str, Value]) -> OrderedDict:
    if len(args) > 1:
        raise TypeError_(f"expected at most 1 argument, got {len(args)}")
    if args and not hasattr(args[0], "__iter__"):
        raise TypeError_(f"'{type_name(args[0])}' object is not iterable")
    return OrderedDict(*args, **kwargs)


_DEQUE = collections.deque
_DEQUE_METHODS = {
    **own_methods(
        _DEQUE.append, _DEQUE.appendleft, _DEQUE.pop, _DEQUE.popleft, _DEQUE.clear, _DEQUE.copy, _DEQUE.insert,
        _DEQUE.reverse, _DEQUE.rotate,
    ),
    "extend": _extending("extend", _DEQUE.extend), "extendleft": _extending("extendleft", _DEQUE.extendleft),
    "index": LIST["index"], "count": LIST["count"], "remove": LIST["remove"],
}  # fmt: skip
_ORDERED_METHODS = DICT | {
    "move_to_end": _move_to_end, "popitem": _pop_item,
    "copy": lambda receiver, args, kwargs: OrderedDict(receiver),
}  # fmt: skip
_COUNTER_METHODS = DICT | {
    "most_common": _most_common, "elements": _elements, "update": _counting(1), "subtract": _counting(-1),
    "total": lambda receiver, args, kwargs: sum(receiver.values()),
}  # fmt: skip


def containers_table() -> dict[str, Any]:
    """The names of `collections`."""
    module = "collections"
    default_dict = TypeValue("collections.defaultdict", (DefaultDict,), _default_dict, module=module)
    counter = TypeValue("collections.Counter", (Counter,), _counter, module=module)
    ordered = TypeValue("collections.OrderedDict", (OrderedDict,), _ordered, module=module)
    deque = TypeValue("collections.deque", (_DEQUE,), _deque, module=module)
    return {
        "OrderedDict": register(ordered, _ORDERED_METHODS),
        "defaultdict": register(default_dict, DICT),
        "Counter": register(counter, _COUNTER_METHODS),
        "deque": register(deque, _DEQUE_METHODS, {"maxlen": lambda queue: queue.maxlen}),
        "namedtuple": Builtin("namedtuple", _named_tuple),
    }
