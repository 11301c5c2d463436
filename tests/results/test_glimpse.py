"""What an interpreter and a notebook show of a report: a line, and a small table."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval import Report, evaluate_arrays
from segeval.quantities.summary import summarise
from segeval.reports.report_files import read_report
from segeval.results.report import CaseResult, Column, Row

SIGNATURE = "segeval:0.1.0|kind:labels|labels:auto"
DICE, HD = Column("dice", "overlap", 1.0, 0.0), Column("hd", "surface", 0.0, math.inf)
HOSTILE = '<script>alert("1&2")</script>\n\x1b[31m\udcff'


def case(name: str, dice: float, labels: Sequence[tuple[int, str | None]] = ((1, "liver"), (2, None))) -> CaseResult:
    """The same Dice for every label, ``mean`` and ``all``; hd for the labels and ``mean``."""
    rows = [Row(label, name, {"dice": dice, "hd": 2.0}) for label, name in labels]
    mean = Row("mean", None, {"dice": dice, "hd": 2.0}, {"dice": len(rows), "hd": 1}, len(rows))
    return CaseResult(name, "p", "r", (*rows, mean, Row("all", None, {"dice": dice})))


def report(*cases: CaseResult, columns: Sequence[Column] = (DICE, HD), batch: bool = True, **more: Any) -> Report:
    summary = summarise(cases, tuple(columns)) if batch else None
    return Report(**{"signature": SIGNATURE, "settings": {}, "columns": tuple(columns), "cases": cases,
                     "summary": summary, **more})  # fmt: skip


class Table(HTMLParser):
    """The texts of a document: its cells by line, and all that stands elsewhere; and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.lines: list[list[str]] = []
        self.notes: list[str] = []
        self.tags: set[str] = set()
        self._cell = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs
        self.tags.add(tag)
        if tag == "tr":
            self.lines.append([])
        if tag in ("th", "td"):
            self.lines[-1].append("")
        self._cell = tag in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.lines[-1][-1] += data
        elif data.strip():
            self.notes.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("th", "td")


def table(found: Report) -> Table:
    return Table(found._repr_html_())


def test_the_line_states_cases_labels_and_signature() -> None:
    failed = CaseResult("c", "p", "r", status="error", reason="cut")
    missing = CaseResult("d", None, "r", status="missing")
    found = repr(report(case("a", 0.5), case("b", 1.0), failed, missing))
    assert found == f"<Report of 4 cases (1 failed, 1 missing), 2 labels (1 liver, 2): {SIGNATURE}>"


def test_the_line_of_one_pair_names_its_case() -> None:
    array = np.arange(24).reshape(4, 3, 2) % 3
    found = evaluate_arrays(array, array, labels={"liver": 1, "spleen": 2}, regions={"both": [1, 2]}, metrics="dice")
    assert repr(found) == f"<Report of case 'arrays', 3 labels (1 liver, 2 spleen, both): {found.signature}>"
    assert repr(report(case("a", 0.5, ()), batch=False)) == f"<Report of case 'a', 0 labels: {SIGNATURE}>"
    assert str(found) == repr(found)


def test_the_table_of_one_pair_shows_its_rows() -> None:
    found = table(report(case("a", 0.5), batch=False))
    assert found.lines == [
        ["", "dice", "hd"],
        ["1 liver", "0.5000", "2.0000"],
        ["2", "0.5000", "2.0000"],
        ["mean", "0.5000", "2.0000 (1/2)"],
        ["all", "0.5000", ""],
    ]
    assert found.notes == ["Report of case 'a'", SIGNATURE]


def test_the_table_of_a_batch_shows_the_summary() -> None:
    """Of 0.5 and 1 the mean is 0.75 and the standard deviation √(2 · 0.25²)."""
    undefined = case("c", math.nan)
    found = table(report(case("a", 0.5), case("b", 1.0), undefined))
    assert found.lines[1] == ["1 liver", "0.7500 ± 0.3536 (2/3)", "2.0000 ± 0.0000"]
    assert [line[0] for line in found.lines] == ["", "1 liver", "2", "mean", "all"]
    assert found.notes == ["Report of 3 cases, mean ± sd over the cases", SIGNATURE]


def test_a_batch_that_was_read_back_shows_its_first_cases(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(
        report(
            *(case(f"c{n:02}", 0.5) for n in range(12)), settings={"metrics": ["dice", "hd"]}, columns=(DICE, HD)
        ).to_json()
    )
    found = read_report(tmp_path / "r.json")
    shown = table(found)
    assert shown.lines[0] == ["", "dice", "hd"]
    assert shown.lines[1:] == [[f"c{n:02}", "0.5000", "2.0000"] for n in range(10)]
    assert shown.notes == ["Report of 12 cases, each case's mean", "2 more cases", SIGNATURE]
    assert repr(found) == f"<Report of 12 cases, 2 labels (1 liver, 2): {SIGNATURE}>"


def test_many_labels_and_quantities_are_counted_and_not_shown() -> None:
    columns = [DICE, *(Column(f"q{n}", "overlap") for n in range(30))]
    labels = [(n, f"label{n}") for n in range(1, 118)]
    for batch in (True, False):
        found = report(case("a", 0.5, labels), columns=columns, batch=batch)
        assert "117 labels (1 label1, 2 label2, 3 label3, 4 label4, 5 label5, …)" in repr(found)
        shown = table(found)
        assert len(shown.lines) == 1 + 20 + 2
        assert {len(line) for line in shown.lines} == {9}
        assert [line[0] for line in shown.lines[-2:]] == ["mean", "all"]
        assert "97 more labels, 23 more quantities" in shown.notes


def test_what_a_file_or_a_user_named_is_escaped_and_makes_no_line() -> None:
    hostile = case(HOSTILE, 0.5, [(1, HOSTILE)])
    long = case("x" * 5000, 0.5)
    for cases in ((hostile,), (long,), (hostile, long)):
        for batch in (True, False):
            found = report(*cases, batch=batch, signature=f"{SIGNATURE}|regions:{HOSTILE}=1")
            line, page = repr(found), found._repr_html_()
            assert len(line.splitlines()) == 1
            assert "\x1b" not in line + page
            assert max(len(line.encode()), len(page.encode())) < 2000  # and can be encoded
            assert table(found).tags <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
            assert any("<script>" in text for text in table(found).notes)


@pytest.mark.parametrize("read_back", [False, True])
def test_20000_cases_are_not_shown(read_back: bool) -> None:
    cases = [case(f"case_{n:05}", 0.5) for n in range(20_000)]
    found = report(*cases, summary=() if read_back else summarise(cases[:3], (DICE, HD)), batch=False)
    assert "20,000 cases" in repr(found)
    assert len(repr(found)) < 200
    page = found._repr_html_()
    assert len(page) < 2000
    assert "case_00011" not in page


@pytest.mark.parametrize("show", [repr, lambda found: found._repr_html_()], ids=["repr", "_repr_html_"])
def test_a_report_without_a_case_is_shown(show: Callable[[Report], str]) -> None:
    assert "0 cases" in show(report(batch=False))


def test_nothing_is_imported_for_it_until_it_is_asked_for() -> None:
    code = """
import sys, segeval
report = segeval.evaluate_arrays([[0, 1]], [[0, 1]], metrics="dice")
assert "segeval.results.glimpse" not in sys.modules
before = set(sys.modules)
repr(report), report._repr_html_()
print(*sorted(name for name in set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    ours = {"segeval.results.glimpse", "segeval.words.shown_values", "segeval.words.printable"}
    assert set(done.stdout.split()) <= ours | {"html", "html.entities"}
