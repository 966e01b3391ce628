"""Functions along an axis: reductions, scans, orders."""

import numpy as np


def var(x, axis=None, unbiased=True, keepdims=False, correction=None):
    return np.var(x, axis=axis, ddof=int(unbiased) if correction is None else correction, keepdims=keepdims)


def std(x, axis=None, unbiased=True, keepdims=False, correction=None):
    return np.sqrt(var(x, axis, unbiased, keepdims, correction))


def cov(x, correction=1, fweights=None, aweights=None):
    return np.cov(x, ddof=correction, fweights=fweights, aweights=aweights)


def quantile(x, q, axis=None, keepdims=False, interpolation="linear"):
    return np.quantile(x, np.asarray(q), axis=axis, keepdims=keepdims, method=interpolation)


def nanquantile(x, q, axis=None, keepdims=False, interpolation="linear"):
    return np.nanquantile(x, np.asarray(q), axis=axis, keepdims=keepdims, method=interpolation)


def histc(x, bins=100, min=0, max=0):
    return np.histogram(x, bins, None if min == max == 0 else (min, max))[0].astype(x.dtype)


def dist(a, b, p=2):
    return np.linalg.vector_norm(a - b, ord=p)


def renorm(x, p, axis, maxnorm):
    others = tuple(d for d in range(x.ndim) if d != axis % x.ndim)
    norms = np.linalg.vector_norm(x, ord=p, axis=others, keepdims=True)
    return np.where(norms > maxnorm, x * (maxnorm / (norms + 1e-7)), x)


def layer_norm(x, shape, weight=1.0, bias=0.0, eps=1e-5):
    axes = tuple(range(-len(shape), 0))
    m = x.mean(axis=axes, keepdims=True)
    return (x - m) / np.sqrt(x.var(axis=axes, keepdims=True) + eps) * weight + bias


def vector_norm(x, ord=2, axis=None, keepdims=False):
    return np.linalg.vector_norm(x, ord=ord, axis=axis, keepdims=keepdims)


def chosen(x, index, axis, keepdims):
    """The elements at one index along an axis, and the index."""
    if np.ndim(x) == 0:
        return x, index
    index = np.expand_dims(index, axis)
    values = np.take_along_axis(x, index, axis)
    return (values, index) if keepdims else (values.squeeze(axis), index.squeeze(axis))


def max_along(x, axis, keepdims=False):
    return chosen(x, np.argmax(x, axis=axis), axis, keepdims)


def min_along(x, axis, keepdims=False):
    return chosen(x, np.argmin(x, axis=axis), axis, keepdims)


def aminmax(x, axis=None, keepdims=False):
    return np.min(x, axis=axis, keepdims=keepdims), np.max(x, axis=axis, keepdims=keepdims)


def sort(x, axis=-1, descending=False, stable=True):
    if x.ndim == 0:
        return x, np.zeros((), int)
    order = np.argsort(np.flip(x, axis) if descending else x, axis=axis, stable=True)
    if descending:
        order = x.shape[axis] - 1 - np.flip(order, axis)
    return np.take_along_axis(x, order, axis), order


def topk(x, k, axis=-1, largest=True, sorted=True):
    return tuple(np.take(part, np.arange(k), axis) for part in sort(x, axis, descending=largest))


def kthvalue(x, k, axis=-1, keepdims=False):
    return chosen(x, np.take(sort(x, axis)[1], k - 1, axis), axis, keepdims)


def median(x, axis=None, keepdims=False):
    if axis is None:
        return np.sort(x.reshape(-1))[(x.size - 1) // 2]
    return kthvalue(x, (x.shape[axis] + 1) // 2, axis, keepdims)


def nanmedian(x, axis=None, keepdims=False):
    flat = x.reshape(-1) if axis is None else np.moveaxis(x, axis, -1)
    order = np.argsort(flat, axis=-1, stable=True)
    middle = np.maximum((~np.isnan(flat)).sum(-1, keepdims=True) - 1, 0) // 2
    index = np.take_along_axis(order, middle, -1).squeeze(-1)
    return flat[index] if axis is None else chosen(x, index, axis, keepdims)


def mode(x, axis=-1, keepdims=False):
    """The most frequent value (of several the smallest), and the last place where it stands."""
    y = np.moveaxis(x, axis, -1)
    often = (y[..., :, None] == y[..., None, :]).sum(-1)
    best = np.where(often == often.max(-1, keepdims=True), y, np.inf).min(-1, keepdims=True)
    last = y.shape[-1] - 1 - np.argmax(np.flip(y == best, -1), -1)
    return chosen(x, last, axis, keepdims)


def argsort(x, axis=-1, descending=False, stable=True):
    return sort(x, axis, descending)[1]


def cumulative_trapezoid(y, x=None, dx=1.0, axis=-1):
    y = np.moveaxis(y, axis, -1)
    width = dx if x is None else np.diff(x if x.ndim == 1 else np.moveaxis(x, axis, -1))
    return np.moveaxis(np.cumsum(width * (y[..., 1:] + y[..., :-1]) / 2, -1), -1, axis)


def cummax(x, axis):
    if x.ndim == 0:
        return x, np.zeros((), int)
    best = np.maximum.accumulate(x, axis=axis)
    shape = [1] * x.ndim
    shape[axis] = -1
    places = np.where(x == best, np.arange(x.shape[axis]).reshape(shape), -1)
    return best, np.maximum.accumulate(places, axis=axis)


def cummin(x, axis):
    values, index = cummax(-x, axis)
    return -values, index


def logcumsumexp(x, axis):
    return np.logaddexp.accumulate(x, axis=axis) if x.ndim else x


def searchsorted(edges, x, right=False, side=None):
    return np.searchsorted(edges, x, side="right" if right or side == "right" else "left")
