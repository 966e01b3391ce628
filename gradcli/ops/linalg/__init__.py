"""Products, norms, factorisations and equations of matrices.

Its files:

    products         products tensordot einsum equation vander
    sizes            norms conditions
    equations        inverses equations leastsquares
    factorisations   cholesky qr reflections lu svd eigen
    functions        matrixpowers
    in common        matrixchecks matrixparts spectra
"""
