"""torch.autograd.functional: Jacobians and Hessians of a function of the program, and what products.py needs, too.

Source: the torch functions of the same names. Inputs and outputs are a tensor or a tuple of tensors; results follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcli.errors import AssertionError_, GradError, NotImplementedError_, TypeError_
from gradcli.graph.node import recording
from gradcli.graph.op import leaf
from gradcli.language.context import Context
from gradcli.language.python.values import type_name
from gradcli.language.tensors import autograd
from gradcli.language.tensors.autograd import filled
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.tensor import NOT_FLOATING_METHOD, Tensor
from gradcli.language.transforms.batching import hessian_blocks, jacobian_columns, jacobian_rows
from gradcli.ops.shapes.convert import alias, detach

Tensors = tuple[Tensor, ...]


# Arguments and results


def as_tuple(value: Any, what: str, name: str) -> tuple[bool, Tensors]:
    """Whether a value is a tuple of tensors, and the tensors.

    Raises: TypeError_ for anything but a tensor or a tuple of them.
    """
    is_tuple = isinstance(value, tuple)
    parts = value if is_tuple else (value,)
    for at, part in enumerate(parts):
        if not isinstance(part, Tensor):
            kind = f"<class '{type_name(part)}'>"
            where = f"value at index {at} has" if is_tuple else f"given {what} has"
            raise TypeError_(
                f"the {what} must be a tensor or a tuple of tensors, not {kind_name(part)}",
                op=name,
                torch=f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the {where} "
                f"type {kind}.",
            )
    return is_tuple, tuple(parts)


def fresh(inputs: Tensors, create_graph: bool, tracked: bool = True) -> Tensors:
    """Tensors of their own for the inputs: what the function captured besides is not mistaken for them."""
    made = []
    for i in inputs:
        if create_graph and i.requires_grad:
            made.append(Tensor(alias(i.node), i.context))
        else:
            made.append(Tensor(leaf(i.numpy(), i.dtype), i.context))
            if tracked:
                made[-1].set_requires_grad(True, NOT_FLOATING_METHOD)
    return tuple(made)


def detached(value: Any, create_graph: bool) -> Any:
    """Tensors (nested in tuples) without history, unless the graph was asked for."""
    if create_graph:
        return value
    if isinstance(value, tuple):
        return tuple(detached(part, create_graph) for part in value)
    return Tensor(detach(value.node), value.context)


def unpacked(value: tuple[Any, ...], is_tuple: bool) -> Any:
    """The tuple, or its one part where a single tensor was given."""
    return value if is_tuple else value[0]


def check_depends(outputs: Tensors, strict: bool) -> None:
    """Raises: GradError in strict mode for an output that does not depend on the inputs."""
    for at, output in enumerate(outputs):
        if strict and not output.requires_grad:
            raise GradError(
                f"output {at} of the function does not depend on its inputs",
                torch=f"Output {at} of the user-provided function does not require gradients. The outputs must be "
                "computed "
                "in a differentiable manner from the input when running in strict mode.",
            )


# what strict mode says where the derivative by an input is missing, or cannot be differentiated again
_MISSING = {
    "back": "The output of the user-provided function is independent of input {at}. This is not allowed in strict "
    "mode.",
    "back_trick": "The gradient with respect to the input is independent of entry {at} in the grad_outputs when using "
    "the double backward trick to compute forward mode gradients. This is not allowed in strict mode.",
    "double_back": "The jacobian of the user-provided function is independent of input {at}. This is not allowed in "
    "strict mode.",
}
_CONSTANT = {
    False: "The jacobian of the user-provided function is independent of input {at}. This is not allowed in strict "
    "mode when create_graph=True.",
    True: "The hessian of the user-provided function is independent of input {at}. This is not allowed in strict "
    "mode when create_graph=True.",
}


def filled_in(
    found: Sequence[Tensor | None], like: Tensors, strict: bool, create_graph: bool = False, stage: str = "back"
) -> Tensors:
    """Zeros where a derivative is missing. stage: which derivative it is, as PyTorch names it.

    Raises: GradError instead in strict mode, and for a derivative to be differentiated that is constant.
    """
    whole = []
    for at, (g, i) in enumerate(zip(found, like, strict=True)):
        if g is None:
            if strict and stage in _MISSING:
                raise GradError(f"the output does not depend on input {at}", torch=_MISSING[stage].format(at=at))
            g = Tensor(filled(i.shape, i.dtype, 0), i.context)
        elif strict and create_graph and not g.requires_grad:
            text = _CONSTANT["double" in stage].format(at=at)
            raise GradError(f"the derivative does not depend on input {at}", torch=text)
        whole.append(g)
    return tuple(whole)


def pull_back(
    outputs: Sequence[Tensor], inputs: Tensors, seeds: Sequence[Tensor | None] | None, create_graph: bool
) -> tuple[Tensor | None, ...]:
    """The vector-Jacobian product; outputs without history give nothing."""
    seeds = seeds or (None,) * len(outputs)
    pairs = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    return autograd.grad(
        [o for o, _ in pairs],
        inputs,
        [s for _, s in pairs],
        allow_unused=True,
        retain_graph=True,
        create_graph=create_graph,
    )


# Jacobian and Hessian


def jacobian(
    context: Context,
    func: Any,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of each output with respect to each input, of shape output.shape + input.shape.

    Raises: TypeError_ when inputs or outputs are no tensors; GradError in strict mode.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError_(
            f"the strategy is 'forward-mode' or 'reverse-mode', not {strategy!r}",
            op="jacobian",
            torch='Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more '
            'outputs than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".',
        )
    if strategy == "forward-mode":
        return _forward_jacobian(context, func, inputs, create_graph, strict, vectorize)
    with recording(True):
        is_tuple, given = as_tuple(inputs, "inputs", "jacobian")
        own = fresh(given, create_graph)
        several, outputs = call_function(context, func, own, "jacobian")
        check_depends(outputs, strict)
        if strict and vectorize:
            raise GradError(
                "strict=True and vectorize=True do not go together",
                op="jacobian",
                torch="torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported "
                "together. Please either set `strict=False` or `vectorize=False`.",
            )
        rows = tuple(_rows(output, at, own, create_graph, strict) for at, output in enumerate(outputs))
        rows = detached(rows, create_graph)
    return unpacked(tuple(unpacked(row, is_tuple) for row in rows), several)


def call_function(context: Context, func: Any, inputs: Tensors, name: str) -> tuple[bool, Tensors]:
    """Whether a function returned a tuple of tensors, and the tensors."""
    answer = context.call(func, list(inputs), {})
    return as_tuple(answer, "outputs of the user-provided function", name)


def _rows(output: Tensor, at: int, inputs: Tensors, create_graph: bool, strict: bool) -> Tensors:
    """The Jacobian of one output with respect to each input."""
    found: tuple[Tensor | None, ...] = (None,) * len(inputs)
    if output.requires_grad:
        found = jacobian_rows(output, inputs, create_graph)
    whole = []
    for index, (block, i) in enumerate(zip(found, inputs, strict=True)):
        if block is None:
            if strict:
                raise GradError(
                    f"output {at} does not depend on input {index}",
                    torch=f"Output {at} of the user-provided function is independent of input {index}. This is not "
                    "allowed "
                    "in strict mode.",
                )
            block = Tensor(filled(output.shape + i.shape, i.dtype, 0), i.context)
        elif strict and create_graph and not block.requires_grad:
            raise GradError(
                f"the Jacobian does not depend on input {index}",
                torch=f"The jacobian of the user-provided function is independent of input {index}. This is not "
                "allowed in "
                "strict mode when create_graph=True.",
            )
        whole.append(block)
    return tuple(whole)


def _forward_jacobian(
    context: Context, func: Any, inputs: Any, create_graph: bool, strict: bool, vectorize: bool
) -> Any:
    """The Jacobian column by column."""
    for asked, words, refusal in (
        (create_graph, "create_graph=True", NotImplementedError_),
        (strict, "strict=True", GradError),
    ):
        if asked:
            raise refusal(
                f"{words} and strategy='forward-mode' do not go together",
                op="jacobian",
                torch=f'torch.autograd.functional.jacobian: `{words}` and `strategy="forward-mode"` are not supported '
                f'together (yet). Please either set `{words.replace("True", "False")}` or `strategy="reverse-mode"`.',
            )
    is_tuple, given = as_tuple(inputs, "inputs", "jacobian")
    if not vectorize:
        raise NotImplementedError_(
            "strategy='forward-mode' needs vectorize=True",
            op="jacobian",
            torch="Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for "
            "`vectorize=True`.",
        )
    with recording(True):
        own = fresh(given, True)
        own = tuple(i if i.requires_grad else fresh((i,), False)[0] for i in own)
        several, outputs = call_function(context, func, own, "jacobian")
        rows = tuple(tuple(jacobian_columns(output, i, False) for i in own) for output in outputs)
    rows = detached(rows, False)
    if is_tuple:  # PyTorch gives lists here
        return [list(row) for row in rows] if several else list(rows[0])
    return unpacked(tuple(row[0] for row in rows), several)


def hessian(
    context: Context,
    func: Any,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a scalar function with respect to each pair of inputs.

    Raises: GradError when the function does not return one number.
    """
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError_(
            f"the strategy is 'forward-mode' or 'reverse-mode', not {outer_jacobian_strategy!r}",
            op="hessian",
            torch='Expected strategy to be either "forward-mode" or "reverse-mode".',
        )
    is_tuple, given = as_tuple(inputs, "inputs", "hessian")
    if not (create_graph or strict) and outer_jacobian_strategy == "reverse-mode":
        with recording(True):
            own = fresh(given, False)
            blocks = hessian_blocks(scalar_output(context, func, own, "hessian", strict), own)
        return unpacked(tuple(unpacked(row, is_tuple) for row in blocks), is_tuple)
    gradient = _Gradient(context, func, strict)
    rows = jacobian(context, gradient, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return rows if is_tuple else rows[0][0]


class _Gradient:
    """The gradient of a function of the program, callable as a function of the program."""

    name = "gradient"

    def __init__(self, context: Context, func: Any, strict: bool) -> None:
        self.context = context
        self.func = func
        self.strict = strict

    def call(self, args: list[Any], kwargs: dict[str, Any]) -> Tensors:
        """The gradient, as something that can itself be differentiated."""
        own = tuple(args)
        output = scalar_output(self.context, self.func, own, "hessian", self.strict)
        found: Tensors = filled_in(pull_back([output], own, None, True), own, self.strict)
        check_curved(found, self.strict)
        return found


def check_curved(gradient: Tensors, strict: bool) -> None:
    """Raises: GradError in strict mode for a gradient that does not depend on the inputs."""
    for at, g in enumerate(gradient):
        if strict and not g.requires_grad:
            raise GradError(
                f"the gradient does not depend on input {at}",
                torch="While computing the hessian, found that the jacobian of the user-provided function with respect "
                f"to input {at} is independent of the input. This is not allowed in strict mode. You should ensure "
                "that your function is twice differentiable and that the jacobian depends on the inputs (this would be "
                "violated by a linear function for example).",
            )


def scalar_output(context: Context, func: Any, inputs: Tensors, name: str, strict: bool) -> Tensor:
    """The output of a function that returns one number.

    Raises: GradError for any other.
    """
    several, outputs = call_function(context, func, inputs, name)
    check_depends(outputs, strict)
    if several:
        raise GradError(
            f"{name} takes a function that returns one tensor, not a tuple",
            torch=f"The function given to {name} should return a single Tensor",
        )
    if outputs[0].node.size != 1:
        raise GradError(
            f"{name} takes a function that returns one number, not a tensor of shape {outputs[0].shape}",
            hint="reduce it (.sum(), .mean()), or use jacobian",
            torch=f"The Tensor returned by the function given to {name} should contain a single element",
        )
    return outputs[0]
