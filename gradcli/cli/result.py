"""A value and its gradients as text, JSON, CSV or npz."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from gradcli.cli.gradients import Gradients
from gradcli.errors import UsageError
from gradcli.language.tensors.tensor import Tensor
from gradcli.render.jsontext import array_json, tensor_json

Array = np.ndarray[Any, Any]


def render_result(value: object, gradients: Gradients, form: str) -> str | bytes:
    """What eval writes, in the form that --format names."""
    if form == "json":
        return result_json(value, gradients)
    if form == "csv":
        return result_csv(value, gradients)
    if form == "npz":
        return result_npz(value, gradients)
    return result_text(value, gradients)


def result_text(value: object, gradients: Gradients) -> str:
    """The value as `print` shows it, then `x.grad:` and the gradient of each variable."""
    parts = [] if value is None else [f"{value}\n"]
    for name, gradient in (gradients.by_name or {}).items():
        if gradient is not None:
            parts.append(f"{name}.grad:\n{gradient}\n")
    return "".join(parts)


def result_json(value: object, gradients: Gradients) -> str:
    """One object: the output (a list of them for a tuple) and the gradients by name, null where there is none."""
    if gradients.by_name is None:
        return f'{{"output": {value_json(value)}, "grads": null}}\n'
    grads = (
        f'"{name}": {"null" if gradient is None else tensor_json(array_of(gradient))}'
        for name, gradient in gradients.by_name.items()
    )
    return f'{{"output": {value_json(value)}, "grads": {{{", ".join(grads)}}}}}\n'


def value_json(value: object) -> str:
    """A tensor or number as an object, a tuple or list as a list, anything else as its text."""
    if isinstance(value, Tensor):
        function = value.grad_fn
        name = "null" if function is None else f'"{function.name()}"'
        requires_grad = "true" if value.requires_grad else "false"
        return tensor_json(array_of(value), requires_grad=requires_grad, grad_fn=name)
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return tensor_json(_array_of_number(value), requires_grad="false", grad_fn="null")
    if isinstance(value, tuple | list):
        return "[" + ", ".join(value_json(item) for item in value) + "]"
    import json  # here for start-up: only strings and the like need it

    return json.dumps(str(value), ensure_ascii=False)


def result_csv(value: object, gradients: Gradients) -> str:
    """One row per number: what it belongs to, its index, the number."""
    rows = ["name,index,value\n"]
    for name, array in named_arrays(value, gradients).items():
        texts = array_json(array.reshape(-1)).strip("[]").replace('"', "")
        for index, text in zip(np.ndindex(array.shape), texts.split(", "), strict=False):
            rows.append(f"{name},{' '.join(map(str, index))},{text}\n")
    return "".join(rows)


def result_npz(value: object, gradients: Gradients) -> bytes:
    """A numpy archive with the arrays `output` and `x.grad`."""
    file = io.BytesIO()
    np.savez(file, **named_arrays(value, gradients))  # type: ignore[arg-type]
    return file.getvalue()


def named_arrays(value: object, gradients: Gradients) -> dict[str, Array]:
    """The arrays of a result: `output` (`output_0`, ... for a tuple) and `x.grad`.

    Raises: UsageError where the output is no numbers.
    """
    items = list(value) if isinstance(value, tuple | list) else [value]
    names = [f"output_{number}" for number in range(len(items))] if len(items) != 1 else ["output"]
    arrays: dict[str, Array] = {}
    for name, item in zip(names, items, strict=True):
        if isinstance(item, Tensor):
            arrays[name] = array_of(item)
        elif isinstance(item, bool | int | float):
            arrays[name] = _array_of_number(item)
        else:
            raise UsageError("csv and npz hold tensors and numbers, and the output is something else")
    for name, gradient in (gradients.by_name or {}).items():
        if gradient is not None:
            arrays[f"{name}.grad"] = array_of(gradient)
    return arrays


def array_of(tensor: Tensor) -> Array:
    """A tensor's numbers."""
    array: Array = tensor.numpy()
    return array


def _array_of_number(value: float) -> Array:
    """A Python number as torch.tensor makes it, but that a float keeps its precision."""
    try:
        return np.array(value)
    except OverflowError:
        return np.array(float(value))
