"""How torch, numpy and jax write a term: their names for our public ops. What has no name is refused, not guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gradcli.dtypes import DType, float64
from gradcli.graph.terms import Term
from gradcli.render.prelude import functions
from gradcli.render.style import Style, decimal, fraction
from gradcli.shapes import Shape

# --- torch: names that are not in the module torch itself ------------------------------------------------------------

FUNCTIONAL = frozenset(
    "one_hot pad softmax log_softmax softplus leaky_relu gelu silu elu conv1d conv2d conv3d conv_transpose1d "
    "conv_transpose2d conv_transpose3d max_pool1d max_pool2d max_pool3d hardtanh logsigmoid relu6 mish hardswish "
    "hardsigmoid celu normalize embedding layer_norm avg_pool1d avg_pool2d avg_pool3d unfold fold glu interpolate "
    "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d "
    "adaptive_max_pool3d grid_sample affine_grid softsign selu".split()
)
LINALG = frozenset("inv det".split())
METHODS = frozenset("index_put index_add type_as".split())


class NoName(Exception):
    """A public op that the other library has no name for."""


class TorchStyle(Style):
    """Terms as PyTorch code."""

    infinity = "float('inf')"
    pi = "math.pi"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """A call of a public op."""
        if name.startswith("."):
            return super().call(name, arguments)
        name = name.removeprefix("torch.")
        if name.removeprefix("linalg.") in functions("torch"):
            name = name.removeprefix("linalg.")
        elif name.startswith("F.") or name in FUNCTIONAL:
            name = f"F.{name.removeprefix('F.')}"
        elif name in METHODS:
            return f"{arguments[0]}.{name}({', '.join(arguments[1:])})"
        else:
            name = f"torch.linalg.{name}" if name in LINALG else f"torch.{name}"
        return f"{name}({', '.join(arguments)})"

    def number_call(self, name: str, text: str) -> str:
        """A function of a Python number."""
        return f"math.{name}({text})"

    def dtype_argument(self, needed: bool) -> str:
        """What says that a tensor is made in the dtype of the variables, not the default one."""
        return f"dtype={self.like}.dtype" if self.like else ""

    def constant(self, value: Any, shape: Shape) -> str:
        """A number broadcast to a shape."""
        return f"torch.{super().constant(value, shape)}"

    def filled(self, text: str, shape: Shape) -> str:
        """A number that is written as a formula, broadcast to a shape."""
        return f"torch.{super().filled(text, shape)}"

    def literal(self, text: str, dtype: DType) -> str:
        """A tensor written out."""
        return f"torch.{super().literal(text, dtype)}"

    def counted(self, text: str) -> str:
        """Integers that are multiplied by a fraction: PyTorch would give the default dtype."""
        return self.cast(text, float64)

    def whole(self, term: Term, text: str, atom: str) -> str:
        """What a formula ends in: a tensor of the variable's dtype."""
        return result(self, term, text, atom)


def result(style: Style, term: Term, text: str, atom: str) -> str:
    """A number as an array, and integers as floating-point numbers, as a gradient is."""
    spread = style.spread(term, text)
    if spread:
        return spread
    if term.head == "number":
        return style.constant(term.value, term.shape)
    if term.dtype is None and not term.shape:
        return style.filled(text, ())
    integers = term.dtype is not None and not term.floating and term.head not in ("mask", "cast")
    return style.cast(atom, float64) if integers else text


# --- numpy and jax.numpy: the same name, another name, a function of scipy.special, one that the module defines ------

SAME = frozenset(
    "exp log sin cos tan sinh cosh tanh sqrt abs sign floor ceil log1p expm1 log2 log10 exp2 square maximum minimum "
    "where outer trace logical_and logical_or logical_xor logical_not einsum isnan isfinite isinf clip tril triu hypot "
    "fmod prod floor_divide round deg2rad rad2deg diag kron roll stack eye arange logaddexp logaddexp2 copysign frexp "
    "rot90 nan_to_num sinc heaviside fmax fmin gcd lcm reciprocal linspace vander bincount tensordot meshgrid "
    "linalg.pinv linalg.svd linalg.eigh linalg.eigvalsh linalg.qr linalg.det linalg.inv linalg.matrix_power "
    "linalg.slogdet linalg.multi_dot linalg.svdvals linalg.tensorsolve angle signbit isposinf isneginf isreal isclose "
    "isin nextafter trunc logspace full_like zeros_like ones_like".split()
)
RENAMED = {
    "asin": "np.arcsin", "acos": "np.arccos", "atan": "np.arctan", "atan2": "np.arctan2", "asinh": "np.arcsinh",
    "acosh": "np.arccosh", "atanh": "np.arctanh", "inv": "np.linalg.inv", "det": "np.linalg.det", "remainder": "np.mod",
    "cat": "np.concatenate", "pow": "np.power", "permute": "np.transpose", "take_along_dim": "np.take_along_axis",
    "zeros": "np.zeros", "ones": "np.ones", "full": "np.full", "sigmoid": "special.expit", "lgamma": "special.gammaln",
    ".unfold": "windows_along", "fix": "np.trunc", "sgn": "np.sign", "special.round": "np.round",
    "igamma": "special.gammainc", "igammac": "special.gammaincc", "pinverse": "np.linalg.pinv", "ger": "np.outer",
    "slogdet": "np.linalg.slogdet", "linalg.lu_solve": "solve_factored", ".repeat": "np.tile", ".fill_": "fill",
}  # fmt: skip
SPECIAL = frozenset(
    "erf erfc erfinv digamma ndtr ndtri log_ndtr i0 i0e i1 i1e entr xlogy xlog1py zeta gammainc gammaincc "
    "gammaln expit softmax log_softmax logsumexp".split()
)
# reductions and scans, whose second argument is numpy's axis
ALONG = {"sum": "sum", "mean": "mean", "flip": "flip", "cumsum": "cumsum", "cumprod": "cumprod", "amax": "max",
         "amin": "min", "max": "max", "min": "min", "norm": "linalg.norm", "any": "any", "all": "all",
         "argmax": "argmax", "argmin": "argmin", "nansum": "nansum", "nanmean": "nanmean", "diff": "diff",
         "count_nonzero": "count_nonzero"}  # fmt: skip
# further calls whose second argument is an axis
BY_AXIS = frozenset("softmax log_softmax logsumexp".split())
# functions of jax.nn, called as PyTorch's are
JAX_NN = {name: f"jax.nn.{name}" for name in (
    "sigmoid softmax log_softmax relu relu6 silu mish elu celu selu leaky_relu one_hot"
).split()}  # fmt: skip
RANK = re.compile("(.*)([123])d")  # conv2d and its like: one definition serves them all
DTYPE = re.compile(r"(dtype=)?np\.(float|int|uint|bool)\w*")
KEYWORDS = (("dim=", "axis="), ("keepdim=", "keepdims="))


class NumpyStyle(Style):
    """Terms as numpy code (and jax.numpy's, whose names are the same)."""

    infinity = "np.inf"
    pi = "np.pi"
    own: Mapping[str, str] = {}  # names of a library beside numpy's

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """A call of a public op."""
        name = name.removeprefix("torch.").removeprefix("F.")
        name = name if name in RENAMED else name.removeprefix(".")
        arguments = [_keyword(a) for a in arguments]
        if name in ALONG or name in BY_AXIS:
            arguments = _along_axis(arguments)
        last = name.removeprefix("linalg.").removeprefix("special.")
        if name in ("max", "min") and len(arguments) > 1:
            name = f"{name}_along"  # with indices
        elif name in self.own:
            name = self.own[name]
        elif name in ALONG:
            name = f"np.{ALONG[name]}"
        elif name in RENAMED:
            name = RENAMED[name]
        elif name in SAME:
            name = f"np.{name}"
        elif last in functions("numpy"):
            name = last
        elif (found := RANK.fullmatch(last)) and found[1] in functions("numpy"):
            name, arguments = found[1], [found[2], *arguments]
        elif last in SPECIAL:
            name = f"special.{last}"
        else:
            raise NoName(name)
        return f"{name}({', '.join(arguments)})"

    def number_call(self, name: str, text: str) -> str:
        """A function of a Python number."""
        return f"np.{name}({text})"

    def constant(self, value: Any, shape: Shape) -> str:
        """A number broadcast to a shape."""
        whole = {0: "zeros", 1: "ones"}.get(value)
        if self.like and shape and self.variables.get(self.like) == shape:
            return f"np.{whole}_like({self.like})" if whole else f"np.full_like({self.like}, {fraction(value)})"
        if whole and shape:
            return f"np.{whole}({self.shape(shape)})"
        return f"np.full({self.shape(shape)}, {fraction(value)})" if shape else f"np.array({decimal(value)})"

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
        return f"{text}.astype({kind})"

    def cast_to(self, text: str, dtype: DType) -> str:
        """A term rounded to a dtype of its own."""
        return f"{text}.astype({self.dtype(dtype)})"

    def dtype(self, dtype: DType) -> str:
        """A dtype as an argument."""
        return f"np.{'bool_' if dtype.name == 'bool' else dtype.name}"

    def literal(self, text: str, dtype: DType) -> str:
        """An array written out."""
        return f"np.array({text})"

    def whole(self, term: Term, text: str, atom: str) -> str:
        """What a formula ends in: an array of the variable's dtype."""
        return result(self, term, text, atom)


class JaxStyle(NumpyStyle):
    """Terms as jax code."""

    own = JAX_NN


def _along_axis(arguments: list[str]) -> list[str]:
    """The arguments of a reduction or scan: its second one is the axis, and a dtype is that of what goes in."""
    x, *given = arguments
    dtypes = [a for a in given if DTYPE.fullmatch(a)]
    given = [a for a in given if a not in dtypes]
    if given and "=" not in given[0]:
        given[0] = f"axis={given[0]}"
    return [f"({x}).astype({dtypes[0].removeprefix('dtype=')})" if dtypes else x, *given]


def _keyword(text: str) -> str:
    for ours, theirs in KEYWORDS:
        if text.startswith(ours):
            return theirs + text[len(ours) :]
    return text


STYLES = {"torch": TorchStyle, "numpy": NumpyStyle, "jax": JaxStyle}


def module_style(
    to: str, variables: Mapping[str, Shape], sizes: Mapping[int, str], like: str, counts: Mapping[int, Term]
) -> Style:
    """The style of a library."""
    return STYLES[to](variables, sizes, like, counts)
