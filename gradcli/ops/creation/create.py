"""Creation: tensors of constants and of evenly spaced numbers, like another tensor or from sizes alone.

`requires_grad=` belongs to the language: it is in the signatures so that a call may name it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.errors import DtypeError, RefusedValue, ShapeError, ValueError_
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import Op, leaf, op
from gradcli.ops.dtyperules import not_taken
from gradcli.shapes import Shape, checked_size

PLACE = "ignored layout=None, ignored device=None, ignored pin_memory=False, ignored requires_grad=False"
LIKE = PLACE + ", ignored memory_format=None"


def asked_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[DType | None, Any]:
    """The dtype rule of factories: the dtype asked for, else the default."""
    return None, params["dtype"] or MODE.default


def asked_size(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    """The shape rule of factories that are given a size."""
    return checked_size(params["size"])


def number_dtype(*values: float) -> DType:
    """The dtype of a tensor of Python numbers: of the category that holds them all."""
    category = max(map(dtypes.number_category, values))
    return (dtypes.bool_, dtypes.int64, MODE.default)[category]


def filled(size: Shape, fill_value: float, dtype: DType) -> Any:
    """An array of one value.

    Raises: DtypeError when an integer dtype cannot hold it.
    """
    if dtype.category == dtypes.INTEGER:
        limits = np.iinfo(dtype.numpy)
        low = limits.min or -limits.max  # torch lets a negative number wrap round
        if not isfinite(fill_value) or not low <= int(fill_value) <= limits.max:
            raise DtypeError(
                f"{fill_value} does not fit {dtype}",
                torch=f"value cannot be converted to type {dtype.name}_t without overflow",
            )
        fill_value = int(fill_value) % (limits.max + 1) if limits.min == 0 else int(fill_value)
    return np.full(size, fill_value, dtype.numpy)


_full: Op = op(
    "_full(any size, any fill_value, any dtype)",
    "A tensor of a size, every element the same.",
    spelled=["_"],
    kernel=filled,
    shape=asked_size,
    dtype=asked_dtype,
)


def full(size: Sequence[int], fill_value: float, dtype: DType | None = None) -> Node:
    """The node of a tensor whose elements are all fill_value."""
    node: Node = _full(size=checked_size(size), fill_value=fill_value, dtype=dtype or number_dtype(fill_value))
    return node


def zeros(size: Sequence[int], dtype: DType | None = None) -> Node:
    """The node of zeros of a size."""
    return full(size, 0, dtype or MODE.default)


def ones(size: Sequence[int], dtype: DType | None = None) -> Node:
    """The node of ones of a size."""
    return full(size, 1, dtype or MODE.default)


for _name, _value, _doc in (
    ("zeros", 0, "Zeros."),
    ("ones", 1, "Ones."),
    ("empty", 0, "A tensor whose values do not matter; here they are zeros."),
):
    op(
        f"{_name}(ints* size, *, dtype? dtype=None, {LIKE})",
        _doc,
        spelled=[f"torch.{_name}"],
        expands=lambda size, dtype, value=_value: full(size, value, dtype or MODE.default),
        wrong=[(f"{_name}(2, -1)", "cannot be negative")],
    )
    op(
        f"{_name}_like(Tensor input, *, dtype? dtype=None, {LIKE})",
        f"{_doc[:-1]}, in the shape and dtype of input.",
        spelled=[f"torch.{_name}_like"],
        expands=lambda x, dtype, value=_value: full(x.shape, value, dtype or x.dtype),
    )
    op(
        f"new_{_name}(Tensor input, ints* size, *, dtype? dtype=None, {PLACE})",
        f"{_doc[:-1]}, in the dtype of input.",
        spelled=[f".new_{_name}"],
        expands=lambda x, size, dtype, value=_value: full(size, value, dtype or x.dtype),
    )
op(
    f"full(ints size, Scalar fill_value, *, dtype? dtype=None, {PLACE})",
    "A tensor of a size, every element fill_value; its dtype is the number's.",
    spelled=["torch.full"],
    expands=full,
)
op(
    f"full_like(Tensor input, Scalar fill_value, *, dtype? dtype=None, {LIKE})",
    "A tensor in the shape and dtype of input, every element fill_value.",
    spelled=["torch.full_like"],
    expands=lambda x, fill_value, dtype: full(x.shape, fill_value, dtype or x.dtype),
)
op(
    f"new_full(Tensor input, ints size, Scalar fill_value, *, dtype? dtype=None, {PLACE})",
    "A tensor in the dtype of input, every element fill_value.",
    spelled=[".new_full"],
    expands=lambda x, size, fill_value, dtype: full(size, fill_value, dtype or x.dtype),
)
op(
    f"scalar_tensor(Scalar s, *, dtype? dtype=None, {PLACE})",
    "A number as a tensor, in the default dtype.",
    spelled=["torch.scalar_tensor"],
    expands=lambda s, dtype: full((), s, dtype or MODE.default),
)


def _data_node(x: Node, data: Any, dtype: DType | None) -> Node:
    held = getattr(data, "node", None)
    try:
        array = np.asarray(data if held is None else held.value)
    except ValueError:  # numpy's, for a list of lists of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise ValueError_("the values have to be numbers, in lists of equal length")
    return leaf(np.array(array, (dtype or x.dtype).numpy))


op(
    f"new_tensor(Tensor input, any data, *, dtype? dtype=None, {PLACE})",
    "A tensor of the given values, in the dtype of input.",
    spelled=[".new_tensor"],
    expands=_data_node,
)

op(
    f"empty_strided(ints size, ints stride, *, dtype? dtype=None, {PLACE})",
    "A tensor whose values do not matter; it lies in memory in row-major order whatever the strides.",
    spelled=["torch.empty_strided"],
    expands=lambda size, stride, dtype: full(size, 0, dtype or MODE.default),
)
op(
    f"new_empty_strided(Tensor input, ints size, ints stride, *, dtype? dtype=None, {PLACE})",
    "A tensor in the dtype of input whose values do not matter.",
    spelled=[".new_empty_strided"],
    expands=lambda x, size, stride, dtype: full(size, 0, dtype or x.dtype),
)
op(
    f"empty_permuted(ints size, ints physical_layout, *, dtype? dtype=None, {PLACE})",
    "A tensor whose values do not matter; it lies in memory in row-major order whatever the layout.",
    spelled=["torch.empty_permuted"],
    expands=lambda size, physical_layout, dtype: full(size, 0, dtype or MODE.default),
)

# Evenly spaced numbers


def _arange_size(start: float, end: float, step: float, dtype: DType) -> int:
    if not dtype.floating and all(map(isfinite, (start, end, step))):
        start, end, step = int(start), int(end), int(step)
    if step == 0:
        raise RefusedValue("the step cannot be 0", torch="step must be nonzero")
    if not (isfinite(start) and isfinite(end)):
        raise RefusedValue(f"the range from {start} to {end} has no end", torch=f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RefusedValue(
            f"steps of {step} do not lead from {start} to {end}",
            torch="upper bound and lower bound inconsistent with step sign",
        )
    if isinstance(start, int) and isinstance(end, int) and isinstance(step, int):
        return -(-(end - start) // step)
    return ceil((end - start) / step)


def _arange_array(start: float, end: float, step: float, dtype: DType) -> Any:
    count = _arange_size(start, end, step, dtype)
    if dtype.floating:
        return (float(start) + float(step) * np.arange(count)).astype(dtype.numpy)
    return (int(start) + int(step) * np.arange(count)).astype(dtype.numpy)


def _range_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
    if params["dtype"] is dtypes.bool_:
        raise not_taken(dtypes.bool_, "arange_cpu")
    return None, params["dtype"]


_arange: Op = op(
    "_arange(Scalar start, Scalar end, Scalar step, any dtype)",
    "The numbers from start, step apart, up to but not including end.",
    spelled=["_"],
    kernel=_arange_array,
    shape=lambda inputs, p: (_arange_size(p["start"], p["end"], p["step"], p["dtype"]),),
    dtype=_range_dtype,
)


def arange(start: float, end: float, step: float, dtype: DType | None = None) -> Node:
    """The node of the numbers from start up to end; of int64 when all three are integers."""
    node: Node = _arange(start=start, end=end, step=step, dtype=dtype or number_dtype(0, start, end, step))
    return node


op(
    f"arange(Scalar end, *, dtype? dtype=None, {PLACE})",
    "The integers from 0 up to but not including end.",
    spelled=["torch.arange"],
    expands=lambda end, dtype: arange(0, end, 1, dtype),
)
op(
    f"arange(Scalar start, Scalar end, Scalar step=1, *, dtype? dtype=None, {PLACE})",
    "The numbers from start, step apart, up to but not including end.",
    spelled=["torch.arange"],
    expands=arange,
    wrong=[("arange(0, 3, 0)", "cannot be 0")],
)


def _check_steps(steps: int) -> None:
    if steps < 0:
        raise RefusedValue(
            f"the number of steps is {steps}; it cannot be negative", torch="number of steps must be non-negative"
        )


def _spaced(start: float, end: float, steps: int, kind: Any) -> Any:
    """Evenly spaced numbers as torch rounds them: the first half counts up from start, the second down from end."""
    work: Any = np.float64 if kind.kind in "iub" or kind == np.float64 else np.float32
    first, last = (work(int(start)), work(int(end))) if kind.kind in "iub" else (work(start), work(end))
    if steps == 1:
        return np.full(1, first, kind)
    step = work((last - first) / work(max(steps - 1, 1)))
    places = np.arange(steps)
    up = first + step * places.astype(work)
    down = last - step * (steps - 1 - places).astype(work)
    return np.where(places < steps // 2, up, down)


def _linspace_array(start: float, end: float, steps: int, dtype: DType) -> Any:
    return _spaced(start, end, steps, dtype.numpy).astype(dtype.numpy)


def _logspace_array(start: float, end: float, steps: int, base: float, dtype: DType) -> Any:
    exponents = _spaced(start, end, steps, dtype.numpy)
    return np.power(exponents.dtype.type(base), exponents).astype(dtype.numpy)


def _steps_size(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    _check_steps(params["steps"])
    return (params["steps"],)


op(
    f"linspace(Scalar start, Scalar end, int steps, *, dtype? dtype=None, {PLACE})",
    "So many evenly spaced numbers from start to end, both included.",
    spelled=["torch.linspace"],
    kernel=lambda start, end, steps, dtype: _linspace_array(start, end, steps, dtype or MODE.default),
    shape=_steps_size,
    dtype=asked_dtype,
    wrong=[("linspace(0, 1, -2)", "cannot be negative")],
)
op(
    f"logspace(Scalar start, Scalar end, int steps, Scalar base=10.0, *, dtype? dtype=None, {PLACE})",
    "base to the powers that linspace(start, end, steps) gives.",
    spelled=["torch.logspace"],
    kernel=lambda start, end, steps, base, dtype: _logspace_array(start, end, steps, base, dtype or MODE.default),
    shape=_steps_size,
    dtype=asked_dtype,
)

# Matrices


def _eye_size(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    for name in ("n", "m"):
        if params[name] < 0:
            raise RefusedValue(
                f"the size {name} is {params[name]}; it cannot be negative",
                torch=f"{name} must be greater or equal to 0, got {params[name]}",
            )
    return params["n"], params["m"]


_eye: Op = op(
    "_eye(int n, int m, any dtype)",
    "Ones on the diagonal, zeros elsewhere.",
    spelled=["_"],
    kernel=lambda n, m, dtype: np.eye(n, m, dtype=dtype.numpy),
    shape=_eye_size,
    dtype=asked_dtype,
)


def eye(n: int, m: int | None = None, dtype: DType | None = None) -> Node:
    """The node of the n by m identity matrix."""
    node: Node = _eye(n=n, m=n if m is None else m, dtype=dtype or MODE.default)
    return node


op(
    f"eye(int n, *, dtype? dtype=None, {PLACE})",
    "The identity matrix of n rows.",
    spelled=["torch.eye"],
    expands=lambda n, dtype: eye(n, None, dtype),
    wrong=[("eye(-1)", "cannot be negative")],
)
op(
    f"eye(int n, int m, *, dtype? dtype=None, {PLACE})",
    "n rows and m columns, ones on the diagonal, zeros elsewhere.",
    spelled=["torch.eye"],
    expands=eye,
)


def _triangle_indices(name: str, keep: Any, words: str) -> None:
    def places(row: int, col: int, offset: int, dtype: DType | None) -> Node:
        for word, size in (("row", row), ("col", col)):
            if size < 0:
                raise ShapeError(
                    f"{word} is {size}; it cannot be negative", torch=f"{word} must be non-negative, got{size}"
                )
        found = np.argwhere(keep(np.ones((row, col), np.bool_), offset)).T
        return leaf(np.ascontiguousarray(found, (dtype or dtypes.int64).numpy))

    op(
        f"{name}(int row, int col, int offset=0, *, dtype? dtype=None, {PLACE})",
        f"The row indices and the column indices of the {words} triangle of a matrix.",
        spelled=[f"torch.{name}"],
        expands=places,
    )


_triangle_indices("tril_indices", np.tril, "lower")
_triangle_indices("triu_indices", np.triu, "upper")
