"""Formulas found at one point hold where classes, indices and masks are others: no data is read into them."""

import numpy as np
import pytest

from gradcli.api import Session
from tests.simplify.test_generated_formulas import differentiated, gradient

POINTS = [
    {
        "x": np.array([0.5, -1.2, 0.8, 1.5]), "A": np.array([[1.0, -0.5, 2.0], [0.3, 0.7, -1.1]]),
        "m": np.array([True, False, True, False]), "t": np.array([2, 0]), "k": np.array(1), "j": np.array([[0], [1]]),
        "e": np.array([0.0, 1.0, 2.0]),
    },
    {
        "x": np.array([-0.3, 0.9, 0.4, 0.2]), "A": np.array([[-1.0, 0.5, 0.2], [1.3, 0.1, 0.6]]),
        "m": np.array([True, True, False, True]), "t": np.array([1, 2]), "k": np.array(0), "j": np.array([[2], [0]]),
        "e": np.array([-1.0, 0.3, 0.5]),
    },
]  # fmt: skip
PROGRAMS = [
    ("mean(x[x > 0])", "x"), ("mean(x[m]**2)", "x"), ("x[m].var()", "x"), ("logsumexp(x[m], 0)", "x"),
    ("mean(x.masked_select(x > 0.3)**3)", "x"), ("x[m].sum()**2 + mean(x[x > 0])", "x"), ("mean(A[A > 0])", "A"),
    ("softmax(x[m], 0).max()", "x"), ("x[x > 0.45].pow(2).sum()**2 + x.sum()", "x"), ("x[k]**2", "x"),
    ("-log_softmax(A, 1)[k, 1]", "A"), ("A[k] @ A[1 - k]", "A"), ("A[:, k].prod()", "A"), ("norm(A[k, 1:])", "A"),
    ("(softmax(A, -1)*one_hot(t, 3)).sum().log()", "A"), ("take_along_dim(A, j, 1).pow(2).sum()", "A"),
    ("gather(A, 1, j).prod()", "A"), ("-log_softmax(A, -1)[arange(2), t].mean()", "A"), ("A[:, t].pow(3).sum()", "A"),
    ("x[searchsorted(e, x)].pow(2).sum()", "x"), ("(A @ embedding(t, eye(3)*x[0]).T).prod()", "A"),
    ("embedding(t, A.T).pow(2).sum()", "A"), ("cross_entropy(A, t)", "A"), ("nll_loss(A, t, reduction='sum')**2", "A"),
    ("where(m, x, x**2).sum()", "x"), ("(x*m).norm()", "x"), ("x.masked_fill(m, 0.5).prod()", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name"), PROGRAMS, ids=lambda part: part)
def test_the_formula_holds_for_other_classes_indices_and_masks(text, name):
    formula = differentiated(text, POINTS[0], name)
    assert "torch.func" not in formula
    for point in POINTS:
        session = Session(dtype="float64")
        for key, array in point.items():
            session.set(key, array)
        wanted = gradient(text, point, name)
        assert np.allclose(session.eval(formula).numpy(), wanted, rtol=1e-9, atol=1e-12), formula
