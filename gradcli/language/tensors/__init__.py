"""Values that are torch's.

Its files:

    tensors          tensor members index operate construct text results
    calls of ops     call binding outputs
    torch's names    modules numpymodule leftout gradmode devices numberlimits randomness clipping
    gradients        autograd gradcalls gradfn
"""
