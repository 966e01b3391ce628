"""`gradcli ops`: what exists; `gradcli ops NAME`: one op in full."""

from __future__ import annotations

from gradcli.cli.arguments import Arguments
from gradcli.cli.opsheet import sheet, sheet_text
from gradcli.environment import Environment
from gradcli.errors import NameError_, UsageError
from gradcli.graph.op import Op
from gradcli.ops.absent import absent_from
from gradcli.ops.catalog import catalog, declarations, spellings
from gradcli.suggest import nearest


def run_ops(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli ops`."""
    if arguments.bindings:
        name = arguments.bindings[0].name
        raise UsageError(f"gradcli ops has no option --{name}", hint="gradcli ops [NAME] [--json]")
    if len(arguments.operands) > 1:
        raise UsageError("gradcli ops takes one name", hint="gradcli ops softplus")
    as_json = "json" in arguments.flags
    if arguments.operands:
        found = find(arguments.operands[0])
        described = [sheet(op) for op in found]
        environment.stdout.write(_json(described) if as_json else "\n".join(map(sheet_text, described)))
        return 0
    listed = listing()
    environment.stdout.write(_json([{"name": n, "doc": d} for n, d in listed]) if as_json else _columns(listed))
    return 0


def find(name: str) -> list[Op]:
    """The overloads of a spelling; a method may be written `x.sum` or `.sum`.

    Raises: NameError_ with the nearest spelling, or saying that torch has it and gradcli does not.
    """
    plain = name.removesuffix("()")
    head, _, last = plain.rpartition(".")
    known = catalog().modules
    spelling = plain if not head or head in known else f"F.{last}" if head.endswith("functional") else f".{last}"
    found = declarations(spelling.removeprefix("torch.linalg.")) or declarations(f".{last}")
    if found:
        return found
    why = absent_from(last)
    if why is not None:
        raise NameError_(f"torch has {last}, gradcli does not: {why}")
    near = nearest(last, [word.rpartition(".")[2] for word in spellings()])
    raise NameError_(f"there is no op {name!r}", hint=f"did you mean {near}?" if near else "gradcli ops lists them all")


def listing() -> list[tuple[str, str]]:
    """Every public op by its first spelling, with its doc line, in alphabetical order."""
    found = catalog()
    rows: dict[str, str] = {}
    for module, names in found.modules.items():
        for name, overloads in names.items():
            spelled = name if module == "torch" else f"{module}.{name}"
            if module != "torch" and any(op in found.modules["torch"].get(name, ()) for op in overloads):
                continue
            rows[spelled] = overloads[0].doc
    for name, overloads in found.methods.items():
        if name not in found.modules["torch"]:
            rows[f"x.{name}"] = overloads[0].doc
    return sorted(rows.items(), key=lambda row: row[0].lower())


def _columns(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows) + 2
    return "".join(f"{name:<{width}}{doc}\n" for name, doc in rows)


def _json(data: object) -> str:
    import json

    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"
