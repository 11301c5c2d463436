"""Label maps and probability maps that look like anatomy to a decoder and to a counter: seeded, slice by slice.

A phantom is a frame with smooth bodies: ellipsoids whose borders are bent by a cubic spline and roughened by a little
noise, painted one over the other. The prediction is the same bodies with borders bent a second time; here and there one
is missed or invented. What matters is calibrated on real pairs (see README.md): how often the value changes along x and
what gzip makes of it. Slices are (y, x) arrays, so that their bytes are in NIfTI's order; one lives at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]
Reals = NDArray[np.float32]

_SHAPE_NODES, _ERROR_NODES = 7, 6  # spline nodes along each axis of a body
_TILE = 192
_MARGIN = 1.45  # how far, in radii, a bent border may lie from the centre
_PLATEAU = 17.0  # logits level off here: e^-17 is below the 1e-7 that logarithms are clipped at


@dataclass(frozen=True)
class Style:
    """How a phantom looks.

    bodies: per label. radius: median in voxels along x. spread: of the radii's logarithms. bend: share of a radius by
    which borders are bent (standard deviation). rough: the same of the noise on borders, in voxels. error: of the
    distance between predicted and true borders, in voxels. missed: share of bodies that only one side has.
    nested: each label lies within the one before it, as the parts of a tumour do.
    """

    bodies: int
    radius: float
    spread: float = 0.35
    bend: float = 0.15
    rough: float = 0.3
    error: float = 1.0
    missed: float = 0.03
    nested: bool = False


@dataclass(frozen=True)
class Body:
    """One structure; centre and radii in voxels (z, y, x), spline nodes in voxels of distance."""

    label: int
    centre: NDArray[np.float64]
    radii: NDArray[np.float64]
    bends: Reals
    errors: Reals
    phase: tuple[int, int, int]
    predicted: bool
    true: bool


class Phantom:
    """A pair of volumes of ``shape`` (x, y, z), whose labels are 1 … ``labels``."""

    def __init__(self, shape: tuple[int, int, int], labels: int, style: Style, seed: int) -> None:
        self.shape, self.labels, self.style = shape, labels, style
        self.bodies = _nested(shape, labels, style, seed) if style.nested else _scattered(shape, labels, style, seed)

    def pair_at(self, z: int) -> tuple[Labels, Labels]:
        """Slice ``z`` of the prediction and of the reference, each (y, x)."""
        nx, ny, _ = self.shape
        prediction, reference = np.zeros((ny, nx), np.uint8), np.zeros((ny, nx), np.uint8)
        for body in self.bodies:
            reach = body.radii * _MARGIN
            if abs(z - body.centre[0]) > reach[0]:
                continue
            low = np.maximum(np.ceil(body.centre - reach), 0).astype(int)
            high = np.minimum(np.floor(body.centre + reach) + 1, (z + 1, ny, nx)).astype(int)
            if (high[1:] <= low[1:]).any():
                continue
            rows, columns = slice(low[1], high[1]), slice(low[2], high[2])
            predicted, true = self._distances(body, z, rows, columns)
            if body.predicted:
                np.copyto(prediction[rows, columns], body.label, where=predicted < 0)
            if body.true:
                np.copyto(reference[rows, columns], body.label, where=true < 0)
        return prediction, reference

    def softmax_at(self, z: int, seed: int) -> Reals:
        """Predicted probabilities of slice ``z``, (labels + 1, y, x): exactly 0 and 1 outside the field of view."""
        nx, ny, _ = self.shape
        logits = np.full((self.labels + 1, ny, nx), -10 * _PLATEAU, np.float32)
        for body in self.bodies:
            if body.predicted:
                predicted, _ = self._distances(body, z, slice(0, ny), slice(0, nx))
                np.maximum(logits[body.label], -1.2 * predicted, out=logits[body.label])
        np.tanh(logits / _PLATEAU, out=logits)
        logits *= _PLATEAU
        logits[0] = 0
        rng = np.random.default_rng((seed, z))
        logits[1:] += 0.4 * rng.standard_normal(logits[1:].shape, dtype=np.float32)
        logits -= logits.max(axis=0)
        shares = np.exp(logits)
        shares /= shares.sum(axis=0)
        outside = _outside(nx, ny)
        shares[:, outside] = 0
        shares[0, outside] = 1
        return np.asarray(shares)

    def _distances(self, body: Body, z: int, rows: slice, columns: slice) -> tuple[Reals, Reals]:
        """About how many voxels a place lies outside the predicted and the true border, negative within."""
        y, x = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
        dz, dy, dx = (np.atleast_1d(at - c) / r for at, c, r in zip((z, y, x), body.centre, body.radii, strict=True))
        mean = float(body.radii.mean())
        squares = [(mean**2 * part).astype(np.float32) for part in (dy**2 + dz**2, dx**2)]
        true = np.add.outer(*squares)
        np.sqrt(true, out=true)
        true -= mean
        places = [d / (2 * _MARGIN) + 0.5 for d in (dz, dy, dx)]
        true += _spline(body.bends, places)
        predicted = _spline(body.errors, places)
        predicted += true
        noise = _noise(max(len(y), len(x)), self.style.rough)
        for distances, (z0, y0, x0) in ((true, body.phase), (predicted, body.phase[::-1])):
            distances += noise[(z + z0) % len(noise), y0 : y0 + len(y), x0 : x0 + len(x)]
        return predicted, true


class Cells:
    """A pair of volumes of ``shape`` (x, y, z) full of small ellipsoids of label 1, none of which touches another.

    Each has a cell of a grid to itself. Radii are at most 0.35 of a cell.
    """

    def __init__(self, shape: tuple[int, int, int], style: Style, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.shape, n = shape, round(style.bodies ** (1 / 3))
        size = np.array(shape[::-1]) / n
        grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1)
        radii = style.radius * np.exp(style.spread * rng.normal(size=(n, n, n, 3)))
        centres = (grid + 0.5) * size - 0.5 + rng.uniform(-0.1, 0.1, size=grid.shape) * size
        drift = style.error * rng.normal(size=(2, n, n, n, 3))
        chance = rng.uniform(size=(n, n, n))
        there = (chance > style.missed / 2, chance < 1 - style.missed / 2)
        self._prediction, self._true = (
            (place, np.clip(radius, 1.2, 0.35 * size.min()).astype(np.float32), here)
            for place, radius, here in zip(
                (centres + np.clip(drift[0], -0.08 * size, 0.08 * size), centres),
                (radii + 0.3 * drift[1], radii),
                there,
                strict=True,
            )
        )
        self._cell = [np.minimum(np.arange(length) * n // length, n - 1) for length in shape[::-1]]

    def pair_at(self, z: int) -> tuple[Labels, Labels]:
        """Slice ``z`` of the prediction and of the reference, each (y, x)."""
        at = (self._cell[0][z], self._cell[1][:, None], self._cell[2][None, :])
        y, x = np.ogrid[: self.shape[1], : self.shape[0]]
        found = []
        for centres, radii, there in (self._prediction, self._true):
            squares = [((i - centres[..., axis][at]) / radii[..., axis][at]) ** 2 for axis, i in enumerate((z, y, x))]
            found.append(((sum(squares) < 1) & there[at]).astype(np.uint8))
        return found[0], found[1]


def _scattered(shape: tuple[int, int, int], labels: int, style: Style, seed: int) -> list[Body]:
    """Bodies anywhere within an upright elliptic cylinder; large ones are painted first."""
    rng = np.random.default_rng(seed)
    size = np.array(shape[::-1], dtype=float)
    bodies = []
    for label in range(1, labels + 1):
        typical = style.radius * np.exp(style.spread * rng.normal())
        for _ in range(style.bodies):
            radius = typical * np.exp(style.spread * rng.normal()) * np.exp(0.25 * rng.normal(size=3))
            angle, far = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform())
            centre = np.array([rng.uniform(0, 1), 0.5 + 0.33 * far * np.sin(angle), 0.5 + 0.4 * far * np.cos(angle)])
            bodies.append(_body(rng, label, centre * size, np.maximum(radius, 2), style))
    return sorted(bodies, key=lambda body: -float(body.radii.prod()))


def _nested(shape: tuple[int, int, int], labels: int, style: Style, seed: int) -> list[Body]:
    """Lesions of which each label fills a smaller part."""
    rng = np.random.default_rng(seed)
    size = np.array(shape[::-1], dtype=float)
    bodies: list[Body] = []
    for _ in range(style.bodies):
        centre = size * rng.uniform(0.3, 0.7, size=3)
        radii = style.radius * np.exp(style.spread * rng.normal(size=3))
        bodies += [
            _body(rng, label, centre + rng.normal(size=3), radii * 0.75 ** (label - 1), style)
            for label in range(1, labels + 1)
        ]
    return sorted(bodies, key=lambda body: body.label)


def _body(
    rng: np.random.Generator, label: int, centre: NDArray[np.float64], radii: NDArray[np.float64], style: Style
) -> Body:
    """A body with its own borders; the factor makes up for what a cubic spline smooths away."""
    smoothing, mean = 3.2, float(radii.mean())
    bends = smoothing * style.bend * mean * rng.normal(size=(_SHAPE_NODES,) * 3)
    errors = smoothing * min(style.error, 0.15 * mean) * rng.normal(size=(_ERROR_NODES,) * 3)
    chance = rng.uniform()
    return Body(
        label,
        centre,
        radii,
        bends.astype(np.float32),
        errors.astype(np.float32),
        tuple(rng.integers(0, _TILE, size=3).tolist()),
        predicted=chance > style.missed / 2,
        true=chance < 1 - style.missed / 2,
    )


def _spline(nodes: Reals, places: Sequence[NDArray[np.float64]]) -> Reals:
    """A uniform cubic B-spline at one z and many y and x in [0, 1]: two small matrix products."""
    at_z, at_y, at_x = (_weights(place, len(nodes)) for place in places)
    return np.asarray(at_y @ np.tensordot(at_z[0], nodes, 1) @ at_x.T)


def _weights(places: NDArray[np.float64], nodes: int) -> Reals:
    """Weights of the nodes, (places, nodes)."""
    position = np.clip(places, 0, 1)[:, None] * (nodes - 3) + 1
    far = np.abs(position - np.arange(nodes)[None, :])
    near, wide = 2 / 3 - far**2 + far**3 / 2, np.maximum(2 - far, 0) ** 3 / 6
    return np.where(far < 1, near, wide).astype(np.float32)


def _noise(size: int, deviation: float) -> Reals:
    """Smooth noise of this standard deviation; any window of ``size`` that begins before ``_TILE`` lies within it."""
    return _tiled(-(-size // _TILE) + 1, deviation)


@cache
def _tiled(times: int, deviation: float) -> Reals:
    """Noise that is correlated over about two voxels and periodic along each axis."""
    rough = np.random.default_rng(0).normal(size=(16, _TILE, _TILE))
    frequencies = np.meshgrid(*(np.fft.fftfreq(n) for n in rough.shape), indexing="ij")
    low_pass = np.exp(-2 * (np.pi * 1.5) ** 2 * sum(f**2 for f in frequencies))
    smooth = np.fft.ifftn(np.fft.fftn(rough) * low_pass).real
    return np.tile((deviation / smooth.std() * smooth).astype(np.float32), (1, times, times))


def _outside(nx: int, ny: int) -> NDArray[np.bool_]:
    """Where nothing was predicted, (y, x): beyond an ellipse, as padding and empty air are."""
    y, x = np.linspace(-1, 1, ny)[:, None], np.linspace(-1, 1, nx)[None, :]
    return np.asarray(x**2 + y**2 > 0.92)
