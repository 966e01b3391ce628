"""A folder with the files that the documents speak of, and `gradcli` on the path of their shell."""

import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    """An empty folder but for the files that README.md reads."""
    np.save(tmp_path / "data.npy", np.array([[1.0, 2.0], [3.0, 4.0]]))
    (tmp_path / "data.csv").write_text("height,weight\n1.5,60\n1.8,75\n")
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


TRAIN = """\
import torch

x = torch.tensor([1.0, 2.0, 3.0])
w = torch.zeros(1, requires_grad=True)
for step in range(3):
    loss = ((w * x - 2 * x) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.05 * w.grad
        w.grad.zero_()
    print(f"{step}: {loss.item():.4f}")
"""


@pytest.fixture
def shell_environment(folder):
    """Environment variables in which `gradcli` is this package."""
    script = folder / "bin" / "gradcli"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gradcli "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRADCLI_")}
    path = f"{script.parent}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
