"""torch.autograd as programs use it: backward, grad, hooks, and where gradients accumulate."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcli.autodiff.backward import vjp
from gradcli.dtypes import DType
from gradcli.errors import GradError, ShapeError, TypeError_
from gradcli.graph.node import MODE, Node, recording
from gradcli.graph.op import leaf, leaf_op
from gradcli.language.tensors.tensor import Tensor
from gradcli.ops.shapes.memory import accumulated
from gradcli.shapes import Shape

NO_HISTORY = "element 0 of tensors does not require grad and does not have a grad_fn"


def cotangents(outputs: Sequence[Tensor], seeds: Sequence[Tensor | None]) -> list[Node]:
    """The cotangent of each output: the seed given, or 1 for a scalar.

    Raises: GradError without a seed for an output that is no scalar; ShapeError when a seed has another shape.
    """
    nodes = []
    for output, seed in zip(outputs, seeds, strict=True):
        if not output.requires_grad:
            raise GradError(
                "there is nothing to differentiate: the output does not depend on a tensor that requires grad",
                hint="create the input with requires_grad=True (and not inside no_grad, and without .detach())",
                torch=NO_HISTORY,
            )
        if seed is None:
            nodes.append(_one(output))
        else:
            nodes.append(_fitting_seed(output, seed))
    return nodes


def _one(output: Tensor) -> Node:
    node = output.node
    if node.size != 1:
        raise GradError(
            f"the output has shape {node.shape}: a gradient needs a scalar, or a seed of that shape",
            hint="reduce it (.sum(), .mean()), or pass the cotangent: y.backward(v)",
            torch="grad can be implicitly created only for scalar outputs",
        )
    return filled(node.shape, node.dtype, 1)


def filled(shape: Shape, dtype: DType, number: float) -> Node:
    """A node all of whose elements are one number."""
    return leaf(np.full(shape, number, dtype.numpy), dtype)


def _fitting_seed(output: Tensor, seed: Tensor) -> Node:
    if seed.shape != output.shape:
        raise ShapeError(
            f"the seed has shape {seed.shape}, the output {output.shape}",
            hint="a cotangent has one number for each element of the output",
            torch=f"Mismatch in shape: grad_output[0] has a shape of torch.Size({list(seed.shape)}) and output[0] has "
            f"a shape of torch.Size({list(output.shape)}).",
        )
    return seed.node


def backward(
    outputs: Sequence[Tensor],
    seeds: Sequence[Tensor | None],
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | None = None,
) -> None:
    """Add the vector-Jacobian product to .grad of the leaves (or of `inputs`), and of tensors that retain theirs."""
    retain = create_graph if retain_graph is None else retain_graph
    nodes = [output.node for output in outputs]
    wrt = None if inputs is None else [i.node for i in inputs]
    found = vjp(nodes, cotangents(outputs, seeds), wrt, create_graph=create_graph, retain_graph=retain)
    owners = {} if inputs is None else {i.node: i for i in inputs}
    for node, g in found.items():
        owner = owners.get(node) or _owner(node)
        if owner is not None:
            accumulate(owner, g, create_graph)
            if node.extra is not None and node.extra.after:
                for hook in list(node.extra.after):
                    call_outside_rules(hook)


def _owner(node: Node) -> Tensor | None:
    if node.extra is None or node.extra.owner is None:
        return None
    owner: Tensor | None = node.extra.owner()
    return owner


def accumulate(tensor: Tensor, g: Node, create_graph: bool = False) -> None:
    """Add a cotangent to .grad: into the same memory, unless the sum is to be differentiated."""
    before = tensor.grad
    if before is None:
        tensor.set_grad(Tensor(accumulated(g) if create_graph and g.requires_grad else g, tensor.context))
    elif create_graph:
        tensor.set_grad(Tensor(before.node + g, tensor.context))
    else:
        with recording(False):
            before.assign(before.node + g)


def grad(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    seeds: Sequence[Tensor | None],
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    materialize: bool = False,
) -> tuple[Tensor | None, ...]:
    """The vector-Jacobian product for each input, without touching .grad.

    Raises: GradError for an input that does not require grad, or that the outputs do not depend on.
    """
    for i in inputs:
        if not i.requires_grad:
            raise GradError(
                "an input does not require grad",
                hint="create it with requires_grad=True before the outputs are computed",
                torch="One of the differentiated Tensors does not require grad",
            )
    retain = create_graph if retain_graph is None else retain_graph
    nodes = [output.node for output in outputs]
    wrt = [i.node for i in inputs]
    found = vjp(nodes, cotangents(outputs, seeds), wrt, create_graph=create_graph, retain_graph=retain)
    return tuple(_result(at, i, found, allow_unused, materialize) for at, i in enumerate(inputs))


def _result(at: int, i: Tensor, found: dict[Node, Node], allow_unused: bool, materialize: bool) -> Tensor | None:
    g = found.get(i.node)
    if g is not None:
        return Tensor(g, i.context)
    if materialize:
        return Tensor(filled(i.shape, i.dtype, 0), i.context)
    if allow_unused:
        return None
    raise GradError(
        "an input was not used to compute the outputs",
        hint="pass allow_unused=True to get None for it",
        torch=f"The differentiated Tensor at index {at} appears to not have been used in the graph. Set "
        "allow_unused=True if this is the desired behavior.",
    )


def retain_grad(tensor: Tensor) -> None:
    """Keep .grad of a tensor that is no leaf."""
    node = tensor.node
    if not node.requires_grad:
        raise GradError(
            "a tensor without history has no gradient to retain",
            torch="can't retain_grad on Tensor that has requires_grad=False",
        )
    if node.op is not leaf_op:
        extra = node.more()
        extra.retained = True
        extra.owner = weakref.ref(tensor)


def register_hook(tensor: Tensor, function: Any) -> Callable[[], None]:
    """Call `function` with the cotangent of a tensor when it is complete; what it returns (if anything) replaces it.

    Returns: what takes the hook away again.
    """
    node = tensor.node
    if not node.requires_grad:
        raise GradError(
            "a hook needs a tensor that requires grad",
            torch="cannot register a hook on a tensor that doesn't require gradient",
        )
    context = tensor.context

    def hook(g: Node) -> Node | None:
        answer = call_outside_rules(lambda: context.call(function, [Tensor(g, context)], {}))
        if answer is None:
            return None
        if not isinstance(answer, Tensor):
            kind = type(answer).__name__
            words = f"expected Variable, but hook returned '{kind}'"
            raise TypeError_(f"a hook returns a tensor or None, not {kind}", torch=words)
        if answer.shape != g.shape:
            raise ShapeError(
                f"a hook returned shape {answer.shape} for a gradient of shape {g.shape}",
                torch=f"hook '{getattr(function, 'name', 'hook')}' has changed the size of value",
            )
        return answer.node

    extra = node.more()
    extra.hooks = extra.hooks or []
    extra.hooks.append(hook)
    hooks = extra.hooks

    def remove() -> None:
        if hook in hooks:
            hooks.remove(hook)

    return remove


def after_accumulating(tensor: Tensor, function: Any) -> Callable[[], None]:
    """Call `function` with a leaf each time a backward pass has added to its .grad.

    Returns: what takes the hook away again.
    """
    node = tensor.node
    if not node.requires_grad or node.op is not leaf_op:
        what = "non-leaf tensors" if node.requires_grad else "a tensor that doesn't require gradient"
        raise GradError(
            "such a hook needs a leaf that requires grad: gradients accumulate there alone",
            hint="register_hook is for every tensor",
            torch=f"post accumulate grad hooks cannot be registered on {what}"
            if node.requires_grad
            else f"cannot register a hook on {what}",
        )
    context = tensor.context
    extra = node.more()
    extra.after = hooks = extra.after or []

    def hook() -> None:
        context.call(function, [tensor], {})

    hooks.append(hook)
    return lambda: hooks.remove(hook) if hook in hooks else None


def call_outside_rules(function: Callable[[], Any]) -> Any:
    """Run a program's own code in the middle of a backward pass: what it reads was not saved by a rule."""
    before = MODE.horizon, MODE.touched
    MODE.horizon = 0
    try:
        return function()
    finally:
        MODE.horizon, MODE.touched = before
