"""Internal ops of convolution and pooling in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.graph.terms import Term
from gradcli.ops.layers.pooling import window_sizes
from gradcli.ops.layers.windows import Windows
from gradcli.shapes import Shape
from gradcli.simplify.build import Builder


def _outcome(w: Windows) -> Shape:
    """How many windows a convolution would make of the input."""
    return tuple(
        (n + b + a - d * (k - 1) - 1) // s + 1
        for n, (b, a), d, k, s in zip(w.size, w.pads, w.dilation, w.kernel, w.stride, strict=True)
    )


def _padding(w: Windows) -> Shape | None:
    """The padding of a convolution that makes just these windows; None where it is not the same at both ends."""
    even = all(before == after for before, after in w.pads) and _outcome(w) == tuple(w.out)
    return tuple(before for before, _ in w.pads) if even else None


def _extent(w: Windows) -> Shape:
    """From the first to the last element that the windows read, in each dimension."""
    return tuple(
        (o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(w.out, w.stride, w.dilation, w.kernel, strict=True)
    )


def _padded(b: Builder, x: Term, ends: Sequence[tuple[int, int]]) -> Term:
    """Zeros before and after the last dimensions; negative numbers cut."""
    if not any(map(any, ends)):
        return x
    lead, size = x.shape[: -len(ends)], x.shape[-len(ends) :]
    shape = (*lead, *[n + before + after for n, (before, after) in zip(size, ends, strict=True)])
    pads = tuple(n for pair in reversed(ends) for n in pair)
    return b.settle(b.make("pad", (x,), (("", pads),), shape, x.dtype or b.dtype))


def _options(w: Windows, padding: Shape, groups: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, given, plain in (("stride", w.stride, 1), ("padding", padding, 0), ("dilation", w.dilation, 1)):
        if any(n != plain for n in given):
            found[name] = given[0] if len(set(given)) == 1 else tuple(given)
    return found | ({"groups": groups} if groups != 1 else {})


def _convolve(b: Builder, x: Term, w: Term, windows: Windows, groups: int) -> Term:
    padding = _padding(windows)
    if padding is None:
        befores = [before for before, _ in windows.pads]
        ends = [(p, e - n - p) for p, e, n in zip(befores, _extent(windows), windows.size, strict=True)]
        x, padding = _padded(b, x, ends), (0,) * len(befores)
    shape = (x.shape[0], w.shape[0], *windows.out)
    named = _options(windows, padding, groups)
    return b.call(f"conv{len(windows.size)}d", (x, w), shape, b.dtype, **named)


def _spread_back(b: Builder, g: Term, w: Term, windows: Windows, groups: int) -> Term:
    """A transposed convolution: what it makes is as long as all that the windows read, then cut or padded."""
    befores = tuple(before for before, _ in windows.pads)
    extent, rank = _extent(windows), len(windows.size)
    rest = [n - (e - 2 * p) for n, e, p in zip(windows.size, extent, befores, strict=True)]
    fits = all(0 <= r < max(s, d) for r, s, d in zip(rest, windows.stride, windows.dilation, strict=True))
    named = _options(windows, befores if fits else (0,) * rank, groups)
    if fits and any(rest):
        named["output_padding"] = rest[0] if len(set(rest)) == 1 else tuple(rest)
    made = windows.size if fits else extent
    full = b.call(f"conv_transpose{rank}d", (g, w), (g.shape[0], w.shape[1] * groups, *made), b.dtype, **named)
    ends = [(-p, n + p - e) for n, p, e in zip(windows.size, befores, extent, strict=True)]
    return full if fits else _padded(b, full, ends)


def correlate(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """A convolution."""
    return _convolve(b, args[0], args[1], node.params["windows"], node.params["groups"])


def spread_kernel(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """A transposed convolution: how a cotangent reaches the input."""
    return _spread_back(b, args[0], args[1], node.params["windows"], node.params["groups"])


def correlate_output(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """How a cotangent reaches the weight: the input convolved with it, batch and channels swapped."""
    w: Windows = node.params["windows"]
    groups, (x, g) = node.params["groups"], args
    order = (1, 0, *range(2, len(w.size) + 2))
    turned = Windows(w.size, tuple(w.out), w.dilation, w.pads, w.stride, w.kernel)
    found = _convolve(b, _groups_as_batch(b, x, groups), b.permute(g, order), turned, groups)
    return b.permute(found, order)


def _groups_as_batch(b: Builder, x: Term, groups: int) -> Term:
    """(batch, groups * channels, ...) as (channels, groups * batch, ...)."""
    rank = len(x.shape)
    if groups == 1:
        return b.permute(x, (1, 0, *range(2, rank)))
    batch, channels, size = x.shape[0], x.shape[1] // groups, x.shape[2:]
    split = b.permute(b.reshape(x, (batch, groups, channels, *size)), (2, 1, 0, *range(3, rank + 1)))
    return b.reshape(split, (channels, groups * batch, *size))


def spread_mean(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """How a cotangent reaches the input of average pooling: spread by a kernel of ones."""
    w, divisor, g = node.params["windows"], node.params["divisor"], args[0]
    sizes = _divisor(b, w, divisor)
    if sizes.shape:
        g = b.divide(g, sizes)
    rows = b.reshape(g, (prod(g.shape[: len(g.shape) - len(w.size)]), 1, *w.out))
    kernel = b.expand(b.number(1), (1, 1, *w.kernel))
    spread = b.reshape(_spread_back(b, rows, kernel, w, 1), node.shape)
    return spread if sizes.shape else b.divide(spread, sizes)


def _divisor(b: Builder, w: Windows, divisor: Any) -> Term:
    """By what average pooling divides: a number, or how many elements each window has."""
    values = np.asarray(divisor)
    if values.size and bool((values == values.flat[0]).all()):
        return b.number(float(values.flat[0]))
    kernel = b.expand(b.number(1), (1, 1, *w.kernel))
    outer = tuple(n + before + after for n, (before, after) in zip(w.size, w.pads, strict=True))
    counted = Windows(outer, w.kernel, w.stride, ((0, 0),) * len(outer), w.dilation, w.out)
    windows = w if np.array_equal(values, window_sizes(w, False)) else counted
    ones = b.expand(b.number(1), (1, 1, *windows.size))
    return b.reshape(_convolve(b, ones, kernel, windows, 1), tuple(w.out))


def mean_pool(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Average pooling."""
    w, divisor = node.params["windows"], node.params["divisor"]
    rank, named = len(w.size), _pooled(w)
    if rank > 1 and np.ndim(divisor) == 0:
        named["divisor_override"] = int(divisor)
    elif not np.array_equal(divisor, window_sizes(w, True)):
        named["count_include_pad"] = False
    return b.call(f"avg_pool{rank}d", args, node.shape, node.dtype, tuple(w.kernel), **named)


def _pooled(w: Windows) -> dict[str, Any]:
    """The arguments of pooling after its kernel."""
    padding = tuple(before for before, _ in w.pads)
    named = _options(w, padding)
    named.pop("stride", None)
    if tuple(w.stride) != tuple(w.kernel):
        named["stride"] = tuple(w.stride)
    if _outcome(w) != tuple(w.out):
        named["ceil_mode"] = True
    return named


def max_pool(b: Builder, args: Sequence[Term], node: Node) -> Any:
    """Max pooling with its indices: two terms."""
    w: Windows = node.params["windows"]
    name, named = f"max_pool{len(w.size)}d", _pooled(w)
    return b.several(node, b.call(name, args, (), None, tuple(w.kernel), **named, return_indices=True))


def adaptive_max_pool(b: Builder, args: Sequence[Term], node: Node) -> Any:
    """Max pooling to a size, with its indices: two terms."""
    out = tuple(node.params["out"])
    size: Any = out[0] if len(out) == 1 else out
    both = b.call(f"F.adaptive_max_pool{len(out)}d", args, (), None, size, return_indices=True)
    return b.several(node, both)


def unfolded(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """The windows of images as columns."""
    return b.call("F.unfold", args, node.shape, node.dtype, *_columns(node.params["windows"]))


def folded(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Columns added up where their windows are."""
    w = node.params["windows"]
    return b.call("F.fold", args, node.shape, node.dtype, tuple(w.size), *_columns(w))


def _columns(w: Windows) -> list[Any]:
    """kernel, dilation, padding and stride, as far as they are not the plain ones."""
    given = [(tuple(w.dilation), 1), (tuple(before for before, _ in w.pads), 0), (tuple(w.stride), 1)]
    while given and set(given[-1][0]) == {given[-1][1]}:
        given.pop()
    values = [tuple(w.kernel), *[v for v, _ in given]]
    return [v[0] if len(set(v)) == 1 else v for v in values]
