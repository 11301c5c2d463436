"""Numbers as people read them; the outputs for machines print them in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from segeval.results.report import ALL, MEAN
from segeval.words.printable import printable
from segeval.words.shown_values import UNDEFINED as UNDEFINED
from segeval.words.shown_values import value_text as value_text

if TYPE_CHECKING:
    from segeval.results.comparison import ComparisonRow, RankRow
    from segeval.results.report import Column, Label, Report, Row

AnyRow = TypeVar("AnyRow", "Row", "ComparisonRow")
TITLES = {"surface": "Surface (mm)"}


def cell_text(row: Row, column: Column) -> str:
    """The value, and behind a mean of fewer values than labels how many there were: ``0.6474 (3/4)``."""
    text = value_text(row.values.get(column.key))
    if row.n is not None and row.of is not None and row.n.get(column.key, row.of) < row.of:
        text += f" ({row.n[column.key]}/{row.of})"
    return text


def label_text(label: Label, name: str | None) -> str:
    """The label and its name: ``1 liver``."""
    return f"{label} {name}" if name else str(label)


def row_title(row: Row | ComparisonRow | RankRow) -> str:
    """The label and its name, as a line that a terminal shows and does not obey."""
    return printable(label_text(row.label, row.name))


def ends_last(rows: Iterable[AnyRow]) -> tuple[list[AnyRow], list[str], int]:
    """The rows, those that sum up below the others, their titles, and how many sum up."""
    found = sorted(rows, key=lambda row: row.label in (MEAN, ALL))
    return found, list(map(row_title, found)), sum(row.label in (MEAN, ALL) for row in found)


def blocks(report: Report) -> list[tuple[str, Sequence[Column]]]:
    """The columns by group, with the groups' titles."""
    groups = dict.fromkeys(column.group for column in report.columns)
    return [
        (TITLES.get(g, g.replace("_", " ").capitalize()), [c for c in report.columns if c.group == g]) for g in groups
    ]
