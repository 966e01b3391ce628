"""Where and how tensors lie in memory: torch.device, of which there is the CPU (others are read, and refused where a
tensor would have to move there), and the names of layouts and memory formats, which are read and change nothing."""

from __future__ import annotations

from typing import Any

from gradcli.errors import NoDevice, TypeError_
from gradcli.language.python.values import Builtin, no_attribute


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


class Format:
    """`torch.strided`, `torch.preserve_format`: what `layout=` and `memory_format=` take."""

    def __init__(self, name: str, type_name: str) -> None:
        self.name = name
        self.type_name = type_name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


STRIDED = Format("strided", "torch.layout")
FORMATS = {"strided": STRIDED} | {
    name: Format(name, "torch.memory_format") for name in ("contiguous_format", "preserve_format", "channels_last")
}


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

    Raises: NoDevice.
    """
    if wanted is not None and device(wanted).kind not in ("cpu", "meta"):
        raise NoDevice(
            f"there is no {device(wanted)} here: gradcli computes on the CPU",
            hint='use device="cpu", or choose by torch.cuda.is_available()',
            torch="Torch not compiled with CUDA enabled",
        )


class Switches:
    """`torch.backends.cudnn`, `torch.backends.mps`: what programs set or ask about machines that are not here."""

    type_name = "module"

    def __init__(self, name: str) -> None:
        self.name = name
        self._set: dict[str, Any] = {"deterministic": False, "benchmark": False, "enabled": False}

    def get_attribute(self, name: str) -> Any:
        """A switch, or `is_available`."""
        if name == "is_available":
            return Builtin(name, lambda args, kwargs: False)
        if name not in self._set:
            raise no_attribute(f"module '{self.name}'", name, self._set)
        return self._set[name]

    def set_attribute(self, name: str, value: Any) -> None:
        """Remember a switch; nothing follows from it."""
        self.get_attribute(name)
        self._set[name] = value

    def __repr__(self) -> str:
        return f"<module '{self.name}'>"


def backends() -> dict[str, Switches]:
    """The modules of torch.backends."""
    return {name: Switches(f"torch.backends.{name}") for name in ("cudnn", "mps")}
