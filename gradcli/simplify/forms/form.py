"""What a form is: how an internal op is written in public ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradcli.graph.node import Node
from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder

Form = Callable[[Builder, Sequence[Term], Node], Any]  # a term, or a tuple of them for an op of several outputs
