"""grid_sample, affine_grid, embedding_bag and ctc_loss on small cases worked out by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from gradcli.graph.op import leaf
from gradcli.ops.layers.bags import embedding_bag
from gradcli.ops.layers.grids import affine_grid, grid_sample
from gradcli.ops.losses.ctc import ctc_loss

IMAGE = np.arange(6.0).reshape(1, 1, 2, 3)


@pytest.mark.parametrize("align_corners", [True, False])
def test_the_identity_reads_the_image(align_corners: bool) -> None:
    theta = leaf(np.array([[[1.0, 0, 0], [0, 1, 0]]]))
    grid = affine_grid(theta, size=(1, 1, 2, 3), align_corners=align_corners)
    read = grid_sample(leaf(IMAGE), grid, mode="bilinear", padding_mode="zeros", align_corners=align_corners)
    assert np.allclose(read.value, IMAGE)


@pytest.mark.parametrize(("padding_mode", "expected"), [("zeros", 0.0), ("border", 2.0), ("reflection", 1.0)])
def test_beyond_the_edge(padding_mode: str, expected: float) -> None:
    grid = leaf(np.array([[[[2.0, -1.0]]]]))  # half an image to the right of the first row
    read = grid_sample(leaf(IMAGE), grid, mode="nearest", padding_mode=padding_mode, align_corners=True)
    assert read.value.item() == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("sum", [[2, 4], [0, 0], [4, 5]]), ("mean", [[1, 2], [0, 0], [4, 5]]), ("max", [[2, 3], [0, 0], [4, 5]])],
)
def test_bags(mode: str, expected: list[list[float]]) -> None:
    table, rows, starts = np.arange(6.0).reshape(3, 2), np.array([0, 1, 2]), np.array([0, 2, 2])
    pooled = embedding_bag(
        leaf(rows), leaf(table), leaf(starts), max_norm=None, mode=mode, include_last_offset=False, padding_idx=None
    )
    assert pooled.value.tolist() == expected


def read_as(path: tuple[int, ...]) -> list[int]:
    """What a path of classes reads as: repeats dropped, then blanks."""
    kept = [c for at, c in enumerate(path) if at == 0 or path[at - 1] != c]
    return [c for c in kept if c]


@pytest.mark.parametrize("labels", [[1, 2], [1, 1], [2]])
def test_ctc_adds_up_all_paths(labels: list[int]) -> None:
    logits = np.random.default_rng(0).standard_normal((4, 1, 3))
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    total = sum(
        np.exp(sum(log_probs[t, 0, c] for t, c in enumerate(path)))
        for path in product(range(3), repeat=4)
        if read_as(path) == labels
    )
    got = ctc_loss(
        leaf(log_probs),
        leaf(np.array([labels])),
        leaf(np.array([4])),
        leaf(np.array([len(labels)])),
        blank=0,
        reduction="sum",
        zero_infinity=False,
    )
    assert np.isclose(got.value, -np.log(total))
