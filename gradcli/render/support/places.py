"""Shapes, indices, and writing at places; `set_at`, `add_at` and `reduce_at` are each library's own."""

import math

import numpy as np

from gradcli.render.support.numpy_only import add_at, reduce_at, set_at


def one_hot(t, n):
    return (np.asarray(t)[..., None] == np.arange(n)).astype(int)


def embedding(t, weight):
    return weight[t]


def pad(x, ends, mode="constant", value=0.0):
    pairs = [(0, 0)] * (x.ndim - len(ends) // 2) + [(ends[i], ends[i + 1]) for i in range(len(ends) - 2, -1, -2)]
    x = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pairs, strict=True))]
    more = [(max(a, 0), max(b, 0)) for a, b in pairs]
    if mode == "constant":
        return np.pad(x, more, constant_values=value)
    return np.pad(x, more, mode={"replicate": "edge", "circular": "wrap"}.get(mode, mode))


def constant_pad_nd(x, ends, value=0.0):
    return pad(x, ends, value=value)


def diagonal(x, offset=0, dim1=0, dim2=1):
    return np.diagonal(x, offset, dim1, dim2)


def diag_embed(x, offset=0, dim1=-2, dim2=-1):
    n = x.shape[-1]
    y = np.where(np.eye(n, n + abs(offset), max(offset, 0)) > 0, x[..., None], 0)
    y = np.pad(y, [(0, 0)] * (x.ndim - 1) + [(max(-offset, 0), max(offset, 0)), (0, 0)])
    return np.moveaxis(y, (-2, -1), (dim1, dim2))


def diagonal_scatter(x, source, offset=0, dim1=0, dim2=1):
    if not source.size:
        return x
    y = np.moveaxis(x, (dim1, dim2), (-2, -1))
    rows, columns = y.shape[-2:]
    at = np.clip(np.arange(rows) - max(-offset, 0), 0, source.shape[-1] - 1)
    y = np.where(np.eye(rows, columns, offset) > 0, source[..., at][..., None], y)
    return np.moveaxis(y, (-2, -1), (dim1, dim2))


def fill_diagonal_(x, value, wrap=False):
    rows, columns = x.shape[0], x.shape[1]
    if x.ndim > 2:
        return set_at(x, (np.arange(rows),) * x.ndim, value)
    last = rows * columns if wrap else min(rows, columns) * columns
    return set_at(x.reshape(-1), np.arange(0, last, columns + 1), value).reshape(x.shape)


def as_strided(x, size, stride, offset=0):
    places = offset
    for n, step in zip(size, stride, strict=True):
        places = np.expand_dims(places, -1) + np.arange(n) * step
    return x.reshape(-1)[places]


def windows_along(x, axis, size, step):
    """Windows of one axis, as a last axis of their own."""
    at = np.arange((x.shape[axis] - size) // step + 1)[:, None] * step + np.arange(size)
    return np.moveaxis(np.take(x, at, axis), axis % x.ndim + 1, -1)


def places_along(x, axis, index):
    """Where an index along one axis points to, as an index of all axes."""
    if x.ndim == 0:
        return ()
    places = list(np.indices(index.shape))
    places[axis] = index
    return tuple(places)


def axis_index(x, axis, index):
    return (slice(None),) * (axis % x.ndim) + (index,) if x.ndim else ()


def take(x, index):
    return x.reshape(-1)[index]


def put(x, index, source, accumulate=False):
    return (add_at if accumulate else set_at)(x.reshape(-1), index, source).reshape(x.shape)


def gather(x, axis, index):
    return x[places_along(x, axis, index)]


def scatter(x, axis, index, source):
    if np.ndim(source):
        source = source[tuple(slice(n) for n in index.shape)]
    return set_at(x, places_along(x, axis, index), source)


def scatter_add(x, axis, index, source):
    return add_at(x, places_along(x, axis, index), source[tuple(slice(n) for n in index.shape)])


def scatter_reduce(x, axis, index, source, reduce, include_self=True):
    source = source[tuple(slice(n) for n in index.shape)]
    return reduced_at(x, places_along(x, axis, index), source, reduce, include_self)


def index_reduce(x, axis, index, source, reduce, include_self=True):
    return reduced_at(x, axis_index(x, axis, index), source, reduce, include_self)


def reduced_at(x, places, source, reduce, include_self):
    if not include_self:
        start = {"sum": 0, "mean": 0, "prod": 1, "amax": -np.inf, "amin": np.inf}[reduce]
        x = set_at(x, places, start)
    if reduce == "mean":
        count = np.full(x.shape, float(include_self))
        return add_at(x, places, source) / np.maximum(add_at(count, places, 1.0), 1)
    return reduce_at(x, places, source, reduce)


def index_put(x, places, values, accumulate=False):
    return (add_at if accumulate else set_at)(x, places, values)


def index_select(x, axis, index):
    return x[axis_index(x, axis, index)]


def index_add(x, axis, index, source, alpha=1):
    return add_at(x, axis_index(x, axis, index), alpha * source)


def index_copy(x, axis, index, source):
    return set_at(x, axis_index(x, axis, index), source)


def index_fill(x, axis, index, value):
    return set_at(x, axis_index(x, axis, index), value)


def select_scatter(x, source, axis, at):
    return set_at(x, axis_index(x, axis, at), source)


def slice_scatter(x, source, axis=0, start=None, end=None, step=1):
    return set_at(x, axis_index(x, axis, slice(start, end, step)), source)


def masked_scatter(x, mask, source):
    mask = np.broadcast_to(mask, x.shape)
    at = np.clip(np.cumsum(mask.reshape(-1)) - 1, 0, None).reshape(x.shape)
    return np.where(mask, source.reshape(-1)[at], x)


def unfold(x, size, dilation=1, padding=0, stride=1):
    """The windows of images as columns."""
    places, inside = window_places(x.shape[2:], *map(pair, (size, stride, padding, dilation)))
    taken = np.where(inside, x.reshape(*x.shape[:2], -1)[:, :, places], 0)  # (n, c, *out, *size)
    return np.moveaxis(taken, (-2, -1), (2, 3)).reshape(x.shape[0], x.shape[1] * math.prod(pair(size)), -1)


def fold(x, shape, size, dilation=1, padding=0, stride=1):
    """Images from columns: what windows share is added up."""
    places, inside = window_places(pair(shape), *map(pair, (size, stride, padding, dilation)))
    count, (height, width) = math.prod(pair(size)), pair(shape)
    channels = x.shape[1] // count
    y = x.reshape(x.shape[0], channels, *pair(size), *places.shape[:2])
    y = np.where(inside, np.moveaxis(y, (2, 3), (-2, -1)), 0)
    image = np.zeros((x.shape[0], channels, height * width), x.dtype)
    return add_at(image, (slice(None), slice(None), places), y).reshape(x.shape[0], channels, height, width)


def pair(n):
    return tuple(n) if isinstance(n, (tuple, list)) else (n, n)


def window_places(shape, size, stride, padding, dilation, ceil_mode=False):
    """For each window and each place in it: the flat index of the element there, and whether there is one."""
    places, inside, n = 0, True, len(shape)
    for d in range(n):
        free = shape[d] + 2 * padding[d] - dilation[d] * (size[d] - 1) - 1
        count = (-(-free // stride[d]) if ceil_mode else free // stride[d]) + 1
        if ceil_mode and (count - 1) * stride[d] >= shape[d] + padding[d]:
            count -= 1
        at = np.arange(count)[:, None] * stride[d] - padding[d] + np.arange(size[d]) * dilation[d]
        at = at.reshape((1,) * d + (count,) + (1,) * (n - 1) + (size[d],) + (1,) * (n - 1 - d))
        places = places * shape[d] + np.clip(at, 0, shape[d] - 1)
        inside = inside & (at >= 0) & (at < shape[d])
    return places, inside
