"""Convolutions and pooling over one, two or three dimensions."""

import math

import numpy as np

from gradcli.render.support.places import pad, window_places


def spread(n, dims):
    """A size for each dimension."""
    return n * (dims // len(n)) if isinstance(n, tuple) else (n,) * dims


def conv(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    n = w.ndim - 2
    places, inside = window_places(x.shape[2:], w.shape[2:], *(spread(p, n) for p in (stride, padding, dilation)))
    taken = np.where(inside, x.reshape(*x.shape[:2], -1)[:, :, places], 0)  # (batch, channels, *out, *size)
    axes = ([1, *range(2 + n, 2 + 2 * n)], list(range(1, 2 + n)))
    parts = zip(np.split(taken, groups, 1), np.split(w, groups, 0), strict=True)
    y = np.concatenate([np.moveaxis(np.tensordot(a, b, axes), -1, 1) for a, b in parts], 1)
    return y if bias is None else y + bias.reshape(-1, *(1,) * n)


def conv_transpose(x, w, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    n = w.ndim - 2
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
    return conv(x, w, bias, dilation=dilation, groups=groups)


def avg_pool(x, size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    size = (size,) if isinstance(size, int) else size
    n = len(size)
    places, inside = window_places(x.shape[-n:], size, *(spread(p, n) for p in (stride or size, padding, 1)), ceil_mode)
    taken = np.where(inside, x.reshape(*x.shape[:-n], -1)[..., places], 0)
    over = tuple(range(-n, 0))
    count = math.prod(size) if count_include_pad else inside.sum(over)
    return taken.sum(over) / (divisor_override or count)


def max_pool(x, size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    size = (size,) if isinstance(size, int) else size
    n = len(size)
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


def adaptive_avg_pool1d(x, n):
    weights = adaptive_windows(x.shape[-1], n)
    return x @ (weights / weights.sum(1, keepdims=True)).T


def adaptive_max_pool(x, size, return_indices=False):
    size = (size,) if isinstance(size, int) else size
    n, inside = len(size), True
    for d in range(n):
        own = adaptive_windows(x.shape[d - n], size[d])
        inside = inside & own.reshape((1,) * d + (size[d],) + (1,) * (n - 1) + (-1,) + (1,) * (n - 1 - d))
    flat = x.reshape(*x.shape[:-n], *(1,) * n, -1)
    index = np.argmax(np.where(inside.reshape(*size, -1), flat, -np.inf), -1)
    values = np.take_along_axis(np.broadcast_to(flat, (*index.shape, flat.shape[-1])), index[..., None], -1)[..., 0]
    return (values, index) if return_indices else values
