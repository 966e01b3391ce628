"""Batches whose rows have few entries that are not 0, as the directions of single elements have.

A Jacobian begins with the identity. What ops do to its entries is said in `entries.py`; where an op would fill the
rows, the batch is made whole and goes on as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradcli.dtypes import DType
from gradcli.graph.node import Node
from gradcli.graph.op import leaf
from gradcli.ops.indexing.gather import place_rows
from gradcli.ops.shapes.join import cat
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import Shape

Array = np.ndarray[Any, Any]

SMALLEST = 1 << 12  # numbers in a batch: in fewer, zeros cost less than doing without them


class Entries:
    """Some entries of a batch: their values (n,), rows (n,), and flat places (n,) in these rows."""

    __slots__ = ("places", "rows", "values")

    def __init__(self, values: Node, rows: Array, places: Array) -> None:
        self.values = values
        self.rows = rows
        self.places = places

    def at_places_of(self, other: Entries) -> bool:
        """Whether these stand where the others do."""
        return (self.rows is other.rows and self.places is other.places) or (
            np.array_equal(self.rows, other.rows) and np.array_equal(self.places, other.places)
        )


class Sparse:
    """A batch (count, *shape) of zeros and few entries; those at the same place add up."""

    __slots__ = ("count", "dtype", "shape", "terms")

    def __init__(self, terms: Sequence[Entries], count: int, shape: Shape, dtype: DType) -> None:
        self.terms = terms
        self.count = count
        self.shape = shape
        self.dtype = dtype

    @property
    def size(self) -> int:
        """How many elements a row has."""
        return prod(self.shape)

    @property
    def entries(self) -> int:
        """How many entries there are in all rows."""
        return sum(term.places.size for term in self.terms)

    def whole(self) -> Node:
        """The batch with its zeros."""
        flat = self._placed([term.rows * self.size + term.places for term in self.terms])
        made: Node = reshape(flat, shape=(self.count, *self.shape))
        return made

    def turned(self) -> Node:
        """The batch with its zeros, and the rows as the last dimension."""
        flat = self._placed([term.places * self.count + term.rows for term in self.terms])
        made: Node = reshape(flat, shape=(*self.shape, self.count))
        return made

    def _placed(self, at: list[Array]) -> Node:
        values = [term.values for term in self.terms]
        joined = values[0] if len(values) == 1 else cat(*values, dim=0)
        made: Node = place_rows(joined, leaf(np.concatenate(at)), dim=0, shape=(self.count * self.size,))
        return made


def directions(shape: Shape, dtype: DType) -> Sparse | None:
    """The directions of the elements of a tensor, one after the other; None for few."""
    size = prod(shape)
    if size * size < SMALLEST:
        return None
    ones = leaf(np.ones(size, dtype.numpy), dtype)
    return Sparse([Entries(ones, np.arange(size), np.arange(size))], size, shape, dtype)
