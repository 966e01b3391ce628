"""What arrives at each input of every op, step by step, is its gradient; `check` agrees, and notices a thousandth."""

import numpy as np
import pytest

from gradcli import Session
from gradcli.autodiff.backward import vjp
from gradcli.autodiff.explain import Explained, Graph
from gradcli.cli.blocks import Part
from gradcli.cli.checked import Checked
from gradcli.cli.probing import check
from gradcli.engine.run import value
from gradcli.errors import GradError
from gradcli.graph.node import MODE
from gradcli.graph.op import leaf
from gradcli.language.tensors.tensor import Tensor
from gradcli.ops.catalog import declare_all
from tests.ops.check_declaration import cases

OPS = [op for op in declare_all() if op.samples and not op.random and op.differentiable]
SMALL = 9  # elements of a sample that is checked: a second derivative for each pair of them
TINY = 1e-8  # below this a derivative is what rounding leaves of 0


def traced(case):
    """Leaves and outputs of a sample, nothing of them computed."""
    MODE.deferring = True
    try:
        return case.outputs(case.arrays)
    finally:
        MODE.deferring = False


def compare(case):
    """Explain each output of a sample, and compare what arrives at its inputs with the gradient."""
    (leaves, outputs), (others, copies) = traced(case), traced(case)
    wanted_leaves, computed = case.outputs(case.arrays)
    names = [{x: f"a{at}" for at, x in enumerate(nodes)} for nodes in (leaves, others)]
    for at, output in enumerate(outputs):
        if not output.requires_grad:
            continue
        seed = np.random.default_rng(3).uniform(0.2, 0.9, output.shape).astype(output.dtype.numpy)
        try:
            wanted = vjp([computed[at]], [leaf(seed)], wanted_leaves, retain_graph=True)
        except GradError:
            continue  # as in torch
        graphs = Graph([output], names[0], {}), Graph([copies[at]], names[1], {})
        found = Explained(*graphs, [seed], others, lambda *_: True).totals
        for number, x in enumerate(wanted_leaves):
            expected = value(wanted[x]) if x in wanted else np.zeros(x.shape)
            got = found.get(f"a{number}", np.zeros(x.shape))
            assert np.allclose(got, expected, rtol=1e-9, atol=1e-12, equal_nan=True), f"{case}, output {at}, a{number}"


@pytest.mark.slow
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_what_arrives_is_the_gradient(op):
    with np.errstate(all="ignore"):
        for case in cases(op):
            compare(case)


class Sampled(Checked):
    """A sample of an op in place of a program. factor: what its derivatives are multiplied by, to be wrong."""

    def __init__(self, case, factor):
        self.case, self.factor = case, factor
        self.parts = [Part(f"a{at}", array.shape) for at, array in enumerate(case.arrays)]
        self.point = np.concatenate([array.reshape(-1) for array in case.arrays] or [np.zeros(0)])
        self.context = Session(dtype="float64")._context
        self.graphs = {}

    def evaluate(self, point):
        ends = np.cumsum([part.size for part in self.parts])
        arrays = [
            point[end - part.size : end].reshape(part.shape).copy() for end, part in zip(ends, self.parts, strict=True)
        ]
        with self.context.active():
            leaves, outputs = self.case.outputs(arrays)
        kept = [y for y in outputs if y.dtype.floating and y.requires_grad]
        return [Tensor(y, self.context) for y in kept], [Tensor(x, self.context) for x in leaves]

    def jacobian(self, point):
        found, outputs = super().jacobian(point)
        return found * self.factor, outputs

    def hessian(self, point):
        found, level = super().hessian(point)
        return found * self.factor, level


@pytest.mark.slow
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_check_agrees_and_notices_a_thousandth(op):
    for case in cases(op):
        right, wrong = (Sampled(case, factor) for factor in (1.0, 1.001))
        if right.point.size > SMALL:
            continue
        outputs = [f"y{at}" for at in range(len(right.evaluate(right.point)[0]))]
        if not outputs:
            continue
        try:
            rows = check(right, outputs, 2).rows
        except GradError:
            continue  # no derivative, as in torch
        assert {row.verdict for row in rows} <= {"ok"}, f"{case}"
        for row in check(wrong, outputs, 2).rows:
            assert row.verdict == "mismatch" or abs(row.derivative) < TINY, f"{case}: {row.element} {row.of}"
