"""Linear algebra: what factors multiply back to, singular and empty matrices, torch's conventions and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError

RANDOM = np.random.default_rng(5)


def session(*shape: int) -> Session:
    """A session with a random matrix x that requires a gradient."""
    made = Session()
    made.set("x", RANDOM.normal(size=shape), requires_grad=True)
    return made


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (2, 3, 3)])
@pytest.mark.parametrize(
    "product",
    [
        "linalg.qr(x)[0] @ linalg.qr(x)[1]",
        "(lambda u, s, v: u @ torch.diag_embed(s) @ v)(*linalg.svd(x, full_matrices=False))",
        "(lambda p, l, u: p @ l @ u)(*linalg.lu(x))",
        "x @ linalg.pinv(x) @ x",
    ],
)
def test_factors_multiply_back(shape: tuple[int, ...], product: str) -> None:
    s = session(*shape)
    np.testing.assert_allclose(s.eval(product).numpy(), s["x"].numpy(), atol=1e-10)


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        ("linalg.inv(x) @ x", "torch.eye(3)"),
        ("x @ linalg.solve(x, torch.ones(3, dtype=x.dtype))", "torch.ones(3)"),
        ("linalg.solve(x, x, left=False)", "torch.eye(3)"),
        ("linalg.matrix_power(x, -2) @ x @ x", "torch.eye(3)"),
        ("linalg.matrix_exp(x) @ linalg.matrix_exp(-x)", "torch.eye(3)"),
        ("linalg.lu_solve(*linalg.lu_factor(x), x)", "torch.eye(3)"),
        ("linalg.lu_solve(*linalg.lu_factor(x), x.T, adjoint=True)", "torch.eye(3)"),
        ("torch.cholesky_solve(x @ x.T, linalg.cholesky(x @ x.T))", "torch.eye(3)"),
        ("linalg.slogdet(x).logabsdet.exp()", "linalg.det(x).abs()"),
        ("linalg.matrix_norm(x, 'nuc')", "linalg.svdvals(x).sum()"),
        ("linalg.cond(x)", "linalg.norm(x, 2) * linalg.norm(linalg.inv(x), 2)"),
        ("linalg.lstsq(x, x).solution", "torch.eye(3)"),
        ("linalg.ldl_solve(*linalg.ldl_factor((x + x.T).detach()), (x + x.T).detach())", "torch.eye(3)"),
    ],
)
def test_identities(product: str, expected: str) -> None:
    s = session(3, 3)
    np.testing.assert_allclose(s.eval(product).numpy(), s.eval(expected).numpy(), atol=1e-9)


def test_the_gradient_of_det_where_there_is_no_inverse() -> None:
    s = Session()
    s.run("x = torch.tensor([[1., 2.], [2., 4.]], requires_grad=True)\ntorch.det(x).backward()")
    assert s.run("print(x.grad)") == "tensor([[ 4., -2.],\n        [-2.,  1.]])\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "torch.linalg.inv(torch.ones(3, 3))",
            "linalg.inv: The diagonal element 2 is zero, the inversion could not be",
        ),
        (
            "torch.linalg.solve(torch.zeros(2, 2), torch.ones(2))",
            "torch.linalg.solve: The solver failed because the input",
        ),
        ("torch.linalg.inv(torch.zeros(2, 2, 2))", "linalg.inv: (Batch element 0): The diagonal element 1 is zero"),
        ("torch.linalg.cholesky(-torch.eye(2))", "linalg.cholesky: The factorization could not be completed because"),
        ("torch.linalg.det(torch.ones(2, 3))", "linalg.det: A must be batches of square matrices, but they are 2 by 3"),
        ("torch.linalg.svd(torch.ones(3))", "linalg.svd: The input tensor A must have at least 2 dimensions."),
        ("torch.linalg.inv(torch.ones(2, 2, dtype=torch.int64))", "linalg.inv: Expected a floating point or complex"),
        ("torch.linalg.inv(torch.ones(2, 2).half())", "linalg.inv: Low precision dtypes not supported. Got Half"),
        ("torch.linalg.solve(torch.eye(2), torch.ones(3, 1))", "linalg.solve: Incompatible shapes of A and B for the"),
        ("torch.linalg.eigvals(torch.tensor([[0., 1.], [-1., 0.]]))", "the matrix has complex eigenvalues"),
        (
            "torch.linalg.lu_factor(torch.zeros(2, 2))",
            "torch.linalg.lu_factor: U[1,1] is zero and using it on lu_solve",
        ),
    ],
)
def test_refusals_in_the_words_of_torch(source: str, said: str) -> None:
    with pytest.raises(GradcliError) as caught:
        Session().run(source)
    assert said in caught.value.said()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("linalg.qr(x, mode='r')[1].sum().backward()", "there is no Q"),
        ("linalg.qr(x, mode='complete')[0].sum().backward()", "more rows than columns"),
    ],
)
def test_where_there_is_no_derivative(source: str, message: str) -> None:
    s = session(3, 2)
    with pytest.raises(GradcliError) as caught:
        s.run(source)
    assert message in str(caught.value)


def test_results_have_names() -> None:
    s = session(2, 2)
    for call, start in (
        ("linalg.eigh(x)", "torch.return_types.linalg_eigh(\neigenvalues="),
        ("linalg.svd(x)", "torch.return_types.linalg_svd(\nU="),
        ("torch.svd(x)", "torch.return_types.svd(\nU="),
        ("linalg.slogdet(x)", "torch.return_types.linalg_slogdet(\nsign="),
        ("torch.slogdet(x)", "torch.return_types.slogdet(\nsign="),
    ):
        assert repr(s.eval(call)).startswith(start)


@pytest.mark.parametrize("name", ["linalg.svdvals(x)", "linalg.svd(x).U", "linalg.matrix_norm(x, 2)", "linalg.pinv(x)"])
def test_singular_values_of_infinities_are_nan(name: str) -> None:
    s = session(3, 3)
    s.run("x = x.detach().index_fill(0, torch.tensor([1]), torch.inf)")
    assert np.isnan(s.eval(name).numpy()).all()


@pytest.mark.parametrize("name", ["svd", "svdvals", "pinv", "eigh", "eig"])
def test_what_does_not_converge_is_refused(name: str) -> None:
    s = session(3, 3)
    with pytest.raises(GradcliError, match="it did not converge"):
        s.run(f"torch.linalg.{name}(x * torch.nan)")
