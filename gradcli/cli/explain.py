"""`gradcli explain`: the chain rule step by step, with the numbers, from the rules that produced them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.autodiff.backward import vjp
from gradcli.autodiff.explain import Graph, explained
from gradcli.cli.arguments import Arguments
from gradcli.cli.diff import differentiate, text_of
from gradcli.cli.explaintext import Explanation, rendered
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
from gradcli.cli.tracing import Trace
from gradcli.cli.values import bind, read_value
from gradcli.engine.run import value
from gradcli.environment import Environment
from gradcli.errors import GradError, NameError_, ShapeError, UsageError
from gradcli.graph.node import Node
from gradcli.graph.op import leaf
from gradcli.language.tensor import Tensor

SMALL = 6  # a Jacobian with more rows or columns is not written out
LONG = 400  # steps; a loop of more is not explained one by one


def run_explain(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli explain`."""
    with time_limit(arguments.values.get("timeout"), environment), np.errstate(all="ignore"):
        problem = _read(arguments, environment)
        text = "".join(_explain(problem, environment, arguments.values.get("to", "text")))
    environment.stdout.write(text)
    return 0


def _read(arguments: Arguments, environment: Environment) -> Problem:
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
    if seeds:
        problem.seed_value = read_value(seeds[-1], "--seed", session, dtype, environment)
    tensors = [n for n, v in problem.values.items() if isinstance(v, np.ndarray)]
    problem.wrt = wanted_names(arguments) or tensors
    return problem


def _explain(problem: Problem, environment: Environment, to: str) -> Any:
    symbols, numbers = (Trace(problem.module, problem.values, problem.dtype) for _ in range(2))
    if len(symbols.outputs) != 1:
        raise UsageError("explain needs an expression whose value is one tensor")
    output = symbols.outputs[0].node
    absent = [name for name in problem.wrt if not _leads(symbols, name)]
    explanation = Explanation(problem.values)
    if output.requires_grad and len(absent) < len(problem.wrt):
        _fill(explanation, problem, symbols, numbers)
    explanation.missing = [(name, *why_missing(problem, symbols, name)) for name in absent]
    return rendered(explanation, to, environment)


def _leads(trace: Trace, name: str) -> bool:
    node, output = trace.node(name), trace.outputs[0].node
    if not output.requires_grad or not node.requires_grad:
        return False
    seed = leaf(np.broadcast_to(np.ones((), output.dtype.numpy), output.shape), output.dtype)
    return trace.pull([output], [seed], [node])[0] is not None


def _fill(explanation: Explanation, problem: Problem, symbols: Trace, numbers: Trace) -> None:
    shown, computed = symbols.outputs[0].node, numbers.outputs[0].node
    seed = _seed(problem, shown)
    graphs = [Graph(t.outputs[0].node, t.names(), _assigned(t)) for t in (symbols, numbers)]
    if len(graphs[0].steps) > LONG:
        raise GradError(f"the expression has {len(graphs[0].steps)} steps, more than a person reads ({LONG})")
    explanation.seed, explanation.seeded = seed, problem.seed_value is not None or bool(shown.shape)
    explanation.steps, explanation.totals = explained(graphs[0], graphs[1], seed)
    explanation.output = graphs[0].label[_last(graphs[0])]
    wanted = [name for name in problem.wrt if _leads(symbols, name)]
    whole = Problem(problem.module, problem.source, problem.dtype)
    whole.values, whole.wrt, whole.seed_value = problem.values, wanted, problem.seed_value
    if problem.seed_value is not None:
        whole.seed = next(n for n in ("v", "seed", "v_", "seed_") if n not in names_in(problem.module))
    for derivative in differentiate(whole):
        explanation.results.append((derivative.name, derivative.term, text_of(whole, derivative)))
        explanation.assumed += derivative.assumed
        variable = numbers.node(derivative.name)
        if len(computed.shape) == 1 and len(variable.shape) == 1 and max(computed.size, variable.size) <= SMALL:
            explanation.jacobians[derivative.name] = _jacobian(computed, variable)


def _last(graph: Graph) -> int:
    node = graph.output
    while node.via is not None:
        node = node.via
    return node.serial


def _seed(problem: Problem, output: Node) -> Any:
    given = problem.seed_value
    if given is None:
        return np.ones(output.shape, output.dtype.numpy)
    if not isinstance(given, np.ndarray) or given.shape != output.shape:
        got = given.shape if isinstance(given, np.ndarray) else type(given).__name__
        raise ShapeError(f"--seed has shape {got}, and the output {output.shape}")
    return given.astype(output.dtype.numpy)


def _assigned(trace: Trace) -> dict[Node, str]:
    """The names that the program gives to tensors."""
    return {
        v.node: n
        for n, v in trace.variables.items()
        if isinstance(v, Tensor) and n not in trace.nodes and v.node.inputs
    }


def _jacobian(output: Node, variable: Node) -> Any:
    """The Jacobian, a row for each element of the output."""
    rows = []
    for at in range(output.size):
        unit = np.zeros(output.shape, output.dtype.numpy)
        unit[at] = 1
        found = vjp([output], [leaf(unit)], [variable], create_graph=True).get(variable)
        rows.append(np.zeros(variable.shape) if found is None else value(found))
    return np.array(rows)
