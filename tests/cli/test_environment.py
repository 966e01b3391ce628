"""Colour and paths follow the environment variables."""

import io

from gradcli.environment import Environment


class Terminal(io.StringIO):
    def isatty(self):
        return True


def environment(stream=None, **variables):
    return Environment(io.StringIO(), stream or io.StringIO(), io.StringIO(), variables)


def test_colour_only_on_a_terminal():
    terminal = Terminal()
    assert environment(terminal).color_allowed(terminal)
    assert not environment().color_allowed(io.StringIO())
    assert not environment(NO_COLOR="1").color_allowed(terminal)
    assert not environment(TERM="dumb").color_allowed(terminal)
    assert environment(NO_COLOR="").color_allowed(terminal)


def test_paths():
    assert environment(HOME="/h").config_path == "/h/.config/gradcli/config.toml"
    assert environment(HOME="/h", XDG_CONFIG_HOME="/c").config_path == "/c/gradcli/config.toml"
    assert environment(HOME="/h", XDG_CONFIG_HOME="relative").config_path == "/h/.config/gradcli/config.toml"
    assert environment(HOME="/h").history_path == "/h/.local/state/gradcli/history"
    assert environment(HOME="/h", XDG_STATE_HOME="/s").history_path == "/s/gradcli/history"
    assert environment(GRADCLI_HISTORY="/x").history_path == "/x"


def test_width():
    assert environment().width == 80
    assert environment(COLUMNS="120").width == 120
    assert environment(COLUMNS="zero").width == 80


def test_closed_streams_are_no_terminal():
    stream = io.StringIO()
    stream.close()
    assert not environment(stream).stdout_is_terminal


def test_debug():
    assert environment(GRADCLI_DEBUG="1").debug
    assert not environment(GRADCLI_DEBUG="0").debug
    assert not environment().debug
