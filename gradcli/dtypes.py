"""Dtypes and their promotion, as torch has them: pure functions on names and categories."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gradcli.errors import AttributeError_

BOOL, INTEGER, FLOATING = 0, 1, 2


class DType:
    """A dtype: `name` as torch prints it, `numpy` the array dtype, `category` BOOL < INTEGER < FLOATING."""

    __slots__ = ("category", "floating", "name", "numpy", "rank")

    def __init__(self, name: str, category: int, rank: int) -> None:
        self.name = name
        self.numpy = np.dtype(name)
        self.category = category
        self.floating = category == FLOATING
        self.rank = rank

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.numpy.itemsize

    def get_attribute(self, name: str) -> object:
        """`x.dtype.is_floating_point`, as programs reach it."""
        known: dict[str, object] = {
            "is_floating_point": self.floating,
            "is_complex": False,
            "is_signed": self.name not in ("bool", "uint8"),
            "itemsize": self.itemsize,
        }
        if name not in known:
            raise AttributeError_(f"a dtype has no attribute {name!r}", hint=f"it has {', '.join(known)}")
        return known[name]

    def __repr__(self) -> str:
        return f"torch.{self.name}"


bool_ = DType("bool", BOOL, 0)
uint8 = DType("uint8", INTEGER, 1)
int8 = DType("int8", INTEGER, 1)
int16 = DType("int16", INTEGER, 2)
int32 = DType("int32", INTEGER, 3)
int64 = DType("int64", INTEGER, 4)
float16 = DType("float16", FLOATING, 5)
float32 = DType("float32", FLOATING, 6)
float64 = DType("float64", FLOATING, 7)

ALL = (bool_, uint8, int8, int16, int32, int64, float16, float32, float64)
# torch's second names: torch.double, x.long(), torch.LongTensor
ALIASES = {
    "bool": bool_, "uint8": uint8, "int8": int8, "int16": int16, "int32": int32, "int64": int64,
    "float16": float16, "float32": float32, "float64": float64,
    "half": float16, "float": float32, "double": float64,
    "short": int16, "int": int32, "long": int64,
}  # fmt: skip
_BY_NUMPY = {d.numpy: d for d in ALL}


def from_numpy(dtype: np.dtype[np.generic]) -> DType | None:
    """The dtype of a numpy array, or None where torch has no such dtype here."""
    return _BY_NUMPY.get(dtype.newbyteorder("="))


def promote(a: DType, b: DType) -> DType:
    """The dtype that holds both, by torch's table for tensors of equal priority."""
    if a is b:
        return a
    if {a, b} == {uint8, int8}:
        return int16
    return a if a.rank >= b.rank else b


def _combine(higher: DType | None, lower: DType | None) -> DType | None:
    """A lower-priority group raises the dtype only by being of a higher category."""
    if higher is None or lower is None:
        return higher or lower
    if higher.category == FLOATING:
        return higher
    if higher.category == BOOL or lower.category == FLOATING:
        return promote(higher, lower)
    return higher


def result_type(full: Iterable[DType], zero_dim: Iterable[DType], numbers: Iterable[int], default: DType) -> DType:
    """The dtype in which tensors with dimensions, tensors without, and Python numbers are combined.

    numbers: the categories of the Python numbers. default: what a Python float counts as.
    Source: torch.result_type (c10 `ResultTypeState`): a group of lower priority only matters by its category.
    """
    number_dtypes = ((bool_, int64, default)[category] for category in numbers)
    groups = [_join(group) for group in (full, zero_dim, number_dtypes)]
    result = _combine(groups[0], _combine(groups[1], groups[2]))
    return default if result is None else result


def _join(dtypes: Iterable[DType]) -> DType | None:
    joined: DType | None = None
    for dtype in dtypes:
        joined = dtype if joined is None else promote(joined, dtype)
    return joined


def number_category(value: object) -> int:
    """BOOL, INTEGER or FLOATING for a Python number."""
    if isinstance(value, bool):
        return BOOL
    return INTEGER if isinstance(value, int) else FLOATING
