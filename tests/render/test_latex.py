"""Formulas as LaTeX."""

import pytest

from gradcli.render.latex import escaped, name_text


@pytest.mark.parametrize(
    ("name", "text"), [("x", "x"), ("alpha", r"\alpha"), ("w1", "w_{1}"), ("out", r"\mathrm{out}"), ("x_2", "x_{2}")]
)
def test_names(name, text):
    assert name_text(name) == text


def test_special_characters_are_escaped():
    assert escaped("a_b%{x}") == r"a\_b\%\{x\}"
