"""``segeval check``: a report against rules and a baseline, for CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from segeval.cli.audit import ProvenanceOption, files_of_options, provenance_of
from segeval.cli.batch_progress import BatchProgress
from segeval.cli.github import tell_github
from segeval.cli.picturing import Pictured, pages_among, with_picture_options, write_pages
from segeval.cli.scoring import Scoring, flags, with_scoring_options
from segeval.cli.writing import (
    print_page,
    print_text,
    read_by_somebody,
    require_writable,
    tell,
    tell_outcome,
    tell_remark,
)
from segeval.errors import UsageError
from segeval.files.paths import is_directory
from segeval.files.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from segeval.cases.provenance import Provenance
    from segeval.gates.config import GateSettings
    from segeval.readers import Input
    from segeval.results.report import Report
    from segeval.results.verdict import Verdict

_BASELINE, _OUTPUT = "Baseline", "Output"


@with_picture_options
@with_scoring_options
def check(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS.json|PREDICTIONS", help="A report, or a folder of predictions.")
    ],
    references: Annotated[
        Path | None, typer.Argument(metavar="[REFERENCES]", help="Folder of references; the pairs are scored first.")
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            metavar="RULE",
            help="What must hold, like 'mean(liver.dice) >= 0.9'. Repeatable; docs/check.md.",
        ),
    ] = None,
    warn: Annotated[
        list[str] | None, typer.Option("--warn", metavar="RULE", help="What should hold. Repeatable.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Default: segeval.toml or pyproject.toml in this folder."),
    ] = None,
    tolerate_errors: Annotated[
        int | None,
        typer.Option("--tolerate-errors", min=0, metavar="N", help="Cases that may fail to be evaluated. Default: 0."),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="What to compare with.", rich_help_panel=_BASELINE),
    ] = None,
    max_drop: Annotated[
        list[str] | None,
        typer.Option(
            "--max-drop",
            metavar="QUANTITY=0.01|1%",
            help="How much worse a mean may be. Repeatable.",
            rich_help_panel=_BASELINE,
        ),
    ] = None,
    max_case_drop: Annotated[
        list[str] | None,
        typer.Option(
            "--max-case-drop",
            metavar="QUANTITY=0.05|5%",
            help="How much worse any case may be. Repeatable.",
            rich_help_panel=_BASELINE,
        ),
    ] = None,
    significant: Annotated[
        bool | None,
        typer.Option(
            "--significant/--any-drop", help="Fail only for what is worse beyond noise.", rich_help_panel=_BASELINE
        ),
    ] = None,
    allow_changed: Annotated[
        str | None,
        typer.Option(
            "--allow-changed", metavar="labels,cases", help="Compare what is common.", rich_help_panel=_BASELINE
        ),
    ] = None,
    update_baseline: Annotated[
        bool,
        typer.Option(
            "--update-baseline",
            help="Write the baseline, unless a rule fails; compare nothing.",
            rich_help_panel=_BASELINE,
        ),
    ] = False,
    *,
    scoring: Scoring,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.", rich_help_panel=_OUTPUT)
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write Markdown.", rich_help_panel=_OUTPUT)
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.html", help="Write the results as an HTML page.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    format_: Annotated[
        Literal["table", "json"], typer.Option("--format", "-f", help="What stdout carries.", rich_help_panel=_OUTPUT)
    ] = "table",
    provenance: ProvenanceOption = None,
    pictured: Pictured,
) -> int:
    """Check results against rules and a baseline. Exit 0: passed, 1: failed, 3: something could not be evaluated."""
    from segeval.gates.config import default_config, parse_changes, read_config, shadowed_config
    from segeval.gates.grammar import parse_rule
    from segeval.gates.judgement import judge, require_something_to_check

    settings = read_config(config).overridden(
        [*map(parse_rule, require or ()), *(parse_rule(text, "warn") for text in warn or ())],
        _tolerances("--max-drop", max_drop),
        _tolerances("--max-case-drop", max_case_drop),
        baseline=baseline,
        significant=significant,
        tolerate_errors=tolerate_errors,
        allow_changed=None if allow_changed is None else parse_changes(allow_changed),
        scoring=scoring,
    )
    require_something_to_check(settings, update_baseline)
    if config is None and (shadowed := shadowed_config()) is not None:
        tell_remark(f"{shadowed}: its [tool.segeval] is not used, because there is a {default_config()}")
    pages = [] if page is None else [page]
    if page is not None and not pages_among(pages):
        elsewhere = "--markdown FILE writes Markdown, --junit FILE JUnit XML, --format json prints JSON"
        raise UsageError(f"-o {page}: writes the results as a page, a file that ends in .html; {elsewhere}")
    pictured.require_a_page(pages)
    outputs = [
        path for path in (junit, markdown, page, settings.baseline if update_baseline else None) if path is not None
    ]
    extra = [provenance] if provenance else []
    require_writable([*outputs, *extra], [path for path in (results, config) if path is not None], any_ending=True)
    compared = None if update_baseline else settings.baseline
    others = [config or default_config(), compared, *files_of_options(settings.scoring)]

    def noted(volumes: Iterable[Input | None] = (), more: Iterable[Path] = ()) -> Provenance | None:
        return provenance_of(provenance, outputs, volumes, [*others, *more])

    if references is None and scoring:
        raise UsageError(f"{flags(scoring)}: choose what is scored, and a report is scored already; leave them out")
    if references is None and settings.scoring:
        tell_remark("the configuration's [check.scoring] is not used: a report is scored already")
    report, note = _report(results, references, settings, noted)
    verdict = judge(report, settings, compare=not update_baseline)
    if note is not None:
        note.write(report)
    _write(verdict, junit, markdown, format_)
    tell_github(verdict, tell if format_ == "json" else print_text)
    if not verdict.success and not read_by_somebody(format_):
        from segeval.outputs.verdict_words import failure_lines

        tell_outcome(failure_lines(verdict))
    if update_baseline and settings.baseline is not None:
        _update(report, verdict, settings.baseline)
    write_pages(report, pages, pictured, verdict)
    return exit_code(verdict)


def exit_code(verdict: Verdict) -> int:
    """What could not be evaluated wins over what failed."""
    if any(finding.outcome == "error" for finding in verdict.findings):
        return 3
    return 0 if verdict.success else 1


def _report(
    results: Path, references: Path | None, settings: GateSettings, noted: Callable[..., Provenance | None]
) -> tuple[Report, Provenance | None]:
    """What is to be checked, and the note on its files as they were before they were read."""
    from segeval.reports.report_files import read_report

    if references is not None:
        return _scored(results, references, settings, noted)
    if is_directory(results):
        raise UsageError(f"{results}: is a folder; name the folder of references after it, or give a report")
    note = noted((), [results])
    return read_report(results), note


def _scored(
    predictions: Path, references: Path, settings: GateSettings, noted: Callable[..., Provenance | None]
) -> tuple[Report, Provenance | None]:
    """Both folders scored as ``segeval batch`` does, with every quantity that a rule needs."""
    from segeval.batches.folders import paired, prepared
    from segeval.batches.runners import default_workers, local_runner
    from segeval.gates.grammar import POOLED
    from segeval.gates.pooled import require_poolable
    from segeval.gates.rules import needed_quantities
    from segeval.quantities import select
    from segeval.settings.words import metrics_text

    asked = [selection.key for selection in select(metrics_text(settings.scoring.get("metrics")))]
    needed = needed_quantities(settings.measures(), asked)
    found = paired(predictions, references, None, None, None, probabilities=False)
    pooled = any(rule.statistic == POOLED for rule in settings.rules)
    ready = prepared(found, settings.scoring, references, pooled=pooled, quantities=needed, hashed=True)
    require_poolable(settings.rules, [selection.column for selection in ready.settings.selections])
    note = noted(ready.volumes, [found.label_file] if found.label_file is not None else [])
    with BatchProgress([selection.key for selection in ready.settings.selections]) as progress:
        report = ready.run(local_runner(default_workers(), tell_remark), observer=progress)
    return report, note


def _tolerances(option: str, texts: list[str] | None) -> dict[str, str]:
    """``dice=0.01`` by quantity; the quantity may have settings, with equals signs of their own."""
    tolerances: dict[str, str] = {}
    for text in texts or ():
        key, _, value = (part.strip() for part in text.rpartition("="))
        if not key or not value:
            raise UsageError(f"{option} {text!r}: write QUANTITY=AMOUNT, like dice=0.01 or liver.dice=1%")
        if key in tolerances:
            raise UsageError(f"{option}: {key} is given twice; give each quantity one tolerance")
        tolerances[key] = value
    return tolerances


def _write(verdict: Verdict, junit: Path | None, markdown: Path | None, format_: str) -> None:
    """The files, then stdout."""
    if junit is not None:
        from datetime import UTC, datetime

        from segeval.outputs.junit import render_junit

        write_whole(junit, render_junit(verdict, datetime.now(UTC)))
    if markdown is not None:
        from segeval.outputs.verdict_page import render_verdict_markdown

        write_whole(markdown, render_verdict_markdown(verdict))
    if format_ == "json":
        from segeval.outputs.verdict_json import render_verdict_json

        print_text(render_verdict_json(verdict))
    else:
        from segeval.outputs.verdict_page import page_of_verdict

        print_page(page_of_verdict(verdict))


def _update(report: Report, verdict: Verdict, baseline: Path) -> None:
    from segeval.gates.baseline import write_baseline

    if verdict.success:
        write_baseline(report, baseline)
        tell(f"baseline {baseline}: written\n")
    else:
        tell(f"baseline {baseline}: not written, because the gate did not pass\n")
