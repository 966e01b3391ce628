"""What PyTorch's own op database asks beyond the recorded cases; the numbers are PyTorch 2.13's."""

from __future__ import annotations

import pytest

from gradcli.api import Session


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        # integers: the factors are cut off, means too
        (
            "torch.addmv(tensor([3, 4]), tensor([[1, 2], [3, 4]]), tensor([1, 1]), beta=1.9, alpha=2.5)",
            "tensor([ 9, 18])",
        ),
        ("torch.prod(tensor([[1, 2], [0, 1]]), 1, dtype=torch.bool)", "tensor([ True, False])"),
        (
            "F.local_response_norm(tensor([[[8], [1], [2]]]), 2, alpha=1.0, k=1.0).flatten()",
            "tensor([0.5810, 0.0726, 0.8774])",
        ),
        # of two elements for one place the last stays
        ("F.max_unpool1d(tensor([[1., 2.]]), tensor([[1, 1]]), 2)", "tensor([[0., 2., 0., 0.]])"),
        ("F.pad(torch.ones(0, 2, 3), (1, 2), mode='reflect').shape", "torch.Size([0, 2, 6])"),
        ("torch.linalg.vander(tensor(3.), N=3)", "tensor([[1., 3., 9.]])"),
        ("torch.angle(tensor([-1., 0., 2., nan]))", "tensor([3.1416, 0.0000, 0.0000,    nan])"),
        # random numbers in the order in which torch draws them
        ("F.rrelu(tensor([-1., 2., -3., -4.]), training=True)", "tensor([-0.3271,  2.0000, -0.8174, -0.8828])"),
        (
            "F.scaled_dot_product_attention(torch.eye(2), torch.eye(2), torch.eye(2), dropout_p=0.5)",
            "tensor([[0.0000, 0.0000],\n        [0.6605, 0.0000]])",
        ),
    ],
)
def test_as_torch(expression: str, printed: str) -> None:
    session = Session()
    session.run("torch.manual_seed(0)")
    assert repr(session.eval(expression)) == printed


def test_ctc_takes_its_input_for_normalized() -> None:
    session = Session()
    session.run("x = torch.tensor([[[-1., -2., -0.5]], [[-0.3, -1., -2.]]], requires_grad=True)")
    session.run("F.ctc_loss(x, torch.tensor([[1]]), [2], [1], reduction='sum').backward()")
    assert repr(session.eval("x.grad.flatten()")) == "tensor([-0.1063, -0.3904,  0.6065,  0.3895, -0.2808,  0.1353])"
