"""The language: text in, values and printed text out. `wiring.py` puts it together for a session.

The way of a program, and the files at each step (the grammar itself is `grammar/gradcli.lark`):

    text to tree     parse lexer lalr build parameters literals targets placement complaint ast
    parser tables    tables saved generate
    tree to code     lower statements expressions assignment functions scope code
    running code     machine wiring instructions variables arithmetic calls flow imports generators limits

What a program holds:

    values           values types builtins methods natives arguments callables operators attributes sorting
    text             formatting percent
    classes          classes instance dataclass exceptions
    Python's modules standard mathmodule numpymodule containers copying
    tensors          tensor members index operate call binding outputs results construct text hooks context
    torch's names    modules leftout gradmode devices numberlimits randomness clipping

Derivatives, as torch.autograd and torch.func have them:

    gradients        autograd gradcalls gradfn function gradchecks
    matrices         functional jacobians products matrices
    transforms       transforms levels trees batching onepass
"""
