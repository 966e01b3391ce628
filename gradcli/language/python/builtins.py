"""The built-in functions of Python that programs use. One that is also an op (`sum`, `abs`) is the op for a tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from gradcli.errors import TypeError_, ValueError_
from gradcli.language import hooks
from gradcli.language.python.arguments import REQUIRED, arguments
from gradcli.language.python.attributes import attribute_names, get_attribute, has_attribute, set_attribute
from gradcli.language.python.classes import Super, UserClass
from gradcli.language.python.exceptions import EXCEPTIONS, PYTHON_ERRORS, translate
from gradcli.language.python.formatting import format_value
from gradcli.language.python.mathmodule import MATH
from gradcli.language.python.operators import as_index, binary, collect, iterate, next_value, truth
from gradcli.language.python.sorting import extreme, sorted_values
from gradcli.language.python.types import PYTHON_TYPES
from gradcli.language.python.values import (
    MISSING,
    Builtin,
    Function,
    TypeValue,
    Value,
    callable_value,
    type_name,
    value_repr,
    value_str,
)

if TYPE_CHECKING:
    from gradcli.language.machine.machine import Machine

Args = list[Value]
Kwargs = dict[str, Value]


def builtins_of(machine: Machine) -> dict[str, Value]:
    """The built-in names of a session."""
    table: dict[str, Value] = {"__name__": "__main__", "NotImplemented": NotImplemented, "Ellipsis": ..., "math": MATH}
    table.update(PYTHON_TYPES)
    table.update(EXCEPTIONS)
    table.update({name: Builtin(name, function) for name, function in _PLAIN.items()})
    for name, function in _OR_OP.items():
        table[name] = Builtin(name, _or_op(machine, name, function))
    table["print"] = Builtin("print", lambda args, kwargs: _print(machine.write, args, kwargs))
    for name, reason in _REFUSED.items():
        table[name] = Builtin(name, _refuse(name, reason))
    return table


# Printing


def _print(write: Callable[[str], None], args: Args, kwargs: Kwargs) -> None:
    if not kwargs and len(args) == 1:
        write(value_str(args[0]) + "\n")
        return
    sep, end, _, _ = arguments("print", [], kwargs, sep=None, end=None, file=None, flush=False)
    for name, value in (("sep", sep), ("end", end)):
        if value is not None and not isinstance(value, str):
            raise TypeError_(f"{name} must be None or a string, not {type_name(value)}")
    write((" " if sep is None else sep).join([value_str(value) for value in args]) + ("\n" if end is None else end))


# Functions that are ops when their first argument is a tensor


def _or_op(machine: Machine, name: str, function: Function) -> Function:
    def call(args: Args, kwargs: Kwargs) -> Value:
        if args and type(args[0]) is hooks.Tensor and (machine.ops_first or not _means_python(name, args, kwargs)):
            op = machine.op_function(name)
            if op is not None:
                return op.call(args, kwargs)
        return function(args, kwargs)

    return call


ROWS = 1000  # a longer vector is summed at once


def _means_python(name: str, args: Args, kwargs: Kwargs) -> bool:
    """Whether a call in a program is Python's function and no op: the programs that the public writes count on it.

    `max(1 - y * f, 0)` compares numbers; `sum(v)` adds up the elements of a vector, `any(v > 2)` is True or False.
    """
    if kwargs or name not in ("max", "min", "sum", "any", "all"):
        return "key" in kwargs or "default" in kwargs
    if name in ("max", "min"):
        return len(args) > 1 and all(isinstance(a, int | float) or _dimensions(a) == 0 for a in args)
    return len(args) == 1 and _dimensions(args[0]) == 1 and get_attribute(args[0], "shape")[0] <= ROWS


def _dimensions(value: Value) -> int | None:
    """How many dimensions a tensor has; None for another value."""
    return len(get_attribute(value, "shape")) if type(value) is hooks.Tensor else None


def _abs(args: Args, kwargs: Kwargs) -> Value:
    (value,) = arguments("abs", args, kwargs, x=REQUIRED)
    try:
        return abs(value)
    except TypeError:
        raise TypeError_(f"bad operand type for abs(): '{type_name(value)}'") from None


def _sum(args: Args, kwargs: Kwargs) -> Value:
    items, total = arguments("sum", args, kwargs, iterable=REQUIRED, start=0)
    if isinstance(total, str):
        raise TypeError_("sum() can't sum strings [use ''.join(seq) instead]")
    if type(items) is range and items:
        return binary("+", total, (items[0] + items[-1]) * ((items[-1] - items[0]) // items.step + 1) // 2)
    values = items if isinstance(items, list | tuple) else collect(items)
    if isinstance(total, int | float) and set(map(type, values)) <= {int, float, bool}:
        return sum(values, total)
    for value in values:
        total = binary("+", total, value)
    return total


def _round(args: Args, kwargs: Kwargs) -> Value:
    value, digits = arguments("round", args, kwargs, number=REQUIRED, ndigits=None)
    try:
        return round(value) if digits is None else round(value, as_index(digits))
    except TypeError:
        raise TypeError_(f"type {type_name(value)} doesn't define __round__ method") from None
    except PYTHON_ERRORS as error:
        raise translate(error) from None


def _pow(args: Args, kwargs: Kwargs) -> Value:
    base, exponent, modulus = arguments("pow", args, kwargs, base=REQUIRED, exp=REQUIRED, mod=None)
    if modulus is None:
        return binary("**", base, exponent)
    try:
        return pow(as_index(base), as_index(exponent), as_index(modulus))
    except PYTHON_ERRORS as error:
        raise translate(error) from None


def _any(args: Args, kwargs: Kwargs) -> bool:
    (items,) = arguments("any", args, kwargs, iterable=REQUIRED)
    return any(truth(item) for item in iterate(items))


def _all(args: Args, kwargs: Kwargs) -> bool:
    (items,) = arguments("all", args, kwargs, iterable=REQUIRED)
    return all(truth(item) for item in iterate(items))


# Sequences and iterators


def _len(args: Args, kwargs: Kwargs) -> int:
    (value,) = arguments("len", args, kwargs, obj=REQUIRED)
    if type(value) is hooks.Tensor:
        shape = get_attribute(value, "shape")
        if not shape:
            raise TypeError_("len() of a 0-d tensor")
        return int(shape[0])
    try:
        return len(value)
    except TypeError:
        raise TypeError_(f"object of type '{type_name(value)}' has no len()") from None


def _enumerate(args: Args, kwargs: Kwargs) -> Value:
    items, start = arguments("enumerate", args, kwargs, iterable=REQUIRED, start=0)
    return enumerate(iterate(items), as_index(start))


def _zip(args: Args, kwargs: Kwargs) -> Value:
    (strict,) = arguments("zip", [], kwargs, strict=False)
    iterators = [iterate(value) for value in args]
    return _checked(zip(*iterators, strict=True)) if truth(strict) else zip(*iterators, strict=False)


def _checked(pairs: Iterator[Value]) -> Iterator[Value]:
    """The pairs of a strict zip, with its error as ours."""
    while True:
        try:
            pair = next(pairs, None)
        except ValueError as error:
            raise ValueError_(str(error)) from None
        if pair is None:
            return
        yield pair


def _map(args: Args, kwargs: Kwargs) -> Value:
    if len(args) < 2 or kwargs:
        raise TypeError_("map() must have at least two arguments.")
    function = args[0]
    if not callable_value(function):
        raise TypeError_(f"'{type_name(function)}' object is not callable")
    return map(lambda *items: function.call(list(items), {}), *[iterate(value) for value in args[1:]])


def _filter(args: Args, kwargs: Kwargs) -> Value:
    function, items = arguments("filter", args, kwargs, function=REQUIRED, iterable=REQUIRED)
    return filter(truth if function is None else lambda item: truth(function.call([item], {})), iterate(items))


def _sorted(args: Args, kwargs: Kwargs) -> list[Value]:
    if len(args) != 1:
        raise TypeError_(f"sorted expected 1 argument, got {len(args)}")
    return sorted_values("sorted", collect(args[0]), kwargs)


def _reversed(args: Args, kwargs: Kwargs) -> Value:
    (value,) = arguments("reversed", args, kwargs, sequence=REQUIRED)
    if type(value) is hooks.Tensor:
        return iter(collect(value)[::-1])
    try:
        return reversed(value)
    except TypeError:
        raise TypeError_(f"'{type_name(value)}' object is not reversible") from None


def _iter(args: Args, kwargs: Kwargs) -> Value:
    return iterate(*arguments("iter", args, kwargs, object=REQUIRED))


def _next(args: Args, kwargs: Kwargs) -> Value:
    if not 1 <= len(args) <= 2 or kwargs:
        raise TypeError_(f"next expected 1 or 2 arguments, got {len(args) + len(kwargs)}")
    return next_value(args[0], args[1:])


# Types and attributes


def _isinstance(args: Args, kwargs: Kwargs) -> bool:
    value, kinds = arguments("isinstance", args, kwargs, object=REQUIRED, classinfo=REQUIRED)
    pending = [kinds]
    while pending:
        kind = pending.pop()
        if isinstance(kind, tuple):
            pending.extend(kind)
        elif isinstance(kind, TypeValue | UserClass):
            if kind.holds(value):
                return True
        elif kind is not None:
            raise TypeError_("isinstance() arg 2 must be a type, a tuple of types, or a union")
    return False


def _issubclass(args: Args, kwargs: Kwargs) -> bool:
    kind, parents = arguments("issubclass", args, kwargs, cls=REQUIRED, classinfo=REQUIRED)
    if not isinstance(kind, TypeValue | UserClass):
        raise TypeError_("issubclass() arg 1 must be a class")
    above: tuple[Value, ...] = (kind,)
    if isinstance(kind, UserClass):
        above = (*kind.order, kind.native)
    names = {name for known in above for name in getattr(known, "chain", ())}
    wanted = parents if isinstance(parents, tuple) else (parents,)
    return any(
        any(known is one for known in above) or getattr(one, "name", None) in (*names, "object") or _subtype(kind, one)
        for one in wanted
    )


def _subtype(kind: Value, parent: Value) -> bool:
    if not (isinstance(kind, TypeValue) and isinstance(parent, TypeValue)):
        return False
    return bool(kind.python) and all(issubclass(python, parent.python) for python in kind.python)


def _callable(args: Args, kwargs: Kwargs) -> bool:
    return callable_value(*arguments("callable", args, kwargs, obj=REQUIRED))


def _name(value: Value, function: str) -> str:
    if not isinstance(value, str):
        raise TypeError_(f"{function}(): attribute name must be string")
    return value


def _hasattr(args: Args, kwargs: Kwargs) -> bool:
    value, name = arguments("hasattr", args, kwargs, obj=REQUIRED, name=REQUIRED)
    return has_attribute(value, _name(name, "hasattr"))


def _getattr(args: Args, kwargs: Kwargs) -> Value:
    value, name, default = arguments("getattr", args, kwargs, object=REQUIRED, name=REQUIRED, default=MISSING)
    if default is not MISSING and not has_attribute(value, _name(name, "getattr")):
        return default
    return get_attribute(value, _name(name, "getattr"))


def _setattr(args: Args, kwargs: Kwargs) -> None:
    value, name, new = arguments("setattr", args, kwargs, obj=REQUIRED, name=REQUIRED, value=REQUIRED)
    set_attribute(value, _name(name, "setattr"), new)


def _super(args: Args, kwargs: Kwargs) -> Value:
    cls, receiver = arguments("super", args, kwargs, type=REQUIRED, object=REQUIRED)
    if not isinstance(cls, UserClass):
        raise TypeError_("super() argument 1 must be a class of the program")
    return Super(cls, receiver)


def _vars(args: Args, kwargs: Kwargs) -> Value:
    (value,) = arguments("vars", args, kwargs, object=REQUIRED)
    return get_attribute(value, "__dict__")


def _dir(args: Args, kwargs: Kwargs) -> list[str]:
    (value,) = arguments("dir", args, kwargs, object=REQUIRED)
    return attribute_names(value)


# Numbers and text


def _divmod(args: Args, kwargs: Kwargs) -> Value:
    a, b = arguments("divmod", args, kwargs, x=REQUIRED, y=REQUIRED)
    try:
        return divmod(a, b)
    except TypeError:
        raise TypeError_(f"unsupported operand type(s) for divmod(): '{type_name(a)}' and '{type_name(b)}'") from None
    except PYTHON_ERRORS as error:
        raise translate(error) from None


def _format(args: Args, kwargs: Kwargs) -> str:
    value, spec = arguments("format", args, kwargs, value=REQUIRED, format_spec="")
    return format_value(value, _name(spec, "format"))


def _repr(args: Args, kwargs: Kwargs) -> str:
    return value_repr(*arguments("repr", args, kwargs, obj=REQUIRED))


def _ascii(args: Args, kwargs: Kwargs) -> str:
    text = value_repr(*arguments("ascii", args, kwargs, obj=REQUIRED))
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _id(args: Args, kwargs: Kwargs) -> int:
    return id(*arguments("id", args, kwargs, obj=REQUIRED))


def _hash(args: Args, kwargs: Kwargs) -> int:
    (value,) = arguments("hash", args, kwargs, obj=REQUIRED)
    try:
        return hash(value)
    except TypeError as error:
        raise translate(error) from None


def _ord(args: Args, kwargs: Kwargs) -> int:
    (value,) = arguments("ord", args, kwargs, c=REQUIRED)
    try:
        return ord(value)
    except TypeError as error:
        raise translate(error) from None


def _of_index(name: str, function: Callable[[int], Value]) -> Function:
    """A function of one integer."""

    def call(args: Args, kwargs: Kwargs) -> Value:
        (value,) = arguments(name, args, kwargs, i=REQUIRED)
        number = as_index(value)
        try:
            return function(number)
        except PYTHON_ERRORS as error:
            raise translate(error) from None

    return call


_PLAIN: dict[str, Function] = {
    "len": _len, "enumerate": _enumerate, "zip": _zip, "map": _map, "filter": _filter, "sorted": _sorted,
    "reversed": _reversed, "iter": _iter, "next": _next, "isinstance": _isinstance, "issubclass": _issubclass,
    "callable": _callable, "hasattr": _hasattr, "getattr": _getattr, "setattr": _setattr, "super": _super,
    "vars": _vars, "dir": _dir,
    "divmod": _divmod, "format": _format, "repr": _repr, "ascii": _ascii, "id": _id, "hash": _hash, "ord": _ord,
    **{function.__name__: _of_index(function.__name__, function) for function in (chr, bin, hex, oct)},
}  # fmt: skip
_OR_OP: dict[str, Function] = {
    "abs": _abs, "sum": _sum, "round": _round, "pow": _pow, "any": _any, "all": _all,
    "max": lambda args, kwargs: extreme("max", ">", args, kwargs),
    "min": lambda args, kwargs: extreme("min", "<", args, kwargs),
}  # fmt: skip

# What a program cannot have, and why.
_REFUSED = {
    "input": "a program reads only the files it is given, not what is typed",
    "open": "a program reads only the files it is given, as --NAME @FILE, and writes none",
    "eval": "text cannot be run from inside a program",
    "exec": "text cannot be run from inside a program",
    "compile": "text cannot be run from inside a program",
    "__import__": "write an import statement",
    "breakpoint": "there is no debugger here",
    "complex": "there are no complex numbers",
    "bytes": "there are no bytes",
}


def _refuse(name: str, reason: str) -> Function:
    def call(args: Args, kwargs: Kwargs) -> Value:
        raise ValueError_(f"{name}() is not available", hint=reason)

    return call
