"""Layouts that read the case from the name of each file: nnU-Net, equal names, BraTS, a regular expression."""

from __future__ import annotations

import re
from pathlib import Path

from segeval.errors import UsageError
from segeval.files.paths import absolute, is_file
from segeval.pairing.cases import NPZ, BothSides, Cases, file_stem, grouped
from segeval.pairing.listing import Listing
from segeval.words.lists import named

DATASET_JSON = "dataset.json"

_LABEL_FOLDERS = ("labelsTr", "labelsTs", "labelsVal", "gt_segmentations")
"""Folders of references in whose parent nnU-Net and the Medical Segmentation Decathlon keep dataset.json."""

_CHANNEL = re.compile(r"(.+)_\d{4}")
_BRATS = re.compile(r"brats\D*\d.*", re.IGNORECASE)
_BRATS_TAIL = re.compile(r"(.+)[-_]([^-_]+)")
_SEGMENTATIONS = frozenset(["seg", "segmentation", "gtv", "pred", "prediction", "label", "labels", "mask"])
_MODALITIES = frozenset(["t1", "t1c", "t1ce", "t1gd", "t1n", "t2", "t2f", "t2w", "flair", "fla"])


def dataset_json(folder: Path) -> Path | None:
    """The dataset.json that describes the label maps of a folder, if there is one."""
    found = folder / DATASET_JSON
    if is_file(found):
        return found
    folder = absolute(folder)
    above = folder.parent / DATASET_JSON
    return above if folder.name in _LABEL_FOLDERS and is_file(above) else None


def by_nnunet(predictions: Listing, references: Listing, probabilities: bool) -> BothSides:
    """``CASE.nii.gz`` on both sides; an ``.npz`` counts for probabilities alone."""
    ours = predictions.top if probabilities else [file for file in predictions.top if not _is_npz(file)]
    theirs = [file for file in references.top if not _is_npz(file)]
    return _without_channel_names(grouped(ours, file_stem, probabilities), grouped(theirs, file_stem, False))


def by_name(predictions: Listing, references: Listing, probabilities: bool) -> BothSides:
    """The same file name, or the same stem with another ending, directly in the two folders."""
    return _without_channel_names(
        grouped(predictions.top, file_stem, probabilities), grouped(references.top, file_stem, False)
    )


def by_brats(predictions: Listing, references: Listing, probabilities: bool) -> BothSides:
    """``BraTS-GLI-00005-000``, ``BraTS2021_00005``: with or without ``seg`` behind, in a folder of its own or not."""
    return grouped(predictions.files, _brats_case, probabilities), grouped(references.files, _brats_case, False)


def by_pattern(pattern: str, predictions: Listing, references: Listing, probabilities: bool) -> BothSides:
    """The group ``case`` of a regular expression, searched in relative paths. Raises UsageError."""
    expression = _compiled(pattern)

    def case_of(file: str) -> str | None:
        found = expression.search(file)
        return found["case"] if found else None

    return grouped(predictions.files, case_of, probabilities), grouped(references.files, case_of, False)


def without_match(pattern: str, listing: Listing) -> int:
    """How many files a case pattern says nothing about."""
    expression = _compiled(pattern)
    return sum(1 for file in listing.files if not ((found := expression.search(file)) and found["case"]))


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        expression = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as problem:
        raise UsageError(
            f"--case-pattern {pattern!r}: is no regular expression ({problem}); write it as '(?P<case>\\d{{5}})'"
        ) from None
    if "case" not in expression.groupindex:
        raise UsageError(
            f"--case-pattern {pattern!r}: has no group named case; put (?P<case>…) around the part that names the case"
        )
    return expression


def _is_npz(file: str) -> bool:
    return file.lower().endswith(NPZ)


def _brats_case(file: str) -> str | None:
    case = file_stem(file)
    if not _BRATS.fullmatch(case):
        return None
    parts = _BRATS_TAIL.fullmatch(case)
    if parts is None:
        return case
    tail = parts[2].lower()
    if tail in _MODALITIES:
        return None
    return parts[1] if tail in _SEGMENTATIONS else case


def _without_channel_names(predictions: Cases, references: Cases) -> BothSides:
    """Take out what would pair if ``_0000`` were stripped: such a name is an image's, and guessing is not pairing."""
    sides = (("predictions", predictions), ("references", references))
    for (side, cases), (other_side, others) in (sides, sides[::-1]):
        for case, channels in _channels_of(cases, others).items():
            files = [file for channel in channels for file in cases.files.pop(channel)]
            bare = others.files.pop(case)
            references.give_up(
                f"{case}: the {other_side} hold {named(bare, 3)}, the {side} {named(files, 3)}, and _0000 ends the "
                f"name of an image's channel in nnU-Net; if it is a label map, rename it, else name the folder of the "
                f"{side}",
                len(bare if side == "predictions" else files),
            )
    return predictions, references


def _channels_of(cases: Cases, others: Cases) -> dict[str, list[str]]:
    """Names without a partner that end in a channel number, by the other side's name without one, unpaired too."""
    found: dict[str, list[str]] = {}
    for name in cases.files.keys() - others.files.keys():
        channel = _CHANNEL.fullmatch(name)
        if channel and channel[1] in others.files and channel[1] not in cases.files:
            found.setdefault(channel[1], []).append(name)
    return {case: sorted(found[case]) for case in sorted(found)}
