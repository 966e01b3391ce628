"""A node of the graph: one op applied to nodes. What everything else (backward, formulas, plans) reads and builds.

A node is a value that never changes: it is known (`value` is an array) or deferred (`value` is None and the engine can
compute it from the inputs). What a user may change in place is a Tensor, which points at one node after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.errors import GradcliError, GradError, OverflowError_, no_memory

if TYPE_CHECKING:
    from gradcli.graph.op import Op
    from gradcli.shapes import Shape

# A node with at most this many elements, whose inputs are known, is computed when it is made: deferring it would cost
# more than computing it.
DEFER_ABOVE = 1 << 14


class NeedsValue(Exception):
    """A traced program asked for a value that is known only when its plan runs: it cannot be traced."""


class Mode:
    """How nodes are made at the moment. One per process: sessions take turns.

    recording: nodes keep what a backward pass needs (off inside no_grad).
    inference: tensors are made that will never need it (torch.inference_mode).
    anomalies: a backward pass refuses a cotangent that is nan (torch.autograd.detect_anomaly).
    deferring: nothing is computed when it is made (tracing an expression that is planned as a whole).
    horizon: inside a backward pass, the first serial of its own nodes; what is older was saved by the forward pass.
    touched: whether a rule read a value saved by the forward pass since this was last cleared.
    visited: the node whose rules are applied.
    numbers: the Python numbers among the inputs of the visited node: they count as saved, too.
    default: the dtype of Python floats and factories.
    looked: the nodes whose values were asked for while a program was traced; None where nobody wants to know.
    held: in how many places a mask holds, where that is not to depend on values (a formula holds for any); else None.
    run: the engine's door, for the few ops that cannot wait for their inputs (random numbers come in program order).
    """

    __slots__ = (
        "anomalies", "default", "deferring", "held", "horizon", "inference", "looked", "numbers", "recording", "run",
        "touched", "visited",
    )  # fmt: skip

    def __init__(self) -> None:
        self.recording = True
        self.inference = False
        self.anomalies = False
        self.deferring = False
        self.horizon = 0
        self.touched = False
        self.numbers: tuple[Node, ...] = ()
        self.visited: Node | None = None
        self.default = dtypes.float32
        self.looked: list[Node] | None = None
        self.held: Callable[[Node, Shape], int] | None = None
        self.run: Callable[[Iterable[Node]], None] = _no_engine


def _no_engine(outputs: Iterable[Node]) -> None:
    raise AssertionError("no engine is loaded")


MODE = Mode()
_serial = count(1)


class Alias:
    """The version of a tensor's memory that a node stands for; stale once the tensor was changed in place."""

    __slots__ = ("storage", "version")

    def __init__(self, storage: Any, version: int) -> None:
        self.storage = storage
        self.version = version


class Extra:
    """What few nodes have: hooks on the cotangent, the tensor a leaf belongs to, the memory it stands for.

    after: what runs when the .grad of its owner has been added to.
    """

    __slots__ = ("after", "alias", "hooks", "owner", "retained")

    def __init__(self) -> None:
        self.alias: Alias | None = None
        self.hooks: list[Callable[[Node], Node | None]] | None = None
        self.after: list[Callable[[], None]] | None = None
        self.owner: Callable[[], Any] | None = None
        self.retained = False


class Node:
    """One op applied to nodes.

    op, inputs, params: what made it. shape, dtype: known before the value is. value: the array, or None while deferred;
    for an op of several outputs a tuple. via: the node that computes this one, when its op is an expansion that keeps
    its own name. requires_grad: whether a cotangent flows through it. freed: a backward pass has used up what it saved.
    """

    __slots__ = (
        "__weakref__",
        "dtype",
        "extra",
        "freed",
        "inputs",
        "op",
        "params",
        "requires_grad",
        "serial",
        "shape",
        "span",
        "value",
        "via",
    )  # fmt: skip

    # Arithmetic on nodes is what derivative rules are written in; ops/elementwise/arithmetic.py installs it.
    __add__: Callable[[Node, Any], Node]
    __radd__: Callable[[Node, Any], Node]
    __sub__: Callable[[Node, Any], Node]
    __rsub__: Callable[[Node, Any], Node]
    __mul__: Callable[[Node, Any], Node]
    __rmul__: Callable[[Node, Any], Node]
    __truediv__: Callable[[Node, Any], Node]
    __rtruediv__: Callable[[Node, Any], Node]
    __pow__: Callable[[Node, Any], Node]
    __neg__: Callable[[Node], Node]
    __matmul__: Callable[[Node, Any], Node]
    __gt__: Callable[[Node, Any], Node]
    __lt__: Callable[[Node, Any], Node]
    __ge__: Callable[[Node, Any], Node]
    __le__: Callable[[Node, Any], Node]

    def __init__(
        self, op: Op, inputs: tuple[Node, ...], params: Mapping[str, Any], shape: Any, dtype: Any, value: Any = None
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.params = params
        self.shape = shape
        self.dtype = dtype
        self.value = value
        self.requires_grad = False
        self.freed = False
        self.via: Node | None = None
        self.span: Any = None
        self.extra: Extra | None = None
        self.serial = next(_serial)

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements it has."""
        n = 1
        for s in self.shape:
            n *= s
        return n

    def free(self) -> None:
        """Let go of what was saved for a backward pass, as far as its own value does not need it any more."""
        self.freed = True
        if self.value is not None and not self.op.view:
            self.inputs = ()

    def __repr__(self) -> str:
        state = "deferred" if self.value is None else "known"
        return f"<{self.op.name} #{self.serial} {self.shape} {self.dtype!r} {state}>"

    def more(self) -> Extra:
        """Its rare attributes, made when first asked for."""
        if self.extra is None:
            self.extra = Extra()
        return self.extra


@contextmanager
def recording(on: bool) -> Iterator[None]:
    """Nodes made inside keep (or do not keep) what a backward pass needs."""
    before = MODE.recording
    MODE.recording = on
    try:
        yield
    finally:
        MODE.recording = before


@contextmanager
def default_dtype(dtype: DType) -> Iterator[None]:
    """Python floats and factories inside have this dtype."""
    before = MODE.default
    MODE.default = dtype
    try:
        yield
    finally:
        MODE.default = before


def mark_saved(inputs: tuple[Node, ...]) -> None:
    """Inside a backward pass: note that a rule reads what the forward pass saved, and refuse what changed since.

    Raises: GradError when a tensor was modified in place after the forward pass saved it.
    """
    horizon = MODE.horizon
    for node in inputs:
        if node.op.name == "number":
            MODE.touched = MODE.touched or node in MODE.numbers
        elif node.serial < horizon:
            MODE.touched = True
            if node.extra is not None and node.extra.alias is not None:
                _check_fresh(node, node.extra.alias)


def _check_fresh(node: Node, alias: Alias) -> None:
    now = alias.storage.version
    if now == alias.version:
        return
    kind = {"float64": "DoubleTensor", "float16": "HalfTensor"}.get(node.dtype.name, "FloatTensor")
    shown = node if node is MODE.visited else alias.storage.node  # a result is named by what made it first
    maker = (shown.op.torch2 or "").removesuffix("0").removesuffix("Backward")
    maker = "torch::autograd::CopySlices" if maker == "CopySlices" else maker
    made = f", which is output 0 of {maker}," if maker else ""
    raise GradError(
        f"a tensor of shape {node.shape} that the gradient needs was changed in place after it was used",
        hint="use the out-of-place form (x = x + 1 instead of x += 1), or change a .clone()",
        torch="one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{kind} {list(node.shape)}]{made} is at version {now}; expected version {alias.version} instead. "
        "Hint: enable anomaly detection to find the operation that failed to compute its gradient, "
        "with torch.autograd.set_detect_anomaly(True, check_nan=False).",
    )


def cast_value(value: Any, dtype: DType) -> Any:
    """An array in another dtype; a Python number stays one unless it has to wrap to fit an integer dtype."""
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        if dtype.floating:
            return float(value)
        return value if dtype.category == dtypes.BOOL else _wrapped(int(value), dtype)
    return value if value.dtype == dtype.numpy else value.astype(dtype.numpy)


def _wrapped(value: int, dtype: DType) -> Any:
    if not -(2**63) <= value < 2**63:
        raise OverflowError_(f"the integer {value} does not fit 64 bits", torch="int too big to convert")
    return np.array(value).astype(dtype.numpy)


def compute(node: Node) -> None:
    """Compute one deferred node whose inputs are known. This is all that executing a graph comes down to.

    Raises: whatever the kernel refuses, with the node's place in the source.
    """
    if node.via is not None:
        node.value = node.via.value
    elif node.op.name == "leaf":
        raise NeedsValue
    else:
        compute_now(node, node.op.dtype(node.inputs, node.params)[0])


def compute_now(node: Node, target: DType | None) -> None:
    """Run the kernel of a node on its inputs' values, brought to the target dtype (None: as they are)."""
    inputs = node.inputs
    values = [i.value for i in inputs]
    if target is not None:
        for at, i in enumerate(inputs):
            if i.dtype is not target:
                values[at] = cast_value(values[at], target)
    try:
        result = node.op.kernel(*values, **node.params) if node.params else node.op.kernel(*values)
        # numpy gives scalars for 0-d results; kernels may rely on arrays
        kind = type(result)
        node.value = result if kind is np.ndarray or kind is tuple else np.asarray(result)
    except GradcliError as error:
        error.op = error.op or node.op.shown
        error.span = error.span or node.span
        raise
    except MemoryError as error:
        raise no_memory(error, node.op.shown, node.span) from None
