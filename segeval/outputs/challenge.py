"""A challenge's own table as CSV: a line per case, a column per number, by the challenge's names, and the means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from segeval.errors import UsageError
from segeval.outputs.csv_output import line_of, number_cell, text_cell
from segeval.results.challenge_table import challenge_table
from segeval.results.report import Report


def challenge_pieces(report: Report) -> Iterator[str]:
    """The table. Raises UsageError for a report of no protocol, or of one that names no columns."""
    require_columns(report.settings)
    table = challenge_table(report)
    assert table is not None  # noqa: S101 (there are columns)
    yield line_of(["case", *map(text_cell, table.columns)]) + "\n"
    for case, values in table.cases:
        yield line_of([text_cell(case), *map(number_cell, values)]) + "\n"
    for name, values in table.ends:
        yield line_of([name, *map(number_cell, values)]) + "\n"


def require_columns(settings: Mapping[str, object]) -> None:
    """Raises UsageError where the settings are of no protocol, or of one that names no columns."""
    protocol = settings.get("protocol")
    if not isinstance(protocol, Mapping) or not (protocol.get("columns") or protocol.get("pooled")):
        raise UsageError("--format challenge writes the columns of a --protocol that names some; see segeval protocols")
