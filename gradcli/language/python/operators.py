"""Operators on any values: a tensor goes to the op that is meant, Python's values to Python's own operator."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from gradcli.errors import GradcliError, IndexError_, OverflowError_, RefusedValue, TypeError_
from gradcli.language import hooks
from gradcli.language.python.exceptions import PYTHON_ERRORS, StopIteration_, translate
from gradcli.language.python.instance import Instance
from gradcli.language.python.limits import check_bits, check_items
from gradcli.language.python.percent import percent
from gradcli.language.python.values import Value, type_name

Binary = Callable[[Any, Any], Any]


def _multiply(a: Value, b: Value) -> Value:
    """`a * b` of Python's values, refused where it would be huge."""
    kind, other = type(a), type(b)
    if kind is int:
        if other is int:
            if (a > 65535 or a < -65535) and (b > 65535 or b < -65535):
                check_bits(a.bit_length() + b.bit_length())
        elif isinstance(b, str | list | tuple):
            check_items(len(b) * a)
    elif isinstance(b, int) and isinstance(a, str | list | tuple):
        check_items(len(a) * b)
    return a * b


def _multiply_inplace(a: Value, b: Value) -> Value:
    """`a *= b`: a list stays itself."""
    if type(a) is list and isinstance(b, int):
        check_items(len(a) * b)
        a *= b
        return a
    if isinstance(a, Instance):
        a *= b
        return a
    return _multiply(a, b)


def _power(a: Value, b: Value) -> Value:
    """`a ** b` of Python's values, refused where it would be huge; there are no complex numbers."""
    if type(a) is int and type(b) is int:
        if b > 0:
            check_bits(a.bit_length() * b if a not in (0, 1, -1) else 0)
    elif isinstance(a, int | float) and a < 0 and isinstance(b, float) and b != int_or_none(b):
        raise TypeError_(f"{a} ** {b} is a complex number, which gradcli does not have")
    return a**b


def int_or_none(value: float) -> int | None:
    """The integer that a float equals, if it is finite."""
    return int(value) if value - value == 0 else None


def _shift(a: Value, b: Value) -> Value:
    """`a << b` of Python's values, refused where it would be huge."""
    if isinstance(a, int) and isinstance(b, int) and b > 0:
        check_bits(a.bit_length() + b)
    return a << b


def _remainder(a: Value, b: Value) -> Value:
    """`a % b` of Python's values; with a string on the left it formats."""
    return percent(a, b) if type(a) is str else a % b


BINARY: dict[str, Binary] = {
    "+": operator.add, "-": operator.sub, "*": _multiply, "/": operator.truediv, "//": operator.floordiv,
    "%": _remainder, "**": _power, "@": operator.matmul, "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "<<": _shift, ">>": operator.rshift,
}  # fmt: skip
INPLACE: dict[str, Binary] = {
    **BINARY, "+": operator.iadd, "*": _multiply_inplace, "-": operator.isub, "/": operator.itruediv,
    "//": operator.ifloordiv, "@": operator.imatmul, "&": operator.iand, "|": operator.ior, "^": operator.ixor,
}  # fmt: skip
COMPARE: dict[str, Binary] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
UNARY: dict[str, Callable[[Any], Any]] = {"-": operator.neg, "+": operator.pos, "~": operator.invert}


def with_tensor(symbol: str, a: Value, b: Value) -> Value:
    """A binary operator of which one operand at least is a tensor."""
    if type(a) is hooks.Tensor and type(b) in _NUMBERS:
        return hooks.binary(symbol, a, b)
    if type(a) is str and symbol == "%":
        return percent(a, b)
    if symbol in ("*", "+") and isinstance(a, str | list | tuple) and not getattr(b, "is_array", False):
        if symbol == "*":
            return _multiply(a, as_index(b))
        raise TypeError_(f'can only concatenate {type_name(a)} (not "Tensor") to {type_name(a)}')
    if symbol == "*" and isinstance(b, str | list | tuple) and not getattr(a, "is_array", False):
        return _multiply(b, as_index(a))
    if isinstance(a, Instance) or isinstance(b, Instance):
        return _with_instance(symbol, a, b)
    if a is None or b is None or type(b) is str:
        raise unsupported(symbol, a, b)
    return hooks.binary(symbol, a, b)


_NUMBERS = frozenset({int, float, bool})


_DUNDER = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow", "@": "matmul",
    "&": "and", "|": "or", "^": "xor", "<<": "lshift", ">>": "rshift",
    "<": "gt", ">": "lt", "<=": "ge", ">=": "le", "==": "eq", "!=": "ne",
}  # fmt: skip


def _with_instance(symbol: str, a: Value, b: Value) -> Value:
    """An operator between a tensor and an instance, which the instance has to answer."""
    word = _DUNDER[symbol]
    if type(a) is Instance:
        forward = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}.get(word, word)
        result = a.answer(f"__{forward}__", b)
    else:
        result = b.answer(f"__{word}__" if symbol in COMPARE else f"__r{word}__", a)
    if result is NotImplemented:
        if symbol in ("==", "!="):
            return symbol == "!="
        raise unsupported(symbol, a, b)
    return result


def binary(symbol: str, a: Value, b: Value) -> Value:
    """`a symbol b`."""
    tensor = hooks.Tensor
    if type(a) is tensor or type(b) is tensor:
        return with_tensor(symbol, a, b)
    try:
        return BINARY[symbol](a, b)
    except PYTHON_ERRORS as error:
        raise operator_error(symbol, a, b, error) from None


def compare(symbol: str, a: Value, b: Value) -> Value:
    """`a symbol b` for == != < <= > >=."""
    tensor = hooks.Tensor
    if type(a) is tensor or type(b) is tensor:
        if isinstance(a, Instance) or isinstance(b, Instance):
            return _with_instance(symbol, a, b)
        if symbol not in ("==", "!=") and (a is None or b is None or isinstance(a, str) or isinstance(b, str)):
            raise not_supported(symbol, a, b)
        return hooks.compare(symbol, a, b)
    try:
        return COMPARE[symbol](a, b)
    except PYTHON_ERRORS as error:
        raise comparison_error(symbol, a, b, error) from None


def unsupported(symbol: str, a: Value, b: Value, sign: str = "") -> TypeError_:
    """The error for an operator that two values do not have, in Python's words."""
    shown = "** or pow()" if symbol == "**" else symbol + sign
    return TypeError_(f"unsupported operand type(s) for {shown}: '{type_name(a)}' and '{type_name(b)}'")


def operator_error(symbol: str, a: Value, b: Value, error: Exception, sign: str = "") -> GradcliError:
    """What Python's operator raised, as our error."""
    if isinstance(error, TypeError) and str(error).startswith("unsupported operand"):
        return unsupported(symbol, a, b, sign)
    if isinstance(error, TypeError) and symbol == "+" and str(error).startswith("can only concatenate"):
        return TypeError_(f'can only concatenate {type_name(a)} (not "{type_name(b)}") to {type_name(a)}')
    return translate(error)


def comparison_error(symbol: str, a: Value, b: Value, error: Exception) -> GradcliError:
    """What Python's comparison raised, as our error."""
    if isinstance(error, TypeError) and " not supported between " in str(error):
        return not_supported(symbol, a, b)
    return translate(error)


def not_supported(symbol: str, a: Value, b: Value) -> TypeError_:
    """The error for values that have no order, in Python's words."""
    return TypeError_(f"'{symbol}' not supported between instances of '{type_name(a)}' and '{type_name(b)}'")


def unary(symbol: str, a: Value) -> Value:
    """`- + ~` of any value."""
    if type(a) is hooks.Tensor:
        return hooks.unary(symbol, a)
    try:
        return UNARY[symbol](a)
    except TypeError:
        raise TypeError_(f"bad operand type for unary {symbol}: '{type_name(a)}'") from None


def truth(value: Value) -> bool:
    """Whether a value counts as true."""
    if type(value) is hooks.Tensor:
        return hooks.truth(value)
    return bool(value)


# What Python can be asked whether a value is in it; other iterators may go on for long, and are walked here.
_CONTAINERS = frozenset(
    {list, tuple, str, dict, set, frozenset, range, Instance, type({}.keys()), type({}.values()), type({}.items())}
)


def contains(container: Value, value: Value) -> bool:
    """`value in container`."""
    tensor = hooks.Tensor
    if type(container) is tensor:
        if not isinstance(value, tensor | bool | int | float):
            raise RefusedValue(
                f"a tensor holds numbers, not {type_name(value)}",
                torch="Tensor.__contains__ only supports Tensor or scalar, but you passed in a <class "
                f"'{type_name(value)}'>.",
            )
        found = hooks.attribute(hooks.compare("==", container, value), "any").call([], {})
        return truth(found)
    if isinstance(container, list | tuple) and (type(value) is tensor or tensor in map(type, container)):
        return any(item is value or truth(compare("==", item, value)) for item in container)
    if type(container) not in _CONTAINERS and hasattr(container, "__iter__"):
        return any(item is value or truth(compare("==", item, value)) for item in iterate(container))
    try:
        return value in container
    except TypeError as error:
        if str(error).endswith("is not iterable"):
            raise TypeError_(f"argument of type '{type_name(container)}' is not iterable") from None
        raise translate(error) from None


def iterate(value: Value) -> Iterator[Value]:
    """`iter(value)`: a tensor gives its rows.

    Raises: TypeError_ when there is nothing to iterate over.
    """
    if type(value) is hooks.Tensor:
        return hooks.iterate(value)
    try:
        return iter(value)
    except TypeError:
        raise TypeError_(f"'{type_name(value)}' object is not iterable") from None


CHUNK = 1 << 14


def collect(value: Value) -> list[Value]:
    """The items of any iterable. A long one is taken in pieces, so that Ctrl-C and a time limit can end it.

    Raises: MemoryError_ for more items than any program needs; TypeError_ when there is nothing to iterate over.
    """
    kind = type(value)
    if kind is list or kind is tuple or kind is dict or kind is str:
        return list(value)
    if kind is range and value:
        check_items((value[-1] - value[0]) // value.step + 1)
    iterator = iterate(value)
    items = list(islice(iterator, CHUNK))
    more = len(items) == CHUNK
    while more:
        piece = list(islice(iterator, CHUNK))
        items += piece
        check_items(len(items))
        more = len(piece) == CHUNK
    return items


END: Any = object()


def following(iterator: Iterator[Value]) -> Value:
    """The next value of an iterator, or END.

    Raises: the error of a container that changed its size on the way.
    """
    try:
        return next(iterator, END)
    except RuntimeError as error:  # a dict that changed size
        raise GradcliError(str(error)) from None


def next_value(iterator: Value, args: list[Value]) -> Value:
    """`next(iterator[, default])`."""
    if not hasattr(iterator, "__next__"):
        raise TypeError_(f"'{type_name(iterator)}' object is not an iterator")
    found = following(iterator)
    if found is not END:
        return found
    if args:
        return args[0]
    raise StopIteration_("the iterator is at its end")


def as_index(value: Value) -> int:
    """An integer, or the element of an integer tensor of one element.

    Raises: TypeError_ for anything else, OverflowError_ for a tensor's infinity.
    """
    if type(value) is hooks.Tensor:
        whole = "only integer tensors of a single element can be converted to an index"
        try:
            number = hooks.item(value)
        except GradcliError as error:
            raise TypeError_(error.message, hint=error.hint, torch=whole) from None
        if isinstance(number, float):
            raise TypeError_(whole)
        return int(number)
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError_(f"'{type_name(value)}' object cannot be interpreted as an integer") from None
    except OverflowError as error:
        raise OverflowError_(str(error)) from None


def _plain_index(index: Value) -> Value:
    """An index of a Python sequence, with tensors in it as the numbers they hold."""
    tensor = hooks.Tensor
    if type(index) is tensor:
        return as_index(index)
    if type(index) is slice:
        parts = [as_index(part) if type(part) is tensor else part for part in (index.start, index.stop, index.step)]
        return slice(*parts)
    return index


def get_item(value: Value, index: Value) -> Value:
    """`value[index]`."""
    if type(value) is hooks.Tensor:
        return hooks.get_item(value, index)
    try:
        if type(value) is dict:
            return value[index]
        return value[_plain_index(index) if isinstance(value, list | tuple | str | range) else index]
    except PYTHON_ERRORS as error:
        raise item_error(value, index, error, "is not subscriptable") from None


def set_item(value: Value, index: Value, new: Value) -> None:
    """`value[index] = new`."""
    if type(value) is hooks.Tensor:
        hooks.set_item(value, index, new)
        return
    try:
        if type(value) is list:
            index = _plain_index(index)
            if type(index) is slice:
                new = list(iterate(new))
        value[index] = new
    except PYTHON_ERRORS as error:
        raise item_error(value, index, error, "does not support item assignment") from None


def delete_item(value: Value, index: Value) -> None:
    """`del value[index]`."""
    try:
        del value[_plain_index(index) if type(value) is list else index]
    except PYTHON_ERRORS as error:
        raise item_error(value, index, error, "does not support item deletion") from None


def item_error(value: Value, index: Value, error: Exception, otherwise: str) -> GradcliError:
    """What Python's indexing raised, as our error."""
    if isinstance(error, IndexError) and hasattr(value, "__len__") and isinstance(index, int):
        count = len(value)
        return IndexError_(str(error), hint=f"it has {count} element{'s' * (count != 1)}" if count else "it is empty")
    if isinstance(error, TypeError | AttributeError) and not isinstance(value, list | tuple | str | dict | range):
        return TypeError_(f"'{type_name(value)}' object {otherwise}")
    return translate(error)
