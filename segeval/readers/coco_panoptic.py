"""COCO's panoptic segmentations: a PNG of each image, whose colours are numbers of segments, and their categories.

Source: cocodataset.org, "Data format", panoptic: id = R + 256 G + 256² B, 0 where nothing is labelled; the folder of
the PNG files is called like the JSON file (cocodataset/panopticapi).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segeval.errors import UnreadableFile
from segeval.files.paths import exists
from segeval.files.watch import Watch
from segeval.readers.coco import Label, as_volume
from segeval.readers.coco_file import CocoFile, Picture, Segment, parsed
from segeval.readers.drawing import Drawing, unscored
from segeval.readers.pictures import ids_of
from segeval.readers.reader import ReadOptions
from segeval.volumes.volume import Volume
from segeval.words.printable import printable, quoted, shortened

_BYTES = 72  # per pixel: colours, numbers, and what sorting them takes


def open_panoptic(path: Path, file: CocoFile, image: Picture, labels: Label, options: ReadOptions) -> Volume:
    """An image's segments as a label map of their categories, or of the segments. Raises UnreadableFile."""
    where = f"{file.path}: image {printable(str(image.file_name or image.id))}"
    entries = file.annotations.get(image.id, [])
    if len(entries) != 1 or not entries[0].panoptic:
        raise UnreadableFile(f"{where}: has {len(entries)} entries with segments, not one; export it again")
    segments = parsed(where, entries[0].segments_info, list[Segment])
    picture = _picture(where, file.path, entries[0].file_name)
    watch = Watch(picture)
    ids = ids_of(picture)
    width, height = ids.shape
    if (image.width, image.height) not in ((width, height), (None, None)):
        raise UnreadableFile(
            f"{picture}: has {width}×{height} pixels, {file.path.name} says {image.width}×{image.height}; they do not "
            "belong together, so export them again"
        )
    drawing = Drawing.blank(path, (height, width), _BYTES)
    if options.min_score is not None and isinstance(segments, list) and segments:
        drawing.remarks.append(unscored(where, len(segments), len(segments)))
    found, places, pixels = np.unique(ids, return_inverse=True, return_counts=True)
    values = _values(where, segments, labels, drawing, options)
    counts = dict(zip(found.tolist(), pixels.tolist(), strict=True))
    _require_the_same(where, picture, values, counts)
    values[0] = 0 if options.not_judged is None else options.not_judged
    drawing.values = np.array([values[one] for one in found.tolist()], dtype=np.int64)[places].reshape(-1)
    _tell(where, drawing, segments, counts, options)
    volume = as_volume(path, drawing, file, labels, options, [picture])
    volume.not_judged = options.not_judged
    ends = volume.finish

    def finish() -> list[str]:
        watch.require_unchanged()
        return ends()

    volume.finish = finish
    return volume


def _values(where: str, segments: object, labels: Label, drawing: Drawing, options: ReadOptions) -> dict[int, int]:
    """The value of each segment's pixels."""
    values: dict[int, int] = {}
    for segment in segments if isinstance(segments, list) else []:
        label = labels.of(where, segment.category_id)
        if segment.id in values or not 0 < segment.id < 1 << 24:
            raise UnreadableFile(
                f"{where}: has the segment {quoted(segment.id)} twice, or as no colour; export it again"
            )
        if not options.instances:
            values[segment.id] = label
        elif segment.iscrowd:
            values[segment.id] = 0 if options.not_judged is None else options.not_judged
        else:
            values[segment.id] = drawing.new_object(label)
    return values


def _require_the_same(where: str, picture: Path, values: dict[int, int], counts: dict[int, int]) -> None:
    """Raises UnreadableFile for a segment that only the picture or only the JSON has."""
    unknown = [one for one in counts if one and one not in values]
    if unknown:
        raise UnreadableFile(
            f"{picture}: {counts[unknown[0]]} pixels have the number {unknown[0]}, which is none of the segments of "
            f"{where}; export both again"
        )
    absent = [one for one in values if one not in counts]
    if absent:
        raise UnreadableFile(
            f"{where}: lists the segment {absent[0]}, of which {picture.name} has no pixel; export both again"
        )


def _tell(where: str, drawing: Drawing, segments: object, counts: dict[int, int], options: ReadOptions) -> None:
    crowds = {one.id for one in segments if one.iscrowd} if isinstance(segments, list) and options.instances else set()
    crowded = sum(counts.get(one, 0) for one in crowds)
    if options.not_judged is None:
        if crowded:
            drawing.remarks.append(f"{where}: {crowded} pixels of crowds (iscrowd) are no objects, and are left out")
        return
    if empty := counts.get(0, 0):
        drawing.remarks.append(f"{where}: {empty} pixels are not labelled (0), and not judged")
    if crowded:
        drawing.remarks.append(f"{where}: {crowded} pixels of crowds (iscrowd) are not judged")


def _picture(where: str, json: Path, name: str | None) -> Path:
    """The PNG of an image: in the folder that is called like the JSON file, or beside that."""
    if not name or Path(name).name != name:
        raise UnreadableFile(f"{where}: names the PNG file {quoted(name)}, which is no name of a file; export it again")
    folder = json.with_suffix("")
    places = [folder / name, json.parent / name]
    found = next((place for place in places if exists(place)), None)
    if found is None:
        raise UnreadableFile(
            f"{where}: there is no {shortened(printable(name), 100)} in {folder}; put the folder of PNG "
            "files beside the JSON, called like it"
        )
    return found
