"""Random expressions of operands of every rank: planned in tiny blocks, and with no pass at all."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

import gradcli
from gradcli.engine import layout
from gradcli.errors import GradcliError

FUNCTIONS = [
    "-{}", "sin({})", "(3*{})", "({}/4)", "exp(-{})", "erf({})", "({}).sum(-1, keepdim=True)",
    "({}).mean(0, keepdim=True)", "softmax({}, -1)", "log_softmax({}, -1)", "relu({})",
]  # fmt: skip
ENDS = ["sum({})", "mean(({})**2)", "nll_loss({} + 0*x, t)", "nll_loss({}, t)", "cross_entropy({}, t)", "({}).amax()"]
SHAPES = [(4, 3), (3, 4), (1, 8), (8, 1), (9, 2), (5, 6)]
COUNT = 800


def expression(draw: random.Random, depth: int) -> str:
    if depth == 0:
        return draw.choice("xrcvk")
    if draw.random() < 0.6:
        return f"({expression(draw, depth - 1)} {draw.choice('+-*')} {expression(draw, depth - 1)})"
    return draw.choice(FUNCTIONS).replace("{}", expression(draw, depth - 1))


def results(text: str, values: dict[str, np.ndarray]) -> list[np.ndarray] | str:
    try:
        value, gradients = gradcli.value_and_grad(text, dtype="float64")(**values)
    except GradcliError as error:
        return type(error).__name__
    return [value, *[np.zeros(()) if g is None else g for g in gradients.values()]]


@pytest.mark.usefixtures("tiny_blocks")
@pytest.mark.parametrize("part", [0, *[pytest.param(part, marks=pytest.mark.slow) for part in (1, 2, 3)]])
def test_planned_in_tiny_blocks_and_unfused_agree(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, numbers = random.Random(part), np.random.default_rng(part)
    for _ in range(COUNT // 4):
        n, m = draw.choice(SHAPES)
        text = draw.choice(ENDS).replace("{}", expression(draw, draw.randint(1, 4)))
        shapes = {"x": (n, m), "r": (1, m), "c": (n, 1), "v": (m,), "k": ()}
        values = {name: np.asarray(numbers.uniform(0.5, 1.5, shape)) for name, shape in shapes.items()}
        values["t"] = numbers.integers(0, m, n)
        values = {name: array for name, array in values.items() if re.search(rf"\b{name}\b", text)}
        with monkeypatch.context() as patch:  # also with vectors computed at once beside matrices in passes
            patch.setattr(layout, "FUSE_ABOVE", draw.choice([1, 7]))
            found = results(text, values)
        with monkeypatch.context() as patch:
            patch.setattr(layout, "FUSE_ABOVE", 1 << 60)
            expected = results(text, values)
        if isinstance(found, str) or isinstance(expected, str):
            assert found == expected, text
        else:
            for one, other in zip(found, expected, strict=True):
                scale = max(1.0, float(np.abs(other).max()))
                assert np.allclose(one, other, rtol=1e-9, atol=1e-10 * scale), (text, values)
