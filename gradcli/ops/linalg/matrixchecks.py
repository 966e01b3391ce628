"""What all of linear algebra asks of its inputs: floating matrices of one dtype, square ones, none that is singular."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, GradcliError, GradError, LinalgError, ShapeError
from gradcli.graph.node import Node
from gradcli.ops.dtyperules import TITLES
from gradcli.shapes import Shape


def check_floats(name: str, *inputs: Node) -> dtypes.DType:
    """The one dtype of the inputs, which has to be float32 or float64."""
    dtype: dtypes.DType = inputs[0].dtype
    for i in inputs:
        if not i.dtype.floating:
            raise DtypeError(
                f"a tensor of {i.dtype!r} has none; it needs a floating dtype",
                hint="convert it first: x.float()",
                torch=f"{name}: Expected a floating point or complex tensor as input. Got {TITLES[i.dtype.name]}",
            )
        if i.dtype is dtypes.float16:
            raise DtypeError(
                "float16 is too coarse for it",
                hint="convert it first: x.float()",
                torch=f"{name}: Low precision dtypes not supported. Got Half",
            )
        if i.dtype is not dtype:
            raise DtypeError(
                f"the dtypes differ: {dtype.name} and {i.dtype.name}",
                hint=f"bring them to one dtype: .to(torch.{dtypes.promote(dtype, i.dtype).name})",
                torch=f"{name}: Expected A and B to have the same dtype, but found A of type {TITLES[dtype.name]} and "
                f"B of type {TITLES[i.dtype.name]} instead",
            )
    return dtype


def floats(name: str, outputs: int = 1) -> Callable[..., Any]:
    """The dtype rule of linear algebra: float32 or float64, the same for all; so many outputs of it."""

    def rule(inputs: tuple[Node, ...], params: Any) -> tuple[None, Any]:
        dtype = check_floats(name, *inputs)
        return None, dtype if outputs == 1 else (dtype,) * outputs

    return rule


def check_matrix(name: str, shape: Shape, square: bool = False, letter: str = "A") -> None:
    """Refuse what is not a matrix or a batch of them, or not square."""
    if len(shape) < 2:
        raise ShapeError(
            f"it takes matrices, not a tensor of shape {shape}",
            torch=f"{name}: The input tensor {letter} must have at least 2 dimensions.",
        )
    if square and shape[-1] != shape[-2]:
        raise ShapeError(
            f"it takes square matrices, not {shape[-2]} by {shape[-1]}",
            torch=f"{name}: {letter} must be batches of square matrices, but they are {shape[-2]} by {shape[-1]} "
            "matrices",
        )


def square(name: str) -> Callable[..., Shape]:
    """The shape rule of ops that take square matrices and keep their shape."""

    def rule(inputs: tuple[Node, ...], params: Any) -> Shape:
        shape: Shape = inputs[0].shape
        check_matrix(name, shape, square=True)
        return shape

    return rule


def refusing_singular(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A kernel whose failures, which numpy reports, become errors in torch's words."""

    def decorate(kernel: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(kernel)
        def checked(a: Any, *others: Any, **params: Any) -> Any:
            try:
                return kernel(a, *others, **params)
            except np.linalg.LinAlgError:
                raise _singular(name, a) from None

        return checked

    return decorate


def _singular(name: str, a: Any) -> GradcliError:
    """The error that names the first zero on the diagonal of the triangular factor, and where in the batch."""
    place = ""
    for at in np.ndindex(a.shape[:-2]):
        zero = zero_pivot(a[at])
        if zero is not None:
            number = int(np.ravel_multi_index(at, a.shape[:-2])) if at else 0
            place = f"(Batch element {number}): " if at else ""
            break
    words = f"torch.{name}: {place}The solver failed because the input matrix is singular."
    if name == "linalg.inv":
        words = f"{name}: {place}The diagonal element {zero} is zero, the inversion could not be completed because the "
        words += "input matrix is singular."
    return LinalgError(
        "the matrix is singular",
        detail=f"column {(zero or 1) - 1} depends on those before it",
        hint="linalg.pinv and linalg.lstsq take singular matrices",
        torch=words,
    )


def zero_pivot(a: Any) -> int | None:
    """The first zero (counted from 1) that elimination with row exchanges leaves on the diagonal."""
    work = a.astype(np.float64)
    for at in range(len(work)):
        pivot = at + int(np.argmax(np.abs(work[at:, at])))
        if work[pivot, at] == 0:
            return at + 1
        work[[at, pivot]] = work[[pivot, at]]
        work[at + 1 :] -= np.outer(work[at + 1 :, at] / work[at, at], work[at])
    return None


def no_derivative(g: Any, y: Any, *inputs: Node, **params: Any) -> Any:
    """The rule of a factorisation that torch, too, has no derivative for.

    Raises: GradError.
    """
    raise GradError(
        "it has no derivative, in torch as here",
        hint="use .detach() where no gradient should flow",
        torch="the derivative for this factorization is not implemented.",
    )
