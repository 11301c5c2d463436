"""The options of what is evaluated: which labels, by which quantities."""

import math
from collections.abc import Mapping
from typing import Annotated

from msgspec import Struct, field

from segeval.choices import DEFAULT_GROUPS, GROUPS, EmptyPolicy
from segeval.errors import UsageError
from segeval.settings import words
from segeval.settings.label_distances import (
    Matrix,
    label_distances_document,
    label_distances_of,
    label_distances_signed,
)
from segeval.settings.labels import border_of, label_choice, labelled_slices_of, weights_of, within_of
from segeval.settings.option import LABELS, QUANTITIES, Option, Setting, asked, require_word
from segeval.targets import LabelChoice, TargetKey


class Evaluated(Struct, frozen=True):
    """labels: what is evaluated. metrics: which quantities, under which settings, as text. empty: the value of the
    undefined overlap of a label that both volumes lack. class_weights: by label, for ``weighted_ce``.
    label_distances: between labels, background first, for ``wasserstein_dice``.
    slices_of: the labels that count in some slices alone, as `labelled_slices_of` writes them.
    border_mm: how far from a border between two labels of the reference, in its slice, there is background.
    mask: the file whose voxels count where it is not 0, or the folder of such files, as the user wrote it; ``array``
    for one in memory. within: of which labels of the reference the voxels count, as ``within_of`` writes it.
    weights: the file of the voxels' weights in the sums of losses, likewise.
    """

    labels: Annotated[
        LabelChoice,
        Setting(
            options={
                "labels": Option(
                    panel=LABELS,
                    asks=str | None,
                    metavar="1,2,3|*|FILE",
                    is_path=True,
                    help="Labels to evaluate, or a label file (nnU-Net dataset.json, BIDS dseg.tsv, ITK-SNAP, "
                    "FreeSurfer, YOLO data.yaml, JSON, TOML). Default: every non-zero label in either volume.",
                ),
                "regions": Option(
                    panel=LABELS,
                    asks=list[str] | None,
                    flag="--region",
                    metavar="NAME=1+2",
                    help="A row for a union of labels; NAME=* for all. Repeatable.",
                ),
                "ignore_label": Option(
                    panel=LABELS, asks=int | None, help="Reference value whose voxels count nowhere."
                ),
                "background": Option(panel=LABELS, asks=bool, default=False, help="Add label 0's row."),
            },
            made=label_choice,
            group="input",
            signed=words.labels_signed,
            document=words.labels_document,
        ),
    ] = field(default_factory=LabelChoice)
    metrics: Annotated[
        str | None,
        asked(
            QUANTITIES,
            f"Quantities, groups of them ({', '.join(GROUPS)}; all stands for every one but the last; default: "
            f"{' and '.join(DEFAULT_GROUPS)}), or NAME=SUM for a sum of some. `segeval quantities` explains them all.",
            metavar="NAME[:KEY=VALUE]…,…",
            made=words.metrics_text,
            group="quantities",
            signed=words.quantities_signed,
            document=words.metrics_document,
        ),
    ] = None
    empty: Annotated[EmptyPolicy, asked(LABELS, "Overlap of a label that both volumes lack.", group="policy")] = "nan"
    class_weights: Annotated[
        Mapping[TargetKey, float] | None,
        asked(
            QUANTITIES,
            "Weights for weighted_ce, by label value or name, or by region. Default: N / (C R) per label.",
            asks=str | None,
            metavar="0=0.2,1=1,…",
            made=weights_of,
            group="always",
            signed=words.weights_signed,
            document=words.weights_document,
        ),
    ] = None
    label_distances: Annotated[
        Matrix | None,
        asked(
            QUANTITIES,
            "How far apart labels are, for wasserstein_dice: a square of numbers, background first. Default: equally.",
            asks=str | None,
            metavar="FILE",
            is_path=True,
            made=label_distances_of,
            group="always",
            signed=label_distances_signed,
            document=label_distances_document,
        ),
    ] = None

    mask: Annotated[
        str | None,
        asked(
            LABELS,
            "Only voxels where this volume is not 0 count. It lies on the reference's grid; in a folder, paired like "
            "the cases.",
            metavar="FILE|FOLDER",
            is_path=True,
            files_only=True,
            made=words.volume_file("mask"),
            group="input",
            signed=words.file_signed("mask"),
            document=words.where_chosen("mask"),
        ),
    ] = None
    within: Annotated[
        str | None,
        asked(
            LABELS,
            "Only voxels of these labels of the reference count: values or names, or a region.",
            metavar="1+2|NAME|*",
            made=within_of,
            group="input",
            document=words.where_chosen("within"),
        ),
    ] = None
    slices_of: Annotated[
        str | None,
        asked(
            LABELS,
            "Labels that count only from the first to the last slice (third axis) where the reference has them; "
            "before-last: the last one is left out.",
            metavar="1+2|NAME[:before-last]",
            made=labelled_slices_of,
            group="input",
            document=words.where_chosen("slices_of"),
        ),
    ] = None
    border_mm: Annotated[
        float | None,
        asked(
            LABELS,
            "Voxels of the reference up to this far from another label in their slice (third axis) are background.",
            asks=float | None,
            made=border_of,
            group="input",
            document=words.where_chosen("border_mm"),
        ),
    ] = None
    weights: Annotated[
        str | None,
        asked(
            QUANTITIES,
            "What this volume holds, at least 0, multiplies a voxel's terms in the sums of losses; else as --mask.",
            metavar="FILE|FOLDER",
            is_path=True,
            files_only=True,
            made=words.volume_file("weights"),
            group="input",
            signed=words.file_signed("weights"),
            document=words.where_chosen("weights"),
        ),
    ] = None

    def __post_init__(self) -> None:
        require_word("empty", self.empty, EmptyPolicy)
        for label, weight in (self.class_weights or {}).items():
            if not (math.isfinite(weight) and weight >= 0):
                raise UsageError(f"class weight {label}={weight:g}: write a weight of at least 0, like 1=0.5")
