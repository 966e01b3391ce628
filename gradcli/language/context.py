"""What one session keeps for its tensors: dtype of Python floats, random numbers, print options, grad_fn names."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.engine.run import run
from gradcli.graph.node import MODE

if TYPE_CHECKING:
    from gradcli.language.tensors.tensor import Tensor
    from gradcli.ops.random.generator import Generator
    from gradcli.render.torchtext import PrintOptions


class Context:
    """One per Session: what torch keeps per process.

    names: "torch1" or "torch2", the version whose grad_fn names are shown. call: calls a function of the language.
    deferred: tensors whose nodes were not computed when they were made; empty after `settle`.
    tracing: a function runs on tensors that have no value yet, so nothing is deferred to the end of a statement.
    """

    def __init__(self, dtype: DType = dtypes.float32, names: str = "torch2") -> None:
        self.default = dtype
        self.names = names
        self.recording = True
        self.inference = False
        self.anomalies = False
        self.functions: dict[str, Any] = {}
        self.call: Callable[[Any, list[Any], dict[str, Any]], Any] = _no_machine
        self.write: Callable[[str], None] = _discard
        self._generator: Generator | None = None
        self._print_options: PrintOptions | None = None
        self.deferred: list[weakref.ref[Tensor]] = []
        self.tracing = False
        self._depth = 0

    @property
    def generator(self) -> Generator:
        """The session's random numbers; seeded by the system until manual_seed."""
        if self._generator is None:
            from gradcli.ops.random.generator import Generator  # start-up: most commands draw nothing

            self._generator = Generator()
        return self._generator

    @property
    def print_options(self) -> PrintOptions:
        """How tensors are printed (torch.set_printoptions)."""
        if self._print_options is None:
            from gradcli.render.torchtext import PrintOptions  # start-up

            self._print_options = PrintOptions()
        return self._print_options

    def defer(self, tensor: Tensor) -> None:
        """Remember a tensor whose node is not computed yet."""
        if not self.tracing:
            self.deferred.append(weakref.ref(tensor))

    def settle(self) -> None:
        """Compute what statements left deferred and somebody still holds, as one plan: no work piles up."""
        if MODE.deferring:  # a traced program has no values yet
            self.deferred.clear()
        elif self.deferred:
            held = [tensor for ref in self.deferred if (tensor := ref()) is not None]
            self.deferred.clear()
            nodes = [node for tensor in held if (node := tensor.node).value is None]
            if nodes:
                run(nodes)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Inside, this session's settings are those of the process; numpy's warnings do not reach the user."""
        global _current
        before = MODE.default, MODE.recording, MODE.deferring, MODE.horizon, MODE.touched
        before_modes = MODE.inference, MODE.anomalies
        outer, _current = _current, self
        MODE.default, MODE.recording = self.default, self.recording
        MODE.inference, MODE.anomalies = self.inference, self.anomalies
        MODE.deferring, MODE.horizon, MODE.touched = False, 0, False
        try:
            with np.errstate(all="ignore"):
                yield
        finally:
            _current = outer
            self.default, self.recording = MODE.default, MODE.recording
            self.inference, self.anomalies = MODE.inference, MODE.anomalies
            MODE.inference, MODE.anomalies = before_modes
            MODE.default, MODE.recording, MODE.deferring, MODE.horizon, MODE.touched = before


_current: Context | None = None


def current() -> Context:
    """The context of the session that is running."""
    assert _current is not None
    return _current


def _no_machine(function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    raise AssertionError("no interpreter is attached to this context")


def _discard(text: str) -> None:
    """A context without an interpreter prints nowhere."""
