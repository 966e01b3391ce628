"""Matrices from kept plans: the same as those made from the values, for new values too, and never an old answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.autodiff import functional, kept
from gradcli.engine.run import value
from gradcli.errors import DtypeError, GradcliError
from gradcli.graph.op import TABLE, Op
from gradcli.ops.catalog import declare_all
from gradcli.ops.reductions.reduce import sum_
from tests.ops.check_declaration import Case, cases, families, family_of

declare_all()


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


def matrices(case: Case, arrays: list[np.ndarray], smallest: int, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Rows, columns and (of the sum of squares) the Hessian of what a sample computes."""
    monkeypatch.setattr(kept, "SMALLEST", smallest)
    leaves, outputs = case.outputs(arrays)
    found = []
    for output in [node for node in outputs if node.requires_grad and node.size][:1]:
        found += functional.jacobian(output, leaves)
        found += [functional.columns(output, x) for x in leaves if x.requires_grad]
        found += [
            block for row in functional.hessian(sum_(output * output, dim=None, keepdim=False), leaves) for block in row
        ]
    return [value(node) for node in found]


@pytest.mark.parametrize("ops", families(op for op in TABLE if op.differentiable and not op.random), ids=family_of)
@pytest.mark.slow
def test_planned_as_made_from_the_values(ops: list[Op], monkeypatch: pytest.MonkeyPatch) -> None:
    for case in (case for op in ops for case in cases(op)):
        for factor in (1.0, 1.0, 0.875):
            arrays = [a * factor if a.dtype.kind == "f" else a for a in case.arrays]
            try:
                expected = matrices(case, arrays, 1 << 60, monkeypatch)
            except (DtypeError, GradcliError):
                continue
            for found, block in zip(matrices(case, arrays, 0, monkeypatch), expected, strict=True):
                np.testing.assert_allclose(found, block, rtol=1e-9, atol=1e-11, err_msg=str(case))


CHANGES = {
    "values": ("sin(x) * x", "x = x + 1"),
    "a number": ("x * n", "n = 3.0"),
    "other constants": ("x * w", "w = w * 2"),
    "places": ("x[k] * x", "k = k.flip(0)"),
    "a mask": ("where(m, x * x, x)", "m = ~m"),
    "an infinity": ("x.sqrt() * w", "x[3] = 0.0"),
    "nan among constants": ("x * w", "w = w / 0 * 0"),
    "in place": ("x.exp() * w", "w.mul_(2)"),
    "the shape": ("x * x", "x = x[:70]"),
    "the dtype": ("x * x", "x = x.double()"),
    "requires grad elsewhere": ("x * w * x", "w = w.clone().requires_grad_()"),
    "the axis": ("x.reshape(10, 10).cumsum(n) * 2", "n = 1"),
    "a zero among factors": ("x.cumprod(0) + x.reshape(10, 10).prod(1).sum()", "x[7] = 0.0"),
    "factors too large for quotients": ("(x * n).cumprod(0) / n ** 20", "x[5:9] = 1e9"),
    "a different op": ("f(x)", "f = cos"),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("matrix", ["jacobian(f0, x)", "hessian(f1, x)",
                                    "jacobian(f0, x, strategy='forward-mode', vectorize=True)"])  # fmt: skip
def test_nothing_that_changed_is_forgotten(what: str, matrix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body, change = CHANGES[what]
    setup = (
        "import torch\nfrom torch.autograd.functional import jacobian, hessian\ntorch.manual_seed(1)\n"
        "x = torch.rand(100) + 0.1\nw = torch.rand(100)\nk = torch.randperm(100)\nm = w > 0.5\n"
        f"n = {0 if 'axis' in what else 2.0}\nf = sin\n"
        f"f0 = lambda x: {body}\nf1 = lambda x: (f0(x) ** 2).sum()\n"
    )
    found = []
    for smallest in (0, 1 << 60):
        monkeypatch.setattr(kept, "SMALLEST", smallest)
        session = Session()
        session.run(setup)
        matrices = [session.eval(matrix).numpy().copy() for _ in range(2)]
        session.run(change)
        found.append([*matrices, session.eval(matrix).numpy()])
    for planned, made in zip(*found, strict=True):
        np.testing.assert_allclose(planned, made, rtol=1e-5, atol=1e-6)
    assert not np.array_equal(found[0][0], found[0][-1]) or what in ("requires grad elsewhere", "the dtype")


def test_a_plan_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    session.run("x = torch.rand(100)\nf = lambda x: x.exp() * x\n")
    session.eval("torch.func.jacrev(f)(x)")

    def refuse(*given: Any) -> Any:
        raise AssertionError("the graph was differentiated again")

    monkeypatch.setattr(kept, "_made", refuse)
    session.run("x = x * 2")
    assert session.eval("torch.func.jacrev(f)(x)").shape == (100, 100)


@pytest.mark.parametrize("call", ["jacobian(f, x)", "hessian(lambda x: f(x).sum(), x)"])
def test_what_may_not_be_planned_is_computed_as_it_is(call: str) -> None:
    """Hooks run, dropped elements stay dropped, and changed memory is noticed."""
    session = Session()
    session.run(
        "from torch.autograd.functional import jacobian, hessian\nx = torch.rand(100)\ncalls = []\n"
        "def f(x):\n    y = x * x\n    y.register_hook(lambda g: calls.append(1))\n    return y * x\n"
    )
    session.eval(call)
    assert session.eval("len(calls)") >= 1


def test_dropped_elements_are_those_of_the_call() -> None:
    session = Session()
    session.run(
        "torch.manual_seed(0)\nx = torch.ones(100)\nmasks = []\n"
        "def f(x):\n    y = torch.nn.functional.dropout(x, 0.5)\n    masks.append(y.detach())\n    return y\n"
    )
    for at in range(3):
        found = session.eval("torch.autograd.functional.jacobian(f, x)").numpy()
        np.testing.assert_array_equal(np.diag(found), session.eval(f"masks[{at}]").numpy())


def test_a_tensor_changed_after_it_was_saved_is_refused() -> None:
    session = Session()
    session.run("x = torch.rand(100)\ndef f(x):\n    y = x.exp()\n    z = y * y\n    y.add_(1)\n    return z\n")
    for _ in range(2):
        with pytest.raises(GradcliError, match="changed in place"):
            session.eval("torch.autograd.functional.jacobian(f, x)")


def test_a_constant_has_derivatives_of_zeros() -> None:
    session = Session()
    session.run("x = torch.rand(8)\nf = lambda x: (x ** 3).sum()\n")
    for matrix in ("hessian(hessian(f))", "jacfwd(lambda x: torch.ones(100, 8))"):
        assert not session.eval(f"torch.func.{matrix.replace('(hessian', '(torch.func.hessian')}(x)").numpy().any()
