"""The shards of a batch put together: their JSON outputs to one report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segeval.errors import UnreadableFile, UsageError
from segeval.quantities import select, summarise
from segeval.readers import read_bounded
from segeval.report import SCHEMA, CaseResult, Report

_MOST_BYTES = 4 << 30


def merge_reports(paths: Sequence[Path]) -> Report:
    """One report of all cases, summarised anew. Raises UnreadableFile, UsageError.

    The reports must have been made under the same settings, and share no case.
    """
    documents = [_document(path) for path in paths]
    first = documents[0]
    for path, document in zip(paths, documents, strict=True):
        if document["settings"] != first["settings"]:
            raise UsageError(
                f"{path}: was made under other settings ({document['signature']}) than {paths[0]} "
                f"({first['signature']}); merge the shards of one batch"
            )
    cases: dict[str, CaseResult] = {}
    for path, document in zip(paths, documents, strict=True):
        for entry in document["cases"]:
            if entry["case"] in cases:
                raise UsageError(f"{path}: case {entry['case']!r} is in another of the files too; name each shard once")
            cases[entry["case"]] = _case(path, entry)
    ordered = tuple(cases[case] for case in sorted(cases))
    columns = tuple(selection.column for selection in select(",".join(first["settings"]["metrics"])))
    signatures = list(dict.fromkeys(document["signature"] for document in documents if document["cases"]))
    return Report(
        signature=signatures[0] if len(signatures) == 1 else " + ".join(signatures) or first["signature"],
        settings=first["settings"],
        columns=columns,
        cases=ordered,
        remarks=tuple(dict.fromkeys(remark for document in documents for remark in document["remarks"])),
        summary=summarise(ordered, columns),
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_bounded(path, _MOST_BYTES))
    except (ValueError, RecursionError):
        raise UnreadableFile(f"{path}: is no JSON; give the .json outputs of segeval batch") from None
    wanted = {"schema", "signature", "settings", "cases", "remarks"}
    if not isinstance(document, dict) or not wanted <= document.keys() or document["schema"] != SCHEMA:
        raise UnreadableFile(f"{path}: is no report of the schema {SCHEMA}; give the .json outputs of segeval batch")
    return document


def _case(path: Path, entry: dict[str, Any]) -> CaseResult:
    try:
        return CaseResult.from_document(entry)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise UnreadableFile(f"{path}: a case is damaged ({problem!r}); score the shard again") from None
