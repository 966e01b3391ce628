"""Products: matmul by dimensions, multiply-adds, einsum, tensordot, chains."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError

RANDOM = np.random.default_rng(3)


def session(**shapes: tuple[int, ...]) -> Session:
    """A session with random tensors of these shapes that require a gradient."""
    made = Session()
    for name, shape in shapes.items():
        made.set(name, RANDOM.normal(size=shape), requires_grad=True)
    return made


@pytest.mark.parametrize(
    ("a", "b", "name"),
    [
        ((3,), (3,), "DotBackward0"),
        ((2, 3), (3,), "MvBackward0"),
        ((3,), (3, 2), "SqueezeBackward4"),
        ((2, 3), (3, 4), "MmBackward0"),
        ((2, 3), (5, 3, 4), "CloneBackward0"),
        ((2, 3), (5, 3, 1), "TransposeBackward0"),
        ((5, 2, 3), (3, 4), "UnsafeViewBackward0"),
        ((5, 2, 3), (3,), "UnsafeViewBackward0"),
        ((1, 5, 2, 3), (4, 1, 3, 2), "UnsafeViewBackward0"),
        ((2, 0), (0, 3), "MmBackward0"),
    ],
)
def test_matmul(a: tuple[int, ...], b: tuple[int, ...], name: str) -> None:
    s = session(a=a, b=b)
    y = s.eval("a @ b")
    assert y.grad_fn.name() == name
    np.testing.assert_allclose(y.numpy(), s["a"].numpy() @ s["b"].numpy())


@pytest.mark.parametrize(
    ("equation", "shapes", "name"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)], "ViewBackward0"),
        ("ij,jk", [(2, 3), (3, 4)], "ViewBackward0"),
        ("ii", [(3, 3)], "SumBackward1"),
        ("iij->ji", [(3, 3, 2)], "PermuteBackward0"),
        ("i,j->ij", [(2,), (3,)], "MulBackward0"),
        ("...ij,...jk->...ik", [(2, 1, 2, 3), (3, 3, 2)], "ViewBackward0"),
        ("bm,bk,lmk->bl", [(2, 3), (2, 4), (5, 3, 4)], "ViewBackward0"),
        ("aab,bcc->ac", [(2, 2, 3), (3, 4, 4)], "ViewBackward0"),
        ("ij,k->j", [(2, 3), (4,)], "ViewBackward0"),
    ],
)
def test_einsum(equation: str, shapes: list[tuple[int, ...]], name: str) -> None:
    names = "abc"[: len(shapes)]
    s = session(**dict(zip(names, shapes, strict=True)))
    y = s.eval(f"torch.einsum('{equation}', {', '.join(names)})")
    assert y.grad_fn.name() == name
    np.testing.assert_allclose(y.numpy(), np.einsum(equation, *[s[n].numpy() for n in names]), atol=1e-12)


def test_einsum_of_lists_is_einsum_of_an_equation() -> None:
    s = session(a=(2, 3), b=(3, 4))
    listed = s.eval("torch.einsum(a, [0, 1], b, [1, 2], [2, 0])")
    assert np.array_equal(listed.numpy(), s.eval("torch.einsum('ij,jk->ki', a, b)").numpy())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("torch.ones(2, 3) @ torch.ones(4, 2)", "the inner sizes differ"),
        ("torch.mm(torch.ones(3), torch.ones(3, 2))", "matrix (2 dimensions)"),
        ("torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.float64)", "the dtypes differ"),
        ("torch.einsum('ij,jk', torch.ones(2, 3), torch.ones(4, 2))", "the sizes of 'j' differ"),
        ("torch.einsum('i1', torch.ones(2, 3))", "'1' is not a subscript"),
        ("torch.einsum('i->ii', torch.ones(2))", "more than once in the output"),
        ("torch.einsum('ii', torch.ones(2, 3))", "repeated"),
        ("torch.tensordot(torch.ones(2, 3), torch.ones(2, 3), 1)", "differ in size"),
        ("torch.linalg.cross(torch.ones(2), torch.ones(2))", "must have size 3"),
        ("torch.linalg.multi_dot([torch.ones(2, 2)])", "at least two"),
    ],
)
def test_refusals(source: str, message: str) -> None:
    with pytest.raises(GradcliError) as caught:
        Session().run(source)
    assert message in str(caught.value)


def test_beta_zero_does_not_read_the_input() -> None:
    text = Session().run("print(torch.addmm(torch.tensor([float('nan')]), torch.ones(1, 1), torch.ones(1, 1), beta=0))")
    assert text == "tensor([[1.]])\n"


def test_a_long_chain() -> None:
    s = Session()
    s.run("ms = [torch.eye(2) for _ in range(200)]")
    assert s.run("print(torch.linalg.multi_dot(ms).sum())") == "tensor(2.)\n"
