"""Reports of many cases: the text is that of a few, and the memory is that of the values."""

from __future__ import annotations

import csv
import io
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from segeval.files.whole_files import write_whole
from segeval.outputs import OUTPUTS
from segeval.outputs.csv_output import render_csv
from segeval.quantities import select
from segeval.reports.report_files import read_report
from segeval.results.report import CaseResult, Report, Row
from segeval.results.rows import Rows, Table

KEYS = ("dice", "tp", "ce")
SELECTIONS = select(",".join(KEYS))
EDGES = [0.0, -0.0, 1e-4, 9.999999999999999e-05, 1e-5, 1e-6, 1e16, 9999999999999998.0, 1e22, 5e-324, 1.0, 100.00001]
NUMBERS = st.sampled_from(EDGES) | st.floats(allow_nan=False, allow_infinity=False) | st.just(math.nan)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["=1+1", 'a "b", c', "%s%%", "null", "\n"])


def in_order_of_columns(values: dict[str, float]) -> dict[str, float]:
    return {key: values[key] for key in KEYS if key in values}


@st.composite
def case_results(draw: st.DrawFn) -> CaseResult:
    row = st.builds(
        Row,
        label=st.integers(1, 9) | TEXTS,
        name=st.none() | TEXTS,
        values=st.dictionaries(st.sampled_from(KEYS), NUMBERS | st.integers(0, 1 << 53)).map(in_order_of_columns),
        n=st.none() | st.just({"dice": 2, "ce": 0}),
    )
    label = st.integers(0, 5) | st.just((1, 2))
    return CaseResult(
        case=draw(TEXTS),
        prediction=None,
        reference=draw(st.none() | TEXTS),
        rows=tuple(draw(st.lists(row, max_size=3))),
        confusion=tuple(draw(st.lists(st.tuples(label, label, st.integers(1, 999)), max_size=3))),
        remarks=tuple(draw(st.lists(TEXTS, max_size=2))),
        details=draw(
            st.sampled_from([{}, {"missed": [1, "a"]}, {"curves": {"thresholds": [0.5], "targets": [{"n": 1}]}}])
        ),
    )


def report_of(*cases: CaseResult, batch: bool = True) -> Report:
    settings = {"metrics": [selection.key for selection in SELECTIONS], "regions": {}}
    columns = tuple(selection.column for selection in SELECTIONS)
    return Report("segeval:0.1.0|kind:labels", settings, columns, cases, summary=() if batch else None)


def held(report: Report) -> Report:
    """The same report, its cases in one table."""
    table = Table(column.key for column in report.columns)
    return replace(report, cases=tuple(case.held_in(table) for case in report.cases))


@given(st.lists(case_results(), max_size=4), st.booleans())
def test_the_json_of_many_cases_is_that_of_each(cases: list[CaseResult], batch: bool) -> None:
    plain = report_of(*cases, batch=batch)
    assert held(plain).to_json() == plain.to_json()
    assert held(plain).document() == plain.document()


@given(st.lists(case_results(), max_size=4), st.booleans())
def test_the_csv_is_what_the_standard_library_writes(cases: list[CaseResult], batch: bool) -> None:
    report = report_of(*cases, batch=batch)
    assert render_csv(held(report)) == render_csv(report)
    rows = [row for case in cases for row in case.rows or ([None] if batch else [])]
    written = list(csv.reader(io.StringIO(render_csv(report), newline="")))[1:]
    assert len(written) == len(rows)
    for row, cells in zip(rows, written, strict=True):
        values = {} if row is None else row.values
        numbers = [values.get(key, math.nan) for key in KEYS]
        assert cells[3:6] == ["" if math.isnan(number) else repr(number) for number in numbers]


@pytest.fixture(scope="module")
def many() -> Report:
    """3,000 cases of 7 rows and 35 quantities."""
    keys = [selection.key for selection in select("overlap,losses")][:35]
    columns = tuple(selection.column for selection in select(",".join(keys)))
    numbers = np.random.default_rng(0)
    table = Table(keys)
    cases = []
    for place in range(3000):
        values = numbers.random((7, len(keys))).tolist()
        rows = [
            Row(label, None, dict(zip(keys, line, strict=True))) for label, line in zip("12345ma", values, strict=True)
        ]
        cases.append(CaseResult(f"case_{place}", "p.nii", "r.nii", rows, ((0, 1, 2),)).held_in(table))
    return Report("segeval:0.1.0|kind:labels", {"metrics": keys, "regions": {}}, columns, tuple(cases), summary=())


def test_a_value_of_a_large_report_takes_nine_bytes(many: Report, tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    tracemalloc.start()
    write_whole(path, OUTPUTS["json"].pieces(many))
    _, of_writing = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    read = read_report(path)
    _, of_reading = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert of_writing < 2 << 20
    values = 3000 * 7 * len(many.columns)
    assert of_reading < 10 * values + 3000 * 1500 + (
        6 << 20
    )  # a kilobyte for names and paths of a case, and pieces of text
    assert isinstance(read.cases[0].rows, Rows)
    assert read.cases == many.cases
    assert path.stat().st_size > 10 * of_writing
