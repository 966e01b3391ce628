"""The command line: options as data, values, one file per command."""
