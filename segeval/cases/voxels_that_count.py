"""Which voxels count: those of a mask, those of some labels of the reference.

All others are as if the reference had the ignore label there, so that whatever is counted or measured leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.choices import GeometryPolicy
from segeval.errors import GeometryError, LabelError
from segeval.kernels.codebook import Codebook
from segeval.kernels.members import Members
from segeval.readers import Input, ReadOptions, open_volume
from segeval.settings import Settings
from segeval.settings.labels import within_region
from segeval.tallies.tally import Sets
from segeval.targets import Region
from segeval.volumes.alignment import Reshaped, align
from segeval.volumes.chunks import lockstep
from segeval.volumes.memory import Need
from segeval.volumes.volume import DerivedSource, Piece, Volume, VoxelSource, needs_of

if TYPE_CHECKING:
    from segeval.cases.opening import OnBytes

NAMES = ("mask", "weights")
"""The options that name such volumes."""

IN_MEMORY = "array"
"""What the settings call a mask, or weights, that are no file."""

_NOT_COUNTED = -30_000
"""The value of voxels that do not count where the user ignores no label: 16 bits, and nobody's label."""


class Opened(Struct):
    """The volumes beside a pair that say which of its voxels count, open, by the names of their options.

    remarks: on those of them that were brought to the reference's grid.
    """

    volumes: Mapping[str, Volume] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def finish(self) -> list[str]:
        """Read what follows the voxels; remarks. Raises UnreadableFile."""
        found = [remark for volume in self.volumes.values() for remark in volume.remarks + volume.finish()]
        return self.remarks + found

    def details(self, settings: Settings) -> dict[str, Any]:
        """What a case's JSON says of them: path, and SHA-256 where it was asked for."""
        digests = {name: volume.digest() for name, volume in self.volumes.items()}
        return {
            name: {"path": getattr(settings, name), **({} if digest is None else {"sha256": digest})}
            for name, digest in digests.items()
        }


def files_beside(settings: Settings) -> list[Input]:
    """Those that the settings name themselves, and not by a folder of one per case."""
    named = [Input(Path(path)) for name in NAMES if (path := getattr(settings, name)) is not None]
    return [one for one in named if not one.is_folder]


@contextmanager
def opened_beside(settings: Settings, on_bytes: OnBytes | None = None) -> Iterator[Opened]:
    """What the settings name besides prediction and reference. Raises SegevalError."""
    with ExitStack() as stack:
        opened = {}
        for name in NAMES:
            if (path := getattr(settings, name)) is not None:
                volume = stack.enter_context(open_volume(Path(path), ReadOptions(settings.hashed, None, on_bytes)))
                if (count := volume.source.channels) > 1:
                    raise LabelError(f"{path}: holds {count} volumes; --{name} takes one on the reference's grid")
                opened[name] = replace(volume, name=f"the {name} {volume.name}")
        yield Opened(opened)


class Kept(Struct):
    """How many voxels counted so far."""

    voxels: int = 0


class CountedVoxels(Struct):
    """A reference whose other voxels have the ignore label, settings that know it, and the voxels' weights, if any.

    kept: what was met, complete once the voxels were read. why_not: what says that a voxel does not count.
    """

    reference: VoxelSource
    settings: Settings
    weights: VoxelSource | None = None
    kept: Kept | None = None
    why_not: str = ""

    def require_any(self) -> None:
        """Raises LabelError where no voxel counted."""
        if self.kept is not None and not self.kept.voxels:
            raise LabelError(f"{self.why_not}, so that there is nothing to evaluate; give another, or leave it out")


def counted_in_files(reference: Volume, beside: Opened, settings: Settings) -> CountedVoxels:
    """The reference on its grid, as the settings' mask and labels have it. Raises GeometryError, UsageError."""
    sources = {name: _on_its_grid(volume, reference, settings, beside) for name, volume in beside.volumes.items()}
    return counted(reference.source, sources, settings, reference.sets, reference.name)


def _on_its_grid(volume: Volume, reference: Volume, settings: Settings, beside: Opened) -> VoxelSource:
    """Axes that are stored otherwise are put in order; nothing is resampled. Raises GeometryError."""
    if volume.on is not None and reference.geometry is not None and (settings.geometry != "ignore" or volume.drawn_on):
        volume = volume.on(reference.geometry, settings.tolerance)  # it says nothing of what lies beyond its own grid
    policy: GeometryPolicy = "ignore" if settings.geometry == "ignore" else "strict"
    aligned, _, remarks = align(volume, reference, policy, settings.tolerance, movable=False)
    beside.remarks += remarks
    source = aligned.source
    return source if source.shape == reference.shape else Reshaped(source, reference.shape)


def counted(
    reference: VoxelSource,
    beside: Mapping[str, VoxelSource],
    settings: Settings,
    sets: Sets,
    name: str,
) -> CountedVoxels:
    """The reference, which messages call ``name``, with the mask and the weights of its shape that lie beside it.

    Raises UsageError, GeometryError. sets: the labels behind codes of the reference.
    """
    for what, source in beside.items():
        if source.shape != reference.shape:
            shapes = f"the {what} array has shape {source.shape}, the reference {reference.shape}"
            raise GeometryError(f"{shapes}; give one of the reference's shape")
    mask, weights = beside.get("mask"), beside.get("weights")
    if weights is not None:
        weights = Weights(weights, _called("weights", settings))
    if mask is None and settings.within is None:
        return CountedVoxels(reference, settings, weights)
    region = None if settings.within is None else within_region(settings.within, settings.labels)
    ignored = settings.labels.ignore
    code = _NOT_COUNTED if ignored is None else ignored
    kept, mask_name = Kept(), _called("mask", settings)
    masked = Masked(reference, code, mask, region, sets, kept, name, mask_name, own=ignored is None)
    inside = replace(settings, labels=replace(settings.labels, ignore=code))
    where = [*([] if mask is None else [mask_name]), *([] if region is None else [f"--within {settings.within}"])]
    return CountedVoxels(masked, inside, weights, kept, f"{name}: no voxel lies in {' and '.join(where)}")


def _called(what: str, settings: Settings) -> str:
    """In messages."""
    path = getattr(settings, what)
    return f"the {what}" if path in (None, IN_MEMORY) else str(path)


class Weights(DerivedSource, frozen=True):
    """Weights of voxels, float64."""

    name: str

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float64)

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The weights. Raises LabelError for one that is none."""
        for piece in self.source.pieces(channel):
            weights = piece.astype(np.float64)
            if weights.size and not (weights.min() >= 0 and weights.max() < np.inf):  # not so of NaN, either
                first = weights[~((weights >= 0) & (weights < np.inf))][0]
                raise LabelError(f"{self.name}: holds the weight {first:g}; a weight is a number of at least 0")
            yield weights


class Masked(DerivedSource, frozen=True):
    """A reference whose voxels outside of a mask, or of a region of its own, have the value ``code``.

    kept: counts the voxels that count. name, mask_name: what messages call the two.
    own: nobody asked for the code, so that a voxel that counts may not have it.
    """

    code: int
    mask: VoxelSource | None
    region: Region | None
    sets: Sets
    kept: Kept
    name: str
    mask_name: str
    own: bool = True

    @property
    def dtype(self) -> np.dtype[Any]:
        needed = np.result_type(self.source.dtype, np.min_scalar_type(self.code))
        return np.dtype(np.int64) if needed.kind == "f" else needed  # of unsigned 64 bits and a negative code

    @property
    def need(self) -> Need | None:
        needs = [] if self.mask is None else needs_of(self.mask)
        return Need(sum(n.size for n in needs), f"the mask's {needs[0].work}", needs[0].instead) if needs else None

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The labels. Raises LabelError for a mask of NaN, and for a label that stands for what does not count."""
        among = _Among(self.region, self.sets)
        streams = [self.source.pieces(channel), *([] if self.mask is None else [self.mask.pieces(0)])]
        for labels, *mask in lockstep(streams):
            inside = self._inside(*mask) if mask else np.ones(labels.shape, dtype=np.bool_)
            if self.region is not None:
                inside &= among(labels)
            self.kept.voxels += int(np.count_nonzero(inside))
            self._require_free(labels, inside)
            found = labels.astype(self.dtype)
            found[~inside] = self.code
            yield found

    def _inside(self, mask: Piece) -> NDArray[np.bool_]:
        if mask.dtype.kind == "f" and np.isnan(mask).any():
            raise LabelError(
                f"{self.mask_name}: holds NaN, which says neither yes nor no; write 0 for what does not count"
            )
        return np.asarray(mask != 0)

    def _require_free(self, labels: Piece, inside: NDArray[np.bool_]) -> None:
        if self.own and labels.dtype.kind == "i" and np.any(inside & (labels == self.code)):
            raise LabelError(
                f"{self.name}: holds label {self.code}, which stands for voxels that do not count; give it another "
                "number, or name it with --ignore-label"
            )
        if labels.dtype == np.uint64 and labels.size and labels.max() > np.iinfo(np.int64).max:
            raise LabelError(f"{self.name}: holds label {labels.max()}; labels under a mask are below 2^63")


class _Among:
    """Which labels belong to a region."""

    def __init__(self, region: Region | None, sets: Sets) -> None:
        self._region, self._sets = region, sets
        self._codes, self._members, self._bytes = Codebook(), Members(), Members()
        self._bytes.extend(self._covers(value) for value in range(256))

    def __call__(self, labels: Piece) -> NDArray[np.bool_]:
        if labels.dtype == np.uint8:  # no code of several labels is a byte
            return self._bytes.among(labels)
        codes = self._codes.encode(labels)
        values = self._codes.values[self._members.known :]
        self._members.extend(self._covers(value) for value in values)
        return self._members.among(codes)

    def _covers(self, value: int) -> bool:
        members = self._sets.get(value) or frozenset((value,))
        return self._region is None or self._region.covers(members)
