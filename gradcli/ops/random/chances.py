"""Draws by chance: bernoulli and multinomial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.errors import DtypeError, RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, kept, op, same
from gradcli.ops.declare import refuse
from gradcli.ops.dtyperules import TITLES, not_taken
from gradcli.ops.random.random import FROM, known, zeros_rule
from gradcli.shapes import Shape

_UNLIKELY = (
    "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be improved?  If so, please "
    "report an enhancement request to PyTorch.)"
)


def check_chances(p: Any, torch: str) -> None:
    """Refuse what is no probability.

    Raises: ValueError_.
    """
    held = np.asarray(p)
    if held.size and not ((held >= 0) & (held <= 1)).all():
        wrong = held[~((held >= 0) & (held <= 1))].flat[0]
        raise RefusedValue(
            f"a probability has to be from 0 to 1; there is {wrong:g}", torch=torch.format(p=f"{wrong:g}")
        )


def _bernoulli_kernel(p: Any, generator: Any) -> Any:
    check_chances(p, _UNLIKELY)
    return generator.bernoulli(np.asarray(p))


def _chance_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
    if not inputs[0].dtype.floating:
        raise not_taken(inputs[0].dtype, "bernoulli_tensor_cpu_p_")
    return None, inputs[0].dtype


_bernoulli: Op = op(
    "_bernoulli(Tensor input, generator generator)",
    "1 with the probability input, else 0.",
    spelled=["_"],
    kernel=_bernoulli_kernel,
    grad=zeros_rule,
    shape=same,
    dtype=_chance_dtype,
    grad_fn=("BernoulliBackward0", "BernoulliBackward0"),
    random=True,
)
op(
    f"bernoulli(Tensor input, *, {FROM})",
    "1 with the probability input, else 0.",
    expands=lambda x, generator: _bernoulli(*known((x,)), generator=generator),
)


def _plain_bernoulli(x: Any, p: float, generator: Any) -> Any:
    check_chances(p, "bernoulli_ expects p to be in [0, 1], but got p={p}")
    return generator.bernoulli(float(p), x.dtype, x.shape)


op(
    f"bernoulli(Tensor input, float p, *, {FROM})",
    "1 with probability p, else 0, in the shape and dtype of input.",
    kernel=_plain_bernoulli,
    grad=refuse,
    grad_fn=("BernoulliBackward1", "NotImplemented"),
    shape=same,
    dtype=kept,
    random=True,
)


def _multinomial_kernel(weights: Any, num_samples: int, replacement: bool, generator: Any) -> Any:
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RefusedValue(
            "a weight has to be a finite number that is not negative",
            torch="probability tensor contains either `inf`, `nan` or element < 0",
        )
    if (weights.sum(-1) <= 0).any():
        raise RefusedValue(
            "the weights of a row are all 0", torch="invalid multinomial distribution (sum of probabilities <= 0)"
        )
    return generator.multinomial(weights, num_samples, replacement)


def _multinomial_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape, count = inputs[0].shape, params["num_samples"]
    if len(shape) not in (1, 2):
        raise ShapeError(
            f"the weights have shape {shape}; they can be a vector or a matrix", torch="prob_dist must be 1 or 2 dim"
        )
    if count < 1:
        raise RefusedValue(f"it draws {count}; that has to be 1 or more", torch="cannot sample n_sample <= 0 samples")
    if not params["replacement"] and count > shape[-1]:
        raise RefusedValue(
            f"{count} cannot be drawn from {shape[-1]} without putting them back",
            hint="replacement=True puts them back",
            torch="cannot sample n_sample > prob_dist.size(-1) samples without replacement",
        )
    return (*shape[:-1], count)


def _multinomial_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
    if not inputs[0].dtype.floating:
        raise DtypeError(
            f"the weights are of {inputs[0].dtype}; they have to be floating",
            hint="convert them: .float()",
            torch="multinomial only supports floating-point dtypes for input, got: " + TITLES[inputs[0].dtype.name],
        )
    return None, dtypes.int64


_multinomial: Op = op(
    "_multinomial(Tensor input, int num_samples, bool replacement, generator generator)",
    "Indices drawn by weight.",
    spelled=["_"],
    kernel=_multinomial_kernel,
    shape=_multinomial_shape,
    dtype=_multinomial_dtype,
    random=True,
)
op(
    f"multinomial(Tensor input, int num_samples, bool replacement=False, *, {FROM})",
    "Indices drawn with the probabilities that the weights in input give, row by row.",
    expands=lambda x, num_samples, replacement, generator: _multinomial(
        *known((x,)), num_samples=num_samples, replacement=replacement, generator=generator
    ),
)
