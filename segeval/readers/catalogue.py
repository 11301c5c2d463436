"""What is read, by which library, and how: for people, beside the table of readers that `open_volume` goes by."""

from __future__ import annotations

from importlib.util import find_spec

from msgspec import Struct

from segeval.results.formats import FormatDocument
from segeval.words.extras import install


class FileFormat(Struct, frozen=True):
    """A format. endings: of its files. libraries: what reads it. voxels: how they come.

    needs: modules without which it is not read, or not all of it, where any of those in one place will do; needed_for:
    what they are needed for, where that is not all; install: what brings them. None where all comes with segeval.
    """

    title: str
    endings: tuple[str, ...]
    libraries: tuple[str, ...]
    voxels: str
    needs: tuple[tuple[str, ...], ...] = ()
    needed_for: str | None = None
    install: str | None = None

    @property
    def library(self) -> str:
        """What reads it, in words."""
        return ", ".join(self.libraries)

    @property
    def missing(self) -> bool:
        """Whether something has to be installed first."""
        return not all(any(map(find_spec, modules)) for modules in self.needs)

    def document(self) -> FormatDocument:
        """As JSON holds it."""
        return {
            "title": self.title,
            "endings": list(self.endings),
            "libraries": list(self.libraries),
            "voxels": self.voxels,
            "needed_for": self.needed_for,
            "install": self.install,
            "missing": self.missing,
        }


_OWN = ("segeval",)
_NIBABEL, _ITK = ("nibabel",), ("SimpleITK",)
_STREAMED, _WHOLE, _SLABS = "streamed", "read whole", "slab by slab"
_H5PY, _ZARR, _PYDICOM = ("h5py",), ("zarr",), ("pydicom",)
_POLYGONS = ("pycocotools", "faster_coco_eval")
_COCO = ("segeval", "pycocotools")


CIFTI = FileFormat("CIFTI-2, dense labels", (".dlabel.nii", ".dlabel.nii.gz"), _OWN, _STREAMED)
"""A NIfTI by its ending, which its content tells apart."""
CATALOGUE: tuple[FileFormat, ...] = (
    FileFormat("NIfTI-1, NIfTI-2, Analyze", (".nii.gz", ".nii", ".hdr.gz", ".hdr", ".img.gz", ".img"), _OWN, _STREAMED),
    CIFTI,
    FileFormat("MGH, MGZ", (".mgz", ".mgh.gz", ".mgh"), _NIBABEL, _STREAMED),
    FileFormat("NumPy archive, nnU-Net's probabilities", (".npz",), _OWN, _STREAMED),
    FileFormat("NumPy array", (".npy",), _OWN, _STREAMED),
    FileFormat("3D Slicer segmentation", (".seg.nrrd", ".seg.nhdr"), _OWN, _STREAMED),
    FileFormat("NRRD", (".nrrd", ".nhdr"), _ITK, _STREAMED),
    FileFormat("MetaImage", (".mha", ".mhd"), _ITK, _STREAMED),
    FileFormat("GIPL", (".gipl", ".gipl.gz"), _ITK, _WHOLE),
    FileFormat("legacy VTK", (".vtk",), _ITK, _WHOLE),
    FileFormat("TIFF, BigTIFF, OME-TIFF, ImageJ", (".tif", ".tiff"), ("tifffile",), _STREAMED),
    FileFormat("picture", (".png", ".bmp"), ("imagecodecs", "Pillow"), _WHOLE),
    FileFormat("MINC (MINC 2 by h5py)", (".mnc",), _NIBABEL, _WHOLE, (_H5PY,), "MINC 2", "pip install h5py"),
    FileFormat("AFNI", (".head", ".brik"), _NIBABEL, _STREAMED),
    FileFormat("PAR/REC", (".par", ".rec"), _NIBABEL, _WHOLE),
    FileFormat("HDF5 dataset", (".h5", ".hdf5"), _H5PY, _SLABS, (_H5PY,), install=install("arrays")),
    FileFormat("Zarr, OME-Zarr", (".zarr", ".zarr.zip"), _ZARR, _SLABS, (_ZARR,), install=install("arrays")),
    FileFormat("YOLO polygons", (".txt",), _COCO, _WHOLE, (_POLYGONS,), install=install("coco")),
    FileFormat("COCO", (".json",), _COCO, "an image at a time", (_POLYGONS,), "polygons", install("coco")),
    FileFormat(
        "DICOM SEG, RTSTRUCT", (".dcm",), _PYDICOM, "plane by plane", (_PYDICOM,), install=install("dicom")
    ),
)  # fmt: skip
FOLDER = FileFormat("folder of one mask per class", (), _OWN, "streamed side by side")
_FSSPEC, _THERE = ("fsspec",), "in parts"
REMOTE = (
    FileFormat(
        "https:// URL of NIfTI, .npy, HDF5, Zarr",
        (),
        _FSSPEC,
        _THERE,
        (_FSSPEC, ("aiohttp",)),
        install=install("remote"),
    ),
    FileFormat(
        "s3:// URL of NIfTI, .npy, HDF5, Zarr", (), _FSSPEC, _THERE, (_FSSPEC, ("s3fs",)), install=install("remote")
    ),
)


def formats_read() -> list[FormatDocument]:
    """Everything that is read, files first."""
    return [one.document() for one in (*CATALOGUE, FOLDER, *REMOTE)]


def format_of(name: str) -> FileFormat:
    """The format of a file by the ending of its name; that of a folder for what has none that is known."""
    fitting = ((ending, known) for known in CATALOGUE for ending in known.endings if name.lower().endswith(ending))
    return max(fitting, key=lambda found: len(found[0]), default=("", FOLDER))[1]
