"""Every public spelling of every op: the one place that turns a name into declarations.

A plain spelling `mean` is the method `x.mean()`, `torch.mean` and the free name; `F.softplus` and `linalg.det` belong
to their module and are free names, too; `.T` is an attribute of tensors alone; `torch.zeros` a function alone.

Families are imported when one of their names is first asked for: `spelled.py` says which family declares which name,
and `python -m gradcli.ops.catalog` writes it anew from the declarations (a test fails when it is stale).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cache

from gradcli.graph.op import TABLE, Op
from gradcli.ops.spelled import SPELLED

# the modules that declare ops, by folder
FOLDERS = {
    "elementwise": (
        "activations arithmetic bessel bitwise blend compare explog gamma gates gelu limits rounding special trig"
    ),
    "reductions": "counts differences extremes histogram maskedreduce reduce scan softmax sort statistics",
    "shapes": "convert copies diagonal join memory order part shape views",
    "indexing": "along brackets embed gather index indexed masked scatter search",
    "linalg": (
        "cholesky conditions eigen einsum equations inverses leastsquares lu matrixpowers norms products "
        "qr reflections svd tensordot vander"
    ),
    "layers": (
        "adaptive attention bags batchnorm convolution folding grids layers maxpooling normalize padding "
        "pooling resample resize shuffle"
    ),
    "losses": "crossentropy ctc distances likelihood losses margins",
    "random": "chances dropout gumbel random refill",
    "creation": "create signalwindows tapers",
}
PLACES = {name: f"gradcli.ops.{folder}.{name}" for folder, names in FOLDERS.items() for name in names.split()}
FAMILIES = sorted(PLACES)  # where several overload one name, those of the first are tried first
MODULES = ("torch", "F", "linalg", "special", "masked", "signal.windows")
FREE = MODULES[:4]  # those whose names need no module before them


class Names(Mapping[str, list[Op]]):
    """The overloads by name, of a module (`torch`) or of the methods (``); families are loaded as they are needed."""

    def __init__(self, prefix: str, families: Mapping[str, str]) -> None:
        self.prefix = prefix
        self._families = families
        self._found: dict[str, list[Op]] = {}

    def __getitem__(self, name: str) -> list[Op]:
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = declared(f"{self.prefix}.{name}", self._families[name].split())
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._families

    def __iter__(self) -> Iterator[str]:
        return iter(self._families)

    def __len__(self) -> int:
        return len(self._families)


class FreeNames(Mapping[str, list[Op]]):
    """The overloads of free names: torch's, then its F. form where that is what fits; else linalg's or special's."""

    def __init__(self, modules: Mapping[str, Names]) -> None:
        self._modules = modules
        self._names = set().union(*(modules[module] for module in FREE))

    def __getitem__(self, name: str) -> list[Op]:
        for group in (("torch", "F"), ("linalg",), ("special",)):
            found = [op for module in group for op in self._modules[module].get(name, ())]
            if found:
                return list(dict.fromkeys(found))
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Catalog:
    """Overloads by spelling: `methods` and `free` by plain name, `modules` by module and name."""

    def __init__(self) -> None:
        families: dict[str, dict[str, str]] = {prefix: {} for prefix in ("", *MODULES)}
        for listed, names in SPELLED.items():
            for spelling in names.split():
                prefix, _, name = spelling.rpartition(".")
                families[prefix][name] = listed
        self.methods = Names("", families[""])
        self.modules = {module: Names(module, families[module]) for module in MODULES}
        self.free = FreeNames(self.modules)


@cache
def catalog() -> Catalog:
    """The table by spelling, made once."""
    return Catalog()


def declared(spelling: str, families: list[str]) -> list[Op]:
    """The ops that go by a full spelling (`torch.mean`, `.mean`), in the order of these families."""
    for family in families:
        importlib.import_module(PLACES[family])
    return [op for family in families for op in TABLE if op.family == family and spelling in full_spellings(op)]


def declare_all() -> list[Op]:
    """Load every family: all ops there are."""
    for family in FAMILIES:
        importlib.import_module(PLACES[family])
    return TABLE


def spellings_of(op: Op) -> Iterator[str]:
    """The spellings of an op as its declaration lists them, its own name included where that is plain."""
    if "_" in op.spelled:
        return
    own = op.name.lstrip("_")
    if not any(s == own or s.rpartition(".")[2] == own for s in op.spelled) and not op.name.startswith("_"):
        yield own
    yield from op.spelled


def full_spellings(op: Op) -> Iterator[str]:
    """The spellings of an op with the module before each: `torch.mean` and `.mean` for a plain `mean`."""
    for spelling in spellings_of(op):
        if "." in spelling:
            yield spelling
        else:
            yield f".{spelling}"
            yield f"torch.{spelling}"


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
    names: Mapping[str, list[Op]] = found.free
    if module:
        names = found.modules.get(module, {})
    return names.get(name, [])


def families_by_name() -> dict[str, str]:
    """What `spelled.py` has to say: for each group of families, the spellings they declare."""
    homes: dict[str, list[str]] = {}
    for op in declare_all():
        for spelling in full_spellings(op):
            listed = homes.setdefault(spelling, [])
            if op.family not in listed:
                listed.append(op.family)
    groups: dict[str, list[str]] = {}
    for spelling, families in homes.items():
        groups.setdefault(" ".join(sorted(families, key=FAMILIES.index)), []).append(spelling)
    return {families: " ".join(sorted(names)) for families, names in sorted(groups.items())}


def spelled_module() -> str:
    """The text of `spelled.py`."""
    import textwrap

    entries = []
    for families, names in families_by_name().items():
        whole = f'    "{families}": "{names}",\n'
        if len(whole) <= 120:
            entries.append(whole)
            continue
        lines = textwrap.wrap(names, 110 if len(names) <= 110 else 109, break_on_hyphens=False)
        quoted = "\n".join(f'        "{line}{" " if at < len(lines) - 1 else ""}"' for at, line in enumerate(lines))
        entries.append(f'    "{families}": (\n{quoted}\n    ),\n')
    return (
        '"""Which families declare which spellings. Written by `python -m gradcli.ops.catalog`; do not edit."""\n\n'
        "SPELLED = {\n" + "".join(entries) + "}\n"
    )


if __name__ == "__main__":
    import os

    with open(os.path.join(os.path.dirname(__file__), "spelled.py"), "w", encoding="utf-8") as file:
        file.write(spelled_module())
