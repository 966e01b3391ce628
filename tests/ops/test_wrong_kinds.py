"""Arguments of the wrong kind inside lists and options are refused by name, never by an error of Python's own."""

from __future__ import annotations

import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("F.adaptive_avg_pool1d(torch.ones(1, 2, 6), 'a')", "output_size is made of integers, not 'a'"),
        ("F.adaptive_max_pool1d(torch.ones(1, 2, 6), 1.5)", "output_size is made of integers, not 1.5"),
        ("F.adaptive_avg_pool2d(torch.ones(1, 2, 6, 6), (0.5, 2))", "output_size is made of integers"),
        ("F.interpolate(torch.ones(1, 1, 4), size='a')", "size is made of integers, not 'a'"),
        ("F.interpolate(torch.ones(1, 1, 4), scale_factor='a')", "scale_factor is made of numbers, not 'a'"),
        ("F.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 2), padding=0.5)", "padding is made of integers, not 0.5"),
        ("torch.norm(torch.ones(2), p=(0, 1))", "p is a number, not .0, 1."),
        ("torch.linalg.vector_norm(torch.ones(2), [0])", "ord is a number, not .0."),
        ("torch.tensordot(torch.ones(2, 2), torch.ones(2, 2), ([0.5], [0]))", "dims names dimensions by integers"),
        ("torch.ones(2).new_tensor([(0, 1), 2.])", "the values have to be numbers, in lists of equal length"),
        ("torch.ones(2).view(None)", "these arguments do not fit"),
        ("torch.ones(2).roll(2**63)", "an integer is too large for 64 bits"),
        ("F.avg_pool1d(torch.ones(1, 2, 6), 3, (10**92,))", "an integer is too large for 64 bits"),
        ("torch.ones(2).round(decimals=-(2**70))", "an integer is too large for 64 bits"),
    ],
)
def test_refused(expression: str, message: str) -> None:
    with pytest.raises(GradcliError, match=message):
        Session().eval(expression)
