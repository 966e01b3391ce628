"""What `copy` has: `copy` and `deepcopy` of lists, dicts, tensors and instances of a program's classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcli.errors import GradError
from gradcli.language import hooks
from gradcli.language.python.arguments import REQUIRED, arguments
from gradcli.language.python.instance import Instance
from gradcli.language.python.values import MISSING, Builtin, Value


def _copy(args: list[Value], kwargs: dict[str, Value]) -> Value:
    (value,) = arguments("copy", args, kwargs, x=REQUIRED)
    if isinstance(value, Instance):
        own = value.cls.lookup("__copy__")
        return _instance(value, lambda item: item) if own is MISSING else own.call([value], {})
    if isinstance(value, hooks.Tensor):
        return _method(value, "detach") if not _read(value, "requires_grad") else _tensor(value)
    return value.copy() if isinstance(value, list | dict | set) else value


def _deepcopy(args: list[Value], kwargs: dict[str, Value]) -> Value:
    value, _ = arguments("deepcopy", args, kwargs, x=REQUIRED, memo=None)
    return _deep(value, {})


def _deep(value: Value, made: dict[int, Value]) -> Value:
    """A copy of a value and of all in it; what occurs twice is copied once."""
    known = made.get(id(value), MISSING)
    if known is not MISSING:
        return known
    if isinstance(value, hooks.Tensor):
        made[id(value)] = _tensor(value)
    elif isinstance(value, Instance):
        own = value.cls.lookup("__deepcopy__")
        copied = Instance(value.cls) if own is MISSING else own.call([value, made], {})
        made[id(value)] = copied
        if own is MISSING:
            copied.fields.update({name: _deep(item, made) for name, item in value.fields.items()})
    elif type(value) is list:
        items: list[Value] = []
        made[id(value)] = items
        items.extend(_deep(item, made) for item in value)
    elif isinstance(value, dict):
        made[id(value)] = copied = value.copy()
        for key, item in value.items():
            copied[key] = _deep(item, made)
    elif type(value) in (tuple, set):
        parts = [_deep(item, made) for item in value]
        same = all(part is item for part, item in zip(parts, value, strict=True))
        made[id(value)] = value if same and type(value) is tuple else type(value)(parts)
    else:
        return value
    return made[id(value)]


def _instance(value: Instance, each: Callable[[Value], Value]) -> Instance:
    copied = Instance(value.cls)
    copied.fields.update({name: each(item) for name, item in value.fields.items()})
    return copied


def _read(tensor: Value, name: str) -> Value:
    return hooks.attribute(tensor, name)


def _method(tensor: Value, name: str) -> Any:
    return _read(tensor, name).call([], {})


def _tensor(tensor: Value) -> Value:
    """A leaf with elements of its own, and a .grad of its own.

    Raises: GradError for the result of a recorded operation.
    """
    if not _read(tensor, "is_leaf"):
        raise GradError(
            "only a leaf can be copied with its flags; this tensor is the result of a recorded operation",
            hint="use x.clone(), or copy x.detach()",
            torch="Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
            "moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm "
            "usage, see https://github.com/pytorch/pytorch/pull/103001",
        )
    copied = _method(_method(tensor, "detach"), "clone")
    if _read(tensor, "requires_grad"):
        hooks.set_attribute(copied, "requires_grad", True)
        grad = _read(tensor, "grad")
        if grad is not None:
            hooks.set_attribute(copied, "grad", _method(grad, "clone"))
    return copied


def copy_table() -> dict[str, Value]:
    """The module's names."""
    return {"copy": Builtin("copy", _copy), "deepcopy": Builtin("deepcopy", _deepcopy)}
