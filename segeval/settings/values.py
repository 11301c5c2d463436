"""The options of what the stored values mean."""

import math
from typing import Annotated

from segeval.choices import Activation, Channels, Kind, PaletteName
from segeval.errors import UsageError
from segeval.settings import words
from segeval.settings.array_choice import KeyChoice, LevelChoice, key_choice, level_choice
from segeval.settings.evaluated import Evaluated
from segeval.settings.option import VALUES, asked, require_word
from segeval.settings.palettes import palette_document, palette_signed
from segeval.settings.volume_choice import VolumeChoice, volume_choice

SLICES_OF_LABELS = "--slices-of takes label maps; leave it out, or score labels instead of probabilities"


class Values(Evaluated, frozen=True):
    """kind: what the prediction holds, None to find out. threshold: inclusive, for single and independent maps.
    channels: ``independent`` for separate sigmoid maps. activation, scale, clip: how stored values become
    probabilities. min_score: of detections that count, None for all. drawn_on: the folder of the images of structure
    sets, as the user wrote it. class_axis: the stored axis of the classes, from 0. volume: which one of a file that
    holds several. key: which array, of one that holds arrays by name. level: which one of an image that is stored at
    several. palette: what the colours of pictures mean.
    """

    kind: Annotated[
        Kind | None,
        asked(VALUES, "What the prediction holds, where the file leaves it open.", document=words.kind_document),
    ] = None
    threshold: Annotated[
        float,
        asked(VALUES, "Foreground from here on, inclusive (single and independent maps).", group="probabilities"),
    ] = 0.5
    channels: Annotated[Channels, asked(VALUES, "One softmax, or separate sigmoid maps.", group="probabilities")] = (
        "exclusive"
    )
    activation: Annotated[Activation | None, asked(VALUES, "The map holds logits.", group="probabilities")] = None
    scale: Annotated[
        float | None,
        asked(VALUES, "The stored value that means probability 1.", metavar="255", group="probabilities"),
    ] = None
    clip: Annotated[bool, asked(VALUES, "Clip a map that overshoots 0 to 1.", group="probabilities")] = False
    min_score: Annotated[
        float | None,
        asked(
            VALUES,
            "Detections of a lower score are left out, where the prediction's file holds scores (COCO, YOLO).",
            metavar="0.5",
            group="input",
            files_only=True,
            document=words.where_chosen("min_score"),
        ),
    ] = None
    drawn_on: Annotated[
        str | None,
        asked(
            VALUES,
            "Where the images lie that structure sets (RTSTRUCT) were drawn on, if not beside them.",
            metavar="FOLDER",
            is_path=True,
            files_only=True,
            made=words.volume_file("drawn-on"),
            document=words.where_chosen("drawn_on"),
        ),
    ] = None
    class_axis: Annotated[
        int | None,
        asked(
            VALUES,
            "Stored axis of the classes, from 0. Default: the last after the third.",
            group="probabilities",
            files_only=True,
        ),
    ] = None
    volume: Annotated[
        VolumeChoice | None,
        asked(
            VALUES,
            "Of a file that holds several volumes (4-D), the one to score, from 0; K,J for prediction and reference.",
            asks=str | None,
            metavar="K|K,J",
            files_only=True,
            made=volume_choice,
            group="input",
            signed=words.volume_signed,
            document=words.volume_document,
        ),
    ] = None
    key: Annotated[
        KeyChoice | None,
        asked(
            VALUES,
            "Of an .npz, HDF5 or Zarr that holds several arrays, the one to score; two for prediction and reference.",
            asks=str | None,
            metavar="NAME|NAME,NAME",
            files_only=True,
            made=key_choice,
            group="input",
            signed=words.key_signed,
            document=words.key_document,
        ),
    ] = None
    level: Annotated[
        LevelChoice | None,
        asked(
            VALUES,
            "The level of an OME-Zarr image to score, from 0, the finest; N,M for prediction and reference.",
            asks=str | None,
            metavar="N|N,M",
            files_only=True,
            made=level_choice,
            group="input",
            signed=words.level_signed,
            document=words.level_document,
        ),
    ] = None
    palette: Annotated[
        PaletteName | None,
        asked(
            VALUES,
            "What the colours of PNG, BMP and TIFF mean: a table, with names of labels; ids, R + 256 G + 65536 B, "
            "as COCO panoptic has it; labels, what the label file says (needless where it states colours alone).",
            files_only=True,
            group="input",
            signed=palette_signed,
            document=palette_document,
        ),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_word("palette", self.palette, PaletteName)
        require_word("kind", self.kind, Kind)
        require_word("channels", self.channels, Channels)
        require_word("activation", self.activation, Activation)
        if self.slices_of is not None and (self.kind == "probabilities" or self.speaks_of_probabilities):
            raise UsageError(SLICES_OF_LABELS)
        if self.kind == "labels" and self.speaks_of_probabilities:
            raise UsageError("--kind labels contradicts --activation, --scale, --clip and --channels independent")
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise UsageError(f"--scale {self.scale:g}: write the stored value that means probability 1, like 255")
        if self.min_score is not None and not math.isfinite(self.min_score):
            raise UsageError(f"--min-score {self.min_score:g}: write a number, like 0.5")
        if not math.isfinite(self.threshold):
            raise UsageError(f"--threshold {self.threshold:g}: write a number, like 0.5")

    @property
    def speaks_of_probabilities(self) -> bool:
        """Whether some option makes sense for a probability map only, and so settles the kind."""
        return self.activation is not None or self.scale is not None or self.clip or self.channels == "independent"
