"""Walking the graph with loops: nothing here recurses, so a graph may be as deep as memory allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gradcli.graph.node import Node


def sources(node: Node) -> tuple[Node, ...]:
    """The nodes a node is computed and differentiated from."""
    return (node.via,) if node.via is not None else node.inputs


def ancestors(outputs: Iterable[Node], follow: Callable[[Node], bool]) -> list[Node]:
    """The outputs and what they come from, as far as `follow` says so, oldest first.

    A node is always made after its inputs, so the order of serials is a topological order.
    """
    seen: set[int] = set()
    found: list[Node] = []
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.serial in seen or not follow(node):
            continue
        seen.add(node.serial)
        found.append(node)
        stack.extend(sources(node))
    found.sort(key=_serial)
    return found


def _serial(node: Node) -> int:
    return node.serial
