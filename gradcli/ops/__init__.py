"""The op table: folders of families, each a file with a list of declarations. `catalog.py` finds them by name.

    elementwise      functions of one element, or of elements in the same place
    reductions       many elements to fewer: sums, extremes, scans, ranks, statistics
    shapes           the same elements in another shape, order, place or dtype
    indexing         elements by index or mask: taken, put back, looked for
    linalg           products, norms, factorisations and equations of matrices
    layers           what networks are made of: convolution, pooling, normalisation, attention, images
    losses           how far what is found is from what is wanted
    random           random numbers, those of PyTorch's CPU generator
    creation         tensors from sizes and numbers alone

Beside the folders is what all of them use: declare, dtyperules and sampling for declarations (`graph/op.py` says how
one is written), catalog, spelled and absent for names, fromscipy for kernels, held and updates for nodes.
"""
