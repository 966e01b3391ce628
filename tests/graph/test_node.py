"""Nodes: what is computed when, what is kept, and what a backward pass may read."""

import numpy as np
import pytest

from gradcli import dtypes
from gradcli.engine.run import run, value
from gradcli.errors import ShapeError
from gradcli.graph.node import DEFER_ABOVE, MODE, recording
from gradcli.graph.op import leaf, number, promote_inputs
from gradcli.ops.elementwise.arithmetic import add, mul
from gradcli.ops.elementwise.explog import exp


def of(*numbers, dtype=np.float32):
    return leaf(np.array(numbers, dtype))


def test_a_small_node_is_computed_at_once_and_a_large_one_when_needed():
    small, large = of(1, 2), leaf(np.ones(DEFER_ABOVE + 1, np.float32))
    assert (small + 1).value.tolist() == [2, 3]
    deferred = large + 1
    assert deferred.value is None
    assert (deferred.shape, deferred.dtype) == ((DEFER_ABOVE + 1,), dtypes.float32)
    assert value(deferred)[0] == 2


def test_nothing_is_computed_while_deferring():
    MODE.deferring = True
    try:
        result = exp(of(0, 1) * 2)
    finally:
        MODE.deferring = False
    assert result.value is None
    run([result])
    assert np.allclose(result.value, np.exp([0, 2]))


def test_a_result_that_is_not_tracked_lets_go_of_its_inputs():
    x = of(1, 2)
    assert (x * 2).inputs == ()
    x.requires_grad = True
    assert (x * 2).inputs[0] is x
    with recording(False):
        untracked = x * 2
    assert untracked.inputs == ()
    assert not untracked.requires_grad


def test_a_chain_of_any_length_is_run_without_recursion():
    MODE.deferring = True
    try:
        node = of(1)
        for _ in range(100_000):
            node = node + 1
    finally:
        MODE.deferring = False
    assert value(node).tolist() == [100_001]


@pytest.mark.parametrize(
    ("operands", "expected"),
    [
        ((of(1, dtype=np.int64), number(2.5)), dtypes.float32),
        ((of(1, dtype=np.uint8), number(300)), dtypes.uint8),
        ((of(1), leaf(np.float64(2))), dtypes.float32),
        ((of(1, dtype=np.int32), leaf(np.float64(2))), dtypes.float64),
        ((of(1, dtype=np.float16), of(1, dtype=np.int64)), dtypes.float16),
        ((of(True, dtype=np.bool_), number(1)), dtypes.int64),
        ((of(1, dtype=np.uint8), of(1, dtype=np.int8)), dtypes.int16),
    ],
)
def test_promotion_follows_dimensions_and_categories(operands, expected):
    assert promote_inputs(operands) is expected
    assert add(*operands).dtype is expected
    assert value(add(*operands)).dtype == expected.numpy


def test_a_refusal_names_the_op_and_both_shapes():
    with pytest.raises(ShapeError) as refused:
        mul(leaf(np.ones((2, 3))), leaf(np.ones(4)))
    assert str(refused.value) == "mul: the shapes do not broadcast: (2, 3) and (4,)"
    assert refused.value.detail == "dimension 1 has 3 and 4: sizes must be equal, or one of them 1"
