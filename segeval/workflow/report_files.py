"""Reports read back from their JSON outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from segeval.errors import UnreadableFile, UsageError
from segeval.printable import shortened
from segeval.quantities import select
from segeval.readers import read_bounded
from segeval.report import SCHEMA, CaseResult, Report

_MOST_BYTES = 4 << 30
_KEYS = {"schema", "signature", "settings", "cases", "remarks"}


def read_report(path: Path) -> Report:
    """The report that wrote this JSON file, without the statistics of its summary. Raises UnreadableFile."""
    document = _document(path)
    try:
        cases = tuple(CaseResult.from_document(entry) for entry in document["cases"])
        columns = tuple(selection.column for selection in select(",".join(document["settings"]["metrics"])))
        return Report(
            signature=document["signature"],
            settings=document["settings"],
            columns=columns,
            cases=cases,
            remarks=tuple(document["remarks"]),
            summary=() if "summary" in document else None,
        )
    except UsageError as problem:
        raise UnreadableFile(
            f"{path}: was written by another version of segeval ({shortened(problem)}); score again"
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as problem:
        raise UnreadableFile(f"{path}: the report is damaged ({shortened(repr(problem))}); score again") from None


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_bounded(path, _MOST_BYTES))
    except (ValueError, RecursionError):
        raise UnreadableFile(f"{path}: is no JSON; give the .json output of segeval score or batch") from None
    if not isinstance(document, dict) or not document.keys() >= _KEYS or document["schema"] != SCHEMA:
        raise UnreadableFile(
            f"{path}: is no report of schema {SCHEMA}; give the .json output of segeval score or batch"
        )
    return document
