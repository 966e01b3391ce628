"""Variables are found before options, values may begin with a minus, nothing is abbreviated."""

import pytest

from gradcli.cli.arguments import read_arguments
from gradcli.cli.options import COMMANDS, EVAL, RESERVED
from gradcli.errors import UsageError


def read(*words):
    return read_arguments(EVAL, list(words))


def bound(*words):
    return [(binding.name, binding.text) for binding in read(*words).bindings]


def refused(*words):
    with pytest.raises(UsageError) as caught:
        read(*words)
    return str(caught.value), caught.value.hint


def test_variables_in_order():
    assert bound("x*y", "--x", "1", "--y=2") == [("x", "1"), ("y", "2")]
    assert read("x*y", "--x", "1").operands == ["x*y"]
    assert read("--x", "1", "x*y").operands == ["x*y"]


@pytest.mark.parametrize("value", ["-y", "-1e-3", "--y", "-", "--seed", "a=b", ""])
def test_the_next_word_is_the_value(value):
    assert bound("e", "--x", value) == [("x", value)]
    assert bound("e", f"--x={value}") == [("x", value)]


def test_options_take_the_next_word_too():
    assert read("e", "--seed", "-1").lists == {"seed": ["-1"]}
    assert read("e", "--seed", "1", "--seed=2").lists == {"seed": ["1", "2"]}
    assert read("e", "-o", "file").values == {"output_file": "file"}


def test_options_are_never_abbreviated():
    assert bound("e", "--s", "1") == [("s", "1")]
    assert bound("e", "--dtyp", "1") == [("dtyp", "1")]
    assert bound("e", "--form", "1") == [("form", "1")]


def test_a_variable_named_as_an_option():
    assert bound("e", "--var", "seed=3", "--var=x=1") == [("seed", "3"), ("x", "1")]
    assert refused("e", "--var", "seed") == ("--var needs NAME=VALUE, and got 'seed'", None)


def test_names_of_any_alphabet():
    assert bound("e", "--λ", "1", "--_", "2") == [("λ", "1"), ("_", "2")]


def test_words_of_the_language_are_no_variables():
    assert refused("e", "--lambda", "1") == (
        "'lambda' is a word of the language and cannot be a variable",
        "--lambda_ VALUE",
    )


def test_a_variable_is_bound_once():
    assert refused("e", "--x", "1", "--x", "2")[0] == "the variable x is bound twice"


def test_after_two_minuses_all_are_operands():
    assert read("--", "-x", "--y").operands == ["-x", "--y"]


def test_an_expression_may_begin_with_a_minus():
    assert read("-x**2", "--x", "1").operands == ["-x**2"]
    assert refused("-x")[1] == "an expression that begins with a minus goes after --: gradcli eval -- -x"


def test_unknown_options():
    assert refused("e", "--no-gard") == ("gradcli eval has no option --no-gard", "did you mean --no-grad?")
    assert refused("e", "-seed", "1")[1] == "did you mean --seed?"
    assert refused("e", "--cov", "1")[1] == "for a variable of that name: --var cov=VALUE"
    assert "the options are --seed" in refused("e", "--some-thing")[1]


def test_values_that_an_option_cannot_take():
    assert refused("e", "--dtype", "floa32") == (
        "--dtype is one of float32, float64, float16, not 'floa32'",
        "did you mean float32?",
    )
    assert refused("e", "--manual-seed", "x")[0] == "--manual-seed needs a whole number, and got 'x'"
    assert refused("e", "--timeout", "0")[0] == "--timeout needs a number of seconds above 0, and got '0'"
    assert refused("e", "--timeout", "nan")[0].startswith("--timeout needs")
    assert refused("e", "--wrt", "x,")[0] == "--wrt needs names separated by commas, and got 'x,'"
    assert refused("e", "--json=1")[0] == "--json takes no value"
    assert refused("e", "--x") == ("--x needs a value", "--x VALUE")
    assert refused("e", "--sede") == ("--sede needs a value", "did you mean --seed?")


def test_options_of_one_word_are_reserved():
    for command in COMMANDS.values():
        for option in command.options:
            for name in option.names:
                word = name.removeprefix("--")
                assert not name.startswith("--") or "-" in word or word in RESERVED, f"{command.name} {name}"
