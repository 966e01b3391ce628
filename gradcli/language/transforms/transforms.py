"""torch.func: functions of the program turned into their gradients, products, Jacobians.

A transform calls the function with tensors of its own in place of those it differentiates by, so transforms nest: what
the inner one gives is recorded as depending on what the outer one put in. What comes out keeps a history only where it
depends on something older than the transform (`Level.leave`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcli.autodiff.backward import vjp as pull_back
from gradcli.autodiff.forward import jvp as push_forward
from gradcli.errors import GradcliError, GradError, ShapeError, TypeError_
from gradcli.graph.node import Node, recording
from gradcli.language.context import Context
from gradcli.language.python.values import Builtin, Size, type_name
from gradcli.language.tensors.autograd import filled
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.tensor import Tensor
from gradcli.language.transforms.batching import (
    Randomness,
    check_chunks,
    check_randomness,
    jacobian_columns,
    jacobian_rows,
    shown_name,
    vmap,
)
from gradcli.language.transforms.levels import Level
from gradcli.language.transforms.trees import flatten, map_leaves, unflatten
from gradcli.ops.shapes.convert import alias

Argnums = int | tuple[int, ...]


def _split(answer: Any, has_aux: bool, name: str) -> tuple[Any, Any]:
    """What a function returned, and its auxiliary output.

    Raises: GradError.
    """
    if not has_aux:
        return answer, None
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise GradError(
            "with has_aux=True the function returns a tuple (output, aux)",
            op=name,
            torch=f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True",
        )
    return answer


def _only_tensors(value: Any, name: str) -> tuple[list[Tensor], Any]:
    """The tensors of an output, and their nesting.

    Raises: TypeError_ for anything else in it.
    """
    leaves, tree = flatten(value)
    if value is None or not leaves:
        raise GradError(
            "the function returned nothing to differentiate",
            torch=f"{name}: Expected f to be a function that has non-empty output (got output = "
            f"{[None] if value is None else []})",
        )
    for part in leaves:
        if not isinstance(part, Tensor):
            raise NoTensorError(
                f"the function returned {kind_name(part)} where a tensor belongs",
                torch=f"{name}: expected f(*primals) to return only tensors, got unsupported type "
                f"<class '{type_name(part)}'>",
            )
    return leaves, tree


def _only_floating(outputs: list[Tensor]) -> None:
    """Raises: GradError for an output that has no derivative in reverse mode."""
    for output in outputs:
        if not output.dtype.floating:
            raise GradError(
                f"the function returned a tensor of {output.dtype!r}, which has no derivative",
                torch="vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got Tensor with dtype "
                f"{output.dtype!r}",
            )


class NoTensorError(GradcliError):
    """A function that was to return tensors returned something else; a RuntimeError to programs, as in PyTorch."""

    catches = ("RuntimeError", "TypeError", "Exception", "BaseException")


# Gradients of scalar functions


def grad(context: Context, func: Any, argnums: Argnums = 0, has_aux: bool = False) -> Builtin:
    """`torch.func.grad(f)`: the function that gives the gradient of f."""

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        gradient, _, aux = _gradient(context, func, argnums, has_aux, args, kwargs)
        return (gradient, aux) if has_aux else gradient

    return Builtin(shown_name(func), call)


def grad_and_value(context: Context, func: Any, argnums: Argnums = 0, has_aux: bool = False) -> Builtin:
    """`torch.func.grad_and_value(f)`: the function that gives the gradient of f, and its value."""

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        gradient, value, aux = _gradient(context, func, argnums, has_aux, args, kwargs)
        return gradient, (value, aux) if has_aux else value

    return Builtin(shown_name(func), call)


def _gradient(
    context: Context, func: Any, argnums: Argnums, has_aux: bool, args: list[Any], kwargs: dict[str, Any]
) -> tuple[Any, Tensor, Any]:
    """The gradient, the value and the auxiliary output of a scalar function.

    Raises: GradError when it does not return one number.
    """
    level = Level(context)
    with recording(True):
        entered, wrt = level.enter_arguments(args, argnums)
        value, aux = _split(context.call(func, entered, dict(kwargs)), has_aux, "grad_and_value(f)(*args)")
        _check_scalar(value)
        inputs, tree = flatten(wrt)
        found = _pulled(level, [value], [filled((), value.dtype, 1)], inputs)
        return level.leave(unflatten(found, tree)), level.leave(value), level.leave(aux)


def _check_scalar(value: Any) -> None:
    if not isinstance(value, Tensor):
        raise NoTensorError(
            f"grad takes a function that returns a tensor, not {kind_name(value)}",
            torch=f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got <class '{type_name(value)}'>",
        )
    if value.shape:
        raise GradError(
            f"grad takes a function that returns one number, not a tensor of shape {value.shape}",
            hint="reduce it (.sum(), .mean()), or use vjp or jacrev",
            torch="grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
            f"{len(value.shape)} dims. Maybe you wanted to use the vjp or jacrev APIs instead?",
        )


def _pulled(level: Level, outputs: list[Tensor], seeds: list[Node], inputs: list[Tensor]) -> list[Tensor]:
    """The vector-Jacobian product for each input, zeros where an output does not depend on it."""
    pairs = [(o.node, seed) for o, seed in zip(outputs, seeds, strict=True) if o.requires_grad]
    nodes, given = [o for o, _ in pairs], [seed for _, seed in pairs]
    create = level.outside and level.reaches_out([*nodes, *given])
    found = pull_back(nodes, given, [i.node for i in inputs], create_graph=create, retain_graph=True)
    return [Tensor(found[i.node] if i.node in found else filled(i.shape, i.dtype, 0), level.context) for i in inputs]


# Products


def vjp(context: Context, func: Any, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """`torch.func.vjp(f, *primals)`: the outputs, and the function that multiplies cotangents with the Jacobian."""
    level = Level(context)
    with recording(True):
        own = [level.enter(primal) for primal in primals]
        output, aux = _split(context.call(func, list(own), {}), has_aux, "vjp(f, *primals)")
        outputs, tree = _only_tensors(output, "vjp(f, *primals)")
        _only_floating(outputs)
    inputs, input_tree = flatten(tuple(own))

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        given = args[0] if len(args) == 1 else tuple(args)
        seeds, seed_tree = flatten(given)
        if seed_tree != tree:
            raise GradError(
                "the cotangents are not nested as the outputs are",
                op="vjp",
                torch="Expected pytree structure of cotangents to be the same as pytree structure of outputs to the "
                "function. "
                f"cotangents: {seed_tree}, primal output: {tree}",
            )
        pairs = [(seed, output) for seed, output in zip(seeds, outputs, strict=True) if output.requires_grad]
        _check_shapes([seed for seed, _ in pairs], [output for _, output in pairs], "cotangent", "output")
        again = Level(context)
        again.start = level.start
        with recording(True):
            found = _pulled(again, outputs, [seed.node for seed in seeds], inputs)
            return again.leave(unflatten(found, input_tree))

    left = level.leave(output)
    return (left, Builtin("vjp_fn", call), level.leave(aux)) if has_aux else (left, Builtin("vjp_fn", call))


def _check_shapes(given: list[Any], like: list[Tensor], what: str, of: str) -> None:
    """Raises: TypeError_, ShapeError when tangents or cotangents do not have the shapes they need."""
    for part, own in zip(given, like, strict=True):
        if not isinstance(part, Tensor):
            raise TypeError_(f"a {what} is a tensor, not {kind_name(part)}")
        if part.shape != own.shape:
            raise ShapeError(
                f"a {what} has shape {part.shape}, its {of} {own.shape}",
                torch="Trying to set a forward gradient that has a different size than that of the original Tensor, "
                "this is "
                f"not supported. Tensor is of size {list(own.shape)} while the given forward gradient is of size "
                f"{list(part.shape)}."
                if what == "tangent"
                else f"Mismatch in shape: grad_output[0] has a shape of torch.Size({list(part.shape)}) and output[0] "
                "has a "
                f"shape of torch.Size({list(own.shape)}).",
            )


def jvp(
    context: Context, func: Any, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> tuple[Any, ...]:
    """`torch.func.jvp(f, primals, tangents)`: the outputs, and the product of the Jacobian with the tangents."""
    if not isinstance(primals, tuple):
        raise GradError(
            "the primals are a tuple with an entry for each argument of the function",
            op="jvp",
            torch="jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to call "
            "f(*primals).",
        )
    if not flatten(primals)[0]:
        raise GradError(
            "there are no primals to differentiate by",
            op="jvp",
            torch="jvp(f, primals, tangents): Expected primals to contain at least one Tensor.",
        )
    inputs, given = _check_nesting(primals, tangents)
    for part, what in [*[(i, "primals") for i in inputs], *[(t, "tangents") for t in given]]:
        if not isinstance(part, Tensor):
            raise GradError(
                f"the {what} are tensors, and {kind_name(part)} is among them",
                op="jvp",
                torch=f"jvp(f, primals, tangents): Expected {what} to only contain Tensors, got "
                f"<class '{type_name(part)}'>",
            )
    _check_shapes(given, inputs, "tangent", "primal")
    level = Level(context, forward=True)
    with recording(True):
        own = level.enter(primals)
        output, aux = _split(context.call(func, list(own), {}), has_aux, "jvp(f, primals, tangents)")
        outputs, tree = _only_tensors(output, "jvp(f, primals, tangents)")
        pushed = _pushed(level, outputs, own, tangents)
    parts = map_leaves(_renamed, level.leave(output)), unflatten(pushed, tree)
    return (*parts, level.leave(aux)) if has_aux else parts


def _renamed(output: Tensor) -> Tensor:
    """An output of jvp that keeps its history is another name of what the function returned."""
    return Tensor(alias(output.node), output.context) if output.requires_grad else output


def _check_nesting(primals: Any, tangents: Any) -> tuple[list[Any], list[Any]]:
    """The leaves of primals and of tangents. Raises: GradError when they are not nested alike."""
    (inputs, tree), (given, given_tree) = flatten(primals), flatten(tangents)
    if tree != given_tree:
        raise GradError(
            "the tangents are not nested as the primals are: a tuple with an entry for each",
            op="jvp",
            torch="jvp(f, primals, tangents): Expected primals and tangents to have the same python structure. For "
            "example, if primals is a tuple of 3 tensors, tangents also must be. Got primals with structure "
            f"{tree.spec()} and tangents with structure {given_tree.spec()}",
        )
    return inputs, given


def _pushed(level: Level, outputs: list[Tensor], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> list[Any]:
    """The tangents of outputs."""
    inputs, given = flatten(primals)[0], flatten(tangents)[0]
    with recording(True):
        known = {i.node: t.node for i, t in zip(inputs, given, strict=True)}
        nodes = push_forward([o.node for o in outputs], known)
        found = [
            Tensor(filled(o.shape, o.dtype, 0) if node is None else node, level.context)
            for o, node in zip(outputs, nodes, strict=True)
        ]
    return [level.leave(tangent) for tangent in found]


def linearize(context: Context, func: Any, *primals: Any) -> tuple[Any, Builtin]:
    """`torch.func.linearize(f, *primals)`: the outputs, and the function from tangents to theirs.

    What is no tensor among the outputs comes out of both.
    """
    level = Level(context, forward=True)
    with recording(True):
        own = level.enter(primals)
        output = context.call(func, list(own), {})

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        _check_alike(own, tuple(args))
        leaves, tree = flatten(output)
        pushed = iter(_pushed(level, [part for part in leaves if isinstance(part, Tensor)], own, tuple(args)))
        return unflatten([next(pushed) if isinstance(part, Tensor) else part for part in leaves], tree)

    return level.leave(output), Builtin("jvp_fn", call)


def _check_alike(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> None:
    """Raises: GradError, ShapeError for tangents that are not as the primals that a function was linearized at."""
    (inputs, tree), (given, given_tree) = flatten(primals), flatten(tangents)
    if tree != given_tree:
        raise GradError(
            "the tangents are not nested as the primals are: one for each",
            torch=f"Expected the tangents {given_tree.spec()} to have the same argspec as the primals {tree.spec()}",
        )
    for at, (tangent, primal) in enumerate(zip(given, inputs, strict=True)):
        if not isinstance(tangent, Tensor):
            raise TypeError_(f"a tangent is a tensor, not {kind_name(tangent)}")
        for what, own, other in (
            ("shape", Size(tangent.shape), Size(primal.shape)),
            ("dtype", tangent.dtype, primal.dtype),
        ):
            if own != other:
                raise ShapeError(
                    f"tangent {at} has {what} {own!r}, its primal {other!r}",
                    torch=f"tangent:{at} with {what} {own!r} in flattened pytree doesn't match the {what} {other!r} of "
                    "the corresponding primal.",
                )


# Jacobians


def jacrev(
    context: Context, func: Any, argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Builtin:
    """`torch.func.jacrev(f)`: the function that gives the Jacobian of f, by reverse mode."""
    check_chunks(chunk_size, "jacrev", "jacrev: `chunk_size` should be greater than 0.")

    def rows(level: Level, output: Tensor, inputs: list[Tensor]) -> list[Tensor]:
        create = level.outside and level.reaches_out([output.node])
        blocks = jacobian_rows(output, inputs, create) if output.requires_grad else [None] * len(inputs)
        return [
            Tensor(filled(output.shape + i.shape, i.dtype, 0), context) if block is None else block
            for i, block in zip(inputs, blocks, strict=True)
        ]

    return _jacobian_function(context, func, argnums, has_aux, "jacrev", rows)


def jacfwd(
    context: Context, func: Any, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Builtin:
    """`torch.func.jacfwd(f)`: the function that gives the Jacobian of f, by forward mode."""
    check_randomness(randomness)

    def blocks(level: Level, output: Tensor, inputs: list[Tensor]) -> list[Tensor]:
        create = level.outside and level.reaches_out([output.node])
        return [jacobian_columns(output, i, create) for i in inputs]

    return _jacobian_function(context, func, argnums, has_aux, "jacfwd", blocks, randomness)


def _jacobian_function(
    context: Context,
    func: Any,
    argnums: Argnums,
    has_aux: bool,
    name: str,
    blocks: Callable[[Level, Tensor, list[Tensor]], list[Tensor]],
    randomness: str = "different",
) -> Builtin:
    words = "vjp(f, *primals)" if name == "jacrev" else "jvp(f, primals, tangents)"

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        level = Level(context, forward=name == "jacfwd")
        with recording(True):
            entered, wrt = level.enter_arguments(args, argnums)
            random = Randomness(context, "error" if randomness == "error" else "different")
            output, aux = _split(context.call(func, entered, dict(kwargs)), has_aux, words)
            random.after_slice()
            outputs, tree = _only_tensors(output, words)
            if name == "jacrev":
                _only_floating(outputs)
            inputs, input_tree = flatten(wrt)
            whole = [level.leave(unflatten(blocks(level, o, inputs), input_tree)) for o in outputs]
        jacobian = unflatten(whole, tree)
        return (jacobian, level.leave(aux)) if has_aux else jacobian

    return Builtin(shown_name(func), call)


def hessian(context: Context, func: Any, argnums: Argnums = 0) -> Builtin:
    """`torch.func.hessian(f)`: the Jacobian, column by column, of the Jacobian by rows."""
    return jacfwd(context, jacrev(context, func, argnums), argnums)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "grad": grad,
    "grad_and_value": grad_and_value,
    "vjp": vjp,
    "jvp": jvp,
    "jacrev": jacrev,
    "jacfwd": jacfwd,
    "hessian": hessian,
    "linearize": linearize,
    "vmap": vmap,
}
