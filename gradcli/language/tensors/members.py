"""Attributes and methods of tensors that are not ops: `x.grad`, `x.shape`, `x.item()`, `x.backward()`.

Two tables and the op catalog are all there is: no attribute of a Python object can be reached by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.dtypes import ALIASES, DType, from_numpy
from gradcli.engine.run import value as node_value
from gradcli.errors import AttributeError_, DtypeError, NoDevice, RefusedValue, ShapeError, TypeError_, ValueError_
from gradcli.graph.op import leaf
from gradcli.language.python.values import Builtin, Size, TypeValue, no_attribute
from gradcli.language.tensors import autograd
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.call import method
from gradcli.language.tensors.devices import CPU, STRIDED
from gradcli.language.tensors.numpymodule import array_method
from gradcli.language.tensors.tensor import NOT_FLOATING_ATTRIBUTE, NOT_FLOATING_METHOD, TYPE_NAMES, Tensor
from gradcli.ops.absent import absent_from
from gradcli.ops.catalog import catalog
from gradcli.ops.shapes.convert import to_dtype
from gradcli.shapes import normal_dim
from gradcli.suggest import nearest


def tensor_attribute(tensor: Tensor, name: str) -> Any:
    """The value of `x.name`: a property, a method bound to x, or an op's method.

    Raises: AttributeError_ with the nearest name.
    """
    get = (_ARRAY_PROPERTIES.get(name) if tensor.is_array else None) or _PROPERTIES.get(name)
    if get is not None:
        return get(tensor)
    function = _METHODS.get(name)
    if function is not None:
        return Builtin(name, lambda args, kwargs: function(tensor, *args, **kwargs))
    found = (array_method(tensor, name) if tensor.is_array else None) or method(tensor, name)
    if found is not None:
        return found
    reason = absent_from(name)
    if reason is not None:
        raise AttributeError_(f"torch has Tensor.{name}, gradcli does not: {reason}")
    near = nearest(name, member_names())
    kind = "ndarray" if tensor.is_array else "Tensor"
    raise AttributeError_(
        f"a tensor has no attribute {name!r}",
        hint=None if near is None else f"did you mean .{near}?",
        torch=f"'{kind}' object has no attribute '{name}'",
    )


def member_names() -> list[str]:
    """All names that can follow the dot after a tensor."""
    return sorted({*_PROPERTIES, *_METHODS, *catalog().methods})


def set_tensor_attribute(tensor: Tensor, name: str, value: Any) -> None:
    """`x.name = value`: grad, requires_grad and data can be set.

    Raises: AttributeError_ for any other name; what the attribute refuses.
    """
    setter = _SETTERS.get(name)
    if setter is None:
        raise AttributeError_(
            f"the attribute {name!r} of a tensor cannot be set", hint="x.grad, x.requires_grad, x.data can"
        )
    setter(tensor, value)


# Properties


def _transposed(name: str) -> Callable[[Tensor], Any]:
    def get(tensor: Tensor) -> Any:
        function = method(tensor, name)
        assert function is not None
        return function.call([], {})

    return get


def size_of(tensor: Tensor) -> tuple[int, ...]:
    """`x.shape`; of an array a plain tuple."""
    return tensor.shape if tensor.is_array else Size(tensor.shape)


_PROPERTIES: dict[str, Callable[[Tensor], Any]] = {
    "shape": size_of,
    "dtype": lambda t: NumpyDtype(t.dtype) if t.is_array else t.dtype,
    "grad": lambda t: t.grad,
    "grad_fn": lambda t: t.grad_fn,
    "requires_grad": lambda t: t.requires_grad,
    "is_leaf": lambda t: t.is_leaf,
    "data": lambda t: t.bare(),
    "ndim": lambda t: t.node.ndim,
    "device": lambda t: CPU,
    "layout": lambda t: STRIDED,
    "is_cpu": lambda t: True,
    "is_meta": lambda t: False,
    "is_cuda": lambda t: False,
    "is_sparse": lambda t: False,
    "retains_grad": lambda t: bool(t.node.extra is not None and t.node.extra.retained),
    "output_nr": lambda t: 0,
    "volatile": lambda t: False,
    "itemsize": lambda t: t.dtype.itemsize,
    "nbytes": lambda t: t.dtype.itemsize * t.node.size,
    "_version": lambda t: t.share().version,
    "_base": lambda t: t.base,
    "real": lambda t: t,
    "T": _transposed("T"),
    "mT": _transposed("mT"),
    "H": _transposed("H"),
    "mH": _transposed("mH"),
}


class NumpyDtype:
    """The dtype of an array: prints as numpy's, equals the tensor's."""

    type_name = "dtype"

    def __init__(self, dtype: DType) -> None:
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"dtype('{self.dtype.name}')"

    def __str__(self) -> str:
        return self.dtype.name

    def __eq__(self, other: object) -> bool:
        return other is self.dtype or (isinstance(other, NumpyDtype) and other.dtype is self.dtype)

    def __hash__(self) -> int:
        return hash(self.dtype)


# Methods


def _size(tensor: Tensor, dim: Any = None) -> Any:
    if dim is None:
        return size_of(tensor)
    return tensor.shape[normal_dim(_integer(dim), tensor.node.ndim)]


def _integer(value: Any) -> int:
    if isinstance(value, int):
        return value
    raise TypeError_(f"a dimension is an integer, not {kind_name(value)}")


def item(tensor: Tensor) -> bool | int | float:
    """The Python number of a tensor of one element.

    Raises: ValueError_ (a RuntimeError to programs) for any other number of elements.
    """
    if tensor.node.size != 1:
        raise NotOneElement(
            f"a tensor of shape {tensor.shape} is not one number",
            hint="reduce it first (.sum(), .mean()), or pick an element: x[0].item()",
            torch=f"a Tensor with {tensor.node.size} elements cannot be converted to Scalar",
        )
    number: bool | int | float = node_value(tensor.node).item()
    return number


class NotOneElement(ValueError_):
    """A tensor of several elements (or none) where one number is needed."""

    catches = ("RuntimeError", "ValueError", "Exception", "BaseException")


def _backward(
    tensor: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    if gradient is not None and not isinstance(gradient, Tensor):
        raise TypeError_(
            f"the seed of backward is a tensor, not {kind_name(gradient)}",
            hint="y.backward(torch.tensor(...))",
            torch=f"'{kind_name(gradient)}' object is not iterable"
            if isinstance(gradient, bool | int | float)
            else f"gradients can be either Tensors or None, but got {kind_name(gradient)}",
        )
    wanted = None if inputs is None else list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    autograd.backward([tensor], [gradient], retain_graph=retain_graph, create_graph=create_graph, inputs=wanted)


def _requires_grad_(tensor: Tensor, requires_grad: bool = True) -> Tensor:
    tensor.set_requires_grad(requires_grad, NOT_FLOATING_METHOD)
    return tensor


def _array(tensor: Tensor, **options: Any) -> Tensor:
    if tensor.requires_grad and not options.get("force"):
        raise NotOneElement(
            "a tensor that requires grad has no .numpy(): the array would have no history",
            hint="x.detach().numpy()",
            torch="Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
        )
    array = tensor.bare()
    array.is_array = True
    return array


def _set_(tensor: Tensor, source: Tensor) -> Tensor:
    _set_data(tensor, source)
    return tensor


def _detach_(tensor: Tensor) -> Tensor:
    if tensor.requires_grad:
        tensor.forget_history()
    return tensor


def _stride(tensor: Tensor, dim: Any = None) -> Any:
    value = node_value(tensor.node)
    strides = tuple(s // value.itemsize for s in value.strides)
    return strides if dim is None else strides[normal_dim(_integer(dim), len(strides))]


def _address(array: np.ndarray) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _storage_offset(tensor: Tensor) -> int:
    """How many elements of its memory come before its first."""
    own, whole = node_value(tensor.node), node_value(tensor.share().node)
    return (_address(own) - _address(whole)) // own.itemsize if np.shares_memory(own, whole) else 0


def _type(tensor: Tensor, dtype: Any = None) -> Any:
    if dtype is None:
        return TYPE_NAMES[tensor.dtype.name]
    name = dtype.name if isinstance(dtype, TypeValue) else str(dtype)
    wanted = dtype if isinstance(dtype, DType) else _TYPES_BY_NAME.get(name)
    if wanted is None:
        raise TypeError_(f"{dtype!r} is not a type of tensors", hint="a dtype such as torch.float64")
    return Tensor(to_dtype(tensor.node, wanted), tensor.context)


_TYPES_BY_NAME = {name: ALIASES[dtype] for dtype, name in TYPE_NAMES.items()}


def _astype(tensor: Tensor, dtype: Any) -> Tensor:
    name = getattr(dtype, "name", None) or str(dtype)
    wanted = dtype if isinstance(dtype, DType) else ALIASES.get({"float": "float64", "int": "int64"}.get(name, name))
    if wanted is None:
        raise TypeError_(f"{dtype!r} is not a dtype")
    return Tensor(to_dtype(tensor.node, wanted), tensor.context, is_array=tensor.is_array)


def _copy(tensor: Tensor) -> Tensor:
    value = node_value(tensor.node).copy()
    return Tensor(leaf(value, from_numpy(value.dtype)), tensor.context, is_array=tensor.is_array)


def _no_gpu(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    raise NoDevice(
        "there is no GPU here: gradcli computes on the CPU",
        hint="leave .cuda() out, or guard it by torch.cuda.is_available()",
        torch="Torch not compiled with CUDA enabled",
    )


def _itself(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return tensor


def _count(tensor: Tensor) -> int:
    return tensor.node.size


_ARRAY_PROPERTIES: dict[str, Callable[[Tensor], Any]] = {"size": lambda t: t.node.size}
_METHODS: dict[str, Callable[..., Any]] = {
    "backward": _backward,
    "item": item,
    "tolist": lambda t: node_value(t.node).tolist(),
    "numpy": _array,
    "__array__": _array,
    "size": _size,
    "dim": lambda t: t.node.ndim,
    "ndimension": lambda t: t.node.ndim,
    "numel": _count,
    "nelement": _count,
    "element_size": lambda t: t.dtype.itemsize,
    "requires_grad_": _requires_grad_,
    "detach": lambda t: t.detached(),
    "detach_": _detach_,
    "retain_grad": lambda t: autograd.retain_grad(t),
    "register_hook": lambda t, hook: HookHandle(autograd.register_hook(t, hook)),
    "register_post_accumulate_grad_hook": lambda t, hook: HookHandle(autograd.after_accumulating(t, hook)),
    "cpu": _itself,
    "cuda": _no_gpu,
    "is_floating_point": lambda t: t.dtype.floating,
    "is_complex": lambda t: False,
    "is_contiguous": lambda t, **_: bool(node_value(t.node).flags.c_contiguous),
    "stride": _stride,
    "type": _type,
    "get_device": lambda t: -1,
    "set_": _set_,
    "astype": _astype,
    "copy": _copy,
    "data_ptr": lambda t: _address(node_value(t.node)),
    "is_set_to": lambda t, other: t.node is other.node,
    "storage_offset": _storage_offset,
    "_is_view": lambda t: t.base is not None,
    "is_inference": lambda t: t.is_inference,
    "is_same_size": lambda t, other: t.shape == other.shape,
    "pin_memory": _itself,
}


class HookHandle:
    """What register_hook returns: `.remove()` takes the hook away."""

    type_name = "RemovableHandle"

    def __init__(self, remove: Callable[[], None]) -> None:
        self._remove = remove

    def get_attribute(self, name: str) -> Any:
        """`.remove`, the only attribute."""
        if name == "remove":
            return Builtin("remove", lambda args, kwargs: self._remove())
        raise no_attribute("the handle of a hook", name, ["remove"])

    def __repr__(self) -> str:
        return f"<torch.utils.hooks.RemovableHandle object at {id(self):#x}>"


# Setters


def _set_grad(tensor: Tensor, value: Any) -> None:
    if value is None:
        tensor.set_grad(None)
        return
    if not isinstance(value, Tensor):
        raise TypeError_(
            f"a gradient is a tensor or None, not {kind_name(value)}",
            torch=f"assigned grad expected to be a Tensor or None but got grad of type {kind_name(value)}",
        )
    if value.shape != tensor.shape:
        raise ShapeError(
            f"a gradient of shape {value.shape} does not belong to a tensor of shape {tensor.shape}",
            torch=f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size "
            f"'{list(tensor.shape)}'. Please ensure that the gradient and the tensor are the same size",
        )
    if value.dtype is not tensor.dtype:
        raise DtypeError(f"a gradient of {value.dtype!r} does not belong to a tensor of {tensor.dtype!r}")
    tensor.set_grad(value)


def _set_requires_grad(tensor: Tensor, value: Any) -> None:
    if not isinstance(value, bool):
        raise RefusedValue(f"requires_grad is True or False, not {value!r}", torch="requires_grad must be a bool")
    tensor.set_requires_grad(value, NOT_FLOATING_ATTRIBUTE)


def _set_data(tensor: Tensor, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError_(
            f".data is set to a tensor, not {kind_name(value)}",
            torch=f"Variable data has to be a tensor, but got {kind_name(value)}",
        )
    tensor.set_data(value)


_SETTERS: dict[str, Callable[[Tensor, Any], None]] = {
    "grad": _set_grad,
    "requires_grad": _set_requires_grad,
    "data": _set_data,
}
