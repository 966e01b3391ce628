"""torch.signal.windows: the numbers of PyTorch 2.13, and what is refused."""

from __future__ import annotations

import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError


@pytest.mark.parametrize(
    ("call", "printed"),
    [
        ("hann(4)", "tensor([0.0000, 0.7500, 0.7500, 0.0000])"),
        ("hann(4, sym=False)", "tensor([0.0000, 0.5000, 1.0000, 0.5000])"),
        ("hamming(4)", "tensor([0.0800, 0.7700, 0.7700, 0.0800])"),
        (
            "blackman(4, dtype=torch.float64)",
            "tensor([-1.3878e-17,  6.3000e-01,  6.3000e-01, -1.3878e-17],\n       dtype=torch.float64)",
        ),
        ("nuttall(4)", "tensor([3.6280e-04, 5.2923e-01, 5.2923e-01, 3.6280e-04])"),
        ("bartlett(4, sym=False)", "tensor([0.0000, 0.5000, 1.0000, 0.5000])"),
        ("cosine(4)", "tensor([0.3827, 0.9239, 0.9239, 0.3827])"),
        ("exponential(4, tau=2.0)", "tensor([0.4724, 0.7788, 0.7788, 0.4724])"),
        ("exponential(4, center=0, sym=False)", "tensor([1.0000, 0.3679, 0.1353, 0.0498])"),
        ("gaussian(4, std=0.7)", "tensor([0.1007, 0.7748, 0.7748, 0.1007])"),
        ("kaiser(4, beta=8.0)", "tensor([0.0023, 0.6525, 0.6525, 0.0023])"),
        ("general_hamming(4, alpha=0.6)", "tensor([0.2000, 0.8000, 0.8000, 0.2000])"),
        ("general_cosine(4, a=[0.5, 0.3, 0.2])", "tensor([0.4000, 0.5500, 0.5500, 0.4000])"),
        ("exponential(1, sym=False)", "tensor([1.])"),
        ("cosine(1)", "tensor([1.])"),
        ("hann(0)", "tensor([])"),
    ],
)
def test_as_torch(call: str, printed: str) -> None:
    assert repr(Session().eval(f"torch.signal.windows.{call}")) == printed


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("hann(-1)", "the length is -1"),
        ("hann(4, dtype=torch.float16)", "a window is of float32 or float64"),
        ("gaussian(4, std=0.)", "std is 0.0; it must be positive"),
        ("general_cosine(4, a=[])", "the list of weights is empty"),
    ],
)
def test_wrong_calls(call: str, message: str) -> None:
    with pytest.raises(GradcliError, match=message):
        Session().eval(f"torch.signal.windows.{call}")
