"""Tensors from sizes and numbers alone.

Its files:

    create           create
    windows          tapers signalwindows
"""
