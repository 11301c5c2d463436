"""Option types that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segeval.choices import Activation, BackendName, Channels, EmptyPolicy, Format, GeometryPolicy, Kind, Matching
from segeval.errors import UsageError
from segeval.paths import is_file
from segeval.targets import LabelChoice, parse_region

if TYPE_CHECKING:
    from segeval.tallies import TargetKey
    from segeval.workflow.settings import Settings

_DISTANCES = "Distances and instances"
_LABELS, _QUANTITIES, _VALUES, _GRID, _OUTPUT = "Labels", "Quantities", "Values", "Grid", "Output"
_RUNNING = "Running"

LabelsOption = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="1,2,3|*|FILE",
        help="Labels to evaluate, or a label file (nnU-Net dataset.json, BIDS dseg.tsv, ITK-SNAP, FreeSurfer, JSON, "
        "TOML). Default: every non-zero label in either volume.",
        rich_help_panel=_LABELS,
    ),
]
RegionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--region", metavar="NAME=1+2", help="A row for a union of labels; NAME=* for all. Repeatable.",
        rich_help_panel=_LABELS,
    ),
]  # fmt: skip
IgnoreOption = Annotated[
    int | None,
    typer.Option("--ignore-label", help="Reference value whose voxels count nowhere.", rich_help_panel=_LABELS),
]
BackgroundOption = Annotated[bool, typer.Option("--background", help="Add label 0's row.", rich_help_panel=_LABELS)]
EmptyOption = Annotated[
    EmptyPolicy,
    typer.Option("--empty", help="Overlap of a label that both volumes lack.", rich_help_panel=_LABELS),
]
MetricsOption = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="NAME[:KEY=VALUE]…,…",
        help="Quantities, or groups: overlap and losses (the default), surface, instances, lesionwise, calibration. "
        "`segeval quantities` explains them all.",
        rich_help_panel=_QUANTITIES,
    ),
]
ClassWeightsOption = Annotated[
    str | None,
    typer.Option(
        "--class-weights", metavar="0=0.2,1=1,…", help="Weights for weighted_ce. Default: N / (C R) per label.",
        rich_help_panel=_QUANTITIES,
    ),
]  # fmt: skip
KindOption = Annotated[
    Kind | None,
    typer.Option("--kind", help="What the prediction holds, where the file leaves it open.", rich_help_panel=_VALUES),
]
ThresholdOption = Annotated[
    float,
    typer.Option(
        "--threshold", help="Foreground from here on, inclusive (single and independent maps).", rich_help_panel=_VALUES
    ),
]
ActivationOption = Annotated[
    Activation | None, typer.Option("--activation", help="The map holds logits.", rich_help_panel=_VALUES)
]
ScaleOption = Annotated[
    float | None,
    typer.Option("--scale", metavar="255", help="The stored value that means probability 1.", rich_help_panel=_VALUES),
]
ClipOption = Annotated[bool, typer.Option("--clip", help="Clip a map that overshoots 0 to 1.", rich_help_panel=_VALUES)]
ChannelsOption = Annotated[
    Channels,
    typer.Option("--channels", help="One softmax, or separate sigmoid maps.", rich_help_panel=_VALUES),
]
ClassAxisOption = Annotated[
    int | None,
    typer.Option(
        "--class-axis", help="Stored axis of the classes, from 0. Default: the last after the third.",
        rich_help_panel=_VALUES,
    ),
]  # fmt: skip
VolumeOption = Annotated[
    str | None,
    typer.Option(
        "--volume", metavar="K|K,J",
        help="Of a file that holds several volumes (4-D), the one to score, from 0; K,J for prediction and reference.",
        rich_help_panel=_VALUES,
    ),
]  # fmt: skip
GeometryOption = Annotated[
    GeometryPolicy,
    typer.Option(
        "--geometry", help="Another grid is an error, resampled to the reference's, or ignored (equal shapes).",
        rich_help_panel=_GRID,
    ),
]  # fmt: skip
ToleranceOption = Annotated[
    float,
    typer.Option(
        "--tolerance", help="Largest displacement of a corner voxel, in smallest spacings.", rich_help_panel=_GRID
    ),
]
BackendOption = Annotated[
    BackendName,
    typer.Option(
        "--backend",
        help="Where voxels are counted: numpy; cupy, on a CUDA device; auto, there for large probability maps.",
        rich_help_panel=_RUNNING,
    ),
]
MissedOption = Annotated[
    str,
    typer.Option(
        "--missed", metavar="diagonal|nan|MM", help="Distance of a label that one volume lacks.",
        rich_help_panel=_DISTANCES,
    ),
]  # fmt: skip
InstancesOption = Annotated[
    bool,
    typer.Option("--instances", help="The maps' values are instances: split nothing.", rich_help_panel=_DISTANCES),
]
ConnectivityOption = Annotated[
    int | None,
    typer.Option(
        "--connectivity", metavar="6|18|26", help="Neighbours that make one instance (4 or 8 in 2-D). Default: all.",
        rich_help_panel=_DISTANCES,
    ),
]  # fmt: skip
MinVolumeOption = Annotated[
    float, typer.Option("--min-volume-mm3", help="Smaller instances are dropped.", rich_help_panel=_DISTANCES)
]
MatchingOption = Annotated[
    Matching, typer.Option("--matching", help="How instances are matched.", rich_help_panel=_DISTANCES)
]
IouOption = Annotated[
    float, typer.Option("--iou", help="What the IoU of a match must exceed.", rich_help_panel=_DISTANCES)
]
ProtocolOption = Annotated[
    str | None,
    typer.Option(
        "--protocol", metavar="brats-lesionwise[:gli|…]",
        help="A challenge's procedure: its regions, quantities and parameters (gli, ssa, ped, men, met).",
        rich_help_panel=_DISTANCES,
    ),
]  # fmt: skip
HashOption = Annotated[bool, typer.Option("--hash", help="Report the SHA-256 of both files.", rich_help_panel=_OUTPUT)]
FormatOption = Annotated[
    Format,
    typer.Option("--format", "-f", envvar="SEGEVAL_FORMAT", help="What stdout carries.", rich_help_panel=_OUTPUT),
]
OutputOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--output", "-o", metavar="FILE",
        help="Write a file too: .csv, .json, .md, .txt or .parquet (under --format nnunet, .json is nnU-Net's). "
        "Repeatable.",
        rich_help_panel=_OUTPUT,
    ),
]  # fmt: skip


def label_choice(
    labels: str | None, regions: list[str] | None, ignore_label: int | None, background: bool
) -> LabelChoice:
    """The label options together. Raises UsageError, and what a label file raises."""
    unions = tuple(parse_region(text) for text in regions or ())
    return _listed(labels).with_options(unions, ignore_label, background)


def make_settings(
    choice: LabelChoice,
    *,
    metrics: str | None,
    weights: str | None,
    hash_: bool,
    missed: str = "diagonal",
    instances: bool = False,
    connectivity: int | None = None,
    min_volume_mm3: float = 0.0,
    matching: Matching = "one-to-one",
    iou: float = 0.5,
    protocol: str | None = None,
    volume: str | None = None,
    **options: Any,
) -> Settings:
    """The settings of a command; ``options`` are those whose names and words are the settings' own."""
    from segeval.instances import InstanceOptions
    from segeval.quantities import select
    from segeval.workflow.protocols import apply_protocol
    from segeval.workflow.series import volume_choice
    from segeval.workflow.settings import Settings, missed_mm

    settings = Settings(
        labels=choice,
        selections=select(metrics),
        class_weights=class_weights(weights),
        hashed=hash_,
        missed=missed_mm(missed),
        volume=volume_choice(volume),
        instances=InstanceOptions(connectivity, min_volume_mm3, matching, iou, instances),
        **options,
    )
    return settings if protocol is None else apply_protocol(settings, protocol, own_quantities=metrics is not None)


def class_weights(text: str | None) -> dict[TargetKey, float] | None:
    """``0=0.2,1=1`` by label (or region name). Raises UsageError."""
    if text is None:
        return None
    weights: dict[TargetKey, float] = {}
    for part in text.split(","):
        key, _, value = part.partition("=")
        label = _integer(key)
        target: TargetKey = key.strip() if label is None else label
        if target in weights:
            raise UsageError(f"--class-weights: {target} is given twice; give each label one weight")
        try:
            weights[target] = float(value)
        except ValueError:
            raise UsageError(f"--class-weights {part!r}: write LABEL=WEIGHT, like 1=0.5") from None
    return weights


def _listed(labels: str | None) -> LabelChoice:
    if labels is None or labels.strip() == "*":
        return LabelChoice()
    values = [_integer(part) for part in labels.split(",")]
    whole = [value for value in values if value is not None]
    if len(whole) == len(values):
        return LabelChoice.of(tuple(whole))
    from segeval.readers.label_files import read_label_file

    path = Path(labels)
    if ("," in labels or not path.suffix) and not is_file(path):
        raise UsageError(f"--labels {labels!r}: write label values like 1,2,3, or *, or the path of a label file")
    return read_label_file(path)


def _integer(text: str) -> int | None:
    try:
        return int(text.strip())
    except ValueError:
        return None
