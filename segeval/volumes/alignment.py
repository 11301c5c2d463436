"""Bring a prediction onto the reference's grid, or say precisely why it cannot be.

Grids are the same when every corner voxel lands within a tolerance of its partner, up to axes that are stored
flipped or permuted. LPS and RAS are conventions of a header: geometries here are RAS+ whatever the file says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations, product

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.choices import GeometryPolicy
from segeval.errors import GeometryError
from segeval.volumes.geometry import Geometry, corners, displacement_mm
from segeval.volumes.memory import Need
from segeval.volumes.volume import ArraySource, DerivedSource, Piece, Volume, whole_channel, whole_channel_bytes


class Reordered(DerivedSource, frozen=True):
    """A source whose axes are permuted and flipped; one channel at a time is held whole.

    axes: which axis of ``source`` becomes each new axis.
    flipped: which new axes run backwards.
    """

    axes: tuple[int, ...]
    flipped: tuple[bool, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape[axis] for axis in self.axes)

    @property
    def in_order(self) -> bool:
        return not isinstance(self.source, ArraySource)  # side by side, all channels would be held

    @property
    def need(self) -> Need:
        return Need(
            whole_channel_bytes(self.source), "storage in another axis order", "store it in the reference's axis order"
        )

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The channel in the new order of its voxels."""
        steps = tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)
        view = whole_channel(self.source, channel).transpose(self.axes)[steps]
        yield from ArraySource(view[np.newaxis]).pieces(0)


class Reshaped(DerivedSource, frozen=True):
    """A source whose axes of length one were dropped; the stream of voxels is the same."""

    new_shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.new_shape


def align(
    prediction: Volume,
    reference: Volume,
    policy: GeometryPolicy,
    tolerance: float,
    *,
    labels: bool = True,
    outside: float = 0,
    movable: bool = True,
) -> tuple[Volume, Volume, list[str]]:
    """Both volumes on the reference's grid, and what the user should know about it.

    tolerance: a fraction of the reference's smallest spacing.
    labels: the prediction is a label map: resampled to the nearest voxel; otherwise linearly.
    movable: whether ``--geometry resample`` would bring it there, as messages say.
    Raises GeometryError.
    """
    prediction, reference = drop_singletons(prediction, reference)
    a, b = prediction.geometry, reference.geometry
    remarks: list[str] = []
    if policy == "ignore":
        _require_equal_shapes(prediction, reference)
        return prediction, reference, remarks
    for volume in (prediction, reference):
        remarks += _two_affines(volume, tolerance)
    if a is None or b is None:
        _require_equal_shapes(prediction, reference)
        return prediction, replace(reference, geometry=b or a), [*remarks, _without_grid(prediction, reference)]
    if not (a.oriented and b.oriented):
        _require_equal_shapes(prediction, reference)
        _require_equal_spacings(prediction, reference, a, b, tolerance)
        remarks += [
            f"{volume.name}: states no orientation; compared by shape and spacing only"
            for volume, geometry in ((prediction, a), (reference, b))
            if not geometry.oriented
        ]
        return prediction, reference, remarks
    limit = tolerance * b.smallest_spacing_mm
    axes, flipped, distance = _nearest_reordering(a, b, limit)
    if distance <= limit:
        if axes != tuple(sorted(axes)) or any(flipped):
            reordered = Reordered(prediction.source, axes, flipped)
            remarks.append(
                f"{prediction.name}: stored as {a.axes}, reordered to the reference's {b.axes} (same grid in space)"
            )
            prediction = replace(prediction, source=reordered, geometry=b)
        return prediction, reference, remarks
    if policy == "strict" or len(a.shape) != len(b.shape) or a.affine is None or b.affine is None:
        raise GeometryError(_mismatch(prediction, reference, a, b, distance, limit, movable))
    from segeval.volumes.resampling import LinearResampling, NearestResampling

    resampling = NearestResampling if labels else LinearResampling
    to_prediction = np.linalg.inv(a.affine) @ b.affine
    source = resampling(prediction.source, b.shape, to_prediction, outside)
    ours, theirs = _both(a.spacing_mm, b.spacing_mm, "×")
    remarks.append(
        f"{prediction.name}: resampled to the reference's grid, {'nearest' if labels else 'linear'} "
        f"({_text(a.shape)} at {ours} mm to {_text(b.shape)} at {theirs} mm)"
    )
    return replace(prediction, source=source, geometry=b), reference, remarks


def drop_singletons(prediction: Volume, reference: Volume) -> tuple[Volume, Volume]:
    """Drop axes of length one after the third, and the third where the other volume has only two axes."""
    shapes = [_without_trailing_ones(volume.shape, 3) for volume in (prediction, reference)]
    if min(len(shape) for shape in shapes) == 2:
        shapes = [_without_trailing_ones(shape, 2) for shape in shapes]
    first, second = (_reshape(volume, shape) for volume, shape in zip((prediction, reference), shapes, strict=True))
    return first, second


def _reshape(volume: Volume, shape: tuple[int, ...]) -> Volume:
    if shape == volume.shape:
        return volume
    geometry = None if volume.geometry is None else volume.geometry.with_shape(shape)
    return replace(volume, source=Reshaped(volume.source, shape), geometry=geometry)


def _without_trailing_ones(shape: tuple[int, ...], keep: int) -> tuple[int, ...]:
    while len(shape) > keep and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _nearest_reordering(a: Geometry, b: Geometry, limit: float) -> tuple[tuple[int, ...], tuple[bool, ...], float]:
    """The permutation and flips of a's axes that bring its corners closest to b's, and the largest distance in mm.

    The first order within the limit is taken, and the order as stored comes first.
    """
    count = len(a.shape)
    best: tuple[tuple[int, ...], tuple[bool, ...], float] = (tuple(range(count)), (False,) * count, np.inf)
    if count == len(b.shape):
        indices = corners(a.shape)
        for axes, flipped in product(permutations(range(count)), product((False, True), repeat=count)):
            if tuple(a.shape[axis] for axis in axes) != b.shape:
                continue
            partners = _partners(indices, axes, flipped, b.shape)
            distance = displacement_mm(a, b, partners)
            if distance < best[2] * (1 - 1e-9) - 1e-12 or best[2] == np.inf:
                best = axes, flipped, distance
            if distance <= limit:
                break
    return best


def _partners(
    indices: NDArray[np.int64], axes: tuple[int, ...], flipped: tuple[bool, ...], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Where a's voxels lie in the reordered array."""
    result = np.zeros_like(indices)
    for new, (old, flip) in enumerate(zip(axes, flipped, strict=True)):
        result[:, new] = shape[new] - 1 - indices[:, old] if flip else indices[:, old]
    return result


def _without_grid(prediction: Volume, reference: Volume) -> str:
    """What is done where one volume has no grid, or both."""
    without, *both = [volume.name for volume in (prediction, reference) if volume.geometry is None]
    if both:
        return f"{without} and {both[0]}: neither carries a geometry; compared voxel by voxel, as stored"
    return f"{without}: carries no geometry; the other volume's grid is assumed"


def _two_affines(volume: Volume, tolerance: float) -> list[str]:
    if volume.alternative is None or volume.geometry is None:
        return []
    other, chosen_name, other_name = volume.alternative
    distance = displacement_mm(volume.geometry, other.with_shape(volume.geometry.shape))
    if distance <= tolerance * volume.geometry.smallest_spacing_mm:
        return []
    return [
        f"{volume.name}: {chosen_name} and {other_name} differ by up to {distance:.4g} mm; the {chosen_name} is used"
    ]


def _require_equal_shapes(prediction: Volume, reference: Volume) -> None:
    if prediction.shape != reference.shape:
        raise GeometryError(
            f"{prediction.name} has shape {_text(prediction.shape)}, the reference {reference.name} has "
            f"{_text(reference.shape)}; score volumes of one grid"
        )


def _require_equal_spacings(prediction: Volume, reference: Volume, a: Geometry, b: Geometry, tolerance: float) -> None:
    if a.affine is None or b.affine is None:
        return
    extent = np.array(b.shape) - 1
    apart = float(np.linalg.norm(extent * np.subtract(a.spacing_mm, b.spacing_mm)))  # of the far corners
    if apart > tolerance * b.smallest_spacing_mm:
        ours, theirs = _both(a.spacing_mm, b.spacing_mm, "×")
        raise GeometryError(
            f"{prediction.name} has spacing {ours} mm, the reference {reference.name} has {theirs} mm, which puts "
            f"the far corners {apart:.4g} mm apart; "
            "--geometry ignore compares them voxel by voxel"
        )


def _mismatch(
    prediction: Volume, reference: Volume, a: Geometry, b: Geometry, distance: float, limit: float, movable: bool
) -> str:
    """What differs, both values, the displacement, the ways out."""
    moved = displacement_mm(a, b, corners(b.shape)) if not np.isfinite(distance) else distance
    ways_out = []
    if movable and len(a.shape) == len(b.shape):
        ways_out.append("--geometry resample brings the prediction to the reference's grid")
    if a.shape == b.shape:
        ways_out.append("--geometry ignore compares voxel by voxel")
    return (
        f"{prediction.name} and the reference {reference.name} lie on different grids: "
        f"{'; '.join(_differences(a, b))}; corner voxels lie up to {moved:.4g} mm apart (tolerance {limit:.4g} mm); "
        f"{', '.join(ways_out) or 'score volumes of one grid'}"
    )


def _differences(a: Geometry, b: Geometry) -> list[str]:
    found = []
    if a.shape != b.shape:
        found.append(f"shape {_text(a.shape)} and {_text(b.shape)}")
    if a.axes != b.axes:
        found.append(f"axes {a.axes} and {b.axes}")
    if len(a.shape) == len(b.shape) and not np.allclose(a.spacing_mm, b.spacing_mm, rtol=1e-6):
        found.append("spacing {} and {} mm".format(*_both(a.spacing_mm, b.spacing_mm, "×")))
    if not np.allclose(a.origin_mm, b.origin_mm, rtol=0, atol=1e-6):
        found.append("origin {} and {} mm".format(*_both(a.origin_mm, b.origin_mm, ", ")))
    if a.axes == b.axes and not np.allclose(_directions(a), _directions(b), rtol=0, atol=1e-6):
        found.append("direction [{}] and [{}]".format(*_both(_directions(a), _directions(b), ", ")))
    return found


def _directions(geometry: Geometry) -> Floats:
    """The unit vectors of the stored axes, one after the other."""
    affine = np.eye(4) if geometry.affine is None else geometry.affine
    return np.asarray((affine[:3, : len(geometry.shape)] / geometry.spacing_mm).T.reshape(-1))


def _text(shape: tuple[int, ...]) -> str:
    return "×".join(str(n) for n in shape)


def _both(a: Iterable[float], b: Iterable[float], separator: str) -> tuple[str, str]:
    """Two lists of numbers, short, but with as many digits as it takes to tell them apart."""
    ours, theirs = list(a), list(b)
    for digits in range(5, 18):
        texts = tuple(separator.join(f"{v + 0.0:.{digits}g}" for v in values) for values in (ours, theirs))
        if texts[0] != texts[1]:
            break
    return texts[0], texts[1]
