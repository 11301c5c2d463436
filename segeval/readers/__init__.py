"""Files to volumes: one library per format, chosen by the file's ending."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.errors import UnreadableFile
from segeval.files import paths
from segeval.files.byte_stream import file_size, open_regular_file, read_bounded
from segeval.files.remote import is_remote, located
from segeval.readers.containers import COCO_ENDINGS, HDF5_ENDINGS, ZARR_ENDINGS, container_of, is_in_zarr
from segeval.readers.endings import PICTURE_ENDINGS, TIFF_ENDINGS, YOLO_ENDINGS
from segeval.readers.reader import Reader, ReadOptions
from segeval.readers.recognition import recognise
from segeval.volumes.volume import Volume

if TYPE_CHECKING:
    from segeval.readers.masks import MaskCodes


def _nifti() -> Reader:
    from segeval.readers.nifti import open_nifti

    return open_nifti


def _mgh() -> Reader:
    from segeval.readers.mgh import open_mgh

    return open_mgh


def _npz() -> Reader:
    from segeval.readers.npz import open_npz

    return open_npz


def _npy() -> Reader:
    from segeval.readers.npy import open_npy

    return open_npy


def _simpleitk() -> Reader:
    from segeval.readers.simpleitk import open_with_simpleitk

    return open_with_simpleitk


def _tiff() -> Reader:
    from segeval.readers.tiff import open_tiff

    return open_tiff


def _picture() -> Reader:
    from segeval.readers.pictures import open_picture

    return open_picture


def _slicer() -> Reader:
    from segeval.readers.slicer import open_slicer

    return open_slicer


def _minc() -> Reader:
    from segeval.readers.minc import open_minc

    return open_minc


def _afni() -> Reader:
    from segeval.readers.afni import open_afni

    return open_afni


def _parrec() -> Reader:
    from segeval.readers.parrec import open_parrec

    return open_parrec


def _dicom() -> Reader:
    from segeval.readers.dicom import open_dicom

    return open_dicom


def _hdf5() -> Reader:
    from segeval.readers.hdf5 import open_hdf5

    return open_hdf5


def _zarr() -> Reader:
    from segeval.readers.zarr_arrays import open_zarr

    return open_zarr


def _yolo() -> Reader:
    from segeval.readers.yolo import open_yolo

    return open_yolo


def _coco() -> Reader:
    from segeval.readers.coco import open_coco

    return open_coco


READERS: tuple[tuple[tuple[str, ...], Callable[[], Reader]], ...] = (
    ((".nii.gz", ".nii", ".hdr.gz", ".hdr", ".img.gz", ".img"), _nifti),
    ((".mgz", ".mgh.gz", ".mgh"), _mgh),
    ((".npz",), _npz),
    ((".npy",), _npy),
    ((".seg.nrrd", ".seg.nhdr"), _slicer),
    ((".nrrd", ".nhdr", ".mha", ".mhd", ".gipl", ".gipl.gz", ".vtk"), _simpleitk),
    (TIFF_ENDINGS, _tiff),
    (PICTURE_ENDINGS, _picture),
    ((".mnc",), _minc),
    ((".head", ".brik"), _afni),
    ((".par", ".rec"), _parrec),
    ((".dcm",), _dicom),
    (HDF5_ENDINGS, _hdf5),
    (ZARR_ENDINGS, _zarr),
    (COCO_ENDINGS, _coco),
    (YOLO_ENDINGS, _yolo),
)
"""Which reader opens which endings, in order of preference; each is imported for the first file that needs it."""

ALL_ENDINGS = tuple(ending for endings, _ in READERS for ending in endings)
ENDINGS = tuple(ending for ending in ALL_ENDINGS if ending not in (*COCO_ENDINGS, *YOLO_ENDINGS))
"""Of files that are volumes in whatever folder they lie; most JSON files and texts there are something else."""

__all__ = [
    "ENDINGS",
    "ReadOptions",
    "is_directory",
    "mask_classes",
    "open_folder_of_masks",
    "open_volume",
    "read_bounded",
    "size_on_disk",
    "stem",
]


_REMOTE = (".nii.gz", ".nii", ".npy", *HDF5_ENDINGS, ".zarr")
"""Endings of formats whose readers need no file of this machine."""


def require_readable_there(path: Path) -> None:
    """Raises UnreadableFile for a file of another machine in a format that is read from this machine's files alone."""
    if is_remote(path) and not container_of(path)[0].name.lower().endswith(_REMOTE):
        raise UnreadableFile(f"{path}: of other machines' files only {', '.join(_REMOTE)} are read; download it")


def open_volume(path: Path, options: ReadOptions) -> Volume:
    """Open one file. Raises UnreadableFile, GeometryError."""
    path = located(path)
    require_readable_there(path)
    name = container_of(path)[0].name.lower()
    for endings, reader in READERS:
        if name.endswith(endings):
            return reader()(path, options)
    with open_regular_file(path) as file:  # what is not there, or no file at all, has words of its own
        what = recognise(file.read(512))
    if what is not None and what.startswith("a JPEG"):
        raise UnreadableFile(f"{path}: is {what}")
    raise UnreadableFile(
        f"{path}: is of no known format; segeval reads {', '.join(e for e in ALL_ENDINGS if not e.endswith('.gz'))}, "
        "and folders of one mask per class"
    )


def is_directory(path: Path) -> bool:
    """Whether the path is a folder of files; a Zarr hierarchy is a volume."""
    return paths.is_directory(path) and not is_in_zarr(path)


def mask_classes(folder: Path) -> dict[str, Path]:
    """The mask files of a folder by class name. Raises UnreadableFile where there is none."""
    from segeval.readers.masks import class_files

    return class_files(folder, ENDINGS)


def open_folder_of_masks(folder: Path, codes: MaskCodes, options: ReadOptions) -> Volume:
    """A folder of one mask per class as one volume. Raises UnreadableFile, GeometryError, LabelError."""
    from segeval.readers.masks import open_masks

    return open_masks(folder, mask_classes(folder), codes, open_volume, options)


def stem(path: Path) -> str:
    """The file's name without its format ending."""
    file, inside = container_of(path)
    name = file.name
    ending = next((e for e in ALL_ENDINGS if name.lower().endswith(e) and len(name) > len(e)), "")
    within = inside.strip("/").replace("/", "_")
    return name[: len(name) - len(ending)] + (f"_{within}" if within else "")


def size_on_disk(path: Path) -> int:
    """Bytes of a file, or of the mask files of a folder; 0 where it cannot be told."""
    if not is_directory(path):
        return 0 if is_in_zarr(path) else file_size(container_of(path)[0])
    return sum(file_size(entry) for entry in path.iterdir() if entry.name.lower().endswith(ENDINGS))
