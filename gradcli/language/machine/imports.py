"""Instructions of import: torch's modules and a few of Python's are there, everything else is refused by name."""

from __future__ import annotations

from gradcli.errors import AttributeError_
from gradcli.language.compiler.code import Frame
from gradcli.language.python.exceptions import ImportError_
from gradcli.language.python.mathmodule import MATH
from gradcli.language.python.standard import STANDARD
from gradcli.language.python.values import MISSING, Namespace, Value
from gradcli.language.tensors.leftout import UPDATES
from gradcli.suggest import nearest

_KNOWN = ("torch", "numpy", "math", *STANDARD)
_HINTS = {
    "matplotlib": "there is nothing to draw with",
    "torchvision": "data sets and layers of networks are out of reach here",
    "os": "a program reads only the files it is given",
    "torch.optim": UPDATES,
    "torch.utils": "there is no loading of data sets",
}


def import_module(frame: Frame, arg: tuple[int, str, bool]) -> None:
    """target = the module of a dotted name, or (whole is False) the first module of it"""
    target, dotted, whole = arg
    module = _module(frame, dotted)
    frame.slots[target] = module if whole else _module(frame, dotted.partition(".")[0])


def import_name(frame: Frame, arg: tuple[int, str, str]) -> None:
    """target = a name of a module"""
    target, dotted, name = arg
    module = _module(frame, dotted)
    try:
        frame.slots[target] = module.get_attribute(name)
    except AttributeError_ as error:
        submodule = _find(frame, f"{dotted}.{name}")
        if submodule is None:
            raise ImportError_(f"cannot import name '{name}' from '{dotted}'", hint=error.hint) from None
        frame.slots[target] = submodule


def import_all(frame: Frame, dotted: str) -> None:
    """every name of a module becomes one of the program's"""
    module = _module(frame, dotted)
    if module.names is None:
        return
    for name in module.names():
        if not name.startswith("_") and (value := module.find(name)) is not MISSING:
            frame.globals[name] = value


def _module(frame: Frame, dotted: str) -> Namespace:
    """The module of a name.

    Raises: ImportError_ that says what there is.
    """
    module: Namespace | None = _find(frame, dotted)
    if module is not None:
        return module
    first = dotted.partition(".")[0]
    near = nearest(dotted, _KNOWN)
    hint = _HINTS.get(".".join(dotted.split(".")[:2])) or _HINTS.get(first)
    if hint is None:
        hint = f"did you mean {near}?" if near else f"there are {', '.join(_KNOWN[:-1])} and {_KNOWN[-1]}"
    raise ImportError_(f"there is no module {dotted}", hint=hint, torch=f"No module named '{dotted}'")


def _find(frame: Frame, dotted: str) -> Value:
    if dotted == "math":
        return MATH
    if dotted in STANDARD:
        return STANDARD[dotted]
    return frame.machine.import_module(dotted)
