"""What every output says about a batch: all cases, what failed, the summary."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from msgspec.structs import replace

from segeval.cli.writing import require_renderable, require_writable, write_report, write_whole
from segeval.errors import WriteError
from segeval.outputs import OUTPUTS, format_of_ending
from segeval.outputs.batch import remark_lines, scored_sentence
from segeval.outputs.csv_output import render_csv
from segeval.outputs.parquet import render_parquet
from segeval.outputs.report_page import render_markdown, render_table
from segeval.quantities.summary import summarise
from segeval.results.report import CaseResult, Column, Report, Row

NAN = math.nan
DICE = Column("dice", "overlap", 1.0, 0.0)
TP = Column("tp", "overlap")
CE = Column("ce", "losses", 0.0, math.inf)
NEVER_BROKEN = ("failed ", "missing ", "remark: ", "segeval:")


def scored(name: str, dice: float, tp: int = 5, status: Any = "ok") -> CaseResult:
    rows = (
        Row(1, "liver", {"dice": dice, "tp": tp, "ce": 0.5}),
        Row(2, "spleen", {"dice": NAN, "tp": 0, "ce": 0.25}),
        Row("mean", None, {"dice": dice, "tp": float(tp), "ce": 0.5}, {"dice": 1, "tp": 1, "ce": 1}, 2),
        Row("all", None, {"dice": dice}),
    )
    return CaseResult(name, None if status == "missing" else f"p/{name}", f"r/{name}", rows, status=status)


def report_of(*cases: CaseResult, columns: tuple[Column, ...] = (DICE, TP, CE), **facts: Any) -> Report:
    return Report("segeval:1|kind:labels", {}, columns, cases, summary=summarise(cases, columns), **facts)


FAILED = CaseResult("b", "p/b", "r/b", status="error", reason="p/b: the gzip stream ends early")
MISSING = CaseResult("c", None, "r/c", status="missing", reason="there is no prediction")
REPORT = report_of(scored("a", 0.1 + 0.2), FAILED, MISSING, scored("d", 0.9, 7), remarks=("one remark",))


# CSV


def test_csv_has_status_and_reason_last_and_a_row_for_every_case() -> None:
    rows = list(csv.reader(io.StringIO(render_csv(REPORT))))
    assert rows[0] == ["case", "label", "name", "dice", "tp", "ce", "status", "reason"]
    assert rows[1] == ["a", "1", "liver", "0.30000000000000004", "5", "0.5", "ok", ""]
    assert rows[2] == ["a", "2", "spleen", "", "0", "0.25", "ok", ""]
    assert rows[4] == ["a", "all", "", "0.30000000000000004", "", "", "ok", ""]
    assert rows[5] == ["b", "", "", "", "", "", "error", "p/b: the gzip stream ends early"]
    assert rows[6] == ["c", "", "", "", "", "", "missing", "there is no prediction"]
    assert [row[0] for row in rows[7:]] == ["d"] * 4


def test_csv_of_a_missing_case_with_rows_has_its_rows() -> None:
    report = report_of(replace(scored("a", 0.0, status="missing"), reason="no prediction"))
    rows = list(csv.DictReader(io.StringIO(render_csv(report))))
    assert [(row["label"], row["status"]) for row in rows] == [(x, "missing") for x in ("1", "2", "mean", "all")]
    assert rows[0]["dice"] == "0.0"


def test_csv_of_a_single_pair_has_no_status() -> None:
    single = replace(REPORT, summary=None, cases=(scored("a", 1.0),))
    assert render_csv(single).splitlines()[0] == "case,label,name,dice,tp,ce"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_runs_no_formula(start: str) -> None:
    name = f"{start}cmd()"
    row = Row(f"{start}region", f"{start}name", {"dice": -1.5, "ce": 1e-7})
    failed = replace(FAILED, case=name, reason=f"{start}HYPERLINK()")
    cells = list(csv.reader(io.StringIO(render_csv(report_of(CaseResult(name, None, None, (row,)), failed)))))
    for text in (*cells[1][:3], cells[2][0], cells[2][-1]):
        assert text[0] == "'"
    assert cells[1][3] == "-1.5"  # a number stays one
    assert "\r" not in "".join(cells[1])


def test_csv_leaves_harmless_text_and_negative_labels_alone() -> None:
    row = Row(-5, "a=b-c+d@e", {"dice": 1.0})
    cells = next(iter(list(csv.reader(io.StringIO(render_csv(report_of(CaseResult("x=1", None, None, (row,)))))))[1:]))
    assert cells[:3] == ["x=1", "-5", "a=b-c+d@e"]


# JSON


def test_json_summary_is_strict_and_complete() -> None:
    def refuse(constant: str) -> Any:
        raise AssertionError(constant)

    document = json.loads(str(OUTPUTS["json"].render(REPORT)), parse_constant=refuse)
    assert list(document) == ["schema", "signature", "settings", "columns", "cases", "summary", "remarks"]
    assert [case["status"] for case in document["cases"]] == ["ok", "error", "missing", "ok"]
    assert document["cases"][1]["reason"] == FAILED.reason
    assert document["cases"][1]["rows"] == []
    first, *_, last = document["summary"]
    assert list(first) == [
        "label", "name", "quantity", "mean", "sd", "median", "q1", "q3", "min", "max", "ci95", "n", "undefined",
        "failed", "missing",
    ]  # fmt: skip
    assert (first["label"], first["name"], first["quantity"]) == (1, "liver", "dice")
    assert first["mean"] == np.mean([0.1 + 0.2, 0.9])
    assert (first["n"], first["undefined"], first["failed"], first["missing"]) == (2, 0, 1, 1)
    assert (last["label"], last["quantity"]) == ("all", "dice")
    (spleen,) = [s for s in document["summary"] if (s["label"], s["quantity"]) == (2, "dice")]
    assert spleen["mean"] is None
    assert spleen["ci95"] == [None, None]
    assert (spleen["n"], spleen["undefined"]) == (0, 2)


# The table


def test_the_table_is_the_summary_and_not_the_cases() -> None:
    text = render_table(REPORT)
    assert "case a" not in text
    lines = text.splitlines()
    assert "mean ± sd over 2 cases, 1 failed, 1 missing" in lines
    liver = next(line for line in lines if line.startswith("1 liver"))
    assert "0.6000 ± 0.4243" in liver  # sd of 0.3 and 0.9
    assert "6.0000 ± 1.4142" in liver
    spleen = next(line for line in lines if line.startswith("2 spleen"))
    assert "– (0/2)" in spleen
    assert "2 of 4 scored, 1 failed, 1 missing" in lines
    assert "failed b: p/b: the gzip stream ends early" in lines
    assert "missing c: there is no prediction" in lines
    assert lines[-2:] == ["remark: one remark", "segeval:1|kind:labels"]


def test_the_table_shows_every_statistic_of_the_main_quantity_and_the_worst_cases() -> None:
    text = render_table(REPORT)
    for header in ("median", "q1 – q3", "min – max", "95 % interval", "undefined", "failed", "missing"):
        assert header in text
    assert "0.4500 – 0.7500" in text  # quartiles of 0.3 and 0.9
    assert "0.3000 – 0.9000" in text
    lines = text.splitlines()
    start = lines.index("worst cases by mean dice")
    assert lines[start + 1 : start + 3] == ["0.3000  a", "0.9000  d"]


def many_labels() -> Report:
    names = ("dice", "balanced_accuracy", "relative_volume_difference", "focal:alpha=0.5:gamma=3", "tp", "ce")
    columns = tuple(Column(name, "losses" if name in ("ce",) else "overlap", 1.0, 0.0) for name in names)
    generator = np.random.default_rng(0)

    def rows() -> tuple[Row, ...]:
        labels = [(1, "left kidney with a long name"), (2, None), ("région 肝臓", None), ("mean", None)]
        return tuple(
            Row(x, name, {c.key: generator.random() * 10**k for k, c in enumerate(columns)}) for x, name in labels
        )

    cases = [CaseResult(f"case_{i}", "p", "r", rows()) for i in range(30)]
    gone = [CaseResult(f"bad_{i:02}", "p", "r", status="error", reason=f"reason {i}") for i in range(25)]
    return report_of(*cases, *gone, columns=columns, pooled=rows())


def test_the_table_fits_eighty_columns() -> None:
    from rich.cells import cell_len

    for line in render_table(many_labels()).splitlines():
        assert cell_len(line) <= 80 or line.startswith(NEVER_BROKEN), line


def test_the_table_names_the_first_twenty_failures_and_the_pooled_rows() -> None:
    lines = render_table(many_labels()).splitlines()
    assert sum(line.startswith("failed bad_") for line in lines) == 20
    more = "… and 5 more; --format csv or json has all of them"
    assert more in lines
    assert f"- {more}" in render_markdown(many_labels()).splitlines()
    assert "30 of 55 scored, 25 failed" in lines
    assert any(line.startswith("pooled over cases") for line in lines)


def test_missing_cases_with_rows_are_said_to_count() -> None:
    report = report_of(scored("a", 0.5), scored("b", 0.0, status="missing"))
    assert "mean ± sd over 2 cases, 1 missing (taken as empty)" in render_table(report).splitlines()
    assert scored_sentence(report.cases) == "1 of 2 scored, 1 missing"


def test_a_batch_without_a_single_result_still_prints() -> None:
    report = report_of(FAILED)
    for text in (render_table(report), render_markdown(report)):
        assert "0 of 1 scored, 1 failed" in text
        assert "the gzip stream ends early" in text


def test_remarks_of_cases_are_counted() -> None:
    report = report_of(replace(scored("a", 0.5), remarks=("x", "y")), scored("b", 0.5))
    assert "remark: 1 of 2 cases have remarks; --format json shows them" in render_table(report)


def test_a_remark_that_every_scored_case_has_is_shown() -> None:
    both, failed = ("of the settings",), replace(FAILED, remarks=())
    cases = (replace(scored("a", 0.5), remarks=both), replace(scored("b", 0.5), remarks=both))
    assert [line for line in render_table(report_of(*cases, failed)).splitlines() if "remark" in line] == [
        "remark: of the settings",
    ]
    cases = (cases[0], replace(cases[1], remarks=(*both, "own")))
    assert [line for line in render_table(report_of(*cases, failed)).splitlines() if "remark" in line] == [
        "remark: of the settings",
        "remark: 1 of 3 cases have remarks; --format json shows them",
    ]


def test_a_remark_that_many_cases_share_is_a_line() -> None:
    """Whatever their files are called; one that differs in what it says stands alone."""

    def remarked(name: str, *words: str) -> CaseResult:
        return replace(scored(name, 0.5), remarks=tuple(f"p/{name}: {word}" for word in words))

    names = [f"c{number}" for number in range(10, 40)]
    cases = [remarked(name, "other axes", f"counted as background: 4 ({name[1:]} voxels)") for name in names]
    report = report_of(*cases, remarked("d", "other axes", "flipped", "5 voxels lie outside"), remarks=("of all",))
    assert remark_lines(report) == [
        "of all",
        "31 cases: <prediction>: other axes (c10, c11, c12, c13, c14 and 26 more)",
        "30 cases: <prediction>: counted as background: 4 (n voxels) (c10, c11, c12, c13, c14 and 25 more)",
        "p/d: flipped",
        "p/d: 5 voxels lie outside",
    ]


def test_equal_remarks_on_stderr_are_grouped(segeval: Any, nifti: Any, tmp_path: Path) -> None:
    for case in ("a", "b", "c"):
        for side in ("p", "r"):
            nifti(f"{side}/{case}.nii", np.array([1, 1, 7, 0], np.uint8).reshape(4, 1, 1))
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--labels", "1", "--metrics", "dice", "-f", "csv")
    words = "not in the list of labels, counted as background: 7 (1 voxels)"
    assert [line for line in run.err.splitlines() if words in line] == [
        f"remark: 3 cases: <{side}>: {words} (a, b, c)" for side in ("prediction", "reference")
    ]


def test_no_case_name_obeys_the_terminal() -> None:
    evil = "\x1b[31m[bold]x\nfailed y"
    report = report_of(scored(evil, 0.5), replace(FAILED, case=evil, reason=evil))
    for text in (render_table(report), render_markdown(report)):
        assert "\x1b" not in text
        assert not any(line.startswith("failed y") for line in text.splitlines())


# Markdown


def test_markdown_has_the_same_parts() -> None:
    text = render_markdown(replace(REPORT, pooled=scored("x", 0.8).rows))
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "## Summary", "### Overlap", "### Losses", "### dice", "### Worst cases by mean dice", "### Not scored",
        "## Pooled over cases: the tallies of all cases added, then scored", "### Overlap", "### Losses",
    ]  # fmt: skip
    assert "2 of 4 scored, 1 failed, 1 missing" in text
    assert "| 1 liver | 0.6000 ± 0.4243 | 6.0000 ± 1.4142 |" in text
    assert "- 0.3000 a" in text
    for block in text.split("\n\n"):
        table = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in table}) <= 1
    assert text.endswith("`segeval:1|kind:labels`\n")


# Parquet


def test_parquet_is_the_tidy_rows_with_types() -> None:
    pytest.importorskip("pyarrow")
    names = ("=cmd()", "b", "c", "d")
    report = replace(REPORT, cases=tuple(replace(c, case=n) for c, n in zip(REPORT.cases, names, strict=True)))
    frame = pandas.read_parquet(io.BytesIO(render_parquet(report)))
    assert list(frame.columns) == ["case", "label", "name", "dice", "tp", "ce", "status", "reason"]
    assert frame["case"].tolist() == ["=cmd()"] * 4 + ["b", "c"] + ["d"] * 4
    assert frame["label"].tolist()[:4] == ["1", "2", "mean", "all"]
    assert frame["label"].isna().tolist() == [False] * 4 + [True] * 2 + [False] * 4
    assert frame["status"].tolist()[4:6] == ["error", "missing"]
    assert frame["reason"][4] == FAILED.reason
    assert {str(frame[key].dtype) for key in ("dice", "tp", "ce")} == {"float64"}
    assert frame["dice"][0] == 0.1 + 0.2
    assert math.isnan(frame["dice"][1])
    assert frame.attrs["signature"] == REPORT.signature


def test_parquet_of_one_pair_and_of_failures_alone_keeps_the_types() -> None:
    pytest.importorskip("pyarrow")
    single = pandas.read_parquet(io.BytesIO(render_parquet(replace(REPORT, summary=None))))
    assert list(single.columns) == ["case", "label", "name", "dice", "tp", "ce"]
    failed = pandas.read_parquet(io.BytesIO(render_parquet(report_of(FAILED))))
    assert failed.dtypes.astype(str).to_dict() == {
        **dict.fromkeys(("case", "label", "name", "status", "reason"), "string"),
        **dict.fromkeys(("dice", "tp", "ce"), "float64"),
    }


def test_a_missing_pyarrow_is_refused_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(WriteError, match=r"pip install 'segeval-cli\[parquet\]'"):
        render_parquet(REPORT)
    with pytest.raises(WriteError, match="pyarrow"):
        require_renderable("table", [tmp_path / "x.parquet"], ["dice"], {})


# Files


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("x.json", None, "json"), ("x.json", "table", "json"), ("x.json", "nnunet", "nnunet"),
        ("x.csv", "nnunet", "csv"),
        ("X.PARQUET", None, "parquet"), ("x.parquet", "nnunet", "parquet"), ("x.xlsx", "nnunet", None),
    ],
)  # fmt: skip
def test_the_ending_says_the_format_and_the_option_which_json(name: str, asked: Any, expected: str | None) -> None:
    assert format_of_ending(name, asked) == expected


def test_files_of_bytes_and_text_are_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow")
    paths = [tmp_path / name for name in ("x.parquet", "x.csv", "x.json", "x.md", "x.txt")]
    require_writable(paths, [])
    write_report(REPORT, "csv", paths)
    assert paths[0].read_bytes() == render_parquet(REPORT)
    assert paths[1].read_bytes() == render_csv(REPORT).encode()
    captured = capsys.readouterr()
    assert captured.out == render_csv(REPORT)
    assert captured.err == (
        "segeval: 2 of 4 scored, 1 failed, 1 missing\n"
        "segeval: failed b: p/b: the gzip stream ends early\n"
        "remark: one remark\n"
    )
    write_whole(tmp_path / "raw", b"\x00\r\n\xff")
    assert (tmp_path / "raw").read_bytes() == b"\x00\r\n\xff"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*(path.name for path in paths), "raw"])
