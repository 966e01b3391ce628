"""One computation for many inputs: rows of Jacobians, vector-Jacobian products of many seeds, and vmap.

`jacobian_rows`, `jacobian_columns`, `batched_grad` and `vmap` are the doors through which the rest of the language asks
for a batch. A Jacobian is one pass for all its rows (`autodiff/functional.py`), unless code of the program runs in it:
that is called for each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcli.autodiff.functional import columns, hessian, rows
from gradcli.engine.run import run
from gradcli.errors import GradError, IndexError_, ShapeError, ValueError_
from gradcli.graph.op import leaf
from gradcli.language.context import Context
from gradcli.language.python.values import Builtin, Size, type_name
from gradcli.language.tensors import autograd
from gradcli.language.tensors.autograd import filled
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.call import op_function
from gradcli.language.tensors.tensor import Tensor
from gradcli.language.transforms.onepass import in_one_pass, products_in_one_pass
from gradcli.language.transforms.trees import LEAF, Tree, flatten, spread_over, unflatten
from gradcli.ops.shapes.shape import reshape


def apply_op(name: str, args: list[Any], context: Context) -> Tensor:
    """Call an op by its name in torch."""
    function = op_function(name, "torch", context)
    assert function is not None, name
    result: Tensor = function.call(args, {})
    return result


# Rows of Jacobians


def jacobian_rows(output: Tensor, inputs: Sequence[Tensor], create_graph: bool) -> tuple[Tensor | None, ...]:
    """The Jacobian of an output with respect to each input, None for those it does not depend on."""
    found = rows(output.node, [i.node for i in inputs], create_graph)
    pairs = zip(found, inputs, strict=True)
    blocks = [None if block is None else reshape(block, shape=output.shape + i.shape) for block, i in pairs]
    run([block for block in blocks if block is not None and block.value is None])
    return tuple(None if block is None else Tensor(block, output.context) for block in blocks)


def jacobian_columns(output: Tensor, i: Tensor, create_graph: bool) -> Tensor:
    """The Jacobian of an output with respect to an input, by forward passes."""
    return Tensor(columns(output.node, i.node, create_graph), output.context)


def hessian_blocks(output: Tensor, inputs: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], ...]:
    """The second derivatives of an output of one element with respect to each pair of inputs, without a graph."""
    found = hessian(output.node, [i.node for i in inputs])
    run([block for row in found for block in row if block.value is None])
    return tuple(tuple(Tensor(block, output.context) for block in row) for row in found)


def stacked(parts: list[Tensor], dim: int) -> Tensor:
    """The parts along a new dimension; without a graph their values are computed together."""
    if any(part.requires_grad for part in parts):
        return apply_op("stack", [parts, dim], parts[0].context)
    run([part.node for part in parts])
    return Tensor(leaf(np.stack([part.numpy() for part in parts], axis=dim)), parts[0].context)


# Seeds in a batch


def batched_grad(
    context: Context,
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    seeds: Sequence[Tensor | None],
    retain_graph: bool,
    create_graph: bool,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The vector-Jacobian product for each row of the seeds.

    Shapes: seed (B, *output.shape) -> gradient (B, *input.shape).
    Raises: ShapeError when the seeds have different numbers of rows.
    """
    count = _row_count(outputs, seeds)
    whole = products_in_one_pass(outputs, inputs, seeds, create_graph) if count > 1 else None
    if whole is not None and (allow_unused or None not in whole):
        if not (retain_graph or create_graph):  # the graph is freed by a pass of its own
            first = [None if seed is None else apply_op("select", [seed, 0, 0], context) for seed in seeds]
            autograd.grad(outputs, inputs, first, retain_graph=False, allow_unused=True)
        return whole
    rows = []
    for at in range(count):
        parts = [None if seed is None else apply_op("select", [seed, 0, at], context) for seed in seeds]
        retain = retain_graph or create_graph or at + 1 < count
        found = autograd.grad(
            outputs, inputs, parts, retain_graph=retain, create_graph=create_graph, allow_unused=allow_unused
        )
        rows.append(found)
    if not rows:
        return tuple(Tensor(filled((0, *i.shape), i.dtype, 0), context) for i in inputs)
    return tuple(
        None if parts[0] is None else stacked([part for part in parts if part is not None], 0)
        for parts in zip(*rows, strict=True)
    )


def _row_count(outputs: Sequence[Tensor], seeds: Sequence[Tensor | None]) -> int:
    """How many rows the seeds have.

    Raises: ShapeError when they differ, or a row is not of its output's shape.
    """
    given = [(at, seed) for at, seed in enumerate(seeds) if seed is not None]
    for at, seed in given:
        own, wanted = Size(seed.shape[1:]), Size(outputs[at].shape)
        if not seed.shape or own != wanted:
            raise ShapeError(
                f"seed {at} has shape {seed.shape}; it needs the batch first, and then the output's shape "
                f"{tuple(wanted)}",
                op="grad",
                torch="If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch "
                "dimension. The sizes of the remaining dimensions are expected to match the shape of corresponding "
                f"output, but a mismatch was detected: grad_output[{at}] has a shape of {Size(seed.shape)} and "
                f"output[{at}] has a shape of {wanted}. If you only want some tensors in `grad_output` to be "
                "considered "
                "batched, consider using vmap.",
            )
    counts = {seed.shape[0] for _, seed in given}
    if len(counts) != 1:
        raise ShapeError(
            f"the seeds have {' and '.join(map(str, sorted(counts))) or 'no'} rows",
            op="grad",
            hint="with is_grads_batched=True each has the same number, in its first dimension",
        )
    return counts.pop()


# vmap


def vmap(
    context: Context,
    func: Any,
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Builtin:
    """`torch.func.vmap(f)`: f over a dimension of its inputs, its results stacked.

    Raises (when called): ValueError_ for dimensions that do not fit the inputs or results.
    """
    check_randomness(randomness)
    check_chunks(chunk_size, "vmap", f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    shown = shown_name(func)

    def call(args: list[Any], kwargs: dict[str, Any]) -> Any:
        leaves, tree = flatten(tuple(args))
        dims = _input_dims(in_dims, tree, leaves, shown)
        count = _batch_size(leaves, dims)
        random = Randomness(context, randomness)
        if count and randomness != "different":
            whole = in_one_pass(context, func, leaves, dims, tree, count, kwargs, out_dims, shown)
            if whole is not None:
                random.after_slice()
                return whole
        results = []
        for at in range(count):
            results.append(_call_slice(context, func, leaves, dims, tree, at, kwargs))
            random.after_slice()
        if not results:  # one slice of zeros tells the shapes of an empty result
            empty = [_zeros_slice(part, dim) for part, dim in zip(leaves, dims, strict=True)]
            results = [context.call(func, list(unflatten(empty, tree)), kwargs)]
        return _stack_results(results, out_dims, count, shown, context)

    return Builtin(shown, call)


def shown_name(func: Any) -> str:
    """The name of a function, which what is made of it has, too."""
    name: str = getattr(func, "name", "function")
    return name


def check_randomness(kind: str) -> None:
    """Raises: GradError for what is no way to draw random numbers in a batch."""
    if kind not in ("error", "different", "same"):
        raise GradError(
            f"randomness is 'error', 'different' or 'same', not {kind!r}",
            op="vmap",
            torch=f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {kind}",
        )


def check_chunks(size: int | None, name: str, torch: str) -> None:
    """Refuse a chunk_size of nothing; any other changes no result, and the batch is computed whole."""
    if size is not None and size <= 0:
        raise ValueError_(f"chunk_size is {size}; it is None or at least 1", op=name, torch=torch)


class Randomness:
    """What vmap does about random numbers: refuse them, give each slice its own, or all the same."""

    def __init__(self, context: Context, kind: str) -> None:
        self.context = context
        self.kind = kind
        self.state = None if kind == "different" else context.generator.get_state()

    def after_slice(self) -> None:
        """A slice was computed.

        Raises: GradError when it drew random numbers and may not.
        """
        if self.state is None:
            return
        if self.kind == "same":
            self.context.generator.set_state(self.state)
        elif not np.array_equal(self.state, self.context.generator.get_state()):
            raise GradError(
                "the function draws random numbers: for each slice its own, or the same for all?",
                op="vmap",
                hint="pass randomness='different' or randomness='same'",
                torch="vmap: called random operation while in randomness error mode. Please either use the 'same' or "
                "'different' randomness flags on vmap or perform the randomness operation out of vmap",
            )


def _input_dims(in_dims: Any, tree: Tree, leaves: list[Any], shown: str) -> list[int | None]:
    """The mapped dimension of each leaf, None for what every call sees whole.

    Raises: ValueError_.
    """
    where = f"vmap({shown}, in_dims={in_dims}, ...)(<inputs>)"
    if not leaves:
        raise ValueError_(
            "there are no inputs to map over",
            op="vmap",
            torch=f"vmap({shown})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to "
            "vmap over a "
            "function with no inputs. The latter is unsupported.",
        )
    if not isinstance(in_dims, int | tuple | list) or isinstance(in_dims, bool):
        raise ValueError_(
            f"in_dims is an int or a tuple with an entry for each input, not {kind_name(in_dims)}",
            op="vmap",
            torch=f"{where}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of "
            "inputs, "
            f"got: <class '{type_name(in_dims)}'>.",
        )
    spread = spread_over(tuple(in_dims) if isinstance(in_dims, list) else in_dims, tree)
    if spread is None:
        raise ValueError_(
            "in_dims does not have the structure of the inputs",
            op="vmap",
            hint="an int for all inputs, or a tuple with an entry for each: in_dims=(0, None)",
            torch=f"{where}: in_dims is not compatible with the structure of `inputs`. in_dims has structure "
            f"{flatten(in_dims)[1].spec()} but inputs has structure {tree.spec()}.",
        )
    return [_input_dim(dim, part, where) for dim, part in zip(spread, leaves, strict=True)]


def _input_dim(dim: Any, part: Any, where: str) -> int | None:
    if dim is None:
        return None
    if not isinstance(dim, int):
        raise ValueError_(
            f"an entry of in_dims is an int or None, not {kind_name(dim)}",
            op="vmap",
            torch=f"{where}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or None.",
        )
    if not isinstance(part, Tensor):
        raise ValueError_(
            f"an input is {kind_name(part)}: only tensors are mapped over",
            op="vmap",
            hint="give None as its entry of in_dims",
            torch=f"{where}: Got in_dim={dim} for an input but the input is of type <class '{type_name(part)}'>. We "
            "cannot vmap "
            "over non-Tensor arguments, please use None as the respective in_dim",
        )
    ndim = len(part.shape)
    if not -ndim <= dim < ndim:
        raise ValueError_(
            f"in_dims has {dim} for an input of shape {part.shape}",
            op="vmap",
            torch=f"{where}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {ndim} so "
            "expected "
            f"in_dim to satisfy -{ndim} <= in_dim < {ndim}.",
        )
    return dim % ndim


def _batch_size(leaves: list[Any], dims: list[int | None]) -> int:
    sizes = [part.shape[dim] for part, dim in zip(leaves, dims, strict=True) if dim is not None]
    if not sizes:
        raise ValueError_(
            "no input is mapped over: every entry of in_dims is None",
            op="vmap",
            torch="vmap: Expected at least one Tensor to vmap over",
        )
    if len(set(sizes)) > 1:
        raise ValueError_(
            f"the mapped dimensions have different sizes: {', '.join(map(str, sizes))}",
            op="vmap",
            torch=f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for "
            "the mapped "
            "dimension",
        )
    return int(sizes[0])


def _call_slice(
    context: Context, func: Any, leaves: list[Any], dims: list[int | None], tree: Tree, at: int, kwargs: dict[str, Any]
) -> Any:
    parts = [
        part if dim is None else apply_op("select", [part, dim, at], context)
        for part, dim in zip(leaves, dims, strict=True)
    ]
    return context.call(func, list(unflatten(parts, tree)), dict(kwargs))


def _zeros_slice(part: Any, dim: int | None) -> Any:
    if dim is None:
        return part
    shape = part.shape[:dim] + part.shape[dim + 1 :]
    return Tensor(filled(shape, part.dtype, 0), part.context)


def _stack_results(results: list[Any], out_dims: Any, count: int, shown: str, context: Context) -> Any:
    """The results of all calls as one of the same structure.

    Raises: ValueError_ for results that are no tensors, or out_dims that do not fit them.
    """
    rows = []
    for result in results:
        leaves, tree = flatten(result)
        rows.append(leaves)
    dims = spread_over(tuple(out_dims) if isinstance(out_dims, list) else out_dims, tree)
    if dims is None and tree is LEAF and isinstance(out_dims, tuple | list) and len(out_dims) == 1:
        dims = list(out_dims)
    if dims is None:
        raise ValueError_(
            "out_dims does not have the structure of the results",
            op="vmap",
            torch=f"vmap({shown}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the "
            "structure of `outputs`. "
            f"out_dims has structure {flatten(out_dims)[1].spec()} but outputs has structure {tree.spec()}.",
        )
    whole = []
    for parts, dim in zip(zip(*rows, strict=True), dims, strict=True):
        whole.append(parts[0] if dim is None else _stack_leaf(list(parts), dim, count, shown))
    return unflatten(whole, tree)


def _stack_leaf(parts: list[Any], dim: int, count: int, shown: str) -> Tensor:
    for part in parts:
        if not isinstance(part, Tensor):
            raise ValueError_(
                f"the function returned {kind_name(part)} where a tensor belongs",
                op="vmap",
                torch=f"vmap({shown}, ...): `{shown}` must only return Tensors, got type <class "
                f"'{kind_name(part)}'>. Did you "
                "mean to set out_dims= to None for output?",
            )
    ndim = len(parts[0].shape) + 1
    if not -ndim <= dim < ndim:
        raise IndexError_(
            f"out_dims has {dim} for a result of {ndim} dimensions",
            op="vmap",
            torch=f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})",
        )
    if not count:
        shape = list(parts[0].shape)
        shape.insert(dim % ndim, 0)
        return Tensor(filled(tuple(shape), parts[0].dtype, 0), parts[0].context)
    return stacked(parts, dim % ndim)
