"""Many elements to fewer, or each with those before it.

Its files:

    sums             reduce softmax scan differences counts statistics
    order            extremes sort histogram
    under a mask     maskedreduce
    kernels          cascade select
"""
