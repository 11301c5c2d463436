"""A finished case as a line of the journal: what it found out in words, its rows as the bytes that they are."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec.structs import replace

from segeval.batches.jobs import Finished
from segeval.batches.line_journal import decoded
from segeval.results.json_text import StoredConfusion, StoredDetails
from segeval.results.report import CaseResult
from segeval.results.rows import Rows, Table
from segeval.tallies.documents import tally_document, tally_of


def line_of(key: str, finished: Finished, columns: Sequence[str]) -> bytes:
    """The line, its end included. columns: the keys of all the rows' quantities."""
    held = finished.result.held_in(Table(columns))
    facts = held.members()
    for part in ("rows", "confusion", *held.details):
        del facts[part]
    entry = {
        "key": key,
        "case": facts,
        "rows": held.rows.packed() if isinstance(held.rows, Rows) else None,
        "confusion": held.confusion.text if isinstance(held.confusion, StoredConfusion) else None,
        "details": held.details.text if isinstance(held.details, StoredDetails) else None,
        "kind": held.kind,
        "libraries": dict(finished.libraries),
        "tally": None if finished.tally is None else tally_document(finished.tally),
    }
    return json.dumps(entry, allow_nan=False).encode() + b"\n"


def finished_of(line: bytes, table: Table) -> Finished | None:
    """What the line was written of, its rows in this table; None where it is of another making."""
    try:
        entry = decoded(line)
        case = CaseResult.from_document({**entry["case"], "rows": (), "confusion": ()}, entry["kind"])
        result = replace(
            case,
            rows=() if entry["rows"] is None else table.add_packed(entry["rows"]),
            confusion=() if entry["confusion"] is None else StoredConfusion(entry["confusion"]),
            details={} if entry["details"] is None else StoredDetails(entry["details"]),
        )
        tally = None if entry["tally"] is None else tally_of(entry["tally"])
        return Finished(result, tally, libraries=entry["libraries"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
