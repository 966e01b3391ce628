"""Random programs for the properties: chains of differentiable steps on small float64 tensors."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

# each takes a tensor named `x` and gives one; smooth where the inputs are drawn, and with small slopes, so that chains
# of them stay within what float64 can compare
ELEMENTWISE = [
    "torch.sin(x)",
    "x.cos() + 0.5 * x",
    "torch.tanh(x)",
    "torch.sigmoid(x) * 2",
    "torch.exp(-x * x)",
    "x * x / (1 + x ** 2)",
    "torch.log1p(x * x)",
    "torch.sqrt(x * x + 1)",
    "torch.nn.functional.softplus(x)",
    "1 / (x ** 2 + 2)",
    "torch.where(x > 0.1, x * 2, -x / 3)",
    "torch.erf(x) - x",
    "torch.atan(x)",
    "x.abs() * 0.5",
]
SHAPED = [
    "x.t()",
    "x.flip(0)",
    "x - x.mean()",
    "torch.softmax(x, -1)",
    "x / (x.norm() + 1)",
    "x @ x.t() / 4",
    "x.cumsum(0) / 2",
    "torch.cat([x, 2 * x], dim=1)",
    "x[:, [0, -1]]",
    "x.reshape(-1, 1) * 0.7",
    "x * x.sum(dim=1, keepdim=True) / 8",
    "torch.stack([x, x * x]).mean(0)",
    "torch.logsumexp(x, 1, keepdim=True) - x",
    "x.roll(1, 0) * x",
    "torch.einsum('ij,kj->ik', x, x) / 5",
]
# from a tensor to a number
REDUCTIONS = ["x.sum()", "(x ** 2).mean()", "torch.logsumexp(x.flatten(), 0)", "x.norm()", "x.max() + x.min()"]


def chain(steps: list[str], name: str = "x", result: str = "y") -> str:
    """The statements that apply the steps one after another."""
    lines = [f"{result} = {name}"]
    for step in steps:
        lines += [f"x_ = {result}", f"{result} = {_renamed(step)}"]
    return "\n".join(lines)


def _renamed(step: str) -> str:
    """A step that takes x_ in place of x."""
    return re.sub(r"\bx\b", "x_", step)


steps = st.lists(st.sampled_from(ELEMENTWISE + SHAPED), min_size=1, max_size=5)
elementwise_steps = st.lists(st.sampled_from(ELEMENTWISE), min_size=1, max_size=5)
reductions = st.sampled_from(REDUCTIONS)
numbers = st.floats(-2, 2, allow_nan=False).map(lambda v: round(v, 3))
points = arrays.arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 3)), elements=numbers)
seeds = st.integers(0, 2**31 - 1)
