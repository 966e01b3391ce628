"""What an op is, and how to write one.

An op is declared once, in a family file of `gradcli/ops/`, and everything else (spellings, binding, errors, completion,
`gradcli ops`, the automatic gradient check, the docs) is derived from the declaration:

    softplus = op(
        "softplus(Tensor input, Scalar beta=1, Scalar threshold=20)",
        "log(1 + exp(beta x)) / beta; x itself where beta x > threshold.",
        spelled=["F.softplus"], dtype=floating,
        kernel=softplus_kernel,
        grad=lambda g, y, x, beta, threshold: where(x * beta > threshold, g, g * sigmoid(x * beta)),
        grad_fn="SoftplusBackward0",
        samples=[draw(3), draw((2, 3), low=-30, high=30), draw(4, beta=2.0)])

**Signature.** As in torch's schemas (`graph/signature.py` lists the kinds). One declaration per overload: grad_fn names
belong to overloads. Overloads share their public name and are tried in the order declared.

**Rules.** A rule is called `rule(g, y, *inputs, **params)`: `g` the cotangent, `y` the node's own result (a tuple for
an op of several outputs, and then `g` is a tuple with None where nothing came), then its tensor inputs, then its other
arguments by name. It returns the cotangent of ONE input: `grad` is one rule for an op of one tensor, a list of rules
(None: no derivative) for more, and `joint` one rule that returns the cotangents of all inputs together. A rule is
written in graph ops, so that it can be differentiated again; it never touches numpy, and never undoes broadcasting or
casts: the walk does, in one place (`autodiff/backward.py`).

**Kernel.** `kernel(*arrays, **params)` on numpy arrays that were cast to the dtype rule's compute dtype (a Python
number stays one). It returns the values in the dtype and shape that the rules promise.

**expands.** An op that is a composition of others: `expands(*inputs, **params)` returns a node. With a `grad_fn` of its
own it keeps its name and its place in the graph; without, the last op of the expansion is what torch shows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from numpy import asarray, ndarray, ufunc

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.errors import GradcliError
from gradcli.graph.node import DEFER_ABOVE, MODE, NeedsValue, Node, compute_now, mark_saved
from gradcli.graph.signature import Signature
from gradcli.shapes import Shape, broadcast_shapes

Rule = Callable[..., Any]
ShapeRule = Callable[[tuple[Node, ...], Mapping[str, Any]], Any]


# (inputs, params) -> in which dtype an op computes (None: each input as it is), and the dtype of its result
DtypeRule = Callable[[tuple[Node, ...], Mapping[str, Any]], tuple[DType | None, Any]]


def promote_inputs(inputs: tuple[Node, ...]) -> DType:
    """The dtype torch computes in: tensors with dimensions count before 0-d ones, those before Python numbers."""
    first: DType = inputs[0].dtype
    for i in inputs:
        if i.dtype is not first and not (i.op is number_op and i.dtype.category <= first.category):
            break
    else:
        if inputs[0].op is not number_op:
            return first
    numbers = [i.dtype.category for i in inputs if i.op is number_op]
    full = [i.dtype for i in inputs if i.shape]
    zero_dim = [i.dtype for i in inputs if not i.shape and i.op is not number_op]
    return dtypes.result_type(full, zero_dim, numbers, MODE.default)


def promoted(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[DType | None, Any]:
    """Inputs are brought to the dtype they promote to, which is the result's."""
    dtype = promote_inputs(inputs)
    return dtype, dtype


def floating(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[DType | None, Any]:
    """As `promoted`, but integers and bools become the default dtype."""
    dtype = promote_inputs(inputs)
    if not dtype.floating:
        dtype = MODE.default
    return dtype, dtype


def comparing(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[DType | None, Any]:
    """Inputs are brought to the dtype they promote to; the result is bool."""
    return promote_inputs(inputs), dtypes.bool_


def kept(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[DType | None, Any]:
    """Inputs stay as they are; the result has the dtype of the first."""
    return None, inputs[0].dtype


def fixed(*result: DType) -> DtypeRule:
    """Inputs stay as they are; the result (or each output) has this dtype."""
    answer = (None, result[0] if len(result) == 1 else result)
    return lambda inputs, params: answer


boolean = fixed(dtypes.bool_)
index = fixed(dtypes.int64)


def broadcasted(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    """The shape rule of elementwise ops."""
    shape: Shape = inputs[0].shape
    if len(inputs) == 1:
        return shape
    if len(inputs) == 2:
        other: Shape = inputs[1].shape
        return shape if shape == other or not other else broadcast_shapes(shape, other)
    return broadcast_shapes(*[i.shape for i in inputs])


def same(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    """The shape rule of ops that keep the shape of their first input."""
    shape: Shape = inputs[0].shape
    return shape


class Sample:
    """Inputs on which an op is checked: shapes of its tensors, the range they are drawn from, its other arguments."""

    __slots__ = ("high", "low", "params", "shapes")

    def __init__(
        self, shapes: tuple[Shape, ...], low: float | None, high: float | None, params: dict[str, Any]
    ) -> None:
        self.shapes = shapes
        self.low = low
        self.high = high
        self.params = params


def draw(*shapes: int | Shape, low: float | None = None, high: float | None = None, **params: Any) -> Sample:
    """A sample: `draw(3)` one vector, `draw((2, 3), 3, low=0.1)` a matrix and a vector of numbers above 0.1."""
    return Sample(tuple((s,) if isinstance(s, int) else s for s in shapes), low, high, params)


PROGRAM = "program"  # the family of an op that a program's torch.autograd.Function declares


class Op:
    """A declaration. See the head of this module; `op()` makes one."""

    __slots__ = (
        "doc", "domain", "dtype", "elementwise", "expands", "family", "grads", "inplace", "joint", "kernel", "kinks",
        "linear", "name", "outputs", "plain", "random", "samples", "shape", "signature", "spelled", "torch1", "torch2",
        "unruled", "view", "wrong",
    )  # fmt: skip

    name: str
    family: str
    signature: Signature
    doc: str
    spelled: tuple[str, ...]
    kernel: Callable[..., Any]
    dtype: DtypeRule
    shape: ShapeRule
    grads: Sequence[Rule | None] | None
    joint: Rule | None
    expands: Callable[..., Any] | None
    torch1: str | None
    torch2: str | None
    outputs: tuple[str, ...]
    elementwise: bool
    plain: bool
    linear: bool
    view: bool
    inplace: bool
    random: bool
    unruled: bool
    domain: tuple[float, float]
    kinks: tuple[tuple[float, float], ...]
    samples: tuple[Sample, ...]
    wrong: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"<op {self.signature.text}>"

    @property
    def shown(self) -> str:
        """Its name in messages: an internal op goes by its public name."""
        return self.name.lstrip("_")

    @property
    def differentiable(self) -> bool:
        """Whether a cotangent can flow through it."""
        return self.grads is not None or self.joint is not None or self.expands is not None

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Apply it to nodes (and Python numbers): the node of the result, or a tuple of them."""
        if self.expands is not None:
            return self._expand(inputs, params)
        if self.plain and len(inputs) == 2:
            a, b = inputs
            if (
                type(a) is Node
                and type(b) is Node
                and a.dtype is b.dtype
                and a.value is not None
                and b.value is not None
                and a.op is not number_op
                and (a.shape == b.shape or not b.shape)
                and a.dtype.floating
                and not MODE.deferring
            ):
                return self._pair(a, b, inputs, params)
        for given in inputs:
            if type(given) is not Node:
                inputs = tuple([i if type(i) is Node else number(i) for i in inputs])
                break
        return self._make(inputs, params)

    def _pair(self, a: Node, b: Node, inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Node:
        """As `_make`, for what long programs are made of: two known operands that need no promotion."""
        shape: Shape = a.shape
        node = Node(self, inputs, params, shape, a.dtype)
        if MODE.horizon:
            mark_saved(inputs)
        if (a.requires_grad or b.requires_grad) and MODE.recording and self.grads is not None:
            node.requires_grad = True
        n = 1
        for s in shape:
            n *= s
        if n <= DEFER_ABOVE:
            result = self.kernel(a.value, b.value)
            node.value = result if type(result) is ndarray else asarray(result)
            if not node.requires_grad:
                node.inputs = ()
        return node

    def _make(self, inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Any:
        try:
            target, dtype = self.dtype(inputs, params)
            shape = self.shape(inputs, params)
        except GradcliError as error:
            error.op = error.op or self.shown
            raise
        node = Node(self, inputs, params, shape, dtype)
        mode, outputs = MODE, self.outputs
        known, tracked = not mode.deferring, False
        for i in inputs:
            if i.value is None:
                known = False
            if i.requires_grad:
                tracked = True
        if mode.horizon:
            mark_saved(inputs)
        if tracked and mode.recording and (self.grads is not None or self.joint is not None):
            node.requires_grad = dtype.floating if not outputs else True
        if self.random:
            if mode.deferring:
                raise NeedsValue
            mode.run(inputs)
            compute_now(node, target)
        elif known and _largest(shape if outputs else (shape,)) <= DEFER_ABOVE:
            compute_now(node, target)
        if node.value is not None and not node.requires_grad and not self.view:
            node.inputs = ()
        if not outputs:
            return node
        return tuple([pick(node, at) for at in range(len(outputs))])

    def _expand(self, inputs: tuple[Any, ...], params: Mapping[str, Any]) -> Any:
        assert self.expands is not None
        try:
            inner = self.expands(*inputs, **params)
        except GradcliError as error:
            error.op = self.shown
            raise
        if self.torch2 is None:
            return inner
        nodes = tuple([i for i in _flat(inputs) if type(i) is Node])
        if type(inner) is tuple:
            return tuple([named(self, nodes, params, part) for part in inner])
        return named(self, nodes, params, inner)


def _flat(inputs: Iterable[Any]) -> Iterable[Any]:
    for i in inputs:
        if isinstance(i, list | tuple):
            yield from i
        else:
            yield i


def named(op: Op, inputs: tuple[Node, ...], params: Mapping[str, Any], inner: Node) -> Node:
    """The node of an expansion that keeps its own name: computed and differentiated through `via`."""
    outer = Node(op, inputs, params, inner.shape, inner.dtype, inner.value)
    outer.requires_grad = inner.requires_grad
    if inner.value is None or inner.requires_grad or MODE.deferring:
        outer.via = inner
    else:
        outer.inputs = ()
    return outer


def _largest(shapes: Iterable[Shape]) -> int:
    largest = 0
    for shape in shapes:
        n = 1
        for s in shape:
            n *= s
        if n > largest:
            largest = n
    return largest


def torch1_name(torch2: str) -> str:
    """PyTorch 1.0 wrote no digit where the function had one overload: ExpBackward0 was ExpBackward."""
    return torch2.rstrip("0123456789")


def op(
    signature: str,
    doc: str,
    *,
    kernel: Callable[..., Any] | None = None,
    grad: Rule | Sequence[Rule | None] | None = None,
    joint: Rule | None = None,
    expands: Callable[..., Any] | None = None,
    shape: ShapeRule = broadcasted,
    dtype: DtypeRule = promoted,
    grad_fn: str | tuple[str | None, str] | None = None,
    spelled: Sequence[str] = (),
    outputs: Sequence[str] = (),
    elementwise: bool = False,
    linear: bool = False,
    view: bool = False,
    inplace: bool = False,
    random: bool = False,
    unruled: bool = False,
    domain: tuple[float, float] = (-2.0, 2.0),
    kinks: Sequence[tuple[float, float]] = (),
    samples: Sequence[Sample] = (),
    wrong: Sequence[tuple[str, str]] = (),
    listed: bool = True,
) -> Op:
    """Declare an op and put it into the table (not `listed`: one that a program makes for itself).

    signature, doc: the call and one line that says what it computes.
    kernel, shape, dtype: how it is computed, and the shape and dtype of the result.
    grad, joint, expands: its derivative; none of them: nothing flows through it.
    grad_fn: PyTorch 2's name, or (PyTorch 1.0's, PyTorch 2's) where 1.0's is not just without the digit.
    spelled: further public names. Plain ones are found as `x.name()`, `torch.name()` and `name()`; `F.softplus`,
    `linalg.det`, `special.expit` in their module (and as a bare name); `.name` as a method alone, `torch.name` as a
    function alone. The signature's own name is spelled plainly unless it begins with an underscore or the list has a
    dotted spelling of it.
    outputs: names of the outputs when there are several. inplace: `x.name_()` exists.
    view: the result shares memory with the first input (`ops/shapes/views.py` writes through it).
    linear: linear in each tensor input. elementwise: each element of the result depends on those at its place alone.
    random: draws numbers, so it runs when it is called.
    unruled: it varies smoothly, but torch has no rule for its derivative, and takes the result for a constant.
    domain, samples: what the automatic check draws its inputs from. kinks: (point, derivative agreed there).
    wrong: calls that must fail, with a part of their message.
    """
    o = Op()
    o.signature = Signature(signature)
    o.name = o.signature.name
    o.family = _family()
    o.doc = doc
    o.spelled = tuple(spelled)
    o.kernel = kernel if kernel is not None else _no_kernel
    o.dtype = dtype
    o.shape = shape
    o.grads = None if grad is None else (grad,) if callable(grad) else tuple(grad)
    o.joint = joint
    o.expands = expands
    if grad_fn is None or isinstance(grad_fn, str):
        o.torch2 = grad_fn
        o.torch1 = None if grad_fn is None else torch1_name(grad_fn)
    else:
        o.torch1, o.torch2 = grad_fn[0] or grad_fn[1], grad_fn[1]
    o.outputs = tuple(outputs)
    o.elementwise, o.linear, o.view, o.inplace, o.random = elementwise, linear, view, inplace, random
    o.unruled = unruled
    o.domain, o.kinks, o.samples, o.wrong = domain, tuple(kinks), tuple(samples), tuple(wrong)
    # two operands in, a result of the same dtype and shape out, where theirs agree
    o.plain = isinstance(kernel, ufunc) and kernel.nin == 2 and shape is broadcasted and dtype in (promoted, floating)
    if listed:
        TABLE.append(o)
    return o


def _family() -> str:
    """The module that is being loaded: the family whose table the declaration stands in."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    name: str = frame.f_globals["__name__"]
    return name.rpartition(".")[2]


def _no_kernel(*_: Any, **__: Any) -> Any:
    raise AssertionError("an op that expands has no kernel of its own")


TABLE: list[Op] = []

number_op = op(
    "number(Scalar value)",
    "A Python number in an expression.",
    spelled=["_"],
    kernel=lambda value: value,
    shape=lambda inputs, params: (),
    dtype=lambda inputs, params: (None, _number_dtype(params["value"])),
)
leaf_op = op(
    "leaf(any value)",
    "A value that came from outside: an input, a factory's result, a tensor changed under no_grad.",
    spelled=["_"],
    kernel=lambda value: value,
    dtype=kept,
)
pick_op = op(
    "pick(Tensor input, int at)",
    "One of the outputs of an op that has several.",
    spelled=["_"],
    kernel=lambda values, at: values[at],
    shape=lambda inputs, params: inputs[0].shape[params["at"]],
    dtype=lambda inputs, params: (None, inputs[0].dtype[params["at"]]),
)


def _number_dtype(value: object) -> DType:
    return (dtypes.bool_, dtypes.int64, MODE.default)[dtypes.number_category(value)]


_NUMBERS: dict[tuple[type, object, DType], Node] = {}


def number(value: bool | int | float) -> Node:
    """The node of a Python number. The same number is the same node."""
    key = (type(value), value, MODE.default)
    node = _NUMBERS.get(key)
    if node is None or value == 0:  # 0.0 and -0.0 are equal keys
        node = Node(number_op, (), {"value": value}, (), _number_dtype(value), value)
        if len(_NUMBERS) < 1024:
            _NUMBERS[key] = node
    return node


def leaf(value: Any, dtype: DType | None = None) -> Node:
    """The node of an array from outside."""
    dtype = dtype or dtypes.from_numpy(value.dtype)
    assert dtype is not None
    return Node(leaf_op, (), {}, value.shape, dtype, value)


def pick(node: Node, at: int) -> Node:
    """The node of one output of an op that has several."""
    value = None if node.value is None else node.value[at]
    picked = Node(pick_op, (node,), {"at": at}, node.shape[at], node.dtype[at], value)
    picked.requires_grad = node.requires_grad and picked.dtype.floating
    if value is not None and not node.requires_grad:
        picked.inputs = ()
    return picked
