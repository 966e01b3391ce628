"""The derivative of every op as a function of PyTorch, numpy and jax: it runs there, and gives the gradient."""

import importlib

import numpy as np
import pytest

from gradcli.engine.run import value
from gradcli.errors import GradcliError
from gradcli.graph.node import NeedsValue
from gradcli.ops.catalog import declare_all, spellings_of
from gradcli.render.exports import FUNCTIONAL, NoName, TorchStyle, module_style
from gradcli.render.prelude import LIBRARIES, functions, module_text
from gradcli.render.termtext import formula_lines
from gradcli.simplify.formula import builder, simplified
from tests.ops.check_declaration import cases
from tests.simplify.test_formulas import OPS, SEEDED, Derivatives

# signs of singular vectors are each library's own; jax.nn.softmax takes no 0-d arrays
DIFFERENT = {"torch": {"_linalg_svd": 1}, "jax": {"softmax": 1, "log_softmax": 1}}


def derivatives(op, of):
    """Each case of an op with its derivatives at the case's point: their names, and by leaf a node and a value."""
    for case in cases(op):
        try:
            traced = Derivatives(case, of, case.arrays, deferring=True)
            there = Derivatives(case, of, case.arrays, [node.value for node in traced.seeds])
        except (GradcliError, NeedsValue):
            continue
        names = {n: f"a{at}" for at, n in enumerate(traced.leaves)} | {n: f"v{at}" for at, n in enumerate(traced.seeds)}
        arrays = [*case.arrays, *(node.value for node in traced.seeds)]
        for leaf, known in zip(traced.leaves, there.leaves, strict=True):
            if leaf in traced.found:
                yield names, arrays, traced.found[leaf], names[leaf], value(there.found[known])


def written(to, names, node, by, exact):
    """The function of a module, and whether the formula takes anything for granted."""
    b = builder(exact=exact)
    term = simplified(node, names, b)
    style = module_style(to, {name: n.shape for n, name in names.items()}, {}, by)
    lines = formula_lines(term, style, {*names.values(), *LIBRARIES[to]})
    body = "".join(f"    {part} = {text}\n" if part else f"    return {text}\n" for part, text in lines)
    space = {}
    exec(compile(module_text(to, f"def f({', '.join(names.values())}):\n{body}"), by, "exec"), space)  # noqa: S102
    return space["f"], body, b.assumed or b.leant


def wrong(to, make, names, arrays, node, by, wanted):
    """What is wrong with an exported derivative, or None."""
    for exact in (False, True):  # as `diff` does: first what takes things for granted
        f, body, granted = written(to, names, node, by, exact)
        try:
            got = np.asarray(f(*map(make, arrays)), dtype=float)
        except (ArithmeticError, AttributeError, LookupError, NameError, RuntimeError, TypeError, ValueError) as error:
            found = f"{body}{type(error).__name__}: {error}"
            continue
        fine = np.isfinite(wanted)
        scale = max(np.abs(wanted[fine]).max() if fine.any() else 1.0, 1.0)
        if got.shape == wanted.shape and np.allclose(got[fine], wanted[fine], rtol=1e-9, atol=1e-12 * scale):
            return None
        found = f"{body}{got} is not {wanted}"
        if not granted:
            break
    return found


def failures(to, make, ops, of):
    """How many derivatives there were, the refusals by name, and what was wrong by op."""
    count, refused, found = 0, set(), {}
    with np.errstate(all="ignore"):
        for op in ops:
            for parts in derivatives(op, of):
                count += 1
                try:
                    message = wrong(to, make, *parts)
                except NoName as missing:
                    refused.add(str(missing))
                    continue
                if message:
                    found.setdefault(op.name, []).append(message)
    return count, refused, found


def check_all(to, make, ops=OPS, of=SEEDED):
    count, refused, found = failures(to, make, ops, of)
    assert count > 3 * len(ops)
    assert not refused
    allowed = DIFFERENT.get(to, {})
    more = [message for name, messages in found.items() if len(messages) > allowed.get(name, 0) for message in messages]
    assert not more, "\n\n".join(more)


def test_every_tenth_op_in_numpy():
    assert failures("numpy", np.asarray, OPS[::10], SEEDED)[1:] == (set(), {})


@pytest.mark.slow
def test_every_op_in_numpy():
    check_all("numpy", np.asarray)


@pytest.mark.torch
def test_every_op_in_torch():
    check_all("torch", importlib.import_module("torch").tensor)


@pytest.mark.torch
def test_every_eighth_op_in_jax():
    jax = pytest.importorskip("jax", reason="needs jax beside PyTorch")
    jax.config.update("jax_enable_x64", True)
    check_all("jax", jax.numpy.asarray, OPS[::8])  # it compiles each call


@pytest.mark.torch
def test_every_public_op_has_its_name_in_torch():
    torch = importlib.import_module("torch")
    missing = set()
    for op in declare_all():
        names = [s for s in spellings_of(op) if not s.startswith((".", "torch."))]
        if not op.name.startswith("_") and op.differentiable and names:
            called = TorchStyle({}).call(min(names, key=lambda s: "." in s), ["x"]).partition("(")[0]
            owner = {"F": torch.nn.functional, "torch": torch, "x": torch.Tensor}.get(called.partition(".")[0])
            for part in called.split(".")[1:]:
                owner = getattr(owner, part, None)
            if owner is None and called not in functions("torch"):
                missing.add(called)
    assert not missing


def test_functions_of_f_are_none_of_torch_itself():
    assert "softmax" in FUNCTIONAL
    assert TorchStyle({}).call("softmax", ["x", "1"]) == "F.softmax(x, 1)"
    assert TorchStyle({}).call("exp", ["x"]) == "torch.exp(x)"
    assert TorchStyle({}).call("linalg.eig", ["x"]) == "eig(x)"


def test_what_has_no_name_is_refused():
    with pytest.raises(NoName, match="no_such_op"):
        module_style("numpy", {}, {}, "").call("no_such_op", ["x"])
