"""An image of a COCO file: `annotations.json:/IMAGE`, by file name or number, as a label map of its categories.

Objects may overlap: a pixel that several categories claim gets a code, as in a folder of masks. Where objects are
asked for instead (`--instances`), each gets a value of its own, and the one on top has the pixel.
Source: cocodataset.org, "Data format"; the mask API of cocodataset/cocoapi.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from segeval.array_types import Integers
from segeval.errors import SaysTooLittle, UnreadableFile
from segeval.files.byte_stream import file_size
from segeval.readers.coco_file import Annotation, CocoFile, Picture, case_of, coco_file, parsed
from segeval.readers.coco_masks import MOST_PIXELS, area_of, counts_of, inside
from segeval.readers.containers import container_of, is_coco
from segeval.readers.masks import MaskCodes
from segeval.readers.reader import ReadOptions
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import ArraySource, Volume
from segeval.words.printable import printable, quoted, shortened

OBJECTS = 100_000
"""An object's value is that of its label times this, and its number among the objects of that label."""

_BYTES = 26  # per pixel: codes, a mask, and what of both is looked at


class Label(Struct, frozen=True):
    """The labels of categories: their numbers, and one more where a category is called 0, as the background is."""

    file: CocoFile
    first: int

    def of(self, where: str, category: int | None) -> int:
        """Raises UnreadableFile for a category that the file does not list."""
        if category is None or not 0 <= category < 1 << 31 or (self.file.names and category not in self.file.names):
            raise UnreadableFile(
                f"{where}: is of category {quoted(category)}, which the file does not list; export it again"
            )
        return category + self.first

    @property
    def names(self) -> dict[int, str]:
        """By label."""
        found = {
            number + self.first: " ".join(printable(name or "").split()) for number, name in self.file.names.items()
        }
        return {label: shortened(name, 200) for label, name in found.items() if name}


class Drawing(Struct):
    """A label map in the making, column by column. size: (height, width). overlapping: pixels of several claims."""

    size: tuple[int, int]
    values: Integers
    codes: MaskCodes = field(default_factory=lambda: MaskCodes({}))
    objects: dict[int, set[int]] = field(default_factory=dict)
    overlapping: int = 0
    remarks: list[str] = field(default_factory=list)

    @classmethod
    def blank(cls, path: Path, size: tuple[int, int], each: int = _BYTES) -> Drawing:
        """Background everywhere. each: bytes that a pixel will take. Raises UnreadableFile, NotEnoughMemory."""
        height, width = size
        if not (min(size) >= 1 and height * width <= MOST_PIXELS):
            raise UnreadableFile(
                f"{path}: states an image of {width}×{height} pixels, which cannot be used; export it again"
            )
        pixels = height * width
        require_memory(str(path), Need(each * pixels, "an image of COCO's, which is held", "cut it into tiles"))
        return cls(size, np.zeros(pixels, dtype=np.int64))

    def add_object(self, label: int, value: int | None, counts: Integers) -> None:
        """On top of all that is there. value: None for the next one of the label."""
        where, belongs = inside(counts)
        below = self.values[where]
        self.overlapping += int(np.count_nonzero(below[belongs]))
        below[belongs] = self.new_object(label) if value is None else value

    def new_object(self, label: int) -> int:
        """The value of the next object of the label. Raises UnreadableFile where there are too many."""
        known = self.objects.setdefault(label, set())
        if len(known) + 1 >= OBJECTS:
            raise UnreadableFile(f"an image has more than {OBJECTS - 2} objects of category {label}; score tiles of it")
        known.add(value := label * OBJECTS + len(known) + 1)
        return value

    def volume(
        self, path: Path, file: CocoFile, labels: Label, options: ReadOptions, more: Sequence[Path] = ()
    ) -> Volume:
        """What was drawn, as a volume. more: files that were read beside the JSON."""
        height, width = self.size
        objects = {label: frozenset(values) for label, values in self.objects.items()}
        if file.strays:
            self.remarks.append(f"{file.path}: {file.strays} annotations are of images that it does not list")

        def finish() -> list[str]:
            if options.on_bytes is not None:
                options.on_bytes(file_size(file.path))
            file.watch.require_unchanged()
            return []

        def digest() -> str | None:
            if not options.hashed:
                return None
            from segeval.files.hashing import sha256_of, sha256_of_all

            return sha256_of_all([file.digest(), *map(sha256_of, more)]) if more else file.digest()

        return Volume(
            str(path),
            None,
            ArraySource(self.values.reshape(1, width, height)),
            kind="labels",
            sets=self.codes.sets,
            names=labels.names,
            objects=objects if options.instances else None,
            remarks=self.remarks,
            finish=finish,
            digest=digest,
        )


def open_coco(path: Path, options: ReadOptions) -> Volume:
    """Open an image. Raises UnreadableFile, NotEnoughMemory, SaysTooLittle."""
    if options.class_axis is not None:
        raise UnreadableFile(f"{path}: a COCO file has no class axis; leave --class-axis out")
    name, within = container_of(path)
    file = coco_file(name)
    other = _other(options)
    image = _image(file, within.strip("/"), other, options)
    if file.results and other is not None:
        file_of_labels = other[0]
        labels = Label(replace(file, names=file_of_labels.names), int(file_of_labels.from_zero))
    else:
        labels = Label(file, int(file.from_zero))
    if file.panoptic:
        from segeval.readers.coco_panoptic import open_panoptic

        return open_panoptic(path, file, image, labels, options)
    annotations = file.annotations.get(image.id, [])
    size = _size(path, image, annotations, options)
    drawing = Drawing.blank(path, size)
    where = f"{name}: image {printable(str(image.file_name or image.id))}"
    masks = _masks(where, annotations, labels, size, options, drawing.remarks)
    if options.instances:
        _draw_objects(where, drawing, masks, file, options)
    else:
        _draw_categories(where, drawing, masks)
    volume = drawing.volume(path, file, labels, options)
    if options.instances:
        volume.not_judged = options.not_judged
    return volume


class _Mask(Struct, frozen=True):
    """An annotation's label and pixels."""

    label: int
    counts: Integers
    crowd: bool
    score: float


def _masks(
    where: str,
    annotations: Sequence[Annotation],
    labels: Label,
    size: tuple[int, int],
    options: ReadOptions,
    remarks: list[str],
) -> list[_Mask]:
    """The masks of the annotations that count; remarks get what was left out."""
    found: list[_Mask] = []
    weak = without = 0
    for number, one in enumerate(annotations):
        which = f"{where}, annotation {number}"
        label = labels.of(which, one.category_id)
        if options.min_score is not None and one.score is not None and not one.score >= options.min_score:
            weak += 1
            continue
        counts = counts_of(which, parsed(which, one.segmentation, object), size)
        if counts is None:
            without += 1
            continue
        found.append(_Mask(label, counts, bool(one.iscrowd), 0.0 if one.score is None else one.score))
    if without and not found and without + weak == len(annotations):
        raise UnreadableFile(f"{where}: its {without} annotations are boxes without a mask; export segmentations")
    if without:
        remarks.append(f"{where}: {without} annotations have no mask, and are left out")
    if weak:
        remarks.append(f"{where}: {weak} of {len(annotations)} detections score below --min-score, and are left out")
    return found


def _draw_categories(where: str, drawing: Drawing, masks: Sequence[_Mask]) -> None:
    for label in sorted({mask.label for mask in masks}):
        claimed = np.zeros(drawing.values.size, dtype=np.bool_)
        for mask in masks:
            if mask.label == label:
                part, belongs = inside(mask.counts)
                claimed[part] |= belongs
        drawing.overlapping += drawing.codes.claim(drawing.values, claimed, label)
    if drawing.overlapping:
        drawing.remarks.append(
            f"{where}: {drawing.overlapping} pixels lie in several categories; each is scored one-vs-rest, and `all` "
            "has only what needs no single label map"
        )


def _draw_objects(where: str, drawing: Drawing, masks: Sequence[_Mask], file: CocoFile, options: ReadOptions) -> None:
    """Of results the more confident ones on top, of annotations the smaller ones; crowds below."""
    crowds = [mask for mask in masks if mask.crowd and not file.results]
    numbered = [(mask, drawing.new_object(mask.label)) for mask in masks if file.results or not mask.crowd]
    for mask in crowds:
        if options.not_judged is not None:
            drawing.add_object(mask.label, options.not_judged, mask.counts)
    drawing.overlapping = 0
    excepted = int(np.count_nonzero(drawing.values))
    for mask, value in sorted(numbered, key=lambda one: one[0].score if file.results else -area_of(one[0].counts)):
        drawing.add_object(mask.label, value, mask.counts)
    if excepted:
        drawing.remarks.append(
            f"{where}: {excepted} pixels of crowds (iscrowd) are not judged, unless an object lies there"
        )
    elif crowds:
        drawing.remarks.append(f"{where}: {len(crowds)} crowds (iscrowd) are no objects, and are left out")
    seen = set(np.unique(drawing.values).tolist())
    hidden = Counter(value in seen for _, value in numbered)[False]
    if drawing.overlapping:
        top = "more confident" if file.results else "smaller"
        drawing.remarks.append(
            f"{where}: objects overlap in {drawing.overlapping} pixels, which the {top} one has"
            + (f"; {hidden} have none left" if hidden else "")
        )


def _other(options: ReadOptions) -> tuple[CocoFile, Picture] | None:
    """The other volume's file and image, where that is of COCO's, too."""
    if options.beside is None or not is_coco(Path(options.beside.name)):
        return None
    name, within = container_of(Path(options.beside.name))
    file = coco_file(name)
    try:
        return file, file.image(within.strip("/"))
    except SaysTooLittle:
        return None


def _image(file: CocoFile, inside_: str, other: tuple[CocoFile, Picture] | None, options: ReadOptions) -> Picture:
    """The image that the path names, or that the other volume shows. Raises UnreadableFile, SaysTooLittle."""
    if file.results and other is not None:
        of_other = {str(other[1].id), other[1].file_name, case_of(other[1])}
        if not inside_ or inside_ in of_other:  # a list of results has none of an image without detections
            return file.images.get(other[1].id, Picture(other[1].id))
    like: list[str] = []
    if other is not None:
        like = [name for name in (other[1].file_name, str(other[1].id)) if name]
    elif options.beside is not None:
        from segeval.readers import stem

        like = [stem(Path(options.beside.name))]
    return file.image(inside_, like)


def _size(path: Path, image: Picture, annotations: Sequence[Annotation], options: ReadOptions) -> tuple[int, int]:
    """(height, width): as the image states it, else its masks, else the other volume. Raises SaysTooLittle."""
    if image.height is not None and image.width is not None:
        return image.height, image.width
    for one in annotations:
        mask = parsed(str(path), one.segmentation, object)
        size = mask.get("size") if isinstance(mask, dict) else None
        if isinstance(size, list) and len(size) == 2 and all(type(length) is int for length in size):
            return size[0], size[1]
    return size_of_other(path, options)


def size_of_other(path: Path, options: ReadOptions) -> tuple[int, int]:
    """(height, width) of the other volume. Raises SaysTooLittle where there is none, or no picture."""
    shape = () if options.beside is None else options.beside.shape
    if len(shape) < 2 or any(length != 1 for length in shape[2:]):
        raise SaysTooLittle(f"{path}: does not state how large the image is; score it against a file that does")
    return shape[1], shape[0]
