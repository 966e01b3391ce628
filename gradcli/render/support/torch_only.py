"""What PyTorch gives with complex numbers, and gradcli in real ones."""

import torch


def eigvals(a):
    return torch.linalg.eigvals(a).real


def eig(a):
    values, vectors = torch.linalg.eig(a)
    return values.real, vectors.real
