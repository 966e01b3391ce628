"""`gradcli explain`: the chain rule step by step, with the numbers, from the rules that produced them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.autodiff import functional
from gradcli.autodiff.explain import Explained
from gradcli.cli.agreement import Agreement
from gradcli.cli.arguments import Arguments
from gradcli.cli.blocks import Part
from gradcli.cli.explainformulas import Formulas
from gradcli.cli.explainorigin import origins
from gradcli.cli.explaintrace import Traced
from gradcli.cli.explanation import Explanation, Matrix, Result
from gradcli.cli.missing import why_missing
from gradcli.cli.problem import Problem, free_names
from gradcli.cli.program import (
    DEFAULT_DTYPE,
    check_variables_are_named,
    ending,
    open_session,
    parse_with_value,
    read_source,
    wanted_names,
)
from gradcli.cli.timelimit import time_limit
from gradcli.cli.tracing import NoFormula, Trace
from gradcli.cli.values import bind, read_value, value_of
from gradcli.engine.run import value
from gradcli.environment import Environment
from gradcli.errors import GradError, NameError_, ShapeError, UsageError
from gradcli.graph.node import Node

SMALL = 6  # a Jacobian with more rows or columns is not written out
LONG = 100  # steps; beyond them no formula of the whole is looked for


def run_explain(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli explain`."""
    form = _form(arguments)
    with time_limit(arguments.values.get("timeout"), environment), np.errstate(all="ignore"):
        explanation = explanation_of(arguments, environment)
        text = _written(explanation, form, environment)
    environment.stdout.write(text)
    return 0


def explanation_of(arguments: Arguments, environment: Environment) -> Explanation:
    """What there is to say about the gradients that a command line asks for."""
    return _explain(*_read(arguments, environment), every=_form(arguments) == "json")


def _form(arguments: Arguments) -> str:
    """text, markdown, latex or json. Raises: UsageError for two of them."""
    to, form = arguments.values.get("to", "text"), arguments.values.get("format", "text")
    if "text" not in (to, form):
        raise UsageError(f"--to {to} and --format {form} do not go together")
    return to if form == "text" else form


def _written(explanation: Explanation, to: str, environment: Environment) -> str:
    if to == "json":
        from gradcli.cli.explainjson import explanation_json

        return explanation_json(explanation)
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
        found = value_of(binding, session, dtype, environment)
        bind(session, binding.name, found, False)
        problem.values[binding.name] = found
    missing = free_names(module, problem.values)
    if missing:
        raise NameError_(
            f"{missing[0]} has no value, and explain works with numbers", hint=f"give it one: --{missing[0]} VALUE"
        )
    seeds = arguments.lists.get("seed", [])
    given = [read_value(text, "--seed", session, dtype, environment) for text in seeds]
    problem.wrt = wanted_names(arguments) or []
    problem.records_all = True
    problem.state = session._context.generator.get_state()
    return problem, given


def _explain(problem: Problem, seeds: list[Any], every: bool) -> Explanation:
    """every: whether all steps are shown, however many."""
    symbols, numbers = _traced(problem)
    if not any(output.dtype.floating for output in symbols.trace.outputs):
        raise UsageError(
            "the value of the expression is no tensor of floating-point numbers, so it has no gradients",
            hint=ending(problem.module),
        )
    explanation = Explanation({**problem.values, **numbers.given()})
    explanation.every = every
    wanted = problem.wrt or symbols.wanted(problem.values)
    found = [name for name in wanted if symbols.leads(name)]
    if found:
        with numbers.trace.active():
            _fill(explanation, problem, seeds, found, symbols, numbers)
    missing = [name for name in wanted if name not in found]
    if not wanted:
        raise GradError("no gradient flows to any variable", hint='bind one: gradcli explain "x**2" --x 3')
    explanation.missing = [(name, *why_missing(problem, symbols, name)) for name in missing]
    return explanation


def _traced(problem: Problem) -> list[Traced]:
    """The program traced twice: for formulas, where none of it is computed if that can be, and for numbers.

    Gradients flow to all variables, so that the program may ask for that, unless an op refuses what is not asked for.
    """
    try:
        return _twice(problem)
    except GradError:
        if not problem.wrt or not set(problem.wrt) <= set(problem.values):
            raise
        problem.records_all = False
        return _twice(problem)


def _twice(problem: Problem) -> list[Traced]:
    for deferring in (True, False):
        try:
            return [_trace(problem, deferring), _trace(problem, deferring)]
        except NoFormula:
            if not deferring:
                raise
    raise AssertionError("unreachable")


def _trace(problem: Problem, deferring: bool) -> Traced:
    recorded = problem.recorded() if problem.wrt else ()
    trace = Trace(problem.module, problem.values, problem.dtype, recorded, deferring=deferring, state=problem.state)
    return Traced(trace, deferring)


def _fill(
    explanation: Explanation, problem: Problem, seeds: list[Any], found: list[str], symbols: Traced, numbers: Traced
) -> None:
    shown, computed = symbols.graph(), numbers.graph()
    given = _seeds(numbers.trace, seeds)
    agreement = Agreement(explanation.formula, problem.module)
    explained = Explained(shown, computed, given, [numbers.node(name) for name in found], agreement.agrees)
    explanation.cotangent, explanation.constants = shown.cotangent, explained.constants
    explanation.nameless = {*explained.constants} - {*shown.assigned.values()}
    explanation.steps, explanation.came = explained.steps, explained.came
    names = [computed.label[node.serial] for node in computed.outputs]
    explanation.seeds, explanation.seeded = list(zip(names, given, strict=True)), bool(seeds)
    for name in found:
        node = numbers.node(name)
        label = computed.label[computed.resolve(node).serial]
        result = Result(name, label, explained.totals[label])
        result.unhooked = explained.unhooked.get(label)
        if explanation.vector and all(0 < size <= SMALL for size in (given[0].size, result.numbers.size)):
            result.jacobian = _jacobian(computed.outputs[0], node, names[0], result.shown)
        explanation.results.append(result)
    explanation.complete()
    explanation.origins = list(origins(explanation))
    explanation.unsearched = len(explained.steps) > LONG
    if not explanation.unsearched:
        formulas = Formulas(explanation, problem, symbols, explained)
        for result in explanation.results:
            formulas.add(result, symbols.node(result.name))


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


def _jacobian(output: Node, variable: Node, of: str, name: str) -> Matrix | None:
    """The Jacobian, a row for each element of the output; None where 0 times infinity makes it nan."""
    (block,) = functional.jacobian(output, [variable])
    matrix = value(block).reshape(output.size, variable.size)
    if not np.all(np.isfinite(matrix)):
        return None
    return Matrix(matrix, list(Part(of, output.shape).labels()), list(Part(name, variable.shape).labels()))
