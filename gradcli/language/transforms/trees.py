"""Nested lists, tuples and dicts as the transforms of torch.func see them: leaves in order, and how they nest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradcli.language.tensors.results import Results


class Tree:
    """How the leaves of a value were nested.

    kind: the container, or None for a leaf. keys: of a dict. parts: the nested trees. named: the several results of an
    op that it came from, with their names.
    """

    __slots__ = ("keys", "kind", "named", "parts")

    def __init__(
        self, kind: Any, parts: Sequence[Tree] = (), keys: Sequence[Any] = (), named: Results | None = None
    ) -> None:
        self.kind = kind
        self.parts = parts
        self.keys = keys
        self.named = named

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tree) or self.kind is not other.kind or len(self.parts) != len(other.parts):
            return False
        return list(self.keys) == list(other.keys) and all(a == b for a, b in zip(self.parts, other.parts, strict=True))

    def __hash__(self) -> int:
        return hash((self.kind, len(self.parts)))

    def leaf_count(self) -> int:
        """How many leaves hang in it."""
        return 1 if self.kind is None else sum(part.leaf_count() for part in self.parts)

    def spec(self, indent: int = 0) -> str:
        """As most messages of PyTorch write it: TreeSpec(tuple, None, [*]) for a tuple of one leaf."""
        if self.kind is None:
            return "*"
        inside = f",\n{' ' * (indent + 2)}".join(part.spec(indent + 2) for part in self.parts)
        return f"TreeSpec({self.kind.__name__}, {list(self.keys) if self.kind is dict else None}, [{inside}])"

    def __str__(self) -> str:
        """As PyTorch writes it elsewhere: `*` is a leaf, (*,) a tuple of one."""
        if self.kind is None:
            return "*"
        inside = [str(part) for part in self.parts]
        if self.kind is dict:
            return "{" + ", ".join(f"{key!r}: {part}" for key, part in zip(self.keys, inside, strict=True)) + "}"
        if self.kind is list:
            return f"[{', '.join(inside)}]"
        return f"({', '.join(inside)}{',' if len(inside) == 1 else ''})"


LEAF = Tree(None)


def flatten(value: Any) -> tuple[list[Any], Tree]:
    """The leaves of a value from left to right, and their nesting."""
    leaves: list[Any] = []
    return leaves, _flatten(value, leaves)


def _flatten(value: Any, leaves: list[Any]) -> Tree:
    if isinstance(value, dict):
        return Tree(dict, [_flatten(part, leaves) for part in value.values()], list(value))
    if isinstance(value, list):
        return Tree(list, [_flatten(part, leaves) for part in value])
    if isinstance(value, tuple) and type(value) in (tuple, Results):
        named = value if isinstance(value, Results) else None
        return Tree(tuple, [_flatten(part, leaves) for part in value], named=named)
    leaves.append(value)
    return LEAF


def unflatten(leaves: Sequence[Any], tree: Tree) -> Any:
    """The nested value that has these leaves."""
    return _unflatten(iter(leaves), tree)


def _unflatten(leaves: Iterator[Any], tree: Tree) -> Any:
    if tree.kind is None:
        return next(leaves)
    parts = [_unflatten(leaves, part) for part in tree.parts]
    if tree.kind is dict:
        return dict(zip(tree.keys, parts, strict=True))
    if tree.named is not None:
        return Results(tree.named.kind, tree.named.fields, parts)
    return parts if tree.kind is list else tuple(parts)


def map_leaves(function: Callable[[Any], Any], value: Any) -> Any:
    """A value with a function applied to each leaf."""
    leaves, tree = flatten(value)
    return unflatten([function(leaf) for leaf in leaves], tree)


def spread_over(value: Any, tree: Tree) -> list[Any] | None:
    """A nested value as one entry for each leaf of a tree; an entry stands for all leaves below it.

    Returns: None where it does not fit the tree.
    """
    if tree.kind is None or not isinstance(value, list | tuple | dict):
        return None if isinstance(value, list | tuple | dict) else [value] * tree.leaf_count()
    if len(value) != len(tree.parts) or isinstance(value, dict) != (tree.kind is dict):
        return None
    if isinstance(value, dict):
        if set(value) != set(tree.keys):
            return None
        value = [value[key] for key in tree.keys]
    spread: list[Any] = []
    for entry, part in zip(value, tree.parts, strict=True):
        below = spread_over(entry, part)
        if below is None:
            return None
        spread.extend(below)
    return spread
