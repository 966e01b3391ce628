"""The catalog: every family is in it, and every spelling leads to its declaration."""

import pkgutil

import gradcli.ops
from gradcli.graph.op import TABLE
from gradcli.ops import catalog as catalog_module
from gradcli.ops.absent import ABSENT
from gradcli.ops.catalog import catalog, declarations, spellings, spellings_of


def test_every_module_that_declares_ops_is_a_family():
    listed = {family.__name__.rpartition(".")[2] for family in catalog_module.FAMILIES}
    for module in pkgutil.iter_modules(gradcli.ops.__path__):
        source = open(f"{gradcli.ops.__path__[0]}/{module.name}.py").read()
        declares = "= op(\n" in source or "\nop(\n" in source or "= unary(\n" in source or "= binary(\n" in source
        assert not declares or module.name in listed, f"{module.name} is not in FAMILIES"


def test_every_spelling_leads_to_its_declaration():
    catalog()
    for op in TABLE:
        for spelling in spellings_of(op):
            assert op in declarations(spelling), spelling


def test_free_names_are_torchs_or_those_of_its_modules():
    assert declarations("mean") == declarations("torch.mean")
    assert declarations("layer_norm") == declarations("F.layer_norm")
    assert declarations("det") == declarations("torch.det") != declarations("linalg.det")
    assert declarations("vector_norm") == declarations("linalg.vector_norm")


def test_methods_are_not_functions_and_functions_are_not_methods():
    assert declarations(".view") and not declarations("torch.view")
    assert declarations("torch.zeros") and not declarations(".zeros")


def test_a_spelling_is_listed_once():
    listed = spellings()
    assert len(listed) == len(set(listed)) > 1000


def test_what_is_called_absent_is_missing_as_function_or_as_method():
    found = catalog()
    both = set(found.methods) & set(found.modules["torch"])
    assert not {name for names in ABSENT.values() for name in names.split()} & both
