"""Convolutions, pooling and resizing over n dimensions: the last ones."""

import math

import numpy as np

from gradcli.render.support.places import pad, window_places


def spread(n, dims):
    """A size for each dimension."""
    return n * (dims // len(n)) if isinstance(n, tuple) else (n,) * dims


def conv(n, x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    places, inside = window_places(x.shape[2:], w.shape[2:], *(spread(p, n) for p in (stride, padding, dilation)))
    taken = np.where(inside, x.reshape(*x.shape[:2], -1)[:, :, places], 0)  # (batch, channels, *out, *size)
    axes = ([1, *range(2 + n, 2 + 2 * n)], list(range(1, 2 + n)))
    parts = zip(np.split(taken, groups, 1), np.split(w, groups, 0), strict=True)
    y = np.concatenate([np.moveaxis(np.tensordot(a, b, axes), -1, 1) for a, b in parts], 1)
    return y if bias is None else y + bias.reshape(-1, *(1,) * n)


def conv_transpose(n, x, w, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    stride, padding, more, dilation = (spread(p, n) for p in (stride, padding, output_padding, dilation))
    for d in range(n):  # zeros between the elements
        shape = x.shape
        x = np.pad(np.expand_dims(x, 3 + d), [(0, 0)] * (3 + d) + [(0, stride[d] - 1)] + [(0, 0)] * (n - 1 - d))
        x = x.reshape(*shape[: 2 + d], -1, *shape[3 + d :])
        reach = dilation[d] * (w.shape[2 + d] - 1)
        ends = (reach - padding[d], reach - padding[d] + more[d] - (stride[d] - 1))
        x = pad(x, (0, 0) * (n - 1 - d) + ends)
    w = np.flip(w, range(2, 2 + n))
    w = np.concatenate([np.swapaxes(part, 0, 1) for part in np.split(w, groups, 0)], 0)
    return conv(n, x, w, bias, dilation=dilation, groups=groups)


def avg_pool(n, x, size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    size = spread(size, n)
    places, inside = window_places(x.shape[-n:], size, *(spread(p, n) for p in (stride or size, padding, 1)), ceil_mode)
    taken = np.where(inside, x.reshape(*x.shape[:-n], -1)[..., places], 0)
    over = tuple(range(-n, 0))
    count = math.prod(size) if count_include_pad else inside.sum(over)
    return taken.sum(over) / (divisor_override or count)


def max_pool(n, x, size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    size = spread(size, n)
    given = [spread(p, n) for p in (stride or size, padding, dilation)]
    places, inside = window_places(x.shape[-n:], size, *given, ceil_mode)
    out = places.shape[:n]
    places = np.broadcast_to(places.reshape(*out, -1), (*x.shape[:-n], *out, math.prod(size)))
    taken = np.take_along_axis(x.reshape(*x.shape[:-n], *(1,) * n, -1), places, -1)
    best = np.argmax(np.where(inside.reshape(*out, -1), taken, -np.inf), -1)[..., None]
    values, index = (np.take_along_axis(part, best, -1)[..., 0] for part in (taken, places))
    return (values, index) if return_indices else values


def adaptive_windows(length, n):
    """Which elements are in each of n windows that cover a length."""
    i, at = np.arange(n)[:, None], np.arange(length)
    return (at >= i * length // n) & (at < -(-(i + 1) * length // n))


def adaptive_avg_pool(n, x, size):
    for axis, out in enumerate(spread(size, n), x.ndim - n):
        weights = adaptive_windows(x.shape[axis], out)
        x = resampled(x, weights / weights.sum(1, keepdims=True), axis)
    return x


def resampled(x, weights, axis):
    """Each row of a matrix as weights for the elements along an axis."""
    return np.moveaxis(np.moveaxis(x, axis, -1) @ weights.T.astype(x.dtype), -1, axis)


def adaptive_max_pool(n, x, size, return_indices=False):
    size, inside = spread(size, n), True
    for d in range(n):
        own = adaptive_windows(x.shape[d - n], size[d])
        inside = inside & own.reshape((1,) * d + (size[d],) + (1,) * (n - 1) + (-1,) + (1,) * (n - 1 - d))
    flat = x.reshape(*x.shape[:-n], *(1,) * n, -1)
    index = np.argmax(np.where(inside.reshape(*size, -1), flat, -np.inf), -1)
    values = np.take_along_axis(np.broadcast_to(flat, (*index.shape, flat.shape[-1])), index[..., None], -1)[..., 0]
    return (values, index) if return_indices else values


def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=False, antialias=False):
    dims = x.ndim - 2
    factors = (None,) * dims if scale_factor is None else spread(scale_factor, dims)
    sizes = [int(n * f) for n, f in zip(x.shape[2:], factors, strict=True)] if size is None else spread(size, dims)
    for axis, (out, factor) in enumerate(zip(sizes, factors, strict=True), 2):
        if out != x.shape[axis] or factor not in (None, 1):
            weights = resizing(x.shape[axis], out, factor, mode, align_corners, antialias)
            x = resampled(x, weights, axis)
    return x


def resizing(n, out, factor, mode, align_corners, antialias):
    """For each of the elements after resizing, the weights of the n elements before."""
    step = (n - 1) / max(out - 1, 1) if align_corners else 1 / factor if factor else n / out
    at, places = np.arange(out), np.arange(n)
    if mode.startswith("nearest"):  # PyTorch counts in single precision, which decides between neighbours
        at = np.asarray(at + (0.5 if mode == "nearest-exact" else 0.0), "float32") * np.asarray(step, "float32")
        return (np.minimum(np.floor(at), n - 1)[:, None] == places).astype(float)
    if antialias:
        wide, middle = max(step, 1), ((at + 0.5) * step)[:, None]
        reach = (2 if mode == "bicubic" else 1) * wide
        inside = (places >= np.floor(middle - reach + 0.5)) & (places < np.floor(middle + reach + 0.5))
        weights = np.where(inside, kernel((places + 0.5 - middle) / wide, mode, -0.5), 0)
        return weights / weights.sum(1, keepdims=True)
    source = at * step if align_corners else (at + 0.5) * step - 0.5
    if mode != "bicubic":
        source = np.clip(source, 0, n - 1)
    near = np.floor(source)[:, None] + np.arange(-1, 3)  # beyond the ends the last element stands
    weights = kernel(source[:, None] - near, mode, -0.75)
    return (weights[..., None] * (np.clip(near, 0, n - 1)[..., None] == places)).sum(1)


def kernel(t, mode, a):
    """The weight of an element at a distance: a triangle, or Keys' cubic convolution."""
    t = np.abs(t)
    if mode != "bicubic":
        return np.maximum(1 - t, 0)
    near, far = ((a + 2) * t - (a + 3)) * t * t + 1, ((t - 5) * t + 8) * t * a - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))
