"""The op table: a file per family, each a list of declarations. `catalog.py` finds them by their spellings."""
