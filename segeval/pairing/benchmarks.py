"""Layouts of benchmarks of pictures: Cityscapes, Pascal VOC, ADE20K, the Cell Tracking Challenge.

Their trees have folders with several pictures each, which look like cases of one mask per class; `named_as` tells
them apart.

Sources: Cityscapes' evaluation scripts (which take any picture that begins with city, sequence and frame), VOC's
development kit, the two forms in which ADE20K is published, and the naming conventions of the Cell Tracking Challenge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from segeval.files.paths import absolute
from segeval.pairing.cases import BothSides, Cases, file_stem, grouped
from segeval.pairing.listing import Listing

_CITYSCAPES = re.compile(r"(?P<case>[^_]+_[0-9]{6}_[0-9]{6})(?P<rest>_.*)?")
_CITYSCAPES_TRUTH = re.compile(r"_gt(Fine|Coarse)_labelIds")
_CITYSCAPES_OTHERS = re.compile(r"_gt(Fine|Coarse)_(?!labelIds$).*")
_VOC_TRUTH = "SegmentationClass"
_VOC_FOLDERS = (_VOC_TRUTH, "SegmentationObject")
_VOC_RESULTS = re.compile(r"comp[0-9]+_.+_cls")
_ADE = re.compile(r"(?P<case>ADE_[A-Za-z]+_[0-9]{8})(?P<rest>_.*)?")
_ADE_ANYWHERE = re.compile(r"(?:.*_)?ADE_[A-Za-z]+_[0-9]{8}(?:_.*)?")
_ADE_TRUTH = "annotations"
_ADE_NO_CLASSES = re.compile(r"_(parts?|instance)_?.*")
_CELLS = re.compile(r"(?P<sequence>[0-9]+)_(?P<kind>GT|ST|RES)")
_CELL_IMAGES = re.compile(r"[0-9]+/t[0-9]{3,4}")
_CELL_NAMES = re.compile(r"(?:mask|man_seg_?|man_track)[0-9]{3,4}(?:_[0-9]+)?")
_CELL_RESULTS = re.compile(r"mask(?P<frame>[0-9]{3,4})")
_CELL_TRUTHS = (("GT", "SEG", "man_seg"), ("ST", "SEG", "man_seg"), ("GT", "TRA", "man_track"))
"""Gold before silver, whole cells before the markers of tracking."""


def by_cityscapes(predictions: Listing, references: Listing, probabilities: bool) -> BothSides:
    """``CITY_SEQ_FRAME_gtFine_labelIds.png`` and whatever begins with ``CITY_SEQ_FRAME``, in folders of any name."""

    def of_truth(file: str) -> str | None:
        found = _CITYSCAPES.fullmatch(file_stem(file))
        return found["case"] if found and _CITYSCAPES_TRUTH.fullmatch(found["rest"] or "") else None

    def of_result(file: str) -> str | None:
        found = _CITYSCAPES.fullmatch(file_stem(file))
        return found["case"] if found and not _CITYSCAPES_OTHERS.fullmatch(found["rest"] or "") else None

    theirs = grouped(references.files, of_truth, False)
    return (grouped(predictions.files, of_result, probabilities) if theirs.files else Cases()), theirs


def by_voc(predictions: Listing, references: Listing, probabilities: bool) -> BothSides:
    """Pictures of ``SegmentationClass``; results in a folder like ``comp5_val_cls``, in such a one, or bare."""
    theirs = _within(references, lambda folder: folder == _VOC_TRUTH)
    if not theirs:
        return Cases(), Cases()
    ours = _within(predictions, lambda folder: _VOC_RESULTS.fullmatch(folder) is not None)
    ours = ours or _within(predictions, lambda folder: folder == _VOC_TRUTH) or predictions.top
    return grouped(ours, file_stem, probabilities), grouped(theirs, file_stem, False)


def by_ade20k(predictions: Listing, references: Listing, probabilities: bool) -> BothSides:
    """``ADE_val_00000001``, with or without words behind; where there is a folder ``annotations``, that of it."""
    theirs = _within(references, lambda folder: folder == _ADE_TRUTH) or references.files
    ours = _within(predictions, lambda folder: folder == _ADE_TRUTH) or predictions.files
    return grouped(ours, _ade_case, probabilities), grouped(theirs, _ade_case, False)


def by_celltracking(predictions: Listing, references: Listing, _: bool) -> BothSides:
    """``01_RES/mask000.tif`` and ``01_GT/SEG/man_seg000.tif``; without such, ``01_ST``'s, then ``TRA``'s.

    Predictions without a ``01_RES`` may lie where the references do, and be called like them.
    """
    ours, theirs = Cases(), Cases()
    for file in predictions.files:
        sequence, kind = _cell_folder(predictions, file)[:2]
        found = _CELL_RESULTS.fullmatch(file_stem(file))
        if found and kind == "RES":
            ours.add(_cell_case(sequence, found["frame"]), file)
    for kind, folder, word in _CELL_TRUTHS:
        if theirs.files or theirs.unclear:
            break
        name = re.compile(rf"{word}_?(?P<frame>[0-9]{{3,4}})(?P<slice>_[0-9]+)?")
        _add_truths(theirs, references, (kind, folder), name)
        if theirs.count and not ours.files:
            _add_truths(ours, predictions, (kind, folder), name)
    return (ours, theirs) if theirs.count else (Cases(), Cases())


def named_as(layout: str, listing: Listing) -> bool:
    """Whether every volume of a folder, compared or not, is called as the benchmark of this layout calls its own."""
    return all(_NAMED[layout](_parts(listing, file)) for file in listing.files)


def _named_cityscapes(parts: list[str]) -> bool:
    return _CITYSCAPES.fullmatch(file_stem(parts[-1])) is not None


def _named_voc(parts: list[str]) -> bool:
    return any(part in _VOC_FOLDERS or _VOC_RESULTS.fullmatch(part) for part in parts[:-1])


def _named_ade20k(parts: list[str]) -> bool:
    return _ADE_ANYWHERE.fullmatch(file_stem(parts[-1])) is not None


def _named_celltracking(parts: list[str]) -> bool:
    name = file_stem(parts[-1])
    of_sequence = any(map(_CELLS.fullmatch, parts[:-1])) and _CELL_NAMES.fullmatch(name)
    return bool(of_sequence or _CELL_IMAGES.fullmatch(f"{parts[-2]}/{name}"))


_NAMED: dict[str, Callable[[list[str]], bool]] = {
    "cityscapes": _named_cityscapes,
    "voc": _named_voc,
    "ade20k": _named_ade20k,
    "celltracking": _named_celltracking,
}
BENCHMARKS = tuple(_NAMED)


def _ade_case(file: str) -> str | None:
    found = _ADE.fullmatch(file_stem(file))
    return found["case"] if found and not _ADE_NO_CLASSES.fullmatch(found["rest"] or "") else None


def _add_truths(cases: Cases, listing: Listing, kind: tuple[str, str], name: re.Pattern[str]) -> None:
    slices: list[str] = []
    for file in listing.files:
        sequence, *rest = _cell_folder(listing, file)
        found = name.fullmatch(file_stem(file))
        if found is None or tuple(rest) != kind:
            continue
        if found["slice"]:
            slices.append(file)
        else:
            cases.add(_cell_case(sequence, found["frame"]), file)
    if slices:
        cases.give_up(
            f"{listing.path(slices[0])}: annotates one slice of a volume, as {len(slices)} files here do, and whole "
            "volumes are compared; take the slices out of the results, and pair both with --case-pattern",
            len(slices),
        )


def _cell_folder(listing: Listing, file: str) -> tuple[str, str, str]:
    """Sequence, kind (GT, ST, RES) and the folder within, of a file; the listed folder may be one of these."""
    parts = _parts(listing, file)
    for place in range(len(parts) - 2, -1, -1):
        if (found := _CELLS.fullmatch(parts[place])) is not None:
            return found["sequence"], found["kind"], parts[place + 1] if place < len(parts) - 2 else ""
    return "", "", ""


def _cell_case(sequence: str, frame: str) -> str:
    return f"{sequence}_t{int(frame):03d}"


def _within(listing: Listing, wanted: Callable[[str], bool]) -> list[str]:
    """The files in a folder, at any depth, that is called so."""
    return [file for file in listing.files if any(map(wanted, _parts(listing, file)[:-1]))]


def _parts(listing: Listing, file: str) -> list[str]:
    """The two folders that the listed one is and lies in, those below it, and the name."""
    return [*_above(listing), *file.split("/")]


def _above(listing: Listing) -> Iterable[str]:
    return absolute(listing.root).parts[-2:]
