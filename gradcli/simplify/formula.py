"""The normal form of a gradient graph: its term, in the shape and dtype of what it is the gradient of."""

from __future__ import annotations

from collections.abc import Mapping

from gradcli.dtypes import DType, float64
from gradcli.graph.node import Node
from gradcli.graph.terms import Term
from gradcli.shapes import Shape
from gradcli.simplify.build import Builder
from gradcli.simplify.convert import Converter, Name
from gradcli.simplify.laws import LAWS
from gradcli.simplify.normal import bare


def builder(dtype: DType = float64, sizes: Mapping[int, str] | None = None, exact: bool = False) -> Builder:
    """A builder that knows all laws. sizes: what unknown sizes are called. exact: it takes nothing for granted."""
    return Builder(LAWS, dtype, sizes, exact)


def simplified(
    output: Node, names: Mapping[Node, Name], b: Builder, held: Mapping[int, tuple[Node, Shape]] | None = None
) -> Term:
    """The formula of a node in terms of the named ones. Raises: NoForm for an op without public form.

    held: masks, as broadcast to a shape, by the number that stands for how often they hold.
    """
    converter = Converter(b, names)
    for number, (mask, shape) in (held or {}).items():
        b.count(number, b.expand(converter.term(mask), shape))
    term = b.expand(converter.term(output), output.shape)
    inner = bare(term)
    if not output.dtype.floating or (inner.dtype is None and not inner.shape) or term.floating:
        return term
    return b.expand(b.cast(inner, output.dtype), output.shape)
