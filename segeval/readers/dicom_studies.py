"""Which study a DICOM segmentation or structure set belongs to, from what stands at its beginning."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

from segeval.errors import SegevalError
from segeval.readers.dicom import SEGMENTATIONS, STRUCTURES, drawn_series, guarded, header_of
from segeval.words.printable import printable, shortened

_LAST = 0x30060010  # a structure set's references to its images; a segmentation's come long before


class Study(NamedTuple):
    """uid: of the study. series: of the images that were segmented, empty where the file names none, or several."""

    uid: str
    series: str


def pydicom_missing() -> bool:
    """Whether nothing of DICOM can be read here."""
    return importlib.util.find_spec("pydicom") is None


def study_of(path: Path) -> Study | None:
    """Of a segmentation or a structure set; None for images, and for what cannot be read."""
    header = header_of(path, _LAST)
    if header is None:
        return None
    try:
        return guarded(path, lambda: _read(header))
    except SegevalError:
        return None


def _read(header: Any) -> Study | None:
    if str(header.get("SOPClassUID", "")) not in (*SEGMENTATIONS, STRUCTURES):
        return None
    uid = _words(header.get("StudyInstanceUID", ""))
    series = {_words(one.get("SeriesInstanceUID", "")) for one in header.get("ReferencedSeriesSequence") or ()}
    series |= set(map(_words, drawn_series(header)))
    return Study(uid, series.pop() if len(series) == 1 else "") if uid else None


def _words(value: object) -> str:
    return shortened(printable(str(value or "")), 80)
