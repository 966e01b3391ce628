"""Samples at work: the tensors a declaration's sample draws, and the op called on them.

The automatic check and `gradcli ops` both run ops this way, with nothing written by hand for any op.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.graph.op import Op, Sample, leaf, number
from gradcli.graph.signature import MISSING, TENSOR_KINDS
from gradcli.ops.random.generator import Generator


class Drawn:
    """One sample of an op: the arrays drawn for it, and how the op is called on them."""

    def __init__(self, op: Op, at: int, sample: Sample, shapes: Sequence[tuple[int, ...]] | None = None) -> None:
        self.op = op
        self.at = at
        self.sample = sample
        self.shapes = list(sample.shapes if shapes is None else shapes)
        # the same numbers each time, others for each op
        self.random = np.random.default_rng(zlib.crc32(f"{op.signature.text} {at}".encode()))
        low, high = op.domain
        low = low if sample.low is None else sample.low
        high = max(high, low + 1.0) if sample.high is None else sample.high
        self.arrays = [np.asarray(self.random.uniform(low, high, shape)) for shape in self.shapes]

    def __str__(self) -> str:
        params = "".join(f", {name}={given!r}" for name, given in self.sample.params.items())
        return f"{self.op.signature.text} sample {self.at}: draw({', '.join(map(str, self.shapes))}{params})"

    def call(self, nodes: Sequence[Node]) -> Any:
        """Apply the op to the nodes of the drawn tensors and the sample's other arguments."""
        drawn = list(nodes)
        parameters = self.op.signature.parameters
        tensors = [p for p in parameters if p.kind in TENSOR_KINDS and p.name not in self.sample.params]
        inputs: list[Any] = []
        params: dict[str, Any] = {}
        for p in parameters:
            given = self.sample.params.get(p.name, p.default)
            if p.kind in TENSOR_KINDS and p.name not in self.sample.params:
                if p.kind.startswith("Tensors"):
                    taken = len(drawn) - (len(tensors) - 1 - tensors.index(p))
                    listed, drawn = drawn[:taken], drawn[taken:]
                    inputs.extend([listed] if self.op.expands else listed)
                    continue
                inputs.append(drawn.pop(0) if drawn else _default(given))
            elif p.kind in TENSOR_KINDS:
                inputs.extend(_constants(given, p.kind, self.op))
            elif p.kind == "generator":
                params[p.name] = Generator(5)
            elif p.kind != "ignored":
                assert given is not MISSING, f"{self}: {p.name} is not given"
                params[p.name] = given
        assert not drawn, f"{self}: more tensors drawn than the signature takes"
        return self.op(*inputs, **params)


def _default(given: Any) -> Any:
    return number(given) if isinstance(given, bool | int | float) else None


def _constants(given: Any, kind: str, op: Op) -> list[Any]:
    """A tensor that the sample gives by value: indices, masks, weights."""
    if given is None:
        return [None]
    if kind.startswith("Operand") and isinstance(given, bool | int | float):
        return [number(given)]
    if kind.startswith("Tensors"):
        listed = [leaf(np.asarray(item)) for item in given]
        return [listed] if op.expands else listed
    return [leaf(np.asarray(given))]
