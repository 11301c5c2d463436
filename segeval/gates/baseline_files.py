"""Baselines as files: small, sorted, one line per case and label, so that git shows what changed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, convert, field
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.errors import BaselineError, UnreadableFile
from segeval.files.whole_files import write_whole
from segeval.results.json_lists import NotJson, read_list
from segeval.results.report import MEAN, SCHEMA, Label, Report, Row
from segeval.results.rows import Table
from segeval.results.signatures import version_of
from segeval.results.slices import Results, label_order
from segeval.results.strict_json import json_line, strict_json
from segeval.words.lists import named
from segeval.words.printable import printable, shortened

BASELINE_SCHEMA = "segeval-baseline/1"
_MOST_BYTES = 1 << 30


class _Head(Struct, forbid_unknown_fields=True):
    """A baseline, its rows apart. sha256: by case, of both sides."""

    schema: str
    version: str
    signature: str
    quantities: frozenset[str]
    regions: dict[str, Any]
    sha256: dict[str, dict[str, str]]
    rows: list[Any]


class Means(Struct, frozen=True, eq=False):
    """Rows ``mean`` that were averaged anew: values of (cases, keys), and which of them there are."""

    keys: tuple[str, ...]
    values: Floats
    present: NDArray[np.bool_]

    @classmethod
    def nothing(cls, keys: tuple[str, ...], cases: int) -> Means:
        """No row at all."""
        return cls(keys, np.full((cases, len(keys)), np.nan), np.zeros((cases, len(keys)), bool))

    def put(self, case: int, key: int, value: float) -> None:
        """A value, which may be undefined."""
        self.values[case, key], self.present[case, key] = value, True


class Scores(Struct, frozen=True, eq=False):
    """What a report and a baseline both hold.

    cases: by name, the places in results. labels: of the rows that count. means: in place of those of the results.
    regions: the labels behind each region, ``"*"`` for all. references: SHA-256 of a case's reference, where known.
    failed: cases that could not be evaluated.
    """

    signature: str
    quantities: frozenset[str]
    regions: Mapping[str, Any]
    results: Results
    cases: Mapping[str, int]
    labels: tuple[Label, ...]
    references: Mapping[str, str] = field(default_factory=dict)
    failed: frozenset[str] = frozenset()
    means: Means | None = None

    @property
    def names(self) -> dict[Label, str]:
        """Of labels, where they have one."""
        return {label: names[-1] for label, names in self.results.names.items() if names}

    def places(self, cases: Iterable[str]) -> Integers:
        """Of these cases in the results."""
        return np.array([self.cases[case] for case in cases], np.int64)

    def values(self, label: Label, key: str, cases: Sequence[str]) -> Floats:
        """(cases,); NaN where the label or the quantity is absent or undefined."""
        if label == MEAN and self.means is not None:
            table = self.means.values[:, [self.means.keys.index(key)]] if key in self.means.keys else None
        else:
            table = self.results.values(label, [key])
        return np.full(len(cases), np.nan) if table is None else table[self.places(cases), 0]

    def presence(self, label: Label, key: str, cases: Sequence[str]) -> NDArray[np.bool_]:
        """(cases,): which of them have the quantity of this label, be it undefined."""
        if label == MEAN and self.means is not None:
            if key not in self.means.keys:
                return np.zeros(len(cases), bool)
            present: NDArray[np.bool_] = self.means.present[self.places(cases), self.means.keys.index(key)]
            return present
        return self.results.presence(label, key)[self.places(cases)]

    @property
    def has_rows(self) -> NDArray[np.bool_]:
        """(all cases,): which have any row."""
        found = np.zeros(self.results.size, bool)
        for line in self.results.lines:
            found[self.results.cells(line.label, ())[0]] = True
        return found

    def labels_of(self, cases: Iterable[str]) -> set[Label]:
        """The labels that any of these cases has a row of."""
        among = np.zeros(self.results.size, bool)
        among[self.places(cases)] = True
        return {line.label for line in self.results.lines if among[self.results.cells(line.label, ())[0]].any()}

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
    results = Results.of(report.cases, [column.key for column in report.columns])
    return Scores(
        signature=report.signature,
        quantities=frozenset(column.key for column in report.columns),
        regions=report.settings.get("regions", {}),
        results=results,
        cases={case.case: place for place, case in enumerate(report.cases)},
        labels=tuple(line.label for line in results.lines),
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
    write_whole(path, _pieces(report, scores))


def _pieces(report: Report, scores: Scores) -> Iterator[str]:
    """The text of the baseline, a row at a time."""
    head = {
        "schema": BASELINE_SCHEMA,
        "version": scores.version,
        "signature": scores.signature,
        "quantities": sorted(scores.quantities),
        "regions": dict(sorted(scores.regions.items())),
    }
    cases = sorted(report.cases, key=lambda case: case.case)
    sides = [
        f"{json_line(case.case)}: {json_line(dict(zip(('prediction', 'reference'), case.hashes, strict=True)))}"
        for case in cases
        if case.hashes is not None
    ]
    yield "{\n" + "".join(f"{json_line(key)}: {json_line(value)},\n" for key, value in head.items())
    yield '"sha256": ' + _block("{", sides, "}") + ',\n"rows": ['
    names, before = scores.names, "\n"
    for case in cases:
        for row in sorted(case.rows, key=lambda row: label_order(row.label)):
            label = {"case": case.case, "label": row.label, "name": names.get(row.label)}
            yield before + json_line({**label, **dict(sorted(row.values.items()))})
            before = ",\n"
    yield "]\n}\n" if before == "\n" else "\n]\n}\n"


def read_baseline(path: Path) -> Scores:
    """The scores that were written. Raises UnreadableFile, BaselineError."""
    rows = _BaselineRows(path)
    try:
        document = read_list(path, "rows", ("schema", "quantities"), _MOST_BYTES, rows.begin, strict_json)
        return rows.scores(document)
    except NotJson as problem:
        raise UnreadableFile(
            f"{path}: is no JSON ({_words(problem)}); restore it, or write it anew with --update-baseline"
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise BaselineError(
            f"{path}: the baseline is damaged ({_words(problem)}); restore it, or write it anew with --update-baseline"
        ) from None


class _BaselineRows:
    """The rows of a baseline file, taken one after the other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cases: dict[str, int] = {}
        self._case_of: list[int] = []
        self._table = Table(())

    def begin(self, document: Any) -> Callable[[Any], None]:
        """What takes the rows. Raises BaselineError for another document, ValueError."""
        schema = document.get("schema") if isinstance(document, dict) else None
        if schema != BASELINE_SCHEMA:
            hint = " (these are results)" if schema == SCHEMA else ""
            raise BaselineError(
                f"{self._path}: is of schema {_words(schema)}{hint}, not {BASELINE_SCHEMA}; write a baseline with "
                "--update-baseline"
            )
        self._table = Table(dict.fromkeys(map(str, document["quantities"])))
        return self._take

    def scores(self, document: Mapping[str, Any]) -> Scores:
        """Everything. document: all members but the rows."""
        head = convert(document, _Head)
        if rowless := sorted(head.sha256.keys() - self._cases.keys()):
            raise ValueError(f"sha256 names {listed(rowless)}, of which there are no rows")
        names: dict[Label, str] = {}
        for line in self._table.lines:
            if line.name is not None and names.setdefault(line.label, line.name) != line.name:
                raise ValueError(f"label {line.label} has two names, {names[line.label]} and {line.name}")
        case_of = np.array(self._case_of, np.int64)
        order = np.argsort(case_of, kind="stable")
        self._require_once(case_of)
        results = Results(self._table, len(self._cases), case_of[order], order)
        return Scores(
            signature=head.signature,
            quantities=head.quantities,
            regions=head.regions,
            results=results,
            cases=self._cases,
            labels=tuple(line.label for line in results.lines),
            references={case: sides["reference"] for case, sides in head.sha256.items()},
        )

    def _take(self, entry: Any) -> None:
        place = len(self._case_of) + 1
        values = {**entry}
        case, label, name = values.pop("case"), values.pop("label"), values.pop("name", None)
        if not isinstance(case, str) or isinstance(label, bool) or not isinstance(label, (int, str)):
            raise ValueError(f"row {place} names no case and label")
        if None in values.values():
            values = {key: math.nan if value is None else value for key, value in values.items()}
        _require_numbers(values, place)
        row = Row(label, None if name is None else str(name), values)
        if not values.keys() <= set(self._table.keys):  # somebody added to it
            self._table = self._table.widened(values)
        self._table.add([row])
        self._case_of.append(self._cases.setdefault(case, len(self._cases)))

    def _require_once(self, case_of: Integers) -> None:
        """Raises ValueError where a case has two rows of a label, by whatever name."""
        place_of: dict[Label, int] = {}
        for line in self._table.lines:
            place_of.setdefault(line.label, len(place_of))
        places = np.array([place_of[line.label] for line in self._table.lines], np.int64)
        rows = case_of * max(len(place_of), 1) + places[self._table.line_of]
        found, counts = np.unique(rows, return_counts=True)
        if (counts > 1).any():
            case, label = divmod(int(found[counts > 1][0]), len(place_of))
            raise ValueError(f"label {list(place_of)[label]} of case {list(self._cases)[case]} stands there twice")


def listed(names: Iterable[object]) -> str:
    """The first names, and how many more there are."""
    return named(printable(str(name)) for name in names)


def _require_numbers(values: Mapping[str, Any], place: int) -> None:
    """Raises ValueError for what is no number, or too large for one."""
    if {int, float}.issuperset(map(type, values.values())) and not {math.inf, -math.inf}.intersection(values.values()):
        return
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isinf(value):
            raise ValueError(f"{key} in row {place} is {value!r}, no number")


def _words(what: object) -> str:
    return printable(shortened(what))


def _block(opening: str, lines: list[str], closing: str) -> str:
    """Brackets around one line per entry."""
    return opening + closing if not lines else opening + "\n" + ",\n".join(lines) + "\n" + closing
