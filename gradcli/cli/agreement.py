"""Whether a formula in an explanation is true of the numbers beside it: both are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.errors import GradcliError, NameError_
from gradcli.graph.terms import Term, below
from gradcli.language.syntax import ast

Array = np.ndarray[Any, Any]
LARGE = 20_000  # elements; formulas of larger arrays are not evaluated
MANY = 2000  # formulas; of a longer program the others are not evaluated
LOST = 1000  # how many times the last digit cancelling may cost
CLOSE = 1e-2  # laws are tested elsewhere: what is looked for is a kink, a zero, or what is not finite


class Agreement:
    """The judge of formulas. texts: what a formula is as lines of the language; module: the program."""

    def __init__(self, texts: Callable[[Term], list[str]], module: ast.Module) -> None:
        self.texts = texts
        self.left = MANY
        defined = [part for part in module.body if isinstance(part, ast.ClassDef)]
        self.definitions = ast.Module(list(defined), module.source, module.start, module.end) if defined else None

    def agrees(self, formula: Term | None, wanted: Array, values: Mapping[str, Array]) -> bool:
        """Whether a formula gives these numbers where its names have these values; one that is not there does."""
        if formula is None:
            return True
        if formula.head == "number":
            return _close(np.asarray(float(formula.value)), wanted, 0.0)
        used = {name: values[name] for name in _names(formula) if name in values}
        if not self.left or wanted.size + sum(np.size(array) for array in used.values()) > LARGE:
            return True
        self.left -= 1
        wide = all(array.dtype == np.float64 for array in used.values() if array.dtype.kind == "f")
        return self._gives(formula, used, wanted, True) or (not wide and self._gives(formula, used, wanted, False))

    def _gives(self, formula: Term, used: Mapping[str, Array], wanted: Array, wide: bool) -> bool:
        """Whether the numbers come out. wide: in float64, where rounding decides least; else as they are."""
        session = Session(dtype="float64" if wide else "float32")
        if self.definitions is not None:  # a torch.autograd.Function of the program
            session.run(self.definitions)
        for name, array in used.items():
            session.set(name, array.astype(np.float64) if wide and array.dtype.kind == "f" else array)
        try:
            found = session.eval("\n".join(self.texts(formula)))
        except NameError_:
            return bool(np.all(np.isfinite(wanted)))  # it names what only the program has
        except GradcliError:
            return False
        got = np.asarray(found.numpy() if hasattr(found, "numpy") else found)
        return _close(got, wanted, _rounding([*used.values(), wanted]))


def _names(formula: Term) -> set[str]:
    """The variables of a formula; x.detach() is made of x."""
    names = (str(part.param("name")) for part in below(formula) if part.head == "variable")
    return {name.removesuffix(".detach()") for name in names}


def _rounding(arrays: Sequence[Array]) -> float:
    """How far numbers made of these may be off, by rounding and by what cancels."""
    kinds = [np.asarray(array) for array in arrays]
    floating = [array for array in kinds if array.dtype.kind == "f"]
    epsilon = max((float(np.finfo(array.dtype).eps) for array in floating), default=0.0)
    largest = max((float(np.abs(array[np.isfinite(array)]).max(initial=0)) for array in floating), default=0.0)
    return LOST * epsilon * largest


def _close(got: Array, wanted: Array, rounding: float) -> bool:
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    if got.size == 1:
        got = got.reshape(())
    if got.ndim and got.shape != wanted.shape:
        return False
    got = np.broadcast_to(got, wanted.shape)
    return bool(np.allclose(got, wanted, rtol=CLOSE, atol=rounding + 1e-30, equal_nan=True))
