# Every way to put a tensor or a number into text.
import torch

t = torch.tensor([[0.12345678, -1.5], [100.0, 3.0]])
s = torch.tensor(2.718281828)
n = 7
print(t)
print("t = ", t, sep="")
print(f"{s}", f"{s:.3f}", f"{s.item():10.4f}|", f"{n:03d}", f"{n!r:>4}")
print("%s and %d and %5.2f%%" % (s, n, s))
print("{0} {1:.1f} {name}".format(n, s, name="x"), end="\n--\n")
print(str(t.shape), repr(t.dtype), t.tolist())
print([t[0, 0].item(), round(s.item(), 2)], (s,), {"s": s})
print(f"{t.shape[0]}x{t.shape[1]} {t.mean():.4f} {t.requires_grad=}")
print("a", "b", 1, 2.0, None, True, sep=", ")
big = torch.arange(0, 1200).float()
print(big)
print(torch.tensor([1e-8, 1.0]), torch.tensor([1e10, 1.0]), torch.tensor([float("nan"), float("inf")]))
print(torch.zeros(0), torch.tensor([]), torch.ones(2, 0))
print(torch.tensor([True, False]), torch.tensor([1, -20]), torch.ones(2, dtype=torch.float64))
torch.set_printoptions(precision=2)
print(t)
torch.set_printoptions(precision=8)
print(s)
torch.set_printoptions(profile="default")
print(t.double() / 3)
width = 12
for name, value in zip(["alpha", "beta"], [0.5, 12.25]):
    print(f"{name:<{width}}{value:>8.2f}")
print("=" * 20)
print("\n".join(f"{i}: {v.item():+.2e}" for i, v in enumerate(t.flatten())))
