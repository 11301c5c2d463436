"""Counting apart from scoring, for loops and clusters: what is counted of many volumes adds up, and is scored once."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, Unpack

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from segeval.cases.arrays import count_arrays
from segeval.cases.case import confusion_entries, score_files
from segeval.cases.naming import folded
from segeval.choices import Kind
from segeval.errors import UnreadableFile, UsageError
from segeval.quantities import score
from segeval.quantities.quantity import OF_TALLIES
from segeval.results.report import CaseResult, Report
from segeval.results.signatures import differing_parts
from segeval.settings import FileOptions, Settings, settings_of
from segeval.settings.reading import settings_of_document
from segeval.tallies.documents import tally_document, tally_of
from segeval.tallies.tally import Tally as Sums
from segeval.version import __version__

_SCHEMA = "segeval-tally/1"


class Tally(Struct, frozen=True):
    """What was counted of some volumes under one set of settings; tallies of the same settings add.

    volumes: how many it is of. kind: what the predictions held. voxel_volume_mm3: None where it is not known, or not
    the same of all. Made by `segeval.count`.
    """

    sums: Sums
    settings: Settings
    kind: Kind
    volumes: int = 1
    voxel_volume_mm3: float | None = None

    def __repr__(self) -> str:
        return f"<Tally of {self.volumes} volume{'s' * (self.volumes != 1)}: {self.settings.signature(self.kind)}>"

    def __add__(self, other: Tally) -> Tally:
        """All volumes of both. Raises UsageError for tallies of other settings."""
        if not isinstance(other, Tally):
            return NotImplemented
        settings = _common(self.settings, other.settings, (self.kind, other.kind))
        try:
            sums = self.sums + other.sums
        except ValueError as problem:
            raise UsageError(f"tallies do not add: {problem}; name the same labels for both") from None
        same = self.voxel_volume_mm3 == other.voxel_volume_mm3
        return Tally(sums, settings, self.kind, self.volumes + other.volumes, self.voxel_volume_mm3 if same else None)

    def score(self) -> Report:
        """A report of one case, as if all voxels were of one volume."""
        settings = self.settings
        rows = score(self.sums, settings.labels, settings.scoring, self.voxel_volume_mm3)
        case = CaseResult(
            case=f"{self.volumes} volume{'s' * (self.volumes != 1)}",
            prediction=None,
            reference=None,
            rows=rows,
            confusion=confusion_entries(self.sums.confusion),
            kind=self.kind,
        )
        columns = tuple(selection.column for selection in settings.selections)
        return Report(settings.signature(self.kind), settings.document(), columns, (case,))

    def to_bytes(self) -> bytes:
        """The tally for a file or a message: a line with a checksum, then JSON. Read by `from_bytes` of this and of
        later versions."""
        content = msgspec.json.encode({
            "schema": _SCHEMA,
            "version": __version__,
            "settings": self.settings.document(),
            "names": [[value, name] for value, name in self.settings.labels.names.items()],
            "kind": self.kind,
            "volumes": self.volumes,
            "voxel_volume_mm3": self.voxel_volume_mm3,
            "tally": tally_document(self.sums),
        })  # fmt: skip
        return b"%08x\n%s" % (zlib.crc32(content), content)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """The tally that `to_bytes` wrote. Raises UnreadableFile for anything else, and where a byte was lost."""
        head, _, text = content.partition(b"\n")
        if head != b"%08x" % zlib.crc32(text):
            raise UnreadableFile("these bytes are no tally, or were damaged: their checksum is another")
        try:
            document = msgspec.json.decode(text)
            if document["schema"] != _SCHEMA:
                raise UnreadableFile(
                    f"this tally is of the schema {document['schema']!r}; this version reads {_SCHEMA}"
                )
            settings = settings_of_document(document["settings"], dict(document["names"]))
            volume = document["voxel_volume_mm3"]
            return cls(tally_of(document["tally"]), settings, document["kind"], document["volumes"], volume)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, UsageError) as problem:
            raise UnreadableFile(f"these bytes are no tally that can be read ({problem!r})") from None


def count(prediction: Any, reference: Any, **options: Unpack[FileOptions]) -> Tally:
    """What scoring a pair counts, before it is scored: it adds to that of other pairs.

    prediction, reference: two paths, with the options of `segeval.evaluate`, or two arrays, with those of
    `segeval.evaluate_arrays`, their mask, weights, class_axis, spacing and voxel_volume_mm3 among them.
    Raises what these do, and UsageError for quantities that are not made of what adds: distances, instances, topology,
    profiles, losses of whole maps.
    """
    sides = [isinstance(side, (str, os.PathLike)) for side in (prediction, reference)]
    if all(sides):
        settings = settings_of(options)
        _require_additive(settings)
        scored = score_files(Path(prediction), Path(reference), settings)
        names = {row.label: row.name for row in scored.result.rows if isinstance(row.label, int) and row.name}
        if names and not settings.labels.names:
            labels = replace(settings.labels, names=names)
            settings = replace(settings, labels=labels)
        return Tally(scored.tally, settings, scored.result.kind or "labels", 1, scored.voxel_volume_mm3)
    if any(sides):
        raise UsageError("count: one side is a path and the other is not; give two paths or two arrays")
    return _of_arrays(prediction, reference, options)


def _of_arrays(prediction: Any, reference: Any, options: Mapping[str, Any]) -> Tally:
    of_arrays = ("class_axis", "voxel_volume_mm3", "spacing", "mask", "weights")
    own = {name: options[name] for name in of_arrays if name in options}
    rest = {name: value for name, value in options.items() if name not in own}
    _require_additive(settings_of(rest, files=False))
    counted = count_arrays(prediction, reference, rest, **own)
    evaluated = counted.evaluated
    return Tally(evaluated.tally, counted.settings, evaluated.kind, 1, counted.voxel_volume_mm3)


def _require_additive(settings: Settings) -> None:
    if settings.asks_for_places:
        asked = [s.key for s in settings.selections if not {part.quantity.record for part in s.parts} <= _ADDITIVE]
        raise UsageError(f"count: {', '.join(asked)}: not made of sums that add; leave it out of metrics")


def _common(ours: Settings, theirs: Settings, kinds: tuple[Kind | None, Kind]) -> Settings:
    """Settings that are the same, with the names of labels that either has. Raises UsageError where they are not.

    kinds: what the predictions held.
    """
    first, second = (_stated(settings, kind) for settings, kind in zip((ours, theirs), kinds, strict=True))
    if first != second:
        parts = "; ".join(f"{part} is {a} and {b}" for part, (a, b) in differing_parts(first, second).items())
        raise UsageError(f"tallies of other settings do not add: {parts}")
    names, more = ours.labels.names, theirs.labels.names
    for value in names.keys() & more.keys():
        if folded(names[value]) != folded(more[value]):
            raise UsageError(
                f"tallies of other settings do not add: label {value} is {names[value]!r} and {more[value]!r}; give "
                "both the same labels"
            )
    return replace(ours, labels=replace(ours.labels, names={**more, **names}))


def _stated(settings: Settings, kind: Kind | None) -> str:
    """The signature, and what changes no number but the rows and columns of a report."""
    quantities = ",".join(selection.text for selection in settings.selections)
    return f"{settings.signature(kind)}|background:{settings.labels.background}|metrics:{quantities}"


_ADDITIVE = OF_TALLIES - {"detections"}  # candidates are found in whole maps


_OF_PAIRS = ("class_axis", "geometry", "tolerance", "mask", "weights")
"""The settings that an accumulator knows with its first pair: whether that is of arrays or files, and what lies beside."""


class Accumulator:
    """Tallies of a loop: `update` with each batch's pair, `compute` the report of them all, `reset`; like a metric of
    torchmetrics or ignite, on any arrays. Options are `segeval.count`'s."""

    def __init__(self, **options: Unpack[FileOptions]) -> None:
        of_arrays = ("voxel_volume_mm3", "spacing", "class_axis")
        self._settings = settings_of({k: v for k, v in options.items() if k not in of_arrays}, files=False)
        _require_additive(self._settings)
        self._options: dict[str, Any] = dict(options)
        self.tally: Tally | None = None

    def update(self, prediction: Any, reference: Any, **beside: Any) -> None:
        """Add a pair. beside: its mask and weights."""
        self._add(count(prediction, reference, **self._options, **beside))

    def merge(self, other: Accumulator | Tally) -> None:
        """Add what another loop, or another process, has counted. Raises UsageError for other settings."""
        found = other.tally if isinstance(other, Accumulator) else other
        if found is None and other is not None:
            return
        if not isinstance(found, Tally):
            raise UsageError(f"merge: give another Accumulator or a Tally, this is of the type {type(other).__name__}")
        if self.tally is None:
            of_pairs = {name: getattr(found.settings, name) for name in _OF_PAIRS}
            _common(
                replace(self._settings, **of_pairs), found.settings, (self._settings.kind or found.kind, found.kind)
            )
        self._add(found)

    def compute(self) -> Report:
        """The report of all that was added. Raises UsageError where nothing was."""
        if self.tally is None:
            raise UsageError("nothing was added yet, so that there is nothing to compute")
        return self.tally.score()

    def reset(self) -> None:
        """Begin anew."""
        self.tally = None

    def _add(self, tally: Tally) -> None:
        self.tally = tally if self.tally is None else self.tally + tally
