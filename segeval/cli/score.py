"""``segeval score``: one pair of volumes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segeval.cli.audit import MaxMemoryOption, ProvenanceOption, label_files, limit_memory, provenance_of
from segeval.cli.options import (
    ActivationOption,
    BackendOption,
    BackgroundOption,
    ChannelsOption,
    ClassAxisOption,
    ClassWeightsOption,
    ClipOption,
    ConnectivityOption,
    EmptyOption,
    FormatOption,
    GeometryOption,
    HashOption,
    IgnoreOption,
    InstancesOption,
    IouOption,
    KindOption,
    LabelsOption,
    MatchingOption,
    MetricsOption,
    MinVolumeOption,
    MissedOption,
    OutputOption,
    ProtocolOption,
    RegionOption,
    ScaleOption,
    ThresholdOption,
    ToleranceOption,
    VolumeOption,
    label_choice,
    make_settings,
)
from segeval.cli.progress import ByteProgress
from segeval.cli.writing import require_renderable, require_writable, write_report


def score(
    prediction: Annotated[
        Path, typer.Argument(metavar="PREDICTION", help="Label map, probability map, or folder of one mask per class.")
    ],
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="Label map, or folder of one mask per class.")],
    labels: LabelsOption = None,
    region: RegionOption = None,
    ignore_label: IgnoreOption = None,
    background: BackgroundOption = False,
    empty: EmptyOption = "nan",
    metrics: MetricsOption = None,
    weights: ClassWeightsOption = None,
    kind: KindOption = None,
    threshold: ThresholdOption = 0.5,
    activation: ActivationOption = None,
    scale: ScaleOption = None,
    clip: ClipOption = False,
    channels: ChannelsOption = "exclusive",
    class_axis: ClassAxisOption = None,
    volume: VolumeOption = None,
    geometry: GeometryOption = "strict",
    tolerance: ToleranceOption = 1e-2,
    backend: BackendOption = "numpy",
    missed: MissedOption = "diagonal",
    instances: InstancesOption = False,
    connectivity: ConnectivityOption = None,
    min_volume_mm3: MinVolumeOption = 0.0,
    matching: MatchingOption = "one-to-one",
    iou: IouOption = 0.5,
    protocol: ProtocolOption = None,
    hash_: HashOption = False,
    format_: FormatOption = "table",
    output: OutputOption = None,
    provenance: ProvenanceOption = None,
    max_memory: MaxMemoryOption = None,
) -> None:
    """Score a prediction against a reference: overlap and every loss, per label."""
    from segeval.readers import size_on_disk
    from segeval.volumes.allocator import keep_freed_memory
    from segeval.workflow.files import score_pair

    keep_freed_memory()
    outputs = output or []
    extra = [provenance] if provenance else []
    require_writable([*outputs, *extra], [prediction, reference, *([Path(labels)] if labels else [])])
    limit_memory(max_memory)
    settings = make_settings(
        label_choice(labels, region, ignore_label, background),
        metrics=metrics,
        weights=weights,
        hash_=hash_,
        missed=missed,
        instances=instances,
        connectivity=connectivity,
        min_volume_mm3=min_volume_mm3,
        matching=matching,
        iou=iou,
        protocol=protocol,
        empty=empty,
        kind=kind,
        threshold=threshold,
        channels=channels,
        activation=activation,
        scale=scale,
        clip=clip,
        class_axis=class_axis,
        volume=volume,
        geometry=geometry,
        tolerance=tolerance,
        backend=backend,
    )
    require_renderable(format_, outputs, [selection.key for selection in settings.selections])
    note = provenance_of(provenance, outputs, [prediction, reference], label_files(labels))
    with ByteProgress(size_on_disk(prediction) + size_on_disk(reference)) as progress:
        report = score_pair(prediction, reference, settings, progress.add)
    if note is not None:
        note.write(report)
    write_report(report, format_, outputs)
