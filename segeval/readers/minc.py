"""MINC 1 (netCDF) and, where h5py is installed, MINC 2 (HDF5), through nibabel; the volume is read whole."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import ByteStream, file_size, most_inflated
from segeval.readers.minc_header import minc_promise
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import recognise
from segeval.readers.through_nibabel import by_nibabel, held_volume
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import Volume

_NETCDF = b"CDF\x01"
_HDF5 = b"\x89HDF\r\n\x1a\n"


def open_minc(path: Path, options: ReadOptions) -> Volume:
    """Open a MINC volume. Raises UnreadableFile, GeometryError."""
    stream = ByteStream(path, hashed=options.hashed, on_bytes=options.on_bytes)
    try:
        start = stream.read(len(_HDF5))
        if stream.compressed or not start.startswith((_NETCDF, _HDF5)):
            what = "gzip data; decompress it with gunzip" if stream.compressed else recognise(start)
            raise UnreadableFile(f"{path}: is no MINC volume: it is {what or 'of an unknown format; check what it is'}")
        if start == _HDF5:
            stream.drain(allowance=file_size(path))
            array, affine = by_nibabel(path, lambda: _minc_2(path, options.class_axis))
        else:
            require_memory(str(path), Need(2 * file_size(path), "a format that is read whole", "store it as NIfTI"))
            content = start + stream.read(file_size(path))
            stream.drain()
            promise = minc_promise(path, content)
            need = 2 * len(content) + promise.voxels * np.dtype(np.float64).itemsize
            require_memory(str(path), Need(need, "a format that is read whole", "store it as NIfTI"))
            promise.require_valid_voxels(path, content)
            array, affine = by_nibabel(path, lambda: _minc_1(content))
            if options.class_axis is None:  # the axes have names: those that are not space come last
                order = sorted(range(array.ndim), key=lambda axis: not promise.image.axes[axis].endswith("space"))
                array = array.transpose(order)
    finally:
        stream.close()
    volume = held_volume(path, array, affine, options.class_axis)

    def digest() -> str | None:
        stream.require_unchanged()
        return stream.digest()

    volume.digest = digest
    return volume


def _minc_1(content: bytes) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    from nibabel.fileholders import FileHolder
    from nibabel.minc1 import Minc1Image

    return _array_and_affine(Minc1Image.from_file_map({"image": FileHolder(fileobj=io.BytesIO(content))}))


def _minc_2(path: Path, class_axis: int | None) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    from nibabel.minc2 import Minc2Image

    try:
        image = Minc2Image.from_filename(path)
    except ImportError:
        raise UnreadableFile(
            f"{path}: is MINC 2 (HDF5), which takes h5py (`pip install h5py`); or convert it to NIfTI"
        ) from None
    if len(image.shape) > 3 and class_axis is None:
        raise UnreadableFile(
            f"{path}: has the shape {'×'.join(map(str, image.shape))}; name the axis that holds the classes with "
            "--class-axis"
        )
    size = math.prod(image.shape) * np.dtype(np.float64).itemsize
    if size > most_inflated(file_size(path)):
        raise UnreadableFile(
            f"{path}: the header promises {size} bytes of voxels, more than {file_size(path)} bytes can hold; export "
            "it again"
        )
    require_memory(str(path), Need(2 * size, "a format that is read whole", "store it as NIfTI"))
    _verify_chunks(path)
    return _array_and_affine(image)


def _verify_chunks(path: Path) -> None:
    """Raises UnreadableFile for chunks of another length: HDF5 would give memory as the voxels that they lack."""
    import h5py

    from segeval.readers.hdf5_chunks import VerifiedChunks

    with h5py.File(path, "r") as file:  # locked as nibabel has it, which holds it
        for dataset in file["minc-2.0/image/0"].values():
            if isinstance(dataset, h5py.Dataset) and dataset.chunks:
                VerifiedChunks(path, dataset).verify()


def _array_and_affine(image: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    array = np.asarray(image.dataobj)
    return array.astype(array.dtype.newbyteorder("="), copy=False), np.asarray(image.affine, dtype=np.float64)
