"""`gradcli diff`: the derivative as a formula, which gradcli itself can evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.cli.arguments import Arguments
from gradcli.cli.program import (
    check_variables_are_named,
    names_in,
    open_session,
    parse_with_value,
    read_source,
    wanted_names,
)
from gradcli.cli.shapeguess import guesses, size_texts
from gradcli.cli.timelimit import time_limit
from gradcli.cli.tracing import Trace, default_dtype, ones
from gradcli.cli.values import bind, read_value
from gradcli.cli.verify import agrees
from gradcli.environment import Environment
from gradcli.errors import GradcliError, GradError, NameError_, ShapeError, UsageError
from gradcli.graph.node import Node
from gradcli.graph.terms import Term, below
from gradcli.language import ast
from gradcli.ops.catalog import catalog
from gradcli.render.errortext import note_text
from gradcli.render.termtext import Style, formula_lines
from gradcli.shapes import Shape
from gradcli.simplify.build import Builder
from gradcli.simplify.formula import simplified
from gradcli.simplify.noform import NoForm
from gradcli.source import Source

LIMIT = 100_000  # a variable with more elements is not used to check the formula


class Derivative:
    """A derivative: of which variable, its term (None: only as a call of func.grad), and what it takes for granted."""

    __slots__ = ("assumed", "definition", "name", "program", "shape", "term")

    def __init__(self, name: str, shape: Shape) -> None:
        self.name = name
        self.shape = shape
        self.term: Term | None = None
        self.definition: Term | None = None
        self.assumed: list[str] = []
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
        self.notes: list[str] = []


def run_diff(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli diff`."""
    with time_limit(arguments.values.get("timeout"), environment):
        problem = read_problem(arguments, environment)
        derivatives = differentiate(problem)
        from gradcli.cli.diffoutput import output_text

        text = output_text(problem, derivatives, arguments.values.get("to", "text"), "with_test" in arguments.flags)
    environment.stdout.write(text)
    color = environment.color_allowed(environment.stderr)
    for note in dict.fromkeys([*problem.notes, *_assumptions(derivatives)]):
        print(note_text(note, color), file=environment.stderr)
    return 0


def _assumptions(derivatives: Sequence[Derivative]) -> list[str]:
    return [f"the formula holds where {text}" for d in derivatives for text in d.assumed]


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
        value = read_value(binding.text, f"--{binding.name}", session, dtype, environment)
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
    if not wrt:
        raise UsageError("there is no variable to differentiate by", hint="--wrt x")
    problem.wrt = wrt
    return problem


def _order(arguments: Arguments) -> int:
    order = int(arguments.values.get("order", "1"))
    if order not in (1, 2):
        raise UsageError(f"--order is 1 or 2, not {order}")
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
    assigned = {
        part.id
        for statement in ast.walk(module)
        for target in _targets(statement)
        for part in ast.walk(target)
        if isinstance(part, ast.Name)
    }
    assigned |= {p.name for p in ast.walk(module) if isinstance(p, ast.FunctionDef | ast.ClassDef | ast.Param)}
    modules = {"torch", "F", "math", "np", "linalg", "special", "nn", "func", "autograd", "device"}
    taken = assigned | set(catalog().free) | modules | set(known) | _BUILTINS | set(Session().completions())
    in_order = [part.id for part in ast.walk(module) if isinstance(part, ast.Name)]
    return [n for n in dict.fromkeys(sorted(in_order)) if n not in taken]


_BUILTINS = frozenset(
    "print len range enumerate zip list tuple dict float int bool str repr abs min max sum pow round sorted isinstance "
    "type set reversed map filter any all inf nan pi e float32 float64 int64 long double dtype Tensor".split()
)


def _targets(statement: Any) -> list[Any]:
    if isinstance(statement, ast.Assign):
        return list(statement.targets)
    if isinstance(statement, ast.AugAssign | ast.AnnAssign | ast.For | ast.Clause):
        return [statement.target]
    if isinstance(statement, ast.WithItem):
        return [statement.target] if statement.target is not None else []
    return []


def _guess(problem: Problem, free: list[str], wrt: list[str] | None) -> None:
    """Give shapes to the variables without value: the first under which the expression is a scalar, if any."""
    first: GradcliError | None = None
    elementwise: dict[str, Shape] | None = None
    dtype = default_dtype(problem.dtype)
    for shapes in guesses(free, "@" in problem.source.text):
        values = {**problem.known, **{n: ones(s, dtype) for n, s in shapes.items()}}
        values.pop(problem.seed or "", None)
        try:
            trace = Trace(problem.module, values, problem.dtype)
        except GradcliError as error:
            if isinstance(error, NameError_):
                raise
            first = first or error
            continue
        if any(output.shape for output in trace.outputs) and problem.seed is None:
            elementwise = elementwise or shapes
            if any(shapes.values()):
                continue
        break
    else:
        if elementwise is None:
            assert first is not None
            first.hint = f"give the shapes: --{free[0]} ones:2,2" if first.hint is None else first.hint
            raise first
        shapes = elementwise
    problem.values = {**{n: ones(s, dtype) for n, s in shapes.items()}, **problem.known}
    problem.values.pop(problem.seed or "", None)
    problem.sizes = size_texts(shapes, [n for n in wrt or [] if n in shapes])
    ranks = {n: len(s) for n, s in shapes.items() if len(s) != 2}
    if (ranks and len(set(map(len, shapes.values()))) > 1) or ("size(" in " ".join(problem.sizes.values()) and False):
        words = ("a number", "a vector", "a matrix")
        problem.notes.append("taken: " + ", ".join(f"{n} is {words[len(s)]}" for n, s in shapes.items()))


def differentiate(problem: Problem) -> list[Derivative]:
    """The derivative for each variable asked for."""
    trace = Trace(problem.module, problem.values, problem.dtype)
    if not trace.outputs:
        raise GradError("the expression gives no tensor, so it has no derivative")
    seeds = _seeds(problem, trace)
    outputs = [output.node for output in trace.outputs]
    return [_derivative(problem, trace, outputs, seeds, name) for name in problem.wrt]


def _seeds(problem: Problem, trace: Trace) -> list[Node]:
    if problem.seed is not None or problem.seed_value is not None:
        if len(trace.outputs) != 1:
            raise UsageError("--seed is for an expression with one output")
        output = trace.outputs[0]
        value = problem.seed_value
        if value is None:
            value = ones(output.shape, output.dtype)
        if not isinstance(value, np.ndarray) or value.shape != tuple(output.shape):
            got = value.shape if isinstance(value, np.ndarray) else type(value).__name__
            raise ShapeError(f"--seed has shape {got}, and the output {tuple(output.shape)}")
        return [trace.seed(np.asarray(value), problem.seed)]
    if any(output.shape for output in trace.outputs):
        shape = next(tuple(output.shape) for output in trace.outputs if output.shape)
        shown = f"shape {shape}" if not problem.sizes else "more than one element"
        problem.notes.append(
            f"the output has {shown}: this is the derivative of the sum of its elements; --seed v gives J^T v for a v"
        )
    return [trace.seed(ones(output.shape, output.dtype)) for output in trace.outputs]


def _derivative(problem: Problem, trace: Trace, outputs: list[Node], seeds: list[Node], name: str) -> Derivative:
    target = trace.node(name)
    if not target.dtype.floating:
        raise GradError(f"--wrt: {name} is {target.dtype!r}, and only floating-point tensors have gradients")
    derivative = Derivative(name, target.shape)
    derivative.program = fallback(problem, name)
    tracked = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o.requires_grad]
    gradient = trace.pull([o for o, _ in tracked], [s for _, s in tracked], [target])[0] if tracked else None
    if gradient is not None and problem.order == 2:
        gradient = _again(trace, gradient, target)
    b = Builder(target.dtype, problem.sizes)
    if gradient is None:
        why = "does not depend on" if problem.order == 1 else "is at most linear in"
        problem.notes.append(f"the output {why} {name}, as far as gradients see")
        derivative.term = b.zeros(target.shape)
        return derivative
    names = trace.names()
    try:
        if name not in trace.nodes:
            derivative.definition = simplified(target, names, b)
            names = {**names, target: name}
        derivative.term = simplified(gradient, names, b)
        if name not in trace.nodes and not any(
            t.head == "variable" and t.param("name") == name for t in below(derivative.term)
        ):
            derivative.definition = None
    except NoForm as missing:
        problem.notes.append(
            f"no formula is known for {missing.name.strip('_')}, so the derivative is written as a call"
        )
        derivative.term = None
        return derivative
    derivative.assumed = list(b.assumed)
    if not agrees(problem, derivative, text_of(problem, derivative)):
        problem.notes.append(
            "the formula that was found does not hold in general, so the derivative is written as a call"
        )
        derivative.term = None
        derivative.assumed = []
    return derivative


def _again(trace: Trace, gradient: Node, target: Node) -> Node | None:
    """The derivative of the sum of the gradient's elements."""
    if not gradient.requires_grad:
        return None
    return trace.pull([gradient], [trace.seed(ones(gradient.shape, gradient.dtype))], [target])[0]


def style_of(problem: Problem, like: str) -> Style:
    """How the formulas of a problem are written in gradcli's own language."""
    shapes = {n: tuple(v.shape) for n, v in problem.values.items() if isinstance(v, np.ndarray)}
    if problem.seed is not None and isinstance(problem.seed_value, np.ndarray):
        shapes[problem.seed] = problem.seed_value.shape
    return Style(shapes, problem.sizes, like)


def text_of(problem: Problem, derivative: Derivative) -> str:
    """A derivative in gradcli's own language: shared parts line by line, then the formula."""
    if derivative.term is None:
        return derivative.program
    like = derivative.name if derivative.name in problem.values else next(iter(problem.values), "")
    style = style_of(problem, like)
    taken = names_in(problem.module) | ({problem.seed} if problem.seed else set())
    lines = []
    if derivative.definition is not None:
        made = formula_lines(derivative.definition, style, taken)
        lines += [f"{part or derivative.name} = {text}" for part, text in made]
        taken |= {part for part, _ in made if part}
    found = formula_lines(derivative.term, style, taken)
    lines += [f"{part} = {text}" if part else text for part, text in found]
    return "\n".join(lines)


def fallback(problem: Problem, name: str) -> str:
    """The derivative as a call of func.vjp or func.grad on the program itself."""
    text = problem.source.text
    last = problem.module.body[-1]
    before, result = text[: last.start].strip().rstrip(";").strip(), text[last.start : last.end]
    if problem.order == 2 or problem.seed is None:
        result = f"sum({result})" if problem.seed is None else f"sum(({result}) * {problem.seed})"
    if name not in problem.values:
        return f"# of {name}, which the program assigns, there is no formula"
    if before:
        body = "".join(f"    {line.strip() if ';' in before else line}\n" for line in _lines(before))
        define = f"def f({name}):\n{body}    return {result}\n"
        function = "f"
    else:
        define, function = "", f"lambda {name}: {result}"
    if problem.order == 2:
        return f"{define}torch.func.grad(lambda {name}: sum(torch.func.grad({function})({name})))({name})"
    if problem.seed is not None:
        return f"{define}torch.func.vjp({function}, {name})[1]({problem.seed})[0]"
    return f"{define}torch.func.grad({function})({name})"


def _lines(before: str) -> list[str]:
    if "\n" not in before:
        return [part.strip() for part in before.split(";") if part.strip()]
    return before.split("\n")
