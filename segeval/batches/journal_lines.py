"""A finished case as a line of the journal: what it found out in words, its rows as the bytes that they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from segeval.batches.jobs import Finished
from segeval.batches.line_journal import Line, decoded, encoded
from segeval.choices import Kind
from segeval.results.documents import CaseFacts
from segeval.results.json_text import StoredConfusion, StoredDetails
from segeval.results.report import CaseResult
from segeval.results.rows import Packed, Rows, Table
from segeval.tallies.documents import tally_document, tally_of


class _Case(Line):
    """confusion, details: JSON as a text, decoded when somebody asks."""

    case: CaseFacts
    rows: Packed | None
    confusion: str | None
    details: str | None
    kind: Kind | None
    libraries: dict[str, str]
    tally: dict[str, Any] | None


def line_of(key: str, finished: Finished, columns: Sequence[str]) -> bytes:
    """The line, its end included. columns: the keys of all the rows' quantities."""
    held = finished.result.held_in(Table(columns))
    line = _Case(
        key,
        case=held.facts(),  # type: ignore[arg-type]  # a dict of these
        rows=held.rows.packed() if isinstance(held.rows, Rows) else None,
        confusion=held.confusion.text if isinstance(held.confusion, StoredConfusion) else None,
        details=held.details.text if isinstance(held.details, StoredDetails) else None,
        kind=held.kind,
        libraries=dict(finished.libraries),
        tally=None if finished.tally is None else tally_document(finished.tally),
    )
    return encoded(line)


def finished_of(text: bytes, table: Table) -> Finished | None:
    """What the line was written of, its rows in this table; None where it is of another making."""
    line = decoded(text, _Case)
    if line is None:
        return None
    case = CaseResult.from_document({**line.case, "rows": (), "confusion": ()}, line.kind)
    confusion = () if line.confusion is None else StoredConfusion(line.confusion)
    details = {} if line.details is None else StoredDetails(line.details)
    try:
        _ = len(confusion), len(details)  # refused while the case can be scored again
        rows = () if line.rows is None else table.add_packed(line.rows)
        result = replace(case, rows=rows, confusion=confusion, details=details)
        return Finished(result, None if line.tally is None else tally_of(line.tally), libraries=line.libraries)
    except (ValueError, OverflowError):
        return None
