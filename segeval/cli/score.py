"""``segeval score``: one pair of volumes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from segeval.cli.audit import MaxMemoryOption, ProvenanceOption, files_of_options, limit_memory, provenance_of
from segeval.cli.options import FormatOption, OutputOption, WideOption
from segeval.cli.picturing import Pictured, with_picture_options, write_results
from segeval.cli.progress import ByteProgress
from segeval.cli.scoring import Scoring, named_files, with_scoring_options
from segeval.cli.writing import require_renderable, require_writable, tell_remark
from segeval.errors import UsageError


@with_picture_options
@with_scoring_options
def score(
    prediction: Annotated[
        Path, typer.Argument(metavar="PREDICTION", help="Label map, probability map, or folder of one mask per class.")
    ],
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="Label map, or folder of one mask per class.")],
    *,
    scoring: Scoring,
    format_: FormatOption = "table",
    wide: WideOption = False,
    output: OutputOption = None,
    provenance: ProvenanceOption = None,
    max_memory: MaxMemoryOption = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            min=1,
            help="Processes that count parts of this one pair, of Zarr, HDF5, or not compressed.",
            rich_help_panel="Running",
        ),
    ] = 1,
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask", metavar="SCHEDULER", help="Count them on a Dask cluster, instead.", rich_help_panel="Running"
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Do not count again what the journal beside the output has of this pair.",
            rich_help_panel="Running",
        ),
    ] = False,
    pictured: Pictured,
) -> None:
    """Score a prediction against a reference: overlap and every loss, per label."""
    from segeval.cases.files import score_pair
    from segeval.cases.voxels_that_count import files_beside
    from segeval.readers import Input
    from segeval.settings import settings_of
    from segeval.volumes.allocator import keep_freed_memory

    keep_freed_memory()
    outputs = output or []
    extra = [provenance] if provenance else []
    if resume and not outputs:
        raise UsageError("--resume continues the journal beside an output; name the output with -o")
    require_writable([*outputs, *extra], [prediction, reference, *named_files(scoring)])
    limit_memory(max_memory)
    settings = settings_of(scoring)
    pictured.require_a_page(outputs)
    require_renderable(format_, outputs, [selection.key for selection in settings.selections], settings.document())
    pair = Input(prediction), Input(reference)
    volumes = [*pair, *files_beside(settings)]
    note = provenance_of(provenance, outputs, volumes, files_of_options(scoring) if provenance else ())
    with ExitStack() as stack:
        elsewhere = None
        if dask is not None or workers > 1 or resume:
            from segeval.batches.one_volume import in_processes, on_cluster
            from segeval.batches.parts_journal import parts_journal_beside

            journal = stack.enter_context(parts_journal_beside(outputs, volumes, settings, resume=resume))
            elsewhere = (
                in_processes(*pair, settings, workers, tell_remark, journal)
                if dask is None
                else on_cluster(*pair, settings, dask, journal)
            )
        with ByteProgress(sum(volume.size for volume in volumes)) as progress:
            report = score_pair(*pair, settings, progress.add, elsewhere)
        if note is not None:
            note.write(report)
        write_results(report, format_, outputs, pictured, wide=wide)
