"""torch.finfo and torch.iinfo: the largest, smallest and closest numbers of a dtype."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gradcli.errors import TypeError_
from gradcli.language.python.values import no_attribute
from gradcli.language.tensors import construct


class Limits:
    """What `torch.finfo(dtype)` or `torch.iinfo(dtype)` gives; it prints some fields, rounded as torch does."""

    type_name: ClassVar[str]
    shown: ClassVar[tuple[str, ...]]

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def get_attribute(self, name: str) -> Any:
        """eps, max, min, tiny, bits ..."""
        if name not in self._values:
            raise no_attribute("the limits of a dtype", name, self._values)
        return self._values[name]

    def __repr__(self) -> str:
        values = ((name, self._values[name]) for name in self.shown)
        fields = (f"{name}={value if isinstance(value, str) else format(value, 'g')}" for name, value in values)
        return f"{self.type_name.rpartition('.')[2]}({', '.join(fields)})"


class FloatLimits(Limits):
    """`torch.finfo(dtype)`."""

    type_name = "torch.finfo"
    shown = ("resolution", "min", "max", "eps", "smallest_normal", "tiny", "dtype")


class IntegerLimits(Limits):
    """`torch.iinfo(dtype)`."""

    type_name = "torch.iinfo"
    shown = ("min", "max", "dtype")


def number_limits(dtype: Any, floating: bool) -> Limits:
    """The largest, smallest and closest numbers of a dtype.

    Raises: TypeError_ for finfo of an integer dtype and the other way round.
    """
    wanted = construct.as_dtype(dtype)
    if wanted is None or wanted.floating != floating:
        raise TypeError_(f"{'finfo' if floating else 'iinfo'} does not take {dtype!r}")
    if not floating:
        i = np.iinfo(wanted.numpy)
        return IntegerLimits({"max": int(i.max), "min": int(i.min), "bits": int(i.bits), "dtype": wanted.name})
    f = np.finfo(wanted.numpy)
    return FloatLimits({
        "eps": float(f.eps), "max": float(f.max), "min": float(f.min), "tiny": float(f.tiny),
        "smallest_normal": float(f.tiny), "resolution": 10.0**-f.precision, "bits": int(f.bits), "dtype": wanted.name,
    })  # fmt: skip
