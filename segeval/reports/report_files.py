"""Reports read back from their JSON outputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict

import msgspec
from msgspec import Struct

from segeval.errors import UnreadableFile, UsageError
from segeval.quantities import select
from segeval.results.columns import Column, columns_of
from segeval.results.json_lists import NotJson, read_list
from segeval.results.report import SCHEMA, CaseResult, Report, Row, row_of
from segeval.results.rows import Table
from segeval.settings.documents import KeptProtocol
from segeval.words.printable import shortened

_MOST_BYTES = 4 << 30
_KEYS = {"schema", "signature", "settings", "cases", "remarks"}


class _Settings(TypedDict, total=False):
    """Those that outputs take as they stand."""

    labels: list[int] | Literal["auto"]
    regions: dict[str, list[int] | Literal["*"]]
    metrics: list[str]
    backend: str
    protocol: KeptProtocol | None


class _Around(Struct):
    """What is read of a report besides cases and columns. summary: made anew of the cases where it is wanted."""

    signature: str
    settings: _Settings
    remarks: tuple[str, ...]
    summary: list[Any] | None = None
    pooled: list[dict[str, Any]] | None = None


def read_report(path: str | os.PathLike[str], *, values_only: bool = False) -> Report:
    """The report that wrote this JSON file, without the statistics of its summary. Raises UnreadableFile.

    values_only: without the confusions, paths, remarks and details of its cases, which many cases have much of.
    The values of all cases are held in one table, eight bytes each; the text is never held whole.
    """
    path = Path(path)
    cases: list[CaseResult] = []
    columns: list[Column] = []

    def begin(document: Any) -> Callable[[Any], None]:
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise _no_report(path)
        columns.extend(_columns(document))
        table = Table(column.key for column in columns)

        def take(entry: Any) -> None:
            try:
                case = CaseResult.from_document(entry)
            except msgspec.ValidationError as problem:
                raise ValueError(f"case {len(cases) + 1}: {problem}") from None
            cases.append((_bare(case) if values_only else case).held_in(table))

        return take

    try:
        document = read_list(path, "cases", ("schema", "settings"), _MOST_BYTES, begin)
        if not document.keys() >= _KEYS:
            raise _no_report(path)
        found = msgspec.convert(document, _Around)
        return Report(
            signature=found.signature,
            settings=document["settings"],
            columns=tuple(columns),
            cases=tuple(cases),
            remarks=found.remarks,
            summary=None if found.summary is None else (),
            pooled=None if found.pooled is None else tuple(map(row_of, found.pooled)),
        )
    except NotJson:
        raise UnreadableFile(f"{path}: is no JSON; give the .json output of segeval score or batch") from None
    except UsageError as problem:
        raise UnreadableFile(
            f"{path}: was written by another version of segeval ({shortened(problem)}); score again"
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as problem:
        raise UnreadableFile(f"{path}: the report is damaged ({shortened(repr(problem))}); score again") from None


def _columns(document: Mapping[str, Any]) -> Iterable[Column]:
    """As the report states them, whichever quantities there are today; 0.1.0 stated their names alone."""
    if "columns" in document:
        return columns_of(document["columns"])
    return (selection.column for selection in select(",".join(document["settings"]["metrics"])))


def _bare(case: CaseResult) -> CaseResult:
    rows = tuple(Row(row.label, row.name, row.values) for row in case.rows)
    return CaseResult(case.case, None, None, rows, hashes=case.hashes, status=case.status, reason=case.reason)


def _no_report(path: Path) -> UnreadableFile:
    return UnreadableFile(f"{path}: is no report of schema {SCHEMA}; give the .json output of segeval score or batch")
