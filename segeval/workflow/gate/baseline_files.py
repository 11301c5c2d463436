"""Baselines as files: small, sorted, one line per case and label, so that git shows what changed."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from segeval.errors import BaselineError, UnreadableFile
from segeval.printable import printable, shortened
from segeval.readers import read_bounded
from segeval.report import ALL, MEAN, SCHEMA, Report, Value
from segeval.whole_files import write_whole
from segeval.workflow.signatures import version_of

BASELINE_SCHEMA = "segeval-baseline/1"
_MOST_BYTES = 1 << 30
_SHOWN = 10
_KEYS = {"version", "signature", "quantities", "regions", "sha256", "rows"}

Label = int | str
Rows = Mapping[Label, Mapping[str, Value]]


class Scores(Struct, frozen=True):
    """What a report and a baseline both hold.

    rows: by case and label, the values by quantity; NaN is undefined. names: of labels, where they have one.
    regions: the labels behind each region, ``"*"`` for all. references: SHA-256 of a case's reference, where known.
    failed: cases that could not be evaluated.
    """

    signature: str
    quantities: frozenset[str]
    regions: Mapping[str, Any]
    rows: Mapping[str, Rows]
    names: Mapping[Label, str]
    references: Mapping[str, str] = field(default_factory=dict)
    failed: frozenset[str] = frozenset()

    @property
    def version(self) -> str:
        """The version that made the values; several where a report was merged from several."""
        return version_of(self.signature)


def scores_of(report: Report) -> Scores:
    """The scores of a report. Raises BaselineError where two cases share a name."""
    twice = [case for case, count in Counter(case.case for case in report.cases).items() if count > 1]
    if twice:
        raise BaselineError(
            f"the results hold {listed(twice)} more than once; a baseline knows cases by name: rename one"
        )
    return Scores(
        signature=report.signature,
        quantities=frozenset(column.key for column in report.columns),
        regions=report.settings.get("regions", {}),
        rows={case.case: {row.label: row.values for row in case.rows} for case in report.cases},
        names={row.label: row.name for case in report.cases for row in case.rows if row.name is not None},
        references={case.case: case.hashes[1] for case in report.cases if case.hashes is not None},
        failed=frozenset(case.case for case in report.cases if case.status == "error"),
    )


def write_baseline(report: Report, path: Path) -> None:
    """Write the values of every case as a baseline. Raises BaselineError, WriteError.

    A baseline is whole: a report with failed or missing cases, or without a case, is refused.
    """
    scores = scores_of(report)
    lacking = [f"{case.case} ({case.status})" for case in report.cases if case.status != "ok"]
    if lacking or not report.cases:
        what = f"{len(lacking)} of {len(report.cases)} cases: {listed(lacking)}" if lacking else "any case"
        raise BaselineError(
            f"{path}: not written: the results lack {what}; a baseline must be whole: repair the cases and score again"
        )
    rows = [
        {
            "case": case,
            "label": label,
            "name": scores.names.get(label),
            **{key: _defined(value) for key, value in sorted(values.items())},
        }
        for case, labels in sorted(scores.rows.items())
        for label, values in sorted(labels.items(), key=lambda entry: label_order(entry[0]))
    ]
    hashes = sorted((case.case, case.hashes) for case in report.cases if case.hashes is not None)
    head = {
        "schema": BASELINE_SCHEMA,
        "version": scores.version,
        "signature": scores.signature,
        "quantities": sorted(scores.quantities),
        "regions": dict(sorted(scores.regions.items())),
    }
    lines = [f"{_text(key)}: {_text(value)}" for key, value in head.items()]
    sides = [
        f"{_text(case)}: {_text(dict(zip(('prediction', 'reference'), both, strict=True)))}" for case, both in hashes
    ]
    lines.append('"sha256": ' + _block("{", sides, "}"))
    lines.append('"rows": ' + _block("[", [_text(row) for row in rows], "]"))
    write_whole(path, _block("{", lines, "}") + "\n")


def read_baseline(path: Path) -> Scores:
    """The scores that were written. Raises UnreadableFile, BaselineError."""
    try:
        document = json.loads(read_bounded(path, _MOST_BYTES), parse_constant=_refuse)
    except (ValueError, RecursionError) as problem:
        raise UnreadableFile(
            f"{path}: is no JSON ({_words(problem)}); restore it, or write it anew with --update-baseline"
        ) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != BASELINE_SCHEMA:
        hint = " (these are results)" if schema == SCHEMA else ""
        raise BaselineError(
            f"{path}: is of schema {_words(schema)}{hint}, not {BASELINE_SCHEMA}; write a baseline with "
            "--update-baseline"
        )
    try:
        return _scores(document)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise BaselineError(
            f"{path}: the baseline is damaged ({_words(problem)}); restore it, or write it anew with --update-baseline"
        ) from None


def listed(names: Iterable[object], shown: int = _SHOWN) -> str:
    """The first names, and how many more there are."""
    known = [printable(str(name)) for name in names]
    more = f" and {len(known) - shown} more" if len(known) > shown else ""
    return ", ".join(known[:shown]) + more


def label_order(label: Label) -> tuple[int, int, str]:
    """Labels ascending, regions by name, ``mean``, ``all``."""
    if isinstance(label, int):
        return 0, label, ""
    return {MEAN: 2, ALL: 3}.get(label, 1), 0, label


def _scores(document: Mapping[str, Any]) -> Scores:
    if lacking := sorted(_KEYS - document.keys()):
        raise ValueError(f"it lacks {', '.join(lacking)}")
    rows: dict[str, dict[Label, Mapping[str, Value]]] = {}
    names: dict[Label, str] = {}
    for place, entry in enumerate(document["rows"], 1):
        case, label = entry["case"], entry["label"]
        if not isinstance(case, str) or isinstance(label, bool) or not isinstance(label, (int, str)):
            raise ValueError(f"row {place} names no case and label")
        if label in rows.setdefault(case, {}):
            raise ValueError(f"label {label} of case {case} stands there twice")
        rows[case][label] = {k: _value(v, place, k) for k, v in entry.items() if k not in ("case", "label", "name")}
        if entry.get("name") is not None:
            names[label] = str(entry["name"])
    return Scores(
        signature=str(document["signature"]),
        quantities=frozenset(map(str, document["quantities"])),
        regions=dict(document["regions"]),
        rows=rows,
        names=names,
        references={case: str(sides["reference"]) for case, sides in document["sha256"].items()},
    )


def _value(value: Any, place: int, key: str) -> Value:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{key} in row {place} is {value!r}, no number")
    return value


def _words(what: object) -> str:
    return printable(shortened(what))


def _refuse(constant: str) -> Any:
    raise ValueError(f"it holds {constant}, which is no JSON")


def _defined(value: Value) -> Value | None:
    return None if math.isnan(value) else value


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _block(opening: str, lines: list[str], closing: str) -> str:
    """Brackets around one line per entry."""
    return opening + closing if not lines else opening + "\n" + ",\n".join(lines) + "\n" + closing
