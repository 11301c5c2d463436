"""COCO's JSON files: instances, results and panoptic segmentations of many images, each looked up in a file read once.

What is not needed stays the bytes that it was: an annotation's mask is parsed with its image. Source: cocodataset.org,
"Data format" and "Results format".
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import Raw, Struct, field

from segeval.errors import SaysTooLittle, UnreadableFile
from segeval.files.byte_stream import file_size, open_regular_file, read_bounded
from segeval.files.hashing import sha256_of
from segeval.files.watch import Watch
from segeval.readers.recognition import recognise
from segeval.volumes.memory import Need, require_memory
from segeval.words.lists import counted_as
from segeval.words.printable import printable, quoted, shortened

_KEPT = 4  # files of this process: a batch reads two, over and over
_MOST_BYTES = 1 << 40
_HELD = 4  # bytes per byte of the file, at most: its text, and a record per annotation

_NOTHING = Raw(b"null")

Id = int | str


class Picture(Struct, frozen=True):
    """An entry of ``images``."""

    id: Id
    width: int | None = None
    height: int | None = None
    file_name: str | None = None


class Category(Struct, frozen=True):
    """An entry of ``categories``."""

    id: int
    name: str | None = None


class Annotation(Struct, frozen=True):
    """An entry of ``annotations``, or of a list of results: a mask, or a panoptic image with its segments."""

    image_id: Id
    category_id: int | None = None
    segmentation: Raw = _NOTHING
    score: float | None = None
    iscrowd: int | bool | None = None
    segments_info: Raw = _NOTHING
    file_name: str | None = None

    @property
    def panoptic(self) -> bool:
        """Whether it is an image's segments."""
        return bytes(self.segments_info) != bytes(_NOTHING)


class Segment(Struct, frozen=True):
    """An entry of ``segments_info``."""

    id: int
    category_id: int
    iscrowd: int | bool | None = None


class _Dataset(Struct, frozen=True):
    images: list[Picture] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)


class CocoFile(Struct, frozen=True, kw_only=True):
    """A file that was read. results: a list of detections, which names no image and no category.

    images: by id; of results, those that occur. names: of categories, by id. annotations: by the image's id.
    called: images by file name, by that without its ending, and without its folder.
    panoptic: the masks are PNG files, one of each image. from_zero: a category has the number of the background, and is
    something else.
    strays: annotations of images that are not listed.
    watch: of the file, since before it was read. digests: its SHA-256, once somebody asked for it.
    """

    path: Path
    results: bool
    images: Mapping[Id, Picture]
    names: Mapping[int, str | None]
    annotations: Mapping[Id, list[Annotation]]
    called: tuple[Mapping[str, list[Picture]], ...]
    panoptic: bool
    from_zero: bool
    strays: int
    watch: Watch
    digests: list[str] = field(default_factory=list)

    def digest(self) -> str:
        """SHA-256 of the file."""
        if not self.digests:
            self.digests.append(sha256_of(self.path))
        return self.digests[0]

    def image(self, inside: str, like: Iterable[str] = ()) -> Picture:
        """The image of this name, its name without an ending, or number; else the first that is called like that.

        like: where none is named. Raises SaysTooLittle, UnreadableFile.
        """
        if not inside and len(self.images) == 1 and not self.results:
            return next(iter(self.images.values()))
        for wanted in [inside] if inside else like:
            found = self._named(wanted)
            if len(found) == 1:
                return found[0]
        listed = [str(one.file_name or one.id) for one in list(self.images.values())[:5]]
        known = shortened(", ".join(map(printable, listed)) + ", …" * (len(self.images) > len(listed)), 300)
        count = counted_as(len(self.images), "image")
        if inside:
            raise UnreadableFile(
                f"{self.path}: {printable(shortened(inside, 100))!r} is not one of its {count} ({known or 'none'}); "
                "check the name"
            )
        if not listed:
            raise SaysTooLittle(f"{self.path}: holds no image; name one as {self.path.name}:/NUMBER")
        raise SaysTooLittle(
            f"{self.path}: holds {count} ({known}); name one, like {self.path.name}:/{printable(listed[0])}"
        )

    def _named(self, name: str) -> list[Picture]:
        number = int(name) if name.isascii() and name.isdecimal() and len(name) < 20 else name
        file, without_ending, last = self.called
        by_number = [self.images[number]] if number in self.images else []
        return file.get(name) or without_ending.get(name) or by_number or last.get(name) or []


def case_of(image: Picture) -> str:
    """What the image is called without its ending; its number where it has no name."""
    name = PurePosixPath(image.file_name or "")
    return printable(str(name.with_suffix(""))) if name.name else str(image.id)


_files: OrderedDict[tuple[object, ...], CocoFile] = OrderedDict()


def coco_file(path: Path) -> CocoFile:
    """The file, read once as long as it does not change. Raises UnreadableFile, NotEnoughMemory."""
    with open_regular_file(path) as stream:
        status = os.fstat(stream.fileno())
    key = (str(path), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if key in _files:
        _files.move_to_end(key)
        return _files[key]
    found = _read(path)
    _files[key] = found
    while len(_files) > _KEPT:
        _files.popitem(last=False)
    return found


def _read(path: Path) -> CocoFile:
    watch = Watch(path)
    require_memory(str(path), Need(_HELD * file_size(path), "a COCO file, which is held", "split it by images"))
    content = read_bounded(path, _MOST_BYTES)
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if (what := recognise(content[:512])) is not None:
        raise UnreadableFile(f"{path}: is {what}")
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        if start.startswith(b"["):
            dataset, results = _Dataset(annotations=msgspec.json.decode(content, type=list[Annotation])), True
        else:
            dataset, results = msgspec.json.decode(content, type=_Dataset), False
            if not dataset.images:
                _require_coco(path, content)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        raise _no_coco(path, problem) from None
    watch.require_unchanged()
    return _indexed(path, dataset, results, watch)


def _no_coco(path: Path, problem: Exception) -> UnreadableFile:
    words = shortened(printable(str(problem)), 160)
    return UnreadableFile(f"{path}: is no file of COCO's ({words}); export it again, or name a volume")


def _require_coco(path: Path, content: bytes) -> None:
    keys = msgspec.json.decode(content, type=dict[str, Raw])
    if "images" not in keys:
        listed = shortened(", ".join(map(printable, list(keys)[:8])) or "nothing", 100)
        raise UnreadableFile(f"{path}: is no file of COCO's: it has no 'images' (but {listed}); name a volume")


def _indexed(path: Path, dataset: _Dataset, results: bool, watch: Watch) -> CocoFile:
    images: dict[Id, Picture] = {}
    for image in dataset.images:
        if images.setdefault(image.id, image) != image:
            raise UnreadableFile(f"{path}: has two images {quoted(image.id)}; give each a number of its own")
    names: dict[int, str | None] = {}
    for category in dataset.categories:
        if names.setdefault(category.id, category.name) != category.name or not 0 <= category.id < 1 << 31:
            raise UnreadableFile(
                f"{path}: has the category {quoted(category.id)} twice, or as a number that is none of a label; "
                "give each a number of its own, from 1"
            )
    annotations: dict[Id, list[Annotation]] = {}
    called: tuple[dict[str, list[Picture]], ...] = ({}, {}, {})
    for image in images.values():
        case = case_of(image)
        for known, name in zip(called, (image.file_name, case, PurePosixPath(case).name), strict=True):
            if image.file_name and name:
                known.setdefault(name, []).append(image)
    strays = 0
    for one in dataset.annotations:
        if results:
            images.setdefault(one.image_id, Picture(one.image_id))
        strays += one.image_id not in images
        annotations.setdefault(one.image_id, []).append(one)
    panoptic = any(one.panoptic for one in dataset.annotations)
    return CocoFile(
        path=path,
        results=results,
        images=images,
        names=names,
        annotations=annotations,
        called=called,
        panoptic=panoptic,
        from_zero=any(one.category_id == 0 for one in dataset.annotations)
        or (0 in names and (panoptic or not _is_background(names[0]))),
        strays=strays,
        watch=watch,
    )


def _is_background(name: str | None) -> bool:
    """Whether a category that no object has is the background: labelme lists it as ``_background_``, number 0."""
    return (name or "").strip("_ ").lower() == "background"


def parsed(where: str, raw: Raw, kind: object) -> object:
    """What a part of the file says. Raises UnreadableFile."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        raise UnreadableFile(f"{where}: {shortened(printable(str(problem)), 160)}; export it again") from None
