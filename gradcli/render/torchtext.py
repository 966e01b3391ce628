"""The text of a tensor, character for character as PyTorch prints it.

Takes a numpy array and what else the text says (dtype, requires_grad, grad_fn) and knows nothing of tensors. Only the
elements that are shown are looked at, so a large tensor costs what its summary costs.
Source: the behaviour of torch.set_printoptions and of printing in PyTorch 2.13; conformance case file printing.jsonl.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray[Any, np.dtype[Any]]

PREFIX = "tensor("
LARGEST_PLAIN = 1e8  # scientific notation above this,
SMALLEST_PLAIN = 1e-4  # below this,
WIDEST_PLAIN = 1000.0  # and where the largest is more than this many times the smallest


class PrintOptions:
    """How tensors are printed: what torch.set_printoptions sets.

    precision: digits after the point. threshold: more elements than this are summarised. edgeitems: elements shown at
    both ends of a dimension of a summary. linewidth: columns. sci_mode: scientific notation, None when the numbers say.
    """

    __slots__ = ("edgeitems", "linewidth", "precision", "sci_mode", "threshold")

    def __init__(
        self,
        precision: int = 4,
        threshold: float = 1000,
        edgeitems: int = 3,
        linewidth: int = 80,
        sci_mode: bool | None = None,
    ) -> None:
        self.precision = precision
        self.threshold = threshold
        self.edgeitems = edgeitems
        self.linewidth = linewidth
        self.sci_mode = sci_mode

    def set(
        self,
        precision: int | None = None,
        threshold: float | None = None,
        edgeitems: int | None = None,
        linewidth: int | None = None,
        profile: str | None = None,
        sci_mode: bool | None = None,
    ) -> None:
        """Change what is given, as torch.set_printoptions does: a profile first; sci_mode is set even when it is None.

        A profile that does not exist changes nothing.
        """
        if profile in PROFILES:
            self.precision, self.threshold, self.edgeitems, self.linewidth = PROFILES[profile]
        if precision is not None:
            self.precision = precision
        if threshold is not None:
            self.threshold = threshold
        if edgeitems is not None:
            self.edgeitems = edgeitems
        if linewidth is not None:
            self.linewidth = linewidth
        self.sci_mode = sci_mode

    def copy(self) -> PrintOptions:
        """The same options, to be changed apart."""
        return PrintOptions(self.precision, self.threshold, self.edgeitems, self.linewidth, self.sci_mode)


PROFILES: dict[str | None, tuple[int, float, int, int]] = {
    "default": (4, 1000, 3, 80),
    "short": (2, 1000, 2, 80),
    "full": (4, math.inf, 3, 80),
}
DEFAULT = PrintOptions()


def tensor_text(
    array: Array,
    dtype_name: str,
    *,
    default_dtype: str = "float32",
    requires_grad: bool = False,
    grad_fn: str | None = None,
    options: PrintOptions = DEFAULT,
) -> str:
    """What `print(tensor)` shows, for the array of its values."""
    body = PREFIX + (elements_text(array, len(PREFIX), options) if array.size else "[]")
    suffixes = []
    if array.size == 0:
        if array.ndim != 1:
            suffixes.append(f"size={tuple(array.shape)}")
        implied = dtype_name == default_dtype
    else:
        if options.edgeitems == 0:
            suffixes.append(f"size={tuple(array.shape)}")
        implied = dtype_name in (default_dtype, "int64", "bool")
    if not implied:
        suffixes.append(f"dtype=torch.{dtype_name}")
    if grad_fn is not None:
        suffixes.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    return add_suffixes(body, suffixes, options.linewidth)


def add_suffixes(body: str, suffixes: list[str], linewidth: int) -> str:
    """Put `, suffix` after the elements, on a line of its own where it would pass the line's end."""
    column = len(body) - body.rfind("\n") + 1
    parts = [body]
    for suffix in suffixes:
        if column + len(suffix) + 2 > linewidth:
            parts.append(",\n" + " " * len(PREFIX) + suffix)
            column = len(PREFIX) + len(suffix)
        else:
            parts.append(", " + suffix)
            column += len(suffix) + 2
    parts.append(")")
    return "".join(parts)


def elements_text(array: Array, indent: int, options: PrintOptions = DEFAULT) -> str:
    """The nested brackets with the elements of an array that has some; lines after the first begin at `indent`."""
    edge = options.edgeitems if array.size > options.threshold else None
    shown = array if edge is None else cut_middles(array, edge)
    cells, width = format_elements(shown, options)
    if array.ndim == 0:
        return cells[0]
    cut = [edge is not None and size > 2 * edge for size in array.shape]
    rows = join_rows(cells, shown.shape, cut[-1], width, indent + array.ndim - 1, options)
    return nest(rows, shown.shape[:-1], cut[:-1], indent)


def cut_middles(array: Array, edge: int) -> Array:
    """The elements of a summary: `edge` at both ends of every dimension that is longer than that."""
    for axis, size in enumerate(array.shape):
        if size > 2 * edge:
            before = (slice(None),) * axis
            ends = array[(*before, slice(edge))], array[(*before, slice(size - edge, size))]
            array = np.concatenate(ends, axis=axis)
    return array


def format_elements(array: Array, options: PrintOptions) -> tuple[list[str], int]:
    """The texts of all elements, in order and at least as wide as the returned width."""
    values = array.ravel().tolist()
    if array.dtype.kind == "f":
        return pad_floats(values, options)
    texts = [str(value) for value in values]
    width = max(map(len, texts), default=1)
    return [text.rjust(width) for text in texts], width


def pad_floats(values: list[float], options: PrintOptions) -> tuple[list[str], int]:
    """Floating-point elements: whole, with fixed digits or in scientific notation, whichever they all need.

    The width is that of the longest finite number that is not zero; others may stand out.
    """
    telling = [value for value in values if value and math.isfinite(value)]
    whole = all(value.is_integer() for value in telling)
    scientific = bool(telling) and needs_exponent(telling, options.sci_mode)
    show: Callable[[float], str]
    if scientific:
        show = f"%.{options.precision}e".__mod__
    elif whole:
        show = show_whole
    else:
        show = f"%.{options.precision}f".__mod__
    texts = list(map(show, values))
    lengths = map(len, texts if len(telling) == len(values) else map(show, telling))
    width = max(lengths, default=1)
    return [text.rjust(width) for text in texts], width


def needs_exponent(values: list[float], sci_mode: bool | None) -> bool:
    """Whether finite numbers other than zero are to be printed in scientific notation."""
    if sci_mode is not None:
        return sci_mode
    sizes = [abs(value) for value in values]
    largest, smallest = max(sizes), min(sizes)
    return largest / smallest > WIDEST_PLAIN or largest > LARGEST_PLAIN or smallest < SMALLEST_PLAIN


def show_whole(value: float) -> str:
    """A whole number with its point; `inf` and `nan` have none."""
    return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"


def join_rows(
    cells: list[str], shape: tuple[int, ...], cut: bool, width: int, indent: int, options: PrintOptions
) -> list[str]:
    """One bracket for every row of the last dimension, broken into lines of as many elements as fit."""
    length = shape[-1]
    per_line = max(1, (options.linewidth - indent) // (width + 2))
    broken = ",\n" + " " * (indent + 1)
    rows = []
    for start in range(0, max(len(cells), 1), max(length, 1)):
        row = cells[start : start + length]
        if cut:
            row.insert(length // 2, " ..." if options.edgeitems else "...")
        lines = [", ".join(row[at : at + per_line]) for at in range(0, len(row), per_line)]
        rows.append("[" + broken.join(lines) + "]")
    return rows


def nest(blocks: list[str], shape: tuple[int, ...], cut: list[bool], indent: int) -> str:
    """Put brackets around rows, dimension by dimension from the innermost; `...` where a dimension was cut."""
    for axis in range(len(shape) - 1, -1, -1):
        separator = "," + "\n" * (len(shape) - axis) + " " * (indent + axis + 1)
        size = shape[axis]
        outer = []
        for start in range(0, max(len(blocks), 1), max(size, 1)):
            group = blocks[start : start + size]
            if cut[axis]:
                group.insert(size // 2, "...")
            outer.append("[" + separator.join(group) + "]")
        blocks = outer
    return blocks[0]
