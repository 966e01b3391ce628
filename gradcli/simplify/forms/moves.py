"""Shapes and transposes: internal ops in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence

from gradcli.graph.node import Node
from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder


def matmul(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.matmul(args[0], args[1])


def reshape(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.reshape(args[0], node.shape)


def expand(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.expand(args[0], node.shape)


def transpose(b: Builder, args: Sequence[Term], node: Node) -> Term:
    rank = len(args[0].shape)
    if rank < 2:
        return args[0]
    first, second = (node.params.get(name, at) % rank for name, at in (("dim0", 0), ("dim1", 1)))
    if {first, second} == {rank - 1, rank - 2}:
        return b.transpose(args[0])
    dims = list(range(rank))
    dims[first], dims[second] = dims[second], dims[first]
    return b.permute(args[0], tuple(dims))


def permute(b: Builder, args: Sequence[Term], node: Node) -> Term:
    rank = len(args[0].shape)
    return b.permute(args[0], tuple(d % rank for d in node.params["dims"]))


def turned(b: Builder, args: Sequence[Term], node: Node) -> Term:
    rank = len(args[0].shape)
    return b.transpose(args[0]) if rank == 2 else b.permute(args[0], tuple(range(rank))[::-1])


def mT(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.transpose(args[0])
