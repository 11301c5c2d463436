"""What a path leads to: found out once, at the door, and handed on in the path's place."""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from segeval.errors import UnreadableFile
from segeval.files import paths
from segeval.files.byte_stream import file_size
from segeval.files.remote import RemotePath, located
from segeval.readers.containers import COCO_ENDINGS, HDF5_ENDINGS, ZARR_ENDINGS, container_of
from segeval.readers.endings import PICTURE_ENDINGS, TIFF_ENDINGS, YOLO_ENDINGS
from segeval.readers.reader import Reader


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


class Status(Struct, frozen=True, gc=False):
    """What a disk says of a file; a third of the memory that the system's own record takes, as a batch holds many.

    size: in bytes. time_ns: of the last change.
    """

    is_folder: bool
    size: int
    time_ns: int
    device: int
    inode: int


class Input:
    """What a user named: a volume, an array in a file that holds some, or a folder of one mask per class.

    path: as it was written; a URL's knows its credentials. file: what is opened; inside: the array in it.
    What a disk or a server says of the path is asked for when somebody needs it, and kept; a folder's masks are listed
    each time. Pickled as its path: another process looks for itself, at its time.
    """

    def __init__(self, path: Path) -> None:
        self.path = located(path)
        self.file, self.inside = container_of(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def __reduce__(self) -> tuple[type[Input], tuple[Path]]:
        return Input, (self.path,)

    @property
    def is_remote(self) -> bool:
        """Whether it is on another machine."""
        return isinstance(self.path, RemotePath)

    @property
    def in_zarr(self) -> bool:
        """Whether it is, or lies in, a Zarr hierarchy: a folder that is a volume."""
        return self.file.name.lower().endswith(ZARR_ENDINGS)

    @property
    def holds_arrays(self) -> bool:
        """Whether it is a file that holds arrays by name, and names none of them."""
        named = (".npz", *HDF5_ENDINGS, *ZARR_ENDINGS)
        return not self.inside.strip("/") and self.file.name.lower().endswith(named)

    @property
    def reader(self) -> Reader | None:
        """What opens it, by its ending; None for no known format."""
        name = self.file.name.lower()
        return next((reader() for endings, reader in READERS if name.endswith(endings)), None)

    @property
    def stem(self) -> str:
        """The file's name without its format ending."""
        name = self.file.name
        ending = next((e for e in ALL_ENDINGS if name.lower().endswith(e) and len(name) > len(e)), "")
        within = self.inside.strip("/").replace("/", "_")
        return name[: len(name) - len(ending)] + (f"_{within}" if within else "")

    @cached_property
    def status(self) -> Status | None:
        """Of the file; None where it cannot be looked at."""
        try:
            found = self.file.stat()
        except (OSError, ValueError, UnreadableFile):
            return None
        is_folder = stat.S_ISDIR(found.st_mode)
        return Status(is_folder, found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files; a Zarr hierarchy is a volume."""
        if self.is_remote or self.in_zarr:
            return False
        if self.file is not self.path:  # of an array in a file, unless the folder is called so
            return paths.is_directory(self.path)
        return self.status is not None and self.status.is_folder

    @property
    def masks(self) -> dict[str, Path]:
        """The mask files of a folder by class name. Raises UnreadableFile where there is none."""
        from segeval.readers.masks import class_files

        return class_files(self.path, ENDINGS)

    @property
    def size(self) -> int:
        """Bytes of the file, or of the mask files of a folder; 0 where it cannot be told."""
        if not self.is_folder:
            return 0 if self.in_zarr or self.status is None else self.status.size
        with suppress(UnreadableFile):
            return sum(map(file_size, self.masks.values()))
        return 0

    def is_same(self, other: Input) -> bool:
        """Whether both are one file."""
        if self.is_remote or other.is_remote:
            return str(self.file) == str(other.file)
        if (ours := self.status) is None or (theirs := other.status) is None:
            return False
        return (ours.device, ours.inode) == (theirs.device, theirs.inode)
