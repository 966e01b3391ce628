"""F.gumbel_softmax: choices by chance through which gradients flow."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.graph.op import Op, leaf, op
from gradcli.ops.elementwise.arithmetic import add, div, sub
from gradcli.ops.elementwise.compare import eq
from gradcli.ops.random.random import FROM
from gradcli.ops.reductions.extremes import argmax
from gradcli.ops.reductions.softmax import softmax
from gradcli.ops.shapes.convert import detach, to_dtype
from gradcli.shapes import normal_dim


def _draw(size: Any, dtype: Any, generator: Any) -> Any:
    return -np.log(generator.exponential(size, dtype.numpy))


_gumbels: Op = op(
    "_gumbels(any size, any dtype, generator generator)",
    "Numbers of the Gumbel distribution: -log of waiting times.",
    spelled=["_"],
    kernel=_draw,
    shape=lambda inputs, params: params["size"],
    dtype=lambda inputs, params: (None, params["dtype"]),
    random=True,
)


def _chosen(soft: Node, dim: int) -> Node:
    """1 at the largest element along dim, the first of equals, and 0 elsewhere."""
    at = normal_dim(dim, soft.ndim)
    places = np.arange(soft.shape[at]).reshape([-1 if d == at else 1 for d in range(soft.ndim)])
    return to_dtype(eq(leaf(places), argmax(soft, dim=at, keepdim=True)), soft.dtype)


def _gumbel_softmax(x: Node, tau: float, hard: bool, eps: float, dim: int, generator: Any) -> Any:
    noise = _gumbels(size=x.shape, dtype=x.dtype, generator=generator)
    soft = softmax(div(add(x, noise), tau), dim=dim, dtype=None)
    return add(sub(_chosen(soft, dim), detach(soft)), soft) if hard else soft


op(
    f"gumbel_softmax(Tensor logits, float tau=1, bool hard=False, float eps=1e-10, int dim=-1, *, {FROM})",
    "softmax((logits + Gumbel noise) / tau); hard: the largest as 1 and the others as 0, with the gradient of that.",
    spelled=["F.gumbel_softmax"],
    expands=_gumbel_softmax,
)
