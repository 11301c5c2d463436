"""``segeval report``: the page of results that are there already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segeval.cli.picturing import Pictured, pages_among, with_picture_options, write_pages
from segeval.cli.writing import require_writable, tell
from segeval.errors import UsageError


@with_picture_options
def report(
    results: Annotated[Path, typer.Argument(metavar="RESULTS.json", help="The .json output of score, batch or merge.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.html", help="The page to write.")] = Path(
        "report.html"
    ),
    *,
    pictured: Pictured,
) -> None:
    """Write results as an HTML page: how good, on which labels, in which cases, and where it is wrong."""
    from segeval.reports.report_files import read_report

    if not pages_among([output]):
        raise UsageError(f"-o {output}: a page is a file that ends in .html; segeval merge writes other formats")
    require_writable([output], [results])
    pictured.require_a_page([output])
    write_pages(read_report(results), [output], pictured)
    tell(f"{output}: written\n")
