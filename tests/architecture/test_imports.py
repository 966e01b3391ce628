"""Imports go one way: the arrows of the architecture, read from the source."""

import ast
from functools import cache
from pathlib import Path

import pytest

import gradcli

PACKAGE = Path(gradcli.__file__).parent

# From the top down: a module may import from its own layer and those below it.
LAYERS = [
    ["cli", "__main__"],
    ["repl"],
    ["api", "replay", "__init__"],
    ["language"],
    ["autodiff", "simplify"],
    ["ops"],
    ["graph"],
    ["engine"],
    ["shapes", "dtypes"],
    ["source", "errors", "suggest", "environment", "version", "collector"],
]

# What the layers do not say: engine and graph know each other only as style allows, rendering is beside the stack.
ALLOWED = {
    ("engine", "graph"),  # the executor sees nodes, and what an op carries
    ("graph", "render"),  # the text form of a graph
}
MAY_RENDER = {"cli", "repl", "api", "language", "__init__"}
RENDER_IMPORTS = {"graph", "shapes", "dtypes", "source", "errors", "render"}
TERMINAL = {"rich", "prompt_toolkit", "pygments"}


def part_of(module: str) -> str:
    """`gradcli.ops.reductions.reduce` -> `ops`; the package itself is `__init__`."""
    return [*module.split("."), "__init__"][1]


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        yield relative.parts[0].removesuffix(".py"), path


@cache
def imports_and_calls(path: Path) -> list[ast.Import | ast.ImportFrom | ast.Call]:
    """The places of a file that these tests look at."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)]


def imports(path: Path):
    """Every module a file imports, with the line; those under TYPE_CHECKING count, since they are arrows too."""
    for node in imports_and_calls(path):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            if node.module == "gradcli":
                for alias in node.names:
                    yield f"gradcli.{alias.name}", node.lineno
            else:
                yield node.module, node.lineno


def level(part: str) -> int:
    found = next((at for at, layer in enumerate(LAYERS) if part in layer), None)
    assert found is not None, f"{part} has no place in the architecture"
    return found


def allowed(importer: str, imported: str) -> bool:
    if importer == imported or (importer, imported) in ALLOWED:
        return True
    if importer == "render":
        return imported in RENDER_IMPORTS
    if imported == "render":
        return importer in MAY_RENDER
    return level(importer) <= level(imported)


def test_imports_go_one_way():
    for part, path in modules():
        for module, line in imports(path):
            if module.split(".")[0] == "gradcli":
                target = part_of(module)
                assert allowed(part, target), f"{path.relative_to(PACKAGE)}:{line}: {part} must not import {target}"


def test_only_render_and_repl_know_the_terminal():
    for part, path in modules():
        for module, line in imports(path):
            if module.split(".")[0] in TERMINAL:
                assert part in ("render", "repl"), (
                    f"{path.relative_to(PACKAGE)}:{line}: {part} must not import {module}"
                )


def test_the_engine_imports_no_op():
    for part, path in modules():
        if part == "engine":
            for module, line in imports(path):
                assert part_of(module) != "ops", f"{path.relative_to(PACKAGE)}:{line}: the engine must not import ops"


# folders of one layer: what each of them does without
WITHOUT = {
    "language.syntax": {f"language.{name}" for name in ("compiler", "machine", "python", "tensors", "transforms")},
    "language.python": {"language.tensors", "language.transforms"},
    "ops.elementwise": {"ops.layers", "ops.linalg", "ops.losses", "ops.random", "ops.reductions"},
    "ops.linalg": {"ops.layers", "ops.losses", "ops.random"},
    "ops.reductions": {"ops.layers", "ops.losses", "ops.random"},
    "ops.shapes": {"ops.layers", "ops.linalg", "ops.losses", "ops.random"},
}


@pytest.mark.parametrize("folder", WITHOUT)
def test_folders_of_a_layer_keep_their_order(folder):
    for path in sorted(PACKAGE.joinpath(*folder.split(".")).glob("*.py")):
        for module, line in imports(path):
            target = ".".join(module.split(".")[1:3])
            assert target not in WITHOUT[folder], f"{path.relative_to(PACKAGE)}:{line}: {target} is not for {folder}"


def test_a_wrong_arrow_is_seen():
    assert not allowed("ops", "cli")
    assert not allowed("graph", "language")
    assert not allowed("engine", "ops")
    assert not allowed("render", "ops")
    assert not allowed("ops", "render")
    assert allowed("cli", "errors")
    assert allowed("language", "ops")


def test_nothing_reaches_python_itself():
    """No eval, exec, compile, pickle or import by name: a program reaches gradcli's tables alone."""
    forbidden = {"eval", "exec", "compile", "__import__"}
    for _, path in modules():
        for node in imports_and_calls(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in forbidden, f"{path}:{node.lineno}: {node.func.id}()"
        assert not {module for module, _ in imports(path)} & {"pickle", "shelve", "marshal", "dill"}, path
