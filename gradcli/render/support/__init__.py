"""Functions that exported modules are given where their library lacks one: read as text, a definition at a time.

Files named after no library serve numpy and jax.numpy alike: both are called `np` there.
"""
