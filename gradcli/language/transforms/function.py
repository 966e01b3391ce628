"""torch.autograd.Function: ops that a program defines itself, with static forward and backward.

Such a class becomes an op of its own when it is first applied; its rule calls the program's backward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcli.errors import GradError, NotImplementedError_, ShapeError, TypeError_
from gradcli.graph.node import MODE, Node, mark_saved, recording
from gradcli.graph.op import PROGRAM, Op, kept, op, pick
from gradcli.language.context import Context
from gradcli.language.python.values import MISSING, Builtin, NativeBase, no_attribute
from gradcli.language.tensors.autograd import call_outside_rules, filled
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.tensor import Tensor
from gradcli.shapes import Shape


class FunctionContext:
    """The `ctx` that forward and backward share."""

    type_name = "FunctionCtx"

    def __init__(self, needs: tuple[bool, ...]) -> None:
        self.saved: list[tuple[Tensor | None, Node | None]] = []
        self.values: dict[str, Any] = {"needs_input_grad": needs}
        self.materialize = True
        self.not_differentiable: list[Tensor] = []
        self.dirty: list[Tensor] = []

    def get_attribute(self, name: str) -> Any:
        """saved_tensors, the saving methods, or what the program has put there itself."""
        if name in ("saved_tensors", "saved_variables"):
            return tuple(tensor for tensor, _ in self.saved)
        if name in self.values:
            return self.values[name]
        method = _CTX_METHODS.get(name)
        if method is None:
            raise no_attribute("ctx", name, ["saved_tensors", *_CTX_METHODS, *self.values])
        return Builtin(name, lambda args, kwargs: method(self, *args, **kwargs))

    def set_attribute(self, name: str, value: Any) -> None:
        """`ctx.anything = value`."""
        self.values[name] = value

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for backward, watched for changes in place."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError_(
                    f"save_for_backward takes tensors, not {kind_name(tensor)}",
                    hint="keep other values as attributes: ctx.n = n",
                    torch=f"save_for_backward can only save variables, but argument is of type {kind_name(tensor)}",
                )
        self.saved = [(tensor, None if tensor is None else tensor.node) for tensor in tensors]

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Outputs through which no gradient flows."""
        self.not_differentiable.extend(tensors)

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Inputs that forward changed in place."""
        self.dirty.extend(tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (else None) for outputs that were not used."""
        self.materialize = value

    def __repr__(self) -> str:
        return "<ctx>"


_CTX_METHODS: dict[str, Callable[..., None]] = {
    "save_for_backward": FunctionContext.save_for_backward,
    "mark_non_differentiable": FunctionContext.mark_non_differentiable,
    "mark_dirty": FunctionContext.mark_dirty,
    "set_materialize_grads": FunctionContext.set_materialize_grads,
}


def function_base(context: Context) -> NativeBase:
    """What `torch.autograd.Function` is: a class of the program that extends it has `.apply`."""

    def inherited(user_class: Any, name: str) -> Any:
        if name == "apply":
            return Builtin("apply", lambda args, kwargs: apply(user_class, args, kwargs, context))
        return MISSING

    return NativeBase("torch.autograd.Function", inherited)


def apply(user_class: Any, args: list[Any], kwargs: dict[str, Any], context: Context) -> Any:
    """`Name.apply(...)`: run forward, and record an op whose rule is backward.

    Raises: TypeError_ when forward does not return tensors; whatever the program's own code raises.
    """
    if kwargs:
        raise TypeError_("apply takes no keyword arguments", torch="apply() takes no keyword arguments")
    needs = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
    ctx = FunctionContext(needs)
    with recording(False):
        output = _forward(user_class, ctx, args, context)
    single = not isinstance(output, tuple | list)
    parts = [output] if single else list(output)
    for part in parts:
        if not isinstance(part, Tensor) and part is not None and not isinstance(part, bool | int | float | str):
            raise TypeError_(
                f"forward of {user_class.name} returns tensors, not {kind_name(part)}",
                torch=f"{user_class.name}.forward: expected Tensor or tuple of Tensor for return value",
            )
    if not (MODE.recording and any(needs)):
        return output
    tensors = [part for part in parts if isinstance(part, Tensor)]
    recorded = iter(_record(user_class, ctx, args, tensors, context))
    results = [next(recorded) if isinstance(part, Tensor) else part for part in parts]
    return results[0] if single else tuple(results)


def _forward(user_class: Any, ctx: FunctionContext, args: list[Any], context: Context) -> Any:
    setup = user_class.find("setup_context")
    forward = user_class.find("forward")
    if forward is MISSING:
        raise NotImplementedError_(
            f"the class {user_class.name} has no static method forward",
            torch="You must implement the forward function for custom autograd.Function.",
        )
    # inputs are seen without their history, as forward runs outside autograd
    if setup is MISSING:
        return context.call(forward, [ctx, *args], {})
    output = context.call(forward, list(args), {})
    context.call(setup, [ctx, tuple(args), output], {})
    return output


def _record(
    user_class: Any, ctx: FunctionContext, args: list[Any], tensors: list[Tensor], context: Context
) -> list[Tensor]:
    """The outputs of forward as results of an op."""
    inputs = tuple(a.node for a in args if isinstance(a, Tensor))
    declared = _declare(user_class, ctx, args, tensors, context)
    values = [t.node.value if t.node.value is not None else t.numpy() for t in tensors]
    shapes, dtypes = [t.shape for t in tensors], [t.dtype for t in tensors]
    if declared.outputs:
        node = Node(declared, inputs, {}, tuple(shapes), tuple(dtypes), tuple(values))
        node.requires_grad = True
        nodes = [pick(node, at) for at in range(len(tensors))]
    else:
        nodes = [Node(declared, inputs, {}, shapes[0], dtypes[0], values[0])]
        nodes[0].requires_grad = dtypes[0].floating
    results = []
    for tensor, made in zip(tensors, nodes, strict=True):
        if any(tensor is other for other in ctx.not_differentiable):
            results.append(tensor)
        elif any(tensor is other for other in ctx.dirty):
            tensor.adopt(made)
            results.append(tensor)
        else:
            results.append(Tensor(made, context))
    for at, (saved, _) in enumerate(ctx.saved):  # a saved output is saved as the recorded one
        for original, result in zip(tensors, results, strict=True):
            if saved is original:
                ctx.saved[at] = (result, result.node)
    return results


def _declare(user_class: Any, ctx: FunctionContext, args: list[Any], tensors: list[Tensor], context: Context) -> Op:
    """An op for one application: its rule is the program's backward with this ctx."""
    shapes = [(t.shape, t.dtype) for t in tensors]

    def rule(g: Any, y: Any, *inputs: Node) -> list[Node | None]:
        cotangents = list(g) if isinstance(g, list | tuple) else [g]
        given = [_cotangent(part, *shape, ctx, context) for part, shape in zip(cotangents, shapes, strict=True)]
        mark_saved(tuple(node for _, node in ctx.saved if node is not None))
        backward = user_class.find("backward")
        if backward is MISSING:
            raise NotImplementedError_(
                f"the class {user_class.name} has no static method backward",
                torch="You must implement either the backward or vjp method for your custom autograd.Function to use "
                "it with backward mode AD.",
            )
        answer = call_outside_rules(lambda: context.call(backward, [ctx, *given], {}))
        return _input_cotangents(user_class.name, answer, args)

    declared = op(
        f"{user_class.name}(Tensors* inputs)",
        "Defined by the program.",
        joint=rule,
        shape=_never,
        dtype=kept,
        grad_fn=(f"{user_class.name}Backward", f"{user_class.name}Backward"),
        outputs=[f"output{at}" for at in range(len(tensors))] if len(tensors) > 1 else [],
        listed=False,
    )
    declared.family = PROGRAM
    return declared


def _never(inputs: tuple[Node, ...], params: Any) -> Shape:
    raise AssertionError("the op of a program is applied by its class")


def _cotangent(g: Node | None, shape: Shape, dtype: Any, ctx: FunctionContext, context: Context) -> Tensor | None:
    if g is not None:
        return Tensor(g, context)
    return Tensor(filled(shape, dtype, 0), context) if ctx.materialize else None


def _input_cotangents(name: str, answer: Any, args: list[Any]) -> list[Node | None]:
    """What backward returned, for the tensors among the arguments of apply."""
    returned = list(answer) if isinstance(answer, tuple | list) else [answer]
    while len(returned) > len(args) and returned[-1] is None:
        returned.pop()
    if len(returned) != len(args):
        raise GradError(
            f"backward of {name} returned {len(returned)} gradient{'' if len(returned) == 1 else 's'} for {len(args)} "
            f"argument{'' if len(args) == 1 else 's'} of apply",
            hint="return one for each argument, None for those without",
            torch=f"function {name}Backward returned an incorrect number of gradients (expected {len(args)}, got "
            f"{len(returned)})",
        )
    found: list[Node | None] = []
    for at, (given, part) in enumerate(zip(args, returned, strict=True)):
        if not isinstance(given, Tensor):
            continue
        if part is None:
            found.append(None)
            continue
        if not isinstance(part, Tensor):
            raise TypeError_(f"backward of {name} returns tensors or None, not {kind_name(part)}")
        _check_shape(name, at, part, given)
        found.append(part.node)
    return found


def _check_shape(name: str, at: int, part: Tensor, given: Tensor) -> None:
    own, wanted = part.shape, given.shape
    lead = len(own) - len(wanted)
    fits = lead >= 0 and all(w in (1, o) for o, w in zip(own[lead:], wanted, strict=True))
    if not fits:
        raise ShapeError(
            f"backward of {name} returned a gradient of shape {own} for argument {at}, which has shape {wanted}",
            torch=f"Function {name}Backward returned an invalid gradient at index {at} - got {list(own)} but expected "
            f"shape compatible with {list(wanted)}",
        )
