"""DICOM series and segmentations, written by pydicom and highdicom."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SPACING = (1.5, 0.8)
"""Of rows, of columns, in mm."""
BETWEEN = 3.0
ORIGIN = np.array([10.0, -20.0, 5.0])
UPRIGHT = np.eye(3)
REGISTERED = "1.2.840.10008."
"""How the identifiers of the standard begin."""


def turned(degrees: float) -> Array:
    """An oblique orientation: columns are the directions of columns, rows and slices in LPS+."""
    a = np.deg2rad(degrees)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    return np.asarray(about_x @ about_z)


def affine_of(axes: Array = UPRIGHT) -> Array:
    """From (column, row, slice) to RAS+."""
    affine = np.eye(4)
    affine[:3, :3] = axes * (SPACING[1], SPACING[0], BETWEEN)
    affine[:3, 3] = ORIGIN
    return np.asarray(np.diag([-1, -1, 1, 1]) @ affine)


def series(shape: Sequence[int], axes: Array = UPRIGHT) -> list[Any]:
    """CT slices of zeros; shape: columns, rows, slices."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    study, group, frame = generate_uid(), generate_uid(), generate_uid()
    slices = []
    for number in range(shape[2]):
        one = Dataset()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, generate_uid()
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, group, frame
        one.Modality, one.PatientID, one.PatientName, one.PatientBirthDate, one.PatientSex = "CT", "1", "A^B", "", ""
        one.StudyDate, one.StudyTime, one.AccessionNumber, one.StudyID = "20200101", "120000", "", "1"
        one.ReferringPhysicianName, one.PositionReferenceIndicator = "", ""
        one.SeriesNumber, one.InstanceNumber = 1, number + 1
        one.Columns, one.Rows = shape[:2]
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.PixelSpacing, one.SliceThickness, one.SpacingBetweenSlices = list(SPACING), BETWEEN, BETWEEN
        one.ImageOrientationPatient = [float(v) for v in axes[:, :2].T.ravel()]
        one.ImagePositionPatient = [float(v) for v in ORIGIN + number * BETWEEN * axes[:, 2]]
        one.PixelData = bytes(2 * shape[0] * shape[1])
        slices.append(one)
    return slices


def dicom_seg(
    path: Path, masks: Array, names: Sequence[str], kind: str = "BINARY", axes: Array = UPRIGHT, **options: Any
) -> Path:
    """A SEG by highdicom. masks: (columns, rows, slices, segments), or (columns, rows, slices) of numbers."""
    import highdicom as hd
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    described = [
        hd.seg.SegmentDescription(
            number, name, codes.SCT.Tissue, codes.SCT.Organ, hd.seg.SegmentAlgorithmTypeValues.MANUAL
        )
        for number, name in enumerate(names, start=1)
    ]
    pixels = np.ascontiguousarray(np.moveaxis(masks.swapaxes(0, 1), 2, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = hd.seg.Segmentation(
            series(masks.shape[:3], axes), pixels, kind, described, generate_uid(), 2, generate_uid(), 1,
            "maker", "model", "1", "serial", **options,
        )  # fmt: skip
        made.save_as(path)
    close_database(made)
    return path


def close_database(seg: Any) -> None:
    """Of its frames, which highdicom leaves open to the garbage collector, and Python 3.13 and newer warn of."""
    seg._db_con.close()


def with_fixed_identifiers(path: Path) -> Path:
    """The same file with the bytes of every other run: identifiers, dates and times are not those of this one."""
    import pydicom
    from pydicom.uid import generate_uid

    new: dict[str, str] = {}
    fixed = {"DA": "20200101", "TM": "120000", "DT": "20200101120000"}

    def fix(_: Any, element: Any) -> None:
        if element.VR == "UI" and not str(element.value).startswith(REGISTERED):
            element.value = new.setdefault(element.value, generate_uid(entropy_srcs=[str(len(new))]))
        elif element.VR in fixed and element.value:
            element.value = fixed[element.VR]

    dataset = pydicom.dcmread(path)
    dataset.walk(fix)
    dataset.file_meta.walk(fix)
    dataset.save_as(path)
    return path


def with_frames_shuffled(path: Path, order: Sequence[int]) -> Path:
    """The same BINARY segmentation, its frames stored in another order."""
    import pydicom
    from pydicom.pixels.utils import pack_bits

    dataset = pydicom.dcmread(path)
    frames = dataset.pixel_array.reshape(int(dataset.NumberOfFrames), -1)[list(order)]
    groups = dataset.PerFrameFunctionalGroupsSequence
    dataset.PerFrameFunctionalGroupsSequence = [groups[number] for number in order]
    dataset.PixelData = pack_bits(frames.ravel())
    dataset.save_as(path)
    return path
