"""PNG and BMP through Pillow: grey values as they are, indices of a palette, and colours by a table; held whole.

Pillow's readers are called by the file's ending, so that the content chooses no other, and without Pillow's limit of
pixels, which a program that uses segeval may have set for itself: segeval has limits of its own. Pillow passes over
the checksums of a PNG's voxels, so they are verified first. Source: PNG specification, third edition, section 11.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.choices import Kind
from segeval.errors import SegevalError, UnreadableFile
from segeval.files.byte_stream import file_size, most_inflated, open_regular_file
from segeval.files.hashing import sha256_of
from segeval.files.watch import Watch
from segeval.readers.axes import split_axes
from segeval.readers.colours import Colours, ColourTable
from segeval.readers.plain_png import MOST_BYTES, SIGNATURE, PlainPng, plain_png
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import recognise
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import ArraySource, Volume
from segeval.words.printable import printable, shortened

_BMP_HEADERS = (40, 108, 124)  # bytes, of Windows 3, 4 and 5
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2}  # of a voxel, by Pillow's mode
_DEEP = ("RGB;16B", "RGBA;16B", "LA;16B")  # as Pillow calls colours of 16 bits, of which it keeps the upper 8
_COLOURS = {"RGB": 3, "RGBA": 4, "LA": 2, "PA": 2, "RGBX": 4}


class _Format(Struct, frozen=True):
    """signature: how its files begin. plugin: Pillow's class. verify: what that passes over, of the open picture."""

    name: str
    signature: bytes
    plugin: Callable[[], Any]
    verify: Callable[[Path, Any], None]


def open_picture(path: Path, options: ReadOptions) -> Volume:
    """Open a PNG or BMP. Raises UnreadableFile, LabelError, UsageError, NotEnoughMemory."""
    watch = Watch(path)
    colours = None if options.colours is None else Colours(path, options.colours)
    array = _voxels(path, _PNG if path.name.lower().endswith(".png") else _BMP, colours)
    if options.on_bytes is not None:
        options.on_bytes(file_size(path))
    watch.require_unchanged()
    shape, channels, axis = split_axes(path, array.shape, options.class_axis)
    array = array[np.newaxis] if channels == 1 else np.moveaxis(array, 1 if axis is None else axis, 0)

    def digest() -> str | None:
        found = sha256_of(path) if options.hashed else None
        watch.require_unchanged()
        return found

    kind: Kind = "probabilities" if channels > 1 else "labels"
    remarks = [] if colours is None else colours.remarks()
    source = ArraySource(array.reshape(channels, *shape))
    coloured = colours is not None and colours.used
    return Volume(str(path), None, source, kind=kind, remarks=remarks, coloured=coloured, digest=digest)


def ids_of(path: Path) -> NDArray[np.uint32]:
    """R + 256 G + 65,536 B of a PNG as an array (x, y). Raises UnreadableFile, NotEnoughMemory."""
    return _voxels(path, _PNG, Colours(path, ColourTable("ids", {}, ids=True)), coloured=True)


def _voxels(path: Path, form: _Format, colours: Colours | None, *, coloured: bool = False) -> NDArray[Any]:
    """The picture as an array (x, y). coloured: any other is refused. Raises UnreadableFile, LabelError."""
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        held = form is _PNG and size < MOST_BYTES
        content = file.read(size if held else 512)
        start = content[:512]
        if not start.startswith(form.signature):
            raise UnreadableFile(
                f"{path}: is no {form.name} picture: it is {recognise(start) or 'damaged; export it again'}"
            )
        plain = plain_png(content) if held else None
        if plain is not None and (found := _decoded_plain(path, size, plain, colours, coloured=coloured)) is not None:
            return found
        if form is _BMP:
            _require_usual_header(path, start)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return _decoded(path, file, size, form, colours, coloured=coloured)
        except SegevalError:
            raise
        except Exception as problem:  # Pillow raises many types for damaged files
            words = shortened(printable(str(problem).strip() or type(problem).__name__), 120)
            raise UnreadableFile(f"{path}: Pillow cannot read it ({words}); copy or export it again") from None


def _decoded_plain(
    path: Path, size: int, plain: PlainPng, colours: Colours | None, *, coloured: bool
) -> NDArray[Any] | None:
    """The usual kind of PNG as an array (x, y), None for what is left to Pillow. Raises UnreadableFile, LabelError."""
    by_colour = plain.samples > 1
    if (by_colour and colours is None) or (coloured and plain.samples != _COLOURS["RGB"]):
        return None
    if plain.see_through and colours is not None and not coloured:
        return None
    _require_room(path, size, plain.width, plain.height, plain.samples, colours)
    if (pixels := plain.pixels()) is None:
        return None
    if colours is not None and by_colour:
        pixels = colours.of_pixels(pixels)
    elif colours is not None and plain.palette is not None:
        pixels = colours.of_indices(pixels, plain.palette)
    return pixels.T


def _require_room(path: Path, held: int, width: int, height: int, pixel: int, colours: Colours | None) -> None:
    """Raises UnreadableFile for a picture that a file of so many bytes could not hold, NotEnoughMemory for one that is
    too large. pixel: the bytes of one."""
    size = width * height * pixel
    if not size or size > 8 * most_inflated(held):
        raise UnreadableFile(
            f"{path}: its header states {width}×{height} pixels, which {held} bytes cannot hold; it is "
            "damaged, so export it again"
        )
    require_memory(
        str(path), Need((2 if colours is None else 4) * size, "a format that is read whole", "store it as NIfTI")
    )


def _decoded(
    path: Path, file: BinaryIO, size: int, form: _Format, colours: Colours | None, *, coloured: bool
) -> NDArray[Any]:
    file.seek(0)
    image = form.plugin()(file)
    width, height = image.size
    _require_room(path, size, width, height, _BYTES.get(image.mode, 4), colours)
    form.verify(path, image)
    file.seek(0)
    image = form.plugin()(file)
    if coloured and image.mode != "RGB":
        raise UnreadableFile(f"{path}: is no colour picture of 8 bits ({image.mode}); export it as RGB")
    if colours is not None and not coloured and image.mode in ("P", "RGB") and "transparency" in image.info:
        _require_bytes(path, image)
        image = image.convert("RGBA")
    if image.mode in _COLOURS:
        return _equal_colours(path, image, form) if colours is None else _by_colour(path, image, colours)
    if image.mode not in _BYTES:
        raise UnreadableFile(f"{path}: has pixels of an unknown kind ({image.mode}); export labels as grey values")
    grey = _grey_palette(image) if form.name == "BMP" and image.mode == "P" else None
    array: NDArray[Any] = np.asarray(image)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255  # as PNG defines grey of few bits, and Pillow reads those of 2 and 4
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if colours is not None and image.mode == "P" and grey is None:
        array = colours.of_indices(array, np.array(image.getpalette(), dtype=np.uint8).reshape(-1, 3))
    return (array if grey is None else grey[array]).T


def _by_colour(path: Path, image: Any, colours: Colours) -> NDArray[Any]:
    """The labels of a colour picture of 8 bits. Raises UnreadableFile, LabelError."""
    if image.mode not in ("RGB", "RGBA"):
        raise UnreadableFile(f"{path}: has pixels of another kind than colours ({image.mode}); export them as RGB")
    _require_bytes(path, image)
    return colours.of_pixels(np.asarray(image)).T


def _require_bytes(path: Path, image: Any) -> None:
    """Raises UnreadableFile for colours of 16 bits, of which Pillow reads 8."""
    tiles = getattr(image, "tile", None)  # which a picture that was converted has no more
    if tiles and tiles[0][3] in _DEEP:
        raise UnreadableFile(f"{path}: has colours of 16 bits each, of which 8 would be read; export them as 8 bits")


def _equal_colours(path: Path, image: Any, form: _Format) -> NDArray[Any]:
    """Grey that a BMP stores three times; any other colour picture is refused."""
    values = _COLOURS[image.mode]
    if form.name == "BMP" and values == 3:
        array = np.asarray(image)
        if (array == array[..., :1]).all():
            return array[..., 0].T
    raise UnreadableFile(
        f"{path}: is a colour picture ({values} values per pixel); say what its colours mean with --palette, or in a "
        "label file, or export labels as grey values"
    )


def _grey_palette(image: Any) -> NDArray[np.uint8] | None:
    """The grey values of a palette without colours, which a BMP has in place of grey pixels."""
    colours = np.array(image.getpalette(), dtype=np.uint8).reshape(-1, 3)
    if (colours != colours[:, :1]).any():
        return None
    values = np.zeros(256, dtype=np.uint8)
    values[: len(colours)] = colours[:, 0]
    return values


def _png() -> Any:
    from PIL import PngImagePlugin

    return PngImagePlugin.PngImageFile


def _bmp() -> Any:
    from PIL import BmpImagePlugin

    return BmpImagePlugin.BmpImageFile


def _verify_png(path: Path, image: Any) -> None:
    """Every chunk by its checksum, to the last."""
    if getattr(image, "n_frames", 1) != 1:
        raise UnreadableFile(f"{path}: holds {image.n_frames} pictures (animated PNG); export each as a file")
    image.verify()


def _require_usual_header(path: Path, start: bytes) -> None:
    """Of Windows, with the voxels behind it. Source: BITMAPFILEHEADER, BITMAPINFOHEADER, BITMAPV5HEADER (Microsoft)."""
    kind, voxels = (int.from_bytes(start[at : at + 4], "little") for at in (14, 10))
    if kind not in _BMP_HEADERS:
        raise UnreadableFile(
            f"{path}: has a header of {kind} bytes, a BMP of the usual kind one of {_BMP_HEADERS[0]}; export it as such"
        )
    if voxels < 14 + kind:
        raise UnreadableFile(f"{path}: its header states voxels from byte {voxels}, within it; export it again")


def _verify_bmp(path: Path, image: Any) -> None:
    """An uncompressed BMP whose rows are all there."""
    (tile,) = image.tile
    if tile[0] != "raw":
        raise UnreadableFile(f"{path}: is compressed; export it uncompressed")
    found, promised = file_size(path) - tile[2], tile[3][1] * image.size[1]
    if found < promised:
        raise UnreadableFile(
            f"{path}: the data end after {max(found, 0)} of {promised} bytes that the header promises; the file was "
            "cut, so copy or export it again"
        )


_PNG = _Format("PNG", SIGNATURE, _png, _verify_png)
_BMP = _Format("BMP", b"BM", _bmp, _verify_bmp)
