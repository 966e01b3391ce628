"""How torch, numpy and jax write a term: their names for our public ops. What has no name is refused, not guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradcli.dtypes import DType
from gradcli.render.prelude import DEFINED
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
        if last in DEFINED:
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
