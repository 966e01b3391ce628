"""`gradcli jacobian` and `gradcli hessian`: the derivatives of every element, as one labelled matrix or as tensors."""

from __future__ import annotations

from gradcli.cli.arguments import Arguments
from gradcli.cli.blocks import Blocks, Part, render_blocks
from gradcli.cli.evaluation import Evaluation, evaluate, write_evaluation
from gradcli.environment import Environment
from gradcli.errors import ShapeError
from gradcli.language.transforms import matrices


def run_jacobian(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli jacobian`."""
    return write_evaluation(arguments, environment, lambda: _jacobian(evaluate(arguments, environment)), _render)


def run_hessian(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli hessian`."""
    return write_evaluation(arguments, environment, lambda: _hessian(evaluate(arguments, environment)), _render)


def _jacobian(evaluation: Evaluation) -> tuple[Evaluation, Blocks]:
    outputs, wrt = evaluation.outputs, evaluation.wrt
    names = evaluation.output_names()
    rows = [Part(name, tuple(y.shape)) for name, y in zip(names, outputs, strict=True)]
    columns = [Part(name, tuple(x.shape)) for name, x in wrt.items()]
    blocks = matrices.jacobian(outputs, list(wrt.values()))
    return evaluation, Blocks("jacobian", evaluation.value, rows, columns, blocks)


def _hessian(evaluation: Evaluation) -> tuple[Evaluation, Blocks]:
    if len(evaluation.outputs) > 1:
        raise ShapeError(
            f"second derivatives are those of one number, and the expression has {len(evaluation.outputs)} outputs"
        )
    wrt = evaluation.wrt
    parts = [Part(name, tuple(x.shape)) for name, x in wrt.items()]
    blocks = matrices.hessian(evaluation.outputs[0], list(wrt.values()))
    return evaluation, Blocks("hessian", evaluation.value, parts, parts, blocks)


def _render(found: Blocks, form: str, environment: Environment) -> str | bytes:
    if form == "terminal":
        from gradcli.render.tables import matrix_table  # start-up: rich is for terminals alone

        of = f" of {_and([part.name for part in found.rows])}" if found.kind == "jacobian" else ""
        return matrix_table(
            found.matrix(),
            found.row_labels,
            found.column_labels,
            title=f"{found.kind}{of} by {_and([part.name for part in found.columns])}",
            layout=found.layout,
            borders=([part.size for part in found.rows], [part.size for part in found.columns]),
            width=environment.width,
            color=environment.color_allowed(environment.stdout),
        )
    return render_blocks(found, form)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
