"""Settings: flags, then GRADCLI_* variables, then the config file; the first that says something decides."""

from __future__ import annotations

import os

from gradcli.cli.arguments import Arguments, check_value
from gradcli.cli.options import COMMANDS, Option
from gradcli.environment import Environment
from gradcli.errors import UsageError
from gradcli.suggest import nearest


def apply_settings(arguments: Arguments, environment: Environment) -> None:
    """Fill in the options that the command line does not give.

    Raises: UsageError, which names the variable or the file, for a value the option cannot take.
    """
    if "json" in arguments.flags:
        if arguments.values.get("format", "json") != "json":
            raise UsageError(f"--json and --format {arguments.values['format']} contradict each other")
        arguments.values["format"] = "json"
    known = known_settings()
    config: dict[str, str] | None = None
    for option in arguments.command.options:
        if not option.setting or option.key in arguments.values:
            continue
        if option.key == "format" and "to" in arguments.values:
            continue  # the form is said already
        variable = "GRADCLI_" + option.key.upper()
        text = environment.variables.get(variable, "")
        if text:
            check_value(known[option.key], text, variable)
        else:
            config = read_config(environment.config_path) if config is None else config
            text = config.get(option.key, "")
        if text and (not option.choices or text in option.choices):  # csv is for others: `check` has none
            arguments.values[option.key] = text


def known_settings() -> dict[str, Option]:
    """Every setting by the key the config file uses, as the command has it that takes the most values."""
    found: dict[str, Option] = {}
    for option in (option for command in COMMANDS.values() for option in command.options if option.setting):
        if option.key not in found or len(option.choices) > len(found[option.key].choices):
            found[option.key] = option
    return found


def read_config(path: str) -> dict[str, str]:
    """The settings of the config file, as text; none where there is no file."""
    if not os.path.exists(path):
        return {}
    import tomllib  # here for start-up: most have no config file

    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except OSError as problem:
        raise UsageError(f"cannot read {path}: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageError(f"{path} is not TOML: {problem}") from None
    known = known_settings()
    settings = {}
    for key, value in content.items():
        if key not in known:
            near = nearest(key, known)
            hint = f"did you mean {near}?" if near else f"the settings are {', '.join(known)}"
            raise UsageError(f"{path}: there is no setting '{key}'", hint=hint)
        text = str(value)
        check_value(known[key], text, f"{path}: {key}")
        settings[key] = text
    return settings
