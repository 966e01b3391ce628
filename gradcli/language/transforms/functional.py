"""The names of torch.autograd.functional, torch.func and the gradient checks; their modules are imported by a call.

torch.autograd.functional is in jacobians.py and products.py, torch.func in transforms.py, vmap and batched cotangents
in batching.py, gradcheck in gradchecks.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from gradcli.errors import TypeError_
from gradcli.language.context import Context
from gradcli.language.python.values import Builtin
from gradcli.language.tensors.tensor import Tensor

Function = Callable[..., Any]


def autograd_functions(context: Context) -> dict[str, Builtin]:
    """What torch.autograd.functional has."""

    def module() -> Any:
        from gradcli.language.transforms import jacobians, products  # start-up

        found: dict[str, Function] = {"jacobian": jacobians.jacobian, "hessian": jacobians.hessian}
        return found | {"vjp": products.vjp, "jvp": products.jvp, "hvp": products.hvp, "vhp": products.vhp}

    return {name: _late(name, module, context) for name in ("jacobian", "hessian", "vjp", "jvp", "hvp", "vhp")}


def func_functions(context: Context) -> dict[str, Builtin]:
    """What torch.func has."""

    def module() -> Any:
        from gradcli.language.transforms import transforms  # start-up

        return transforms.FUNCTIONS

    names = ("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "linearize", "vmap")
    return {name: _late(name, module, context) for name in names}


def check_functions(context: Context) -> dict[str, Builtin]:
    """gradcheck and gradgradcheck of torch.autograd."""

    def module() -> Any:
        from gradcli.language.transforms import gradchecks  # start-up

        return gradchecks.FUNCTIONS

    return {name: _late(name, module, context) for name in ("gradcheck", "gradgradcheck")}


def _late(name: str, functions: Callable[[], dict[str, Function]], context: Context) -> Builtin:
    """A built-in whose function is looked up when it is called, and checked against its arguments."""

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        function = functions()[name]
        check_arguments(name, function, context, args, kwargs)
        return function(context, *args, **kwargs)

    return Builtin(name, call)


def check_arguments(name: str, function: Function, context: Context, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Refuse arguments that a function does not take.

    Raises: TypeError_ with the call as it should be.
    """
    signature = _signature(function)
    try:
        signature.bind(context, *args, **kwargs)
    except TypeError as error:
        shown = [p for p in signature.parameters.values() if p.name != "context"]
        parameters = ", ".join(str(p.replace(annotation=p.empty)) for p in shown)
        raise TypeError_(str(error), op=name, hint=f"the call is {name}({parameters})") from None


@cache
def _signature(function: Function) -> Any:
    import inspect  # numpy has loaded it already

    return inspect.signature(function)


def batched_grad(
    context: Context,
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    seeds: Sequence[Tensor | None],
    retain_graph: bool,
    create_graph: bool,
) -> tuple[Tensor | None, ...]:
    """`torch.autograd.grad(..., is_grads_batched=True)`: one vector-Jacobian product for each row of the seeds."""
    from gradcli.language.transforms import batching  # start-up

    return batching.batched_grad(context, outputs, inputs, seeds, retain_graph, create_graph)
