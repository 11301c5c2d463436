"""``segeval batch``: a folder of predictions against a folder of references."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from segeval.choices import LayoutName, Missing
from segeval.cli.audit import MaxMemoryOption, ProvenanceOption, files_of_options, limit_memory, provenance_of
from segeval.cli.batch_progress import BatchProgress
from segeval.cli.options import FormatOption, OutputOption, WideOption
from segeval.cli.picturing import Pictured, with_picture_options, write_results
from segeval.cli.scoring import Scoring, named_files, with_scoring_options
from segeval.cli.writing import (
    print_text,
    require_renderable,
    require_writable,
    tell_outcome,
    tell_remark,
)
from segeval.errors import UsageError
from segeval.words.printable import printable

_PAIRING, _RUNNING = "Pairing", "Running"
_SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)")


@with_picture_options
@with_scoring_options
def batch(
    predictions: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PREDICTIONS]", help="Folder of predictions, or a COCO file; left out with --manifest."
        ),
    ] = None,
    references: Annotated[
        Path | None, typer.Argument(metavar="[REFERENCES]", help="Folder of references, or a COCO file.")
    ] = None,
    pairing: Annotated[
        LayoutName | None,
        typer.Option("--pairing", help="How names pair. Default: the first that fits.", rich_help_panel=_PAIRING),
    ] = None,
    case_pattern: Annotated[
        str | None,
        typer.Option(
            "--case-pattern",
            metavar="REGEX",
            help=r"A group (?P<case>…) in both sides' paths.",
            rich_help_panel=_PAIRING,
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="CSV of case,prediction,reference.", rich_help_panel=_PAIRING),
    ] = None,
    probabilities: Annotated[
        bool,
        typer.Option("--probabilities", help="Score nnU-Net's .npz, not the label maps.", rich_help_panel=_PAIRING),
    ] = False,
    missing: Annotated[
        Missing,
        typer.Option(
            "--missing",
            help="A reference without a prediction: refuse, name it, or score an empty prediction.",
            rich_help_panel=_PAIRING,
        ),
    ] = "error",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the pairing and stop.", rich_help_panel=_PAIRING)
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Processes. Default: cores, within memory.", rich_help_panel=_RUNNING),
    ] = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first case that fails.", rich_help_panel=_RUNNING)
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Do not score again what the journal has.", rich_help_panel=_RUNNING)
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Only this part; see segeval merge.", rich_help_panel=_RUNNING),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option("--dask", metavar="SCHEDULER", help="Score on a Dask cluster.", rich_help_panel=_RUNNING),
    ] = None,
    pooled: Annotated[
        bool,
        typer.Option(
            "--pooled",
            help="Rows of all cases' voxels counted together, too: large cases weigh more there than in the mean of "
            "cases, in which each counts once.",
            rich_help_panel="Quantities",
        ),
    ] = False,
    *,
    scoring: Scoring,
    format_: FormatOption = "table",
    wide: WideOption = False,
    output: OutputOption = None,
    provenance: ProvenanceOption = None,
    max_memory: MaxMemoryOption = None,
    pictured: Pictured,
) -> int:
    """Score a folder of predictions against a folder of references: every case, and a summary over them."""
    from segeval.batches.folders import paired, prepared
    from segeval.batches.job_listing import jobs_of
    from segeval.batches.journal import journal_beside
    from segeval.batches.runners import dask_runner, default_workers, local_runner
    from segeval.settings import settings_of

    outputs = output or []
    inputs = [*named_files(scoring), *([manifest] if manifest else [])]
    require_writable([*outputs, *([provenance] if provenance else [])], inputs)
    limit_memory(max_memory)
    if resume and not outputs:
        raise UsageError("--resume continues the journal beside an output; name the output with -o")
    pictured.require_a_page(outputs)
    part = _shard(shard)
    found = paired(predictions, references, manifest, pairing, case_pattern, probabilities=probabilities)
    if dry_run:
        beside = {name: scoring[name] for name in ("mask", "weights") if name in scoring}
        jobs = jobs_of(found.pairs, found, settings_of(beside), references, case_pattern)
        problems = [f"  {printable(f'{job.case}: {job.problem}')}\n" for job in jobs if job.problem]
        print_text(found.describe() + "".join(["\nCases that would fail\n" if problems else "", *problems]))
        return 0
    ready = prepared(
        found,
        scoring,
        references,
        case_pattern=case_pattern,
        missing=missing,
        part=part,
        pooled=pooled,
        on_this_machine=dask is None,
    )
    keys = [selection.key for selection in ready.settings.selections]
    require_renderable(format_, outputs, keys, ready.settings.document())
    named = [manifest, *(files_of_options({**scoring, "labels": ready.labels}) if provenance else ())]
    note = provenance_of(provenance, outputs, ready.volumes, named)
    runner = dask_runner(dask) if dask is not None else local_runner(workers or default_workers(), tell_remark)
    with (
        journal_beside(outputs, ready.settings, ready.pooled, resume) as journal,
        BatchProgress(keys) as progress,
    ):
        try:
            report = ready.run(runner, journal=journal, fail_fast=fail_fast, observer=progress)
        except KeyboardInterrupt:
            if journal is not None:
                tell_outcome([f"{journal.path}: holds what is scored; --resume goes on from there"])
            raise
        progress.stop()
        if note is not None:
            note.write(report)
        write_results(report, format_, outputs, pictured, wide=wide)
    return 3 if any(case.status == "error" for case in report.cases) else 0


def _shard(text: str | None) -> tuple[int, int]:
    """``3/16`` as (3, 16); all in one where None."""
    if text is None:
        return 1, 1
    match = _SHARD.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise UsageError(f"--shard {text!r}: write which part of how many, like 3/16")
    return int(match[1]), int(match[2])
