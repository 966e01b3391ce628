"""`gradcli ops`: the list, and the sheet of an op."""

import json

import pytest

from gradcli.cli.opsheet import sheet, sheet_text
from gradcli.graph.op import TABLE
from gradcli.ops.catalog import declare_all, spellings_of

SOFTPLUS = """\
F.softplus(input, beta=1, threshold=20)
  log(1 + exp(beta input)) / beta; input itself where beta input > threshold.
  spelled     F.softplus
  d/dinput    g*sigmoid(input)
  checked on  -2 to 2
  grad_fn     SoftplusBackward0 (torch1: SoftplusBackward)
  example     F.softplus(input=[1.5, 1.55, -1.76])
              tensor([1.7014, 1.7425, 0.1587])
"""


def test_a_sheet(call):
    ended = call("ops", "softplus")
    assert (ended.status, ended.out, ended.err) == (0, SOFTPLUS, "")


def test_a_sheet_as_data(call):
    ended = call("ops", "softplus", "--json")
    found = json.loads(ended.out)
    found = found[0] if isinstance(found, list) else found
    assert found["derivative"] == {"input": "g*sigmoid(input)"}


def test_the_list_names_every_public_op(call):
    listed = [line.split()[0] for line in call("ops").out.splitlines()]
    assert listed == sorted(listed, key=str.lower)
    assert {"F.softplus", "det", "F.cross_entropy", "einsum"} <= set(listed)


def test_a_name_that_is_none(call):
    ended = call("ops", "sofplus")
    assert ended.status != 0
    assert ended.out == ""
    assert "softplus" in ended.err


@pytest.mark.slow
def test_every_op_has_a_sheet_with_formulas():
    declare_all()
    for op in TABLE:
        if next(spellings_of(op), None) is not None:
            text = sheet_text(sheet(op))
            for sign in ("<op", "object at", "not public", "None.", "..."):
                assert sign not in text.partition("example")[0].replace(op.doc, ""), text
