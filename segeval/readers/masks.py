"""One file per class: a folder of ``<class>.nii.gz`` masks, as TotalSegmentator writes them, as one label map.

A voxel that several masks claim is not resolved in silence: it gets a code of its own, and the code's labels are
known, so that every mask still counts on its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.errors import GeometryError, LabelError, UnreadableFile
from segeval.files.hashing import new_sha256, sha256_of_all
from segeval.files.paths import is_folder
from segeval.readers.endings import PICTURE_ENDINGS, TIFF_ENDINGS
from segeval.readers.reader import Reader, ReadOptions
from segeval.volumes.chunks import lockstep, read_ahead
from segeval.volumes.geometry import displacement_mm
from segeval.volumes.volume import Piece, Volume

_FIRST_CODE = -(2**63)  # no label map numbers its labels around the lowest 64-bit integer
_SAME_GRID = 1e-2  # of the smallest spacing, between the masks of one folder


class MaskCodes(Struct):
    """Which label value each class has, and the codes of label sets; shared by both sides of a comparison."""

    values: Mapping[str, int]
    sets: dict[int, frozenset[int]] = field(default_factory=dict)

    def joined(self, code: int, value: int) -> int:
        """The code of a voxel of this code that a further label claims.

        It depends on the set of labels alone, so that tallies of several cases add.
        """
        members = self.sets.get(code, frozenset((code,))) | {value}
        digest = new_sha256(repr(sorted(members)).encode()).digest()
        joined = _FIRST_CODE + int.from_bytes(digest[:7], "big")
        if self.sets.setdefault(joined, members) != members:
            raise LabelError(f"the masks overlap in more ways than can be told apart ({len(self.sets)})")
        return joined

    def claim(self, codes: NDArray[np.int64], claimed: NDArray[np.bool_], value: int) -> int:
        """Give a label the voxels that it claims; returned is how many of them had one label so far."""
        before = codes[claimed]
        if not before.any():
            codes[claimed] = value
            return 0
        after, overlapping = before.copy(), 0
        for code in np.unique(before).tolist():
            after[before == code] = value if code == 0 else self.joined(code, value)
            if code != 0 and code not in self.sets:
                overlapping += int(np.count_nonzero(before == code))
        codes[claimed] = after
        return overlapping


def overlap_remarks(name: str, count: int, what: str, unit: str = "voxels") -> list[str]:
    """What the user should know where so many voxels have a code. what: those that claim them, in words."""
    if not count:
        return []
    return [
        f"{name}: {count} {unit} lie in several {what}; each is scored one-vs-rest, and `all` has only what needs no "
        "single label map"
    ]


class MaskSource:
    """The masks of one folder, walked side by side into one stream of codes."""

    def __init__(self, volumes: Mapping[int, Volume], codes: MaskCodes) -> None:
        self._volumes = volumes
        self._codes = codes
        self._inside: dict[int, Any] = {}
        self.overlapping_voxels = 0
        first = next(iter(volumes.values()))
        self.shape = first.source.shape
        self.channels = 1
        self.dtype: np.dtype[Any] = np.dtype(np.int64)
        self.in_order = True

    def pieces(self, channel: int) -> Iterator[Piece]:  # noqa: ARG002 (there is one)
        """The codes; composed ahead in a thread."""
        return read_ahead(self._composed())

    def _composed(self) -> Iterator[Piece]:
        streams = [volume.source.pieces(0) for volume in self._volumes.values()]
        for pieces in lockstep(streams):
            codes = np.zeros(pieces[0].size, dtype=np.int64)
            for (value, volume), piece in zip(self._volumes.items(), pieces, strict=True):
                claimed = piece != 0
                if claimed.any():
                    self._require_a_mask(value, volume, piece[claimed])
                    self.overlapping_voxels += self._codes.claim(codes, claimed, value)
            yield codes

    def _require_a_mask(self, value: int, volume: Volume, inside: Piece) -> None:
        low, high = inside.min().item(), inside.max().item()
        known = self._inside.setdefault(value, low)
        if not (low == high == known):
            other = high if high != known else low
            raise self._no_mask(volume, f"{known:g} and {other:g}")
        if known != np.rint(known) or not np.isfinite(known):
            raise self._no_mask(volume, f"{known:g}")

    def _no_mask(self, volume: Volume, values: str) -> LabelError:
        return LabelError(
            f"{volume.name}: is no mask of one class: besides 0 it holds {values}; a folder holds one mask per class, "
            "of zeros and ones"
        )


def class_files(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """The mask files of a folder by class name, sorted. Raises UnreadableFile where there is none."""
    found: dict[str, Path] = {}
    try:
        with os.scandir(folder) as entries:
            names = {entry.name: is_folder(entry) for entry in entries if not entry.name.startswith(".")}
    except OSError as problem:
        raise UnreadableFile(f"{folder}: cannot be listed ({problem.strerror}); check its permissions") from None
    pictures = (*PICTURE_ENDINGS, *TIFF_ENDINGS)
    volumes = [name for name in names if name.lower().endswith(endings) and not name.lower().endswith(pictures)]
    for name in sorted(volumes or names):  # a preview picture beside volumes is no class
        ending = next((e for e in endings if name.lower().endswith(e)), None)
        if ending is None or names[name]:
            continue
        stem = name[: -len(ending)]
        if stem in found:
            raise UnreadableFile(f"{folder}: holds {found[stem].name} and {name} for one class; remove one of them")
        found[stem] = folder / name
    if not found:
        raise UnreadableFile(
            f"{folder}: is a directory without class masks (<class>.nii.gz); name a volume or such a folder"
        )
    return found


def open_masks(
    folder: Path, files: Mapping[str, Path], codes: MaskCodes, reader: Reader, options: ReadOptions
) -> Volume:
    """The masks of a folder as one volume. Raises UnreadableFile, GeometryError, LabelError."""
    listed = {name: file for name, file in files.items() if name in codes.values}
    skipped = sorted(files.keys() - listed.keys())
    if not listed:
        raise LabelError(
            f"{folder}: none of its classes ({', '.join(skipped[:5])}) is named in the label file; name masks and "
            "labels alike"
        )
    with ExitStack() as stack:
        volumes = {}
        for name, file in listed.items():
            volume = stack.enter_context(reader(file, replace(options, side_by_side=True)))
            if volume.source.channels > 1:
                raise LabelError(f"{file}: has {volume.source.channels} channels; a folder holds one mask per class")
            volumes[codes.values[name]] = volume
        _require_one_grid(folder, list(volumes.values()))
        closing = stack.pop_all()
    source = MaskSource(volumes, codes)

    def finish() -> list[str]:
        remarks = [remark for volume in volumes.values() for remark in volume.finish()]
        return remarks + overlap_remarks(str(folder), source.overlapping_voxels, "masks")

    def digest() -> str | None:
        digests = [volume.digest() for volume in volumes.values()]
        return sha256_of_all(d for d in digests if d) if options.hashed else None

    first = next(iter(volumes.values()))
    remarks = [f"{folder}: not in the label file and not read: {', '.join(skipped)}"] if skipped else []
    return Volume(
        str(folder),
        first.geometry,
        source,
        kind="labels",
        alternative=first.alternative,
        remarks=remarks,
        finish=finish,
        digest=digest,
        close=closing.close,
        sets=codes.sets,
        coloured=any(volume.coloured for volume in volumes.values()),
    )


def _require_one_grid(folder: Path, volumes: list[Volume]) -> None:
    first = volumes[0]
    for other in volumes[1:]:
        if other.shape != first.shape:
            raise GeometryError(
                f"{folder}: {Path(other.name).name} has shape {'×'.join(map(str, other.shape))}, "
                f"{Path(first.name).name} has {'×'.join(map(str, first.shape))}; all masks of a folder share one grid"
            )
        a, b = first.geometry, other.geometry
        if a is not None and b is not None and (apart := displacement_mm(a, b)) > _SAME_GRID * a.smallest_spacing_mm:
            raise GeometryError(
                f"{folder}: {Path(other.name).name} and {Path(first.name).name} lie up to {apart:.4g} mm apart; "
                "all masks of a folder share one grid"
            )
