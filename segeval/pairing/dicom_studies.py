"""DICOM segmentations and structure sets that belong to one study, in whatever folders and under whatever names."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import NamedTuple

from segeval.pairing.cases import BothSides, Cases, file_stem
from segeval.pairing.listing import Listing
from segeval.words.extras import install
from segeval.words.lists import counted_as

_UID = re.compile(r"[0-2](\.[0-9]+){3,}")
_ENDING = ".dcm"


class _Found(NamedTuple):
    file: str
    series: str


_Studies = dict[str, list[_Found]]


def by_study(predictions: Listing, references: Listing, _: bool) -> BothSides:
    """SEG and RTSTRUCT files by their StudyInstanceUID; where a study has several, by the series that they refer to.

    Volumes of other formats belong to the study that they are called after. Images are no cases.
    """
    ours, theirs = Cases(), Cases()
    sides = [(ours, predictions), (theirs, references)]
    if not any(file.lower().endswith(_ENDING) for _, listing in sides for file in listing.files):
        return ours, theirs
    studies = [_studies(cases, listing) for cases, listing in sides]
    for study in studies[0].keys() | studies[1].keys():
        found = [side.get(study, []) for side in studies]
        apart = max(map(len, found)) > 1 and all(one.series for side in found for one in side)
        for cases, side in zip((ours, theirs), found, strict=True):
            for one in side:
                cases.add(f"{study}/{one.series}" if apart else study, one.file)
    return ours, theirs


def _studies(cases: Cases, listing: Listing) -> _Studies:
    """One side's segmentations by study."""
    from segeval.readers.dicom_studies import pydicom_missing, study_of

    found: _Studies = defaultdict(list)
    dicom = [file for file in listing.files if file.lower().endswith(_ENDING)]
    if dicom and pydicom_missing():
        cases.give_up(
            f"{listing.root}: {counted_as(len(dicom), 'DICOM file')} not looked into without pydicom; install it with "
            f"{install('dicom')}",
            len(dicom),
        )
        return {}
    for file in listing.files:
        if not file.lower().endswith(_ENDING):
            if _UID.fullmatch(file_stem(file)):
                found[file_stem(file)].append(_Found(file, ""))
        elif (study := study_of(listing.path(file))) is not None:
            found[study.uid].append(_Found(file, study.series))
    return found
