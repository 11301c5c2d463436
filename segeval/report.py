"""The results as frozen records: a Report of cases, a case of rows, a row of values by quantity."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct, field
from msgspec.structs import asdict, replace

from segeval.choices import Kind

if TYPE_CHECKING:
    import pandas

SCHEMA = "segeval/1"
MEAN = "mean"
ALL = "all"

Value = int | float
"""A number; NaN means undefined."""

MISSED = "missed"
DETAILS = ("curves", MISSED, "instances", "lesions")
"""Threshold curves of probability maps; labels whose distances stand for a miss; instances by what became of them."""

Status = Literal["ok", "error", "missing"]
ConfusionEntry = tuple[int | tuple[int, ...], int | tuple[int, ...], int]


class Column(Struct, frozen=True):
    """A quantity as the outputs need to know it.

    key: its canonical text, ``focal:gamma=3``: CSV column and JSON key.
    group: ``overlap`` or ``losses``: which block of a table it stands in.
    best, worst: the ends of its scale where it has a direction; worst may be infinite.
    """

    key: str
    group: str
    best: float | None = None
    worst: float | None = None


class Row(Struct, frozen=True):
    """One row: a label, a region, ``mean`` or ``all``.

    values: by column key; a quantity that this kind of row does not have is absent, an undefined one is NaN.
    n: how many values stand behind each mean (the ``mean`` row only).
    of: how many labels those could have been.
    """

    label: int | str
    name: str | None
    values: Mapping[str, Value]
    n: Mapping[str, int] | None = None
    of: int | None = None


class CaseResult(Struct, frozen=True):
    """One pair of volumes: evaluated, or why not.

    confusion: (reference, prediction, voxels), ascending; a voxel of overlapping masks shows the tuple of its labels.
    hashes: SHA-256 of prediction and reference, where asked for.
    status: ``ok``; ``error`` for a case that could not be evaluated, whose rows are empty; ``missing`` for a reference
        without a prediction, whose rows are empty or those of an empty prediction.
    reason: why the status is not ``ok``.
    kind: what the prediction turned out to hold.
    details: what does not fit into rows, for the JSON: plain lists and dicts by the names of ``DETAILS``.
    """

    case: str
    prediction: str | None
    reference: str | None
    rows: tuple[Row, ...] = ()
    confusion: tuple[ConfusionEntry, ...] = ()
    remarks: tuple[str, ...] = ()
    hashes: tuple[str, str] | None = None
    status: Status = "ok"
    reason: str | None = None
    kind: Kind | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The case as the JSON output holds it."""
        sides = ("prediction", "reference")
        hashes = {} if self.hashes is None else {"sha256": dict(zip(sides, self.hashes, strict=True))}
        reason = {} if self.reason is None else {"reason": self.reason}
        return {
            "case": self.case,
            "prediction": self.prediction,
            "reference": self.reference,
            **hashes,
            "status": self.status,
            **reason,
            "remarks": list(self.remarks),
            "rows": [_row_document(row) for row in self.rows],
            "confusion": [list(entry) for entry in self.confusion],
            **self.details,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any], kind: Kind | None = None) -> CaseResult:
        """The case that wrote this document; floats come back bit for bit."""
        hashes = document.get("sha256")
        return cls(
            case=document["case"],
            prediction=document["prediction"],
            reference=document["reference"],
            rows=tuple(_row_of(row) for row in document["rows"]),
            confusion=tuple(_entry_of(entry) for entry in document["confusion"]),
            remarks=tuple(document["remarks"]),
            hashes=None if hashes is None else (hashes["prediction"], hashes["reference"]),
            status=document["status"],
            reason=document.get("reason"),
            kind=kind,
            details={name: document[name] for name in DETAILS if name in document},
        )


class Statistic(Struct, frozen=True):
    """One quantity of one label (or region, or ``mean``) over the cases of a batch; undefined statistics are NaN.

    sd: with n − 1. q1, median, q3: linear interpolation. ci95: a bootstrap interval of the mean.
    n: cases with a value. undefined: evaluated cases without one. failed: cases that could not be evaluated.
    missing: references without a prediction (with rows of an empty prediction they are among n or undefined too).
    """

    label: int | str
    name: str | None
    quantity: str
    mean: float
    sd: float
    median: float
    q1: float
    q3: float
    min: float
    max: float
    ci95: tuple[float, float]
    n: int
    undefined: int
    failed: int
    missing: int

    def document(self) -> dict[str, Any]:
        """The statistic as the JSON output holds it."""
        numbers = {k: _defined(v) if isinstance(v, float) else v for k, v in asdict(self).items()}
        return {**numbers, "ci95": [_defined(v) for v in self.ci95]}


class Report(Struct, frozen=True):
    """Everything that a run found out, ready for any output.

    signature: one line that states the version and every setting that can change a number.
    settings: the settings in full.
    remarks: what the user should know that belongs to no single case.
    summary: over the cases; None for a single pair.
    pooled: the rows of all cases' tallies added, where asked for.
    libraries: version by name, of those that the workers had loaded; in no output.
    """

    signature: str
    settings: Mapping[str, Any]
    columns: tuple[Column, ...]
    cases: tuple[CaseResult, ...]
    remarks: tuple[str, ...] = ()
    summary: tuple[Statistic, ...] | None = None
    pooled: tuple[Row, ...] | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The report as plain dicts and lists, undefined values as None: the schema ``segeval/1``."""
        summary = {} if self.summary is None else {"summary": [entry.document() for entry in self.summary]}
        pooled = {} if self.pooled is None else {"pooled": [_row_document(row) for row in self.pooled]}
        return {
            "schema": SCHEMA,
            "signature": self.signature,
            "settings": dict(self.settings),
            "cases": [case.document() for case in self.cases],
            **summary,
            **pooled,
            "remarks": list(self.remarks),
        }

    def with_remarks(self, remarks: tuple[str, ...]) -> Report:
        """The same report with these remarks."""
        return replace(self, remarks=remarks)

    def to_json(self) -> str:
        """The report as strict JSON text (no bare NaN), full float precision."""
        return _laid_out(self.document())

    def to_frame(self) -> pandas.DataFrame:
        """The rows as a tidy pandas DataFrame: case, label, name, then a column per quantity; NaN for undefined
        and for absent values alike, as in the CSV."""
        import pandas

        keys = [column.key for column in self.columns]
        records = [
            [case.case, row.label, row.name, *(row.values.get(key) for key in keys)]
            for case in self.cases
            for row in case.rows
        ]
        frame = pandas.DataFrame(records, columns=["case", "label", "name", *keys])
        return frame.astype(dict.fromkeys(keys, "float64"))


def _row_document(row: Row) -> dict[str, Any]:
    counts = {} if row.n is None else {"n": dict(row.n)}
    values = {key: _defined(value) for key, value in row.values.items()}
    return {"label": row.label, "name": row.name, **values, **counts}


def _row_of(document: Mapping[str, Any]) -> Row:
    values = {k: math.nan if v is None else v for k, v in document.items() if k not in ("label", "name", "n")}
    return Row(document["label"], document["name"], values, document.get("n"))


def _entry_of(entry: list[Any]) -> ConfusionEntry:
    reference, prediction = (tuple(value) if isinstance(value, list) else value for value in entry[:2])
    return reference, prediction, entry[2]


def _defined(value: Value) -> Value | None:
    return None if math.isnan(value) else value


_ENCODER = msgspec.json.Encoder(enc_hook=float)  # of NumPy's numbers
_NESTING = {dict, list, tuple}


def _encoded(value: Any) -> str:
    try:
        return msgspec.json.format(_ENCODER.encode(value), indent=0).decode()
    except UnicodeEncodeError:  # a file's name that is no text
        return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _laid_out(value: Any, depth: int = 0) -> str:
    """JSON with one row, statistic or entry of the confusion per line: people and line-based diffs can read it."""
    if not (nested := _nested(value)):
        return _encoded(value)
    inner, outer = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict):
        parts = [f"{_encoded(str(k))}: {_laid_out(v, depth + 1)}" for k, v in value.items()]
        return "{" + inner + ("," + inner).join(parts) + outer + "}"
    parts = [_laid_out(v, depth + 1) if any(map(_nested, _nested(v))) else _encoded(v) for v in nested]
    return "[" + inner + ("," + inner).join(parts) + outer + "]"


def _nested(value: Any) -> list[Any]:
    """What a dict or list holds, where some of it is a dict or list itself; else nothing."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [] if _NESTING.isdisjoint(map(type, children)) else list(children)
