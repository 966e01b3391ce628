"""Windows of signal processing: the numbers of PyTorch 2.13, lengths and dtypes."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("torch.hann_window(5)", "tensor([0.0000, 0.3455, 0.9045, 0.9045, 0.3455])"),
        ("torch.hann_window(5, False)", "tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])"),
        ("torch.hamming_window(5, True, 0.5, 0.3)", "tensor([0.2000, 0.4073, 0.7427, 0.7427, 0.4073])"),
        ("torch.blackman_window(5)", "tensor([-2.9802e-08,  2.0077e-01,  8.4923e-01,  8.4923e-01,  2.0077e-01])"),
        ("torch.bartlett_window(5)", "tensor([0.0000, 0.4000, 0.8000, 0.8000, 0.4000])"),
        ("torch.kaiser_window(5, True, 8.0)", "tensor([0.0023, 0.2268, 0.8598, 0.8598, 0.2268])"),
    ],
)
def test_windows(expression: str, printed: str) -> None:
    assert repr(Session().eval(expression)) == printed


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "bartlett", "kaiser"])
def test_short_ones_and_dtypes(name: str) -> None:
    session = Session()
    assert session.eval(f"torch.{name}_window(0)").shape == (0,)
    assert np.array_equal(session.eval(f"torch.{name}_window(1)").numpy(), [1])
    assert session.eval(f"torch.{name}_window(4, dtype=torch.float64)").numpy().dtype == np.float64
    with pytest.raises(GradcliError, match="floating"):
        session.eval(f"torch.{name}_window(4, dtype=torch.int64)")
