"""YOLO's segmentations: a text of each image, a line of each object: its class, and x1 y1 x2 y2 … from 0 to 1.

Class n is label n + 1, as 0 is the background. How large the image is stands in the other volume, or in the image of
the same name, beside the text or in `images` beside `labels`. The pixels are COCO's tools' (`coco_masks.py`). A last
number beyond whole points is the object's confidence. Source: Ultralytics' docs, "Instance segmentation datasets".
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from msgspec import Struct

from segeval.array_types import Integers
from segeval.errors import SaysTooLittle, UnreadableFile
from segeval.files.byte_stream import file_size, open_regular_file, read_bounded
from segeval.files.hashing import sha256_of
from segeval.files.paths import is_file
from segeval.files.watch import Watch
from segeval.readers.coco_masks import traced
from segeval.readers.drawing import Drawing, Mask, draw_categories, draw_objects, size_of_other, unscored
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import recognise
from segeval.readers.yolo_names import names_beside
from segeval.volumes.volume import Volume
from segeval.words.printable import printable, quoted, shortened

_MOST_BYTES = 1 << 28
_START = 512
_SLACK = 0.01  # beyond the image, which Ultralytics lets pass
_CLASS = re.compile(r"[0-9]{1,9}(?:\.0{1,9})?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_FEWEST = 6  # numbers of a polygon
_IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
_TURNED = range(5, 9)  # EXIF orientations that exchange width and height
_ORIENTATION = 0x0112


class _Object(Struct, frozen=True):
    """label: class + 1. points: x1, y1, …, from 0 to 1. score: None where the line states none."""

    line: int
    label: int
    points: list[float]
    score: float | None


def open_yolo(path: Path, options: ReadOptions) -> Volume:
    """Open a text of polygons. Raises UnreadableFile, NotEnoughMemory, SaysTooLittle."""
    if options.class_axis is not None:
        raise UnreadableFile(f"{path}: a YOLO file has no class axis; leave --class-axis out")
    watch = Watch(path)
    objects = _objects(path)
    height, width = _size(path, options)
    drawing = Drawing.blank(path, (height, width))
    masks, weak = [], 0
    for one in objects:
        if options.min_score is not None and one.score is not None and not one.score >= options.min_score:
            weak += 1
            continue
        pixels = [number * (height if place % 2 else width) for place, number in enumerate(one.points)]
        counts: Integers = traced(f"{path}: line {one.line}", [pixels], (height, width))
        masks.append(Mask(one.label, counts, False, one.score or 0.0))
    if options.instances:
        draw_objects(str(path), drawing, masks, options, ranked=any(one.score is not None for one in objects))
    else:
        draw_categories(str(path), drawing, masks)
    if weak:
        drawing.remarks.append(f"{path}: {weak} of {len(objects)} objects score below --min-score, and are left out")
    unsure = sum(one.score is None for one in objects)
    if unsure and options.min_score is not None:
        drawing.remarks.append(unscored(str(path), unsure, len(objects)))
    names, remarks = names_beside(path)
    drawing.remarks += remarks
    volume = drawing.volume(path, names, options)

    def finish() -> list[str]:
        if options.on_bytes is not None:
            options.on_bytes(file_size(path))
        watch.require_unchanged()
        return []

    volume.finish = finish
    volume.digest = lambda: sha256_of(path) if options.hashed else None
    return volume


def is_yolo(path: Path) -> bool:
    """Whether a text begins like one of polygons."""
    if not is_file(path) or not file_size(path):
        return False
    try:
        with open_regular_file(path) as file:
            start = file.read(_START)
    except UnreadableFile:
        return False
    words = start.split(b"\n")[0].split()
    words = words if b"\n" in start or len(start) < _START else words[:-1]
    return len(words) > _FEWEST and all(_NUMBER.fullmatch(word.decode("latin-1")) for word in words)


def _objects(path: Path) -> list[_Object]:
    """All lines that are not blank. Raises UnreadableFile."""
    content = read_bounded(path, _MOST_BYTES) if file_size(path) or not is_file(path) else b""
    if (what := recognise(content[:_START])) is not None:
        raise UnreadableFile(f"{path}: is {what}")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise UnreadableFile(f"{path}: is no text of YOLO's (byte {problem.start}); check what it is") from None
    return [_object(path, number, line.split()) for number, line in enumerate(lines, start=1) if line.strip()]


def _object(path: Path, line: int, words: list[str]) -> _Object:
    where = f"{path}: line {line}"
    for word in words:
        if _NUMBER.fullmatch(word) is None:
            raise UnreadableFile(f"{where} holds {quoted(word)}; YOLO has a class there and x y x y … from 0 to 1")
    first, *rest = words
    if _CLASS.fullmatch(first) is None:
        raise UnreadableFile(f"{where} is of class {quoted(first)}; classes are whole numbers from 0")
    if len(rest) < _FEWEST:
        what = "is a box" if len(rest) in (4, 5) else f"has {len(rest)} numbers behind its class"
        raise UnreadableFile(f"{where} {what}, and no polygon of three points or more; export segmentations")
    points = list(map(float, rest))
    score = points.pop() if len(points) % 2 else None
    for number in points:
        if not -_SLACK <= number <= 1 + _SLACK:
            raise UnreadableFile(f"{where} holds {number:g}, and places are from 0 to 1; divide by the image's size")
    if score is not None and not 0 <= score <= 1:
        raise UnreadableFile(f"{where} has half a point, or {score:g} for a confidence; export it again")
    return _Object(line, int(float(first)) + 1, points, score)


def _size(path: Path, options: ReadOptions) -> tuple[int, int]:
    """(height, width) of the other volume, else of the image of the same name. Raises SaysTooLittle, UnreadableFile."""
    if options.beside is not None:
        return size_of_other(path, options)
    image = _image_of(path)
    if image is None:
        raise SaysTooLittle(
            f"{path}: does not state how large the image is; put the image beside it, or score it against a file "
            "that does"
        )
    from PIL import Image

    try:
        with warnings.catch_warnings(), Image.open(image, formats=("JPEG", "PNG", "BMP", "TIFF", "WEBP")) as picture:
            warnings.simplefilter("ignore")
            width, height = picture.size
            turned = picture.getexif().get(_ORIENTATION) in _TURNED
    except Exception as problem:  # Pillow raises many types for damaged files
        words = shortened(printable(str(problem).strip() or type(problem).__name__), 120)
        raise UnreadableFile(f"{path}: its image {image} cannot be read ({words}); copy or export it again") from None
    return (width, height) if turned else (height, width)


def _image_of(path: Path) -> Path | None:
    """The image of the same name, in this folder, or in that called `images` where this one is in `labels`."""
    folders = [path.parent]
    parts = path.parent.parts
    if "labels" in parts:
        last = len(parts) - 1 - parts[::-1].index("labels")
        folders.append(Path(*parts[:last], "images", *parts[last + 1 :]))
    for folder in folders:
        for ending in _IMAGES:
            for name in (path.stem + ending, path.stem + ending.upper()):
                if is_file(folder / name):
                    return folder / name
    return None
