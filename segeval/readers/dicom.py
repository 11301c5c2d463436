"""DICOM files: what a `.dcm` is, read by pydicom, and which reader its kind takes."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from segeval.errors import SegevalError, UnreadableFile
from segeval.files.byte_stream import file_size, open_regular_file
from segeval.files.hashing import sha256_of
from segeval.files.watch import Watch
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import is_pointer_or_page, recognise
from segeval.volumes.volume import Volume
from segeval.words.extras import install
from segeval.words.printable import printable, shortened

_Result = TypeVar("_Result")

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""SOP classes of segmentations: of segments, and of a label map."""
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
"""The SOP class of structure sets."""
_PIXELS = b"\xe0\x7f\x10\x00"  # the tag of Pixel Data


def open_dicom(path: Path, options: ReadOptions) -> Volume:
    """Open a segmentation or a structure set. Raises UnreadableFile, GeometryError."""
    watch = Watch(path)
    with open_regular_file(path) as file:
        start = file.read(512)
    if (what := is_pointer_or_page(start)) is not None:
        raise UnreadableFile(f"{path}: is {what}")
    if start[128:132] != b"DICM":
        what = recognise(start) or "byte 128 begins no 'DICM'; check what it is"
        raise UnreadableFile(f"{path}: is no DICOM file: {what}")
    if importlib.util.find_spec("pydicom") is None:
        raise UnreadableFile(f"{path}: DICOM needs pydicom; install it with {install('dicom')}")
    dataset, stored = guarded(path, lambda: _dataset(path))
    kind = guarded(path, lambda: str(dataset.get("SOPClassUID", "")))
    if kind in SEGMENTATIONS:
        from segeval.readers.dicom_seg import open_segmentation

        volume = open_segmentation(path, dataset, stored, options)
    elif kind == STRUCTURES:
        from segeval.readers.dicom_structures import open_structures

        volume = open_structures(path, dataset, options)
    else:
        raise UnreadableFile(f"{path}: is no segmentation but a DICOM {_named(kind)}; name a DICOM SEG or RTSTRUCT")

    def finish() -> list[str]:
        if options.on_bytes is not None:
            options.on_bytes(file_size(path))
        watch.require_unchanged()
        return []

    def digest() -> str | None:
        found = sha256_of(path) if options.hashed else None
        watch.require_unchanged()
        return found

    volume.finish, volume.digest = _both(finish, volume.finish), digest
    return volume


def header_of(path: Path, last: int) -> Any | None:
    """What stands at the beginning of a file, to this tag and no further; None of what is no DICOM, or unreadable."""
    from pydicom.filereader import read_partial

    try:
        with path.open("rb") as file:
            if file.read(132)[128:] != b"DICM":
                return None
            file.seek(0)
            return guarded(path, lambda: read_partial(file, stop_when=lambda tag, _, __: tag > last))
    except (OSError, SegevalError):
        return None


def drawn_series(dataset: Any) -> Iterator[str]:
    """UIDs of the series that a structure set says it was drawn on."""
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            for one in study.get("RTReferencedSeriesSequence") or ():
                yield str(one.get("SeriesInstanceUID", "") or "")


def guarded(path: Path, read: Callable[[], _Result]) -> _Result:
    """What pydicom reads; whatever it raises says that the file is damaged. Raises UnreadableFile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that the standard does not allow; what is used is judged here
            return read()
    except SegevalError:
        raise
    except Exception as problem:  # pydicom raises what its parsers and decoders raise
        words = shortened(printable(f"{type(problem).__name__}: {problem}"))
        raise UnreadableFile(f"{path}: pydicom cannot read it ({words}); copy or export it again") from None


def _dataset(path: Path) -> tuple[Any, int | None]:
    """All that stands before the pixels, or all of a deflated file, and how many bytes of pixels are said to be there:
    None where they are compressed, 0 where there are none."""
    import pydicom
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    with path.open("rb") as file:
        dataset = pydicom.dcmread(file, stop_before_pixels=True)
        syntax = dataset.file_meta.TransferSyntaxUID
        if syntax == DeflatedExplicitVRLittleEndian:
            dataset = pydicom.dcmread(path)
            return dataset, len(dataset.get("PixelData", b""))
        if syntax.is_compressed:
            return dataset, None
        head = file.read(12)
        rest = file_size(path) - file.tell()
    if head[:4] != _PIXELS:
        return dataset, 0
    length, before = (head[4:8], 4) if syntax.is_implicit_VR else (head[8:12], 0)
    return dataset, min(int.from_bytes(length, "little"), rest + before)


def _named(uid: str) -> str:
    from pydicom.uid import UID

    return shortened(printable(UID(uid).name or "file of no stated class"), 80)


def _both(first: Callable[[], list[str]], second: Callable[[], list[str]]) -> Callable[[], list[str]]:
    return lambda: [*second(), *first()]
