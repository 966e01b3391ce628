"""Activations, and other elementwise functions."""

import numpy as np
from scipy import special


def relu(x):
    return np.maximum(x, 0)


def softplus(x, beta=1, threshold=20):
    return np.where(beta * x > threshold, x, np.logaddexp(0, beta * x) / beta)


def logsigmoid(x):
    return -np.logaddexp(0, -x)


def silu(x):
    return x * special.expit(x)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x * special.ndtr(x)


def mish(x):
    return x * np.tanh(softplus(x))


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def celu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def selu(x):
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def leaky_relu(x, negative_slope=0.01):
    return np.where(x > 0, x, negative_slope * x)


def hardtanh(x, min_val=-1.0, max_val=1.0):
    return np.clip(x, min_val, max_val)


def relu6(x):
    return np.clip(x, 0, 6)


def hardsigmoid(x):
    return np.clip(x + 3, 0, 6) / 6


def hardswish(x):
    return x * hardsigmoid(x)


def softsign(x):
    return x / (1 + np.abs(x))


def clamp(x, low=None, high=None, min=None, max=None):
    return np.clip(x, low if min is None else min, high if max is None else max)


def clamp_min(x, low):
    return np.maximum(x, low)


def clamp_max(x, high):
    return np.minimum(x, high)


def div(a, b, rounding_mode=None):
    return {None: lambda q: q, "floor": np.floor, "trunc": np.trunc}[rounding_mode](a / b)


def ldexp(x, e):
    return x * 2.0**e


def lerp(a, b, weight):
    return a + weight * (b - a)


def addcmul(x, a, b, value=1):
    return x + value * a * b


def addcdiv(x, a, b, value=1):
    return x + value * a / b


def frac(x):
    return x - np.trunc(x)


def fill(x, value):
    return np.full_like(x, value)


def masked_fill(x, mask, value):
    return np.where(mask, value, x)


def threshold(x, low, value):
    return np.where(x > low, x, value)


def hardshrink(x, lambd=0.5):
    return np.where(np.abs(x) > lambd, x, 0)


def softshrink(x, lambd=0.5):
    return np.sign(x) * np.maximum(np.abs(x) - lambd, 0)


def logit(x, eps=None):
    return special.logit(x if eps is None else np.clip(x, eps, 1 - eps))


def mvlgamma(x, p):
    return p * (p - 1) / 4 * np.log(np.pi) + sum(special.gammaln(x - i / 2) for i in range(p))


def erfcx(x):
    return np.exp(x**2) * special.erfc(x)


def polygamma(x, n):
    return special.polygamma(n, x)
