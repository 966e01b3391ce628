"""How the arrays of one pass lie to each other: a shape seen as rows and columns, and what varies along which.

A pass goes over a shape block by block. Its arrays are FULL (of that shape), or vary along the direction in which the
blocks follow each other (ALONG), or only across it (ACROSS: the same for every block), or are one number (ONE).
"""

from __future__ import annotations

from math import prod

from gradcli.shapes import Shape

FULL, ALONG, ACROSS, ONE = "full", "along", "across", "one"
BLOCK = 1 << 16  # elements of four bytes; of wider ones fewer
FEW = 6  # buffers: with no more, blocks of twice the size stay in cache, and threads meet less often
FUSE_ABOVE = 1 << 15  # elements; smaller arrays are computed at once, which takes less than starting a pass
WIDEST = 1 << 17  # a row longer than this is cut
EVEN = 16  # rows: with so many, and their multiples, every block begins at a cache line where the first does


class Layout:
    """A shape as a matrix of `rows` x `cols`, or flat. split: how many dimensions make the rows; None: flat.

    by_rows: whether a block is some whole rows, or a part of every row.
    """

    __slots__ = ("by_rows", "cols", "rows", "shape", "split")

    def __init__(self, shape: Shape, split: int | None) -> None:
        self.shape = shape
        self.split = split
        if split is None:
            self.rows, self.cols = prod(shape), 1
        else:
            self.rows, self.cols = prod(shape[:split]), prod(shape[split:])
        self.by_rows = self.cols <= WIDEST or self.rows > self.cols

    def step(self, size: int) -> int:
        """How many rows or columns make a block of about so many elements."""
        other = self.cols if self.by_rows else self.rows
        step = max(1, min(self.length, size // max(other, 1)))
        return step - step % EVEN if step > EVEN else step

    @property
    def length(self) -> int:
        """Rows or columns, whichever the blocks follow."""
        return self.rows if self.by_rows else self.cols

    @property
    def down(self) -> bool:
        """Whether the blocks follow each other along the first axis of the matrix: each is one piece of memory."""
        return self.split is None or self.by_rows

    def place(self, shape: Shape) -> str | None:
        """What an array of a shape that broadcasts to this one is; None when it is none of the four."""
        lead = len(self.shape) - len(shape)
        if lead < 0:
            return None
        shape = (1,) * lead + shape
        if shape == self.shape:
            return FULL
        if prod(shape) == 1:
            return ONE
        if self.split is None:
            return None
        head, tail = shape[: self.split], shape[self.split :]
        if head == self.shape[: self.split] and prod(tail) == 1:
            return ALONG if self.by_rows else ACROSS
        if tail == self.shape[self.split :] and prod(head) == 1:
            return ACROSS if self.by_rows else ALONG
        return None

    def reduced(self, axes: Shape) -> str | None:
        """What remains when these axes are reduced: ALONG (complete in every block), ACROSS, ONE or none of them."""
        ndim = len(self.shape)
        if len(axes) == ndim:
            return ONE
        if self.split is None:
            return None
        if axes == tuple(range(self.split, ndim)):
            return ALONG if self.by_rows else ACROSS
        if axes == tuple(range(self.split)):
            return ACROSS if self.by_rows else ALONG
        return None

    def matrix(self, kind: str) -> Shape:
        """The shape in which a pass sees an array of a kind."""
        if kind == ONE:
            return ()
        if self.split is None:
            return (self.rows,)
        if kind == FULL:
            return (self.rows, self.cols)
        return (self.rows, 1) if (kind == ALONG) == self.by_rows else (1, self.cols)

    def block(self, kind: str, size: int) -> Shape:
        """The shape of a block of an array, `size` rows or columns long."""
        if self.split is None:
            return (size,)
        if self.by_rows:
            return (size, self.cols if kind == FULL else 1)
        return (self.rows if kind == FULL else 1, size)


def votes(shape: Shape, other: Shape) -> int | None:
    """Where a shape has to be split so that another, smaller one broadcasts along rows or columns."""
    lead = len(shape) - len(other)
    if lead < 0:
        return None
    other = (1,) * lead + other
    ndim = len(shape)
    for split in range(1, ndim):
        head, tail = prod(other[:split]) == 1, prod(other[split:]) == 1
        if (head and other[split:] == shape[split:]) or (tail and other[:split] == shape[:split]):
            return split
    return None
