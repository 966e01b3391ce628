# Newton's method: roots with a first derivative, minima with a Hessian.
import torch


def root(f, guess, tol=1e-10, max_iter=50):
    x = torch.tensor(guess, dtype=torch.float64, requires_grad=True)
    for i in range(max_iter):
        y = f(x)
        if abs(y.item()) < tol:
            break
        dy, = torch.autograd.grad(y, x)
        with torch.no_grad():
            x -= y / dy
    return x.item(), i


for name, f, guess in [("x^2 - 2", lambda x: x ** 2 - 2, 1.0),
                       ("cos x - x", lambda x: torch.cos(x) - x, 0.5),
                       ("exp x - 3", lambda x: torch.exp(x) - 3, 0.0)]:
    value, steps = root(f, guess)
    print("%-10s %.8f after %d" % (name, value, steps))


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


p = torch.tensor([-1.2, 1.0], dtype=torch.double, requires_grad=True)
for it in range(10):
    value = rosenbrock(p)
    g, = torch.autograd.grad(value, p, create_graph=True)
    H = torch.stack([torch.autograd.grad(gi, p, retain_graph=True)[0] for gi in g])
    if it == 0:
        print(g.detach())
        print(H)
        print(torch.allclose(H, torch.autograd.functional.hessian(rosenbrock, p)))
    step = torch.linalg.solve(H, g.detach())
    p = (p - step).detach().requires_grad_()
    if g.norm() < 1e-9:
        break
print(it, p)
print(rosenbrock(p).item() < 1e-12)
