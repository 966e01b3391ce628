"""The check of an op that needs nothing but its declaration: samples in, a list of what is wrong out.

Derivatives are compared with central differences of fourth order in float64, one input at a time, along a direction in
which no terms cancel; the second order is the same check of the first derivative. A failure names op, sample, input,
order and both numbers. Run as a program, this prints how much was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.autodiff.backward import vjp
from gradcli.autodiff.forward import jvp
from gradcli.engine.run import value
from gradcli.errors import DtypeError, GradcliError, GradError
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import Op, leaf
from gradcli.ops.sampling import Drawn

STEP = 2.0**-16
DIFFERENCES = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
TOLERANCE = 1e-6  # of the size of the derivative; a rule wrong by 1e-3 is far outside
DTYPES = (dtypes.float64, dtypes.float32, dtypes.float16, dtypes.int64, dtypes.int32, dtypes.uint8, dtypes.bool_)


class Tally:
    """How many comparisons of each order were made, and the worst relative error among them."""

    def __init__(self) -> None:
        self.count = {"first": 0, "second": 0}
        self.worst = {"first": 0.0, "second": 0.0}

    def add(self, order: str, error: float) -> None:
        """Count one comparison."""
        self.count[order] += 1
        self.worst[order] = max(self.worst[order], error)


TALLY = Tally()
CRASHES = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


class Case(Drawn):
    """A drawn sample whose results are compared.

    Two arguments of a sample are not the op's: `drawn` makes the tensors that the op needs of those drawn (symmetric
    ones, say), `seen` what is compared of the result (eigenvectors up to their sign). Both work on nodes.
    """

    def call(self, nodes: Sequence[Node]) -> Any:
        """Apply the op to the nodes of the drawn tensors and the sample's other arguments."""
        prepare, look = self.sample.params.get("drawn"), self.sample.params.get("seen")
        if prepare:
            prepared = prepare(*nodes)
            nodes = [prepared] if isinstance(prepared, Node) else list(prepared)
        result = super().call(nodes)
        return look(result) if look else result

    def outputs(self, arrays: Sequence[np.ndarray], tracked: bool = True) -> tuple[list[Node], list[Node]]:
        """The leaves made of arrays, and the nodes that came out."""
        leaves = [leaf(array) for array in arrays]
        for node in leaves:
            node.requires_grad = tracked and node.dtype.floating
        return leaves, list(nodes_in(self.call(leaves)))


def nodes_in(result: Any) -> Iterator[Node]:
    """The nodes of a result: itself, or those in its tuples and lists."""
    if isinstance(result, Node):
        yield result
    elif isinstance(result, tuple | list):
        for part in result:
            yield from nodes_in(part)


def cases(op: Op) -> list[Case]:
    """The samples of an op as cases."""
    return [Case(op, at, sample) for at, sample in enumerate(op.samples)]


def families(ops: Iterable[Op]) -> list[list[Op]]:
    """The ops of each family: what takes milliseconds for an op is one test for a family."""
    found: dict[str, list[Op]] = {}
    for op in ops:
        found.setdefault(op.family, []).append(op)
    return list(found.values())


def family_of(ops: Sequence[Op]) -> str:
    """The name of a family, for the name of its test."""
    return ops[0].family


def refusal(case: Case, arrays: Sequence[np.ndarray]) -> GradcliError | None:
    """Why the op does not take these arrays; None where it does."""
    try:
        for node in case.outputs(arrays, tracked=False)[1]:
            value(node)
    except GradcliError as error:
        return error
    return None


# --- derivatives ----------------------------------------------------------------------------------------------------


class Weighed:
    """Scalar functions of the drawn arrays: the outputs and their derivative, each times fixed weights."""

    def __init__(self, case: Case) -> None:
        self.case = case
        leaves, outputs = case.outputs(case.arrays)
        self.flows = [at for at, node in enumerate(outputs) if node.requires_grad]
        draw = case.random.uniform
        self.cotangents = [draw(0.5, 1.5, outputs[at].shape) for at in self.flows]
        self.weights = [draw(0.5, 1.5, node.shape) for node in leaves]

    def _pulled(self, arrays: Sequence[np.ndarray], create_graph: bool) -> tuple[list[Node], dict[Node, Node]]:
        leaves, outputs = self.case.outputs(arrays)
        kept = [outputs[at] for at in self.flows]
        seeds = [leaf(np.asarray(g)) for g in self.cotangents]
        return leaves, vjp(kept, seeds, leaves, create_graph=create_graph, retain_graph=True)

    def first(self, arrays: Sequence[np.ndarray]) -> float:
        """The outputs, weighed."""
        _, outputs = self.case.outputs(arrays, tracked=False)
        return sum(float(np.sum(value(outputs[at]) * g)) for at, g in zip(self.flows, self.cotangents, strict=True))

    def first_gradients(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Its derivative by each array."""
        leaves, found = self._pulled(arrays, create_graph=False)
        return [value(found[x]) if x in found else np.zeros(x.shape) for x in leaves]

    def second(self, arrays: Sequence[np.ndarray]) -> float:
        """The first derivative, weighed."""
        gradients = self.first_gradients(arrays)
        return sum(float(np.sum(g * w)) for g, w in zip(gradients, self.weights, strict=True))

    def second_gradients(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The derivative of the weighed first derivative by each array."""
        leaves, found = self._pulled(arrays, create_graph=True)
        pairs = [(found[x], leaf(np.asarray(w))) for x, w in zip(leaves, self.weights, strict=True) if x in found]
        pairs = [(g, w) for g, w in pairs if g.requires_grad]
        again = vjp([g for g, _ in pairs], [w for _, w in pairs], leaves, retain_graph=True)
        return [value(again[x]) if x in again else np.zeros(x.shape) for x in leaves]


def check_gradients(case: Case) -> list[str]:
    """First and second derivative against differences, forward against reverse mode."""
    weighed = Weighed(case)
    if not weighed.flows:
        return []
    found = _compare(case, "first", weighed.first, weighed.first_gradients)
    found += _compare(case, "second", weighed.second, weighed.second_gradients)
    return found or _check_forward(case, weighed)


Gradients = Callable[[Sequence[np.ndarray]], list[np.ndarray]]


def _compare(case: Case, order: str, f: Callable[[Sequence[np.ndarray]], float], gradients: Gradients) -> list[str]:
    found = []
    for at, g in enumerate(gradients(case.arrays)):
        if g.size == 0:
            continue
        signs = np.where(g < 0, -1.0, 1.0)
        direction = signs * case.random.uniform(0.5, 1.5, g.shape)
        given = float(np.sum(g * direction))
        expected = 0.0
        size = abs(f(case.arrays))
        for times, weight in DIFFERENCES:
            moved = list(case.arrays)
            moved[at] = moved[at] + times * STEP * direction
            expected += weight * f(moved) / STEP
        off = abs(given - expected)
        TALLY.add(order, off / max(abs(expected), size, 1e-3))
        if not off <= TOLERANCE * abs(expected) + 1e-9 * size + 1e-9:
            found.append(f"{case}, input {at}, {order} order: the rule says {given:.12g}, differences {expected:.12g}")
    return found


def _check_forward(case: Case, weighed: Weighed) -> list[str]:
    leaves, outputs = case.outputs(case.arrays)
    tangents = {x: leaf(np.asarray(w)) for x, w in zip(leaves, weighed.weights, strict=True)}
    pushed = jvp([outputs[at] for at in weighed.flows], tangents)
    forward = sum(float(np.sum(value(t) * g)) for t, g in zip(pushed, weighed.cotangents, strict=True) if t is not None)
    reverse = weighed.second(case.arrays)
    if abs(forward - reverse) <= 1e-9 * abs(reverse) + 1e-10:
        return []
    return [f"{case}: forward mode gives {forward:.12g}, reverse mode {reverse:.12g}"]


# --- shapes, dtypes, evaluation -------------------------------------------------------------------------------------


def check_promises(case: Case, dtype: dtypes.DType) -> list[str]:
    """Shape and dtype of what the kernel returns against the rules, and deferred against immediate evaluation."""
    arrays = [array.astype(dtype.numpy) for array in case.arrays]
    if refusal(case, arrays):
        return []
    found = []
    _, outputs = case.outputs(arrays, tracked=False)
    for at, node in enumerate(outputs):
        got = node.value if node.value is not None else value(node)
        if np.shape(got) != node.shape or np.result_type(got) != node.dtype.numpy:
            found.append(
                f"{case} of {dtype.name}, output {at}: the rules say {node.shape} {node.dtype.name}, "
                f"the kernel gives {np.shape(got)} {np.result_type(got)}"
            )
    return found + _check_deferred(case, arrays, outputs)


def _check_deferred(case: Case, arrays: Sequence[np.ndarray], outputs: Sequence[Node]) -> list[str]:
    MODE.deferring = True
    try:
        _, deferred = case.outputs(arrays, tracked=False)
    finally:
        MODE.deferring = False
    for at, (now, later) in enumerate(zip(outputs, deferred, strict=True)):
        if not np.array_equal(value(now), value(later), equal_nan=now.dtype.floating):
            return [f"{case}, output {at}: deferred {value(later)!r}, at once {value(now)!r}"]
    return []


def resized(op: Op, *shapes: tuple[int, ...]) -> Iterator[Case]:
    """Cases of an elementwise op with every tensor of one shape."""
    for at, sample in enumerate(op.samples):
        for shape in shapes:
            yield Case(op, at, sample, [shape] * len(sample.shapes))


def check_kinks(op: Op) -> list[str]:
    """At a kink the derivative is the one agreed."""
    found = []
    for case in cases(op)[:1]:
        for point, agreed in op.kinks:
            arrays = [np.full_like(case.arrays[0], point), *case.arrays[1:]]
            leaves, outputs = case.outputs(arrays)
            got = vjp(outputs, [leaf(np.ones(y.shape)) for y in outputs], leaves)[leaves[0]]
            if not np.allclose(value(got), agreed, rtol=1e-6, atol=0, equal_nan=True):
                found.append(f"{case} at the kink {point}: agreed {agreed}, the rule says {value(got)!r}")
    return found


def check(op: Op) -> list[str]:
    """Everything that is wrong with a declaration, or nothing."""
    with np.errstate(all="ignore"):
        found = []
        for case in cases(op):
            refusals: list[Exception | None] = []
            for dtype in DTYPES[:3] if op.name.startswith("_") else DTYPES:
                try:
                    refusals.append(refusal(case, [array.astype(dtype.numpy) for array in case.arrays]))
                    found += check_promises(case, dtype)
                except CRASHES as error:
                    refusals.append(error)
                    found.append(f"{case} of {dtype.name}: {type(error).__name__}: {error}")
            if all(refusals):
                found.append(f"{case}: refused for every dtype: {refusals[0]}")
            if refusals[0] is None:
                found += _guarded(case)
        if op.elementwise:
            for case in resized(op, (0,), (2, 0), (), (1, 1)):
                found += check_promises(case, dtypes.float64)
            for case in resized(op, (2, 0), ()):
                found += _guarded(case)
        return found + check_kinks(op)


def _guarded(case: Case) -> list[str]:
    """The check of derivatives, where the op takes the numbers and torch has a derivative."""
    try:
        return [] if refusal(case, case.arrays) else check_gradients(case)
    except DtypeError:
        return []
    except GradError as error:
        return [] if "has no derivative" in error.message else [f"{case}: {error}"]


def main() -> None:
    """Check the whole table, and say how much that was."""
    from gradcli.ops.catalog import declare_all

    TABLE = declare_all()
    checked = [op for op in TABLE if op.samples]
    wrong = [line for op in checked for line in check(op)]
    print("\n".join(wrong))
    print(f"{len(TABLE)} ops, {len(checked)} of them with {sum(len(op.samples) for op in checked)} samples")
    for order, count in TALLY.count.items():
        print(f"{order} order: {count} comparisons, worst relative error {TALLY.worst[order]:.1e}")
    print(f"{len(wrong)} failures")


if __name__ == "__main__":
    main()
