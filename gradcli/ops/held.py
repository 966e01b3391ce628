"""In how many places a mask holds: what picks by a mask needs it when it is made, for the size of the result."""

from __future__ import annotations

import numpy as np

from gradcli.engine.run import value
from gradcli.graph.node import MODE, Node
from gradcli.shapes import Shape


def held(mask: Node, shape: Shape) -> int:
    """In how many places a mask holds, broadcast to a shape."""
    if MODE.held is not None:
        return MODE.held(mask, shape)
    return int(np.count_nonzero(np.broadcast_to(value(mask), shape)))
