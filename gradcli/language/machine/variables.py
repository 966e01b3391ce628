"""Instructions that read, store and delete: variables of every kind, attributes, items.

The order of an argument is (target, sources...). `take_*` is for an intermediate value that is used up: its slot is
emptied, so that a tensor lives no longer than its last use.
"""

from __future__ import annotations

from gradcli.errors import NameError_
from gradcli.language.compiler.code import UNBOUND, Cell, Frame
from gradcli.language.python.attributes import delete_attribute, get_attribute, set_attribute
from gradcli.language.python.exceptions import UnboundLocalError_
from gradcli.language.python.operators import delete_item, get_item, set_item
from gradcli.language.python.values import MISSING


def move(frame: Frame, arg: tuple[int, int]) -> None:
    """target = source"""
    target, source = arg
    slots = frame.slots
    slots[target] = slots[source]


def take(frame: Frame, arg: tuple[int, int]) -> None:
    """target = source, which is emptied"""
    target, source = arg
    slots = frame.slots
    slots[target] = slots[source]
    slots[source] = None


def clear(frame: Frame, used: tuple[int, ...]) -> None:
    """Empty the slots of intermediate values."""
    slots = frame.slots
    for slot in used:
        slots[slot] = None


def unbind(frame: Frame, arg: tuple[int, str]) -> None:
    """del of a local variable"""
    check_local(frame, arg)
    frame.slots[arg[0]] = UNBOUND


def forget(frame: Frame, slot: int) -> None:
    """A local variable without a value, whether it had one or not (after `except ... as e`)."""
    frame.slots[slot] = UNBOUND


def check_local(frame: Frame, arg: tuple[int, str]) -> None:
    """A local variable that may not be assigned yet is about to be read."""
    slot, name = arg
    if frame.slots[slot] is UNBOUND:
        raise UnboundLocalError_(f"cannot access local variable '{name}' where it is not associated with a value")


def load_cell(frame: Frame, arg: tuple[int, int, str]) -> None:
    """target = the variable in a cell"""
    target, slot, name = arg
    slots = frame.slots
    value = slots[slot].value
    if value is UNBOUND:
        if slot in frame.code.free:
            raise NameError_(
                f"cannot access free variable '{name}' where it is not associated with a value in enclosing scope"
            )
        raise UnboundLocalError_(f"cannot access local variable '{name}' where it is not associated with a value")
    slots[target] = value


def store_cell(frame: Frame, arg: tuple[int, int]) -> None:
    """the variable in a cell = source"""
    slot, source = arg
    slots = frame.slots
    slots[slot].value = slots[source]


def take_cell(frame: Frame, arg: tuple[int, int]) -> None:
    """the variable in a cell = source, which is emptied"""
    slot, source = arg
    slots = frame.slots
    slots[slot].value = slots[source]
    slots[source] = None


def unbind_cell(frame: Frame, slot: int) -> None:
    """del of a variable in a cell"""
    frame.slots[slot].value = UNBOUND


def fresh_cell(frame: Frame, slot: int) -> None:
    """A new cell for a variable of a comprehension."""
    frame.slots[slot] = Cell()


def load_global(frame: Frame, arg: tuple[int, str]) -> None:
    """target = a variable of the module, or a built-in name"""
    target, name = arg
    value = frame.globals.get(name, MISSING)
    frame.slots[target] = value if value is not MISSING else frame.machine.free_name(name, frame.globals)


def load_known(frame: Frame, arg: tuple[int, str]) -> None:
    """target = a variable of the module that it has assigned above, so that it is likely to be there"""
    target, name = arg
    try:
        frame.slots[target] = frame.globals[name]
    except KeyError:
        frame.slots[target] = frame.machine.free_name(name, frame.globals)


def store_global(frame: Frame, arg: tuple[str, int]) -> None:
    """a variable of the module = source"""
    name, source = arg
    frame.globals[name] = frame.slots[source]


def take_global(frame: Frame, arg: tuple[str, int]) -> None:
    """a variable of the module = source, which is emptied"""
    name, source = arg
    slots = frame.slots
    frame.globals[name] = slots[source]
    slots[source] = None


def unbind_global(frame: Frame, name: str) -> None:
    """del of a variable of the module"""
    if name not in frame.globals:
        raise NameError_(f"name '{name}' is not defined")
    del frame.globals[name]


def forget_global(frame: Frame, name: str) -> None:
    """A variable of the module that is gone, whether it was there or not."""
    frame.globals.pop(name, None)


def load_name(frame: Frame, arg: tuple[int, str]) -> None:
    """target = a name in a class body: of the class, of the module, or built in"""
    target, name = arg
    assert frame.names is not None
    value = frame.names.get(name, MISSING)
    if value is MISSING:
        load_global(frame, arg)
    else:
        frame.slots[target] = value


def store_name(frame: Frame, arg: tuple[str, int]) -> None:
    """a name of the class = source"""
    name, source = arg
    assert frame.names is not None
    frame.names[name] = frame.slots[source]


def note_annotated(frame: Frame, name: str) -> None:
    """a name of the class has an annotation"""
    assert frame.names is not None
    frame.names.setdefault("__annotations__", {})[name] = None


def unbind_name(frame: Frame, name: str) -> None:
    """del of a name of the class"""
    assert frame.names is not None
    if frame.names.pop(name, MISSING) is MISSING:
        raise NameError_(f"name '{name}' is not defined")


# Attributes and items


def load_attribute(frame: Frame, arg: tuple[int, int, str]) -> None:
    """target = source.name"""
    target, source, name = arg
    slots = frame.slots
    slots[target] = get_attribute(slots[source], name)


def store_attribute(frame: Frame, arg: tuple[int, str, int]) -> None:
    """owner.name = value"""
    owner, name, value = arg
    slots = frame.slots
    set_attribute(slots[owner], name, slots[value])


def unbind_attribute(frame: Frame, arg: tuple[int, str]) -> None:
    """del owner.name"""
    owner, name = arg
    delete_attribute(frame.slots[owner], name)


def load_item(frame: Frame, arg: tuple[int, int, int]) -> None:
    """target = owner[index]"""
    target, owner, index = arg
    slots = frame.slots
    slots[target] = get_item(slots[owner], slots[index])


def store_item(frame: Frame, arg: tuple[int, int, int]) -> None:
    """owner[index] = value"""
    owner, index, value = arg
    slots = frame.slots
    set_item(slots[owner], slots[index], slots[value])


def unbind_item(frame: Frame, arg: tuple[int, int]) -> None:
    """del owner[index]"""
    owner, index = arg
    slots = frame.slots
    delete_item(slots[owner], slots[index])
