"""torch.autograd.gradcheck and gradgradcheck: derivatives of a function of the program against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcli.autodiff.check import close, finite_differences
from gradcli.errors import AssertionError_, AttributeError_, GradcliError, GradError, ValueError_
from gradcli.graph.node import recording
from gradcli.graph.op import leaf
from gradcli.language.context import Context
from gradcli.language.python.values import Builtin, type_name
from gradcli.language.tensors import autograd
from gradcli.language.tensors.autograd import filled
from gradcli.language.tensors.tensor import Tensor
from gradcli.language.transforms.batching import jacobian_columns, jacobian_rows


class GradcheckError(GradcliError):
    """A derivative that does not agree with finite differences."""

    catches = ("GradcheckError", "RuntimeError", "Exception", "BaseException")


def gradcheck(
    context: Context,
    func: Any,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: Any = None,
) -> bool:
    """Whether the derivatives of a function agree with central differences at the inputs that require grad.

    eps: the step. atol, rtol: how far a derivative may be from the difference.
    Raises: GradcheckError (unless raise_exception=False) when they differ; ValueError_ when no input requires grad.
    """
    _check_modes(check_forward_ad, check_backward_ad, check_batched_grad, check_batched_forward_grad)
    check = Check(context, func, _as_list(inputs), eps, rtol, atol)
    try:
        with recording(True):
            check.run(backward=check_backward_ad, forward=check_forward_ad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check_modes(forward: bool, backward: bool, batched: bool, batched_forward: bool) -> None:
    """Raises: AssertionError_ for checks that do not go together."""
    if not forward and not backward:
        message = "Expected at least one of check_forward_ad or check_backward_ad to be True"
    elif batched and not backward:
        message = "Setting check_batched_grad=True requires check_backward_ad to be True"
    elif batched_forward and not forward:
        message = "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
    else:
        return
    raise AssertionError_(message, torch=message)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


def _differentiable(value: Any) -> list[Tensor]:
    """The tensors of a function's answer that require grad. Raises: AttributeError_ for anything else in it."""
    parts = _as_list(value)
    for part in parts:
        if not isinstance(part, Tensor):
            raise AttributeError_(
                f"a checked function gives tensors, not {type_name(part)}",
                torch=f"'{type_name(part)}' object has no attribute 'requires_grad'",
            )
    return [part for part in parts if part.requires_grad]


class Check:
    """One gradient check: a function, where, and how exactly."""

    def __init__(self, context: Context, func: Any, inputs: list[Any], eps: float, rtol: float, atol: float) -> None:
        self.context = context
        self.func = func
        self.inputs = inputs
        self.eps, self.rtol, self.atol = eps, rtol, atol
        self.wrt = [at for at, i in enumerate(inputs) if isinstance(i, Tensor) and i.requires_grad]

    def run(self, *, backward: bool, forward: bool) -> None:
        """Check each output against each input.

        Raises: GradcheckError, ValueError_.
        """
        if not self.wrt:
            raise ValueError_(
                "gradcheck needs an input that requires grad",
                hint="torch.randn(3, dtype=torch.float64, requires_grad=True)",
                torch="gradcheck expects at least one input tensor to require gradient, but none of them have "
                "requires_grad=True.",
            )
        points = [self.inputs[at].numpy() for at in self.wrt]
        own = self._tensors(points)
        outputs = self._call(own)
        differences = [finite_differences(self._values, points, at, self.eps) for at in range(len(points))]
        if not outputs:
            self._check_constant(points)
        for number, output in enumerate(outputs):
            expected = [blocks[number] for blocks in differences]
            if backward:
                self._compare(number, _by_rows(output, own), expected, "")
            if forward:
                self._compare(number, [_by_columns(output, i) for i in own], expected, "computed with forward mode ")
        if backward:
            _check_linear(outputs, own)

    def _tensors(self, points: Sequence[np.ndarray]) -> list[Tensor]:
        made = []
        for point in points:
            made.append(Tensor(leaf(point.copy()), self.context))
            made[-1].set_requires_grad(True)
        return made

    def _answer(self, own: Sequence[Tensor]) -> Any:
        arguments = list(self.inputs)
        for at, tensor in zip(self.wrt, own, strict=True):
            arguments[at] = tensor
        return self.context.call(self.func, arguments, {})

    def _call(self, own: Sequence[Tensor]) -> list[Tensor]:
        return _differentiable(self._answer(own))

    def _values(self, points: list[np.ndarray]) -> list[np.ndarray]:
        return [output.numpy() for output in self._call(self._tensors(points))]

    def _check_constant(self, points: list[np.ndarray]) -> None:
        """Raises: GradcheckError when outputs without history depend on the inputs nevertheless."""

        def values(at_points: list[np.ndarray]) -> list[np.ndarray]:
            answer = _as_list(self._answer(self._tensors(at_points)))
            return [y.numpy() for y in answer if isinstance(y, Tensor) and y.dtype.floating]

        for at in range(len(points)):
            for block in finite_differences(values, points, at, self.eps):
                if not close(block, np.zeros_like(block), 0, 1e-12):
                    raise GradcheckError(
                        "the function depends on its input, but its output has no history",
                        torch="Numerical gradient for function expected to be zero",
                    )

    def _compare(self, number: int, found: list[np.ndarray], expected: list[np.ndarray], mode: str) -> None:
        for at, analytical, numerical in zip(self.wrt, found, expected, strict=True):
            if not close(analytical, numerical, self.rtol, self.atol):
                shown = [repr(Tensor(leaf(block), self.context)) for block in (numerical, analytical)]
                text = f"numerical:{shown[0]}\nanalytical:{shown[1]}\n"
                double = self.inputs[at].dtype.name == "float64"
                raise GradcheckError(
                    f"the derivative {mode}of output {number} with respect to input {at} is not that of finite "
                    f"differences\n{text.rstrip()}",
                    hint=None if double else "use float64 inputs: a step of 1e-6 is lost in the rounding of others",
                    torch=f"Jacobian {mode}mismatch for output {number} with respect to input {at},\n{text}",
                )


def _by_rows(output: Tensor, own: list[Tensor]) -> list[np.ndarray]:
    """The Jacobian by backward passes, (elements of the input, elements of the output)."""
    size = output.node.size
    return [
        np.zeros((i.node.size, size), i.dtype.numpy) if block is None else block.numpy().reshape(size, i.node.size).T
        for i, block in zip(own, jacobian_rows(output, own, False), strict=True)
    ]


def _by_columns(output: Tensor, i: Tensor) -> np.ndarray:
    """The Jacobian by forward passes, (elements of the input, elements of the output)."""
    return jacobian_columns(output, i, False).numpy().reshape(output.node.size, i.node.size).T


def _check_linear(outputs: list[Tensor], own: list[Tensor]) -> None:
    """Raises: GradcheckError when a backward formula does not depend on the cotangent it is given."""
    if not outputs:
        return
    zeros = [Tensor(filled(o.shape, o.dtype, 0), o.context) for o in outputs]
    found = autograd.grad(outputs, own, zeros, allow_unused=True, retain_graph=True)
    for g in found:
        if g is not None and np.any(g.numpy() != 0):
            raise GradcheckError(
                "a backward formula does not multiply by the cotangent it is given",
                hint="backward(ctx, grad_output) returns grad_output * the local derivative",
                torch="backward not multiplied by grad_output",
            )


def gradgradcheck(
    context: Context,
    func: Any,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether second derivatives agree with central differences of the first: gradcheck of the backward pass.

    Raises: GradcheckError, ValueError_, as gradcheck.
    """
    given = _as_list(inputs)
    if grad_outputs is None:
        seeds = _random_seeds(context, _differentiable(context.call(func, list(given), {})))
    else:
        seeds = _as_list(grad_outputs)
    count = len(given)
    wrt = [at for at, i in enumerate(given) if isinstance(i, Tensor) and i.requires_grad]

    def backward(args: list[Any], kwargs: dict[str, Any]) -> tuple[Tensor, ...]:
        outputs = _differentiable(context.call(func, list(args[:count]), {}))
        if not outputs:
            raise GradError("the function has no output that requires grad", op="gradgradcheck")
        own = [args[at] for at in wrt]
        found = autograd.grad(outputs, own, list(args[count:]), create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        context,
        Builtin("backward", backward),
        [*given, *seeds],
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
    )


def _random_seeds(context: Context, outputs: list[Tensor]) -> list[Tensor]:
    """A cotangent between -1 and 1 for each output, from the session's random numbers."""
    made = []
    for output in outputs:
        values = context.generator.uniform(output.shape, output.dtype.numpy, -1.0, 1.0)
        made.append(Tensor(leaf(values), context))
        made[-1].set_requires_grad(True)
    return made


FUNCTIONS: dict[str, Callable[..., Any]] = {"gradcheck": gradcheck, "gradgradcheck": gradgradcheck}
