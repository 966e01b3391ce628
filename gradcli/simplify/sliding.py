"""Internal ops of convolution and pooling in public words, as in `simplify/public.py`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from gradcli.graph.node import Node
from gradcli.graph.terms import Term
from gradcli.ops.windows import Windows
from gradcli.shapes import Shape
from gradcli.simplify.build import Builder
from gradcli.simplify.noform import NoForm


def _plain(w: Windows, name: str) -> tuple[int, ...]:
    """The padding, where it is the same before and after."""
    if any(before != after for before, after in w.pads):
        raise NoForm(name)
    return tuple(before for before, _ in w.pads)


def _outcome(w: Windows) -> Shape:
    """How many windows a convolution would make of the input."""
    return tuple(
        (n + b + a - d * (k - 1) - 1) // s + 1
        for n, (b, a), d, k, s in zip(w.size, w.pads, w.dilation, w.kernel, w.stride, strict=True)
    )


def _options(w: Windows, padding: Shape, groups: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, given, plain in (("stride", w.stride, 1), ("padding", padding, 0), ("dilation", w.dilation, 1)):
        if any(n != plain for n in given):
            found[name] = given[0] if len(set(given)) == 1 else tuple(given)
    return found | ({"groups": groups} if groups != 1 else {})


def _convolve(b: Builder, x: Term, w: Term, windows: Windows, groups: int, name: str) -> Term:
    padding = _plain(windows, name)
    if _outcome(windows) != tuple(windows.out):
        raise NoForm(name)
    shape = (x.shape[0], w.shape[0], *windows.out)
    named = _options(windows, padding, groups)
    return b.call(f"conv{len(windows.size)}d", (x, w), shape, b.dtype, **named)


def _spread_back(b: Builder, g: Term, w: Term, windows: Windows, groups: int, name: str) -> Term:
    padding = _plain(windows, name)
    rest = tuple(
        n - ((o - 1) * s - 2 * p + d * (k - 1) + 1)
        for n, o, s, p, d, k in zip(
            windows.size, windows.out, windows.stride, padding, windows.dilation, windows.kernel, strict=True
        )
    )
    if any(r < 0 or r >= max(s, d) for r, s, d in zip(rest, windows.stride, windows.dilation, strict=True)):
        raise NoForm(name)
    named = _options(windows, padding, groups)
    if any(rest):
        named["output_padding"] = rest[0] if len(set(rest)) == 1 else rest
    shape = (g.shape[0], w.shape[1] * groups, *windows.size)
    return b.call(f"conv_transpose{len(windows.size)}d", (g, w), shape, b.dtype, **named)


def correlate(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """A convolution."""
    return _convolve(b, args[0], args[1], node.params["windows"], node.params["groups"], node.op.name)


def spread_kernel(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """A transposed convolution: how a cotangent reaches the input."""
    return _spread_back(b, args[0], args[1], node.params["windows"], node.params["groups"], node.op.name)


def correlate_output(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """How a cotangent reaches the weight: the input convolved with it, batch and channels swapped."""
    w: Windows = node.params["windows"]
    if node.params["groups"] != 1:
        raise NoForm(node.op.name)
    padding, rank = _plain(w, node.op.name), len(w.size)
    order = (1, 0, *range(2, rank + 2))
    x, g = (b.permute(a, order) for a in args)
    out = tuple(
        (n + 2 * p - s * (o - 1) - 1) // d + 1
        for n, p, s, o, d in zip(w.size, padding, w.stride, w.out, w.dilation, strict=True)
    )
    turned = Windows(w.size, tuple(w.out), w.dilation, w.pads, w.stride, out)
    found = b.permute(_convolve(b, x, g, turned, 1, node.op.name), order)
    if out != tuple(w.kernel):
        places = (slice(None), slice(None), *[slice(None, k) for k in w.kernel])
        found = b.index(found, places, (*found.shape[:2], *w.kernel))
    return found


def spread_mean(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """How a cotangent reaches the input of average pooling: spread by a kernel of ones."""
    w, divisor, g = node.params["windows"], node.params["divisor"], args[0]
    if not isinstance(divisor, int | float) and getattr(divisor, "shape", None) != ():
        values = divisor.reshape(-1)
        if not values.size or bool((values != values[0]).any()):
            raise NoForm(node.op.name)
        divisor = values[0].item()
    planes = prod(g.shape[: len(g.shape) - len(w.size)])
    rows = b.reshape(g, (planes, 1, *w.out))
    kernel = b.expand(b.number(1), (1, 1, *w.kernel))
    spread = _spread_back(b, rows, kernel, w, 1, node.op.name)
    return b.divide(b.reshape(spread, node.shape), b.number(float(divisor)))


def max_pool(b: Builder, args: Sequence[Term], node: Node) -> Any:
    """Max pooling with its indices: two terms."""
    w: Windows = node.params["windows"]
    rank, padding = len(w.size), _plain(w, node.op.name)
    named = _options(w, padding)
    named.pop("stride", None)
    if tuple(w.stride) != tuple(w.kernel):
        named["stride"] = tuple(w.stride)
    if _outcome(w) != tuple(w.out):
        named["ceil_mode"] = True
    both = b.call(f"max_pool{rank}d", args, (), None, tuple(w.kernel), **named, return_indices=True)
    shapes = zip(node.shape, node.dtype, strict=True)
    return tuple(b.make("item", (both,), (("at", at),), shape, dtype) for at, (shape, dtype) in enumerate(shapes))
