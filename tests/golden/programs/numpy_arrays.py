# arrays have numpy's methods where these differ from a tensor's
import numpy as np
import torch

t = torch.tensor([[1.5, 2.5], [3.75, -4.25]], dtype=torch.float64)
a = t.numpy()
print(a.round(1), a.std(), a.var(axis=0), a.std(axis=1, ddof=1))
print(a.max(), a.min(axis=1), a.argmax(axis=1), a.size, a.ndim, a.shape)
print(a.mean(axis=0), a.sum(axis=1), a.prod(), a.cumsum(), a.trace())
print(a.transpose(), a.T.transpose(1, 0), np.transpose(a), a.clip(0, 2))
print(a.repeat(2), np.repeat(np.array([1, 2]), 2), a.dot(a), a.all(), a.any())
print(t.std(), t.max(0), t.repeat(1, 2), t.transpose(0, 1))
