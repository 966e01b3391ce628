"""Reductions, scans, order and norms where torch has a convention: ties, zeros, nan, empty tensors."""

from __future__ import annotations

import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError


def grad(expression: str, x: str) -> str:
    """The gradient of the sum of an expression at x, as it is printed."""
    session = Session()
    session.run(f"x = torch.tensor({x}, requires_grad=True)\n({expression}).sum().backward()")
    return session.run("print(x.grad)").strip()


@pytest.mark.parametrize(
    ("expression", "x", "expected"),
    [
        ("x.prod()", "[2., 0., 3.]", "tensor([0., 6., 0.])"),
        ("x.prod()", "[0., 0., 3.]", "tensor([0., 0., 0.])"),
        ("x.cumprod(0)", "[2., 0., 3.]", "tensor([1., 8., 0.])"),
        ("x.max()", "[1., 3., 3.]", "tensor([0.0000, 0.5000, 0.5000])"),
        ("x.amin()", "[1., 1., 3.]", "tensor([0.5000, 0.5000, 0.0000])"),
        ("x.max(0).values", "[3., 1., 3.]", "tensor([1., 0., 0.])"),
        ("x.median()", "[1., 1., 1., 2.]", "tensor([0.3333, 0.3333, 0.3333, 0.0000])"),
        ("x.cummax(0).values", "[1., 2., 2.]", "tensor([1., 1., 1.])"),
        ("x.norm()", "[0., 0.]", "tensor([0., 0.])"),
        ("x.norm(float('inf'))", "[2., -2., 1.]", "tensor([ 0.5000, -0.5000,  0.0000])"),
        ("x.std()", "[1., 1., 1.]", "tensor([0., 0., 0.])"),
        ("x.nansum()", "[1., float('nan'), 3.]", "tensor([1., 0., 1.])"),
        ("x.logsumexp(0)", "[-1000., 1000.]", "tensor([0., 1.])"),
        ("x.logcumsumexp(0)", "[0., -900., 900.]", "tensor([2., 0., 1.])"),
        ("x.logcumsumexp(0)", "[1., float('inf'), 2., float('inf')]", "tensor([1., nan, 0., nan])"),
        ("x.logcumsumexp(0)", "[float('-inf'), float('-inf'), 1.]", "tensor([nan, nan, 1.])"),
    ],
)
def test_gradient_at_ties_and_zeros(expression: str, x: str, expected: str) -> None:
    assert grad(expression, x) == expected


def test_the_product_of_zeros_in_second_order() -> None:
    session = Session()
    session.run(
        "x = torch.tensor([2., 0., 0.], requires_grad=True)\n"
        "g, = torch.autograd.grad(x.prod(), x, create_graph=True)\n"
        "h, = torch.autograd.grad(g.sum(), x)"
    )
    assert session.run("print(h)") == "tensor([0., 2., 2.])\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("torch.tensor([1., 3., 3., 1., 3.]).topk(4).indices", "tensor([2, 4, 1, 0])"),
        ("torch.ones(12).topk(2).indices", "tensor([9, 7])"),
        ("torch.tensor([2., 2., 2., 2., 2.]).kthvalue(2).indices", "tensor(2)"),
        ("torch.tensor([3, 1, 3, 1, 2]).mode()", "torch.return_types.mode(\nvalues=tensor(1),\nindices=tensor(3))"),
        ("torch.tensor([1., float('nan'), 0.]).sort(descending=True).indices", "tensor([1, 0, 2])"),
        ("torch.zeros(0).median()", "tensor(nan)"),
        ("torch.tensor([-0., -0., 1.]).cumsum(0)", "tensor([0., 0., 1.])"),
        ("torch.tensor([-0., 1.]).logcumsumexp(0)", "tensor([0.0000, 1.3133])"),
        ("torch.zeros(0, 2).logsumexp(0)", "tensor([-inf, -inf])"),
        ("torch.tensor([True, False]).sum()", "tensor(1)"),
        ("torch.tensor([1, 2], dtype=torch.uint8).all()", "tensor(1, dtype=torch.uint8)"),
        ("torch.tensor([1., float('nan'), 3.]).nanquantile(0.5)", "tensor(2.)"),
        ("torch.std_mean(torch.tensor([1., 2., 3.]))", "(tensor(1.), tensor(2.))"),
    ],
)
def test_values(source: str, expected: str) -> None:
    assert repr(Session().eval(source)) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("torch.zeros(0).max()", "no elements"),
        ("torch.zeros(0, 3).max(0)", "no elements"),
        ("torch.tensor([1, 2]).mean()", "no mean in its own dtype"),
        ("torch.tensor([1, 2]).std()", "floating dtype"),
        ("torch.zeros(2).topk(3)", "k is 3"),
        ("torch.zeros(2).quantile(1.5)", "it must be from 0 to 1"),
        ("torch.linalg.norm(torch.ones(2, 2), 3)", "no norm of order 3"),
        ("torch.ones(2).sum(1)", "out of range"),
    ],
)
def test_refusals(source: str, message: str) -> None:
    with pytest.raises(GradcliError) as caught:
        Session().run(source)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "torch1", "torch2"),
    [
        ("x.mean()", "MeanBackward1", "MeanBackward0"),
        ("x.mean(0)", "MeanBackward0", "MeanBackward1"),
        ("x.sum(0, dtype=torch.float64)", "SumBackward3", "SumBackward1"),
        ("x.std(0)", "StdBackward1", "StdBackward0"),
        ("x.norm(2, 0)", "NormBackward1", "LinalgVectorNormBackward0"),
        ("torch.max(x, x)", "MaxBackward2", "MaximumBackward0"),
    ],
)
def test_names(expression: str, torch1: str, torch2: str) -> None:
    for names, expected in (("torch1", torch1), ("torch2", torch2)):
        session = Session(names=names)
        session.run("x = torch.ones(2, 3, requires_grad=True)")
        assert session.eval(expression).grad_fn.name() == expected
