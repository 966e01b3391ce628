"""The language: text in, values and printed text out. `wiring.py` puts it together for a session.

    syntax           text to tree (the grammar itself is `grammar/gradcli.lark`)
    compiler         tree to code
    machine          running code
    python           values that are Python's, its operators and modules
    tensors          values that are torch's, its modules, and gradients
    transforms       functions of a program differentiated: torch.autograd.functional, torch.func, gradcheck

Beside them: `context.py`, what a session keeps for its tensors, and `hooks.py`, what the machine knows of them.
"""
