# Is the gradient right? Central differences, one coordinate at a time.
import torch


def numerical_gradient(f, x, h=1e-5):
    grad = torch.zeros_like(x)
    flat, gflat = x.view(-1), grad.view(-1)
    for i in range(flat.numel()):
        keep = flat[i].item()
        flat[i] = keep + h
        up = f(x).item()
        flat[i] = keep - h
        down = f(x).item()
        flat[i] = keep
        gflat[i] = (up - down) / (2 * h)
    return grad


functions = {
    "sum of squares": lambda x: (x ** 2).sum(),
    "log-sum-exp": lambda x: torch.logsumexp(x.reshape(-1), dim=0),
    "trace of x x'": lambda x: torch.trace(x @ x.t()),
    "norm": lambda x: x.norm(),
    "entropy": lambda x: -(torch.softmax(x, -1) * torch.log_softmax(x, -1)).sum(),
}
torch.manual_seed(5)
point = torch.randn(2, 3, dtype=torch.float64)
for name in functions:
    f = functions[name]
    x = point.clone().requires_grad_(True)
    f(x).backward()
    with torch.no_grad():
        numeric = numerical_gradient(f, point.clone())
    error = (x.grad - numeric).abs().max() / x.grad.abs().max()
    print("{:<16} {}".format(name, "ok" if error < 1e-7 else f"off by {error:.1e}"))

wrong = lambda x: x.detach() * x
x = torch.rand(3, dtype=torch.double, requires_grad=True)
print(torch.autograd.gradcheck(lambda x: x ** 2, (x,)), torch.autograd.gradcheck(wrong, (x,), raise_exception=False))
try:
    torch.autograd.gradcheck(lambda v: v.detach() * v, torch.tensor([2.0], dtype=torch.double, requires_grad=True))
except RuntimeError as e:
    print(e)
