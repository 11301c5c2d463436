"""Numbers as people read them; the outputs for machines print them in full."""

from __future__ import annotations

import math
from collections.abc import Sequence

from segeval.printable import printable
from segeval.report import Column, Report, Row, Value

UNDEFINED = "–"
TITLES = {"surface": "Surface (mm)"}


def value_text(value: Value | None) -> str:
    """Four decimals, one from 100 on, two digits and an exponent for the very small and large; counts in full."""
    if value is None:
        return ""
    if math.isnan(value):
        return UNDEFINED
    if isinstance(value, int):
        return str(value)
    size = abs(value)
    if size != 0 and (size < 1e-3 or size >= 1e7):
        return f"{value:.1e}"
    return f"{value:.1f}" if size >= 100 else f"{value:.4f}"


def cell_text(row: Row, column: Column) -> str:
    """The value, and behind a mean of fewer values than labels how many there were: ``0.6474 (3/4)``."""
    text = value_text(row.values.get(column.key))
    if row.n is not None and row.of is not None and row.n.get(column.key, row.of) < row.of:
        text += f" ({row.n[column.key]}/{row.of})"
    return text


def row_title(row: Row) -> str:
    """The label and its name."""
    return printable(f"{row.label} {row.name}" if row.name else str(row.label))


def blocks(report: Report) -> list[tuple[str, Sequence[Column]]]:
    """The columns by group, with the groups' titles."""
    groups = dict.fromkeys(column.group for column in report.columns)
    return [(TITLES.get(g, g.capitalize()), [c for c in report.columns if c.group == g]) for g in groups]
