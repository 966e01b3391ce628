"""The same elements in another shape, order, place or dtype.

Its files:

    views            shape order part diagonal views strides
    new tensors      join copies convert memory
"""
