"""Formulas found with unknown shapes hold for shapes of all sizes, not only for those they were guessed with."""

import numpy as np
import pytest

from gradcli.api import Session
from tests.simplify.test_golden_formulas import printed

N, M = 5, 7
SHAPES = {"x": (N,), "y": (N,), "w": (M,), "X": (N, M), "A": (N, N), "B": (N, N), "b": (N,), "lam": (), "s": ()}
PROGRAMS = [
    ("mean(3*(x+2)**2)", "x"), ("sum((X @ w - y)**2)/2 + lam*sum(w**2)", "w"), ("mean((X @ w - y)**2)", "X"),
    ("x @ A @ x", "x"), ("sum(sin(x)*y)", "y"), ("mse_loss(x, y)", "x"), ("logsumexp(x, 0)", "x"), ("var(x)", "x"),
    ("x[1:].sum()", "x"), ("sum(x[2:]*x[:-2])", "x"), ("trace(A @ B)", "A"), ("logdet(A @ A.T)", "A"),
    ("sum(softplus(x))", "x"), ("x[0]*x[1]", "x"), ("mean(x)**2", "x"), ("norm(x - y)", "x"), ("prod(x)", "x"),
    ("sum(outer(x, y)**2)", "x"), ("cat([x, y]).mean()", "x"), ("mean(relu(1 - y*(X @ w)))", "w"),
    ("binary_cross_entropy_with_logits(X @ w, sigmoid(y))", "w"), ("x @ A @ x/(x @ x)", "x"), ("std(x)", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name"), PROGRAMS, ids=lambda part: part)
@pytest.mark.parametrize("grown", [0, 1, 4])
def test_the_formula_holds_for_other_sizes(text, name, grown):
    formula = printed(f'"{text}" --wrt {name}')
    assert "torch.func" not in formula
    random = np.random.default_rng(grown)
    session = Session(dtype="float64")
    for key, shape in SHAPES.items():
        values = random.uniform(0.2, 0.9, tuple(n + grown for n in shape))
        session.set(key, values + 3 * np.eye(*shape) if len(shape) == 2 and not grown else values, requires_grad=True)
    wanted = session.eval(f"torch.autograd.grad(sum({text}), {name})[0]").numpy()
    got = session.eval(formula).numpy()
    assert got.shape == wanted.shape
    assert np.allclose(got, wanted, rtol=1e-9, atol=1e-12), formula
