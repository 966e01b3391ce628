"""Batched passes: for every op the rows are those of passes one by one, with and without a graph."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from gradcli.autodiff import batch
from gradcli.autodiff.backward import vjp
from gradcli.autodiff.forms import FORMS
from gradcli.autodiff.forward import jvp
from gradcli.engine.run import value
from gradcli.errors import DtypeError, GradcliError, GradError
from gradcli.graph.node import NeedsValue, Node
from gradcli.graph.op import TABLE, Op, leaf
from gradcli.ops.catalog import declare_all
from tests.ops.check_declaration import Case, cases, families, family_of, nodes_in

declare_all()


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


def rows_one_by_one(output: Node, wrt: list[Node], create_graph: bool) -> list[np.ndarray]:
    rows: list[list[np.ndarray]] = [[] for _ in wrt]
    for at in range(output.size):
        seed = np.zeros(output.size, output.dtype.numpy)
        seed[at] = 1
        found = vjp([output], [leaf(seed.reshape(output.shape))], wrt, create_graph=create_graph, retain_graph=True)
        for row, x in zip(rows, wrt, strict=True):
            row.append(value(found[x]) if x in found else np.zeros(x.shape))
    return [np.stack(row) for row in rows]


@pytest.fixture
def no_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every op has a form: none is applied row by row."""

    def refuse(row: batch.Batch) -> None:
        raise AssertionError(f"{row.node.op} is applied row by row, the batch in {row.flags}")

    monkeypatch.setattr(batch, "_by_row", refuse)


@pytest.mark.usefixtures("no_row_alone")
@pytest.mark.parametrize("ops", families(op for op in TABLE if op.differentiable), ids=family_of)
@pytest.mark.parametrize("create_graph", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_rows_are_those_of_single_passes(ops: list[Op], create_graph: bool) -> None:
    for case in (case for op in ops for case in cases(op)):
        try:
            leaves, outputs = case.outputs(case.arrays)
        except DtypeError:
            continue  # an op of integers
        for output in [node for node in outputs if node.requires_grad and node.size][:1]:
            try:
                expected = rows_one_by_one(output, leaves, create_graph)
            except GradError:
                continue  # torch has no derivative either
            found = batch.rows(output, leaves, create_graph)
            for block, rows, x in zip(found, expected, leaves, strict=True):
                own = np.zeros((output.size, *x.shape)) if block is None else value(block)
                np.testing.assert_allclose(own, rows, rtol=1e-9, atol=1e-12, err_msg=str(case))


def made(text: str, **arrays: Any) -> tuple[Node, list[Node]]:
    """The node of an expression and those of its variables."""
    from gradcli.api import Session

    session = Session(dtype="float64")
    for name, array in arrays.items():
        session.set(name, np.asarray(array, dtype=float), requires_grad=True)
    return session.eval(text).node, [session[name].node for name in arrays]


PROGRAMS = [
    "(x.sin() * x).cumsum(0)",
    "x.reshape(3, 2).t() @ x[:3]",
    "torch.softmax(x, 0).outer(x[1:4].exp())",
    "torch.linalg.solve(x.reshape(2, 3) @ x.reshape(3, 2) + torch.eye(2), x[:2])",
    "torch.einsum('ij,jk->ik', x.reshape(2, 3), x.reshape(3, 2).tanh())",
    "torch.where(x > 0, x ** 2, -x).flip(0)[[0, 2, 2]]",
    "F.conv1d(x.reshape(1, 2, 3), x[:4].reshape(1, 2, 2)).flatten()",
    "F.max_pool1d(x.reshape(1, 6), 2) * x.prod()",
    "x.sort().values.logsumexp(0) * torch.cat([x, x[::2]])",
]


@pytest.mark.parametrize("text", PROGRAMS)
def test_columns_are_the_rows_turned(text: str) -> None:
    output, [x] = made(text, x=[0.3, -1.2, 0.8, 2.0, -0.4, 1.1])
    rows, columns = batch.rows(output, [x], False)[0], batch.columns(output, x)
    assert rows is not None
    assert columns is not None
    assert columns.shape == (*output.shape, *x.shape)
    np.testing.assert_allclose(value(columns).reshape(value(rows).shape), value(rows), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("text", PROGRAMS)
def test_a_batch_of_rows_can_be_differentiated_again(text: str) -> None:
    output, [x] = made(text, x=[0.3, -1.2, 0.8, 2.0, -0.4, 1.1])
    block = batch.rows(output, [x], True)[0]
    assert block is not None
    weights = leaf(np.random.default_rng(0).normal(size=block.shape))
    again = vjp([block], [weights], [x], retain_graph=True)
    tangent = jvp([block], {x: leaf(np.ones(x.shape))})[0]
    assert tangent is not None
    if x in again:
        assert np.isclose(value(again[x]).sum(), (value(tangent) * value(weights)).sum())


def test_a_placeholder_has_no_value_to_look_at() -> None:
    output, [x] = made("x * 2", x=[1.0, 2.0])
    seed = batch.placeholder(output.shape, output.dtype)
    found = vjp([output], [seed], [x], retain_graph=True)
    with pytest.raises(NeedsValue):
        value(found[x])


def test_code_of_the_program_is_called_for_each_row() -> None:
    from gradcli.api import Session

    printed = Session().run(
        "from torch.autograd.functional import jacobian\n"
        "class Twice(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(ctx, x):\n"
        "        return x * 2\n"
        "    @staticmethod\n"
        "    def backward(ctx, g):\n"
        "        print(g)\n"
        "        return g * 2\n"
        "print(jacobian(Twice.apply, torch.ones(2)))"
    )
    assert printed == "tensor([1., 0.])\ntensor([0., 1.])\ntensor([[2., 0.],\n        [0., 2.]])\n"


def test_a_seed_of_no_rows_gives_none() -> None:
    output, [x] = made("x * x", x=[1.0, 2.0])
    block = batch.products([output], [leaf(np.zeros((0, 2)))], [x], False)[0]
    assert block is not None
    assert value(block).shape == (0, 2)


def test_products_of_several_outputs_add_up() -> None:
    first, [x] = made("x * x", x=[1.0, 2.0])
    second = first + first
    seeds = [leaf(np.array([[1.0, 0.0], [0.0, 1.0]])), leaf(np.array([[0.0, 1.0], [1.0, 0.0]]))]
    block = batch.products([first, second], seeds, [x], False)[0]
    assert block is not None
    np.testing.assert_allclose(value(block), [[2.0, 8.0], [4.0, 4.0]])


def check_replayed(case: Case, at: int) -> None:
    """The op, replayed on slices of its input number `at`, gives what it gives for each."""

    def applied(node: Node) -> list[Node]:
        return list(nodes_in(case.call([node if k == at else leaf(x) for k, x in enumerate(case.arrays)])))

    array = case.arrays[at]
    other = array[..., ::-1] if array.ndim else array * 0.9
    slices = [array, other.copy(), array]
    slot = batch.placeholder(array.shape, leaf(array).dtype)
    try:
        expected = [[np.asarray(value(y)) for y in applied(leaf(one))] for one in slices]
        found = batch.replay(applied(slot), {slot: leaf(np.stack(slices))}, len(slices))
    except (GradcliError, NeedsValue):
        return  # the turned array is not in the domain, or the result's shape depends on numbers
    for index, block in enumerate(found):
        rows = np.stack([row[index] for row in expected])
        assert value(block).dtype == rows.dtype, str(case)
        np.testing.assert_allclose(value(block), rows, rtol=1e-9, atol=1e-12, err_msg=str(case))


@pytest.mark.parametrize("ops", families(op for op in TABLE if not op.random), ids=family_of)
def test_a_replayed_op_gives_what_it_gives_for_each_slice(ops: list[Op]) -> None:
    for case in (case for op in ops for case in cases(op)):
        for at in range(len(case.arrays)):
            check_replayed(case, at)


def test_every_form_is_of_an_op_that_exists() -> None:
    gc.unfreeze()  # the declarations were put aside, where `get_objects` does not look
    declared = {f"{found.family}.{found.name}" for found in gc.get_objects() if type(found) is Op}
    gc.freeze()
    assert set(FORMS) <= declared
