"""Text to tree.

Its files:

    parsing          parse lexer lalr
    tree             ast build parameters literals targets placement
    mistakes         complaint
    parser tables    tables saved generate
"""
