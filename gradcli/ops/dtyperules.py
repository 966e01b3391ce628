"""Dtype rules that op families share beyond those of `graph/op.py`: numbers among the arguments, and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.errors import DtypeError, RefusedValue, UnsupportedDtype
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import DtypeRule, number, promote_inputs

# What torch calls a dtype in `"floor_vml_cpu" not implemented for 'Bool'`.
TITLES = {
    "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long",
    "float16": "Half", "float32": "Float", "float64": "Double",
}  # fmt: skip

# And in `expected dtype double`.
C_NAMES = {
    "float16": "c10::Half", "float32": "float", "float64": "double", "int64": "long int", "int32": "int",
    "int16": "short int", "int8": "signed char", "uint8": "unsigned char",
}  # fmt: skip


def joined_by(*names: str) -> DtypeRule:
    """The rule `promoted` where these arguments, Python numbers or None, count as operands too."""

    def rule(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[DType | None, Any]:
        numbers = [number(params[name]) for name in names if params[name] is not None]
        dtype = promote_inputs((*inputs, *numbers))
        return dtype, dtype

    return rule


def floating_with(*names: str) -> DtypeRule:
    """As `joined_by`, but integers and bools become the default dtype."""
    joined = joined_by(*names)

    def rule(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[DType | None, Any]:
        dtype = joined(inputs, params)[1]
        if not dtype.floating:
            dtype = MODE.default
        return dtype, dtype

    return rule


def refusing(rule: DtypeRule, kernel: str, *refused: int | DType) -> DtypeRule:
    """A rule that does not take inputs of these dtypes or categories. kernel: the name in torch's refusal."""

    def checked(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[DType | None, Any]:
        target, result = rule(inputs, params)
        found = target or inputs[0].dtype
        if found.category in refused or found in refused:
            raise not_taken(found, kernel)
        return target, result

    return checked


def not_taken(dtype: DType, kernel: str) -> UnsupportedDtype:
    """The error for a dtype that an op has no kernel for."""
    hint = "convert it first: x.float()"
    if dtype is dtypes.bool_:
        hint = "convert it first: x.int() or x.float()"
    elif dtype.floating and dtype is not dtypes.float16:
        hint = "convert it to an integer dtype first: x.long()"
    return UnsupportedDtype(
        f"it does not take {dtype.name} tensors",
        hint=hint,
        torch=f"\"{kernel}\" not implemented for '{TITLES[dtype.name]}'",
    )


def check_same(inputs: tuple[Node, ...], torch: str) -> None:
    """Refuse tensors of different dtypes where torch promotes nothing. torch: its own words for it."""
    first = inputs[0].dtype
    for other in inputs[1:]:
        if other.dtype is not first:
            raise DtypeError(
                f"the dtypes differ: {first.name} and {other.dtype.name}",
                hint=f"bring them to one dtype: .to(torch.{dtypes.promote(first, other.dtype).name})",
                torch=torch.format(
                    first=TITLES[first.name],
                    second=TITLES[other.dtype.name],
                    first_name=C_NAMES.get(first.name, first.name),
                    second_name=C_NAMES.get(other.dtype.name, other.dtype.name),
                ),
            )


def wrapped(value: float, dtype: np.dtype[Any]) -> Any:
    """A Python number as a kernel needs it beside an array of this dtype: integers wrap round, as torch's do."""
    return float(value) if dtype.kind == "f" else np.asarray(int(value)).astype(dtype)


def fitted(value: float, dtype: np.dtype[Any]) -> Any:
    """As `wrapped`, but refused where torch refuses it.

    Raises: ValueError_ when an integer does not fit the dtype.
    """
    if dtype.kind in "iu" and abs(int(value)) > np.iinfo(dtype).max + (value < 0):
        raise RefusedValue(
            f"{value} does not fit {dtype.name}",
            hint="convert the tensor first: x.long()",
            torch=f"value cannot be converted to type {dtype.name}_t without overflow",
        )
    return wrapped(value, dtype)


def new(grad_fn: str) -> tuple[str, str]:
    """The grad_fn names of an op that PyTorch 1.0 lacks: PyTorch 2's name in both."""
    return grad_fn, grad_fn
