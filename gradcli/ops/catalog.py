"""Every public spelling of every op: the one place that turns a name into declarations.

A plain spelling `mean` is the method `x.mean()`, `torch.mean` and the free name; `F.softplus` and `linalg.det` belong
to their module and are free names, too; `.T` is an attribute of tensors alone; `torch.zeros` a function alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from gradcli.graph.op import TABLE, Op
from gradcli.ops import (
    activations,
    adaptive,
    along,
    arithmetic,
    attention,
    bags,
    batchnorm,
    bessel,
    bitwise,
    blend,
    compare,
    convert,
    convolution,
    copies,
    create,
    crossentropy,
    ctc,
    decompose,
    diagonal,
    differences,
    distances,
    dropout,
    einsum,
    embed,
    explog,
    folding,
    gamma,
    gates,
    gather,
    gelu,
    grids,
    index,
    join,
    layers,
    leastsquares,
    likelihood,
    limits,
    linalg,
    losses,
    lu,
    margins,
    masked,
    maxpooling,
    memory,
    normalize,
    norms,
    order,
    padding,
    part,
    pooling,
    products,
    random,
    reduce,
    resample,
    resize,
    rounding,
    scan,
    scatter,
    search,
    shape,
    shuffle,
    softmax,
    sort,
    special,
    statistics,
    trig,
    views,
)

# importing a family declares its ops; overloads are tried in the order of declaration
FAMILIES = (
    activations,
    adaptive,
    along,
    arithmetic,
    attention,
    bags,
    batchnorm,
    bessel,
    bitwise,
    blend,
    compare,
    convert,
    convolution,
    copies,
    create,
    crossentropy,
    ctc,
    decompose,
    diagonal,
    differences,
    distances,
    dropout,
    einsum,
    embed,
    explog,
    folding,
    gamma,
    gates,
    gather,
    gelu,
    grids,
    index,
    join,
    layers,
    leastsquares,
    likelihood,
    limits,
    linalg,
    losses,
    lu,
    margins,
    masked,
    maxpooling,
    memory,
    normalize,
    norms,
    order,
    padding,
    part,
    pooling,
    products,
    random,
    reduce,
    resample,
    resize,
    rounding,
    scan,
    scatter,
    search,
    shape,
    shuffle,
    softmax,
    sort,
    special,
    statistics,
    trig,
    views,
)
MODULES = ("torch", "F", "linalg", "special")


class Catalog:
    """Overloads by spelling: `methods` and `free` by plain name, `modules` by module and name."""

    def __init__(self) -> None:
        self.methods: dict[str, list[Op]] = {}
        self.free: dict[str, list[Op]] = {}
        self.modules: dict[str, dict[str, list[Op]]] = {module: {} for module in MODULES}
        for op in TABLE:
            for spelling in spellings_of(op):
                self._add(spelling, op)
        self._find_free_names()

    def _add(self, spelling: str, op: Op) -> None:
        module, _, name = spelling.rpartition(".")
        if spelling.startswith("."):
            _append(self.methods, name, op)
            return
        if not module:
            _append(self.methods, name, op)
        _append(self.modules[module or "torch"], name, op)

    def _find_free_names(self) -> None:
        """A free name is torch's, or its F. form where that is what fits the call; else that of linalg or special."""
        for module in ("special", "linalg"):
            self.free.update(self.modules[module])
        torch, functional = self.modules["torch"], self.modules["F"]
        for name in (*torch, *functional):
            self.free[name] = list(dict.fromkeys([*torch.get(name, ()), *functional.get(name, ())]))


def _append(table: dict[str, list[Op]], name: str, op: Op) -> None:
    overloads = table.setdefault(name, [])
    if op not in overloads:
        overloads.append(op)


def spellings_of(op: Op) -> Iterator[str]:
    """The spellings of an op as its declaration lists them, its own name included where that is plain."""
    if "_" in op.spelled:
        return
    own = op.name.lstrip("_")
    if not any(s == own or s.rpartition(".")[2] == own for s in op.spelled) and not op.name.startswith("_"):
        yield own
    yield from op.spelled


@cache
def catalog() -> Catalog:
    """The table by spelling, made once."""
    return Catalog()


def spellings() -> list[str]:
    """All spellings: free names and `torch.name`, `F.name`, `linalg.name`; methods as `.name`."""
    found = catalog()
    listed = set(found.free) | {f".{name}" for name in found.methods}
    for module, names in found.modules.items():
        listed.update(f"{module}.{name}" for name in names)
    return sorted(listed)


def declarations(spelling: str) -> list[Op]:
    """The overloads of a spelling: `mean`, `torch.mean`, `F.softplus`, `.mean` for a method; [] when there are none."""
    found = catalog()
    module, _, name = spelling.rpartition(".")
    if spelling.startswith("."):
        return found.methods.get(name, [])
    return (found.modules.get(module, {}) if module else found.free).get(name, [])
