"""Images read at arbitrary places: grid_sample, and affine_grid, which makes the places.

Places are (x, y) or (x, y, z) from -1 to 1 over the image. What depends on them smoothly is made of graph ops; which
elements are read, and which lie outside, are ops without a derivative.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from gradcli.dtypes import int64
from gradcli.errors import DtypeError, NotImplementedError_, RefusedValue, ShapeError, ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, leaf, op
from gradcli.ops.dtyperules import check_same
from gradcli.ops.elementwise.activations import floats, hardtanh
from gradcli.ops.elementwise.rounding import floor
from gradcli.ops.layers.maxpooling import pluck
from gradcli.ops.linalg.products import matmul
from gradcli.ops.shapes.order import transpose
from gradcli.ops.shapes.part import select
from gradcli.ops.shapes.shape import expand, reshape
from gradcli.shapes import Shape, contiguous_strides

MODES = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")


def _span(size: int, align_corners: bool) -> tuple[float, float]:
    """Between which coordinates reflection goes back and forth: element centres, or their outer edges."""
    return (0.0, size - 1.0) if align_corners else (-0.5, size - 0.5)


def _turns(x: Any, low: float, high: float) -> tuple[Any, Any]:
    """How far into a span of reflections a coordinate is, and whether that span runs backwards."""
    if high <= low:
        return np.zeros_like(x), np.zeros(np.shape(x), bool)
    away = np.abs(x - low)
    return np.fmod(away, high - low), np.floor(away / (high - low)) % 2 == 1


def _reflect_kernel(x: Any, start: float, end: float) -> Any:
    into, back = _turns(x, start, end)
    return np.where(back, end - into, start + into).astype(x.dtype)


def _reflect_slope_kernel(x: Any, start: float, end: float) -> Any:
    _, back = _turns(x, start, end)
    slope = np.where(back, -1, 1) * np.where(x < start, -1, 1)
    return (slope if end > start else slope * 0).astype(x.dtype)


_reflect_slope = op(
    "_reflect_slope(Tensor input, float start, float end)",
    "1 where reflection keeps the direction, else -1.",
    spelled=["_"],
    kernel=_reflect_slope_kernel,
    dtype=kept,
    elementwise=True,
)
_reflect: Op = op(
    "_reflect(Tensor input, float start, float end)",
    "input reflected into the range from low to high.",
    spelled=["_"],
    kernel=_reflect_kernel,
    grad=lambda g, y, x, start, end: g * _reflect_slope(x, start=start, end=end),
    dtype=kept,
    elementwise=True,
    samples=[draw(4, start=0.0, end=1.5), draw(4, start=-0.5, end=0.7)],
)


def _tap_indices(position: Any, size: Shape, corner: Shape, padding_mode: str, align_corners: bool) -> list[Any]:
    """The index in each dimension, beside the element just before the position (..., dimensions)."""
    found = []
    for at, (length, offset) in enumerate(zip(size, corner, strict=True)):
        index = np.nan_to_num(np.floor(position[..., at]) + offset, nan=-1e9, posinf=1e9, neginf=-1e9)
        if padding_mode == "reflection":
            low, high = _span(length, align_corners)
            index = _reflect_kernel(index, low, high)
        if padding_mode != "zeros":
            index = np.clip(index, 0, length - 1)
        found.append(index.astype(np.int64))
    return found


def _flat_kernel(position: Any, size: Shape, **params: Any) -> Any:
    indices = _tap_indices(position, size, **params)
    steps = contiguous_strides(size)
    clipped = (np.clip(i, 0, n - 1) * step for i, n, step in zip(indices, size, steps, strict=True))
    return np.asarray(sum(clipped))


def _inside_kernel(position: Any, size: Shape, **params: Any) -> Any:
    inside = [(i >= 0) & (i < n) for i, n in zip(_tap_indices(position, size, **params), size, strict=True)]
    return np.logical_and.reduce(inside).astype(position.dtype)


_ARGUMENTS = "Tensor input, ints size, ints corner, str padding_mode, bool align_corners"
_flat = op(
    f"_flat_taps({_ARGUMENTS})",
    "The flat index of the element beside each position.",
    spelled=["_"],
    kernel=_flat_kernel,
    shape=lambda inputs, params: inputs[0].shape[:-1],
    dtype=lambda inputs, params: (None, int64),
)
_inside = op(
    f"_inside_taps({_ARGUMENTS})",
    "1 where that element is in the image, else 0.",
    spelled=["_"],
    kernel=_inside_kernel,
    shape=lambda inputs, params: inputs[0].shape[:-1],
    dtype=kept,
)


def _coordinates(grid: Node, size: Shape, padding_mode: str, align_corners: bool) -> list[Any]:
    """The places in elements of the image, for each dimension of it; the grid has the last dimension first."""
    found = []
    for at, length in enumerate(size):
        place = select(grid, dim=-1, index=len(size) - 1 - at)
        place = (place + 1) * ((length - 1) / 2) if align_corners else ((place + 1) * length - 1) * 0.5
        if padding_mode == "reflection":
            low, high = _span(length, align_corners)
            place = _reflect(place, start=low, end=high)
        if padding_mode != "zeros":
            place = hardtanh(place, min_val=0, max_val=length - 1)
        found.append(place)
    return found


def _cubic(t: Node, offset: int) -> Any:
    """The weight of the element `offset` from the one before the position, t behind it (Keys, a = -0.75)."""
    a = -0.75
    away = {-1: t + 1, 0: t, 1: 1 - t, 2: 2 - t}[offset]
    if offset in (0, 1):
        return (away * (a + 2) - (a + 3)) * away * away + 1
    return ((away - 5) * away + 8) * away * a - 4 * a


def _sum_of_taps(x: Node, weights: list[dict[int, Any]], position: Node, **params: Any) -> Any:
    batch, channels = x.shape[:2]
    out = position.shape[1:-1]
    total: Any = None
    for corner in product(*weights):
        where = {"size": x.shape[2:], "corner": corner, **params}
        index = reshape(_flat(position, **where), shape=(batch, 1, *out))
        weight = _inside(position, **where)
        for each, offset in zip(weights, corner, strict=True):
            weight = weight * each[offset]
        value = pluck(x, expand(index, size=(batch, channels, *out)), rank=len(out))
        term = value * reshape(weight, shape=(batch, 1, *out))
        total = term if total is None else total + term
    return total


def _sample(x: Node, grid: Node, mode: str, padding_mode: str, align_corners: bool) -> Any:
    size = x.shape[2:]
    places = _coordinates(grid, size, "zeros" if mode == "bicubic" else padding_mode, align_corners)
    position = _joined(*places, rounded=mode == "nearest")
    rest = {"padding_mode": padding_mode if mode == "bicubic" else "zeros", "align_corners": align_corners}
    if mode == "nearest":  # flat in the places, but a (zero) gradient goes there
        weights = [{0: place * 0 + 1} for place in places]
    else:
        parts = [place - floor(place) for place in places]
        if mode == "bilinear":
            weights = [{0: 1 - part, 1: part} for part in parts]
        else:
            weights = [{offset: _cubic(part, offset) for offset in (-1, 0, 1, 2)} for part in parts]
    return _sum_of_taps(x, weights, position, **rest)


_joined = op(
    "_joined(Tensors tensors, bool rounded)",
    "Coordinates side by side, for reading only.",
    spelled=["_"],
    kernel=lambda *places, rounded: np.stack([np.rint(p) if rounded else p for p in places], -1),
    shape=lambda inputs, params: (*inputs[0].shape, len(inputs)),
    dtype=kept,
)


def _named(rank: int) -> Op:
    return op(
        "_grid_sample(Tensor input, Tensor grid, str mode, str padding_mode, bool align_corners)",
        "input read at the places of grid.",
        spelled=["_"],
        expands=_sample,
        grad_fn=f"GridSampler{rank}DBackward0",
    )


_NAMED = {2: _named(2), 3: _named(3)}


def _grid_sample(x: Node, grid: Node, mode: str, padding_mode: str, align_corners: bool | None) -> Any:
    rank = x.ndim - 2
    for word, given, allowed in (("mode", mode, MODES), ("padding_mode", padding_mode, PADDING_MODES)):
        if given not in allowed:
            raise ValueError_(
                f"{word} is {given!r}; it can be {', '.join(map(repr, allowed))}",
                torch=f"nn.functional.grid_sample(): expected {word} to be {', '.join(map(repr, allowed))}, but got: "
                f"'{given}'",
            )
    if rank not in (2, 3) or grid.ndim != x.ndim or grid.shape[-1] != rank or grid.shape[0] != x.shape[0]:
        raise ShapeError(
            f"an input (N, C, height, width) goes with a grid (N, rows, columns, 2), one dimension more with 3: "
            f"{x.shape} and {grid.shape}",
            torch=f"grid_sampler(): expected grid to have size {rank} in last dimension, but got grid with sizes "
            f"{list(grid.shape)}",
        )
    if mode == "bicubic" and rank == 3:
        raise NotImplementedError_(
            "bicubic is for images of two dimensions",
            torch="grid_sampler(): bicubic interpolation only supports 4D input",
        )
    floats("grid_sampler")((x,), {})
    check_same(
        (x, grid),
        "grid_sampler(): expected input and grid to have same dtype, but input has {first} and grid has {second}",
    )
    return _NAMED[rank](x, grid, mode=mode, padding_mode=padding_mode, align_corners=bool(align_corners))


grid_sample: Op = op(
    "grid_sample(Tensor input, Tensor grid, str mode='bilinear', str padding_mode='zeros', bool? align_corners=None)",
    "input (N, C, height, width) read at the places (x, y), from -1 to 1, that grid holds.",
    spelled=["F.grid_sample"],
    expands=_grid_sample,
    samples=[
        draw((1, 2, 3, 4), (1, 2, 2, 2), low=-1.3, high=1.3),
        draw((2, 1, 3, 3), (2, 1, 3, 2), low=-1.3, high=1.3, padding_mode="reflection", align_corners=True),
        draw((1, 1, 3, 3), (1, 2, 2, 2), low=-1.3, high=1.3, padding_mode="border", mode="bicubic"),
        draw((1, 1, 2, 3, 2), (1, 2, 1, 2, 3), low=-1.3, high=1.3),
        draw((1, 1, 3, 3), (1, 2, 2, 2), low=-0.9, high=0.9, mode="nearest"),
    ],
)


def _sampler(x: Node, grid: Node, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
    return _grid_sample(x, grid, MODES[interpolation_mode], PADDING_MODES[padding_mode], align_corners)


for _word in ("grid_sampler", "grid_sampler_2d", "grid_sampler_3d"):
    op(
        f"{_word}(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners)",
        f"grid_sample, with the place of its modes in {', '.join(MODES)} and in {', '.join(PADDING_MODES)}.",
        spelled=[f"torch.{_word}"],
        expands=_sampler,
    )


def _base_grid(size: Shape, align_corners: bool, dtype: Any) -> Any:
    """The homogeneous coordinates (x, y, 1) of every element of an image."""
    axes = []
    for length in size:
        axis = np.linspace(-1, 1, length) if length > 1 else np.zeros(1)
        axes.append(axis if align_corners else axis * (length - 1) / length)
    mesh = np.meshgrid(*axes, indexing="ij")
    return np.stack([*reversed(mesh), np.ones(size)], -1).reshape(-1, len(size) + 1).astype(dtype)


def _affine(theta: Node, size: Shape, align_corners: bool) -> Any:
    base = leaf(_base_grid(size[2:], align_corners, theta.dtype.numpy))
    placed = matmul(base, transpose(theta, dim0=1, dim1=2))
    return reshape(placed, shape=(size[0], *size[2:], len(size) - 2))


_named_affine = op(
    "_affine_grid(Tensor theta, ints size, bool align_corners)",
    "The places of the elements of an image under an affine map.",
    spelled=["_"],
    expands=_affine,
    grad_fn="AffineGridGeneratorBackward0",
)


def _affine_grid(theta: Node, size: Any, align_corners: bool | None) -> Any:
    size = tuple(size)
    if not theta.dtype.floating:
        raise DtypeError(
            f"theta must be a floating-point tensor, not {theta.dtype.name}",
            torch=f"Expected theta to have floating point type, but got torch.{theta.dtype.name}",
        )
    if len(size) not in (4, 5):
        raise NotImplementedError_(
            f"size has {len(size)} numbers; it must be (N, C, height, width), or that with depth",
            torch="affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
            f"Got size torch.Size({list(size)}).",
        )
    rank = len(size) - 2
    if theta.shape != (size[0], rank, rank + 1):
        raise ShapeError(
            f"theta has shape {theta.shape}; for size {size} it must be {(size[0], rank, rank + 1)}",
            torch=f"Expected a batch of {rank}D affine matrices of shape Nx{rank}x{rank + 1} for size "
            f"torch.Size({list(size)}). Got torch.Size({list(theta.shape)}).",
        )
    if any(n <= 0 for n in size):
        raise RefusedValue(f"size must be positive: {size}", torch="Expected non-zero, positive output size.")
    return _named_affine(theta, size=size, align_corners=bool(align_corners))


affine_grid: Op = op(
    "affine_grid(Tensor theta, ints size, bool? align_corners=None)",
    "For each element of an image of size (N, C, height, width) the place theta @ (x, y, 1), for grid_sample.",
    spelled=["F.affine_grid"],
    expands=_affine_grid,
    samples=[
        draw((2, 2, 3), size=(2, 1, 2, 3)),
        draw((1, 3, 4), size=(1, 1, 2, 2, 2), align_corners=True),
    ],
)
