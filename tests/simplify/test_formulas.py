"""The formula of each op's derivative, read back by the language, gives what the graph gives (float64)."""

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.autodiff.backward import vjp
from gradcli.engine.run import value
from gradcli.errors import GradcliError
from gradcli.graph.node import MODE, NeedsValue, Node
from gradcli.graph.op import leaf
from gradcli.ops.catalog import declare_all
from gradcli.ops.sampling import Drawn
from gradcli.render.termtext import Style, formula_lines
from gradcli.simplify.formula import builder, simplified
from gradcli.simplify.noform import NoForm

OPS = [op for op in declare_all() if op.samples and not op.random and op.differentiable]
# where a law takes for granted what the sample is not
OUTSIDE = {"logdet(Tensor input)"}
# how many derivatives have a formula; `diff` writes the others as a call of func.grad
AT_LEAST = 1500

counted = {"formula": 0, "none": 0}


def pulled(op, sample):
    """Leaves, seeds and gradients of one sample, as deferred nodes."""
    MODE.deferring = True
    try:
        drawn = Drawn(op, 0, sample)
        leaves = [leaf(array) for array in drawn.arrays]
        for node in leaves:
            node.requires_grad = node.dtype.floating
        result = drawn.call(leaves)
        parts = result if isinstance(result, tuple | list) else (result,)
        outputs = [node for node in parts if isinstance(node, Node) and node.requires_grad]
        seeds = [leaf(drawn.random.uniform(0.2, 0.9, node.shape)) for node in outputs]
        return leaves, seeds, vjp(outputs, seeds, leaves, create_graph=True)
    finally:
        MODE.deferring = False


def check(op, sample):
    try:
        leaves, seeds, found = pulled(op, sample)
    except (GradcliError, NeedsValue):
        return
    names = {node: f"a{at}" for at, node in enumerate(leaves)} | {node: f"g{at}" for at, node in enumerate(seeds)}
    values = {name: value(node) for node, name in names.items()}
    for node in leaves:
        if node not in found:
            continue
        try:
            term = simplified(found[node], names, builder())
        except NoForm:
            counted["none"] += 1
            continue
        style = Style({name: array.shape for name, array in values.items()}, None, names[node])
        text = "\n".join(f"{part} = {line}" if part else line for part, line in formula_lines(term, style))
        try:
            wanted = value(found[node])
        except GradcliError:
            continue  # not in the op's domain
        session = Session(dtype="float64")
        for name, array in values.items():
            session.set(name, array)
        got = session.eval(text)
        got = np.asarray(got if isinstance(got, int | float) else got.numpy())
        assert got.shape == wanted.shape, f"d/d{names[node]} of {op.signature.text}: {text}"
        assert np.allclose(got, wanted, rtol=1e-9, atol=1e-12, equal_nan=True), f"{op.signature.text}: {text}"
        counted["formula"] += 1


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_the_formula_gives_the_gradient(op):
    if op.signature.text in OUTSIDE:
        pytest.skip("a law takes for granted what the sample is not")
    with np.errstate(all="ignore"):
        for sample in op.samples:
            check(op, sample)


def test_most_derivatives_have_a_formula():
    if len(OPS) > 100 and counted["formula"] < AT_LEAST:
        pytest.skip("only when all of the file ran") if counted["formula"] < 100 else pytest.fail(str(counted))
