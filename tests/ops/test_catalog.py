"""The catalog: every family is in it, and every spelling leads to its declaration."""

import subprocess
import sys
from pathlib import Path

import gradcli.ops
from gradcli.ops.absent import ABSENT
from gradcli.ops.catalog import (
    FAMILIES,
    catalog,
    declarations,
    declare_all,
    families_by_name,
    spellings,
    spellings_of,
)
from gradcli.ops.spelled import SPELLED


def test_every_module_that_declares_ops_is_a_family():
    for path in Path(gradcli.ops.__path__[0]).rglob("*.py"):
        source = path.read_text()
        declares = "= op(\n" in source or "\nop(\n" in source or "= unary(\n" in source or "= binary(\n" in source
        assert not declares or path.stem in FAMILIES, f"{path} is in no folder of catalog.py"


def test_the_written_table_of_spellings_is_up_to_date():
    assert families_by_name() == SPELLED, "run python -m gradcli.ops.catalog"


def test_a_name_loads_its_family_alone():
    program = (
        "import sys; from gradcli.ops.catalog import declarations; declarations('mean');"
        "print('gradcli.ops.reductions.reduce' in sys.modules, 'gradcli.ops.layers.convolution' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown == "True False\n"


def test_every_spelling_leads_to_its_declaration():
    for op in declare_all():
        for spelling in spellings_of(op):
            assert op in declarations(spelling), spelling


def test_free_names_are_torchs_or_those_of_its_modules():
    assert declarations("mean") == declarations("torch.mean")
    assert declarations("layer_norm") == declarations("F.layer_norm")
    assert declarations("det") == declarations("torch.det") != declarations("linalg.det")
    assert declarations("vector_norm") == declarations("linalg.vector_norm")


def test_methods_are_not_functions_and_functions_are_not_methods():
    assert declarations(".view")
    assert not declarations("torch.view")
    assert declarations("torch.zeros")
    assert not declarations(".zeros")


def test_a_spelling_is_listed_once():
    listed = spellings()
    assert len(listed) == len(set(listed)) > 1000


def test_what_is_called_absent_is_missing_as_function_or_as_method():
    found = catalog()
    both = set(found.methods) & set(found.modules["torch"])
    assert not {name for names in ABSENT.values() for name in names.split()} & both
