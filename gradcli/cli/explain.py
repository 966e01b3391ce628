"""`gradcli explain`: the chain rule step by step, with the numbers, from the rules that produced them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

from gradcli.autodiff import functional
from gradcli.autodiff.explain import Explained, Graph
from gradcli.cli.arguments import Arguments
from gradcli.cli.blocks import Part
from gradcli.cli.diff import differentiate, text_of
from gradcli.cli.explanation import Explanation, Matrix, Result
from gradcli.cli.missing import why_missing
from gradcli.cli.problem import Problem, free_names
from gradcli.cli.program import (
    DEFAULT_DTYPE,
    check_variables_are_named,
    names_in,
    open_session,
    parse_with_value,
    read_source,
    wanted_names,
)
from gradcli.cli.timelimit import time_limit
from gradcli.cli.tracing import NoFormula, Trace
from gradcli.cli.values import bind, read_value
from gradcli.engine.run import value
from gradcli.environment import Environment
from gradcli.errors import NameError_, ShapeError, UsageError
from gradcli.graph.node import Node
from gradcli.graph.op import leaf
from gradcli.graph.terms import Term
from gradcli.language.tensor import Tensor

SMALL = 6  # a Jacobian with more rows or columns is not written out
LONG = 400  # steps; beyond them no formula of the whole is looked for


def run_explain(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli explain`."""
    with time_limit(arguments.values.get("timeout"), environment), np.errstate(all="ignore"):
        problem, seeds = _read(arguments, environment)
        explanation = _explain(problem, seeds)
        text = _written(explanation, arguments.values.get("to", "text"), environment)
    environment.stdout.write(text)
    return 0


def _written(explanation: Explanation, to: str, environment: Environment) -> str:
    if to == "latex":
        from gradcli.cli.explainlatex import latex_text

        return "".join(f"{line}\n" for line in latex_text(explanation))
    if to == "markdown":
        from gradcli.cli.explainmarkdown import markdown_lines

        return "".join(f"{line}\n" for line in markdown_lines(explanation))
    from gradcli.cli.explaintext import Writer

    writer = Writer(explanation, environment.width, environment.stdout_is_terminal)
    if environment.color_allowed(environment.stdout):
        from gradcli.render.styled import styled_text  # start-up: rich is for terminals alone

        return styled_text(writer.lines(), environment.width)
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in writer.lines())


def _read(arguments: Arguments, environment: Environment) -> tuple[Problem, list[Any]]:
    """The problem, and the values of --seed."""
    source = read_source(arguments, environment)
    module = parse_with_value(source)
    check_variables_are_named(module, arguments)
    session = open_session(arguments)
    dtype = arguments.values.get("dtype", DEFAULT_DTYPE)
    problem = Problem(module, source, dtype)
    for binding in arguments.bindings:
        found = read_value(binding.text, f"--{binding.name}", session, dtype, environment)
        bind(session, binding.name, found, False)
        problem.values[binding.name] = found
    missing = free_names(module, problem.values)
    if missing:
        raise NameError_(
            f"{missing[0]} has no value, and explain works with numbers", hint=f"give it one: --{missing[0]} VALUE"
        )
    seeds = arguments.lists.get("seed", [])
    given = [read_value(text, "--seed", session, dtype, environment) for text in seeds]
    tensors = [n for n, v in problem.values.items() if isinstance(v, np.ndarray)]
    problem.wrt = wanted_names(arguments) or tensors
    problem.state = session._context.generator.get_state()
    return problem, given


def _explain(problem: Problem, seeds: list[Any]) -> Explanation:
    symbols, numbers = _traced(problem)
    if not any(output.dtype.floating for output in symbols.outputs):
        raise UsageError("the value of the expression is no tensor of floating-point numbers, so it has no gradients")
    explanation = Explanation(dict(problem.values))
    found = [name for name in problem.wrt if _leads(symbols, name)]
    if found:
        with numbers.active():
            _fill(explanation, problem, seeds, found, (symbols, numbers))
    explanation.missing = [(name, *why_missing(problem, symbols, name)) for name in problem.wrt if name not in found]
    return explanation


def _traced(problem: Problem) -> list[Trace]:
    """The program traced twice: for formulas, where none of it is computed if that can be, and for numbers."""
    for deferring in (True, False):
        try:
            return [
                Trace(problem.module, problem.values, problem.dtype, deferring=deferring, state=problem.state)
                for _ in range(2)
            ]
        except NoFormula:
            if not deferring:
                raise
    raise AssertionError("unreachable")


def _tracked(trace: Trace) -> list[Node]:
    return [output.node for output in trace.outputs if output.node.requires_grad]


def _leads(trace: Trace, name: str) -> bool:
    """Whether a gradient arrives at a variable."""
    node, outputs = trace.node(name), _tracked(trace)
    if not node.requires_grad or not outputs:
        return False
    ones = [leaf(np.broadcast_to(np.ones((), y.dtype.numpy), y.shape), y.dtype) for y in outputs]
    return trace.pull(outputs, ones, [node])[0] is not None


def _fill(
    explanation: Explanation, problem: Problem, seeds: list[Any], found: list[str], traces: Sequence[Trace]
) -> None:
    symbols, numbers = (
        Graph(_tracked(trace), {**trace.names(), **_leaves(trace)}, _assigned(trace), set(trace.variables))
        for trace in traces
    )
    trace = traces[1]
    explanation.values |= {name: value(node) for node, name in _leaves(trace).items()}
    given = _seeds(trace, seeds)
    explained = Explained(symbols, numbers, given, [trace.node(name) for name in found])
    explanation.constants = {name: value(node) for node, name in numbers.constants.items()}
    explanation.steps, explanation.came = explained.steps, explained.came
    names = [numbers.label[node.serial] for node in numbers.outputs]
    explanation.seeds, explanation.seeded = list(zip(names, given, strict=True)), bool(seeds)
    formulas = _formulas(problem, seeds, found) if len(explained.steps) <= LONG else {}
    for name in found:
        label = numbers.label[numbers.resolve(trace.node(name)).serial]
        result = Result(name, label, explained.totals[label])
        result.term, result.formula, result.assumed = formulas.get(name, (None, "", []))
        result.unhooked = explained.unhooked.get(label)
        if explanation.vector and all(0 < size <= SMALL for size in (given[0].size, result.numbers.size)):
            result.jacobian = _jacobian(numbers.outputs[0], trace.node(name), names[0], result.shown)
        explanation.results.append(result)


def _formulas(problem: Problem, seeds: list[Any], found: list[str]) -> dict[str, tuple[Term, str, list[str]]]:
    """The formula of each gradient, its text, and what it takes for granted; none where it takes a call to say it."""
    whole = Problem(problem.module, problem.source, problem.dtype)
    whole.values, whole.wrt = problem.values, found
    if seeds:
        whole.seed_value = seeds[0]
        whole.seed = next(n for n in ("v", "seed", "v_", "seed_") if n not in names_in(problem.module))
    try:
        derivatives = differentiate(whole) if len(seeds) < 2 else []
    except NoFormula:
        return {}
    return {d.name: (d.term, text_of(whole, d), d.assumed) for d in derivatives if d.term is not None}


def _seeds(trace: Trace, given: list[Any]) -> list[Any]:
    """A cotangent for each output that has gradients: ones where none are given. Raises: UsageError, ShapeError."""
    outputs = [output.node for output in trace.outputs if output.dtype.floating]
    if not given:
        return [np.ones(y.shape, y.dtype.numpy) for y in outputs if y.requires_grad]
    tracked = [y for y in outputs if y.requires_grad]
    outputs = tracked if len(given) == len(tracked) else outputs
    if len(given) != len(outputs):
        raise UsageError(f"--seed is given {len(given)} times, and the expression has {len(outputs)} outputs")
    for seed, y in zip(given, outputs, strict=True):
        if not isinstance(seed, np.ndarray) or seed.shape != y.shape:
            got = seed.shape if isinstance(seed, np.ndarray) else type(seed).__name__
            raise ShapeError(f"--seed has shape {got}, and the output {y.shape}")
    return [seed.astype(y.dtype.numpy) for seed, y in zip(given, outputs, strict=True) if y.requires_grad]


def _assigned(trace: Trace) -> dict[Node, str]:
    """The names that the program gives to tensors; a variable that it assigns anew is numbered: x2."""
    given = set(trace.nodes.values())
    found = {}
    for name, v in trace.variables.items():
        if isinstance(v, Tensor) and v.node.requires_grad and v.node not in given:
            numbered = (f"{name}{at}" for at in count(2))
            found[v.node] = name if name not in trace.nodes else next(n for n in numbered if n not in trace.variables)
    return found


def _leaves(trace: Trace) -> dict[Node, str]:
    """Of these the variables that the program makes itself."""
    return {node: name for node, name in _assigned(trace).items() if Tensor(node, trace.context).grad_fn is None}


def _jacobian(output: Node, variable: Node, of: str, name: str) -> Matrix | None:
    """The Jacobian, a row for each element of the output; None where 0 times infinity makes it nan."""
    (block,) = functional.jacobian(output, [variable])
    matrix = value(block).reshape(output.size, variable.size)
    if not np.all(np.isfinite(matrix)):
        return None
    return Matrix(matrix, list(Part(of, output.shape).labels()), list(Part(name, variable.shape).labels()))
