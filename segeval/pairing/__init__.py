"""Which prediction belongs to which reference: from two folders, or from a manifest."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from segeval.errors import PairingError, UsageError
from segeval.pairing.benchmarks import BENCHMARKS, by_ade20k, by_celltracking, by_cityscapes, by_voc, named_as
from segeval.pairing.bids import by_bids
from segeval.pairing.case_folders import by_folder
from segeval.pairing.cases import NPZ, Attempt, Layout, matched
from segeval.pairing.dicom_studies import by_study
from segeval.pairing.file_names import (
    by_brats,
    by_name,
    by_nnunet,
    by_pattern,
    dataset_json,
    without_match,
)
from segeval.pairing.listing import Listing
from segeval.pairing.manifest import read_manifest
from segeval.pairing.records import CasePair, Pairing
from segeval.pairing.slicer_scenes import by_scene
from segeval.words.lists import counted_as, named
from segeval.words.nearest import suggestion

_LAYOUTS: dict[str, tuple[Layout, str]] = {
    "nnunet": (by_nnunet, "CASE.nii.gz on both sides, beside a dataset.json"),
    "name": (by_name, "the same file name, or the same stem with another ending"),
    "bids": (by_bids, "sub-01_ses-02_dseg.nii.gz: the same entities but for desc, space, res and den"),
    "dicom": (by_study, "SEG and RTSTRUCT files of one StudyInstanceUID"),
    "slicer": (by_scene, "CASE/Segmentation.seg.nrrd"),
    "folders": (by_folder, "CASE/segmentation.nii.gz, or CASE/segmentations/<class>.nii.gz"),
    "brats": (by_brats, "BraTS-GLI-00005-000-seg.nii.gz, BraTS2021_00005_seg.nii.gz, the prediction without seg"),
    "cityscapes": (by_cityscapes, "CITY_000000_000000_gtFine_labelIds.png, and results that begin with the same"),
    "voc": (by_voc, "SegmentationClass/2007_000032.png, and the same name in comp5_val_cls or bare"),
    "ade20k": (by_ade20k, "ADE_val_00000001.png, those of a folder annotations where there is one"),
    "celltracking": (by_celltracking, "01_GT/SEG/man_seg000.tif and 01_RES/mask000.tif"),
}
"""How each layout names cases, and the same in words; in the order in which they are tried."""

LAYOUTS = tuple(_LAYOUTS)

_FOLDERS, _NAME = "folders", "name"
_BESIDES = {_FOLDERS: "makes cases of folders", _NAME: "makes a case of every file"}
_FLAT = ("nnunet", "name")

__all__ = ["LAYOUTS", "CasePair", "Pairing", "layout_of", "pair_coco", "pair_folders", "read_manifest"]


def pair_folders(
    predictions: Path,
    references: Path,
    *,
    layout: str | None = None,
    case_pattern: str | None = None,
    probabilities: bool = False,
) -> Pairing:
    """Pair two folders by the names of their files.

    Unless the layout is named, all are tried in the order of LAYOUTS (nnunet only where there is a dataset.json).
    Of those that pair anything, the one that leaves the fewest references unpaired (missing, duplicate or
    ambiguous) is taken, the earlier where two leave equally many; one that leaves none ends the search. Folders that
    would be cases are a benchmark's where all names on both sides are (`_of_benchmark`), and so are files by name of
    which it compares some alone.
    probabilities: an ``.npz`` with the name of a prediction is taken instead of the label map.
    Raises UnreadableFile for a folder without volumes, PairingError where nothing pairs, UsageError.
    """
    named_layout = _named_layout(layout, case_pattern)
    ours = Listing(predictions, "predictions", references)
    theirs = Listing(references, "references", predictions)
    ours.require_volumes()
    theirs.require_volumes()
    label_file = dataset_json(references) or dataset_json(predictions)
    if named_layout is not None:
        layouts = dict([named_layout])
    else:
        layouts = {name: by for name, (by, _) in _LAYOUTS.items() if name != "nnunet" or label_file is not None}
    best = _best(matched(name, ours, theirs, by(ours, theirs, probabilities)) for name, by in layouts.items())
    if best is None:
        raise _nothing_pairs(ours, theirs, layout, case_pattern)
    pairing, remarks = best.pairing, list[str]()
    if named_layout is None and (benchmark := _of_benchmark(pairing, ours, theirs, probabilities)) is not None:
        besides = f"--pairing {pairing.layout} {_BESIDES[pairing.layout]}"
        remarks.append(f"paired by layout {benchmark.layout}, as all names say; {besides}")
        pairing = benchmark
    remarks += _remarks(pairing, ours, theirs, case_pattern, probabilities)
    return replace(pairing, label_file=label_file, remarks=tuple(remarks))


def pair_coco(predictions: Path, references: Path) -> Pairing:
    """The images of two COCO files, each a case. Raises UnreadableFile, PairingError."""
    from segeval.pairing.coco import pair_coco as pair

    return pair(predictions, references)


def layout_of(pairing: Pairing, case_pattern: str | None) -> Layout | None:
    """How a pairing named its cases; None for a manifest."""
    if case_pattern is not None:
        return partial(by_pattern, case_pattern)
    return _LAYOUTS[pairing.layout][0] if pairing.layout in _LAYOUTS else None


def _named_layout(layout: str | None, case_pattern: str | None) -> tuple[str, Layout] | None:
    if layout is not None and case_pattern is not None:
        raise UsageError("--pairing and --case-pattern both say how cases are named; give one of them")
    if case_pattern is not None:
        return "pattern", partial(by_pattern, case_pattern)
    if layout is None:
        return None
    if layout not in _LAYOUTS:
        near = suggestion(layout, LAYOUTS, 1)
        raise UsageError(f"--pairing {layout}: there is no such layout{near}; choose from {', '.join(LAYOUTS)}")
    return layout, _LAYOUTS[layout][0]


def _best(attempts: Iterator[Attempt]) -> Attempt | None:
    """Where nothing pairs, the first attempt that can say why."""
    best: Attempt | None = None
    explained: Attempt | None = None
    for attempt in attempts:
        pairing = attempt.pairing
        if pairing.pairs and (best is None or attempt.unpaired < best.unpaired):
            best = attempt
            if not best.unpaired:
                break
        if explained is None and (pairing.duplicates or pairing.ambiguous):
            explained = attempt
    return best or explained


def _of_benchmark(general: Pairing, ours: Listing, theirs: Listing, probabilities: bool) -> Pairing | None:
    """What the layout makes of two folders whose every name is that of its benchmark; None where none is.

    general: what pairs them otherwise, which stays where files by name are as many cases.
    """
    for name in BENCHMARKS if general.layout in _BESIDES else ():
        if named_as(name, ours) and named_as(name, theirs):
            found = matched(name, ours, theirs, _LAYOUTS[name][0](ours, theirs, probabilities)).pairing
            if found.pairs or found.duplicates or found.ambiguous:
                return None if general.layout == _NAME and len(found.pairs) >= len(general.pairs) else found
    return None


def _nothing_pairs(ours: Listing, theirs: Listing, layout: str | None, case_pattern: str | None) -> PairingError:
    if case_pattern is not None:
        expected = f" by --case-pattern {case_pattern!r}"
    else:
        expected = f" by layout {layout} ({_LAYOUTS[layout][1]})" if layout else ""
    sides = [f"{counted_as(len(listing.files), 'file')} ({named(listing.files, 3)})" for listing in (ours, theirs)]
    return PairingError(
        f"no prediction belongs to a reference{expected}: {ours.root} holds {sides[0]}, {theirs.root} {sides[1]}; name "
        "the cases with --case-pattern '(?P<case>…)', or the pairs with --manifest"
    )


def _remarks(
    pairing: Pairing, ours: Listing, theirs: Listing, case_pattern: str | None, probabilities: bool
) -> Iterator[str]:
    if pairing.extra:
        names = list(dict.fromkeys(case for case, _ in pairing.extra))
        has = "has" if len(names) == 1 else "have"
        yield f"{counted_as(len(names), 'prediction')} {has} no reference, and no score: {named(names)}"
    for listing in (ours, theirs):
        if case_pattern is not None and (ignored := without_match(case_pattern, listing)):
            yield f"{listing.root}: --case-pattern matches {counted_as(ignored, 'file')} not; ignored"
        if pairing.layout in _FLAT and listing.folders:
            what = counted_as(listing.folders, "folder")
            yield f"{listing.root}: {what} in it not looked into by layout {pairing.layout}; --pairing names another"
    if probabilities and pairing.pairs:
        bare = [p.case for p in pairing.pairs if p.prediction and p.prediction.suffix.lower() != NPZ]
        if 0 < len(bare) < len(pairing.pairs):
            yield f"{len(bare)} of {len(pairing.pairs)} predictions have no {NPZ}: {named(bare)}"
