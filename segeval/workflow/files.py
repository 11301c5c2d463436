"""``segeval.evaluate``: the command ``segeval score`` as a function."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from segeval.choices import Activation, BackendName, Channels, EmptyPolicy, GeometryPolicy, Kind, Matching
from segeval.instances import InstanceOptions
from segeval.quantities import select
from segeval.report import Report
from segeval.tallies import TargetKey
from segeval.workflow.arrays import label_choice
from segeval.workflow.case import OnBytes, score_files
from segeval.workflow.protocols import apply_protocol
from segeval.workflow.series import volume_choice
from segeval.workflow.settings import Settings, missed_mm


def evaluate(
    prediction: str | os.PathLike[str],
    reference: str | os.PathLike[str],
    *,
    labels: Sequence[int] | Mapping[str, int] | str | os.PathLike[str] | None = None,
    regions: Mapping[str, Sequence[int] | str] | None = None,
    ignore_label: int | None = None,
    background: bool = False,
    metrics: str | None = None,
    empty: EmptyPolicy = "nan",
    class_weights: Mapping[TargetKey, float] | None = None,
    kind: Kind | None = None,
    threshold: float = 0.5,
    channels: Channels = "exclusive",
    activation: Activation | None = None,
    scale: float | None = None,
    clip: bool = False,
    class_axis: int | None = None,
    volume: int | tuple[int, int] | None = None,
    geometry: GeometryPolicy = "strict",
    tolerance: float = 1e-2,
    missed: str | float = "diagonal",
    instances: bool = False,
    connectivity: int | None = None,
    min_volume_mm3: float = 0.0,
    matching: Matching = "one-to-one",
    iou: float = 0.5,
    protocol: str | None = None,
    hash: bool = False,  # noqa: A002 (the option's name)
    backend: BackendName = "numpy",
) -> Report:
    """Score a prediction file against a reference file; every option is the command line's.

    labels: label values, name → value, or the path of a label file.
    regions: name → label values or ``"*"``. metrics: ``"dice,focal:gamma=3"``; None for all.
    volume: which one of a file that holds several, such as a 4-D series, from 0; a pair for prediction and reference.
    tolerance: a fraction of the reference's smallest spacing.
    Raises SegevalError: UnreadableFile, GeometryError, LabelError, UsageError.
    """
    if isinstance(labels, (str, os.PathLike)):
        from segeval.readers.label_files import read_label_file

        extra = label_choice(None, regions, ignore_label, background)
        choice = read_label_file(Path(labels)).with_options(extra.regions, ignore_label, background)
    else:
        choice = label_choice(labels, regions, ignore_label, background)
    settings = Settings(
        labels=choice,
        selections=select(metrics),
        empty=empty,
        class_weights=class_weights,
        kind=kind,
        threshold=threshold,
        channels=channels,
        activation=activation,
        scale=scale,
        clip=clip,
        class_axis=class_axis,
        volume=volume_choice(volume),
        geometry=geometry,
        tolerance=tolerance,
        missed=missed_mm(missed),
        instances=InstanceOptions(connectivity, min_volume_mm3, matching, iou, instances),
        hashed=hash,
        backend=backend,
    )
    if protocol is not None:
        settings = apply_protocol(settings, protocol, own_quantities=metrics is not None)
    return score_pair(Path(prediction), Path(reference), settings)


def score_pair(prediction: Path, reference: Path, settings: Settings, on_bytes: OnBytes | None = None) -> Report:
    """The report of one pair of files. Raises SegevalError."""
    result = score_files(prediction, reference, settings, on_bytes).result
    columns = tuple(selection.column for selection in settings.selections)
    return Report(settings.signature(result.kind), settings.document(), columns, (result,))
