"""Tree to code.

Its files:

    names            scope
    lowering         lower statements expressions assignment functions
    code             code
"""
