"""What an op gives back that also changes some of its arguments in place."""

from __future__ import annotations

from typing import Any

from gradcli.graph.node import Node


class Updates:
    """A result together with new values of arguments that the call changes in place: nodes by parameter name."""

    __slots__ = ("changed", "result")

    def __init__(self, result: Any, changed: dict[str, Node]) -> None:
        self.result = result
        self.changed = changed
