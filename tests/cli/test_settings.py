"""Flags before GRADCLI_* variables before the config file."""

import io

import pytest

from gradcli.cli.arguments import read_arguments
from gradcli.cli.options import EVAL
from gradcli.cli.settings import apply_settings
from gradcli.environment import Environment
from gradcli.errors import UsageError


def settle(folder, *words, config=None, **variables):
    if config is not None:
        (folder / "gradcli").mkdir()
        (folder / "gradcli" / "config.toml").write_text(config)
    arguments = read_arguments(EVAL, ["e", *words])
    streams = io.StringIO(), io.StringIO(), io.StringIO()
    apply_settings(arguments, Environment(*streams, {"XDG_CONFIG_HOME": str(folder), **variables}))
    return arguments.values


def test_order(tmp_path):
    config = 'names = "torch2"\ndtype = "float64"\ntimeout = 2.5\n'
    values = settle(tmp_path, "--dtype", "float16", config=config, GRADCLI_DTYPE="float32", GRADCLI_NAMES="torch1")
    assert values == {"dtype": "float16", "names": "torch1", "timeout": "2.5"}


def test_a_format_holds_for_the_commands_that_have_it(call):
    csv, json = {"GRADCLI_FORMAT": "csv"}, {"GRADCLI_FORMAT": "json"}
    assert call("check", "x**2", "--x", "1", variables=json).out.startswith('{"verdict": "ok"')
    assert call("check", "x**2", "--x", "1", variables=csv).out.startswith("first derivatives")
    assert call("explain", "x**2", "--x", "1", variables=json).out.startswith("{")
    assert call("explain", "x**2", "--x", "1", "--to", "latex", variables=json).out.startswith("\\")
    assert call("eval", "x", "--x", "1", variables={"GRADCLI_FORMAT": "cvs"}).err.startswith(
        "error: GRADCLI_FORMAT is one"
    )


def test_no_file(tmp_path):
    assert settle(tmp_path) == {}


def test_json_is_a_format(tmp_path):
    assert settle(tmp_path, "--json", GRADCLI_FORMAT="csv") == {"format": "json"}
    with pytest.raises(UsageError, match="--json and --format text contradict each other"):
        settle(tmp_path, "--json", "--format", "text")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("name = 'torch1'", "there is no setting 'name'"),
        ("names = 'torch3'", "names is one of torch1, torch2, not 'torch3'"),
        ("names =", "is not TOML"),
    ],
)
def test_wrong_files_are_named(tmp_path, config, message):
    with pytest.raises(UsageError, match=message) as caught:
        settle(tmp_path, config=config)
    assert "config.toml" in str(caught.value)


def test_wrong_variable_is_named(tmp_path):
    with pytest.raises(UsageError, match="GRADCLI_DTYPE is one of"):
        settle(tmp_path, GRADCLI_DTYPE="int8")
