"""Whether operations are recorded: torch.no_grad, enable_grad, set_grad_enabled, as contexts and as decorators."""

from __future__ import annotations

from typing import Any

from gradcli.autodiff.once import differentiable_once
from gradcli.graph.node import MODE, recording
from gradcli.language.context import Context
from gradcli.language.python.arguments import REQUIRED, arguments
from gradcli.language.python.values import Builtin, ContextManager
from gradcli.language.tensors.tensor import Tensor


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


class InferenceMode(GradMode):
    """torch.inference_mode(): recording is off, and the tensors made inside stay out of autograd for good."""

    type_name = "inference_mode"

    def __init__(self, on: bool) -> None:
        super().__init__(not on)
        self._inference = MODE.inference

    def enter(self) -> Any:
        """Switch both."""
        super().enter()
        self._inference = MODE.inference
        MODE.inference = not self.on

    def exit(self, failed: bool) -> None:
        """Switch both back."""
        super().exit(failed)
        MODE.inference = self._inference

    def fresh(self) -> GradMode:
        """One for each call of a decorated function."""
        return InferenceMode(not self.on)


def inference_mode(args: list[Any], kwargs: dict[str, Any]) -> Any:
    """`torch.inference_mode(mode=True)`, also as a decorator without parentheses."""
    if args and not isinstance(args[0], bool):
        return InferenceMode(True).call(args, kwargs)
    return InferenceMode(bool(args[0] if args else kwargs.get("mode", True)))


class SetGradEnabled(GradMode):
    """torch.set_grad_enabled(mode): switches at once; as a context it switches back at its end."""

    def __init__(self, on: bool) -> None:
        super().__init__(on)
        MODE.recording = on

    def enter(self) -> Any:
        """It has switched already."""
        MODE.recording = self.on


class DetectAnomaly(ContextManager):
    """torch.autograd.detect_anomaly(): a backward pass inside refuses a gradient that is nan.

    at_once: it begins when it is made, as set_detect_anomaly does.
    """

    type_name = "detect_anomaly"

    def __init__(self, on: bool, at_once: bool = False) -> None:
        self.on = on
        self._before = MODE.anomalies
        if at_once:
            MODE.anomalies = on

    def enter(self) -> Any:
        """Begin to look."""
        MODE.anomalies = self.on

    def exit(self, failed: bool) -> None:
        """As it was before."""
        MODE.anomalies = self._before


def detect_anomaly(args: list[Any], kwargs: dict[str, Any]) -> DetectAnomaly:
    """`torch.autograd.detect_anomaly(check_nan=True)`."""
    return DetectAnomaly(bool(args[0] if args else kwargs.get("check_nan", True)))


def set_detect_anomaly(args: list[Any], kwargs: dict[str, Any]) -> DetectAnomaly:
    """`torch.autograd.set_detect_anomaly(mode, check_nan=True)`."""
    mode, check_nan = arguments("set_detect_anomaly", args, kwargs, mode=REQUIRED, check_nan=True)
    return DetectAnomaly(bool(mode) and bool(check_nan), at_once=True)


def mode_function(name: str, on: bool) -> Builtin:
    """`torch.no_grad`: `with torch.no_grad():`, `@torch.no_grad()` and `@torch.no_grad`."""

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        manager = GradMode(on)
        return manager.call(args, kwargs) if args and not isinstance(args[0], bool) else manager

    return Builtin(name, call)


def set_grad_enabled(args: list[Any], kwargs: dict[str, Any]) -> Any:
    """`torch.set_grad_enabled(mode)`."""
    return SetGradEnabled(bool(args[0] if args else kwargs["mode"]))


def once_differentiable(context: Context, function: Any) -> Builtin:
    """A backward formula that records nothing: what it gives cannot be differentiated."""

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        recorded = MODE.recording and any(isinstance(part, Tensor) and part.requires_grad for part in args)
        with recording(False):
            answer = context.call(function, args, kwargs)
        if not recorded:
            return answer
        if isinstance(answer, tuple):
            return tuple(_once(part) for part in answer)
        return _once(answer)

    return Builtin("once_differentiable", call)


def _once(part: Any) -> Any:
    return Tensor(differentiable_once(part.node), part.context) if isinstance(part, Tensor) else part
