"""The laws of the planner: each is applied by some program here, and none changes a value, be it nan or infinite."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gradcli import Session, dtypes
from gradcli.engine import laws
from gradcli.engine.plain import values_plainly
from gradcli.engine.plan import Plan
from gradcli.engine.read import read
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import leaf, leaf_op
from gradcli.language.context import Context
from gradcli.language.machine.machine import compile_program
from gradcli.language.syntax.parse import parse_program
from gradcli.language.tensors.tensor import Tensor
from gradcli.source import Source

SPECIAL = [0.0, -0.0, 1.0, -2.5, 1e-3, 700.0, -3e4, np.inf, -np.inf, np.nan]
pairs = np.array(list(itertools.product(SPECIAL, SPECIAL)))
X, Y = pairs[:, 0].reshape(-1, 10).copy(), pairs[:, 1].reshape(-1, 10).copy()
ROW, COLUMN = np.array([SPECIAL]), np.array(SPECIAL).reshape(-1, 1)
T = np.arange(10)
PROGRAMS = [
    "1 * x", "-1 * x", "3 * (2 * x)", "x * (3 * y)", "(-x) * y", "3 * (-x)", "(c + 1) * (c * x)", "-(-x)", "-(3 * x)",
    "-(r * x)", "x + -0.0", "x + (-y)", "3 * x + 3 * y", "3 * x + (-3) * y", "(-3) * x + 3 * y", "x - 0.0", "x - (-y)",
    "3 * x - 3 * y", "3 * x - (-3) * y", "x / 4", "(3 * x) / 7", "(3 * x) / y", "(-x) / y", "x / (3 * y)",
    "exp(log_softmax(x[:, :5], 1))", "softmax(x[:, :5], 1)", "sum(3 * x)", "sum(-x, 0)", "sum(r + c)",
    "sum((r - c)**2)",
    "torch.autograd.grad(cross_entropy(x, t), x)[0]", "torch.autograd.grad(nll_loss(x, t), x)[0].sum(1)",
    "nll_loss(x - c, t)", "nll_loss(v - c, t)", "nll_loss(r + c, t)", "nll_loss(x[:, :1] - c, t - t)",
]  # fmt: skip
EXACT = {"1 * x", "-1 * x", "-(-x)", "x + -0.0", "x - 0.0"}  # to the sign of a zero
VALUES = {"x": X, "y": Y, "r": ROW, "c": COLUMN, "v": ROW[0], "t": T}
FINITE = {n: np.cos(np.arange(v.size) + 1.0).reshape(v.shape) if n != "t" else v for n, v in VALUES.items()}
TABLES = (laws.ELEMENTWISE, laws.REDUCING, {"take": laws.TAKING})


def graph(text: str, leaves: dict[str, Node]) -> Node:
    session = Session(dtype="float64")
    context: Context = session._context
    with context.active():
        MODE.deferring = True
        for node in leaves.values():
            node.requires_grad = node.dtype.floating
        bound = {name: Tensor(node, context) for name, node in leaves.items()}
        session._machine.ops_first = True
        result: Tensor = session._machine.run(compile_program(parse_program(Source(text))), bound)
        context.deferred.clear()
        return result.node


def planned(text: str, values: dict[str, np.ndarray]) -> np.ndarray:
    leaves = {n: Node(leaf_op, (), {}, v.shape, dtypes.from_numpy(v.dtype)) for n, v in values.items()}
    constants: list[np.ndarray] = []
    output = graph(text, leaves)
    builder, terms, count = read([output], {n.serial: at for at, n in enumerate(leaves.values())}, constants)
    with np.errstate(all="ignore"):
        return np.asarray(Plan(builder.terms, terms, count).run([*values.values(), *constants])[0])


def plainly(text: str, values: dict[str, np.ndarray]) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(values_plainly([graph(text, {n: leaf(v) for n, v in values.items()})])[0])


@pytest.mark.usefixtures("tiny_blocks")
@pytest.mark.parametrize("text", PROGRAMS)
@pytest.mark.parametrize("values", [VALUES, FINITE], ids=["special", "finite"])
def test_values_stay_what_they_were(text: str, values: dict[str, np.ndarray]) -> None:
    found, expected = planned(text, values), plainly(text, values)
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-13, equal_nan=True), (found, expected)
    if text in EXACT:
        zero = expected == 0
        assert np.array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


@pytest.mark.usefixtures("tiny_blocks")
def test_every_law_is_applied_by_some_program(monkeypatch: pytest.MonkeyPatch) -> None:
    applied: set[str] = set()

    def noted(law: laws.Law) -> laws.Law:
        def rewrite(b: laws.Builder, args: object) -> object:
            found = law.rewrite(b, args)
            if found is not None:
                applied.add(law.says)
            return found

        return law._replace(rewrite=rewrite)

    every = {law.says for table in TABLES for rows in table.values() for law in rows}
    for table in TABLES:
        for name, rows in list(table.items()):
            monkeypatch.setitem(table, name, tuple(noted(law) for law in rows))
    monkeypatch.setattr(laws, "TAKING", TABLES[2]["take"])
    for text in PROGRAMS:
        planned(text, VALUES)
    assert every - applied == set()
