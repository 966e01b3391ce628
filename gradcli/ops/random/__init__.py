"""Random numbers: bit for bit those of PyTorch's CPU generator.

Its files:

    ops              random refill chances dropout gumbel
    streams          generator mersenne boxmuller
"""
