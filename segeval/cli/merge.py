"""``segeval merge``: the shards of a batch put together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segeval.cli.options import FormatOption, OutputOption, WideOption
from segeval.cli.picturing import Pictured, with_picture_options, write_results
from segeval.cli.writing import require_renderable, require_writable


@with_picture_options
def merge(
    reports: Annotated[list[Path], typer.Argument(metavar="REPORT.json…", help="The .json outputs of the shards.")],
    format_: FormatOption = "table",
    wide: WideOption = False,
    output: OutputOption = None,
    *,
    pictured: Pictured,
) -> int:
    """Put the shards of a batch together: all cases, and the summary over them."""
    from segeval.reports.merging import merge_reports

    outputs = output or []
    require_writable(outputs, reports)
    pictured.require_a_page(outputs)
    report = merge_reports(reports)
    require_renderable(format_, outputs, [column.key for column in report.columns], report.settings)
    write_results(report, format_, outputs, pictured, wide=wide)
    return 3 if any(case.status == "error" for case in report.cases) else 0
