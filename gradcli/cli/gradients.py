"""The gradients that eval prints: which variables, from which seeds, and a note for each that has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.cli.arguments import Arguments
from gradcli.cli.meant import is_leaf, meant, no_variable, outputs_of
from gradcli.cli.program import DEFAULT_DTYPE
from gradcli.cli.values import read_value
from gradcli.environment import Environment
from gradcli.errors import GradError, ShapeError, UsageError
from gradcli.language.syntax import ast
from gradcli.language.tensors.tensor import Tensor

Array = np.ndarray[Any, Any]

CUTS = frozenset(
    {"detach", "detach_", "data", "no_grad", "item", "tolist", "numpy", "set_grad_enabled", "requires_grad_"}
)


class Gradients:
    """Gradients by name in the order of the variables (None: it has none), and remarks for the user.

    by_name is None when gradients could not be asked for: the output is no scalar and there is no seed.
    """

    __slots__ = ("by_name", "notes")

    def __init__(self) -> None:
        self.by_name: dict[str, Tensor | None] | None = {}
        self.notes: list[str] = []


def differentiate(
    session: Session,
    module: ast.Module,
    value: object,
    given: Mapping[str, Any],
    wrt: list[str] | None,
    arguments: Arguments,
    environment: Environment,
) -> Gradients:
    """Run the backward pass that `--seed` and `--wrt` ask for. given: the variables of the command line.

    Raises: NameError_ for a name of --wrt that is no variable; GradError for one without a gradient.
    """
    result = Gradients()
    outputs = outputs_of(value)
    seeds = arguments.lists.get("seed", [])
    variables = differentiable(session, given) if wrt is None else checked(session, given, wrt)
    if "no_grad" in arguments.flags:
        if seeds or wrt:
            raise UsageError("--no-grad records no graph, so there is nothing for --seed or --wrt")
        return result
    tracked = [output for output in outputs if output.requires_grad]
    if not tracked:
        if seeds:
            raise GradError("the output does not require grad, so there is nothing to seed")
        _explain(result, variables, {}, module)
        return result
    cotangents = _cotangents(session, outputs, tracked, seeds, arguments, environment)
    if cotangents is None:
        result.by_name = None
        result.notes.append(_seeds_are_missing([tuple(output.shape) for output in tracked]))
        return result
    possible = {name: tensor for name, tensor in variables.items() if tensor.requires_grad}
    _explain(result, variables, session.gradients(tracked, cotangents, possible), module)
    return result


def differentiable(session: Session, given: Mapping[str, Any]) -> dict[str, Tensor]:
    """The variables of the command line, then the leaves that the program made itself."""
    after = session.after()
    bound = {name: meant(name, given, after) for name in given}
    own = {name: value for name, value in after.items() if name not in given and is_leaf(value)}
    return {name: value for name, value in (bound | own).items() if isinstance(value, Tensor)}


def checked(session: Session, given: Mapping[str, Any], wrt: list[str]) -> dict[str, Tensor]:
    """The variables of --wrt, each of them a tensor that can have a gradient."""
    after = session.after()
    found: dict[str, Tensor] = {}
    for name in wrt:
        if name not in given and name not in after:
            raise no_variable(name, [*given, *after])
        value = meant(name, given, after)
        if not isinstance(value, Tensor):
            raise GradError(f"--wrt: {name} is no tensor")
        if not _is_floating(value):
            raise GradError(f"--wrt: {name} is {_dtype(value)}, and only floating-point tensors have gradients")
        found[name] = value
    return found


def _cotangents(
    session: Session,
    outputs: list[Tensor],
    tracked: list[Tensor],
    seeds: list[str],
    arguments: Arguments,
    environment: Environment,
) -> list[Array | None] | None:
    """A cotangent for each output that requires grad (None: a scalar's 1), or None when seeds are missing."""
    if not seeds:
        return None if any(_size(output) != 1 for output in tracked) else [None] * len(tracked)
    if len(seeds) not in (len(outputs), len(tracked)):
        raise UsageError(
            f"--seed is given {_times(len(seeds))}, and the expression has {_plural(len(outputs), 'output')}",
            hint="one --seed for each output, in their order",
        )
    of_all = len(seeds) == len(outputs)
    pairs = zip(outputs if of_all else tracked, seeds, strict=True)
    dtype = arguments.values.get("dtype", DEFAULT_DTYPE)
    return [
        _cotangent(read_value(text, "--seed", session, dtype, environment), output)
        for output, text in pairs
        if output.requires_grad
    ]


def _cotangent(value: object, output: Tensor) -> Array:
    """A seed in the output's dtype. Raises: ShapeError unless it has the output's shape."""
    if not isinstance(value, np.ndarray):
        raise UsageError("--seed needs a tensor or numbers")
    shape = tuple(output.shape)
    if value.shape != shape:
        raise ShapeError(f"--seed has shape {value.shape}, and the output {shape}", hint=_ask(shape))
    return value.astype(_dtype(output))


def _explain(
    result: Gradients, variables: dict[str, Tensor], found: Mapping[str, Tensor | None], module: ast.Module
) -> None:
    """Keep the gradients, and note why a variable has none."""
    result.by_name = {name: found.get(name) for name in variables}
    words = {part.name for part in ast.walk(module) if isinstance(part, ast.Attribute)}
    words |= {part.id for part in ast.walk(module) if isinstance(part, ast.Name)}
    cuts = sorted(words & CUTS)
    for name, tensor in variables.items():
        if found.get(name) is not None:
            continue
        if not _is_floating(tensor):
            why = f"it is {_dtype(tensor)}, and only floating-point tensors have gradients"
        elif cuts:
            why = f"it is detached on the way to the output ({', '.join(cuts)})"
        elif name in words:
            why = "it is not used on the way to the output, or only by operations without a derivative"
        else:
            why = "it is not used on the way to the output"
        result.notes.append(f"{name} has no gradient: {why}")


def _is_floating(tensor: Tensor) -> bool:
    return _dtype(tensor).startswith("float")


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).rpartition(".")[2]


def _size(tensor: Tensor) -> int:
    size = 1
    for length in tuple(tensor.shape):
        size *= length
    return size


def _seeds_are_missing(shapes: list[tuple[int, ...]]) -> str:
    seeds = " ".join(map(_ask, shapes))
    if len(shapes) == 1:
        return f"the output has shape {shapes[0]}, so gradients need a seed, the v of y.backward(v): {seeds}"
    listed = ", ".join(map(str, shapes))
    return f"the outputs have shapes {listed}, so gradients need a seed for each, the v of y.backward(v): {seeds}"


def _ask(shape: tuple[int, ...]) -> str:
    return f"--seed ones:{','.join(map(str, shape))}" if shape else "--seed 1"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
