"""The laws: one table of rewrites, in files by topic. Those of one head are tried in the order of the table."""

from __future__ import annotations

from gradcli.simplify.law import TABLE, Law
from gradcli.simplify.laws import (  # noqa: F401 - importing one fills the table
    branches,
    choices,
    einsums,
    functions,
    kept,
    linear,
    matrices,
    moves,
    placed,
    products,
    signs,
    spread,
    sums,
    tiles,
    totals,
)

LAWS: dict[str, list[Law]] = {}
for _law in TABLE:
    for _head in _law.heads:
        LAWS.setdefault(_head, []).append(_law)
