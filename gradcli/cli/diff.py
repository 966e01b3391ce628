"""`gradcli diff`: the derivative as a formula, which gradcli itself can evaluate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcli.cli.arguments import Arguments
from gradcli.cli.diffoutput import output_text, text_of
from gradcli.cli.problem import Derivative, Problem, read_problem
from gradcli.cli.program import ending, factors_in_order, in_order, tell_how_to_bind
from gradcli.cli.timelimit import time_limit
from gradcli.cli.tracing import Trace, ones
from gradcli.cli.verify import Check
from gradcli.environment import Environment
from gradcli.errors import GradcliError, GradError, NameError_, ShapeError, UsageError
from gradcli.graph.node import Node
from gradcli.graph.terms import below
from gradcli.graph.walk import ancestors
from gradcli.language.syntax import ast
from gradcli.language.tensors.tensor import Tensor
from gradcli.render.errortext import note_text
from gradcli.simplify.convert import spelling
from gradcli.simplify.formula import builder, simplified
from gradcli.simplify.noform import NoForm

SAME_WAY = "what the program reads from values (for branches, loops, numbers) is the same"


def run_diff(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli diff`."""
    with time_limit(arguments.values.get("timeout"), environment):
        to, with_test = arguments.values.get("to", "text"), "with_test" in arguments.flags
        if with_test and to in ("text", "latex"):
            raise UsageError("--with-test goes with --to torch, numpy, jax", hint="--to numpy --with-test")
        problem = read_problem(arguments, environment)
        try:
            derivatives = differentiate(problem)
        except NameError_ as error:
            tell_how_to_bind(error)
            raise
        text = output_text(problem, derivatives, to, with_test)
    environment.stdout.write(text)
    color = environment.color_allowed(environment.stderr)
    for note in dict.fromkeys([*problem.notes, *_assumptions(derivatives)]):
        print(note_text(note, color), file=environment.stderr)
    return 0


def _assumptions(derivatives: Sequence[Derivative]) -> list[str]:
    return [f"the formula holds where {text}" for d in derivatives for text in d.assumed]


def differentiate(problem: Problem) -> list[Derivative]:
    """The derivative for each variable asked for."""
    trace = _traced(problem)
    if not trace.outputs:
        raise GradError("the expression gives no tensor, so it has no derivative", hint=ending(problem.module))
    if problem.own:
        problem.wrt = list(dict.fromkeys([*problem.wrt, *trace.leaves()]))
    if not problem.wrt:
        raise UsageError("there is no variable to differentiate by", hint="--wrt x")
    seeds = _seeds(problem, trace)
    outputs = [output.node for output in trace.outputs]
    return [_derivative(problem, trace, outputs, seeds, name) for name in problem.wrt]


def _traced(problem: Problem) -> Trace:
    """The graph of the program: masks hold in any number of places, where that does not matter for shapes."""
    given = problem.module, problem.values, problem.dtype, problem.recorded()
    if problem.seed_value is not None:  # it says how many places there are
        return Trace(*given)
    try:
        return Trace(*given, counted=True)
    except GradcliError:
        if problem.sizes:  # nothing of unknown shapes is computed
            raise
        return Trace(*given)


def _seeds(problem: Problem, trace: Trace) -> list[Node]:
    if problem.seed is not None or problem.seed_value is not None:
        floating = [output for output in trace.outputs if output.dtype.floating]
        if len(floating) != 1:
            raise UsageError("--seed is for an expression with one output")
        (output,) = floating
        value = problem.seed_value
        if value is None:
            value = ones(output.shape, output.dtype)
        if not isinstance(value, np.ndarray) or value.shape != tuple(output.shape):
            got = value.shape if isinstance(value, np.ndarray) else type(value).__name__
            raise ShapeError(f"--seed has shape {got}, and the output {tuple(output.shape)}")
        seed = trace.seed(np.asarray(value), problem.seed)
        return [seed if y is output else trace.seed(ones(y.shape, y.dtype)) for y in trace.outputs]
    if any(output.shape for output in trace.outputs):
        shape = next(tuple(output.shape) for output in trace.outputs if output.shape)
        unknown = problem.sizes or set(shape) & set(trace.held.masks)
        shown = "more than one element" if unknown else f"shape {shape}"
        problem.notes.append(
            f"the output has {shown}: this is the derivative of the sum of its elements; --seed v gives J^T v for a v"
        )
    return [trace.seed(ones(output.shape, output.dtype)) for output in trace.outputs]


def _derivative(problem: Problem, trace: Trace, outputs: list[Node], seeds: list[Node], name: str) -> Derivative:
    target = trace.node(name)
    if not target.dtype.floating:
        raise GradError(f"--wrt: {name} is {target.dtype!r}, and only floating-point tensors have gradients")
    derivative = Derivative(name, target.shape)
    derivative.program = fallback(problem, trace, name, target in trace.names())
    tracked = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o.requires_grad]
    gradient = trace.pull([o for o, _ in tracked], [s for _, s in tracked], [target])[0] if tracked else None
    _mention_unruled(problem, outputs, target, name, gradient is None)
    for _ in range(problem.order - 1):
        gradient = _again(trace, gradient, target)
    if gradient is None:
        problem.notes.append(f"the output {_vanishing(problem.order)} {name}, as far as gradients see")
        derivative.term = builder(target.dtype, problem.sizes).zeros(target.shape)
        return derivative
    try:
        _find_formula(problem, derivative, trace, gradient, target)
    except NoForm as missing:
        derivative.term = None
        problem.notes.append(
            f"no formula is known for {missing.name.strip('_')}, so the derivative is written as a call"
        )
    return derivative


def _mention_unruled(problem: Problem, outputs: list[Node], target: Node, name: str, alone: bool) -> None:
    """Say that smooth functions on the way to a variable have no rule.

    Raises: GradError, where there is no other way.
    """
    unruled = [node for node in ancestors(outputs, _every) if node.op.unruled]
    recorded = [node for node in unruled if any(i.requires_grad for i in node.inputs)]
    shown = {spelling(node.op) for node in recorded if target in ancestors([node], _every)}
    if not shown:
        return
    which = " and ".join(sorted(shown))
    if alone:
        raise GradError(
            f"{which}: there is no rule for the derivative, so that by {name} is not known",
            hint="PyTorch has none either: it takes the result for a constant",
        )
    problem.notes.append(f"{which} has no rule for its derivative: as in PyTorch the result is taken for a constant")


def _every(node: Node) -> bool:
    return True


def _find_formula(problem: Problem, derivative: Derivative, trace: Trace, gradient: Node, target: Node) -> None:
    """Give a derivative the formula of its graph: the short one, which takes things for granted, where that holds.

    Raises: NoForm.
    """
    check = Check(problem, derivative.name)
    for exact in (False, True):
        b = builder(target.dtype, problem.sizes, exact)
        b.written = factors_in_order(problem.module)
        names, name = in_order(problem.module, trace.names()), derivative.name
        derivative.definition = None
        if name not in trace.nodes:
            derivative.definition = simplified(target, names, b, trace.held.masks)
            names = {**names, target: name}
        derivative.term = simplified(gradient, names, b, trace.held.masks)
        derivative.counts = b.counts
        parts = below(derivative.term)
        if not any(t.head == "variable" and t.param("name") == name for t in parts):
            derivative.definition = None
        text = text_of(problem, derivative)
        if check.agrees(text):
            derivative.assumed = [*b.assumed, *([SAME_WAY] if trace.chose else [])]
            if problem.same_rank and not check.agrees_with_other_rank(text):
                problem.notes.append(problem.taken)
            return
        if not b.assumed and not b.leant:
            break  # the exact form is the same
    derivative.term = None
    problem.notes.append("the formula that was found does not hold in general, so the derivative is written as a call")


def _vanishing(order: int) -> str:
    """What is true of an output whose derivative of an order is nought."""
    if order == 1:
        return "does not depend on"
    return "is at most linear in" if order == 2 else f"is a polynomial of degree {order - 1} at most in"


def _again(trace: Trace, gradient: Node | None, target: Node) -> Node | None:
    """The derivative of the sum of the gradient's elements."""
    if gradient is None or not gradient.requires_grad:
        return None
    return trace.pull([gradient], [trace.seed(ones(gradient.shape, gradient.dtype))], [target])[0]


def fallback(problem: Problem, trace: Trace, name: str, given: bool) -> str:
    """The derivative as a call of func.vjp or func.grad on the program itself. given: whether it is by a variable."""
    text = problem.source.text
    last = problem.module.body[-1]
    before, result = text[: last.start].strip().rstrip(";").strip(), text[last.start : last.end]
    if problem.order > 1 or problem.seed is None:
        result = _summed(problem, trace) if problem.seed is None else f"sum(({result}) * {problem.seed})"
    if not given:
        return f"# of {name}, which the program assigns, there is no formula"
    if before:
        body = "".join(f"    {line.strip() if ';' in before else line}\n" for line in _lines(before))
        define = f"def f({name}):\n{body}    return {result}\n"
        function = "f"
    else:
        define, function = "", f"lambda {name}: {result}"
    for _ in range(problem.order - 1):
        function = f"lambda {name}: sum(torch.func.grad({function})({name}))"
    if problem.order == 1 and problem.seed is not None:
        return f"{define}torch.func.vjp({function}, {name})[1]({problem.seed})[0]"
    return f"{define}torch.func.grad({function})({name})"


def _summed(problem: Problem, trace: Trace) -> str:
    """The sum of what the program ends with: of each output, if there are several."""
    text, last = problem.source.text, problem.module.body[-1]
    result = text[last.start : last.end]
    if not isinstance(trace.value, tuple | list):
        return f"sum({result})"
    whole = result if result.isidentifier() else f"({result})"
    texts = [f"{whole}[{at}]" for at in range(len(trace.value))]
    if isinstance(last, ast.ExprStmt) and isinstance(last.value, ast.TupleExpr | ast.ListExpr):
        written = [text[item.start : item.end] for item in last.value.items]
        texts = written if len(written) == len(texts) else texts
    outputs = zip(texts, trace.value, strict=True)
    return " + ".join(f"sum({part})" for part, output in outputs if isinstance(output, Tensor) and output.requires_grad)


def _lines(before: str) -> list[str]:
    if "\n" not in before:
        return [part.strip() for part in before.split(";") if part.strip()]
    return before.split("\n")
