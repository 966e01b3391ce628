"""Making tensors from Python data: torch.tensor, torch.Tensor and the old typed constructors, Variable, from_numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import ALIASES, DType, from_numpy
from gradcli.engine.run import value as node_value
from gradcli.errors import TypeError_, ValueError_
from gradcli.graph.op import leaf
from gradcli.language.binding import kind_name
from gradcli.language.context import Context
from gradcli.language.devices import check_device
from gradcli.language.tensor import Tensor
from gradcli.ops.convert import to_dtype
from gradcli.shapes import checked_size


def tensor(
    context: Context,
    data: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`torch.tensor(data)`: a new leaf with the data's own dtype unless one is given.

    Raises: TypeError_ for data that are no numbers, ValueError_ for ragged lists.
    """
    check_device(device)
    made = Tensor(leaf(array_of(data, context, as_dtype(dtype))), context)
    if requires_grad:
        made.set_requires_grad(True)
    return made


def array_of(data: Any, context: Context, dtype: DType | None = None) -> np.ndarray:
    """A new array of numbers, nested lists of them, or tensors; Python floats have the default dtype."""
    if isinstance(data, Tensor):
        value = node_value(data.node)
        return value.astype(dtype.numpy if dtype else value.dtype, copy=True)
    _check_nested(data)
    try:
        array = np.array(_plain(data))
    except OverflowError:
        raise ValueError_("an integer is too large for 64 bits", torch="Overflow when unpacking long long") from None
    if dtype is None:
        dtype = _inferred(array, data, context)
    if array.dtype == object:
        raise ValueError_("an integer is too large for 64 bits", torch="Overflow when unpacking long long")
    return array.astype(dtype.numpy)


def _inferred(array: np.ndarray, data: Any, context: Context) -> DType:
    if not array.size and array.dtype.kind == "f":
        return context.default
    tensors = _first_tensor(data)
    if tensors is not None:
        return tensors.dtype
    if array.dtype.kind == "f":
        return context.default
    return dtypes.bool_ if array.dtype.kind == "b" else dtypes.int64


def _first_tensor(data: Any) -> Tensor | None:
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return data if isinstance(data, Tensor) else None


def _check_nested(data: Any) -> None:
    """Refuse what is not a number or a rectangular nest of them; level by level, without recursion.

    Raises: TypeError_, ValueError_.
    """
    level, dim = [data], 0
    while level:
        lists = [item for item in level if isinstance(item, list | tuple | range)]
        for item in level:
            if not isinstance(item, bool | int | float | list | tuple | range | Tensor):
                raise TypeError_(
                    f"a tensor is made of numbers, not of {kind_name(item)}",
                    op="tensor",
                    torch=f"new(): invalid data type '{kind_name(item)}'",
                )
        if not lists:
            return
        if len(lists) < len(level):
            odd = next(item for item in level if not isinstance(item, list | tuple | range))
            if not (isinstance(odd, Tensor) and odd.shape):
                raise TypeError_(f"the list mixes numbers and lists at depth {dim}", op="tensor")
        wanted = len(lists[0])
        for item in lists:
            if len(item) != wanted:
                raise ValueError_(
                    f"the rows have different lengths: {wanted} and {len(item)}",
                    op="tensor",
                    torch=f"expected sequence of length {wanted} at dim {dim + 1} (got {len(item)})",
                )
        level = [inner for item in lists for inner in item]
        dim += 1


def _plain(data: Any) -> Any:
    if isinstance(data, Tensor):
        return data.numpy()
    if isinstance(data, list | tuple) and _first_tensor(data) is not None:
        return [_plain(item) for item in data]
    return data


def as_dtype(value: Any) -> DType | None:
    """A dtype from what programs write: a dtype, the types float, int and bool, a numpy name.

    Raises: TypeError_.
    """
    if value is None or isinstance(value, DType):
        return value
    inner = getattr(value, "dtype", None)
    if isinstance(inner, DType):
        return inner
    name = value if isinstance(value, str) else getattr(value, "name", "")
    known = {"float": dtypes.float32, "int": dtypes.int64, "bool": dtypes.bool_}.get(name) or ALIASES.get(str(name))
    if known is None:
        raise TypeError_(f"{kind_name(value)} is not a dtype", hint="a dtype such as torch.float64")
    return known


def old_tensor(context: Context, dtype: DType | None, args: list[Any], kwargs: dict[str, Any]) -> Tensor:
    """`torch.Tensor(2, 3)` (not initialised: zeros here), `torch.FloatTensor([1, 2])`."""
    kwargs.pop("device", None)
    wanted = dtype or context.default
    if args and all(isinstance(a, int) and not isinstance(a, bool) for a in args):
        return Tensor(leaf(np.zeros(checked_size(args), wanted.numpy)), context)
    if not args:
        return Tensor(leaf(np.zeros((0,), wanted.numpy)), context)
    data = args[0]
    if isinstance(data, Tensor) and data.dtype is wanted:
        return data.detached()
    if type(data).__name__ == "Size":
        return Tensor(leaf(np.zeros(tuple(data), wanted.numpy)), context)
    return Tensor(leaf(array_of(data, context, wanted)), context)


def variable(context: Context, data: Any, requires_grad: bool = False, volatile: bool = False) -> Tensor:
    """`Variable(x, requires_grad=True)` of PyTorch before 0.4: the tensor itself, tracked."""
    if not isinstance(data, Tensor):
        raise TypeError_(f"Variable wraps a tensor, not {kind_name(data)}", hint="Variable(torch.Tensor([1, 2]))")
    if data.requires_grad and not requires_grad:
        return data
    same = data.detached() if not data.is_leaf else data.bare()
    if requires_grad and not volatile:
        same.set_requires_grad(True)
    return same


def from_array(context: Context, data: Any) -> Tensor:
    """`torch.from_numpy(a)`: a tensor in the array's memory."""
    if not (isinstance(data, Tensor) and data.is_array):
        raise TypeError_(
            f"from_numpy takes an array, not {kind_name(data)}",
            hint="torch.tensor([...]) makes a tensor of a list",
            torch=f"expected np.ndarray (got {kind_name(data)})",
        )
    shared = data.bare()
    shared.is_array = False
    return shared


def as_tensor(context: Context, data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`torch.as_tensor(data)`: the tensor itself where nothing has to change."""
    check_device(device)
    wanted = as_dtype(dtype)
    if isinstance(data, Tensor):
        if data.is_array:
            data = from_array(context, data)
        return data if wanted is None or wanted is data.dtype else Tensor(to_dtype(data.node, wanted), context)
    return tensor(context, data, wanted)


def array(context: Context, data: Any, dtype: Any = None) -> Tensor:
    """`np.array(data)`: Python floats are float64, as in numpy."""
    wanted = as_dtype(dtype)
    if isinstance(data, Tensor):
        value = node_value(data.node).copy()
    else:
        _check_nested(data)
        value = np.array(_plain(data))
    if wanted is not None:
        value = value.astype(dtypes.float64.numpy if wanted is dtypes.float32 and dtype is not wanted else wanted.numpy)
    if from_numpy(value.dtype) is None:
        raise TypeError_("an array is made of numbers", op="array")
    return Tensor(leaf(value), context, is_array=True)
