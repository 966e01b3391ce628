"""What a law is: a rewrite, and what it needs to hold.

A law looks at one term, whose parts are simplified already, and gives a simpler one or None. `holds` says for which
dtypes, shapes and values: "always" means for all of them. Where it is narrower than what the pattern itself ensures,
the law calls `assume`, and `diff` tells the user. Elements that are not finite are outside all of them.

The laws are in `simplify/laws/`, a file for each topic; importing that package fills the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.normal import ONE, bare, factor_of, is_number

Rewrite = Callable[[Builder, Term], "Term | None"]


class Law:
    """One rewrite: the heads it looks at, what it says, when it holds."""

    __slots__ = ("apply", "heads", "holds", "says")

    def __init__(self, heads: tuple[str, ...], says: str, holds: str, apply: Rewrite) -> None:
        self.heads = heads
        self.says = says
        self.holds = holds
        self.apply = apply


NEGATED = {"gt": "le", "le": "gt", "lt": "ge", "ge": "lt", "eq": "ne", "ne": "eq"}
TABLE: list[Law] = []


def law(heads: str, says: str, holds: str) -> Callable[[Rewrite], Rewrite]:
    """Put a rewrite into the table."""

    def enter(rewrite: Rewrite) -> Rewrite:
        TABLE.append(Law(tuple(heads.split()), says, holds, rewrite))
        return rewrite

    return enter


def is_scalar(term: Term) -> bool:
    """Whether it is one element, broadcast to its shape."""
    return bare(term).shape == ()


def one(term: Term, value: int = 1) -> bool:
    """Whether it is the number 1 (or another) broadcast to its shape."""
    return is_number(term) and bare(term).value == value


def arithmetic_on(b: Builder, x: Term, parts: Sequence[Term]) -> Term:
    """The sum or product x of other parts in place of its own."""
    if x.head == "sum":
        return b.add([*zip(x.param("factors"), parts, strict=True), (x.param("constant"), b.number(1))])
    return b.power_product([(b.number(x.param("factor")), ONE), *zip(parts, x.param("powers"), strict=True)])


def without_scalars(b: Builder, x: Term) -> tuple[Term | None, list[Term]]:
    """A product without its number and its factors of one element, and these."""
    outer = [] if factor_of(x) == 1 else [b.number(factor_of(x))]
    inner = []
    for a, p in zip(x.args, x.param("powers"), strict=True):
        if a.shape == ():
            outer.append(b.power(a, p))
        else:
            inner.append((a, p))
    return (b.power_product(inner) if inner else None), outer
