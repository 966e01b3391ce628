"""Einstein summation: contractions by labels, two operands at a time.

`equation.py` reads an equation into labels: one number per dimension of each operand and of the output. The rule of a
contraction is another contraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcli.errors import RefusedValue, ShapeError, TypeError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.linalg.equation import ELLIPSIS, LETTERS, Labels, label_sizes, place_labels, read_equation
from gradcli.ops.linalg.products import matching
from gradcli.ops.shapes.shape import expand, reshape
from gradcli.shapes import Shape


def _single(x: Any, term: Labels) -> tuple[Any, Labels]:
    """The diagonal where a label is repeated."""
    for label in set(term):
        while term.count(label) > 1:
            first = term.index(label)
            second = term.index(label, first + 1)
            x = np.diagonal(x, axis1=first, axis2=second)
            term = (*(t for at, t in enumerate(term) if at not in (first, second)), label)
    return x, term


def _pair(a: Any, la: Labels, b: Any, lb: Labels, needed: set[int]) -> tuple[Any, Labels]:
    """The product of two operands, summed over the labels that nothing needs any more: one batched matmul."""
    a, la = _drop(a, la, set(lb), b, lb, needed)
    b, lb = _drop(b, lb, set(la), a, la, needed)
    batch = [label for label in la if label in lb and label in needed]
    summed = [label for label in la if label in lb and label not in needed]
    left = [label for label in la if label not in lb]
    right = [label for label in lb if label not in la]
    sizes = {**dict(zip(lb, b.shape, strict=True)), **dict(zip(la, a.shape, strict=True))}
    for label in batch:
        sizes[label] = max(a.shape[la.index(label)], b.shape[lb.index(label)], key=lambda n: (n != 1, n))
    first = np.transpose(a, [la.index(label) for label in (*batch, *left, *summed)])
    second = np.transpose(b, [lb.index(label) for label in (*batch, *summed, *right)])
    nb = len(batch)
    m, k, n = (int(np.prod([sizes[label] for label in group], dtype=int)) for group in (left, summed, right))
    product = np.matmul(first.reshape(*first.shape[:nb], m, k), second.reshape(*second.shape[:nb], k, n))
    result = (*batch, *left, *right)
    return product.reshape([sizes[label] for label in result]), result


def _drop(x: Any, term: Labels, others: set[int], y: Any, other: Labels, needed: set[int]) -> tuple[Any, Labels]:
    """Sum out what only this operand has, and leave out a dimension of size 1 that broadcasts in a sum."""
    out = tuple(
        at
        for at, label in enumerate(term)
        if label not in needed and (label not in others or (x.shape[at] == 1 and y.shape[other.index(label)] != 1))
    )
    if out:
        x = np.sum(x, axis=out)
    return x, tuple(label for at, label in enumerate(term) if at not in out)


def _next_pair(labels: Sequence[Labels], sizes: dict[int, int], output: Labels) -> tuple[int, int]:
    """The two operands whose product is smallest."""
    best, chosen = None, (0, 1)
    for i in range(len(labels)):
        for j in range(i + 1, len(labels)):
            needed = set(output).union(*(labels[k] for k in range(len(labels)) if k not in (i, j)))
            size = 1
            for label in (set(labels[i]) | set(labels[j])) & needed:
                size *= sizes[label]
            if best is None or size < best:
                best, chosen = size, (i, j)
    return chosen


def contract(*arrays: Any, labels: tuple[Labels, ...], output: Labels) -> Any:
    """The sum over all labels that are not in the output of the products of the operands."""
    dtype = arrays[0].dtype
    sizes = label_sizes(labels, [x.shape for x in arrays])
    operands = [
        _single(x.astype(np.float32) if dtype == np.float16 else x, term)
        for x, term in zip(arrays, labels, strict=True)
    ]
    while len(operands) > 1:
        i, j = _next_pair([term for _, term in operands], sizes, output) if len(operands) > 2 else (0, 1)
        (b, lb), (a, la) = operands.pop(j), operands.pop(i)
        needed = set(output).union(*(term for _, term in operands))
        operands.append(_pair(a, la, b, lb, needed))
    x, term = operands[0]
    gone = tuple(at for at, label in enumerate(term) if label not in output)
    if gone:
        x = np.sum(x, axis=gone)
        term = tuple(label for label in term if label in output)
    x = np.transpose(x, [term.index(label) for label in output])
    return np.asarray(x).astype(dtype, copy=False)


def _contracted_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    sizes = label_sizes(params["labels"], [i.shape for i in inputs])
    return tuple(sizes[label] for label in params["output"])


def _contraction_rule(g: Node, y: Node, *xs: Node, labels: tuple[Labels, ...], output: Labels) -> list[Node | None]:
    """The cotangent of an operand: g times the other operands, summed to the operand's labels."""
    return [_cotangent(g, x, at, xs, labels, output) if x.requires_grad else None for at, x in enumerate(xs)]


def _cotangent(g: Node, x: Node, at: int, xs: tuple[Node, ...], labels: tuple[Labels, ...], output: Labels) -> Any:
    own, fresh = _told_apart(labels[at], max((-1, *output, *(label for term in labels for label in term))) + 1)
    operands = [g, *xs[:at], *xs[at + 1 :]]
    terms = [output, *labels[:at], *labels[at + 1 :]]
    for label, twin in fresh:  # a repeated label took a diagonal: the cotangent lies on it
        size = x.shape[own.index(twin)]
        operands.append(leaf(np.eye(size, dtype=x.dtype.numpy)))
        terms.append((label, twin))
    known = {label for term in terms for label in term}
    kept = tuple(label for label in own if label in known)
    result = contraction(*operands, labels=tuple(terms), output=kept)
    if kept != own:  # what this operand alone had was summed out: the cotangent is the same all along it
        sizes = dict(zip(kept, result.shape, strict=True))
        result = reshape(result, shape=tuple(sizes.get(label, 1) for label in own))
        result = expand(result, size=tuple(sizes.get(label, n) for label, n in zip(own, x.shape, strict=True)))
    return result


def _told_apart(term: Labels, fresh: int) -> tuple[Labels, list[tuple[int, int]]]:
    """The labels with repeated ones renamed, and each (label, new name)."""
    seen: list[int] = []
    renamed = []
    for label in term:
        if label in seen:
            renamed.append((label, fresh))
            label, fresh = fresh, fresh + 1
        seen.append(label)
    return tuple(seen), renamed


def _declare(name: str, doc: str, grad_fn: tuple[str, str], *samples: Any) -> Op:
    return op(
        f"{name}(Tensors operands, any labels, any output)",
        doc,
        spelled=["_"],
        kernel=contract,
        joint=_contraction_rule,
        shape=_contracted_shape,
        dtype=matching,
        grad_fn=grad_fn,
        linear=True,
        samples=samples,
    )


contraction: Op = _declare(
    "_einsum",
    "The sum of products over the labels that are not in the output.",
    ("AsStridedBackward", "ViewBackward0"),
    draw((2, 3), (3, 4), labels=((0, 1), (1, 2)), output=(2, 0)),
    draw((2, 3), (3, 4), (4, 2), labels=((0, 1), (1, 2), (2, 3)), output=(0,)),
    draw((3, 3), 3, labels=((0, 0), (1,)), output=(0,)),
    draw((2, 1), (3, 4), labels=((0, 1), (1, 2)), output=(0, 2)),
)
_summed: Op = _declare(
    "_einsum_sum",
    "The sum over the labels that are not in the output.",
    ("SqueezeBackward3", "SumBackward1"),
    draw((2, 3), labels=((0, 1),), output=(1,)),
    draw((3, 3), labels=((0, 0),), output=()),
)
_permuted: Op = _declare(
    "_einsum_permute",
    "The dimensions in another order, or a diagonal.",
    ("PermuteBackward", "PermuteBackward0"),
    draw((2, 3), labels=((0, 1),), output=(1, 0)),
    draw((3, 3), labels=((0, 0),), output=(0,)),
)
_multiplied: Op = _declare(
    "_einsum_mul",
    "The products, with no label summed.",
    ("MulBackward0", "MulBackward0"),
    draw(2, 3, labels=((0,), (1,)), output=(0, 1)),
)


def _apply(operands: Sequence[Node], terms: list[Labels], output: Labels | None) -> Any:
    """The contraction under the name of the op that torch does last."""
    labels, output = place_labels(terms, output, [x.shape for x in operands])
    sums = any(label not in output for term in labels for label in term)
    if len(operands) == 1:
        chosen = _summed if sums else _permuted
    else:
        chosen = contraction if sums else _multiplied
    return chosen(*operands, labels=labels, output=output)


def einsum(equation: str, operands: Sequence[Node]) -> Any:
    """The node of an einsum equation applied to operands."""
    if not operands:
        raise ShapeError("it needs at least one operand", torch="einsum(): must provide at least one operand")
    terms, output = read_equation(equation)
    return _apply(operands, terms, output)


op(
    "einsum(str equation, Tensors* operands)",
    "The sum of products that an equation such as 'ij,jk->ik' describes.",
    spelled=["torch.einsum"],
    expands=lambda operands, equation: einsum(equation, operands),
    samples=[
        draw((2, 3), (3, 4), equation="ij,jk->ik"),
        draw((3, 3), equation="ii"),
        draw((2, 2, 3), (3, 2), equation="...ij,jk"),
    ],
    wrong=[("einsum('ij,jk', ones(2, 3), ones(4, 2))", "the sizes of 'j' differ")],
)


def _from_lists(*tensors: Node, **lists: Any) -> Any:
    terms = [_checked(lists[f"sublist{at}"]) for at in range(len(tensors))]
    output = lists.get("output")
    return _apply(tensors, terms, None if output is None else _checked(output))


def _checked(listed: Any) -> Labels:
    if not isinstance(listed, list | tuple):
        raise TypeError_("after each operand comes the list of its subscripts")
    listed = [ELLIPSIS if label is ... else label for label in listed]
    for label in listed:
        if label == ELLIPSIS and type(label) is int:
            continue
        if not 0 <= label < len(LETTERS):
            raise RefusedValue(
                f"{label} is no subscript; 0 to {len(LETTERS) - 1} are",
                torch=f"einsum(): expected subscripts to be in range [0, 52), but got {label}",
            )
    return tuple(listed)


for _count in range(1, 6):  # einsum(x, [0, 1], y, [1, 2], [0, 2]): without and with the output's list
    _pairs = ", ".join(f"Tensor operand{at}, any sublist{at}" for at in range(_count))
    for _ending in ("", ", any output"):
        op(
            f"einsum({_pairs}{_ending})",
            "The sum of products, with the subscripts of each operand in a list of numbers.",
            spelled=["torch.einsum"],
            expands=_from_lists,
            samples=[],
        )
