"""The folders with the most files have a map at their door, and every file is on it once."""

from importlib import import_module
from pathlib import Path

import pytest

from gradcli import cli, engine, language, ops


def lines_of_map(package):
    return [line[4:] for line in package.__doc__.splitlines() if line.startswith("    ")]


def folders(package):
    return sorted(path.parent.name for path in Path(package.__file__).parent.glob("*/__init__.py"))


PACKAGES = [cli, engine]
PACKAGES += [import_module(f"{package.__name__}.{name}") for package in (language, ops) for name in folders(package)]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_file_is_on_the_map_of_its_folder(package):
    listed = " ".join(line[17:] for line in lines_of_map(package)).split()
    files = Path(package.__file__).parent.glob("*.py")
    assert sorted(listed) == sorted(path.stem for path in files if path.stem != "__init__")


@pytest.mark.parametrize("package", [language, ops], ids=lambda package: package.__name__)
def test_every_folder_is_on_the_map(package):
    assert sorted(line.split()[0] for line in lines_of_map(package)) == folders(package)
