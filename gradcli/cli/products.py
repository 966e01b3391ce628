"""`gradcli jvp` and `gradcli hvp`: a Jacobian or a Hessian times the tangents of `--tangent NAME=VALUE`."""

from __future__ import annotations

import io

import numpy as np

from gradcli.cli.arguments import Arguments
from gradcli.cli.evaluation import Evaluation, evaluate, write_evaluation
from gradcli.cli.result import array_of, value_json
from gradcli.cli.values import read_value
from gradcli.environment import Environment
from gradcli.errors import ShapeError, UsageError
from gradcli.graph.op import leaf
from gradcli.language.tensors.tensor import Tensor
from gradcli.language.transforms import matrices
from gradcli.render.jsontext import array_json, tensor_json
from gradcli.suggest import nearest


class Product:
    """The value, and the named tensors of a product: of the outputs for jvp, of the variables for hvp."""

    __slots__ = ("kind", "parts", "value")

    def __init__(self, kind: str, value: object, parts: dict[str, Tensor]) -> None:
        self.kind = kind
        self.value = value
        self.parts = parts


def run_jvp(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli jvp`."""
    return write_evaluation(arguments, environment, lambda: _jvp(arguments, environment), _render)


def run_hvp(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli hvp`."""
    return write_evaluation(arguments, environment, lambda: _hvp(arguments, environment), _render)


def _jvp(arguments: Arguments, environment: Environment) -> tuple[Evaluation, Product]:
    evaluation = evaluate(arguments, environment)
    vectors = _tangents(evaluation, arguments, environment)
    found = matrices.jvp(evaluation.outputs, [(evaluation.wrt[name], vector) for name, vector in vectors.items()])
    names = ["output"] if len(found) == 1 else [f"output_{at}" for at in range(len(found))]
    return evaluation, Product("jvp", evaluation.value, dict(zip(names, found, strict=True)))


def _hvp(arguments: Arguments, environment: Environment) -> tuple[Evaluation, Product]:
    evaluation = evaluate(arguments, environment)
    if len(evaluation.outputs) > 1:
        raise ShapeError(
            f"second derivatives are those of one number, and the expression has {len(evaluation.outputs)} outputs"
        )
    given = _tangents(evaluation, arguments, environment)
    wrt = list(evaluation.wrt.values())
    vectors = [given[name] if name in given else _zeros(x) for name, x in evaluation.wrt.items()]
    found = matrices.hvp(evaluation.outputs[0], wrt, vectors)
    return evaluation, Product("hvp", evaluation.value, dict(zip(evaluation.wrt, found, strict=True)))


def _tangents(evaluation: Evaluation, arguments: Arguments, environment: Environment) -> dict[str, Tensor]:
    """The tangents by variable, in its dtype and shape. Raises: UsageError, ShapeError."""
    found: dict[str, Tensor] = {}
    for text in arguments.lists.get("tangent", []):
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--tangent needs NAME=VALUE, and got '{text}'")
        if name not in evaluation.wrt:
            near = nearest(name, evaluation.wrt)
            known = ", ".join(evaluation.wrt)
            hint = f"did you mean {near}?" if near else f"there are {known}"
            raise UsageError(f"--tangent: nothing is derived by {name}", hint=hint)
        if name in found:
            raise UsageError(f"--tangent gives {name} twice")
        found[name] = _tangent(name, value, evaluation, arguments, environment)
    if not found:
        name, x = next(iter(evaluation.wrt.items()))
        direction = f"ones:{','.join(map(str, x.shape))}" if x.shape else "1"
        raise UsageError(f"--tangent is missing: the direction in {name}", hint=f"--tangent {name}={direction}")
    return found


def _tangent(name: str, text: str, evaluation: Evaluation, arguments: Arguments, environment: Environment) -> Tensor:
    x = evaluation.wrt[name]
    dtype = x.dtype.name
    array = read_value(text, f"--tangent {name}", evaluation.session, dtype, environment)
    if not isinstance(array, np.ndarray):
        raise UsageError(f"--tangent {name} needs a tensor or numbers")
    if array.shape != tuple(x.shape):
        raise ShapeError(f"--tangent {name} has shape {array.shape}, and {name} {tuple(x.shape)}")
    return Tensor(leaf(array.astype(dtype)), x.context)


def _zeros(x: Tensor) -> Tensor:
    return Tensor(leaf(np.zeros(tuple(x.shape), x.dtype.name)), x.context)


def _render(found: Product, form: str, environment: Environment) -> str | bytes:
    """The value and the product, in the form that --format names."""
    if form == "json":
        parts = ", ".join(f'"{name}": {tensor_json(array_of(part))}' for name, part in found.parts.items())
        body = f"{{{parts}}}" if found.kind == "hvp" else _outputs_json(found)
        return f'{{"output": {value_json(found.value)}, "{found.kind}": {body}}}\n'
    if form == "csv":
        return _csv(found)
    if form == "npz":
        file = io.BytesIO()
        arrays = {f"{name}.{found.kind}": array_of(part) for name, part in found.parts.items()}
        np.savez(file, **arrays)  # type: ignore[arg-type]
        return file.getvalue()
    labels = {name: f"{name}.{found.kind}" if name != "output" else found.kind for name in found.parts}
    return f"{found.value}\n" + "".join(f"{labels[name]}:\n{part}\n" for name, part in found.parts.items())


def _outputs_json(found: Product) -> str:
    texts = [tensor_json(array_of(part)) for part in found.parts.values()]
    return texts[0] if isinstance(found.value, Tensor) else f"[{', '.join(texts)}]"


def _csv(found: Product) -> str:
    """One row per number: what it belongs to, its index, the number."""
    rows = ["name,index,value\n"]
    for name, part in found.parts.items():
        array = array_of(part)
        texts = array_json(array.reshape(-1)).strip("[]").replace('"', "").split(", ")
        for index, text in zip(np.ndindex(array.shape), texts, strict=False):
            rows.append(f"{name}.{found.kind},{' '.join(map(str, index))},{text}\n")
    return "".join(rows)
