"""Elements by index or mask: taken, put back, looked for.

Its files:

    x[...]           index brackets embed
    by a tensor      gather scatter indexed along search
    by a mask        masked
"""
