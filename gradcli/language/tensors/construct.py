"""Making tensors from Python data: torch.tensor, torch.Tensor and the old typed constructors, Variable, from_numpy."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import ALIASES, DType, from_numpy
from gradcli.engine.run import value as node_value
from gradcli.errors import GradcliError, RefusedValue, TypeError_, ValueError_
from gradcli.graph.op import leaf
from gradcli.language.context import Context
from gradcli.language.tensors.binding import kind_name, too_large
from gradcli.language.tensors.devices import check_device
from gradcli.language.tensors.tensor import Tensor
from gradcli.ops.shapes.convert import to_dtype
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
    """A new array of numbers, nested lists of them, or tensors; Python floats have the default dtype.

    Raises: ValueError_, RefusedValue for a number that its dtype does not hold.
    """
    if isinstance(data, Tensor):
        value = node_value(data.node)
        return value.astype(dtype.numpy if dtype else value.dtype, copy=True)
    leaves = _checked_leaves(data)
    tensors = [item for item in leaves if isinstance(item, Tensor)]
    try:
        array = np.array(_without_tensors(data) if tensors else data)
    except OverflowError:
        raise too_large() from None
    if array.dtype.kind not in "bif":
        raise too_large()
    found = dtype or (_promoted(leaves, tensors, context) if tensors else _inferred(array, context))
    return _converted(array, found)


def _inferred(array: np.ndarray, context: Context) -> DType:
    if array.dtype.kind == "f":
        return context.default
    return dtypes.bool_ if array.dtype.kind == "b" else dtypes.int64


def _promoted(leaves: list[Any], tensors: list[Tensor], context: Context) -> DType:
    """The dtype of a list with tensors in it, and maybe numbers."""
    of_number = {bool: dtypes.bool_, int: dtypes.int64, float: context.default}
    kinds = {type(item) for item in leaves}
    found = [t.dtype for t in tensors] + [dtype for kind, dtype in of_number.items() if kind in kinds]
    return reduce(dtypes.promote, found)


def _converted(array: np.ndarray, dtype: DType) -> np.ndarray:
    """The array in a dtype that holds its numbers.

    Raises: RefusedValue.
    """
    if dtype.numpy.kind in "iu" and array.size:
        limits = np.iinfo(dtype.numpy)
        least = limits.min if limits.min or array.dtype.kind == "f" else -limits.max  # a negative integer wraps round
        if not (array.min() >= least and array.max() <= limits.max):
            raise RefusedValue(
                f"a number does not fit {dtype!r}: the numbers are from {array.min()} to {array.max()}",
                op="tensor",
                torch=f"value cannot be converted to type {dtype.name} without overflow",
            )
    return array.astype(dtype.numpy)


def _checked_leaves(data: Any) -> list[Any]:
    """The numbers and tensors in a rectangular nest of lists; level by level, without recursion.

    Raises: TypeError_, ValueError_ for any other nest.
    """
    level, dim = [data], 0
    while True:
        lists = [item for item in level if isinstance(item, list | tuple | range)]
        for item in level:
            if not isinstance(item, bool | int | float | list | tuple | range | Tensor):
                raise _not_a_number(item)
        if not lists:
            return level
        if len(lists) < len(level):
            odd = next(item for item in level if not isinstance(item, list | tuple | range))
            if not (isinstance(odd, Tensor) and odd.shape):
                words = "not a sequence" if level[0] is not odd else "'list' object cannot be interpreted as an integer"
                raise TypeError_(f"the list mixes numbers and lists at depth {dim}", op="tensor", torch=words)
        wanted = len(lists[0])
        for item in lists:
            if len(item) != wanted:
                raise ValueError_(
                    f"the rows have different lengths: {wanted} and {len(item)}",
                    op="tensor",
                    torch=f"expected sequence of length {wanted} at dim {dim} (got {len(item)})",
                )
        level = [inner for item in lists for inner in item]
        dim += 1


def _not_a_number(item: Any) -> GradcliError:
    kind = kind_name(item)
    message = f"a tensor is made of numbers, not of {kind}"
    if isinstance(item, str):
        return TypeError_(message, op="tensor", torch=f"new(): invalid data type '{kind}'")
    return RefusedValue(message, op="tensor", torch=f"Could not infer dtype of {kind.replace('None', 'NoneType')}")


def _without_tensors(data: Any, arrays: bool = False) -> Any:
    """Nested lists with numbers in place of tensors, which have one element each; arrays stay what they are.

    arrays: take all tensors for arrays.
    Raises: ValueError_.
    """
    if isinstance(data, list | tuple):
        return [_without_tensors(item, arrays) for item in data]
    if not isinstance(data, Tensor):
        return data
    if (arrays or data.is_array) and data.shape:
        return data.numpy()
    if data.node.size != 1:
        raise ValueError_(
            f"a list of numbers has a tensor of shape {data.shape} in it",
            op="tensor",
            hint="torch.stack makes one tensor of several",
            torch="only one element tensors can be converted to Python scalars",
        )
    return data.numpy().item()


def as_dtype(value: Any) -> DType | None:
    """A dtype from what programs write: a dtype, the types float, int and bool, a type of numpy.

    Raises: TypeError_.
    """
    if value is None or isinstance(value, DType):
        return value
    inner = getattr(value, "dtype", None)
    if isinstance(inner, DType):
        return inner
    name = getattr(value, "name", "")  # the types float, int and bool, and numpy's
    known = {"float": dtypes.float64, "int": dtypes.int64, "bool": dtypes.bool_}.get(name) or ALIASES.get(str(name))
    if known is None:
        raise TypeError_(
            f"{kind_name(value)} is not a dtype",
            hint="a dtype such as torch.float64",
            torch=f"tensor(): argument 'dtype' must be torch.dtype, not {kind_name(value)}",
        )
    return known


def array_dtype(value: Any) -> DType | None:
    """As `as_dtype`, for arrays: numpy takes names, too."""
    if not isinstance(value, str):
        return as_dtype(value)
    return as_dtype({"float": dtypes.float64, "int": dtypes.int64}.get(value) or ALIASES.get(value, value))


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
    wanted = array_dtype(dtype)
    if isinstance(data, Tensor):
        value = node_value(data.node).copy()
    else:
        _checked_leaves(data)
        value = np.array(_without_tensors(data, arrays=True))
    if wanted is not None:
        value = value.astype(wanted.numpy)
    if from_numpy(value.dtype) is None:
        raise TypeError_("an array is made of numbers", op="array")
    return Tensor(leaf(value), context, is_array=True)
