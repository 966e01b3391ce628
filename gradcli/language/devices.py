"""torch.device: there is the CPU; others are read, and refused where a tensor would have to move there."""

from __future__ import annotations

from typing import Any

from gradcli.errors import NotImplementedError_, TypeError_
from gradcli.language.values import no_attribute


class Device:
    """`torch.device("cpu")`."""

    type_name = "torch.device"

    def __init__(self, kind: str, index: int | None = None) -> None:
        self.kind = kind
        self.index = index

    def get_attribute(self, name: str) -> Any:
        """`.type` and `.index`."""
        if name == "type":
            return self.kind
        if name == "index":
            return self.index
        raise no_attribute("a device", name, ["type", "index"])

    def __repr__(self) -> str:
        return f"device(type='{self.kind}'{'' if self.index is None else f', index={self.index}'})"

    def __str__(self) -> str:
        return self.kind if self.index is None else f"{self.kind}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and str(other) == str(self)

    def __hash__(self) -> int:
        return hash(str(self))


CPU = Device("cpu")


def device(kind: Any = "cpu", index: int | None = None) -> Device:
    """`torch.device(...)`, from its text or another device."""
    if isinstance(kind, Device):
        return kind
    if not isinstance(kind, str):
        raise TypeError_(f"a device is given by its name, such as 'cpu', not {type(kind).__name__}")
    name, _, number = kind.partition(":")
    return Device(name, int(number) if number.isdigit() else index)


def check_device(wanted: Any) -> None:
    """Refuse a device that is not the CPU.

    Raises: NotImplementedError_.
    """
    if wanted is not None and device(wanted).kind not in ("cpu", "meta"):
        raise NotImplementedError_(
            f"there is no {device(wanted)} here: gradcli computes on the CPU",
            hint='use device="cpu", or choose by torch.cuda.is_available()',
            torch="Torch not compiled with CUDA enabled",
        )
