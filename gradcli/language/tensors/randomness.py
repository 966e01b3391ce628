"""torch.Generator: a stream of random numbers of a program's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcli.graph.op import leaf
from gradcli.language.context import Context, current
from gradcli.language.python.values import Builtin, ContextManager, no_attribute
from gradcli.language.tensors.tensor import Tensor

if TYPE_CHECKING:
    from gradcli.ops.random.generator import Generator


class GeneratorValue:
    """`torch.Generator()`; what `generator=` takes."""

    type_name = "Generator"

    def __init__(self, generator: Generator | None = None) -> None:
        if generator is None:
            from gradcli.ops.random.generator import DEFAULT_SEED, Generator  # start-up: most programs draw nothing

            generator = Generator(DEFAULT_SEED)
        self.generator = generator

    def get_attribute(self, name: str) -> Any:
        """manual_seed, seed, initial_seed, get_state, set_state."""
        methods: dict[str, Callable[..., Any]] = {
            "manual_seed": self._manual_seed,
            "seed": self.generator.reseed,
            "initial_seed": self.generator.initial_seed,
            "get_state": lambda: state_of(self.generator),
            "set_state": lambda state: set_state(self.generator, state),
        }
        if name not in methods:
            raise no_attribute("a Generator", name, methods)
        return Builtin(name, lambda args, kwargs: methods[name](*args, **kwargs))

    def _manual_seed(self, seed: int) -> GeneratorValue:
        self.generator.seed(seed)
        return self

    def __repr__(self) -> str:
        return "<torch.Generator>"


class ForkRng(ContextManager):
    """`torch.random.fork_rng()`: afterwards the numbers go on as if nothing had been drawn inside."""

    type_name = "fork_rng"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._state: Any = None

    def enter(self) -> Any:
        """Keep the state."""
        self._state = self._context.generator.get_state()

    def exit(self, failed: bool) -> None:
        """Go back to it."""
        self._context.generator.set_state(self._state)


def state_of(generator: Generator) -> Tensor:
    """`torch.get_rng_state()`: the state as a tensor of bytes."""
    return Tensor(leaf(np.asarray(generator.get_state())), current())


def set_state(generator: Generator, state: Tensor) -> None:
    """`torch.set_rng_state(state)`."""
    generator.set_state(state.numpy())
