"""What networks are made of.

Its files:

    dense            layers attention bags
    normalisation    normalize batchnorm
    windows          convolution pooling maxpooling adaptive folding windows padding
    images           resize resample grids shuffle
"""
