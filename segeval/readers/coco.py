"""An image of a COCO file: `annotations.json:/IMAGE`, by file name or number, as a label map of its categories.

Objects may overlap: a pixel that several categories claim gets a code, as in a folder of masks. Where objects are
asked for instead (`--instances`), each gets a value of its own, and the one on top has the pixel.
Source: cocodataset.org, "Data format"; the mask API of cocodataset/cocoapi.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from segeval.errors import SaysTooLittle, UnreadableFile
from segeval.files.byte_stream import file_size
from segeval.readers.coco_file import Annotation, CocoFile, Picture, case_of, coco_file, parsed
from segeval.readers.coco_masks import counts_of
from segeval.readers.containers import container_of, is_coco
from segeval.readers.described import Input
from segeval.readers.drawing import Drawing, Mask, draw_categories, draw_objects, size_of_other, unscored
from segeval.readers.reader import ReadOptions
from segeval.volumes.volume import Volume
from segeval.words.printable import printable, quoted, shortened


class Label(Struct, frozen=True):
    """The labels of categories: their numbers, and one more where something has the number of the background, 0.

    categories: their names by number; nothing where none are listed.
    """

    categories: Mapping[int, str | None]
    first: int

    def of(self, where: str, category: int | None) -> int:
        """Raises UnreadableFile for a category that the file does not list."""
        if category is None or not 0 <= category < 1 << 31 or (self.categories and category not in self.categories):
            raise UnreadableFile(
                f"{where}: is of category {quoted(category)}, which the file does not list; export it again"
            )
        if category + self.first == 0:
            called = quoted(self.categories.get(0))
            raise UnreadableFile(
                f"{where}: is of category 0, which the reference calls {called}; leave such objects out"
            )
        return category + self.first

    @property
    def names(self) -> dict[int, str]:
        """By label."""
        found = {
            number + self.first: " ".join(printable(name or "").split()) for number, name in self.categories.items()
        }
        return {label: shortened(name, 200) for label, name in found.items() if label and name}


def open_coco(path: Path, options: ReadOptions) -> Volume:
    """Open an image. Raises UnreadableFile, NotEnoughMemory, SaysTooLittle."""
    if options.class_axis is not None:
        raise UnreadableFile(f"{path}: a COCO file has no class axis; leave --class-axis out")
    name, within = container_of(path)
    file = coco_file(name)
    other = _other(options)
    image = _image(file, within.strip("/"), other, options)
    if file.results and other is not None:
        labels = Label(other[0].names, int(other[0].from_zero))
    else:
        labels = Label(file.names, int(file.from_zero))
    if file.panoptic:
        from segeval.readers.coco_panoptic import open_panoptic

        return open_panoptic(path, file, image, labels, options)
    annotations = file.annotations.get(image.id, [])
    size = _size(path, image, annotations, options)
    drawing = Drawing.blank(path, size)
    where = f"{name}: image {printable(str(image.file_name or image.id))}"
    masks = _masks(where, annotations, labels, size, options, drawing.remarks)
    if options.instances:
        draw_objects(where, drawing, masks, options, ranked=file.results)
    else:
        draw_categories(where, drawing, masks)
    volume = as_volume(path, drawing, file, labels, options)
    if options.instances:
        volume.not_judged = options.not_judged
    return volume


def as_volume(
    path: Path, drawing: Drawing, file: CocoFile, labels: Label, options: ReadOptions, more: Sequence[Path] = ()
) -> Volume:
    """What was drawn of an image. more: files that were read beside the JSON."""
    if file.strays:
        drawing.remarks.append(f"{file.path}: {file.strays} annotations are of images that it does not list")
    volume = drawing.volume(path, labels.names, options)

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

    volume.finish, volume.digest = finish, digest
    return volume


def _masks(
    where: str,
    annotations: Sequence[Annotation],
    labels: Label,
    size: tuple[int, int],
    options: ReadOptions,
    remarks: list[str],
) -> list[Mask]:
    """The masks of the annotations that count; remarks get what was left out."""
    found: list[Mask] = []
    weak = without = unsure = 0
    for number, one in enumerate(annotations):
        which = f"{where}, annotation {number}"
        label = labels.of(which, one.category_id)
        if options.min_score is not None and one.score is not None and not one.score >= options.min_score:
            weak += 1
            continue
        unsure += one.score is None
        counts = counts_of(which, parsed(which, one.segmentation, object), size)
        if counts is None:
            without += 1
            continue
        found.append(Mask(label, counts, bool(one.iscrowd), 0.0 if one.score is None else one.score))
    if without and not found and without + weak == len(annotations):
        raise UnreadableFile(f"{where}: its {without} annotations are boxes without a mask; export segmentations")
    if without:
        remarks.append(f"{where}: {without} annotations have no mask, and are left out")
    if weak:
        remarks.append(f"{where}: {weak} of {len(annotations)} detections score below --min-score, and are left out")
    if unsure and options.min_score is not None:
        remarks.append(unscored(where, unsure, len(annotations)))
    return found


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
        like = [Input(Path(options.beside.name)).stem]
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
