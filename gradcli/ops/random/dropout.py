"""Dropout: elements, or whole channels, set to zero by chance, the rest scaled up."""

from __future__ import annotations

from typing import Any

from gradcli import dtypes
from gradcli.errors import DtypeError, ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.creation.create import zeros
from gradcli.ops.elementwise.arithmetic import add, mul
from gradcli.ops.random.random import FROM, dense_order, drawn
from gradcli.ops.shapes.shape import squeeze, unsqueeze
from gradcli.shapes import Shape

_mask: Op = op(
    "_dropout_mask(any size, float p, any dtype, any order, generator generator)",
    "0 with probability p, else 1 / (1 - p).",
    spelled=["_"],
    kernel=lambda size, p, dtype, order, generator: drawn(
        lambda n: generator.dropout_mask(p, n, dtype.numpy), size, order
    ),
    shape=lambda inputs, params: params["size"],
    dtype=lambda inputs, params: (None, params["dtype"]),
    random=True,
)
_kept: Op = op(
    "_kept(any size, float p, any dtype, any order, generator generator)",
    "0 with probability p, else 1.",
    spelled=["_"],
    kernel=lambda size, p, dtype, order, generator: drawn(
        lambda n: generator.bernoulli(1.0 - p, dtype.numpy, n), size, order
    ),
    shape=lambda inputs, params: params["size"],
    dtype=lambda inputs, params: (None, params["dtype"]),
    random=True,
)


def _check(x: Node, p: float, drops: bool) -> None:
    if not 0 <= p <= 1:
        raise ValueError_(
            f"the probability is {p:g}; it has to be from 0 to 1",
            torch=f"dropout probability has to be between 0 and 1, but got {p}",
        )
    if drops and x.dtype.category != dtypes.FLOATING:
        raise DtypeError(
            f"it takes floating tensors, not {x.dtype}",
            hint="convert it first: x.float()",
            torch="result type Float can't be cast to the desired output type Long",
        )


def dropped(x: Node, p: float, training: bool, generator: Any = None, size: Shape | None = None) -> Node:
    drops = training and p > 0 and x.size > 0
    _check(x, p, drops)
    if not drops:
        return x
    scale = (
        zeros((), x.dtype)
        if p == 1
        else _mask(
            size=size or x.shape, p=p, dtype=x.dtype, order=None if size else dense_order(x), generator=generator
        )
    )
    result: Node = mul(x, scale)
    return result


op(
    f"dropout(Tensor input, float p=0.5, bool training=True, ignored inplace=False, *, {FROM})",
    "input with each element set to 0 with probability p and else divided by 1 - p; input itself when not training.",
    spelled=["F.dropout"],
    expands=dropped,
    samples=[
        draw(3, p=0.0, training=True),
        draw(3, p=0.5, training=False),
    ],
    wrong=[("F.dropout(ones(3), 1.5)", "from 0 to 1")],
)
op(
    f"dropout(Tensor input, float p, bool train, *, {FROM})",
    "input with each element set to 0 with probability p and else divided by 1 - p; input itself when not training.",
    spelled=["torch.dropout"],
    expands=lambda x, p, train, generator: dropped(x, p, train, generator),
)


def _channels(x: Node, p: float, training: bool, generator: Any, dims: int) -> Node:
    """Whole channels dropped; a tensor that has not a dimension for the batch gets one, two-dimensional ones aside."""
    single = dims != 2 and x.ndim != dims + 2
    whole: Node = unsqueeze(x, dim=0) if single else x
    result = dropped(whole, p, training, generator, whole.shape[:2] + (1,) * (whole.ndim - 2))
    return squeeze(result, 0) if single else result


for _dims in (1, 2, 3):
    op(
        f"dropout{_dims}d(Tensor input, float p=0.5, bool training=True, ignored inplace=False, *, {FROM})",
        f"input with each channel of {_dims} dimension{'s' if _dims > 1 else ''} set to 0 with probability p.",
        spelled=[f"F.dropout{_dims}d"],
        expands=lambda x, p, training, generator, dims=_dims: _channels(x, p, training, generator, dims),
    )

# Alpha dropout keeps mean and variance of what selu gives. Source: PyTorch's `_alpha_dropout`.
_ALPHA = 1.7580993408473766


def _alpha_dropout(x: Node, p: float, training: bool, generator: Any, size: Shape | None = None) -> Node:
    drops = training and p > 0 and x.size > 0
    _check(x, p, drops)
    if not drops:
        return x
    if p == 1:
        nothing: Node = mul(x, zeros((), x.dtype))
        return nothing
    kept_ = _kept(size=size or x.shape, p=p, dtype=x.dtype, order=None if size else dense_order(x), generator=generator)
    a = ((_ALPHA**2 * p + 1) * (1 - p)) ** -0.5
    shift = add(mul(add(kept_, -1), _ALPHA * a), _ALPHA * a * p)
    result: Node = add(mul(x, mul(kept_, a)), shift)
    return result


op(
    f"alpha_dropout(Tensor input, float p=0.5, bool training=False, ignored inplace=False, *, {FROM})",
    "Dropout that keeps the mean and variance of what selu gives.",
    spelled=["F.alpha_dropout"],
    expands=_alpha_dropout,
)
op(
    f"alpha_dropout(Tensor input, float p, bool train, *, {FROM})",
    "Dropout that keeps the mean and variance of what selu gives.",
    spelled=["torch.alpha_dropout"],
    expands=lambda x, p, train, generator: _alpha_dropout(x, p, train, generator),
)
op(
    f"feature_dropout(Tensor input, float p, bool train, *, {FROM})",
    "input with each channel set to 0 with probability p.",
    spelled=["torch.feature_dropout"],
    expands=lambda x, p, train, generator: dropped(x, p, train, generator, x.shape[:2] + (1,) * (x.ndim - 2)),
)
op(
    f"feature_alpha_dropout(Tensor input, float p, bool train, *, {FROM})",
    "Alpha dropout of whole channels.",
    spelled=["torch.feature_alpha_dropout"],
    expands=lambda x, p, train, generator: _alpha_dropout(x, p, train, generator, x.shape[:2] + (1,) * (x.ndim - 2)),
)
op(
    f"feature_alpha_dropout(Tensor input, float p=0.5, bool training=False, ignored inplace=False, *, {FROM})",
    "Alpha dropout of whole channels.",
    spelled=["F.feature_alpha_dropout"],
    expands=lambda x, p, training, generator: _alpha_dropout(
        x, p, training, generator, x.shape[:2] + (1,) * (x.ndim - 2)
    ),
)
