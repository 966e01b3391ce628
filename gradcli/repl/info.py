"""`:info NAME`: an operation as its declarations tell it, or a variable as it is."""

from __future__ import annotations

from gradcli.api import Session
from gradcli.errors import NameError_
from gradcli.graph.op import Op
from gradcli.language.tensors.tensor import Tensor
from gradcli.ops.catalog import catalog, spellings, spellings_of
from gradcli.suggest import nearest


def describe(name: str, session: Session) -> str:
    """The lines about a name. Raises: NameError_ for one that nothing has."""
    if name in session:
        return f"{name}: {summary(session[name])}\n"
    found = declarations(name)
    if found:
        return "".join(_about(op) for op in found)
    near = nearest(name, [*session.variables(), *spellings()])
    raise NameError_(f"nothing is named {name}", hint=f"did you mean {near}?" if near else None)


def declarations(spelling: str) -> list[Op]:
    """The overloads that go by a spelling: `mean`, `x.mean`, `torch.mean`, `F.relu`."""
    found = catalog()
    module, _, name = spelling.removesuffix("()").rpartition(".")
    if module in found.modules:
        return found.modules[module].get(name, [])
    return (found.free.get(name) if not module else None) or found.methods.get(name, [])


def summary(value: object) -> str:
    """A value in one line: a tensor by dtype and shape, anything else by its text."""
    if isinstance(value, Tensor):
        shape = ", ".join(map(str, tuple(value.shape)))
        facts = [f"{str(value.dtype).rpartition('.')[2]} [{shape}]"]
        if value.grad_fn is not None:
            facts.append(f"grad_fn {value.grad_fn.name()}")
        elif value.requires_grad:
            facts.append("requires_grad")
        return ", ".join(facts)
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _about(op: Op) -> str:
    lines = [op.signature.text, f"  {op.doc}"]
    lines.append(f"  spelled {', '.join(spellings_of(op))}")
    if op.torch2 is not None:
        lines.append(f"  grad_fn {op.torch2}" + (f" ({op.torch1} in torch1)" if op.torch1 != op.torch2 else ""))
    elif not op.differentiable:
        lines.append("  no derivative")
    return "\n".join(lines) + "\n"
