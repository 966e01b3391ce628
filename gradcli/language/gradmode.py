"""Whether operations are recorded: torch.no_grad, enable_grad, set_grad_enabled, as contexts and as decorators."""

from __future__ import annotations

from typing import Any

from gradcli.graph.node import MODE
from gradcli.language.values import Builtin, ContextManager


class GradMode(ContextManager):
    """A stretch of a program in which recording is on or off."""

    type_name = "no_grad"

    def __init__(self, on: bool) -> None:
        self.on = on
        self._before = MODE.recording

    def enter(self) -> Any:
        """Switch, and remember what it was."""
        self._before = MODE.recording
        MODE.recording = self.on

    def exit(self, failed: bool) -> None:
        """Switch back."""
        MODE.recording = self._before

    def fresh(self) -> GradMode:
        """One for each call of a decorated function."""
        return GradMode(self.on)


class SetGradEnabled(GradMode):
    """torch.set_grad_enabled(mode): switches at once; as a context it switches back at its end."""

    def __init__(self, on: bool) -> None:
        super().__init__(on)
        MODE.recording = on

    def enter(self) -> Any:
        """It has switched already."""
        MODE.recording = self.on


class NoAnomalies(ContextManager):
    """torch.autograd.set_detect_anomaly and its like: read, and without effect here."""

    type_name = "set_detect_anomaly"


def mode_function(name: str, on: bool) -> Builtin:
    """`torch.no_grad`: `with torch.no_grad():`, `@torch.no_grad()` and `@torch.no_grad`."""

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        manager = GradMode(on)
        return manager.call(args, kwargs) if args and not isinstance(args[0], bool) else manager

    return Builtin(name, call)


def set_grad_enabled(args: list[Any], kwargs: dict[str, Any]) -> Any:
    """`torch.set_grad_enabled(mode)`."""
    return SetGradEnabled(bool(args[0] if args else kwargs["mode"]))
