"""The two folders with the most files have a map at their door, and every file is on it once."""

from pathlib import Path

import pytest

import gradcli
from gradcli import language, ops


@pytest.mark.parametrize("package", [language, ops], ids=lambda package: package.__name__)
def test_every_file_is_on_the_map_of_its_folder(package):
    rows = [line[21:] for line in package.__doc__.splitlines() if line.startswith("    ")]
    listed = " ".join(rows).split()
    folder = Path(gradcli.__file__).parent / package.__name__.rpartition(".")[2]
    assert sorted(listed) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
