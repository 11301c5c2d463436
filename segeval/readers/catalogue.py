"""What is read, by which library, and how: for people, beside the table of readers that `open_volume` goes by."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from segeval.files.remote import INSTALL as INSTALL_REMOTE
from segeval.readers.containers import container_of


class FileFormat(Struct, frozen=True):
    """A format. endings: of its files. library: what reads it. voxels: how they come.

    needs: the modules without any of which it is not read, or not all of it, and install: what brings one; none where
    all of it comes with segeval.
    """

    title: str
    endings: tuple[str, ...]
    library: str
    voxels: str
    needs: tuple[str, ...] = ()
    install: str | None = None

    @property
    def missing(self) -> bool:
        """Whether something has to be installed first."""
        return bool(self.needs) and not any(map(find_spec, self.needs))


_OWN = "segeval"
_ARRAYS = "pip install 'segeval-cli[arrays]'"
_POLYGONS = "pip install 'segeval-cli[coco]'"
_COCO = ("pycocotools", "faster_coco_eval")  # either, for polygons
_STREAMED, _WHOLE = "streamed", "read whole"

CATALOGUE: tuple[FileFormat, ...] = (
    FileFormat("NIfTI-1, NIfTI-2, Analyze", (".nii.gz", ".nii", ".hdr.gz", ".hdr", ".img.gz", ".img"), _OWN, _STREAMED),
    FileFormat("MGH, MGZ", (".mgz", ".mgh.gz", ".mgh"), "nibabel", _STREAMED),
    FileFormat("NumPy archive, nnU-Net's probabilities", (".npz",), _OWN, _STREAMED),
    FileFormat("NumPy array", (".npy",), _OWN, _STREAMED),
    FileFormat("3D Slicer segmentation", (".seg.nrrd", ".seg.nhdr"), _OWN, _STREAMED),
    FileFormat("NRRD", (".nrrd", ".nhdr"), "SimpleITK", _STREAMED),
    FileFormat("MetaImage", (".mha", ".mhd"), "SimpleITK", _STREAMED),
    FileFormat("GIPL", (".gipl", ".gipl.gz"), "SimpleITK", _WHOLE),
    FileFormat("legacy VTK", (".vtk",), "SimpleITK", _WHOLE),
    FileFormat("TIFF, BigTIFF, OME-TIFF, ImageJ", (".tif", ".tiff"), "tifffile", _STREAMED),
    FileFormat("picture", (".png", ".bmp"), "imagecodecs, Pillow", _WHOLE),
    FileFormat("MINC (MINC 2 by h5py)", (".mnc",), "nibabel", _WHOLE, ("h5py",), "pip install h5py"),
    FileFormat("AFNI", (".head", ".brik"), "nibabel", _STREAMED),
    FileFormat("PAR/REC", (".par", ".rec"), "nibabel", _WHOLE),
    FileFormat("HDF5 dataset", (".h5", ".hdf5"), "h5py", "slab by slab", ("h5py",), _ARRAYS),
    FileFormat("Zarr, OME-Zarr", (".zarr", ".zarr.zip"), "zarr", "slab by slab", ("zarr",), _ARRAYS),
    FileFormat("YOLO polygons", (".txt",), "segeval, pycocotools", _WHOLE, _COCO, _POLYGONS),
    FileFormat("COCO", (".json",), "segeval, pycocotools", "an image at a time", _COCO, _POLYGONS),
    FileFormat(
        "DICOM SEG, RTSTRUCT", (".dcm",), "pydicom", "plane by plane", ("pydicom",), "pip install 'segeval-cli[dicom]'"
    ),
)  # fmt: skip
REMOTE = FileFormat(
    "https:// or s3:// URL of NIfTI, .npy, HDF5, Zarr", (), "fsspec", "in parts", ("aiohttp",), INSTALL_REMOTE
)
FOLDER = FileFormat("folder of one mask per class", (), _OWN, "streamed side by side")


def format_of(path: Path) -> FileFormat:
    """The format of a file by its ending; that of a folder for what has none that is known."""
    name = container_of(path)[0].name.lower()
    fitting = ((ending, known) for known in CATALOGUE for ending in known.endings if name.endswith(ending))
    return max(fitting, key=lambda found: len(found[0]), default=("", FOLDER))[1]
