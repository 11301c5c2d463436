"""Zarr arrays of versions 2 and 3, and OME-Zarr: `image.zarr`, `image.zarr/labels/cells`, `image.zarr/1`, `.zarr.zip`.

Read by zarr in slabs. Of several levels the first, finest one is taken unless `--level` or the path names another.
Source: the OME-NGFF specification 0.4 and 0.5, "multiscales" and "image-label".
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from segeval.errors import UnreadableFile, UsageError
from segeval.files.byte_stream import file_size, open_regular_file
from segeval.files.hashing import sha256_of
from segeval.files.paths import exists, is_directory
from segeval.files.remote import RemotePath, absent, is_remote
from segeval.files.watch import Watch
from segeval.readers.affines import require_usable_affine
from segeval.readers.containers import container_of
from segeval.readers.lengths import mm_of, unknown_units
from segeval.readers.ome_metadata import label_table, scale_and_shift
from segeval.readers.reader import ReadOptions
from segeval.readers.slabs import SlabSource, axes_of, guarded, names_of_axes, require_numbers
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import Volume
from segeval.words.extras import install
from segeval.words.printable import printable, shortened

_OLD_AXES = ("t", "c", "z", "y", "x")  # of versions that name none


class _Image(Struct, frozen=True):
    """An array with what the levels around it say. axes: (name, unit) each, None where nothing names them."""

    array: Any
    axes: tuple[tuple[str, str], ...] | None = None
    scale: tuple[float, ...] | None = None
    shift: tuple[float, ...] | None = None
    names: Mapping[int, str] = {}
    colours: Mapping[int, str] = {}


def open_zarr(path: Path, options: ReadOptions) -> Volume:
    """Open an array, or the finest level of an image. Raises UnreadableFile, GeometryError."""
    if options.class_axis is not None:
        raise UnreadableFile(f"{path}: a Zarr array names its axes, or has the classes first; leave --class-axis out")
    file, inside = container_of(path)
    if not is_remote(file) and not exists(file):
        raise UnreadableFile(f"{file}: {absent(file)}")
    watches = [] if is_directory(file) else [Watch(file)]
    if watches and not is_remote(file):
        open_regular_file(file).close()
    if importlib.util.find_spec("zarr") is None:
        raise UnreadableFile(f"{file}: Zarr needs zarr; install it with {install('arrays')}")
    store = guarded(file, "zarr", lambda: _store(file))
    try:
        image = guarded(path, "zarr", lambda: _image(path, store, inside, options))
        guarded(path, "zarr", lambda: _verify_chunks(path, image.array))
        shape = tuple(int(n) for n in image.array.shape)
        require_numbers(path, shape, np.dtype(image.array.dtype))
        channel_axis, space = axes_of(path, shape, _names(image))
        chunks = tuple(map(int, getattr(image.array, "shards", None) or image.array.chunks))
        nothing_at = partial(_nothing_at, file / image.array.path, image.array.metadata, chunks)
        fill = image.array.fill_value or 0
        source = SlabSource(path, "zarr", image.array, channel_axis, space, chunks)
        if is_directory(file):
            source = replace(source, nothing_at=nothing_at, fill=fill)
        geometry = _geometry(path, image, space, source.shape)
    except BaseException:
        _close(store)
        raise

    def finish() -> list[str]:
        for watch in watches:
            if options.on_bytes is not None:
                options.on_bytes(file_size(file))
            watch.require_unchanged()
        return []

    return Volume(
        str(path),
        geometry,
        source,
        kind="probabilities" if source.channels > 1 else "labels" if source.dtype.kind in "iu" else None,
        remarks=unknown_units(path, [] if image.axes is None else [image.axes[axis][1].lower() for axis in space]),
        names=dict(image.names),
        colours=dict(image.colours),
        finish=finish,
        digest=lambda: sha256_of(file) if options.hashed and watches and not is_remote(file) else None,
        close=partial(_close, store),
    )


def _store(file: Path) -> Any:
    from zarr.storage import LocalStore, ZipStore

    from segeval.readers.zarr_store import VerifiedStore

    if isinstance(file, RemotePath):
        from zarr.storage import FsspecStore

        system = file.system(asynchronous=True)
        return VerifiedStore(FsspecStore(system, read_only=True, path=file.place_in(system)))
    folder = is_directory(file)
    return VerifiedStore(LocalStore(file, read_only=True) if folder else ZipStore(file, mode="r", read_only=True))


def _verify_chunks(path: Path, array: Any) -> None:
    """Let the store look at chunks that zarr's decoder believes. Raises UnreadableFile."""
    from segeval.readers.zarr_store import is_blosc

    blosc = is_blosc(array.metadata)
    if blosc is None:
        raise UnreadableFile(
            f"{path}: holds shards of Blosc chunks, whose length zarr does not verify; store them by Zstandard or gzip"
        )
    array.store_path.store.blosc = blosc  # the store that is read from, whether or not zarr made another one of ours


def _nothing_at(folder: Path, metadata: Any, chunks: Sequence[int], where: Sequence[int | slice]) -> bool:
    """Whether a folder of chunks, or shards, has none of such a part: most of a sparse volume need not be decoded."""
    ranges = [
        range(side.start // chunk, -(-side.stop // chunk)) if isinstance(side, slice) else [side // chunk]
        for side, chunk in zip(where, chunks, strict=True)
    ]
    return not any(os.path.exists(folder / metadata.encode_chunk_key(place)) for place in product(*ranges))  # noqa: PTH110


def _close(store: Any) -> None:
    with suppress(AttributeError):  # of an archive that could not be opened
        store.close()
    session = getattr(getattr(getattr(store, "_store", None), "fs", None), "_session", None)
    if session is not None:
        from zarr.core.sync import sync

        sync(session.close())  # aiohttp complains of one that is left open


def _image(path: Path, store: Any, inside: str, options: ReadOptions) -> _Image:
    import zarr

    if not inside and options.key is not None:
        inside = options.key.strip("/")
        _require_key(path, _node(path, store, ""), inside)
    found = _node(path, store, inside)
    if isinstance(found, zarr.Array):
        parent, _, name = inside.rpartition("/")
        around = _attributes(zarr.open(store, mode="r", path=parent)) if name else {}
        _require_level(path, [str(level["path"]) for level in _datasets(around)], name, options.level)
        return _level(path, found, around, name)
    attributes = _attributes(found)
    levels = _datasets(attributes)
    if levels:
        names = [str(level["path"]) for level in levels]
        chosen = names[_existing(path, names, options.level or 0)]
        return _level(path, found[chosen], attributes, chosen)
    _existing(path, ["the only one"], options.level or 0)
    arrays = sorted(name for name, _ in found.arrays())
    if len(arrays) == 1:
        return _Image(found[arrays[0]])
    raise UnreadableFile(f"{path}: holds {_listed(found)}; name one of its arrays with --key, or like {path.name}/NAME")


def _node(path: Path, store: Any, inside: str) -> Any:
    """The array or group. Raises UnreadableFile where there is none."""
    import zarr

    try:
        return zarr.open(store, mode="r", path=inside)
    except FileNotFoundError:
        if not is_remote(path) and inside:
            _require_key(path, _node(path, store, ""), inside)
    where = "its server has" if is_remote(path) else "has"
    what = "there, or does not let you read it; check the URL" if is_remote(path) else "; check what it is"
    raise UnreadableFile(f"{path}: {where} no zarr.json, .zarray or .zgroup {what}".replace(" ;", ";"))


def _listed(group: Any) -> str:
    """What a group holds, arrays first."""
    names = [*sorted(name for name, _ in group.arrays()), *sorted(name for name, _ in group.groups())]
    return shortened(", ".join(map(printable, names[:10])), 300) or "nothing"


def _require_key(path: Path, root: Any, key: str) -> None:
    """Raises UnreadableFile for what the hierarchy lacks."""
    import zarr

    if isinstance(root, zarr.Array) or key not in root:
        held = "one array" if isinstance(root, zarr.Array) else _listed(root)
        raise UnreadableFile(f"{path}: holds {held}; {key!r} is not among it")


def _existing(path: Path, names: Sequence[str], level: int) -> int:
    """The number of a level that there is. Raises UsageError."""
    if level >= len(names):
        held = f"levels 0 to {len(names) - 1}" if len(names) > 1 else "one level, number 0"
        raise UsageError(f"--level {level}: {path} has {held} ({shortened(printable(', '.join(names)), 200)})")
    return level


def _require_level(path: Path, names: Sequence[str], name: str, level: int | None) -> None:
    """Raises UsageError for another level than the one that the path names; an array that is none is level 0."""
    if level is None:
        return
    if name not in names:
        _existing(path, ["the only one"], level)
    elif names[_existing(path, names, level)] != name:
        raise UsageError(f"--level {level}: {path} names level {names.index(name)} itself; leave one of them out")


def _attributes(group: Any) -> dict[str, Any]:
    """OME's, which version 0.5 keeps under a key of its own."""
    attributes = dict(group.attrs)
    return dict(attributes["ome"]) if isinstance(attributes.get("ome"), Mapping) else attributes


def _datasets(attributes: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    multiscales = attributes.get("multiscales") or []
    return list(multiscales[0]["datasets"]) if multiscales else []


def _level(path: Path, array: Any, attributes: Mapping[str, Any], name: str) -> _Image:
    """The array as a level of the image that the attributes describe, if it is one."""
    level = next((one for one in _datasets(attributes) if str(one["path"]) == name), None)
    if level is None:
        return _Image(array)
    image = attributes["multiscales"][0]
    stated = image.get("axes")
    axes = tuple(
        (one, "") if isinstance(one, str) else (str(one["name"]), str(one.get("unit") or "")) for one in stated or ()
    )
    if not axes:
        axes = tuple((one, "") for one in _OLD_AXES[-len(array.shape) :])
    transforms = [*level.get("coordinateTransformations", []), *image.get("coordinateTransformations", [])]
    scale, shift = scale_and_shift(path, transforms, len(axes))
    names, colours = label_table(attributes)
    return _Image(array, axes, scale, shift, names, colours)


def _names(image: _Image) -> Sequence[str] | None:
    """Of the array's axes: the image's, else the array's own, as Zarr 3 or xarray keep them."""
    if image.axes is not None:
        return [name for name, _ in image.axes]
    stated = getattr(image.array.metadata, "dimension_names", None) or image.array.attrs.get("_ARRAY_DIMENSIONS")
    return names_of_axes(stated)


def _geometry(path: Path, image: _Image, space: tuple[int, ...], shape: tuple[int, ...]) -> Geometry | None:
    """Scale and translation in mm; None for an array without levels around it."""
    if image.axes is None or image.scale is None or image.shift is None:
        return None
    affine = np.eye(4)
    with np.errstate(all="ignore"):  # what is not finite is refused below
        for new, axis in enumerate(reversed(space)):
            unit = mm_of(image.axes[axis][1].lower()) or 1.0
            affine[new, new], affine[new, 3] = image.scale[axis] * unit, image.shift[axis] * unit
    require_usable_affine(path, affine, "scale")
    return Geometry(shape, affine, oriented=True)
