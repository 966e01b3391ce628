"""The derivatives of every op, and the op itself, as functions of PyTorch, numpy and jax: they run there, and give what
the graph gives."""

import importlib

import numpy as np
import pytest

from gradcli.engine.run import value
from gradcli.errors import GradcliError
from gradcli.graph.node import MODE, NeedsValue
from gradcli.ops.catalog import declare_all, spellings_of
from gradcli.render.exports import FUNCTIONAL, NoName, TorchStyle, module_style
from gradcli.render.prelude import LIBRARIES, functions, module_text
from gradcli.render.termtext import formula_lines
from gradcli.simplify.formula import builder, simplified
from gradcli.simplify.noform import NoForm
from tests.ops.check_declaration import cases
from tests.simplify.test_formulas import OPS, SECOND, SEEDED, SQUARED, Derivatives

VALUES = "values"
ALL = [op for op in declare_all() if op.samples and not op.random]
# what the libraries have no function for
REFUSED = {"numpy": {"linalg.ldl_factor", "linalg.ldl_solve"}, "jax": {"linalg.ldl_factor", "linalg.ldl_solve"}}
# signs of singular vectors are each library's own; jax takes the lower of two nearest quantiles
DIFFERENT = {"torch": {"_linalg_svd"}, "jax": {"quantile", "nanquantile"}}


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


def values(op):
    """Each case of an op with its results: names, arrays, and by the first leaf a node and a value."""
    for case in cases(op):
        MODE.deferring = True
        try:
            leaves, traced = case.outputs(case.arrays)
        except (GradcliError, NeedsValue):
            continue
        finally:
            MODE.deferring = False
        names = {node: f"a{at}" for at, node in enumerate(leaves)}
        for node, known in zip(traced, case.outputs(case.arrays)[1], strict=True):
            yield names, case.arrays, node, "a0" if names else "", np.asarray(value(known), dtype=float)


def written(to, names, node, by, exact):
    """The function of a module, and whether the formula takes anything for granted."""
    b = builder(exact=exact)
    term = simplified(node, names, b)
    style = module_style(to, {name: n.shape for n, name in names.items()}, {}, by, {})
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


def failures(to, make, ops, of, every=1):
    """How many formulas there were, the refusals by name, and what was wrong by op. every: of so many formulas one."""
    seen, count, refused, found = 0, 0, set(), {}
    with np.errstate(all="ignore"):
        for op in ops:
            for parts in values(op) if of == VALUES else derivatives(op, of):
                seen += 1
                if seen % every:
                    continue
                count += 1
                try:
                    message = wrong(to, make, *parts)
                except NoName as missing:
                    refused.add(str(missing))
                    continue
                except NoForm:  # of a result that has no derivative
                    continue
                if message:
                    found.setdefault(op.name, []).append(message)
    return count, refused, found


def check_all(to, make, of, every=1):
    count, refused, found = failures(to, make, ALL if of == VALUES else OPS, of, every)
    assert count > 400 // every
    assert refused <= REFUSED.get(to, set())
    more = [message for name in set(found) - DIFFERENT.get(to, set()) for message in found[name]]
    assert not more, "\n\n".join(more)


def test_every_tenth_op_in_numpy():
    assert failures("numpy", np.asarray, OPS[::10], SEEDED)[1:] == (set(), {})


@pytest.mark.slow
@pytest.mark.parametrize("of", [VALUES, SEEDED, SQUARED, SECOND])
def test_every_op_in_numpy(of):
    check_all("numpy", np.asarray, of)


@pytest.mark.torch
@pytest.mark.parametrize("of", [VALUES, SEEDED, SQUARED, SECOND])
def test_every_op_in_torch(of):
    check_all("torch", importlib.import_module("torch").tensor, of)


@pytest.mark.torch
@pytest.mark.parametrize("of", [VALUES, SEEDED, SQUARED, SECOND])
def test_every_twentieth_formula_in_jax(of):
    jax = pytest.importorskip("jax", reason="needs jax beside PyTorch")
    jax.config.update("jax_enable_x64", True)
    check_all("jax", jax.numpy.asarray, of, every=20)  # it compiles each call


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
        module_style("numpy", {}, {}, "", {}).call("no_such_op", ["x"])
