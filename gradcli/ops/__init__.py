"""The op table: a file per family, each a list of declarations. `catalog.py` finds them by their spellings.

Where to find what (`graph/op.py` says how a declaration is written):

    elementwise      arithmetic explog trig rounding limits compare bitwise blend special gamma bessel
    activations      activations gates gelu dropout gumbel
    reductions       reduce extremes counts statistics norms softmax scan differences maskedreduce
    order            sort search histogram
    shapes, views    shape order part views join diagonal copies strides
    indices, masks   index brackets indexed gather scatter along embed masked held
    making tensors   create convert memory updates vander signalwindows tapers
    products         products tensordot einsum equation distances
    linear algebra   inverses equations leastsquares cholesky qr reflections lu svd eigen matrixpowers conditions
    layers           layers attention normalize batchnorm bags shuffle
    images, signals  convolution pooling maxpooling adaptive folding padding resize resample grids
    losses           losses crossentropy likelihood margins ctc
    random numbers   random refill chances

What they are made of:

    declarations     declare dtyperules matrixchecks matrixparts windows sampling
    kernels          fromscipy errorfunction spectra cascade precise multiplyadd select
    random streams   generator mersenne boxmuller
    names            catalog spelled absent
"""
