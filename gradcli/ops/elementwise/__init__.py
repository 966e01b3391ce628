"""Functions of one element, or of elements in the same place.

Its files:

    arithmetic       arithmetic blend bitwise rounding
    functions        explog trig special gamma bessel
    choices          compare limits
    activations      activations gates gelu
    kernels          errorfunction multiplyadd precise
"""
