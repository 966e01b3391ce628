"""Steps of a plan on whole arrays: ops that only their kernels compute, and other ways to see an array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli.engine.term import CALL, EW, EXPAND, PICK, RESHAPE, Term
from gradcli.errors import GradcliError, no_memory

Step = Callable[[list[Any]], None]
_ARRAYS = (np.ndarray, tuple)
_PRODUCTS = frozenset({"mm", "mv", "_matmul", "_matmul_row"})


def whole(term: Term) -> Step:
    """The step that puts the value of a term among the values."""
    return _ew_step(term) if term.kind == EW else _call_step(term)


def direct(term: Term) -> Callable[..., Any] | None:
    """What gives the value of a term from those of its inputs, one or two; None where that takes more."""
    if term.kind == CALL:
        return _short_call(term)
    argument = term.args[0]
    shape: Any = term.shape
    if term.kind == RESHAPE:
        if argument.scalar:
            return _itself if term.size == 1 else lambda value: np.reshape(value, shape)
        return lambda value: value.reshape(shape)
    if term.kind == EXPAND:
        return lambda value: np.broadcast_to(value, shape)
    assert term.kind == PICK
    at = term.at
    return lambda value: value[at]


def _itself(value: Any) -> Any:
    return value


def _ew_step(term: Term) -> Step:
    compute, args, out = term.fn.direct, [a.index for a in term.args], term.index

    def step(values: list[Any]) -> None:
        values[out] = compute(*[values[a] for a in args])

    return step


def _call_step(term: Term) -> Step:
    """A kernel on whole arrays. Python numbers reach it as such."""
    node, out = term.node, term.index
    assert node is not None
    kernel, params, numbers = node.op.kernel, node.params, term.at
    args = [a.index for a in term.args]
    # numpy scalars stand for arrays of one element; kernels may rely on arrays
    shaped = [(at, a.shape) for at, a in enumerate(term.args) if numbers[at] is None and a.scalar]
    given_numbers = [(at, n) for at, n in enumerate(numbers) if n is not None]
    shown, span = node.op.shown, node.span

    def step(values: list[Any]) -> None:
        given = [values[index] for index in args]
        for at, shape in shaped:
            given[at] = np.asarray(given[at]).reshape(shape)
        for at, n in given_numbers:
            given[at] = n
        try:
            result = kernel(*given, **params)
        except GradcliError as error:
            error.op, error.span = error.op or shown, error.span or span
            raise
        except MemoryError as error:
            raise no_memory(error, shown, span) from None
        values[out] = result if type(result) in _ARRAYS else np.asarray(result)

    return step


# Calls that need nothing of all this, where their kernels would do no more: products of matrices, and parts of arrays


def _short_call(term: Term) -> Callable[..., Any] | None:
    node = term.node
    assert node is not None
    if not term.args or any(a.scalar for a in term.args):
        return None
    name, params = node.op.name, node.params
    if name in _PRODUCTS:
        plain = all(len(a.shape) <= 2 and a.dtype.kind == "f" and a.dtype.itemsize > 2 for a in term.args)
        return np.dot if plain else None
    if name == "transpose":
        return _turned if len(term.shape) == 2 and params["dim0"] % 2 != params["dim1"] % 2 else None
    if name == "_spread":
        return _placer(term)
    index = _index(name, params, len(term.args[0].shape))
    return None if index is None else lambda x: x[index]


def _turned(x: Any) -> Any:
    return x.T


def _index(name: str, params: Mapping[str, Any], ndim: int) -> tuple[Any, ...] | None:
    """What a view op indexes an array with; None for other ops."""
    if name in ("_slice", "_split", "_split_with_sizes"):
        return (*[slice(None)] * (params["dim"] % ndim), slice(params["start"], params["end"], params.get("step", 1)))
    if name in ("select", "_unbind"):
        return (*[slice(None)] * (params["dim"] % ndim), params["index"], ...)
    return None


def _placer(term: Term) -> Callable[..., Any] | None:
    """Zeros in which a part is set, where one view shows the part."""
    assert term.node is not None
    params, shape, dtype = term.node.params, term.shape, term.dtype
    op, inner = params["steps"][0]
    index = _index(op.name, inner, len(shape)) if len(params["steps"]) == 1 else None
    if index is None or params.get("overlapping"):
        return None

    def place(x: Any) -> Any:
        out = np.zeros(shape, dtype)
        out[index] = x
        return out

    return place
