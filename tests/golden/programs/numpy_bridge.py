import numpy as np
import torch

a = np.ones(3)
t = torch.from_numpy(a)
print(a, t)
np.add(a, 1, out=a)
print(a, t)
t.mul_(10)
print(a.tolist(), t)

b = torch.zeros(2, 2)
c = b.numpy()
b[0, 0] = 5
print(c)
c[1, 1] = -1
print(b)

x = torch.tensor([1.0, 4.0, 9.0], requires_grad=True)
y = x.sqrt().sum()
y.backward()
print(y.item(), x.grad.numpy())
print(x.detach().numpy(), type(x.detach().numpy()))
data = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
m = torch.tensor(data)
data[0, 0] = 100
print(m, m.dtype, data.dtype, data.shape)
print(torch.as_tensor([1, 2]).numpy().sum(), np.mean(data))
print(np.allclose(np.exp(a / 20), torch.exp(t / 20).numpy()))
print(torch.from_numpy(np.arange(6).reshape(2, 3)).float() @ torch.ones(3))
