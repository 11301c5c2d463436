"""``segeval compare``: reports of the same cases against the first of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from segeval.cli.options import WideOption
from segeval.cli.picturing import Pictured, pages_among, with_picture_options
from segeval.cli.writing import print_page, print_pieces, print_text, require_writable, tell_remark
from segeval.errors import UsageError
from segeval.files.whole_files import write_whole

if TYPE_CHECKING:
    from segeval.outputs.comparison_text import ComparisonFormat
    from segeval.results.comparison import Comparison

_Format = Literal["table", "csv", "json", "markdown", "challenger"]


@with_picture_options
def compare(
    reports: Annotated[
        list[Path],
        typer.Argument(
            metavar="BASELINE.json REPORT.json…", help="The .json outputs of batch; the first is the baseline."
        ),
    ],
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics", metavar="NAME[:KEY=VALUE]…,…", help="Quantities to compare. Default: all they share."
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option("--labels", metavar="1,liver,mean", help="Rows to compare: values, names, regions, mean, all."),
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=1, max=100_000, help="Bootstrap draws of the cases.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")] = 0,
    allow_changed: Annotated[
        str | None,
        typer.Option("--allow-changed", metavar="PART,…", help="Settings that may differ: parts of the signature."),
    ] = None,
    format_: Annotated[_Format, typer.Option("--format", "-f", help="What stdout carries.")] = "table",
    ranking: Annotated[
        str | None,
        typer.Option(
            "--ranking",
            metavar="PROTOCOL",
            help="The order that this challenge would put the reports in, which were made under its --protocol.",
        ),
    ] = None,
    wide: WideOption = False,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write a file too: .csv, .json, .md, .txt or .html. Repeatable."
        ),
    ] = None,
    *,
    pictured: Pictured,
) -> None:
    """Compare reports of the same cases with the first: differences, intervals, p-values, and ranks."""
    from segeval.comparing.paired_reports import compare_files

    outputs = output or []
    pages = pages_among(outputs)
    pictured.require_a_page(outputs)
    outputs = [path for path in outputs if path not in pages]
    _require_endings(outputs)
    if pictured.case:
        raise UsageError("--case: a comparison shows the cases that changed most; name one in segeval report")
    require_writable([*outputs, *pages], reports)
    allowed = {part.strip() for part in (allow_changed or "").split(",")} - {""}
    if format_ == "challenger":
        _write_challenger(reports, outputs, metrics, labels, allowed)
        return
    comparison = compare_files(
        reports, metrics=metrics, labels=labels, draws=draws, seed=seed, allowed=allowed, ranking=ranking
    )
    _write(comparison, format_, outputs, wide or metrics is not None)
    if pages or pictured.figures is not None:
        _write_pages(comparison, reports, pages, pictured)


def _write_pages(comparison: Comparison, paths: list[Path], pages: list[Path], pictured: Pictured) -> None:
    """The values of all cases are read again, which a comparison does not hold."""
    from segeval.outputs.html import comparison_page
    from segeval.outputs.html.compared import comparison_facts
    from segeval.outputs.html.plots import write_plots
    from segeval.pictures.figures import write_figures
    from segeval.pictures.images import images_of, window_of
    from segeval.pictures.side_by_side import side_by_side
    from segeval.reports.report_files import read_report

    reports = [read_report(path) for path in paths]
    image = images_of(pictured.images, [case.case for case in reports[0].cases])
    pictures = side_by_side(comparison, reports, pictured.pictures, image, window_of(pictured.window))
    for page in pages:
        write_whole(page, comparison_page(comparison, reports, pictures))
    if pictured.figures is not None:
        write_plots(pictured.figures, comparison_facts(comparison, reports))
        write_figures(pictured.figures, [side for each in pictures for side in (each.baseline, each.other)])


def _require_endings(outputs: list[Path]) -> None:
    from segeval.outputs import formats_of_ending
    from segeval.outputs.comparison_text import COMPARISON_OUTPUTS

    for path in outputs:
        if not formats_of_ending(path.name, COMPARISON_OUTPUTS):
            endings = [ending for output in COMPARISON_OUTPUTS.values() for ending in output.endings]
            raise UsageError(f"-o {path}: the ending says the format; known are {', '.join([*endings, '.html'])}")


def _write_challenger(
    reports: list[Path], outputs: list[Path], metrics: str | None, labels: str | None, allowed: set[str]
) -> None:
    from segeval.comparing.challenger import challenger_pieces

    for path in outputs:
        if path.suffix.lower() != ".csv":
            raise UsageError(f"-o {path}: --format challenger writes a .csv")
    text = "".join(challenger_pieces(reports, metrics=metrics, labels=labels, allowed=allowed))
    for path in outputs:
        write_whole(path, text)
    print_text(text)


def _write(comparison: Comparison, format_: ComparisonFormat, outputs: list[Path], wide: bool) -> None:
    """The files, then stdout, then the remarks that it does not show."""
    from segeval.outputs import formats_of_ending
    from segeval.outputs.comparison_text import COMPARISON_OUTPUTS

    for path in outputs:
        wanted = formats_of_ending(path.name, COMPARISON_OUTPUTS)[0]
        write_whole(path, COMPARISON_OUTPUTS[wanted].pieces(comparison))
    if format_ == "table":
        from segeval.outputs.comparison_page import page_of_comparison

        print_page(page_of_comparison(comparison, wide=wide))
    else:
        print_pieces(COMPARISON_OUTPUTS[format_].pieces(comparison))
    if not COMPARISON_OUTPUTS[format_].shows_remarks:
        for remark in comparison.remarks:
            tell_remark(remark)
