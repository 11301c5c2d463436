"""Objects drawn into a label map: of their classes, which may overlap, or of the objects (`--instances`).

A pixel that several classes claim gets a code, as in a folder of masks. Objects have a value each, and a pixel has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct, field

from segeval.array_types import Integers
from segeval.errors import SaysTooLittle, UnreadableFile
from segeval.readers.coco_masks import MOST_PIXELS, area_of, inside
from segeval.readers.masks import MaskCodes, overlap_remarks
from segeval.readers.reader import ReadOptions
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import ArraySource, Volume

OBJECTS = 100_000
"""An object's value is that of its label times this, and its number among the objects of that label."""

_BYTES = 26  # per pixel: codes, a mask, and what of both is looked at


class Mask(Struct, frozen=True):
    """An object's label and pixels, of which a crowd has many objects'."""

    label: int
    counts: Integers
    crowd: bool
    score: float


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

    def add_object(self, value: int, counts: Integers) -> None:
        """On top of all that is there."""
        where, belongs = inside(counts)
        below = self.values[where]
        self.overlapping += int(np.count_nonzero(below[belongs]))
        below[belongs] = value

    def new_object(self, label: int) -> int:
        """The value of the next object of the label. Raises UnreadableFile where there are too many."""
        known = self.objects.setdefault(label, set())
        if len(known) + 1 >= OBJECTS:
            raise UnreadableFile(f"an image has more than {OBJECTS - 2} objects of category {label}; score tiles of it")
        known.add(value := label * OBJECTS + len(known) + 1)
        return value

    def volume(self, path: Path, names: dict[int, str], options: ReadOptions) -> Volume:
        """What was drawn, as a volume. names: of labels."""
        height, width = self.size
        objects = {label: frozenset(values) for label, values in self.objects.items()}
        return Volume(
            str(path),
            None,
            ArraySource(self.values.reshape(1, width, height)),
            kind="labels",
            sets=self.codes.sets,
            names=names,
            objects=objects if options.instances else None,
            remarks=self.remarks,
        )


def draw_categories(where: str, drawing: Drawing, masks: Sequence[Mask]) -> None:
    codes = drawing.codes
    for mask in sorted(masks, key=lambda one: one.label):
        place, belongs = inside(mask.counts)
        below = drawing.values[place]
        has = [mask.label, *(code for code, members in codes.sets.items() if mask.label in members)]
        belongs &= (below != mask.label) if len(has) == 1 else ~np.isin(below, has)
        drawing.overlapping += codes.claim(below, belongs, mask.label)
    drawing.remarks += overlap_remarks(where, drawing.overlapping, "categories", "pixels")


def draw_objects(where: str, drawing: Drawing, masks: Sequence[Mask], options: ReadOptions, *, ranked: bool) -> None:
    """ranked: the more confident ones on top, else the smaller ones; crowds below."""
    crowds = [mask for mask in masks if mask.crowd and not ranked]
    numbered = [(mask, drawing.new_object(mask.label)) for mask in masks if ranked or not mask.crowd]
    for mask in crowds:
        if options.not_judged is not None:
            drawing.add_object(options.not_judged, mask.counts)
    drawing.overlapping = 0
    excepted = int(np.count_nonzero(drawing.values))
    for mask, value in sorted(numbered, key=lambda one: one[0].score if ranked else -area_of(one[0].counts)):
        drawing.add_object(value, mask.counts)
    if excepted:
        drawing.remarks.append(
            f"{where}: {excepted} pixels of crowds (iscrowd) are not judged, unless an object lies there"
        )
    elif crowds:
        drawing.remarks.append(f"{where}: {len(crowds)} crowds (iscrowd) are no objects, and are left out")
    seen = set(np.unique(drawing.values).tolist())
    hidden = sum(value not in seen for _, value in numbered)
    if drawing.overlapping:
        top = "more confident" if ranked else "smaller"
        drawing.remarks.append(
            f"{where}: objects overlap in {drawing.overlapping} pixels, which the {top} one has"
            + (f"; {hidden} have none left" if hidden else "")
        )


def unscored(where: str, count: int, of: int) -> str:
    """The remark on objects without a score, under ``--min-score``."""
    return f"{where}: {count} of {of} objects have no score; --min-score leaves none of these out"


def size_of_other(path: Path, options: ReadOptions) -> tuple[int, int]:
    """(height, width) of the other volume. Raises SaysTooLittle where there is none, or no picture."""
    shape: tuple[int, ...] = () if options.beside is None else options.beside.shape
    if len(shape) < 2 or any(length != 1 for length in shape[2:]):
        raise SaysTooLittle(f"{path}: does not state how large the image is; score it against a file that does")
    return shape[1], shape[0]
