"""JSON, CSV and Markdown, and the files that they are written to."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from segeval.choices import Format
from segeval.outputs import format_of_ending
from segeval.outputs.csv_output import render_csv
from segeval.outputs.report_page import render_markdown
from segeval.results.report import CaseResult, Column, Report, Row

Run = Callable[..., Any]
Nifti = Callable[..., Path]

SAMPLES = Path(__file__).parents[2] / "sample_data"
PAIR = (SAMPLES / "prediction.nii.gz", SAMPLES / "reference.nii.gz", "--labels", SAMPLES / "labels.json")
ASKED = ("--metrics", "dice,sensitivity,tp,wce,focal:gamma=3")
COLUMNS = ["dice", "sensitivity", "tp", "wce", "focal:gamma=3"]


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal the suite runs in."""
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def pair(nifti: Nifti) -> tuple[Path, Path]:
    """Label 1 right, 2 found in part, 3 missed, 4 invented, 9 ignored in one voxel; 7 in neither volume."""
    reference = np.zeros((6, 4, 3), np.int16)
    prediction = np.zeros((6, 4, 3), np.int16)
    reference[0], reference[1], reference[2], reference[5, 3, 2] = 1, 2, 3, 9
    prediction[0], prediction[1, 0], prediction[4] = 1, 2, 4
    return nifti("a case.nii.gz", prediction), nifti("truth.nii.gz", reference)


# JSON


def test_json_holds_the_keys_of_the_schema_in_order(segeval: Run, pair: tuple[Path, Path]) -> None:
    report = segeval("score", *pair, *ASKED, "--format", "json").json
    assert list(report) == ["schema", "signature", "settings", "columns", "cases", "remarks"]
    assert report["schema"] == "segeval/1"
    assert report["remarks"] == []
    (case,) = report["cases"]
    assert list(case) == ["case", "prediction", "reference", "status", "remarks", "rows", "confusion"]
    assert case["case"] == "a case"
    assert (case["prediction"], case["reference"]) == (str(pair[0]), str(pair[1]))
    assert case["status"] == "ok"
    assert report["signature"].startswith("segeval:")
    assert isinstance(report["settings"], dict)


def test_json_rows_are_labels_ascending_regions_as_given_mean_all(segeval: Run, pair: tuple[Path, Path]) -> None:
    asked = ("--labels", "7,4,2,1,0,3", "--region", "zone=2+3", "--region", "area=1+2")
    run = segeval("score", *pair, *ASKED, *asked, "--format", "json")
    rows = run.json["cases"][0]["rows"]
    assert [row["label"] for row in rows] == [0, 1, 2, 3, 4, 7, "zone", "area", "mean", "all"]
    assert [row["name"] for row in rows] == [None] * 10
    assert all(list(row)[:2] == ["label", "name"] for row in rows)
    for row in rows[:-2]:
        assert list(row)[2:] == COLUMNS
    assert list(rows[-2])[2:] == [*COLUMNS, "n"]
    assert list(rows[-1])[2:] == ["dice"]  # the others are not defined for all labels together


def test_json_undefined_is_null_and_a_mean_says_how_many_values_it_has(segeval: Run, pair: tuple[Path, Path]) -> None:
    run = segeval("score", *pair, *ASKED, "--labels", "1,2,3,4,7", "--format", "json")
    assert run.row(7)["dice"] is None
    assert run.row(4)["sensitivity"] is None
    assert run.row(4)["dice"] == 0.0
    assert run.row(3)["wce"] is None
    mean = run.row("mean")
    assert mean["n"] == {"dice": 4, "sensitivity": 3, "tp": 4, "wce": 3, "focal:gamma=3": 4}
    assert mean["dice"] == pytest.approx((1 + 6 / 15 + 0 + 0) / 4, rel=1e-12)
    assert mean["sensitivity"] == pytest.approx((1 + 3 / 12 + 0) / 3, rel=1e-12)
    assert mean["wce"] is None  # label 3 was missed
    assert run.row(1)["tp"] == 12
    assert isinstance(run.row(1)["tp"], int)


def test_json_confusion_is_ascending_triples_of_reference_prediction_count(
    segeval: Run, pair: tuple[Path, Path]
) -> None:
    asked = ("--ignore-label", "9", "--format", "json")
    confusion = segeval("score", *pair, *asked).json["cases"][0]["confusion"]
    assert confusion == [[0, 0, 23], [0, 4, 12], [1, 1, 12], [2, 0, 9], [2, 2, 3], [3, 0, 12]]
    assert all(type(number) is int for triple in confusion for number in triple)


def test_json_names_come_from_the_label_file(segeval: Run, tmp_path: Path, pair: tuple[Path, Path]) -> None:
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({"Leber": 1, "脾臓": 2, 'a "b" \\ c': 3}), encoding="utf-8")
    run = segeval("score", *pair, *ASKED, "--labels", file, "--format", "json")
    assert [run.row(label)["name"] for label in (1, 2, 3, "mean", "all")] == ["Leber", "脾臓", 'a "b" \\ c', None, None]
    assert "脾臓" in run.out


def test_json_integers_are_exact_at_any_width(segeval: Run, nifti: Nifti) -> None:
    big = np.array([2**63 - 1, -(2**63), 2**53 + 1, 0], np.int64).reshape(2, 2, 1)
    run = segeval("score", nifti("p.nii", big), nifti("r.nii", big[::-1]), *ASKED, "--format", "json")
    labels = [row["label"] for row in run.json["cases"][0]["rows"]]
    assert labels == [-(2**63), 2**53 + 1, 2**63 - 1, "mean", "all"]


def test_json_hashes_are_hashlibs(segeval: Run, pair: tuple[Path, Path]) -> None:
    (case,) = segeval("score", *pair, *ASKED, "--hash", "--format", "json").json["cases"]
    prediction, reference = (hashlib.sha256(path.read_bytes()).hexdigest() for path in pair)
    assert case["sha256"] == {"prediction": prediction, "reference": reference}


@pytest.mark.parametrize("packed", [False, True])
def test_hashes_include_bytes_behind_the_voxels(packed: bool, segeval: Run, nifti: Nifti) -> None:
    volume = np.arange(60, dtype=np.uint8).reshape(5, 4, 3) % 3
    name = "p.nii.gz" if packed else "p.nii"
    p, r = nifti(name, volume), nifti("r.nii", volume)
    p.write_bytes(p.read_bytes() + b"\0" * 1000)
    run = segeval("score", p, r, "--hash", "--metrics", "dice", "--format", "json")
    assert run.json["cases"][0]["sha256"]["prediction"] == hashlib.sha256(p.read_bytes()).hexdigest()
    for form in ("table", "markdown"):
        shown = segeval("score", p, r, "--hash", "--metrics", "dice", "--format", form).out
        assert hashlib.sha256(p.read_bytes()).hexdigest() in shown


def test_json_floats_round_trip_exactly(segeval: Run) -> None:
    run = segeval("score", *PAIR, "--format", "json")
    from segeval import evaluate

    rows = evaluate(PAIR[0], PAIR[1], labels=PAIR[3]).cases[0].rows
    for row, read in zip(rows, run.json["cases"][0]["rows"], strict=True):
        values = {key: read[key] for key in row.values}
        assert values == {key: None if math.isnan(value) else value for key, value in row.values.items()}


def test_json_of_any_setting_is_strict(segeval: Run) -> None:
    huge = (
        "--metrics",
        "weighted_bce:pos_weight=1e308,weighted_ce,dice",
        "--class-weights",
        "0=1,1=1e308,2=1e308,3=1,4=1,5=1",
    )
    run = segeval("score", *PAIR, *huge, "--format", "json")
    assert (run.code, run.err) in ((0, ""), (2, run.err))  # a value that is no number, or a range that excludes it
    if run.code == 0:
        assert run.json["schema"] == "segeval/1"


def test_json_settings_state_every_option(segeval: Run, pair: tuple[Path, Path]) -> None:
    asked = ("--labels", "1,2", "--region", "a=1+2", "--region", "b=*", "--ignore-label", "9", "--empty", "one")
    settings = segeval("score", *pair, *ASKED, *asked, "--class-weights", "1=2", "--format", "json").json["settings"]
    assert settings["labels"] == [1, 2]
    assert settings["regions"] == {"a": [1, 2], "b": "*"}
    assert settings["ignore_label"] == 9
    assert settings["empty"] == "one"
    assert settings["metrics"] == COLUMNS
    assert settings["class_weights"] == {"1": 2.0}
    assert settings["tolerance"] == 0.01


def test_a_metric_twice_under_other_settings_is_two_columns(segeval: Run, pair: tuple[Path, Path]) -> None:
    text = "focal:gamma=3,focal,focal:gamma=2,focal:gamma=3.0,focal:eta=1e-5:alpha=0.5"
    run = segeval("score", *pair, "--metrics", text, "--format", "csv")
    assert run.out.splitlines()[0] == "case,label,name,focal:gamma=3,focal,focal:alpha=0.5:eta=1e-05"


# CSV


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_is_the_json_rows_in_full_precision(segeval: Run, pair: tuple[Path, Path]) -> None:
    asked = (*pair, "--labels", "0,1,2,3,4,7", "--region", "zone=2+3")
    read = rows_of(segeval("score", *asked, "--format", "csv").out)
    report = segeval("score", *asked, "--format", "json").json
    columns = report["settings"]["metrics"]
    assert list(read[0]) == ["case", "label", "name", *columns]
    assert len(columns) == 36 - 1
    for cells, row in zip(read, report["cases"][0]["rows"], strict=True):
        assert cells["case"] == "a case"
        assert cells["label"] == str(row["label"])
        assert cells["name"] == ""
        for key in columns:
            if row.get(key) is None:
                assert cells[key] == ""
            else:
                assert float(cells[key]) == row[key]
                assert isinstance(row[key], float) or cells[key] == str(row[key])


def test_csv_quotes_what_needs_quotes(segeval: Run, nifti: Nifti, tmp_path: Path) -> None:
    volume = np.arange(60, dtype=np.uint8).reshape(5, 4, 3) % 3
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({'a, "b"': 1, "=c": 2}), encoding="utf-8")
    p, r = nifti("x, y.nii", volume), nifti("r.nii", volume)
    read = rows_of(segeval("score", p, r, "--labels", file, "--metrics", "dice", "--format", "csv").out)
    assert [(row["case"], row["name"]) for row in read[:2]] == [("x, y", 'a, "b"'), ("x, y", "'=c")]


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_remarks_go_to_stderr_for_csv_only(form: str, segeval: Run, pair: tuple[Path, Path]) -> None:
    run = segeval("score", *pair, *ASKED, "--labels", "1,2,3", "--format", form)
    words = "not in the list of labels, counted as background: 4 (12 voxels)"
    if form == "csv":
        assert words not in run.out
        assert run.err.splitlines() == [
            f"remark: {pair[0]}: {words}",
            f"remark: {pair[1]}: not in the list of labels, counted as background: 9 (1 voxels)",
        ]
    else:
        assert run.err == ""
        assert words in run.out


@pytest.mark.parametrize("same", [False, True])
def test_every_remark_on_stderr_names_its_file(same: bool, segeval: Run, pair: tuple[Path, Path]) -> None:
    files = (pair[0], pair[0]) if same else pair
    run = segeval("score", *files, *ASKED, "--format", "csv")
    assert run.err
    for line in run.err.splitlines():
        assert line.startswith((f"remark: {pair[0]}: ", f"remark: {pair[1]}: "))


def test_remarks_still_reach_stderr_when_only_stdout_is_csv(
    segeval: Run, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    run = segeval("score", *pair, *ASKED, "--format", "csv", "-o", tmp_path / "x.json")
    assert run.err.startswith("remark: ")


# Markdown


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a page as GitHub reads them: cells parted by bars that no backslash escapes."""
    found: list[list[list[str]]] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        rows = []
        for line in block.splitlines():
            assert re.search(r"(?<!\\)(\\\\)*\|$", line)
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1]])
        found.append(rows)
    return found


def test_markdown_tables_have_as_many_cells_as_headers(segeval: Run) -> None:
    run = segeval("score", *PAIR, "--region", "organs=1+2", "--format", "markdown")
    overlap, losses = tables(run.out)
    for table, width in ((overlap, 22), (losses, 15)):
        assert {len(row) for row in table} == {width}
        assert re.fullmatch(r"(---|---:| )+", " ".join(table[1]))
        titles = [row[0].replace("\\", "") for row in table[2:]]
        assert titles[:3] == ["1 liver", "2 spleen", "3 left_kidney"]
        assert titles[-3:] == ["organs", "mean", "all"]
    assert overlap[0][:2] == ["label", "dice"]
    assert overlap[2][1] == "0.9507"
    assert run.out.rstrip().endswith("`")


def test_markdown_shows_undefined_values_and_the_counts_behind_a_mean(segeval: Run, pair: tuple[Path, Path]) -> None:
    run = segeval("score", *pair, *ASKED, "--labels", "1,2,3,4,7", "--format", "markdown")
    rows = {row[0]: row for row in tables(run.out)[0]}
    assert rows["7"][1:] == ["–", "–", "0"]
    assert rows["mean"][1:3] == ["0.3500", "0.4167 (3/4)"]
    assert rows["all"][2:] == ["", ""]


SPECIAL = ["x|y", "a*b*c", "_d_", "`e`", "<b>f</b>", "[g](h)", "back\\", "\\|", "line\nbreak", "car\rriage", "&lt;"]


@pytest.mark.parametrize("name", SPECIAL)
def test_markdown_escapes_what_means_something(name: str) -> None:
    rows = (Row(1, name, {"dice": 1.0}), Row("mean", None, {"dice": 1.0}, {"dice": 1}, 1))
    case = CaseResult(name, name, name, rows, remarks=(f"{name}: a remark",))
    text = render_markdown(Report(f"segeval:1|regions:{name}=1", {}, (Column("dice", "overlap"),), (case,)))
    (table,) = tables(text)
    assert {len(row) for row in table} == {2}
    assert len(table) == 4
    cell = table[2][0].removeprefix("1 ")
    if name.isprintable():
        check_footer(text)
        assert re.sub(r"\\([^a-zA-Z0-9])", r"\1", cell).replace("&amp;", "&") == name
    for character in "`*_<|[&":
        assert not re.search(rf"(?<!\\)(\\\\)*{re.escape(character)}(?!amp;)", cell)


def check_footer(text: str) -> None:
    """The last line is one code span."""
    footer = text.rstrip().splitlines()[-1]
    fence = re.match(r"`+", footer)
    assert fence is not None
    assert footer.endswith(fence.group())
    assert fence.group() not in footer.removeprefix(fence.group()).removesuffix(fence.group())


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_no_region_name_breaks_the_signature_or_a_remark_into_lines(
    form: str, segeval: Run, pair: tuple[Path, Path]
) -> None:
    asked = ("--labels", "1,2", "--region", "up\nand\rdown=1+2")
    run = segeval("score", *pair, *ASKED, *asked, "--format", form)
    if run.code == 2:  # such a name may be refused
        return
    if form in ("table", "markdown"):
        last = run.out.split("\n")[-2].strip("`")
        assert last.startswith("segeval:")
        assert "\r" not in last
    assert all(line.startswith("remark: ") for line in run.err.splitlines())


# Files


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("x.csv", "csv"), ("x.json", "json"), ("x.md", "markdown"), ("x.markdown", "markdown"), ("x.txt", "table"),
        ("X.JSON", "json"), ("a.csv.json", "json"), ("-x y [red] é.csv", "csv"),
    ],
)  # fmt: skip
def test_an_output_file_has_the_format_of_its_ending(
    name: str, form: str, segeval: Run, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    expected = segeval("score", *pair, *ASKED, "--format", form).out
    for stdout in ("table", "csv", "json", "markdown"):
        run = segeval("score", *pair, *ASKED, "--format", stdout, f"--output={tmp_path / name}")
        assert run.code == 0
        assert (tmp_path / name).read_text(encoding="utf-8") == expected
        if stdout == form:
            assert run.out == expected


def test_several_output_files_and_stdout_at_once(segeval: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    names = ["x.csv", "x.json", "x.md", "x.txt", "y.csv"]
    run = segeval("score", *pair, *ASKED, *(part for name in names for part in ("-o", tmp_path / name)))
    assert run.out == segeval("score", *pair, *ASKED).out
    for name in names:
        form = format_of_ending(name)
        assert form is not None
        expected = segeval("score", *pair, *ASKED, "--format", form).out
        assert (tmp_path / name).read_text(encoding="utf-8") == expected


def test_an_output_file_may_be_named_relative_to_the_folder(
    segeval: Run, pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert segeval("score", *pair, *ASKED, "-o", "here.csv").code == 0
    assert (tmp_path / "here.csv").is_file()


def test_a_new_output_file_has_the_usual_permissions(segeval: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    segeval("score", *pair, *ASKED, "-o", tmp_path / "x.csv")
    assert (tmp_path / "x.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_environment_chooses_the_format_and_the_option_wins(
    segeval: Run, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGEVAL_FORMAT", "json")
    assert segeval("score", *pair, *ASKED).out.startswith("{")
    assert segeval("score", *pair, *ASKED, "--format", "csv").out.startswith("case,label,name")
    monkeypatch.setenv("SEGEVAL_FORMAT", "yaml")
    run = segeval("score", *pair, *ASKED)
    assert (run.code, run.out) == (2, "")
    assert "yaml" in run.err
    assert len(run.err.splitlines()) == 1


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["os.fsync", "pathlib.Path.replace"])
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("failure", [no_space, interrupted])
def test_a_file_is_written_whole_or_not_at_all(
    place: str, exists: bool, failure: Callable[..., None], segeval: Run, pair: tuple[Path, Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tmp_path / "results"
    folder.mkdir()
    target = folder / "x.csv"
    if exists:
        target.write_text("before")
    with monkeypatch.context() as patched:
        patched.setattr(place, failure)
        run = segeval("score", *pair, *ASKED, "-o", target)
    assert (run.code, run.out) == (3 if failure is no_space else 130, "")
    assert "Traceback" not in run.err
    if failure is no_space:
        assert len(run.err.splitlines()) == 1
        assert str(target) in run.err
        assert "No space left" in run.err
    assert [path.name for path in folder.iterdir()] == (["x.csv"] if exists else [])
    if exists:
        assert target.read_text() == "before"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_named(segeval: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    run = segeval("score", *pair, *ASKED, "-o", folder / "x.csv")
    assert (run.code, run.out) == (3, "")
    assert str(folder / "x.csv") in run.err


@pytest.mark.parametrize("name", ["x", "x.xlsx", "x.csv.gz", "csv"])
def test_an_unknown_ending_is_a_usage_error_that_names_the_known(
    name: str, segeval: Run, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    run = segeval("score", *pair, *ASKED, "-o", tmp_path / name)
    assert (run.code, run.out) == (2, "")
    assert all(ending in run.err for ending in (".csv", ".json", ".md", ".txt"))
    assert not (tmp_path / name).exists()


def test_an_output_that_could_not_be_written_is_refused_before_any_voxel_is_read(segeval: Run, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for target in (tmp_path / "folder.csv", tmp_path / "missing" / "x.csv"):
        run = segeval("score", "no such file.nii", "neither.nii", "-o", target)
        assert (run.code, run.out) == (3, "")
        assert str(target) in run.err


def test_an_input_is_never_overwritten(segeval: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text('{"liver": 1}')
    (tmp_path / "link.json").symlink_to(labels)
    for target in (labels, tmp_path / "link.json"):
        run = segeval("score", *pair, *ASKED, "--labels", labels, "-o", target)
        assert (run.code, run.out) == (2, "")
        assert labels.read_text() == '{"liver": 1}'
    distances = tmp_path / "distances.csv"
    distances.write_text("0,1\n1,0\n")
    run = segeval("score", *pair, "--metrics", "wasserstein_dice", "--label-distances", distances, "-o", distances)
    assert (run.code, run.out, distances.read_text()) == (2, "", "0,1\n1,0\n")
    run = segeval("score", *pair, *ASKED, "-o", tmp_path / "x.csv", "-o", tmp_path / "x.csv")
    words = "x.csv: is an input or another output, which would be overwritten; name another file"
    assert (run.code, run.out, words in run.err, (tmp_path / "x.csv").exists()) == (2, "", True, False)


def test_an_error_leaves_no_output_file(segeval: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    short = tmp_path / "short.nii.gz"
    shutil.copy(pair[0], short)
    short.write_bytes(short.read_bytes()[:-20])
    run = segeval("score", short, pair[1], *ASKED, "-o", tmp_path / "x.csv", "-o", tmp_path / "x.json")
    assert (run.code, run.out) == (3, "")
    assert not list(tmp_path.glob("*x.*"))


def test_every_format_ends_with_one_newline(segeval: Run, pair: tuple[Path, Path]) -> None:
    for form in get_args(Format):
        asked = () if form == "nnunet" else ASKED  # which needs quantities that are not among them
        if form == "challenge":
            asked = ("--protocol", "isles2022")
        out = segeval("score", *pair, *asked, "--format", form).out
        assert out.endswith("\n")
        assert not out.endswith("\n\n")


def test_csv_of_several_cases_has_one_header() -> None:
    cases = tuple(CaseResult(name, None, None, (Row(1, None, {"x": 0.1}), Row("all", None, {}))) for name in "ab")
    text = render_csv(Report("s", {}, (Column("x", "overlap"),), cases))
    assert text == "case,label,name,x\na,1,,0.1\na,all,,\nb,1,,0.1\nb,all,,\n"
