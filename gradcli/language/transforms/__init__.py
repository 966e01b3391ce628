"""Functions of a program differentiated.

Its files:

    a program's own  function
    matrices         functional jacobians products matrices
    transforms       transforms levels trees batching onepass
    checks           gradchecks
"""
