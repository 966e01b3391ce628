"""Values that are Python's.

Its files:

    values           values types builtins methods natives arguments callables operators attributes sorting limits
    text             formatting percent
    classes          classes instance dataclass exceptions
    modules          standard mathmodule containers copying
"""
