"""Whether all or any elements are nonzero, and how many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, fixed, op
from gradcli.ops.reductions.reduce import reduced
from gradcli.shapes import normal_dims


def _logical_dtype(inputs: tuple[Node, ...], params: Any) -> tuple[dtypes.DType | None, Any]:
    """all and any give bool, but uint8 for uint8."""
    return None, dtypes.uint8 if inputs[0].dtype is dtypes.uint8 else dtypes.bool_


def _logical_kernel(reduce: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(x: Any, dim: Any, keepdim: bool) -> Any:
        result = reduce(x, axis=normal_dims(dim, x.ndim), keepdims=keepdim)
        return np.asarray(result, dtype=np.uint8 if x.dtype == np.uint8 else np.bool_)

    return kernel


def _logical(name: str, doc: str, reduce: Callable[..., Any]) -> Op:
    return op(
        f"{name}(Tensor input, dims? dim=None, bool keepdim=False)",
        doc,
        kernel=_logical_kernel(reduce),
        shape=reduced,
        dtype=_logical_dtype,
        samples=[draw((2, 3), dim=None, keepdim=False), draw((2, 3), dim=1, keepdim=True)],
    )


all_dim: Op = _logical("all", "Whether all elements along dim are nonzero.", np.all)
any_dim: Op = _logical("any", "Whether any element along dim is nonzero.", np.any)
op(
    "count_nonzero(Tensor input, dims? dim=None)",
    "How many elements along dim are not zero.",
    kernel=lambda x, dim: np.sum(x != 0, axis=normal_dims(dim, x.ndim), dtype=np.int64),
    shape=lambda inputs, params: reduced(inputs, {**params, "keepdim": False}),
    dtype=fixed(dtypes.int64),
    samples=[draw((2, 3), dim=None), draw((2, 3), dim=1)],
)
