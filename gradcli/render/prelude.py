"""Functions that numpy and jax.numpy lack, as an exported module defines those that it uses.

Both libraries are called `np` there; what writes into an array is written twice, since jax's arrays never change.
"""

from __future__ import annotations

import re

_PLAIN = """
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(x, axis):
    z = x - x.max(axis=axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


def logsumexp(x, axis, keepdims=False):
    m = x.max(axis=axis, keepdims=True)
    s = np.log(np.exp(x - m).sum(axis=axis, keepdims=True)) + m
    return s if keepdims else s.squeeze(axis)


def one_hot(t, n):
    return (np.asarray(t)[..., None] == np.arange(n)).astype(int)


def var(x, axis=None, correction=1, keepdims=False):
    return np.var(x, axis=axis, ddof=correction, keepdims=keepdims)


def std(x, axis=None, correction=1, keepdims=False):
    return np.std(x, axis=axis, ddof=correction, keepdims=keepdims)


def clamp(x, low=None, high=None, min=None, max=None):
    return np.clip(x, low if min is None else min, high if max is None else max)


def permute(x, axes):
    return np.transpose(x, axes)


def pad(x, ends, value=0.0):
    pairs = [(0, 0)] * (x.ndim - len(ends) // 2) + [(ends[i], ends[i + 1]) for i in range(len(ends) - 2, -1, -2)]
    x = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pairs))]
    return np.pad(x, [(max(a, 0), max(b, 0)) for a, b in pairs], constant_values=value)


def constant_pad_nd(x, ends, value=0.0):
    return pad(x, ends, value)


def take_along_dim(x, index, axis):
    return np.take_along_axis(x, index, axis)


def gather(x, axis, index):
    return np.take_along_axis(x, index, axis)


def solve(a, b, left=True):
    return np.linalg.solve(a, b) if left else np.linalg.solve(a.mT, b.mT).mT


def vector_norm(x, ord=2, axis=None, keepdims=False):
    return np.linalg.vector_norm(x, ord=ord, axis=axis, keepdims=keepdims)


def addmm(c, a, b, beta=1, alpha=1):
    return beta * c + alpha * (a @ b)


def logdet(a):
    return np.linalg.slogdet(a)[1]


def softplus(x, beta=1, threshold=20):
    return np.where(beta * x > threshold, x, np.logaddexp(0, beta * x) / beta)


def logsigmoid(x):
    return -np.logaddexp(0, -x)


def silu(x):
    return x * sigmoid(x)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x * special.ndtr(x)


def mish(x):
    return x * np.tanh(softplus(x))


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def celu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def selu(x):
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def leaky_relu(x, negative_slope=0.01):
    return np.where(x > 0, x, negative_slope * x)


def hardtanh(x, min_val=-1.0, max_val=1.0):
    return np.clip(x, min_val, max_val)


def relu6(x):
    return np.clip(x, 0, 6)


def hardsigmoid(x):
    return np.clip(x + 3, 0, 6) / 6


def hardswish(x):
    return x * hardsigmoid(x)


def softsign(x):
    return x / (1 + np.abs(x))




def lerp(a, b, weight):
    return a + weight * (b - a)


def xlogy(a, b):
    return special.xlogy(a, b)






def layer_norm(x, shape, weight=1.0, bias=0.0, eps=1e-5):
    axes = tuple(range(-len(shape), 0))
    m = x.mean(axis=axes, keepdims=True)
    return (x - m) / np.sqrt(x.var(axis=axes, keepdims=True) + eps) * weight + bias


def embedding(t, weight):
    return weight[t]
"""
_NUMPY = """
def index_put(x, places, values, accumulate=False):
    x = x.copy()
    np.add.at(x, places, values) if accumulate else x.__setitem__(places, values)
    return x


def index_add(x, axis, index, source):
    x = x.copy()
    np.add.at(x, (slice(None),) * axis + (index,), source)
    return x


def scatter_add(x, axis, index, source):
    x, places = x.copy(), list(np.indices(index.shape))
    places[axis] = index
    np.add.at(x, tuple(places), source)
    return x


def select_scatter(x, source, axis, at):
    x = x.copy()
    x[(slice(None),) * axis + (at,)] = source
    return x


def slice_scatter(x, source, axis, start, end, step):
    x = x.copy()
    x[(slice(None),) * axis + (slice(start, end, step),)] = source
    return x
"""
_JAX = """
def index_put(x, places, values, accumulate=False):
    return x.at[places].add(values) if accumulate else x.at[places].set(values)


def index_add(x, axis, index, source):
    return x.at[(slice(None),) * axis + (index,)].add(source)


def scatter_add(x, axis, index, source):
    places = list(np.indices(index.shape))
    places[axis] = index
    return x.at[tuple(places)].add(source)


def select_scatter(x, source, axis, at):
    return x.at[(slice(None),) * axis + (at,)].set(source)


def slice_scatter(x, source, axis, start, end, step):
    return x.at[(slice(None),) * axis + (slice(start, end, step),)].set(source)
"""


def _functions(text: str) -> dict[str, str]:
    """The definitions of a text by name."""
    return {
        part.partition("(")[0]: f"def {part.rstrip()}\n" for part in text.strip().removeprefix("def ").split("\ndef ")
    }


PRELUDES = {"numpy": _functions(_PLAIN) | _functions(_NUMPY), "jax": _functions(_PLAIN) | _functions(_JAX)}
DEFINED = frozenset(PRELUDES["numpy"])
_CALLED = re.compile(r"(?<![.\w])([a-z_]\w*)\(")


def prelude(to: str, body: str) -> str:
    """The definitions of what a body calls, and of what these call."""
    known = PRELUDES[to]
    wanted: dict[str, None] = {}
    texts = [body]
    while texts:
        for name in _CALLED.findall(texts.pop()):
            if name in known and name not in wanted:
                wanted[name] = None
                texts.append(known[name].partition(":\n")[2])
    return "".join(f"\n\n{known[name]}" for name in known if name in wanted)
