"""The formula of each op's derivative, read back by the language, gives what the graph gives: at the sample's point and
at another (float64), for a seed, for the sum of the elements or of their squares, and for the second derivative."""

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.autodiff.backward import vjp
from gradcli.engine.run import value
from gradcli.errors import GradcliError
from gradcli.graph.node import MODE, NeedsValue
from gradcli.graph.op import leaf
from gradcli.ops.catalog import declare_all
from gradcli.render.style import Style
from gradcli.render.termtext import formula_lines
from gradcli.simplify.formula import builder, simplified
from tests.ops.check_declaration import Case, cases

OPS = [op for op in declare_all() if op.samples and not op.random and op.differentiable]
SEEDED, SUMMED, SQUARED, SECOND = "seeded", "summed", "half the sum of squares", "second order"


class Derivatives:
    """The derivatives of a case at some numbers: leaves, seeds, and a node for each leaf that has one."""

    def __init__(self, case: Case, of: str, arrays, seeds=None, deferring=False) -> None:
        MODE.deferring = deferring
        try:
            self.leaves, outputs = case.outputs(arrays)
            outputs = [node for node in outputs if node.requires_grad]
            random = np.random.default_rng(1)
            if seeds is None:
                seeds = [random.uniform(0.2, 0.9, y.shape) if of == SEEDED else np.ones(y.shape) for y in outputs]
            self.seeds = [] if of == SQUARED else [leaf(np.asarray(seed)) for seed in seeds]
            self.found = vjp(outputs, self.seeds or outputs, self.leaves, create_graph=True, retain_graph=True)
            if of == SECOND:
                self.found = {x: again for x in self.leaves for again in self.again(x)}
        finally:
            MODE.deferring = False

    def again(self, x):
        """The derivative of the sum of a derivative."""
        first = self.found.get(x)
        if first is None or not first.requires_grad:
            return []
        second = vjp([first], [leaf(np.ones(x.shape))], self.leaves, create_graph=True, retain_graph=True)
        return [second[x]] if x in second else []


def moved(arrays):
    random = np.random.default_rng(5)
    return [a * random.uniform(0.97, 1.03, a.shape) + random.uniform(0, 0.01, a.shape) for a in arrays]


def evaluated(text, values):
    session = Session(dtype="float64")
    for name, array in values.items():
        session.set(name, array)
    got = session.eval(text)
    return np.asarray(got if isinstance(got, int | float) else got.numpy(), dtype=float)


def wrong(case, of, traced, at, text):
    """Where the text does not give the derivative by leaf number `at`: a message, or None."""
    seeds = [node.value for node in traced.seeds]
    for arrays in (case.arrays, moved(case.arrays)):
        try:
            there = Derivatives(case, of, arrays, seeds)
            wanted = value(there.found[there.leaves[at]])
        except GradcliError:
            continue  # not in the op's domain
        values = {f"a{i}": a for i, a in enumerate(arrays)} | {f"v{i}": s for i, s in enumerate(seeds)}
        try:
            got = evaluated(text, values)
        except GradcliError as error:
            return f"{error}"
        fine = np.isfinite(wanted)
        scale = max(np.abs(wanted[fine]).max() if fine.any() else 1.0, 1.0)
        if got.shape != wanted.shape or not np.allclose(got[fine], wanted[fine], rtol=1e-9, atol=1e-12 * scale):
            return f"{got} is not {wanted}"
    return None


def check(case, of):
    try:
        traced = Derivatives(case, of, case.arrays, deferring=True)
    except (GradcliError, NeedsValue):
        return
    names = {node: f"a{at}" for at, node in enumerate(traced.leaves)}
    if of == SEEDED:
        names |= {node: f"v{at}" for at, node in enumerate(traced.seeds)}
    for at, node in enumerate(traced.leaves):
        if node not in traced.found:
            continue
        for exact in (False, True):  # as `diff` does: first what takes things for granted
            b = builder(exact=exact)
            term = simplified(traced.found[node], names, b)
            style = Style({name: node.shape for node, name in names.items()}, None, names[node])
            text = "\n".join(f"{part} = {line}" if part else line for part, line in formula_lines(term, style))
            found = wrong(case, of, traced, at, text)
            if found is None or not (b.assumed or b.leant):
                break
        assert found is None, f"{case}, by a{at}: {text}\n{found}"


def check_all(op, of):
    with np.errstate(all="ignore"):
        for case in cases(op):
            check(case, of)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_the_formula_gives_the_gradient(op):
    check_all(op, SEEDED)


@pytest.mark.slow
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_formulas_of_sums_squares_and_second_derivatives(op):
    for of in (SUMMED, SQUARED, SECOND):
        check_all(op, of)


def test_it_is_noticed_when_a_formula_is_off():
    op = next(op for op in OPS if op.name == "exp")
    case = cases(op)[0]
    traced = Derivatives(case, SEEDED, case.arrays, deferring=True)
    assert wrong(case, SEEDED, traced, 0, "v0*exp(a0)") is None
    assert wrong(case, SEEDED, traced, 0, "v0*exp(a0)*(1 + 1e-8)") is not None
