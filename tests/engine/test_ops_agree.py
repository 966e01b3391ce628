"""The planned engine against the plain one: every op of the table on its samples, with gradients, in tiny blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcli import dtypes
from gradcli.autodiff.backward import vjp
from gradcli.engine.plain import values_plainly
from gradcli.engine.plan import Plan
from gradcli.engine.read import read
from gradcli.errors import GradcliError
from gradcli.graph.node import MODE, NeedsValue, Node
from gradcli.graph.op import TABLE, Op, leaf, leaf_op
from gradcli.ops.catalog import declare_all
from tests.ops.check_declaration import Case, cases, families, family_of, nodes_in

declare_all()
# .ci/run makes them with the slow tests, so that the daily command stays under three minutes
pytestmark = pytest.mark.slow
TOLERANCE = {"float64": 1e-11, "float32": 5e-5, "float16": 2e-2}


def with_gradients(case: Case, leaves: list[Node]) -> list[Node]:
    """The outputs of an op and the gradients of their sums."""
    for node in leaves:
        node.requires_grad = node.dtype.floating
    outputs = [node for node in nodes_in(case.call(leaves)) if node not in leaves]
    tracked = [node for node in outputs if node.requires_grad]
    if not tracked:
        return outputs
    seeds = [leaf(np.linspace(0.5, 1.5, node.size, dtype=node.dtype.numpy).reshape(node.shape)) for node in tracked]
    try:
        found = vjp(tracked, seeds, leaves, retain_graph=True)
    except GradcliError:
        return outputs
    return [*outputs, *found.values()]


def planned(case: Case, arrays: list[np.ndarray]) -> list[Any]:
    leaves = [Node(leaf_op, (), {}, a.shape, dtypes.from_numpy(a.dtype)) for a in arrays]
    before = MODE.deferring
    MODE.deferring = True
    try:
        outputs = with_gradients(case, leaves)
    finally:
        MODE.deferring = before
    constants: list[Any] = []
    builder, terms, count = read(outputs, {node.serial: at for at, node in enumerate(leaves)}, constants)
    plan = Plan(builder.terms, terms, count)
    first = plan.run([*arrays, *constants])
    again = plan.run([*arrays, *constants])
    assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(first, again, strict=True))
    return again


@pytest.mark.usefixtures("tiny_blocks")
@pytest.mark.parametrize("dtype", [dtypes.float64, dtypes.float32, dtypes.float16, dtypes.int64], ids=repr)
@pytest.mark.parametrize("ops", families(o for o in TABLE if o.samples), ids=family_of)
def test_every_op(ops: list[Op], dtype: dtypes.DType) -> None:
    for case in (case for op in ops for case in cases(op)):
        arrays = [a.astype(dtype.numpy) for a in case.arrays]
        with np.errstate(all="ignore"):
            try:
                expected = values_plainly(with_gradients(case, [leaf(a) for a in arrays]))
            except GradcliError:
                continue
            try:
                found = planned(case, arrays)
            except NeedsValue:
                continue
        if not dtype.floating and case.op.name.startswith("_"):
            continue  # internal ops are not called with what their callers convert first
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape), str(case)
            if a.dtype.kind == "f":
                rtol = max(TOLERANCE[a.dtype.name], TOLERANCE.get(dtype.name, 0))
                size = np.max(np.abs(b[np.isfinite(b)]), initial=0)
                assert np.allclose(a, b, rtol=rtol, atol=max(rtol * size, rtol / 20), equal_nan=True), (str(case), a, b)
            else:
                assert np.array_equal(a, b), str(case)
