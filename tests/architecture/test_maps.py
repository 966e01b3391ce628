"""The folders with the most files have a map at their door, and every file is on it once."""

from pathlib import Path

import pytest

from gradcli import cli, engine, language, ops


@pytest.mark.parametrize("package", [cli, engine, language, ops], ids=lambda package: package.__name__)
def test_every_file_is_on_the_map_of_its_folder(package):
    listed = " ".join(line[21:] for line in package.__doc__.splitlines() if line.startswith("    ")).split()
    files = Path(package.__file__).parent.glob("*.py")
    assert sorted(listed) == sorted(path.stem for path in files if path.stem != "__init__")
