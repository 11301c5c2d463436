"""Counting apart from scoring, for loops and clusters: what is counted of many volumes adds up, and is scored once."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self, Unpack

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from segeval.cases.arrays import count_arrays
from segeval.cases.case import confusion_entries, score_files
from segeval.choices import Kind
from segeval.errors import UnreadableFile, UsageError
from segeval.quantities import score
from segeval.quantities.quantity import OF_TALLIES
from segeval.quantities.selected import log_settings, power_sums
from segeval.readers import Input
from segeval.results.label_names import folded
from segeval.results.report import CaseResult, Report
from segeval.results.signatures import differing_parts
from segeval.settings import FileOptions, Settings, settings_of
from segeval.settings.reading import settings_of_document
from segeval.tallies.documents import tally_document, tally_of
from segeval.tallies.tally import Tally as Sums
from segeval.targets import BACKGROUND
from segeval.version import __version__
from segeval.words.printable import printable, shortened

_SCHEMA = "segeval-tally/1"


class Tally(Struct, frozen=True, eq=False):
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

    def __eq__(self, other: object) -> bool:
        """Whether both would be written alike: a group's name in the settings is the quantities that it stands for."""
        if not isinstance(other, Tally):
            return NotImplemented
        return self._facts() == other._facts() and self.sums == other.sums

    __hash__ = None  # type: ignore[assignment]  # as of arrays

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
        content = msgspec.json.encode(
            {"schema": _SCHEMA, "version": __version__, **self._facts(), "tally": tally_document(self.sums)}
        )
        return b"%08x\n%s" % (zlib.crc32(content), content)

    def _facts(self) -> dict[str, Any]:
        """What is known beside the sums, for JSON."""
        return {
            "settings": self.settings.document(),
            "names": [[value, name] for value, name in sorted(self.settings.labels.names.items())],
            "regions_only": self.settings.labels.regions_only,
            "kind": self.kind,
            "volumes": self.volumes,
            "voxel_volume_mm3": self.voxel_volume_mm3,
        }

    @classmethod
    def from_bytes(cls, content: bytes | bytearray | memoryview) -> Self:
        """The tally that `to_bytes` wrote. Raises UnreadableFile for anything else, and where a byte was lost."""
        if not isinstance(content, (bytes, bytearray, memoryview)):
            raise UsageError(f"a tally is read from bytes; this is of the type {type(content).__name__}")
        head, _, text = bytes(content).partition(b"\n")
        if head != b"%08x" % zlib.crc32(text):
            raise UnreadableFile("these bytes are no tally, or were damaged: their checksum is another")
        try:
            document = msgspec.json.decode(text)
            if document["schema"] != _SCHEMA:
                raise UnreadableFile(
                    f"this tally is of the schema {document['schema']!r}; this version reads {_SCHEMA}"
                )
            read = msgspec.convert(document, _Written)
            settings = settings_of_document(read.settings, dict(read.names))
            settings = replace(settings, labels=replace(settings.labels, regions_only=read.regions_only))
            tally = cls(tally_of(read.tally), settings, read.kind, read.volumes, read.voxel_volume_mm3)
            _require_what_is_scored(tally)
        except (KeyError, TypeError, ValueError, RecursionError, UsageError) as problem:
            reason = shortened(printable(f"{type(problem).__name__}: {problem}"), 300)
            raise UnreadableFile(f"these bytes are no tally that can be read ({reason})") from None
        return tally


class _Written(Struct):
    """What `to_bytes` writes behind the checksum."""

    settings: dict[str, Any]
    names: list[tuple[int, str]]
    kind: Kind
    volumes: Annotated[int, Meta(ge=1)]
    voxel_volume_mm3: Annotated[float, Meta(gt=0)] | None
    tally: dict[str, Any]
    regions_only: bool = False


def _require_what_is_scored(tally: Tally) -> None:
    """Raises UsageError, ValueError where the settings ask for what the sums are not of."""
    settings, sums = tally.settings, tally.sums
    _require_additive(settings)
    if (tally.kind == "probabilities") != (sums.soft is not None) or (sums.confusion is None and sums.soft is None):
        raise ValueError(f"no sums of {tally.kind}")
    if sums.soft is None:
        return
    options, regions = sums.options, settings.labels.regions
    background = () if options.independent and BACKGROUND not in options.channels else (BACKGROUND,)
    targets = (*background, *options.labels, *(region.name for region in regions))
    if (sums.soft.targets, options.regions, options.independent) != (targets, regions, sums.confusion is None):
        raise ValueError("sums of other labels and regions than the settings'")
    missing = set(log_settings(settings.selections)) - set(options.logs)
    if missing or set(power_sums(settings.selections)) - set(options.powers):
        raise ValueError("sums of other quantities than the settings'")


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
        scored = score_files(Input(Path(prediction)), Input(Path(reference)), settings)
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
"""The settings that an accumulator knows with its first pair: of arrays or of files, and what lies beside."""


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
