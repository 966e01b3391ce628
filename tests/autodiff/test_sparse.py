"""Batches of few entries: the same Jacobians as with all their zeros, and what makes them whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcli.autodiff import batch, entries, sparse
from gradcli.autodiff.sparse import Entries, Sparse, directions
from gradcli.dtypes import float64
from gradcli.engine.run import value
from gradcli.errors import DtypeError, GradError
from gradcli.graph.node import Node
from gradcli.graph.op import TABLE, Op, leaf
from gradcli.ops.catalog import declare_all
from tests.ops.check_declaration import cases, families, family_of

declare_all()


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


@pytest.fixture
def from_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors of one element begin without zeros, too, and no number of entries is too large."""
    monkeypatch.setattr(sparse, "SMALLEST", 1)
    monkeypatch.setattr(entries, "FULL", 0)


def blocks(output: Node, leaves: list[Node], create_graph: bool) -> list[np.ndarray]:
    found = batch.rows(output, leaves, create_graph)
    rows = [np.zeros((output.size, *x.shape)) if b is None else value(b) for b, x in zip(found, leaves, strict=True)]
    columns = [batch.columns(output, x) for x in leaves if not create_graph and x.requires_grad and x.size]
    return rows + [np.zeros(0) if c is None else value(c) for c in columns]


@pytest.mark.parametrize("create_graph", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("ops", families(op for op in TABLE if op.differentiable), ids=family_of)
def test_without_zeros_as_with_them(ops: list[Op], create_graph: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "FULL", 0)
    for case in (case for op in ops for case in cases(op)):
        try:
            leaves, outputs = case.outputs(case.arrays)
            for output in [node for node in outputs if node.requires_grad and node.size > 1][:1]:
                monkeypatch.setattr(sparse, "SMALLEST", 1 << 40)
                expected = blocks(output, leaves, create_graph)
                monkeypatch.setattr(sparse, "SMALLEST", 1)
                for found, block in zip(blocks(output, leaves, create_graph), expected, strict=True):
                    np.testing.assert_allclose(found, block, rtol=1e-12, atol=1e-14, err_msg=str(case))
        except (DtypeError, GradError):
            continue


def made(text: str, **arrays: Any) -> tuple[Node, list[Node]]:
    """The node of an expression and those of its variables."""
    from gradcli.api import Session

    session = Session(dtype="float64")
    for name, array in arrays.items():
        session.set(name, np.asarray(array, dtype=float), requires_grad=True)
    return session.eval(text).node, [session[name].node for name in arrays]


def kinds(text: str, monkeypatch: pytest.MonkeyPatch, **arrays: Any) -> set[str]:
    """What became of the batch on the way back: sparse, whole."""
    seen: set[str] = set()
    again = batch._again

    def watched(*given: Any) -> Any:
        result = again(*given)
        if result is not None:
            seen.add("sparse" if isinstance(result, Sparse) else "whole")
        return result

    monkeypatch.setattr(batch, "_again", watched)
    output, wrt = made(text, **arrays)
    batch.rows(output, wrt, False)
    return seen


X = np.linspace(0.2, 1.7, 6)


@pytest.mark.usefixtures("from_one")
@pytest.mark.parametrize(
    "text",
    ["x.sin() * x.exp() + x / 2", "x[1:] - x[:-1] ** 2", "x.flip(0)[[1, 3, 3]] * 2", "x.reshape(2, 3).t().exp()",
     "torch.where(x > 1, x, -x).roll(1)", "x.unsqueeze(0).diag_embed().squeeze(0) * 3"],
)  # fmt: skip
def test_what_moves_elements_keeps_the_zeros_away(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kinds(text, monkeypatch, x=X) == {"sparse"}


@pytest.mark.usefixtures("from_one")
def test_a_product_takes_rows_of_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    w = np.arange(24.0).reshape(4, 6)
    output, [x] = made(f"tensor({w.tolist()}) @ x", x=X)
    block = batch.rows(output, [x], False)[0]
    assert block is not None
    np.testing.assert_array_equal(value(block), w)
    assert "_matmul" not in {node.op.name for node in [block, *block.inputs]}


@pytest.mark.usefixtures("from_one")
def test_zero_times_infinity_is_nan_as_with_all_zeros() -> None:
    output, [x] = made("x.sqrt()", x=[0.0, 1.0])
    block = batch.rows(output, [x], False)[0]
    assert block is not None
    np.testing.assert_array_equal(value(block), [[np.inf, 0.0], [np.nan, 0.5]])


@pytest.mark.usefixtures("from_one")
def test_entries_at_the_same_place_add_up() -> None:
    output, [x] = made("x.reshape(2, 3).sum(0).exp()", x=X)
    block = batch.rows(output, [x], False)[0]
    assert block is not None
    slope = np.exp(X.reshape(2, 3).sum(0))
    np.testing.assert_allclose(value(block), np.hstack([np.diag(slope), np.diag(slope)]), rtol=1e-15)


def test_few_elements_are_not_worth_it() -> None:
    assert directions((10,), float64) is None
    assert directions((1000,), float64) is not None


def test_whole_has_all_entries() -> None:
    batch_of_two = Sparse(
        [
            Entries(leaf(np.array([1.0, 2.0])), np.arange(2), np.array([0, 2])),
            Entries(leaf(np.ones(2)), np.arange(2), np.array([1, 2])),
        ],
        2,
        (3,),
        float64,
    )
    np.testing.assert_array_equal(value(batch_of_two.whole()), [[1.0, 1.0, 0.0], [0.0, 0.0, 3.0]])
