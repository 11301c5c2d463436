"""NRRD, MetaImage, GIPL and VTK through SimpleITK.

A NRRD or a MetaImage of plain voxels is streamed, and SimpleITK says only what it is; all else is read whole.

SimpleITK accepts some damaged files: it hands out what a broken zlib stream of a MetaImage left in memory, never
looks at the trailer of an NRRD's gzip data, and fills a cut GIPL or VTK file up with anything. What it does not
verify is verified here first. NIfTI never comes this way.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.errors import UnreadableFile
from segeval.files.byte_stream import file_size, open_regular_file
from segeval.files.hashing import sha256_of, sha256_of_all
from segeval.files.watch import Watch
from segeval.readers.affines import require_usable_affine
from segeval.readers.axes import split_axes, with_class_axis
from segeval.readers.itk_files import ItkHeader, inspect_itk_file, verify_voxels
from segeval.readers.itk_streams import can_be_streamed, open_voxels
from segeval.readers.lengths import mm_of, unknown_units
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import is_pointer_or_page, recognise
from segeval.volumes.geometry import Geometry
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import ArraySource, Volume

_SIGNATURES: tuple[tuple[bytes, tuple[str, ...]], ...] = (
    (b"NRRD000", (".nrrd", ".nhdr")),
    (b"ObjectType", (".mha", ".mhd")),
)

_IMAGE_IO: tuple[tuple[tuple[str, ...], str], ...] = (
    ((".nrrd", ".nhdr"), "NrrdImageIO"),
    ((".mha", ".mhd"), "MetaImageIO"),
    ((".gipl", ".gipl.gz"), "GiplImageIO"),
    ((".vtk",), "VTKImageIO"),
)

_SPACES_WITH_TIME = {
    "right-anterior-superior-time": (1.0, 1.0),
    "rast": (1.0, 1.0),
    "left-anterior-superior-time": (-1.0, 1.0),
    "last": (-1.0, 1.0),
}
"""NRRD's spaces that ITK takes for LPS, and how x and y become RAS; it knows those of three axes."""


def open_with_simpleitk(path: Path, options: ReadOptions) -> Volume:
    """Open a volume through SimpleITK. Raises UnreadableFile, GeometryError."""
    watch = Watch(path)
    with open_regular_file(path) as file:
        start = file.peek(512)[:512]  # type: ignore[attr-defined]
    if (what := is_pointer_or_page(start)) is not None:
        raise UnreadableFile(f"{path}: is {what}")
    facts = inspect_itk_file(path)
    watches = (watch, *facts.watches)
    image = _read(path, start, facts)
    if isinstance(image, _Described):
        return _streamed(path, facts, image, watches, options)
    array = _channels_first(path, image, options.class_axis)
    for data_file in facts.data_files:
        if options.on_bytes is not None:
            options.on_bytes(file_size(data_file))
    _require_unchanged(watches)

    digest = partial(_digest, facts.data_files, watches, options.hashed)
    geometry: Geometry | None = _geometry(path, _described(image), array.shape[1:], facts)
    kind = "probabilities" if array.shape[0] > 1 else "labels" if array.dtype.kind in "iu" else None
    if options.class_axis is not None and options.class_axis < 3 and image.GetNumberOfComponentsPerPixel() == 1:
        geometry = None
    source, remarks = ArraySource(array, owner=image), unknown_units(path, facts.units)
    return Volume(str(path), geometry, source, kind=kind, remarks=remarks, digest=digest)  # type: ignore[arg-type]


class _Described(Struct, frozen=True):
    """What ITK says of an image. shape: voxels along each axis; the rest in ITK's space, LPS+."""

    shape: tuple[int, ...]
    direction: tuple[float, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]


def _described(image: Any) -> _Described:
    """Of an image, or of a reader that knows it."""
    return _Described(image.GetSize(), image.GetDirection(), image.GetSpacing(), image.GetOrigin())


def _streamed(
    path: Path, facts: ItkHeader, image: _Described, watches: tuple[Watch, ...], options: ReadOptions
) -> Volume:
    """The voxels come as they are asked for; what follows them is verified at the end."""
    if facts.promise is None:
        raise ValueError("nothing says where the voxels are")
    shape, channels, class_axis = split_axes(path, image.shape, options.class_axis)
    whole = class_axis is not None
    blocks = open_voxels(
        path, facts.data, facts.promise, image.shape if whole else shape, 1 if whole else channels, options
    )
    try:
        source = blocks if class_axis is None else with_class_axis(path, blocks, class_axis)
        geometry: Geometry | None = _geometry(path, image, source.shape, facts)
    except BaseException:
        blocks.close()
        raise
    if options.class_axis is not None and options.class_axis < 3:
        geometry = None
    integers = source.dtype.kind in "iu"

    def finish() -> list[str]:
        remarks = blocks.finish()
        _require_unchanged(watches)
        return remarks

    return Volume(
        str(path),
        geometry,
        source,
        kind="probabilities" if source.channels > 1 else "labels" if integers else None,
        remarks=unknown_units(path, facts.units),
        finish=finish,
        digest=partial(_digest, facts.data_files, watches, options.hashed),
        close=blocks.close,
    )


def _digest(files: Sequence[Path], watches: Iterable[Watch], hashed: bool) -> str | None:
    digests = [sha256_of(file) for file in files] if hashed else []
    _require_unchanged(watches)
    return None if not digests else digests[0] if len(digests) == 1 else sha256_of_all(digests)


def _require_unchanged(watches: Iterable[Watch]) -> None:
    for watch in watches:
        watch.require_unchanged()


def _read(path: Path, start: bytes, facts: ItkHeader) -> Any:
    """The image, or a description of one that can be streamed."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with _silent_libraries():
            reader = _reader_of_its_ending(path)
            if facts.promise is not None and can_be_streamed(
                facts.promise,
                reader.GetSize(),
                reader.GetNumberOfComponents(),
                sitk.GetPixelIDValueAsString(reader.GetPixelID()),
            ):
                return _described(reader)
            verify_voxels(path, facts)
            _require_plausible(path, reader)
            image = reader.Execute()
    except UnreadableFile:
        raise
    except Exception as problem:  # SimpleITK raises RuntimeError with a page of text; its last line says why
        what = None if path.name.lower().endswith(_own_endings(start)) else recognise(start)
        lines = [line.strip() for line in str(problem).strip().splitlines() if line.strip()]
        reason = f"it is {what}" if what else (lines[-1][:200] if lines else "unknown reason")
        raise UnreadableFile(f"{path}: SimpleITK cannot read it ({reason}); check or export it again") from None
    if "complex" in image.GetPixelIDTypeAsString():
        raise UnreadableFile(f"{path}: holds complex numbers; export labels or probabilities")
    return image


def _reader_of_its_ending(path: Path) -> Any:
    """SimpleITK's reader, bound to the one ITK class of the file's ending: the content chooses no other."""
    import SimpleITK as sitk

    own = next(io for endings, io in _IMAGE_IO if path.name.lower().endswith(endings))
    reader = sitk.ImageFileReader()
    if reader.GetImageIOFromFileName(str(path)) != own:
        raise RuntimeError("its content is not what its ending says")
    reader.SetImageIO(own)
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader


def _require_plausible(path: Path, reader: Any) -> None:
    """Refuse a header that promises nothing, or more than there is memory for, before ITK makes room for it."""
    import SimpleITK as sitk

    bits = re.search(r"(\d+)-bit", sitk.GetPixelIDValueAsString(reader.GetPixelID()))
    itemsize = int(bits[1]) // 8 if bits else 1
    size = math.prod(reader.GetSize()) * reader.GetNumberOfComponents() * itemsize
    if not size:
        raise UnreadableFile(f"{path}: the header promises no voxels; it is damaged, so export it again")
    held = (
        size if reader.GetNumberOfComponents() == 1 else 2 * size
    )  # SimpleITK copies vectors into an image of its own
    require_memory(str(path), Need(held, "a format that is read whole", "store it as NIfTI"))


def _own_endings(start: bytes) -> tuple[str, ...]:
    """The endings of the format that the file's first bytes are of."""
    return next((endings for signature, endings in _SIGNATURES if start.startswith(signature)), ())


@contextmanager
def _silent_libraries() -> Iterator[None]:
    """The C libraries behind ITK write lines of their own to file descriptor 2; the exception says what matters."""
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _channels_first(path: Path, image: Any, class_axis: int | None) -> NDArray[Any]:
    """The voxels as a view of shape (channels, x, y, z) into the image, which must outlive it."""
    import SimpleITK as sitk

    view: NDArray[Any] = sitk.GetArrayViewFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        if class_axis is not None:
            raise UnreadableFile(f"{path}: is a vector image, whose components are the classes; leave --class-axis out")
        array = np.moveaxis(view, -1, 0)
        array = array.transpose(0, *range(array.ndim - 1, 0, -1))
        while array.ndim > 4 and array.shape[-1] == 1:
            array = array[..., 0]
        return array
    array = view.transpose()
    shape, channels, axis = split_axes(path, array.shape, class_axis)
    if channels == 1:
        return array[np.newaxis]
    classes = axis if axis is not None else max(a for a in range(array.ndim) if array.shape[a] > 1)
    return np.moveaxis(array, classes, 0).reshape(channels, *shape)


def _geometry(path: Path, image: _Described, shape: tuple[int, ...], facts: ItkHeader) -> Geometry:
    """ITK's LPS+ geometry in RAS+."""
    axes = len(image.shape)
    dims = min(axes, 3)
    direction = np.array(image.direction).reshape(axes, -1)[:dims, :dims]
    affine: Floats = np.eye(4)
    with np.errstate(all="ignore"):  # what is not finite is refused below
        affine[:dims, :dims] = direction * np.array(image.spacing[:dims])
    affine[:dims, 3] = image.origin[:dims]
    units = facts.units[:dims]
    affine[: len(units)] *= np.array([mm_of(unit) or 1.0 for unit in units])[:, np.newaxis]
    require_usable_affine(path, affine, "geometry")
    if not facts.oriented:
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        return Geometry(shape, np.diag([*spacing, 1.0]), oriented=False)
    space = "" if facts.promise is None else facts.promise.fields.get("space", "").lower()
    signs = _SPACES_WITH_TIME.get(space, (-1.0, -1.0))
    return Geometry(shape, np.diag([*signs, 1.0, 1.0]) @ affine, oriented=True)
