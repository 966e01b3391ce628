"""What `gradcli diff` and `explain` are asked: program, variables, values or shapes, order and seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcli.cli.arguments import Arguments
from gradcli.cli.program import (
    check_variables_are_named,
    open_session,
    parse_with_value,
    read_source,
    taken_names,
    wanted_names,
)
from gradcli.cli.programhints import class_names, integer_names, of_vectors
from gradcli.cli.shapeguess import guesses, size_texts
from gradcli.cli.tracing import Trace, default_dtype, ones
from gradcli.cli.values import bind, read_value, value_of
from gradcli.dtypes import int64
from gradcli.environment import Environment
from gradcli.errors import GradcliError, GradError, NameError_, UsageError
from gradcli.graph.node import Node
from gradcli.graph.op import same
from gradcli.graph.terms import Term
from gradcli.graph.walk import ancestors, sources
from gradcli.language.syntax import ast
from gradcli.shapes import Shape
from gradcli.source import Source


class Derivative:
    """A derivative: of which variable, its term (None: only as a call of func.grad), and what it takes for granted."""

    __slots__ = ("assumed", "counts", "definition", "name", "program", "shape", "term")

    def __init__(self, name: str, shape: Shape) -> None:
        self.name = name
        self.shape = shape
        self.term: Term | None = None
        self.definition: Term | None = None
        self.assumed: list[str] = []
        self.counts: dict[int, Term] = {}  # numbers that stand for how often a mask holds
        self.program = ""


class Problem:
    """What is to be differentiated: the program, its variables and their values or shapes, order and seed."""

    def __init__(self, module: ast.Module, source: Source, dtype: str) -> None:
        self.module = module
        self.source = source
        self.dtype = dtype
        self.values: dict[str, Any] = {}
        self.known: dict[str, Any] = {}  # of these the values were given
        self.wrt: list[str] = []
        self.order = 1
        self.seed: str | None = None
        self.seed_value: Any = None
        self.sizes: dict[int, str] = {}
        self.integers: set[str] = set()  # the variables without a value that are indices or classes
        self.same_rank = 0  # where no shape is known and all were taken to have this many dimensions, that
        self.taken = ""  # and that in words
        self.of_any_shape = False  # whether no shape is known, and the program goes element by element
        self.state: Any = None  # of the random numbers, where it has to be a certain one
        self.own = False  # also by the leaves that the program makes
        self.records_all = False  # also by variables that no derivative is asked for
        self.notes: list[str] = []

    def recorded(self) -> list[str]:
        """The variables that gradients flow to: those asked for, or all, where one is assigned on the way."""
        some = not self.records_all and all(name in self.values for name in self.wrt)
        return self.wrt if some else list(self.values)


def read_problem(arguments: Arguments, environment: Environment) -> Problem:
    """The problem that a command line states; variables without a value get shapes that fit."""
    source = read_source(arguments, environment)
    module = parse_with_value(source)
    session = open_session(arguments)
    dtype = arguments.values.get("dtype", "float64")  # so that no number in the formula is rounded
    session.dtype = dtype
    problem = Problem(module, source, dtype)
    problem.order = _order(arguments)
    seeds = arguments.lists.get("seed", [])
    if len(seeds) > 1:
        raise UsageError("gradcli diff takes one --seed", hint="--seed v")
    named = Arguments(arguments.command)
    named.bindings = [binding for binding in arguments.bindings if binding.name not in seeds]
    check_variables_are_named(module, named)
    for binding in arguments.bindings:
        value = value_of(binding, session, dtype, environment)
        bind(session, binding.name, value, False)
        problem.known[binding.name] = value
    problem.values = dict(problem.known)
    if seeds:
        _read_seed(problem, seeds[0], session, environment)
    wrt = wanted_names(arguments)
    free = free_names(module, problem.known)
    if free:
        _guess(problem, free, wrt)
    if wrt is None:
        tensors = [n for n, v in problem.values.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"]
        wrt = [n for n in tensors if n != problem.seed]
        problem.own = True
    problem.wrt = wrt
    return problem


def _order(arguments: Arguments) -> int:
    order = int(arguments.values.get("order", "1"))
    if order < 1:
        raise UsageError(f"--order is a whole number from 1, not {order}")
    return order


def _read_seed(problem: Problem, text: str, session: Any, environment: Environment) -> None:
    """`--seed v` keeps v symbolic (with a value where --v has one); any other VALUE is the cotangent itself."""
    if text.isidentifier() and text not in ("inf", "nan", "pi"):
        problem.seed = text
        problem.seed_value = problem.values.pop(text, None)
    else:
        problem.seed_value = read_value(text, "--seed", session, problem.dtype, environment)


def free_names(module: ast.Module, known: Any) -> list[str]:
    """Names a program reads that nothing defines: variables whose shape is not known."""
    called: set[str] = set()
    read: set[str] = set()
    bound: set[str] = set()
    for part in ast.walk(module):
        bound.update(_bound(part))
        if isinstance(part, ast.Name):
            read.add(part.id)
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            called.add(part.func.id)
    return sorted(read - taken_names() - (bound - _read_first(module)) - called - set(known))


def _read_first(module: ast.Module) -> set[str]:
    """The names that a program reads and then assigns, as in `x = x * 2`: variables it is given, too."""
    found: set[str] = set()
    bound: set[str] = set()
    for statement in module.body:
        parts = list(ast.walk(statement))
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) and statement.value is not None:
            inside = {name for part in ast.walk(statement.value) for name in _bound(part)}
            read = {part.id for part in ast.walk(statement.value) if isinstance(part, ast.Name)}
            found |= read - inside - bound
        bound |= {name for part in parts for name in _bound(part)}
    return found


def _bound(part: Any) -> Iterator[str]:
    """The names that a part of a program binds."""
    if isinstance(part, ast.FunctionDef | ast.ClassDef | ast.Param):
        yield part.name
    elif isinstance(part, ast.NamedExpr):
        yield part.target_name
    elif isinstance(part, ast.Alias):
        yield part.alias or part.dotted.partition(".")[0]
    for target in _targets(part):
        yield from (name.id for name in ast.walk(target) if isinstance(name, ast.Name))


def _targets(statement: Any) -> list[Any]:
    if isinstance(statement, ast.Assign):
        return list(statement.targets)
    if isinstance(statement, ast.AugAssign | ast.AnnAssign | ast.For | ast.Clause):
        return [statement.target]
    if isinstance(statement, ast.WithItem):
        return [statement.target] if statement.target is not None else []
    return []


def _guess(problem: Problem, free: list[str], wrt: list[str] | None) -> None:
    """Give shapes to the variables without value."""
    problem.integers = integer_names(problem.module) & set(free) - set(wrt or ())
    try:
        shapes = _fitting_shapes(problem, free, wrt)
    except GradcliError:
        if not problem.integers:
            raise
        problem.integers = set()
        shapes = _fitting_shapes(problem, free, wrt)
    problem.values = _unknown(problem, shapes)
    problem.notes += [f"taken: {n} holds integers" for n in sorted(problem.integers)]
    problem.sizes = size_texts(shapes, [n for n in wrt or [] if n in shapes])
    problem.of_any_shape = not any(shapes.values()) and len(shapes) == len(problem.values)
    words = ("a number", "a vector", "a matrix", "of three dimensions")
    taken = "taken: " + ", ".join(f"{n} is {words[len(s)]}" for n, s in shapes.items())
    ranks = {len(s) for s in shapes.values()}
    if len(ranks) > 1:
        problem.notes.append(taken)
    elif 0 not in ranks and len(shapes) == len(problem.values):
        problem.same_rank, problem.taken = ranks.pop(), taken
    elif len(shapes) > 1 and ranks == {0}:
        names = list(shapes)
        problem.notes.append(f"taken: {', '.join(names[:-1])} and {names[-1]} have the same shape")


def _unknown(problem: Problem, shapes: dict[str, Shape]) -> dict[str, Any]:
    """The values of the variables, where unknown ones have these shapes."""
    dtype = default_dtype(problem.dtype)
    made = {n: ones(s, int64 if n in problem.integers else dtype) for n, s in shapes.items()}
    values = {**made, **problem.known}
    values.pop(problem.seed or "", None)
    return values


def _fitting_shapes(problem: Problem, free: list[str], wrt: list[str] | None) -> dict[str, Shape]:
    """The first shapes under which the expression is a scalar, or else those under which it makes sense.

    Numbers make anything a scalar, also what is meant for vectors: they are for what goes element by element.
    """
    first: GradcliError | None = None
    elementwise: dict[str, Shape] | None = None
    classes = problem.integers & class_names(problem.module)
    vectors = of_vectors(problem.module)
    for shapes in guesses(free, "@" in problem.source.text, vectors, classes):
        try:
            outputs = _traced(problem, shapes, wrt)
        except NameError_:
            raise
        except GradcliError as error:
            first = first or error
            continue
        if problem.seed is not None or not any(output.shape for output in outputs):
            numbers = not any(shapes.values())
            return elementwise if numbers and elementwise is not None else shapes
        if elementwise is None and not vectors and _elementwise(problem, free, wrt):
            return dict.fromkeys(free, ())
        elementwise = elementwise or shapes
    if elementwise is None:
        assert first is not None
        first.hint = f"give the shapes: --{free[0]} ones:2,2" if first.hint is None else first.hint
        raise first
    return elementwise


def _traced(problem: Problem, shapes: dict[str, Shape], wrt: list[str] | None) -> list[Node]:
    """The outputs of the program for variables of such shapes, as a graph. Raises: what the program refuses."""
    values = _unknown(problem, shapes)
    trace = Trace(problem.module, values, problem.dtype, [n for n in wrt or [] if n in values], counted=True)
    outputs = [output.node for output in trace.outputs]
    if any(node.op.name == "trace" and len(set(node.inputs[0].shape)) > 1 for node in ancestors(outputs, _every)):
        raise GradError("the trace is of a matrix that is not square")
    return outputs


def _elementwise(problem: Problem, free: list[str], wrt: list[str] | None) -> bool:
    """Whether the program goes element by element, so that its variables may be numbers."""
    try:
        outputs = _traced(problem, dict.fromkeys(free, ()), wrt)
    except GradcliError:
        return False
    return all(map(_of_each_element, ancestors(outputs, _every)))


def _of_each_element(node: Node) -> bool:
    """Whether a node's elements come from those in the same places: not along a dimension, nor from all."""
    op = node.op
    alike = op.shape is same and not {"dim", "dims"} & set(node.params)
    return op.elementwise or alike or node.via is not None or not sources(node)


def _every(node: Node) -> bool:
    return True
