"""Putting the language together: the machine that runs programs, tensors, and the names a session can use."""

from __future__ import annotations

from typing import Any

from gradcli.language.context import Context
from gradcli.language.machine import machine as machines
from gradcli.language.machine.machine import Machine
from gradcli.language.tensors import index, members, operate
from gradcli.language.tensors.call import op_function
from gradcli.language.tensors.modules import Modules
from gradcli.language.tensors.tensor import Tensor

machines.install(
    tensor=Tensor,
    binary=operate.binary,
    unary=operate.unary,
    compare=operate.compare_tensors,
    inplace=operate.inplace,
    get_item=index.get_item,
    set_item=index.set_item,
    attribute=members.tensor_attribute,
    set_attribute=members.set_tensor_attribute,
    iterate=index.iterate,
    truth=operate.truth,
    item=members.item,
)


def machine(context: Context) -> Machine:
    """A machine for a session, with torch's names in reach."""
    modules = Modules(context)
    made = Machine(
        context,
        find_name=modules.free_name,
        op_function=lambda name: op_function(name, "", context),
        import_module=modules.module,
        known_names=modules.free_names,
    )
    context.call = made.call_value
    return made


def names_after(value: Any) -> list[str]:
    """Names that can follow the dot after a value."""
    if isinstance(value, Tensor):
        return members.member_names()
    names = getattr(value, "names", None)
    return list(names()) if callable(names) else []
