"""Tensor: what a program holds. A handle on a node of the graph, with what may change: values in place, .grad, flags.

Memory is shared as torch shares it: a view keeps its base's Storage and the steps that lead to it. A write through a
view makes a new node for the base; every other view of that base is rebuilt from it when it is next read. Nodes
themselves never change, except through `.data`, which torch defines as changing memory behind autograd's back.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from gradcli.dtypes import DType
from gradcli.engine.run import value as node_value
from gradcli.errors import DtypeError, GradError, ShapeError, ValueError_
from gradcli.graph.node import MODE, Alias, Node, recording
from gradcli.graph.op import Op, leaf, leaf_op
from gradcli.language.context import Context
from gradcli.language.python.values import TypeValue
from gradcli.language.tensors.gradfn import GradFn, grad_fn_of
from gradcli.ops.shapes.convert import detach, to_dtype
from gradcli.ops.shapes.memory import data, viewed_again
from gradcli.ops.shapes.shape import expand
from gradcli.ops.shapes.views import write_view
from gradcli.shapes import Shape

ARRAY = TypeValue("numpy.ndarray", (), module="numpy")
Step = tuple[Op, dict[str, Any]]
# views of which one call gives several, as torch names the call
MULTIPLE = {"_split": "Split", "_split_with_sizes": "SplitWithSizes", "_unbind": "Unbind"}
# PyTorch's words for a tensor that cannot require gradients: where it is made, by method, by attribute
NOT_FLOATING = "Only Tensors of floating point and complex dtype can require gradients"
NOT_FLOATING_METHOD = "only Tensors of floating point dtype can require gradients"
NOT_FLOATING_ATTRIBUTE = "only Tensors of floating point and complex dtype can require gradients"


class Storage:
    """The memory behind a base tensor and its views.

    node: the base as it is now. version counts changes as autograd's check sees them, generation all changes.
    """

    __slots__ = ("generation", "node", "version")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.version = 0
        self.generation = 0
        node.more().alias = Alias(self, 0)

    def replace(self, node: Node, *, counted: bool = True) -> None:
        """The base has new elements from here on."""
        self.generation += 1
        self.version += counted
        self.node = node
        node.more().alias = Alias(self, self.version)


class Tensor:
    """A tensor of the language and of the Python API.

    `numpy()`, `shape`, `dtype`, `requires_grad`, `grad`, `grad_fn`, `backward()` and `repr()` are as in PyTorch.
    """

    __slots__ = (
        "__weakref__", "_generation", "_grad", "_inference", "_node", "_steps", "_storage", "_tracked", "base",
        "context", "is_array", "special",
    )  # fmt: skip

    def __init__(self, node: Node, context: Context, *, is_array: bool = False) -> None:
        self._node = node
        self._storage: Storage | None = None
        self._steps: tuple[Step, ...] = ()
        self._generation = 0
        self._grad: Tensor | None = None
        self._tracked = False  # a leaf that requires grad though it shares memory: Variable(x), Parameter(x)
        self._inference = MODE.inference
        self.base: Tensor | None = None  # of a view: the tensor it is a view of
        self.special: TypeValue | None = None  # its type, where that is one that extends torch.Tensor
        self.context = context
        self.is_array = is_array
        if node.value is None:
            context.defer(self)

    # What it is

    @property
    def node(self) -> Node:
        """The node that holds its elements now."""
        storage = self._storage
        if storage is None or self._generation == storage.generation:
            return self._node
        self._generation = storage.generation
        node = storage.node
        for op, params in self._steps:
            node = op(node, **params)
        if self._tracked:
            node = self._leaf(node, True)
        elif self._steps and node.requires_grad:
            node = viewed_again(storage.node, node)
        node.more().alias = Alias(storage, storage.version)
        self._node = node
        return node

    @property
    def shape(self) -> Shape:
        """Its sizes."""
        shape: Shape = self._node.shape
        return shape

    @property
    def dtype(self) -> DType:
        """Its dtype; `str(t.dtype)` is torch's."""
        dtype: DType = self.node.dtype
        return dtype

    @property
    def requires_grad(self) -> bool:
        """Whether a backward pass reaches it."""
        return self.node.requires_grad

    @property
    def is_leaf(self) -> bool:
        """Whether no op made it (or none that is recorded)."""
        node = self.node
        return not node.requires_grad or node.op is leaf_op

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by backward passes; None before the first."""
        return self._grad

    @property
    def grad_fn(self) -> GradFn | None:
        """The recorded op that made it, or None for a leaf."""
        node = self.node
        return grad_fn_of(node, self.context.names) if node.requires_grad and node.op is not leaf_op else None

    def numpy(self) -> np.ndarray:
        """Its elements as a numpy array. Shape and dtype are the tensor's."""
        with np.errstate(all="ignore"):
            return node_value(self.node)

    __array_ufunc__ = None  # no function of numpy is applied, which would leave the graph without a word

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """What `np.asarray(t)` gives: its elements."""
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def backward(self, seed: Any = None, *, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Add the vector-Jacobian product to the .grad of every leaf.

        seed: the cotangent: None for a scalar, else an array-like or Tensor of this tensor's shape.
        Raises: GradError, ShapeError; ValueError_ for a seed that is no array.
        """
        from gradcli.language.tensors.autograd import backward  # it builds on Tensor

        with self.context.active():
            cotangent = None if seed is None else as_tensor(seed, self.context, self.dtype)
            backward([self], [cotangent], retain_graph=retain_graph, create_graph=create_graph)
            self.context.settle()

    def __repr__(self) -> str:
        from gradcli.language.tensors.text import tensor_repr  # start-up: a run that prints no tensor formats none

        return tensor_repr(self)

    def __str__(self) -> str:
        from gradcli.language.tensors.text import tensor_str  # start-up

        return tensor_str(self)

    @property
    def language_type(self) -> TypeValue | None:
        """What `type(x)` gives where that is not torch.Tensor."""
        return ARRAY if self.is_array else self.special

    # What can be changed

    def set_requires_grad(self, on: bool, torch: str = NOT_FLOATING) -> None:
        """Start or stop tracking a leaf. torch: PyTorch's words for a tensor that is not floating, which differ.

        Raises: GradError for a tensor that a recorded op made, or one that is not floating.
        """
        node = self.node
        if on and self._inference and not MODE.inference:
            raise GradError(
                "a tensor made in inference mode can only require gradients inside it",
                hint="use a .clone() of it, or torch.no_grad() instead of torch.inference_mode()",
                torch="Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.",
            )
        if on and not node.dtype.floating:
            raise GradError(
                f"only floating-point tensors can require gradients; this one is {node.dtype!r}",
                hint="make it floating: 3. instead of 3, dtype=torch.float32, or .float()",
                torch=torch,
            )
        if on == node.requires_grad:
            return
        if not self.is_leaf:
            raise GradError(
                "requires_grad can only be changed on a leaf; this tensor is the result of a recorded operation",
                hint="use y.detach() for a tensor without history",
                torch="you can only change requires_grad flags of leaf variables. If you want to use a computed "
                "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach().",
            )
        self._become_leaf(node, on)

    def _become_leaf(self, node: Node, requires_grad: bool) -> None:
        """Stand on a leaf of its own, so that flags on it concern no other tensor."""
        fresh = self._leaf(node, requires_grad)
        self._tracked = requires_grad and bool(self._steps)
        if self._storage is not None and not self._steps:
            self._storage.node = fresh
            fresh.more().alias = Alias(self._storage, self._storage.version)
        self._node = fresh

    def _leaf(self, node: Node, requires_grad: bool) -> Node:
        """A leaf of its own with the elements of a node."""
        fresh = leaf(node_value(node), node.dtype)
        fresh.requires_grad = requires_grad
        if requires_grad:
            fresh.more().owner = weakref.ref(self)
        return fresh

    @property
    def is_inference(self) -> bool:
        """Whether it was made in inference mode, so that autograd never takes part in it."""
        return self._inference

    def set_grad(self, grad: Tensor | None) -> None:
        """Set .grad as an assignment does."""
        self._grad = grad

    def forget_history(self) -> None:
        """`x.detach_()`: a leaf from here on, in the same memory."""
        self._become_leaf(self.node, False)

    def set_data(self, source: Tensor) -> None:
        """`x.data = source`: the elements (and memory) of another tensor, without autograd taking part."""
        own, value = self.node, node_value(source.node)
        if source._storage is not None and source._storage is self._storage:
            return
        fresh = leaf(value, source.dtype)
        fresh.requires_grad = own.requires_grad
        if own.requires_grad:
            if own.op is leaf_op:
                _inherit(fresh, own)
            else:
                fresh = _with_value(own, value)
        self._storage, self._steps, self._generation, self._tracked = None, (), 0, False
        self._node = fresh

    def become_view(self, steps: tuple[Step, ...], node: Node) -> None:
        """`x.t_()`: be that view of what it was."""
        self._check_writable(self.node)
        storage = self.share()
        node.more().alias = Alias(storage, storage.version)
        self._steps, self._node, self._generation = self._steps + steps, node, storage.generation

    def share(self) -> Storage:
        """The storage that it and its views have in common."""
        if self._storage is None:
            self._storage = Storage(self._node)
        return self._storage

    def view(self, steps: tuple[Step, ...], node: Node) -> Tensor:
        """A tensor that shares its memory: `node` is what the steps make of it."""
        storage = self.share()
        self.node  # noqa: B018  (bring itself up to date first: the view starts from the present)
        node.more().alias = Alias(storage, storage.version)
        view = Tensor(node, self.context, is_array=self.is_array)
        view._storage, view._steps, view._generation = storage, self._steps + steps, storage.generation
        view._inference = self._inference
        if steps[0][0] is not detach and steps[0][0] is not data:
            view.base = self.base or self
        return view

    def detached(self) -> Tensor:
        """`x.detach()`: the same memory, no history."""
        return self.view(((detach, {}),), detach(self.node))

    def bare(self) -> Tensor:
        """`x.data`: the same memory, changes to which autograd does not notice."""
        return self.view(((data, {}),), data(self.node))

    def assign(self, new: Node, *, name: str = "the in-place operation", part: bool = False) -> None:
        """Put the elements of `new`, of its own shape, into its memory. All in-place operations end here.

        part: it was asked for through an index that picks a part, which is a view of it.
        Raises: GradError for a leaf that requires grad; ShapeError, DtypeError when `new` does not fit.
        """
        own = self.node
        self._check_writable(own, part)
        if new.shape != own.shape:
            raise ShapeError(
                f"{name} would change the shape of the tensor from {own.shape} to {new.shape}",
                torch=f"output with shape {list(own.shape)} doesn't match the broadcast shape {list(new.shape)}",
            )
        if new.dtype.category > own.dtype.category:
            raise DtypeError(
                f"{name} has a result of {new.dtype!r}, which a tensor of {own.dtype!r} cannot hold",
                hint="use the out-of-place form",
                torch=f"result type {_torch_kind(new.dtype)} can't be cast to the desired output type "
                f"{_torch_kind(own.dtype)}",
            )
        new = to_dtype(new, own.dtype)
        cut = max((at for at, (op, _) in enumerate(self._steps) if op is detach or op is data), default=-1)
        storage = self.share()
        if cut >= 0:
            self._overwrite(storage, cut, new)
        elif not MODE.recording and storage.node.requires_grad:
            self._rewrite(storage, new)
        else:
            self._record_write(storage, new)

    def adopt(self, node: Node) -> None:
        """Stand for a node that already holds its elements (an input that a Function changed in place)."""
        self._record_write(self.share(), node)

    def _check_writable(self, own: Node, part: bool = False) -> None:
        if any(op is expand and params.get("size") is not None for op, params in self._steps) and 0 in _strides(own):
            raise GradError(
                "the tensor was expanded: several of its elements are the same memory",
                hint="change a .clone() of it",
                torch="unsupported operation: more than one element of the written-to tensor refers to a single memory "
                "location. Please clone() the tensor before performing the operation.",
            )
        if self._inference and not MODE.inference:
            raise GradError(
                "a tensor made in inference mode cannot be changed in place outside it",
                hint="change a .clone() of it, or use torch.no_grad() instead of torch.inference_mode()",
                torch="Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to "
                "get a normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more "
                "details.",
            )
        if not (MODE.recording and own.requires_grad):
            return
        several = next((step for step in self._steps if step[0].name in MULTIPLE), None)
        if several is not None:
            raise GradError(
                "a part of split, chunk or unbind cannot be changed in place: the parts are one result",
                hint="change a .clone() of it, or index the tensor: x[0] += 1",
                torch=f"Output {_output(several)} of {MULTIPLE[several[0].name]} is a view and is being modified "
                "inplace. This view is the output of a function that returns multiple views. Such functions do not "
                "allow the output views to be modified inplace. You should replace the inplace operation by an "
                "out-of-place one.",
            )
        base = own if self._storage is None else self._storage.node
        if own.op is leaf_op or base.op is leaf_op:
            view = "a view of " if self._steps or part else ""
            raise GradError(
                f"{view}a leaf that requires grad cannot be changed in place",
                hint="update it inside `with torch.no_grad():`, or use the out-of-place form",
                torch=f"{view}a leaf Variable that requires grad is being used in an in-place operation.",
            )

    def _record_write(self, storage: Storage, new: Node) -> None:
        """A write that autograd follows."""
        base = storage.node
        result = _write_through(base, self._steps, new)
        storage.replace(result)
        if not self._steps:
            self._node, self._generation = result, storage.generation
        if result.value is None:
            self.context.defer(self)

    def _rewrite(self, storage: Storage, new: Node) -> None:
        """A write under no_grad into memory that has a history: the history stays, the elements change."""
        base = storage.node
        with recording(False):
            result = node_value(_write_through(base, self._steps, new))
        storage.replace(_with_value(base, result))
        if not self._steps:
            self._node, self._generation = storage.node, storage.generation

    def _overwrite(self, storage: Storage, cut: int, new: Node) -> None:
        """A write through .detach() or .data; the latter changes what recorded ops have saved, too."""
        base, silent = storage.node, self._steps[cut][0] is data
        steps = tuple(step for step in self._steps if step[0] is not detach and step[0] is not data)
        with recording(False):
            result = node_value(_write_through(base, steps, new))
        if not silent:
            storage.replace(_with_value(base, result))
            return
        self.context.settle()  # deferred work reads the memory as it was
        known = node_value(base)
        if known.flags.writeable and known.ndim:
            np.copyto(known, result)
        else:
            base.value = result
        storage.generation += 1


def _output(step: Step) -> int:
    """Which of several views of one call it is; parts of different sizes are not counted."""
    params = step[1]
    index: int = params["index"] if "index" in params else params["start"] // max(params["end"] - params["start"], 1)
    return index


def _with_value(node: Node, value: Any) -> Node:
    """A node with the history of another and elements of its own."""
    fresh = Node(node.op, node.inputs, node.params, node.shape, node.dtype, value)
    fresh.requires_grad, fresh.via, fresh.span = node.requires_grad, node.via, node.span
    _inherit(fresh, node)
    return fresh


def _inherit(fresh: Node, node: Node) -> None:
    """Have the owner and the hooks of a node, whose place it takes."""
    if node.extra is not None:
        extra = fresh.more()
        extra.owner, extra.retained = node.extra.owner, node.extra.retained
        extra.hooks, extra.after = node.extra.hooks, node.extra.after


def _write_through(base: Node, steps: tuple[Step, ...], new: Node) -> Node:
    """The base after its view at the end of the steps was given new elements."""
    if not steps:
        return new
    result: Node = write_view(base, new, steps=steps)
    return result


def _strides(node: Node) -> tuple[int, ...]:
    value = node_value(node)
    return tuple(stride for stride, size in zip(value.strides, value.shape, strict=True) if size > 1)


# what torch calls a tensor of each dtype
TYPE_NAMES = {
    "float32": "torch.FloatTensor", "float64": "torch.DoubleTensor", "float16": "torch.HalfTensor",
    "int64": "torch.LongTensor", "int32": "torch.IntTensor", "int16": "torch.ShortTensor", "int8": "torch.CharTensor",
    "uint8": "torch.ByteTensor", "bool": "torch.BoolTensor",
}  # fmt: skip


def _torch_kind(dtype: DType) -> str:
    return TYPE_NAMES[dtype.name].removeprefix("torch.").removesuffix("Tensor")


def array_from(value: Any, dtype: DType | None = None) -> np.ndarray:
    """An array-like that a caller gives, as an array.

    Raises: ValueError_ for lists that are none.
    """
    try:
        return np.asarray(value, dtype=None if dtype is None else dtype.numpy)
    except (ValueError, TypeError, OverflowError):
        raise ValueError_("its rows have different lengths, or it holds something else than numbers") from None


def as_tensor(value: Any, context: Context, dtype: DType | None = None) -> Tensor:
    """A tensor of a tensor, an array or a (nested) list of numbers."""
    if isinstance(value, Tensor):
        return value
    array = array_from(value, dtype)
    if array.dtype == np.float64 and dtype is None and not isinstance(value, np.ndarray):
        array = array.astype(context.default.numpy)
    return Tensor(leaf(array), context)
