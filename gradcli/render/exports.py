"""How torch, numpy and jax write a term: their names for our public ops. What has no name is refused, not guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradcli.dtypes import DType
from gradcli.render.termtext import Style, decimal
from gradcli.shapes import Shape

FUNCTIONAL = frozenset(
    "one_hot pad softmax log_softmax softplus leaky_relu gelu silu elu conv1d conv2d conv3d conv_transpose1d "
    "conv_transpose2d conv_transpose3d max_pool1d max_pool2d max_pool3d hardtanh logsigmoid relu6 mish hardswish "
    "hardsigmoid celu normalize embedding layer_norm avg_pool1d avg_pool2d avg_pool3d unfold fold glu".split()
)
LINALG = frozenset("inv det".split())


class NoName(Exception):
    """A public op that the other library has no name for."""


class TorchStyle(Style):
    """Terms as PyTorch code."""

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """A call of a public op."""
        if name.startswith("."):
            return super().call(name, arguments)
        name = name.removeprefix("torch.")
        if name.startswith("F.") or name in FUNCTIONAL:
            name = f"F.{name.removeprefix('F.')}"
        elif name.startswith(("linalg.", "special.")):
            name = f"torch.{name}"
        elif name in LINALG:
            name = f"torch.linalg.{name}"
        elif name in ("index_put", "index_add", "type_as"):
            return f"{arguments[0]}.{name}({', '.join(arguments[1:])})"
        else:
            name = f"torch.{name}"
        return f"{name}({', '.join(arguments)})"

    def constant(self, value: Any, shape: Shape) -> str:
        """A number broadcast to a shape."""
        return f"torch.{super().constant(value, shape)}"

    def filled(self, text: str, shape: Shape) -> str:
        """A number that is written as a formula, broadcast to a shape."""
        return f"torch.{super().filled(text, shape)}"

    def literal(self, text: str, dtype: DType) -> str:
        """A tensor written out."""
        return f"torch.{super().literal(text, dtype)}"


SAME = frozenset(
    "exp log sin cos tan sinh cosh tanh sqrt abs sign floor ceil log1p expm1 log2 log10 exp2 square maximum minimum "
    "where outer trace logical_and logical_or logical_not einsum isnan clip tril triu hypot fmod prod".split()
)
RENAMED = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "inv": "linalg.inv", "det": "linalg.det", "remainder": "mod", "linalg.pinv": "linalg.pinv",
    "cat": "concatenate", "stack": "stack", "roll": "roll", "diagonal": "diagonal", "linalg.svd": "linalg.svd",
    "linalg.eigh": "linalg.eigh", "kron": "kron", "floor_divide": "floor_divide", "median": None, "round": "round",
    "pow": "power", "deg2rad": "deg2rad", "rad2deg": "rad2deg", "diag": "diag", "linalg.matrix_exp": None,
}  # fmt: skip
# functions of scipy.special (and jax.scipy.special)
SPECIAL_FUNCTIONS = {"erf": "erf", "erfc": "erfc", "digamma": "digamma", "lgamma": "gammaln", "special.ndtr": "ndtr",
                     "erfinv": "erfinv", "special.i0": "i0", "special.i1": "i1"}  # fmt: skip
# reductions whose dim is numpy's axis
ALONG = {"sum": "sum", "mean": "mean", "flip": "flip", "cumsum": "cumsum", "cumprod": "cumprod", "amax": "max",
         "amin": "min", "max": "max", "min": "min", "norm": "linalg.norm", "any": "any", "all": "all"}  # fmt: skip
OWN = frozenset({"sigmoid", "softmax", "relu", "logsumexp", "one_hot", "logdet", "var", "std", "pad", "solve",
                 "vector_norm", "take_along_dim", "clamp", "index_put", "index_add", "scatter_add",
                 "select_scatter", "slice_scatter", "permute", "log_softmax", "gather", "addmm",
                 "constant_pad_nd"})  # fmt: skip

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


constant_pad_nd = pad


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
HELPERS = {"numpy": _PLAIN + _NUMPY, "jax": _PLAIN + _JAX}


class NumpyStyle(Style):
    """Terms as numpy code (and jax.numpy's, whose names are the same)."""

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """A call of a public op."""
        name = name.removeprefix("torch.").removeprefix("F.").removeprefix(".")
        arguments = [_keyword(a) for a in arguments]
        if name in ("max", "min") and len(arguments) > 1:
            raise NoName(f"{name} with indices")
        if name in ALONG:
            if len(arguments) > 1 and not arguments[1].startswith(("axis=", "keepdims=")):
                arguments = [arguments[0], f"axis={arguments[1]}", *arguments[2:]]
            return f"np.{ALONG[name]}({', '.join(arguments)})"
        if name in SPECIAL_FUNCTIONS:
            return f"special.{SPECIAL_FUNCTIONS[name]}({', '.join(arguments)})"
        last = name.removeprefix("linalg.").removeprefix("special.")
        if last in OWN:
            return f"{last}({', '.join(arguments)})"
        if name in SAME:
            return f"np.{name}({', '.join(arguments)})"
        known = RENAMED.get(name)
        if known is not None:
            return f"np.{known}({', '.join(arguments)})"
        if name in ("eye", "arange"):
            return f"np.{name}({', '.join(arguments)})"
        raise NoName(name)

    def constant(self, value: Any, shape: Shape) -> str:
        """A number broadcast to a shape."""
        if self.like and shape and self.variables.get(self.like) == shape:
            return f"np.full_like({self.like}, {decimal(value)})"
        return f"np.full({self.shape(shape)}, {decimal(value)})" if shape else f"np.array({decimal(value)})"

    def filled(self, text: str, shape: Shape) -> str:
        """A number that is written as a formula, broadcast to a shape."""
        return f"np.full({self.shape(shape)}, {text})"

    def integer_text(self, text: str) -> str:
        """The text of an unknown size."""
        if text.endswith(".numel()"):
            return text.replace(".numel()", ".size")
        return text.replace(".size(", ".shape[").replace(")", "]")

    def expanded(self, text: str, shape: Shape) -> str:
        """A term broadcast to a shape."""
        return f"np.broadcast_to({text}, {self.shape(shape)})"

    def cast(self, text: str, dtype: DType) -> str:
        """A term in another dtype."""
        kind = f"{self.like}.dtype" if dtype.floating and self.like else "int"
        return f"{text if text.isidentifier() or text[0] == '(' else f'({text})'}.astype({kind})"

    def literal(self, text: str, dtype: DType) -> str:
        """An array written out."""
        return f"np.array({text})"


def _keyword(text: str) -> str:
    for ours, theirs in (("dim=", "axis="), ("keepdim=", "keepdims=")):
        if text.startswith(ours):
            return theirs + text[len(ours) :]
    return text


def module_style(to: str, variables: Mapping[str, Shape], sizes: Mapping[int, str], like: str) -> Style:
    """The style of a library."""
    return (TorchStyle if to == "torch" else NumpyStyle)(variables, sizes, like)
