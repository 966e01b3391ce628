"""Instructions that build containers and text, unpack, iterate and jump; variables have theirs in `variables.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from gradcli.errors import AssertionError_, GradcliError, TypeError_, ValueError_
from gradcli.language import hooks
from gradcli.language.compiler.code import Block, Frame
from gradcli.language.machine.generators import Generator, enter_generator
from gradcli.language.python.exceptions import translate
from gradcli.language.python.formatting import format_value
from gradcli.language.python.operators import END, collect, iterate, truth
from gradcli.language.python.percent import converted
from gradcli.language.python.values import type_name, value_str

Pick = Callable[[list[Any]], Sequence[Any]]  # some slots as a list or tuple


# Containers and text


def build_list(frame: Frame, arg: tuple[int, Pick]) -> None:
    """target = [items]"""
    target, pick = arg
    slots = frame.slots
    slots[target] = list(pick(slots))


def build_tuple(frame: Frame, arg: tuple[int, Pick]) -> None:
    """target = (items)"""
    target, pick = arg
    slots = frame.slots
    slots[target] = tuple(pick(slots))


def build_set(frame: Frame, arg: tuple[int, Pick]) -> None:
    """target = {items}"""
    target, pick = arg
    slots = frame.slots
    try:
        slots[target] = set(pick(slots))
    except TypeError as error:
        raise translate(error) from None


def build_dict(frame: Frame, arg: tuple[int]) -> None:
    """target = {}"""
    frame.slots[arg[0]] = {}


def build_slice(frame: Frame, arg: tuple[int, int, int, int]) -> None:
    """target = slice(lower, upper, step)"""
    target, lower, upper, step = arg
    slots = frame.slots
    slots[target] = slice(slots[lower], slots[upper], slots[step])


def to_tuple(frame: Frame, arg: tuple[int, int]) -> None:
    """target = tuple(source)"""
    target, source = arg
    slots = frame.slots
    slots[target] = tuple(slots[source])


def append(frame: Frame, arg: tuple[int, int]) -> None:
    """a list that is being built gets an item"""
    target, source = arg
    slots = frame.slots
    slots[target].append(slots[source])


def take_append(frame: Frame, arg: tuple[int, int]) -> None:
    """a list that is being built gets an intermediate value, whose slot is emptied"""
    target, source = arg
    slots = frame.slots
    slots[target].append(slots[source])
    slots[source] = None


def include(frame: Frame, arg: tuple[int, int]) -> None:
    """a set that is being built gets an item"""
    target, source = arg
    slots = frame.slots
    try:
        slots[target].add(slots[source])
    except TypeError as error:
        raise translate(error) from None


def extend(frame: Frame, arg: tuple[int, int]) -> None:
    """a list that is being built gets the items of an iterable"""
    target, source = arg
    slots = frame.slots
    slots[target].extend(collect(slots[source]))


def enter_item(frame: Frame, arg: tuple[int, int, int]) -> None:
    """a dict that is being built gets an item"""
    target, key, value = arg
    slots = frame.slots
    try:
        slots[target][slots[key]] = slots[value]
    except TypeError as error:
        raise translate(error) from None


def update(frame: Frame, arg: tuple[int, int]) -> None:
    """a dict that is being built gets the items of another"""
    target, source = arg
    slots = frame.slots
    if not isinstance(slots[source], dict):
        raise TypeError_(f"'{type_name(slots[source])}' object is not a mapping")
    slots[target].update(slots[source])


def update_keywords(frame: Frame, arg: tuple[int, int]) -> None:
    """the keywords of a call get the items of a dict"""
    target, source = arg
    slots = frame.slots
    more, known = slots[source], slots[target]
    if not isinstance(more, dict):
        raise TypeError_(f"argument after ** must be a mapping, not {type_name(more)}")
    for key in more:
        if not isinstance(key, str):
            raise TypeError_("keywords must be strings")
        if key in known:
            raise TypeError_(f"got multiple values for keyword argument '{key}'")
    known.update(more)


def to_set(frame: Frame, arg: tuple[int, int]) -> None:
    """target = set(source)"""
    target, source = arg
    slots = frame.slots
    try:
        slots[target] = set(slots[source])
    except TypeError as error:
        raise translate(error) from None


def to_iterator(frame: Frame, arg: tuple[int, int]) -> None:
    """target = an iterator over a list: what a generator expression is"""
    target, source = arg
    slots = frame.slots
    slots[target] = Generated(slots[source])


class Generated:
    """The values of a generator expression. They are computed when it is made."""

    __slots__ = ("values",)

    type_name = "generator"

    def __init__(self, values: list[Any]) -> None:
        values.reverse()
        self.values = values

    def __iter__(self) -> Generated:
        return self

    def __next__(self) -> Any:
        if not self.values:
            raise StopIteration
        return self.values.pop()

    def __repr__(self) -> str:
        return f"<generator object <genexpr> at {id(self):#x}>"


def format_part(frame: Frame, arg: tuple[int, int, str | None, int | None]) -> None:
    """target = the text of a replacement field of an f-string"""
    target, source, conversion, spec = arg
    slots = frame.slots
    value = converted(slots[source], conversion)
    slots[target] = format_value(value, "" if spec is None else slots[spec])


def join_text(frame: Frame, arg: tuple[int, Pick]) -> None:
    """target = the pieces of an f-string as one text"""
    target, pick = arg
    slots = frame.slots
    slots[target] = "".join(pick(slots))


# Unpacking


def unpack(frame: Frame, arg: tuple[tuple[int, ...], int]) -> None:
    """targets = the items of source, as many as there are targets"""
    targets, source = arg
    slots = frame.slots
    value = slots[source]
    count = len(targets)
    items = value if type(value) is tuple or type(value) is list else list(islice(_unpacked(value), count + 1))
    if len(items) != count:
        if len(items) > count:
            raise ValueError_(f"too many values to unpack (expected {count})")
        raise ValueError_(f"not enough values to unpack (expected {count}, got {len(items)})")
    for target, item in zip(targets, items, strict=True):
        slots[target] = item


def unpack_star(frame: Frame, arg: tuple[tuple[int, ...], int, tuple[int, ...], int]) -> None:
    """targets = the first and last items of source, the starred one a list of those between"""
    first, star, last, source = arg
    slots = frame.slots
    items = collect(_unpacked(slots[source]))
    count = len(first) + len(last)
    if len(items) < count:
        raise ValueError_(f"not enough values to unpack (expected at least {count}, got {len(items)})")
    end = len(items) - len(last)
    for target, item in zip(first, items, strict=False):
        slots[target] = item
    slots[star] = items[len(first) : end]
    for target, item in zip(last, items[end:], strict=True):
        slots[target] = item


def _unpacked(value: Any) -> Iterator[Any]:
    if type(value) is not hooks.Tensor and not hasattr(value, "__iter__"):
        raise TypeError_(f"cannot unpack non-iterable {type_name(value)} object")
    return iterate(value)


# Going on elsewhere


def jump(frame: Frame, block: Block) -> Frame:
    """go on at a block"""
    frame.block = block
    return frame


def branch(frame: Frame, arg: tuple[int, Block, Block]) -> Frame:
    """go on at one of two blocks"""
    source, yes, no = arg
    value = frame.slots[source]
    if value is True or (value is not False and truth(value)):
        frame.block = yes
    else:
        frame.block = no
    return frame


def take_branch(frame: Frame, arg: tuple[int, Block, Block]) -> Frame:
    """go on at one of two blocks by an intermediate value, whose slot is emptied"""
    source, yes, no = arg
    slots = frame.slots
    value = slots[source]
    slots[source] = None
    if value is True or (value is not False and truth(value)):
        frame.block = yes
    else:
        frame.block = no
    return frame


def begin_loop(frame: Frame, arg: tuple[int, int]) -> None:
    """target = iter(source)"""
    target, source = arg
    slots = frame.slots
    slots[target] = iterate(slots[source])


def next_item(frame: Frame, arg: tuple[int, int, Block, Block]) -> Frame:
    """go on in the loop's body with the next item in target, or behind the loop"""
    iterator, target, body, done = arg
    slots = frame.slots
    if type(slots[iterator]) is Generator:
        return enter_generator(frame, slots[iterator], target, body, done)
    try:
        item = next(slots[iterator], END)
    except RuntimeError as error:  # a dict that changed its size
        raise GradcliError(str(error)) from None
    if item is END:
        slots[iterator] = None
        frame.block = done
    else:
        slots[target] = item
        frame.block = body
    return frame


def next_global(frame: Frame, arg: tuple[int, str, Block, Block]) -> Frame:
    """as next_item, for a loop whose variable is one of the module's"""
    iterator, name, body, done = arg
    slots = frame.slots
    try:
        item = next(slots[iterator], END)
    except RuntimeError as error:
        raise GradcliError(str(error)) from None
    if item is END:
        slots[iterator] = None
        frame.block = done
    else:
        frame.globals[name] = item
        frame.block = body
    return frame


def settle(frame: Frame, used: tuple[int, ...]) -> None:
    """The end of a statement of the module, or of a turn of a loop: deferred work is done."""
    if used:
        slots = frame.slots
        for slot in used:
            slots[slot] = None
    machine = frame.machine
    if machine.deferred:
        machine.settle()


def show(frame: Frame, source: int) -> None:
    """The value of a statement of the module that is an expression."""
    machine = frame.machine
    if machine.show is not None:
        machine.show(frame.slots[source])


def fail_assert(frame: Frame, message: int | None) -> None:
    """the test of an assert does not hold"""
    raise AssertionError_("" if message is None else value_str(frame.slots[message]))
