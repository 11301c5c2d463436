"""DICOM structure sets, written by pydicom, and what other programs make of their contours."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from dicoms import BETWEEN, ORIGIN, SPACING, UPRIGHT, Array, affine_of
from reading import named_masks

from segeval.readers import ReadOptions, open_volume
from segeval.volumes.geometry import Geometry

Contour = tuple[str, Array]
"""Type, and (points, 3) in mm, LPS+."""
Roi = tuple[int, str, Sequence[Contour]]
SHAPE = (20, 16, 5)


def in_mm(points: Any, plane: float, axes: Array = UPRIGHT) -> Array:
    """(points, 3) in LPS+ of (points, 2) columns and rows of a slice, on the grid of `dicoms.series`."""
    indices = np.column_stack([np.array(points, float), np.full(len(points), plane)])
    return np.asarray(indices * (SPACING[1], SPACING[0], BETWEEN) @ axes.T + ORIGIN)


def closed(points: Any, plane: float, axes: Array = UPRIGHT, kind: str = "CLOSED_PLANAR") -> Contour:
    return kind, in_mm(points, plane, axes)


def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def rtstruct(path: Path, rois: Sequence[Roi], images: Sequence[Any] = (), implicit: bool = True) -> Path:
    """A structure set. images: the slices that it refers to."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RTStructureSetStorage, generate_uid
    from pydicom.valuerep import DSfloat

    def uid(purpose: str) -> str:  # the same bytes in every run: what a test damages is told by a seed
        return generate_uid(entropy_srcs=[purpose, path.name])

    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    one.SOPClassUID, one.SOPInstanceUID, one.Modality = RTStructureSetStorage, uid("instance"), "RTSTRUCT"
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    one.StudyInstanceUID = images[0].StudyInstanceUID if images else uid("study")
    one.SeriesInstanceUID, one.PatientID = uid("series"), "1"
    frame = images[0].FrameOfReferenceUID if images else uid("frame")
    one.StructureSetROISequence, one.ROIContourSequence = [], []
    if images:
        series, study, reference = Dataset(), Dataset(), Dataset()
        series.SeriesInstanceUID, study.RTReferencedSeriesSequence = images[0].SeriesInstanceUID, [series]
        reference.FrameOfReferenceUID, reference.RTReferencedStudySequence = frame, [study]
        one.ReferencedFrameOfReferenceSequence = [reference]
    for number, name, contours in rois:
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, frame
        drawn.ReferencedROINumber, drawn.ROIDisplayColor, drawn.ContourSequence = number, [255, 128, number % 256], []
        for kind, points in contours:
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = kind, len(points)
            contour.ContourData = [DSfloat(float(value), auto_format=True) for value in points.ravel()]
            drawn.ContourSequence.append(contour)
        one.StructureSetROISequence.append(roi)
        one.ROIContourSequence.append(drawn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of many points: they are stored as UN where a length has 16 bits
        one.save_as(path, enforce_file_format=True)
    return path


def saved(images: Sequence[Any], folder: Path) -> Path:
    """The folder, with the slices in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(images):
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        one.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def by_scikit_image(path: Path, shape: Sequence[int], affine: Array) -> dict[str, Array]:
    """The voxels whose centres are inside by another implementation, by the name of the ROI; of grids whose third axis
    is across the contours."""
    import pydicom
    from skimage.measure import points_in_poly

    dataset = pydicom.dcmread(path)
    names = {int(roi.ROINumber): str(roi.ROIName) for roi in dataset.StructureSetROISequence}
    centres = np.argwhere(np.ones(shape[:2], np.bool_))
    masks = {name: np.zeros(shape, np.bool_) for name in names.values()}
    for roi in dataset.ROIContourSequence:
        for contour in roi.ContourSequence:
            points = np.array(contour.ContourData, float).reshape(-1, 3) * (-1, -1, 1)
            voxels = (points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
            if len(points) > 2:
                plane = masks[names[int(roi.ReferencedROINumber)]][:, :, round(voxels[:, 2].mean())]
                plane ^= points_in_poly(centres, voxels[:, :2]).reshape(shape[:2])
    return masks


def on_grid(
    path: Path, shape: Sequence[int] = SHAPE, affine: Array | None = None
) -> tuple[dict[str, Array], list[str]]:
    """The masks on a grid, by default that of `dicoms.series`, and remarks."""
    with open_volume(path, ReadOptions()) as volume:
        assert volume.on is not None
        affine = affine_of() if affine is None else affine
        placed = volume.on(Geometry(tuple(shape), affine, oriented=True), 0.01)
        assert placed.shape == tuple(shape)
        masks = named_masks(placed)
        return masks, [*placed.remarks, *placed.finish()]
