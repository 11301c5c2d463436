"""A dataset of an HDF5 file: `volume.h5:/path/of/dataset`, that of `--key`, or the only one; in slabs, by h5py.

Source of `element_size_um`: the attribute that ImageJ's HDF5 plugin and ilastik write, (z, y, x) in micrometres.
"""

from __future__ import annotations

import importlib.util
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import file_size, open_regular_file
from segeval.files.hashing import sha256_of
from segeval.files.remote import RemotePath
from segeval.files.watch import Watch
from segeval.readers.affines import require_usable_affine
from segeval.readers.containers import container_of
from segeval.readers.hdf5_chunks import VerifiedChunks, filters_of
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import recognise
from segeval.readers.slabs import SlabSource, axes_of, guarded, names_of_axes, require_numbers
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import Volume
from segeval.words.extras import install
from segeval.words.printable import printable, shortened

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_LISTED = 1000


def open_hdf5(path: Path, options: ReadOptions) -> Volume:
    """Open a dataset. Raises UnreadableFile, GeometryError."""
    if options.class_axis is not None:
        raise UnreadableFile(f"{path}: in HDF5 the classes are the first of four axes; leave --class-axis out")
    file, inside = container_of(path)
    with open_regular_file(file) as stream:
        watch = Watch(file, stream)
        start = stream.read(512)
    if not start.startswith(_SIGNATURE):
        what = recognise(start) or f"it begins with {start[:8]!r}; check what it is"
        raise UnreadableFile(f"{file}: is no HDF5 file: {what}")
    if importlib.util.find_spec("h5py") is None:
        raise UnreadableFile(f"{file}: HDF5 needs h5py; install it with {install('arrays')}")
    handle = guarded(file, "h5py", lambda: _opened(file))
    try:
        dataset = guarded(
            path, "h5py", lambda: _dataset(path, handle, inside.strip("/") or (options.key or "").strip("/"))
        )
        shape = tuple(int(n) for n in dataset.shape)
        channel_axis, space = axes_of(path, shape, guarded(path, "h5py", lambda: _names(dataset)))
        planes = tuple(1 if axis == space[0] else length for axis, length in enumerate(shape))  # of what is not chunked
        chunks = guarded(path, "h5py", lambda: dataset.chunks or planes)
        array = guarded(path, "h5py", lambda: VerifiedChunks(path, dataset) if dataset.chunks else dataset)
        source = SlabSource(path, _reader(path, dataset), array, channel_axis, space, tuple(map(int, chunks)))
        geometry = guarded(path, "h5py", lambda: _geometry(path, dataset, source.shape))
    except BaseException:
        handle.close()
        raise

    def finish() -> list[str]:
        if options.on_bytes is not None:
            options.on_bytes(file_size(file))
        watch.require_unchanged()
        return []

    def digest() -> str | None:
        found = sha256_of(file) if options.hashed else None
        watch.require_unchanged()
        return found

    return Volume(
        str(path),
        geometry,
        source,
        kind="probabilities" if source.channels > 1 else "labels" if source.dtype.kind in "iu" else None,
        finish=finish,
        digest=digest,
        close=handle.close,
    )


def _opened(file: Path) -> Any:
    import h5py

    if isinstance(file, RemotePath):
        return h5py.File(file.open(), "r")
    return h5py.File(file, "r", locking=False)


def _dataset(path: Path, handle: Any, name: str) -> Any:
    """The dataset of that name, or the only one. Raises UnreadableFile."""
    import h5py

    names = _datasets(handle)
    if not name and len(names) == 1:
        name = names[0]
    if name not in names:
        listed = shortened(", ".join(f"/{printable(one)}" for one in names[:10]) or "no dataset", 300)
        wanted = f"name one with --key, or like {path.name}:/{printable(names[0])}" if names else "export it again"
        if name:
            wanted = f"{printable(name)!r} is not among them"
        raise UnreadableFile(f"{path}: holds {listed}; {wanted}")
    dataset = handle[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external:
        raise UnreadableFile(f"{path}: its voxels are in other files; export it as one")
    require_numbers(path, tuple(dataset.shape or ()), np.dtype(dataset.dtype))
    return dataset


def _reader(path: Path, dataset: Any) -> str:
    """What reads the voxels, and what it lacks for that: HDF5's filters are plugins, and h5py brings few of them."""
    import h5py

    def lacking() -> list[str]:
        return [
            f"{code} ({printable(shortened(name.decode('latin-1'), 40))})"
            for code, _, _, name in filters_of(dataset)
            if not h5py.h5z.filter_avail(code)
        ]

    if found := guarded(path, "h5py", lacking):
        return f"h5py, which lacks the filter {', '.join(found)} that they are stored by,"
    return "h5py"


def _datasets(handle: Any) -> list[str]:
    """The names of all datasets that lie in the file itself; links are not followed."""
    import h5py

    found: list[str] = []

    def note(name: str, entry: Any) -> bool | None:
        if isinstance(entry, h5py.Dataset):
            found.append(name)
        return True if len(found) >= _MOST_LISTED else None

    handle.visititems(note)
    return found


def _names(dataset: Any) -> list[str] | None:
    """Of its axes: HDF5's labels of dimensions, or ilastik's and vigra's tags."""
    labels = names_of_axes([dimension.label for dimension in dataset.dims])
    if labels is None and isinstance(tags := dataset.attrs.get("axistags"), str | bytes):
        with suppress(ValueError, KeyError, TypeError):  # what is no such text says nothing
            return names_of_axes([axis["key"] for axis in json.loads(tags)["axes"]])
    return labels


def _geometry(path: Path, dataset: Any, shape: tuple[int, ...]) -> Geometry | None:
    """The spacing that ``element_size_um`` states, in mm; None without one."""
    if "element_size_um" not in dataset.attrs:
        return None
    sizes = np.asarray(dataset.attrs["element_size_um"], dtype=np.float64).reshape(-1)
    if sizes.size < len(shape):
        raise UnreadableFile(
            f"{path}: its element_size_um has {sizes.size} numbers for {len(shape)} axes; export it again"
        )
    spacing = [*(sizes[::-1][: len(shape)] / 1000), *[1.0] * (3 - len(shape))]
    affine = np.diag([*spacing, 1.0])
    require_usable_affine(path, affine, "element_size_um")
    return Geometry(shape, affine, oriented=False)
