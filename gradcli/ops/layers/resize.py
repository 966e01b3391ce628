"""interpolate: images, lines and volumes in another size, one dimension after the other."""

from __future__ import annotations

from functools import cache
from math import floor
from typing import Any

import numpy as np

from gradcli.errors import NotImplementedError_, ShapeError, TypeError_, ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.dtyperules import new
from gradcli.ops.elementwise.activations import floats
from gradcli.ops.layers.adaptive import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from gradcli.ops.layers.resample import Made, Taps, resample
from gradcli.ops.layers.windows import repeated
from gradcli.shapes import Shape

# spatial dimensions that each mode is for
RANKS = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "trilinear": (3,),
    "bicubic": (2,),
    "area": (1, 2, 3),
}
SMOOTH = ("linear", "bilinear", "trilinear", "bicubic")
_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


def _scale(size: int, out: int, factor: float | None, align_corners: bool) -> float:
    """The step in the input for one in the output."""
    if align_corners:
        return (size - 1) / (out - 1) if out > 1 else 0.0
    return 1 / factor if factor else size / out


def _made(
    mode: str, size: int, out: int, factor: float | None, align_corners: bool = False, antialias: bool = False
) -> Made:
    """The call of interpolate that resizes the rows of a matrix alone."""
    plane = mode in ("bilinear", "bicubic")
    named: dict[str, Any] = {"mode": mode}
    if factor is None:
        named["size"] = (size, out) if plane else out
    else:
        named["scale_factor"] = (1.0, factor) if plane else factor
    named |= {name: True for name, on in (("align_corners", align_corners), ("antialias", antialias)) if on}
    return "interpolate", (), named, 2 if plane else 1


@cache
def _nearest(size: int, out: int, factor: float | None, exact: bool) -> Taps:
    """torch counts in single precision here, which decides between neighbours."""
    scale = np.float32(_scale(size, out, factor, False))
    at = np.arange(out, dtype=np.float32)
    if exact:
        at = at + np.float32(0.5)
    made = _made("nearest-exact" if exact else "nearest", size, out, factor)
    return Taps(size, np.minimum(np.floor(at * scale).astype(np.int64), size - 1), made=made)


def _sources(size: int, out: int, factor: float | None, align_corners: bool) -> Any:
    scale = _scale(size, out, factor, align_corners)
    at = np.arange(out)
    return at * scale if align_corners else (at + 0.5) * scale - 0.5


@cache
def _linear(size: int, out: int, factor: float | None, align_corners: bool) -> Taps:
    source = np.maximum(_sources(size, out, factor, align_corners), 0)
    first = np.minimum(np.floor(source).astype(np.int64), size - 1)
    part = np.clip(source - first, 0, 1)
    index, weight = np.stack([first, np.minimum(first + 1, size - 1)], 1), np.stack([1 - part, part], 1)
    return Taps(size, index, weight, _made("linear", size, out, factor, align_corners))


def _cubic_weight(t: Any, a: float) -> Any:
    """Keys' cubic convolution: 1 at 0, 0 at the other integers, 0 from 2 on."""
    t = np.abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((t - 5) * t + 8) * t * a - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


@cache
def _cubic(size: int, out: int, factor: float | None, align_corners: bool) -> Taps:
    source = _sources(size, out, factor, align_corners)
    at = np.floor(source).astype(np.int64)[:, None] + np.arange(-1, 3)
    made = _made("bicubic", size, out, factor, align_corners)
    return Taps(size, np.clip(at, 0, size - 1), _cubic_weight(source[:, None] - at, -0.75), made)


def _triangle(t: Any) -> Any:
    return np.maximum(1 - np.abs(t), 0)


@cache
def _antialiased(size: int, out: int, factor: float | None, align_corners: bool, cubic: bool) -> Taps:
    """Filters that are as wide as the step where the image shrinks.

    Source: torch's `_upsample_bilinear2d_aa`, which follows Pillow's resize.
    """
    scale = _scale(size, out, factor, align_corners)
    reach = (2 if cubic else 1) * max(scale, 1)
    centre = scale * (np.arange(out) + 0.5)
    start = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    end = np.minimum((centre + reach + 0.5).astype(np.int64), size)
    at = start[:, None] + np.arange(int((end - start).max()))
    distance = (at + 0.5 - centre[:, None]) / max(scale, 1)
    weight = _cubic_weight(distance, -0.5) if cubic else _triangle(distance)
    weight = np.where(at < end[:, None], weight, 0.0)
    made = _made("bicubic" if cubic else "bilinear", size, out, factor, align_corners, True)
    return Taps(size, np.minimum(at, end[:, None] - 1), weight / weight.sum(1, keepdims=True), made)


def _taps(mode: str, size: int, out: int, factor: float | None, align_corners: bool, antialias: bool) -> Taps:
    if mode in ("nearest", "nearest-exact"):
        return _nearest(size, out, factor, mode == "nearest-exact")
    if antialias:
        return _antialiased(size, out, factor, align_corners, mode == "bicubic")
    return (_cubic if mode == "bicubic" else _linear)(size, out, factor, align_corners)


def _resized(
    x: Node, size: Shape, factors: tuple[float | None, ...], mode: str, align_corners: bool, antialias: bool
) -> Any:
    for dim, (out, factor) in enumerate(zip(size, factors, strict=True), x.ndim - len(size)):
        own = x.shape[dim]
        if out != own or (factor is not None and factor != 1):
            x = resample(x, dim=dim, taps=_taps(mode, own, out, factor, align_corners, antialias))
    return x


def _named(grad_fn: str, torch1: bool = True) -> Op:
    return op(
        "_upsample(Tensor input, ints size, any factors, str mode, bool align_corners, bool antialias)",
        "input in another size.",
        spelled=["_"],
        expands=_resized,
        grad_fn=grad_fn if torch1 else new(grad_fn),
    )


_NAMED = {
    ("nearest", 1): _named("UpsampleNearest1DBackward0"),
    ("nearest", 2): _named("UpsampleNearest2DBackward0"),
    ("nearest", 3): _named("UpsampleNearest3DBackward0"),
    ("nearest-exact", 1): _named("UpsampleNearestExact1DBackward0", False),
    ("nearest-exact", 2): _named("UpsampleNearestExact2DBackward0", False),
    ("nearest-exact", 3): _named("UpsampleNearestExact3DBackward0", False),
    ("linear", 1): _named("UpsampleLinear1DBackward0"),
    ("bilinear", 2): _named("UpsampleBilinear2DBackward0"),
    ("trilinear", 3): _named("UpsampleTrilinear3DBackward0"),
    ("bicubic", 2): _named("UpsampleBicubic2DBackward0", False),
    ("bilinear aa", 2): _named("UpsampleBilinear2DAaBackward0", False),
    ("bicubic aa", 2): _named("UpsampleBicubic2DAaBackward0", False),
}


def _sizes(x: Node, size: Any, scale_factor: Any, recompute: bool) -> tuple[Shape, tuple[float | None, ...]]:
    """The output size, and the factors where they decide the positions.

    Raises: ValueError_ unless exactly one of size and scale_factor is given; ShapeError for a wrong number of them.
    """
    own = x.shape[2:]
    if (size is None) == (scale_factor is None):
        which = "either size or scale_factor should be defined"
        if size is not None:
            which = "only one of size or scale_factor should be defined"
        raise ValueError_("give either size or scale_factor, one of both", torch=which)
    given = size if size is not None else scale_factor
    if isinstance(given, list | tuple) and len(given) != len(own):
        raise ValueError_(
            f"{'size' if size is not None else 'scale_factor'} has {len(given)} numbers; the input has {len(own)} "
            f"dimensions to resize: {x.shape}",
            torch="Input and output must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {list(own)} and output size of {given}. Please provide input tensor in (N, C, d1, d2, "
            "...,dK) format and output size in (o1, o2, ...,oK) format.",
        )
    if size is not None:
        return repeated(size, len(own), "size", "interpolate"), (None,) * len(own)
    listed = given if isinstance(given, list | tuple) else (given,) * len(own)
    if not all(isinstance(factor, int | float) for factor in listed):
        raise TypeError_(
            f"scale_factor is made of numbers, not {given!r}",
            torch=f"must be real number, not {type(given).__name__}",
        )
    factors = tuple(map(float, listed))
    out = tuple(floor(n * f) for n, f in zip(own, factors, strict=True))
    return out, (None,) * len(own) if recompute else factors


def _check_mode(x: Node, mode: str, align_corners: bool | None, antialias: bool) -> None:
    rank = x.ndim - 2
    if mode not in RANKS or rank not in (1, 2, 3):
        raise NotImplementedError_(
            f"mode {mode!r} and a tensor of {x.ndim} dimensions; modes are {', '.join(map(repr, RANKS))}, tensors "
            "(batch, channels) and one to three dimensions more",
            torch="Input Error: Only 3D, 4D and 5D input Tensors supported "
            f"(got {x.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact "
            f"(got {mode})",
        )
    if rank not in RANKS[mode]:
        raise NotImplementedError_(
            f"mode {mode!r} is for {RANKS[mode][0] + 2} dimensions; the input has {x.ndim}: {x.shape}",
            torch=f"Got {x.ndim}D input, but {mode} mode needs {RANKS[mode][0] + 2}D input",
        )
    if align_corners is not None and mode not in SMOOTH:
        raise ValueError_(
            f"align_corners is not for mode {mode!r}",
            torch="align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
            "trilinear",
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError_(
            f"antialias is not for mode {mode!r}",
            torch="Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor "
            "as input",
        )


def _interpolate(
    x: Node,
    size: Any,
    scale_factor: Any,
    mode: str,
    align_corners: bool | None,
    recompute_scale_factor: bool | None,
    antialias: bool,
) -> Any:
    _check_mode(x, mode, align_corners, antialias)
    out, factors = _sizes(x, size, scale_factor, bool(recompute_scale_factor))
    if any(n <= 0 for n in (*out, *x.shape[2:])):
        raise ShapeError(
            f"the sizes must be positive: {x.shape[2:]} to {out}",
            torch=f"Input and output sizes should be greater than 0, but got input {list(x.shape[2:])} and output "
            f"{list(out)}",
        )
    if x.dtype.name != "uint8":
        floats("compute_indices_weights_" + mode)((x,), {})
    if mode == "area":
        return _AREA[x.ndim - 2](x, output_size=out)
    named = _NAMED[mode + (" aa" if antialias else ""), x.ndim - 2]
    return named(x, size=out, factors=factors, mode=mode, align_corners=bool(align_corners), antialias=antialias)


_ARGUMENTS = "Tensor input, any size=None, any scale_factor=None"

interpolate: Op = op(
    f"interpolate({_ARGUMENTS}, str mode='nearest', bool? align_corners=None, bool? recompute_scale_factor=None, "
    "bool antialias=False)",
    "input (batch, channels, ...) in another size: the nearest element, or weighted means of those around.",
    spelled=["F.interpolate"],
    expands=_interpolate,
    samples=[
        draw((1, 2, 3), size=5),
        draw((2, 1, 4), scale_factor=1.7, mode="linear"),
        draw((1, 1, 3, 4), size=(5, 2), mode="bilinear", align_corners=True),
        draw((1, 1, 4, 5), size=3, mode="bicubic"),
        draw((1, 1, 4, 6), size=(2, 3), mode="bilinear", antialias=True),
        draw((1, 1, 4, 6), size=(3, 4), mode="area"),
    ],
)
op(
    f"upsample({_ARGUMENTS}, str mode='nearest', bool? align_corners=None)",
    "The old name of interpolate.",
    spelled=["F.upsample"],
    expands=lambda x, size, scale_factor, mode, align_corners: _interpolate(
        x, size, scale_factor, mode, align_corners, None, False
    ),
    samples=[draw((1, 1, 3), scale_factor=2)],
)
op(
    f"upsample_nearest({_ARGUMENTS})",
    "interpolate with mode='nearest'.",
    spelled=["F.upsample_nearest"],
    expands=lambda x, size, scale_factor: _interpolate(x, size, scale_factor, "nearest", None, None, False),
    samples=[draw((1, 1, 3), scale_factor=2)],
)
op(
    f"upsample_bilinear({_ARGUMENTS})",
    "interpolate with mode='bilinear', align_corners=True.",
    spelled=["F.upsample_bilinear"],
    expands=lambda x, size, scale_factor: _interpolate(x, size, scale_factor, "bilinear", True, None, False),
    samples=[draw((1, 1, 3, 2), scale_factor=2)],
)
