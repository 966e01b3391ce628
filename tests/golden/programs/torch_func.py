import torch
from torch.func import grad, vmap, vjp, jvp, jacrev, jacfwd, hessian

torch.manual_seed(0)


def loss(params, x, y):
    pred = torch.tanh(x @ params["w"] + params["b"])
    return ((pred - y) ** 2).mean()


params = {"w": torch.randn(3), "b": torch.tensor(0.1)}
xs, ys = torch.randn(4, 3), torch.randn(4)
g = grad(loss)(params, xs, ys)
print({k: v.shape for k, v in g.items()})
per_sample = vmap(grad(loss), in_dims=(None, 0, 0))(params, xs, ys)
print(per_sample["w"].shape, torch.allclose(per_sample["w"].mean(0), g["w"], atol=1e-6))

f = lambda x: x ** 3
print([fn(torch.tensor(2.0)) for fn in (f, grad(f), grad(grad(f)), grad(grad(grad(f))))])
x = torch.tensor([1.0, 2.0])
print(jacrev(torch.sin)(x).diagonal(), torch.allclose(jacrev(torch.sin)(x), jacfwd(torch.sin)(x)))
print(hessian(lambda v: (v ** 3).sum() + v.prod())(x))
out, pull = vjp(lambda a, b: a @ b, torch.eye(2), x)
print(out, pull(torch.ones(2)))
print(jvp(torch.exp, (x,), (torch.ones(2),)))
(da, db), (value, aux) = torch.func.grad_and_value(lambda a, b: ((a * b).sum(), a + b), argnums=(0, 1), has_aux=True)(x, 2 * x)
print(da, db, value, aux)
print(vmap(torch.dot)(torch.ones(2, 3), torch.arange(6.).reshape(2, 3)), vmap(lambda a, b: a + b, (0, None), 1)(x, x))
