"""value_and_grad: an expression and its gradients, planned once for each signature of the inputs and run again.

The program is traced with inputs that have no values yet; a program whose course depends on them is run each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.collector import paused
from gradcli.dtypes import from_numpy
from gradcli.engine.describe import describe
from gradcli.engine.plan import Plan
from gradcli.engine.quiet import quietly
from gradcli.engine.read import read
from gradcli.engine.run import run as compute
from gradcli.errors import GradError, NameError_
from gradcli.graph.node import MODE, NeedsValue, Node
from gradcli.graph.op import leaf_op
from gradcli.language.context import Context
from gradcli.language.tensors.autograd import grad
from gradcli.language.tensors.tensor import Tensor

NO_PLAN = "no plan: the course of the program depends on its values, so its statements run one after another\n"
SIGNATURES = 64  # plans kept by one function; then it starts over

Result = tuple[Any, dict[str, np.ndarray | None]]


class Replay:
    """A plan for one signature. wanted: the names differentiated by; found: of these, those that have a gradient."""

    def __init__(
        self, plan: Plan, constants: list[Any], inputs: Mapping[str, Any], wanted: list[str], found: list[str]
    ) -> None:
        self.names = tuple(inputs)
        self._signature = [(name, array.shape, array.dtype) for name, array in inputs.items()]
        self.constants = constants
        self.plan = plan
        self.unused = [name for name in wanted if name not in found]
        self.wanted = wanted
        self.found = found

    def fits(self, inputs: Mapping[str, Any]) -> bool:
        """Whether these are arrays of the signature."""
        if len(inputs) != len(self._signature):
            return False
        for (name, array), (known, shape, dtype) in zip(inputs.items(), self._signature, strict=True):
            if name != known or type(array) is not np.ndarray or array.dtype is not dtype or array.shape != shape:
                return False
        return True

    def __call__(self, arrays: list[Any]) -> Result:
        """Value and gradients for arrays of the signature."""
        results = self.plan.run([*arrays, *self.constants] if self.constants else arrays)
        grads: dict[str, np.ndarray | None] = dict(zip(self.found, results[1:], strict=True))
        if self.unused:
            grads = {name: grads.get(name) for name in self.wanted}
        return results[0], grads


class ValueAndGrad:
    """A function of named arrays that gives the value of an expression and its gradients."""

    def __init__(
        self,
        context: Context,
        run: Callable[[dict[str, Any]], Any],
        tensor: Callable[[Any], Tensor],
        wrt: Sequence[str] | None,
        patient: bool = False,
    ) -> None:
        """patient: nothing is planned before the second call, since planning takes longer than running once.

        run: executes the program on variables; tensor: the tensor of a value. Both of the session of `context`."""
        self._context = context
        self._run = run
        self._tensor = tensor
        self._wrt = None if wrt is None else list(wrt)
        self._patient = patient
        self._replays: dict[Any, Replay | None] = {}
        self._last: Replay | None = None

    def __call__(self, **inputs: Any) -> Result:
        """The value and, for each input that is differentiated, the gradient of its shape and dtype.

        Raises: GradError when the value is no scalar; NameError_ for a name of `wrt` that is no input.
        """
        last = self._last
        if last is not None and last.fits(inputs):
            return quietly(last, list(inputs.values()))
        arrays = list(inputs.values())
        if any(type(array) is not np.ndarray for array in arrays):
            return self._with_tensors(inputs)
        key = _signature(inputs)
        if key not in self._replays:
            if self._patient:
                self._patient = False
                with paused():
                    return self._each_time(inputs)
            with paused():
                self._trace(key, inputs)
        replay = self._replays[key]
        if replay is None:
            return self._each_time(inputs)
        self._last = replay
        return quietly(replay, arrays)

    def _with_tensors(self, inputs: dict[str, Any]) -> Result:
        """As __call__, of inputs some of which are lists, numbers or tensors."""
        with self._context.active():
            return self(**{name: np.asarray(self._tensor(value).numpy()) for name, value in inputs.items()})

    def plan_for(self, **inputs: Any) -> Plan | None:
        """The plan that such inputs are computed with; None for a program that cannot be planned ahead."""
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        key = _signature(arrays)
        if key not in self._replays:
            self._trace(key, arrays)
        replay = self._replays[key]
        return None if replay is None else replay.plan

    def _trace(self, key: Any, inputs: dict[str, np.ndarray]) -> None:
        """Plan for a signature, or find that it cannot be done."""
        if len(self._replays) >= SIGNATURES:
            self._replays.clear()
        native = all(from_numpy(a.dtype) is not None and a.dtype.isnative for a in inputs.values())
        self._replays[key] = self.planned(inputs) if native else None

    def planned(self, inputs: dict[str, np.ndarray]) -> Replay | None:
        """A plan for the signature of the inputs; None when the program asks for their values on its way."""
        context = self._context
        with context.active():
            MODE.deferring = True
            tensors = {}
            numbers: dict[int, int] = {}
            for name, array in inputs.items():
                dtype = from_numpy(array.dtype)
                node = Node(leaf_op, (), {}, array.shape, dtype)
                numbers[node.serial] = len(numbers)
                tensors[name] = Tensor(node, context)
            try:
                wanted, output, found = self._differentiated(tensors)
                outputs = [output.node, *[g.node for g in found if g is not None]]
                constants: list[Any] = []
                builder, terms, count = read(outputs, numbers, constants)
                plan = Plan(builder.terms, terms, count, exact=False)
            except NeedsValue:
                return None
            finally:
                context.deferred.clear()
        names = [n for n, g in zip(wanted, found, strict=True) if g is not None]
        return Replay(plan, constants, inputs, wanted, names)

    def _each_time(self, inputs: dict[str, np.ndarray]) -> Result:
        """Run the program on the inputs' values."""
        with self._context.active():
            tensors = {name: self._tensor(value) for name, value in inputs.items()}
            wanted, output, found = self._differentiated(tensors)
            compute([t.node for t in (output, *found) if t is not None])
            return output.numpy(), {n: None if g is None else g.numpy() for n, g in zip(wanted, found, strict=True)}

    def _differentiated(self, tensors: dict[str, Tensor]) -> tuple[list[str], Tensor, Sequence[Tensor | None]]:
        """The names differentiated by, the value of the program, and the gradients."""
        wanted = self._wrt if self._wrt is not None else [n for n, t in tensors.items() if t.dtype.floating]
        for name in wanted:
            if name not in tensors:
                raise NameError_(f"wrt names {name!r}, which is not among the inputs")
            _differentiate_by(tensors[name])
        output = self._run(dict(tensors))
        if not isinstance(output, Tensor):
            raise GradError(f"the expression gives no tensor but {type(output).__name__}")
        if not output.requires_grad:
            return wanted, output, [None] * len(wanted)
        found = grad([output], [tensors[n] for n in wanted], [None], allow_unused=True, retain_graph=True)
        return wanted, output, found


def _signature(arrays: Mapping[str, Any]) -> Any:
    return (*arrays, *[a.shape for a in arrays.values()], *[a.dtype for a in arrays.values()])


def plan_in_words(
    context: Context, run: Callable[[dict[str, Any]], Any], variables: dict[str, Any], wrt: Sequence[str] | None
) -> str:
    """The plan of a program whose variables are these, with its gradients if its value is one number.

    wrt: the variables differentiated by, default those that require grad.
    """
    arrays = {name: t.numpy() for name, t in variables.items() if isinstance(t, Tensor)}
    others = {name: value for name, value in variables.items() if name not in arrays}
    wanted = [name for name in arrays if variables[name].requires_grad] if wrt is None else list(wrt)
    for names in (wanted, []):
        function = ValueAndGrad(context, lambda given: run({**others, **given}), lambda value: value, names)
        try:
            replay = function.planned(arrays)
        except GradError:
            if not names:
                raise
        else:
            return describe(replay.plan, replay.names) if replay is not None else NO_PLAN
    raise AssertionError("the second round differentiates by nothing")


def _differentiate_by(tensor: Tensor) -> None:
    if tensor.node.value is None and tensor.dtype.floating:
        tensor.node.requires_grad = True
    else:
        tensor.set_requires_grad(True)
