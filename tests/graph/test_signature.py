"""Signatures are read from their text."""

import pytest

from gradcli.graph.signature import MISSING, Signature


def test_parameters_have_kind_name_default_and_keyword_only():
    read = Signature("sum(Tensor input, dims? dim=None, bool keepdim=False, *, dtype? dtype=None)").parameters
    assert [(p.kind, p.name, p.default, p.keyword_only) for p in read] == [
        ("Tensor", "input", MISSING, False),
        ("dims?", "dim", None, False),
        ("bool", "keepdim", False, False),
        ("dtype?", "dtype", None, True),
    ]


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("f(Scalar a=1)", 1),
        ("f(Scalar a=1.5)", 1.5),
        ("f(Scalar a=-inf)", float("-inf")),
        ("f(str a='mean')", "mean"),
        ("f(ints a=(1, 2))", (1, 2)),
        ("f(bool a=True)", True),
        ("f(float a=1e-05)", 1e-05),
    ],
)
def test_defaults_are_constants(text, default):
    assert Signature(text).parameters[0].default == default


def test_a_call_is_shown_as_a_person_writes_it():
    assert Signature("max(Tensor input, int dim, bool keepdim=False)").shown == "max(input, dim, keepdim=False)"
    assert Signature("rand(ints* size, *, generator generator=None)").shown == "rand(size)"


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="cannot read the parameter 'Tensr input'"):
        _ = Signature("f(Tensr input)").parameters
