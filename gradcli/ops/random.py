"""Random numbers: torch's functions and in-place methods over `generator.py`, whose numbers are torch's bit for bit.

An op of this file runs when it is called, so that the stream is drawn from in the order of the program. Nothing of a
gradient flows through a draw: its rule gives zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.engine.run import value
from gradcli.errors import DtypeError, ShapeError, ValueError_
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import Op, kept, op, same
from gradcli.ops.convert import zeros_as
from gradcli.ops.create import LIKE, PLACE, asked_dtype, asked_size
from gradcli.ops.declare import refuse
from gradcli.ops.dtyperules import TITLES, not_taken
from gradcli.ops.strides import is_contiguous, strides_of
from gradcli.shapes import Shape, broadcast_shapes, checked_size

FROM = "generator generator=None"


def dense_order(x: Node) -> Shape | None:
    """The dimensions from slow to fast in memory, in which numbers are drawn; None when they are in order.

    It is the order that a tensor "like" this one gets.
    """
    strides = strides_of(x) if x.ndim > 1 else ()
    order = tuple(sorted(range(len(strides)), key=lambda dim: -strides[dim] if x.shape[dim] > 1 else 0))
    sizes = [at for at in order if x.shape[at] > 1]
    return None if sizes == sorted(sizes) else order


def draw_order(x: Node) -> Shape | None:
    """As dense_order, for the tensor itself: None only when it has no gaps either."""
    if is_contiguous(x):
        return None
    return dense_order(x) or tuple(range(x.ndim))


def drawn(draw: Callable[[Shape], Any], shape: Shape, order: Shape | None) -> Any:
    """Numbers of a shape, drawn in an order of its dimensions."""
    if order is None:
        return draw(shape)
    values = draw(tuple(shape[dim] for dim in order))
    return np.transpose(values, np.argsort(order))


def _zeros_rule(g: Node, y: Node, *inputs: Node, **params: Any) -> Node:
    node: Node = zeros_as(g)
    return node


def _floats(word: str) -> Callable[[tuple[Node, ...], Mapping[str, Any]], tuple[None, DType]]:
    """The dtype asked for, else the default, which has to be floating. word: torch's name of the kernel."""

    def rule(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
        dtype = params["dtype"] or MODE.default
        if not dtype.floating:
            raise not_taken(dtype, word)
        return None, dtype

    return rule


# Factories

_rand: Op = op(
    "_rand(any size, any dtype, any order, generator generator)",
    "Numbers from [0, 1).",
    spelled=["_"],
    kernel=lambda size, dtype, order, generator: drawn(lambda n: generator.rand(n, dtype.numpy), size, order),
    shape=asked_size,
    dtype=_floats("check_uniform_bounds"),
    random=True,
)
_randn: Op = op(
    "_randn(any size, any dtype, any order, generator generator)",
    "Standard normal numbers.",
    spelled=["_"],
    kernel=lambda size, dtype, order, generator: drawn(
        lambda n: generator.normal(n, dtype.numpy, contiguous=order is None), size, order
    ),
    shape=asked_size,
    dtype=_floats("normal_kernel_cpu"),
    random=True,
)
for _name, _source, _doc in (
    ("rand", _rand, "Numbers drawn evenly from [0, 1)"),
    ("randn", _randn, "Standard normal numbers"),
):
    op(
        f"{_name}(ints* size, *, {FROM}, dtype? dtype=None, {PLACE})",
        f"{_doc}.",
        spelled=[f"torch.{_name}"],
        expands=lambda size, dtype, generator, source=_source: source(
            size=checked_size(size), dtype=dtype or MODE.default, order=None, generator=generator
        ),
    )
    op(
        f"{_name}_like(Tensor input, *, {FROM}, dtype? dtype=None, {LIKE})",
        f"{_doc}, in the shape and dtype of input.",
        spelled=[f"torch.{_name}_like"],
        expands=lambda x, dtype, generator, source=_source: source(
            size=x.shape, dtype=dtype or x.dtype, order=dense_order(x), generator=generator
        ),
    )


def _check_bounds(low: int, high: int, dtype: DType) -> None:
    if low >= high:
        raise ValueError_(
            f"there are no integers from {low} up to but not including {high}",
            torch=f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}",
        )
    if dtype.floating:
        return
    least, greatest = (0, 1) if dtype is dtypes.bool_ else (np.iinfo(dtype.numpy).min, np.iinfo(dtype.numpy).max)
    for word, bound in (("from", low), ("to - 1", high - 1)):
        if not least <= bound <= greatest:
            raise ValueError_(f"{bound} does not fit {dtype}", torch=f"{word} is out of bounds for {dtype.name}")


def _randint_kernel(low: int, high: int, size: Shape, dtype: DType, order: Shape | None, generator: Any) -> Any:
    _check_bounds(low, high, dtype)
    return drawn(lambda n: generator.randint(low, high, n, dtype.numpy), size, order)


_randint: Op = op(
    "_randint(int low, int high, any size, any dtype, any order, generator generator)",
    "Integers from low up to but not including high.",
    spelled=["_"],
    kernel=_randint_kernel,
    shape=asked_size,
    dtype=asked_dtype,
    random=True,
)


def _integers(low: int, high: int, size: Shape, dtype: DType, generator: Any, order: Shape | None = None) -> Node:
    node: Node = _randint(low=low, high=high, size=checked_size(size), dtype=dtype, order=order, generator=generator)
    return node


op(
    f"randint(int high, ints size, *, {FROM}, dtype? dtype=None, {PLACE})",
    "Integers from 0 up to but not including high.",
    spelled=["torch.randint"],
    expands=lambda high, size, dtype, generator: _integers(0, high, size, dtype or dtypes.int64, generator),
)
op(
    f"randint(int low, int high, ints size, *, {FROM}, dtype? dtype=None, {PLACE})",
    "Integers from low up to but not including high.",
    spelled=["torch.randint"],
    expands=lambda low, high, size, dtype, generator: _integers(low, high, size, dtype or dtypes.int64, generator),
)
op(
    f"randint_like(Tensor input, int high, *, {FROM}, dtype? dtype=None, {LIKE})",
    "Integers from 0 up to but not including high, in the shape and dtype of input.",
    spelled=["torch.randint_like"],
    expands=lambda x, high, dtype, generator: _integers(0, high, x.shape, dtype or x.dtype, generator, dense_order(x)),
)
op(
    f"randint_like(Tensor input, int low, int high, *, {FROM}, dtype? dtype=None, {LIKE})",
    "Integers from low up to but not including high, in the shape and dtype of input.",
    spelled=["torch.randint_like"],
    expands=lambda x, low, high, dtype, generator: _integers(
        low, high, x.shape, dtype or x.dtype, generator, dense_order(x)
    ),
)
op(
    f"randperm(int n, *, {FROM}, dtype? dtype=None, {PLACE})",
    "The integers below n in random order.",
    spelled=["torch.randperm"],
    kernel=lambda n, dtype, generator: generator.randperm(n, (dtype or dtypes.int64).numpy),
    shape=lambda inputs, params: checked_size((params["n"],)),
    dtype=lambda inputs, params: (None, params["dtype"] or dtypes.int64),
    random=True,
    wrong=[("randperm(-1)", "cannot be negative")],
)

# Normal numbers of a given mean and deviation


def _check_std(std: Any) -> None:
    if isinstance(std, np.ndarray | np.generic):
        if np.less(std, 0).any():
            raise ValueError_("a deviation cannot be negative", torch="normal expects all elements of std >= 0.0")
    elif std < 0:
        raise ValueError_(
            f"the deviation is {std}; it cannot be negative", torch=f"normal expects std >= 0.0, but found std {std:g}"
        )


def _normal_kernel(size: Shape, mean: float, std: float, dtype: DType, generator: Any) -> Any:
    _check_std(std)
    return generator.normal(tuple(size), dtype.numpy, mean, std)


_normal: Op = op(
    "_normal(any size, float mean, float std, any dtype, generator generator)",
    "Normal numbers.",
    spelled=["_"],
    kernel=_normal_kernel,
    shape=asked_size,
    dtype=_floats("normal_kernel_cpu"),
    random=True,
)


def _around_kernel(*given: Any, generator: Any, mean: float | None = None, std: float | None = None) -> Any:
    center, deviation = given if len(given) == 2 else (given[0], std) if mean is None else (mean, given[0])
    _check_std(deviation)
    return generator.normal_around(center, deviation)


def _around_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
    if not inputs[0].dtype.floating:
        raise not_taken(inputs[0].dtype, "normal_kernel_cpu")
    return None, inputs[0].dtype


def _around_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    return broadcast_shapes(*[i.shape for i in inputs])


def _normal_around(parameters: str, doc: str, digit: int) -> None:
    source = op(
        f"_normal_{digit}({parameters}, generator generator)",
        doc,
        spelled=["_"],
        kernel=_around_kernel,
        grad=[_zeros_rule] * parameters.count("Tensor"),
        shape=_around_shape,
        dtype=_around_dtype,
        grad_fn=(f"NormalBackward{digit}",) * 2,
        random=True,
    )
    op(
        f"normal({parameters}, *, {FROM})",
        doc,
        spelled=["torch.normal"],
        expands=lambda *inputs, **params: source(*_known(inputs), **params),
    )


def _known(inputs: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes with their values computed: a draw runs at once."""
    for x in inputs:
        value(x)
    return inputs


_normal_around("Tensor mean, Tensor std", "Normal numbers, each of its own mean and deviation.", 3)
_normal_around("Tensor mean, float std=1.0", "Normal numbers, each of its own mean.", 1)
_normal_around("float mean, Tensor std", "Normal numbers, each of its own deviation.", 2)
op(
    f"normal(float mean, float std, ints size, *, {FROM}, dtype? dtype=None, {PLACE})",
    "Normal numbers of a mean and a deviation.",
    spelled=["torch.normal"],
    expands=lambda mean, std, size, dtype, generator: _normal(
        size=checked_size(size), mean=mean, std=std, dtype=dtype or MODE.default, generator=generator
    ),
    wrong=[("normal(0., -1., (3,))", "cannot be negative")],
)

# Draws by chance


def _check_chances(p: Any, torch: str) -> None:
    held = np.asarray(p)
    if held.size and not ((held >= 0) & (held <= 1)).all():
        wrong = held[~((held >= 0) & (held <= 1))].flat[0]
        raise ValueError_(
            f"a probability has to be from 0 to 1; there is {wrong:g}", torch=torch.format(p=f"{wrong:g}")
        )


def _bernoulli_kernel(p: Any, generator: Any) -> Any:
    _check_chances(p, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
    return generator.bernoulli(np.asarray(p))


def _chance_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
    if not inputs[0].dtype.floating:
        raise not_taken(inputs[0].dtype, "bernoulli_tensor_cpu_p_")
    return None, inputs[0].dtype


_bernoulli: Op = op(
    "_bernoulli(Tensor input, generator generator)",
    "1 with the probability input, else 0.",
    spelled=["_"],
    kernel=_bernoulli_kernel,
    grad=_zeros_rule,
    shape=same,
    dtype=_chance_dtype,
    grad_fn=("BernoulliBackward0", "BernoulliBackward0"),
    random=True,
)
op(
    f"bernoulli(Tensor input, *, {FROM})",
    "1 with the probability input, else 0.",
    expands=lambda x, generator: _bernoulli(*_known((x,)), generator=generator),
)


def _plain_bernoulli(x: Any, p: float, generator: Any) -> Any:
    _check_chances(p, "bernoulli_ expects p to be in [0, 1], but got p={p}")
    return generator.bernoulli(float(p), x.dtype, x.shape)


op(
    f"bernoulli(Tensor input, float p, *, {FROM})",
    "1 with probability p, else 0, in the shape and dtype of input.",
    kernel=_plain_bernoulli,
    grad=refuse,
    grad_fn=("BernoulliBackward1", "NotImplemented"),
    shape=same,
    dtype=kept,
    random=True,
)


def _multinomial_kernel(weights: Any, num_samples: int, replacement: bool, generator: Any) -> Any:
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError_(
            "a weight has to be a finite number that is not negative",
            torch="probability tensor contains either `inf`, `nan` or element < 0",
        )
    if (weights.sum(-1) <= 0).any():
        raise ValueError_(
            "the weights of a row are all 0", torch="invalid multinomial distribution (sum of probabilities <= 0)"
        )
    return generator.multinomial(weights, num_samples, replacement)


def _multinomial_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape, count = inputs[0].shape, params["num_samples"]
    if len(shape) not in (1, 2):
        raise ShapeError(
            f"the weights have shape {shape}; they can be a vector or a matrix", torch="prob_dist must be 1 or 2 dim"
        )
    if count < 1:
        raise ValueError_(f"it draws {count}; that has to be 1 or more", torch="cannot sample n_sample <= 0 samples")
    if not params["replacement"] and count > shape[-1]:
        raise ValueError_(
            f"{count} cannot be drawn from {shape[-1]} without putting them back",
            hint="replacement=True puts them back",
            torch="cannot sample n_sample > prob_dist.size(-1) samples without replacement",
        )
    return (*shape[:-1], count)


def _multinomial_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
    if not inputs[0].dtype.floating:
        raise DtypeError(
            f"the weights are of {inputs[0].dtype}; they have to be floating",
            hint="convert them: .float()",
            torch="multinomial only supports floating-point dtypes for input, got: " + TITLES[inputs[0].dtype.name],
        )
    return None, dtypes.int64


_multinomial: Op = op(
    "_multinomial(Tensor input, int num_samples, bool replacement, generator generator)",
    "Indices drawn by weight.",
    spelled=["_"],
    kernel=_multinomial_kernel,
    shape=_multinomial_shape,
    dtype=_multinomial_dtype,
    random=True,
)
op(
    f"multinomial(Tensor input, int num_samples, bool replacement=False, *, {FROM})",
    "Indices drawn with the probabilities that the weights in input give, row by row.",
    expands=lambda x, num_samples, replacement, generator: _multinomial(
        *_known((x,)), num_samples=num_samples, replacement=replacement, generator=generator
    ),
)

# In place: the result replaces the tensor


def _refilling(
    signature: str,
    doc: str,
    kernel: Callable[..., Any],
    grad_fn: str | tuple[str, str],
    floats: str | None = None,
    pieces: bool = False,
) -> None:
    """An in-place method that fills a tensor with draws.

    floats: torch's words when it takes floating dtypes alone. pieces: the numbers differ when it is not in one piece.
    """

    def result_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
        if floats is not None and not inputs[0].dtype.floating:
            raise not_taken(inputs[0].dtype, floats)
        return None, inputs[0].dtype

    def refilled(x: Any, *others: Any, order: Shape | None, **params: Any) -> Any:
        def draw(shape: Shape) -> Any:
            # what a kernel reads of the tensor: shape, dtype, and whether it lies in one piece
            like = np.broadcast_to(x.dtype.type(0), shape)
            placed = [np.broadcast_to(o, x.shape).transpose(order) if order and o.ndim else o for o in others]
            return kernel(like, *placed, **params, **({"contiguous": order is None} if pieces else {}))

        return drawn(draw, x.shape, order)

    name, parameters = signature.split("(", 1)
    source = op(
        f"_drawn_{signature[:-1]}, any order)",
        doc,
        spelled=["_"],
        kernel=refilled,
        grad=[_zeros_rule] * parameters.count("Tensor "),
        shape=same,
        dtype=result_dtype,
        grad_fn=grad_fn,
        random=True,
    )
    op(
        signature,
        doc,
        spelled=[f".{name}"],
        expands=lambda *inputs, **params: source(*_known(inputs), **params, order=draw_order(inputs[0])),
    )


def _require(holds: bool, message: str, torch: str) -> None:
    if not holds:
        raise ValueError_(message, torch=torch)


def _uniform(x: Any, generator: Any, **bounds: float) -> Any:
    low, high = bounds["from"], bounds["to"]
    _require(
        low <= high,
        f"the range from {low:g} to {high:g} is empty",
        f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}",
    )
    return generator.uniform(x.shape, x.dtype, low, high)


def _normal_fill(x: Any, mean: float, std: float, generator: Any, contiguous: bool) -> Any:
    _check_std(std)
    return generator.normal(x.shape, x.dtype, mean, std, contiguous=contiguous)


def _random_fill(x: Any, generator: Any, to: int | None = None, **more: int) -> Any:
    low = more.get("from")
    if to is not None:
        _check_bounds(low or 0, to, dtypes.from_numpy(x.dtype) or dtypes.int64)
    return generator.random(x.shape, x.dtype, low, to)


def _exponential(x: Any, lambd: float, generator: Any) -> Any:
    torch = f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}"
    _require(lambd > 0, f"the rate is {lambd:g}; it has to be above 0", torch)
    return generator.exponential(x.shape, x.dtype, lambd)


def _geometric(x: Any, p: float, generator: Any) -> Any:
    torch = f"geometric_ expects p to be in (0, 1), but got p={p:g}"
    _require(0 < p < 1, f"the probability is {p:g}; it has to be between 0 and 1", torch)
    return generator.geometric(p, x.shape, x.dtype)


def _cauchy(x: Any, median: float, sigma: float, generator: Any) -> Any:
    torch = f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}"
    _require(sigma > 0, f"sigma is {sigma:g}; it has to be above 0", torch)
    return generator.cauchy(x.shape, x.dtype, median, sigma)


def _log_normal(x: Any, mean: float, std: float, generator: Any) -> Any:
    torch = f"log_normal_ expects std > 0.0, but found std={std:g}"
    _require(std > 0, f"the deviation is {std:g}; it has to be above 0", torch)
    return generator.log_normal(x.shape, x.dtype, mean, std)


def _bernoulli_fill(x: Any, p: Any, generator: Any) -> Any:
    _check_chances(p, "bernoulli_ expects p to be in [0, 1], but got p={p}")
    return generator.bernoulli(p, x.dtype, x.shape)


_refilling(
    f"uniform_(Tensor input, float from=0.0, float to=1.0, *, {FROM})",
    "Numbers drawn evenly from [from, to).",
    _uniform,
    "UniformBackward0",
    "check_uniform_bounds",
)
_refilling(
    f"normal_(Tensor input, float mean=0.0, float std=1.0, *, {FROM})",
    "Normal numbers of a mean and a deviation.",
    _normal_fill,
    ("NormalBackward0", "NormalBackward0"),
    "normal_kernel_cpu",
    pieces=True,
)
_refilling(
    f"bernoulli_(Tensor input, Tensor p, *, {FROM})",
    "1 with the probability p, else 0.",
    _bernoulli_fill,
    ("BernoulliBackward1", "BernoulliBackward1"),
)
_refilling(
    f"bernoulli_(Tensor input, float p=0.5, *, {FROM})",
    "1 with probability p, else 0.",
    _bernoulli_fill,
    ("BernoulliBackward2", "BernoulliBackward2"),
)
_refilling(
    f"random_(Tensor input, *, {FROM})",
    "Integers up to the greatest that the dtype holds exactly.",
    _random_fill,
    ("RandomBackward2", "RandomBackward2"),
)
_refilling(
    f"random_(Tensor input, int to, *, {FROM})",
    "Integers from 0 up to but not including `to`.",
    _random_fill,
    ("RandomBackward1", "RandomBackward1"),
)
_refilling(
    f"random_(Tensor input, int from, int? to, *, {FROM})",
    "Integers from `from` up to but not including `to`.",
    _random_fill,
    ("RandomBackward0", "RandomBackward0"),
)
_refilling(
    f"exponential_(Tensor input, float lambd=1.0, *, {FROM})",
    "Waiting times of a rate.",
    _exponential,
    "ExponentialBackward0",
    "exponential_cpu",
)
_refilling(
    f"geometric_(Tensor input, float p, *, {FROM})",
    "How often something of probability p is tried until it happens.",
    _geometric,
    "GeometricBackward0",
)
_refilling(
    f"cauchy_(Tensor input, float median=0.0, float sigma=1.0, *, {FROM})",
    "Numbers of a Cauchy distribution.",
    _cauchy,
    "CauchyBackward0",
    "cauchy_cpu",
)
_refilling(
    f"log_normal_(Tensor input, float mean=1.0, float std=2.0, *, {FROM})",
    "Numbers whose logarithm is normal.",
    _log_normal,
    "LogNormalBackward0",
    "log_normal_cpu",
)
