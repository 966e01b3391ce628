"""Arrays as JSON: shortest digits that read back to the same number, "NaN" and "Infinity" where JSON has no number."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

NOT_FINITE = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}


def array_json(array: Array) -> str:
    """The numbers of an array as nested JSON lists.

    float32 and float16 have the digits that tell them apart from their neighbours in their own precision, not the
    longer ones of the float64 of the same value.
    """
    texts = _number_texts(array)
    for size in reversed(array.shape):
        texts = _grouped(texts, size, array.size)
    return texts[0] if texts else _empty(array.shape)


def tensor_json(array: Array, **facts: str) -> str:
    """`{"dtype": ..., "shape": ..., FACTS..., "data": ...}`; facts are given as JSON."""
    shape = ", ".join(map(str, array.shape))
    middle = "".join(f'"{key}": {value}, ' for key, value in facts.items())
    return f'{{"dtype": "{array.dtype.name}", "shape": [{shape}], {middle}"data": {array_json(array)}}}'


def _number_texts(array: Array) -> list[str]:
    flat = array.reshape(-1)
    if array.dtype.kind == "b":
        return ["true" if item else "false" for item in flat.tolist()]
    if array.dtype.kind != "f":
        return [str(item) for item in flat.tolist()]
    texts = [str(item) for item in (flat.tolist() if array.dtype == np.float64 else flat)]
    return texts if np.isfinite(flat).all() else [NOT_FINITE.get(text, text) for text in texts]


def _grouped(texts: list[str], size: int, total: int) -> list[str]:
    """Consecutive texts in lists of `size` (a size of 0 has no texts left to group)."""
    if total == 0:
        return []
    return ["[" + ", ".join(texts[at : at + size]) + "]" for at in range(0, len(texts), size)]


def _empty(shape: tuple[int, ...]) -> str:
    """Nested lists without a number: shape (2, 0) is [[], []]."""
    text = "[]"
    for size in reversed(shape[: shape.index(0)]):
        text = "[" + ", ".join([text] * size) + "]"
    return text
