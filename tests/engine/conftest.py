"""Passes and blocks so small that tiny tensors have many of them."""

from __future__ import annotations

import pytest

from gradcli.engine import layout


@pytest.fixture
def tiny_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every array with more than one element is computed in passes, whose blocks have four elements."""
    monkeypatch.setattr(layout, "FUSE_ABOVE", 1)
    monkeypatch.setattr(layout, "BLOCK", 4)
    monkeypatch.setattr(layout, "WIDEST", 6)
