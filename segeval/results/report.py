"""The results as frozen records: a Report of cases, a case of rows, a row of values by quantity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, convert, field
from msgspec.structs import replace

from segeval.choices import Kind
from segeval.results.columns import Column
from segeval.results.json_text import ConfusionEntry, StoredConfusion, StoredDetails, compact, pieces
from segeval.results.rows import ALL, MEAN, Label, Row, Rows, Table, Value
from segeval.results.strict_json import plain

if TYPE_CHECKING:
    import pandas

    from segeval.results.challenge_table import ChallengeTable

__all__ = [
    "ALL",
    "DETAILS",
    "ERROR_PROFILE",
    "MEAN",
    "MISSED",
    "SCHEMA",
    "CaseResult",
    "Column",
    "ConfusionEntry",
    "Label",
    "Report",
    "Row",
    "Statistic",
    "Status",
    "Value",
]

SCHEMA = "segeval/1"
MISSED = "missed"
ERROR_PROFILE = "error_profile"
DETAILS = ("mask", "weights", "curves", MISSED, ERROR_PROFILE, "candidates", "instances", "lesions")
"""The files of the voxels that count, and how much; threshold curves of probability maps; labels whose distances stand
for a miss; errors by slice; lesion candidates; instances by what became of them."""

Status = Literal["ok", "error", "missing"]


class CaseResult(Struct, frozen=True):
    """One pair of volumes: evaluated, or why not.

    confusion: (reference, prediction, voxels), ascending; a voxel of overlapping masks shows the tuple of its labels.
    hashes: SHA-256 of prediction and reference, where asked for.
    status: ``ok``; ``error`` for a case that could not be evaluated, whose rows are empty; ``missing`` for a reference
        without a prediction, whose rows are empty or those of an empty prediction.
    reason: why the status is not ``ok``.
    kind: what the prediction turned out to hold.
    details: what does not fit into rows, for the JSON: plain lists and dicts by the names of ``DETAILS``.

    Of many cases, rows, confusion and details are views of columns and of JSON, made when they are asked for.
    """

    case: str
    prediction: str | None
    reference: str | None
    rows: Sequence[Row] = ()
    confusion: Sequence[ConfusionEntry] = ()
    remarks: tuple[str, ...] = ()
    hashes: tuple[str, str] | None = None
    status: Status = "ok"
    reason: str | None = None
    kind: Kind | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The case as the JSON output holds it."""
        return self.members() | {
            "rows": [_row_document(row) for row in self.rows],
            "confusion": [list(entry) for entry in self.confusion],
        }

    def facts(self) -> dict[str, Any]:
        """Its members beside its numbers."""
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
        }

    def members(self) -> dict[str, Any]:
        """As `document`, with rows and confusion as `laid_out` takes them: views as they are."""
        return {
            **self.facts(),
            "rows": self.rows if isinstance(self.rows, Rows) else [_row_document(row) for row in self.rows],
            "confusion": self.confusion if isinstance(self.confusion, StoredConfusion) else list(self.confusion),
            **(self.details.decoded() if isinstance(self.details, StoredDetails) else self.details),
        }

    def held_in(self, table: Table) -> CaseResult:
        """The same case, its rows in a table of many; as it is where it has quantities that the table has not."""
        try:
            rows = table.add(self.rows) if self.rows else ()
        except KeyError:
            return self
        confusion, details = self.confusion, self.details
        if not isinstance(confusion, StoredConfusion) and confusion:
            confusion = StoredConfusion(compact(confusion))
        if not isinstance(details, StoredDetails) and details:
            details = StoredDetails(compact(details))
        return replace(self, rows=rows, confusion=confusion, details=details)

    @classmethod
    def from_document(cls, document: Mapping[str, Any], kind: Kind | None = None) -> CaseResult:
        """The case that wrote this document; floats come back bit for bit. Raises ValueError, KeyError, TypeError."""
        of, rows = convert(document, _Facts), tuple(map(row_of, document["rows"]))
        files = of.prediction, of.reference
        hashes = None if of.sha256 is None else (of.sha256.prediction, of.sha256.reference)
        details = {name: document[name] for name in DETAILS if name in document}
        return cls(of.case, *files, rows, of.confusion, of.remarks, hashes, of.status, of.reason, kind, details)


class _Sides(Struct):
    prediction: str
    reference: str


class _Facts(Struct):
    """What is read of a case's document, its rows and details apart."""

    case: str
    prediction: str | None
    reference: str | None
    status: Status
    remarks: tuple[str, ...]
    confusion: tuple[ConfusionEntry, ...]
    sha256: _Sides | None = None
    reason: str | None = None


class Statistic(Struct, frozen=True):
    """One quantity of one label (or region, or ``mean``) over a batch; undefined statistics are NaN, in JSON null.

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

    def __repr__(self) -> str:
        from segeval.results.glimpse import line

        return line(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from segeval.results.glimpse import html_table

        return html_table(self)

    def document(self) -> dict[str, Any]:
        """The report as plain dicts and lists, undefined values as None: the schema ``segeval/1``."""
        return self._around([case.document() for case in self.cases])

    def json_pieces(self) -> Iterator[str]:
        """The text of ``to_json``, piece by piece: a report of many cases is never held as a whole text."""
        return pieces(self._around([]), "cases", (case.members() for case in self.cases))

    def _around(self, cases: list[Any]) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "signature": self.signature,
            "settings": dict(self.settings),
            "columns": [column.document() for column in self.columns],
            "cases": cases,
            **self._summed_up(),
            "remarks": list(self.remarks),
        }

    def _summed_up(self) -> dict[str, Any]:
        summary = {} if self.summary is None else {"summary": plain(self.summary)}
        pooled = {} if self.pooled is None else {"pooled": [_row_document(row) for row in self.pooled]}
        return {**summary, **pooled}

    def with_remarks(self, remarks: tuple[str, ...]) -> Report:
        """The same report with these remarks."""
        return replace(self, remarks=remarks)

    def to_json(self) -> str:
        """The report as strict JSON text (no bare NaN), full float precision."""
        return "".join(self.json_pieces())

    def flat(self, prefix: str = "") -> dict[str, float]:
        """``{"val/liver/dice": 0.93, …}`` for loggers: of one case its values, of a batch the means over the cases.

        prefix: put in front, behind a slash. What is undefined is left out.
        """
        from segeval.results.glimpse import flat

        return {f"{prefix}/{key}" if prefix else key: value for key, value in flat(self).items()}

    def worst(self, n: int = 5) -> list[CaseResult]:
        """The cases whose mean of the main quantity (Dice, where it is there) is worst, worst first."""
        from segeval.results.ranking import worst_cases

        by_name = {case.case: case for case in self.cases}
        return [by_name[name] for _, name, _ in worst_cases(self.cases, self.columns, n)]

    def challenge(self) -> ChallengeTable | None:
        """The challenge's own numbers of a report under a protocol: ``columns``, ``cases`` (a name and a value for each
        column) and ``ends`` (a statistic's name and values); None where the protocol names no columns."""
        from segeval.results.challenge_table import challenge_table

        return challenge_table(self)

    def to_html(self) -> str:
        """The page of ``-o report.html``, without pictures; needs the extra ``report``. Raises UsageError."""
        from segeval.outputs.html import report_page

        return "".join(report_page(self))

    def to_frame(self) -> pandas.DataFrame:
        """The rows as a tidy pandas DataFrame: case, label, name, then a column per quantity; NaN for undefined
        and for absent values alike, as in the CSV."""
        import pandas

        from segeval.results.frames import tidy_columns

        case_of, columns = tidy_columns(self.cases, [column.key for column in self.columns])
        return pandas.DataFrame({"case": [self.cases[place].case for place in case_of], **columns})


def _row_document(row: Row) -> dict[str, Any]:
    counts = {} if row.n is None else {"n": row.n}
    found: dict[str, Any] = plain({"label": row.label, "name": row.name, **row.values, **counts})
    return found


def row_of(document: Mapping[str, Any]) -> Row:
    """The row that a report's JSON holds so. Raises KeyError, TypeError."""
    values = {**document}
    label, name, n = values.pop("label"), values.pop("name"), values.pop("n", None)
    if isinstance(label, bool) or not isinstance(label, (int, str)):
        raise TypeError(f"{label!r} is no label")
    if name is not None and not isinstance(name, str):
        raise TypeError(f"{name!r} is no name")
    if None in values.values():
        values = {key: math.nan if value is None else value for key, value in values.items()}
    return Row(label, name, values, n)
