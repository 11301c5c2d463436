"""The table: its layout as golden files, and its numbers against NumPy."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel import load
from printed import PAIR, SAMPLES, check_golden, coloured

from segeval.outputs.cells import value_text
from segeval.outputs.report_page import render_table
from segeval.quantities import all_quantities
from segeval.results.report import CaseResult, Column, Report, Row

Run = Callable[..., Any]
Nifti = Callable[..., Path]
Cells = dict[str, dict[str, str]]

NAMES = {1: "liver", 2: "spleen", 3: "left_kidney", 4: "right_kidney", 5: "tumor"}
NEVER_BROKEN = ("case ", "prediction ", "reference ", "sha256 ", "remark: ", "segeval:")


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal the suite runs in."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


# What NumPy says


def shown(value: float) -> str:
    """The rounding that the table promises."""
    if math.isnan(value):
        return "–"
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.4f}"


def by_numpy(p: np.ndarray, r: np.ndarray, classes: int = 6, voxel_mm3: float = 36) -> dict[str, float]:
    """Every quantity of one label, straight from the definitions page, voxel by voxel; p and r hold 0 and 1."""
    p, r = p.astype(np.float64), r.astype(np.float64)
    n = r.size
    tp, fp, fn, tn = (float(a.sum()) for a in (p * r, p * (1 - r), (1 - p) * r, (1 - p) * (1 - r)))
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    l1, l0 = float((r * np.log(clipped)).sum()), float(((1 - r) * np.log(1 - clipped)).sum())
    f1 = float((r * (1 - p) ** 2 * np.log(clipped)).sum())
    f0 = float(((1 - r) * p**2 * np.log(1 - clipped)).sum())
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    expected = ((tp + fp) * (tp + fn) + (tn + fp) * (tn + fn)) / n**2

    def generalised(power: int) -> float:
        w1, w0 = 1 / (tp + fn) ** power, 1 / (tn + fp) ** power
        return 2 * (w1 * tp + w0 * tn) / (w1 * (2 * tp + fp + fn) + w0 * (2 * tn + fp + fn))

    return {
        "dice": 2 * tp / (2 * tp + fp + fn),
        "iou": tp / (tp + fp + fn),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": tp / (tp + fp),
        "npv": tn / (tn + fn),
        "accuracy": (tp + tn) / n,
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "volume_similarity": 1 - abs(fn - fp) / (2 * tp + fp + fn),
        "relative_volume_difference": (fp - fn) / (tp + fn),
        "mcc": (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
        "kappa": ((tp + tn) / n - expected) / (1 - expected),
        "gds": generalised(2),
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        "ref_voxels": tp + fn,
        "pred_voxels": tp + fp,
        "ref_volume_ml": (tp + fn) * voxel_mm3 / 1000,
        "pred_volume_ml": (tp + fp) * voxel_mm3 / 1000,
        "ce": -l1 / n,
        "weighted_ce": -n / (classes * (tp + fn)) * l1 / n,
        "bce": -(l1 + l0) / n,
        "wce": -((n - tp - fp) / (tp + fp) * l1 + l0) / n,
        "weighted_bce": -((n - tp - fn) / (tp + fn) * l1 + l0) / n,
        "focal_no_alpha": -(f1 + f0) / n,
        "focal": -(0.25 * f1 + 0.75 * f0) / n,
        "dl2": 1 - (tp + 1e-6) / (2 * tp + fp + fn + 1e-6) - (tn + 1e-6) / (2 * tn + fp + fn + 1e-6),
        "ss": 0.05 * fn / (tp + fn + 1e-6) + 0.95 * fp / (tn + fp + 1e-6),
        "gdl_v": 1 - generalised(2),
        "gdl_simple": 1 - generalised(1),
        "gdl_uniform": 1 - generalised(0),
        "soft_dice": 1 - 2 * tp / (2 * tp + fp + fn + 1e-6),
        "soft_iou": 1 - tp / (tp + fp + fn),
    }


COUNTS = ("tp", "fp", "fn", "tn", "ref_voxels", "pred_voxels")


def samples() -> tuple[np.ndarray, np.ndarray]:
    p, r = (np.asarray(load(SAMPLES / f"{name}.nii.gz").dataobj) for name in ("prediction", "reference"))
    return p, r


# Reading a table back


def cells_of(table: str) -> Cells:
    """Cell by row title and quantity, without marks; the rule below the heads tells where the columns end."""
    cells: Cells = {}
    keys_of = {quantity.title: quantity.name for quantity in all_quantities()}
    for block in re.split(r"\n[ ]*\n", table):
        lines = block.split("\n")
        rules = [number for number, line in enumerate(lines) if line.startswith("─")]
        if not rules:
            continue
        (label_end, *_), *edges = [found.span()[::-1] for found in re.finditer("─+", lines[rules[0]])]
        titles = [" ".join(line[start:end].strip() for line in lines[: rules[0]]).strip() for end, start in edges]
        keys = [keys_of.get(title, title.replace(" ", "")) for title in titles]
        for line in lines[rules[0] + 1 :]:
            if line.startswith("─") or not line[:label_end].strip():
                continue
            row = cells.setdefault(line[:label_end].strip(), {})
            row.update({k: line[start:end].strip(" *!") for k, (end, start) in zip(keys, edges, strict=True)})
    return cells


def too_wide(table: str, width: int = 80) -> list[str]:
    from rich.cells import cell_len

    return [line for line in table.splitlines() if cell_len(line) > width and not line.startswith(NEVER_BROKEN)]


# The sample data


@pytest.mark.parametrize("group", ["overlap", "losses"])
def test_layout_of_the_sample_table(group: str, segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    run = segeval("score", *PAIR, "--metrics", group)
    assert (run.code, run.err) == (0, "")
    check_golden(f"sample_{group}.txt", run.out)


def test_layout_with_background_region_hash_and_undefined_values(
    segeval: Run, nifti: Nifti, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reference = np.zeros((5, 4, 3), np.uint8)
    prediction = np.zeros((5, 4, 3), np.uint8)
    reference[0], reference[1] = 1, 2
    prediction[0], prediction[1, 0], prediction[3] = 1, 2, 4  # label 4 only in the prediction, 7 in neither
    nifti("p.nii", prediction)
    nifti("r.nii", reference)
    monkeypatch.chdir(tmp_path)
    asked = ("--labels", "0,1,2,4,7", "--region", "both=1+2", "--metrics", "dice,sensitivity,tp,wce,ce")
    run = segeval("score", "p.nii", "r.nii", *asked)
    check_golden("undefined.txt", run.out)
    cells = cells_of(run.out)
    assert cells["1"]["dice"] == "1.0000"
    assert cells["2"]["dice"] == "0.4000"  # 3 of 12 voxels: 2·3 / (12 + 3)
    assert cells["2"]["sensitivity"] == "0.2500"
    assert cells["4"]["dice"] == "0.0000"
    assert cells["4"]["sensitivity"] == "–"
    assert (cells["7"]["dice"], cells["7"]["sensitivity"], cells["7"]["tp"]) == ("–", "–", "0")
    assert cells["both"]["dice"] == "0.7692"  # 15 of 24: 2·15 / (24 + 15)
    assert cells["mean"]["dice"] == "0.4667"  # (1 + 0.4 + 0) / 3, all of them defined
    assert cells["mean"]["sensitivity"] == "0.6250 (2/3)"
    assert cells["all"]["tp"] == ""
    assert cells["0"]["tp"] == str(60 - 24 - 12)


@pytest.mark.parametrize("label", NAMES)
def test_every_number_of_the_sample_table_is_numpys(label: int, segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    row = cells_of(segeval("score", *PAIR, "--wide").out)[f"{label} {NAMES[label]}"]
    prediction, reference = samples()
    expected = by_numpy(prediction == label, reference == label)
    assert row == {key: str(int(value)) if key in COUNTS else shown(value) for key, value in expected.items()}


def test_the_summary_rows_of_the_sample_table_are_numpys(segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    cells = cells_of(segeval("score", *PAIR, "--wide").out)
    prediction, reference = samples()
    rows = [by_numpy(prediction == label, reference == label) for label in NAMES]
    means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    assert cells["mean"] == {key: shown(value) for key, value in means.items()}
    hits = sum(row["tp"] for row in rows)
    either = sum(row["ref_voxels"] + row["pred_voxels"] for row in rows)
    assert cells["all"]["dice"] == shown(2 * hits / either)
    assert cells["all"]["accuracy"] == shown(float((prediction == reference).mean()))
    right = np.where(prediction == reference, 1 - 1e-7, 1e-7)
    assert cells["all"]["ce"] == shown(float(-np.log(right).mean()))
    assert cells["all"]["tp"] == cells["all"]["sensitivity"] == cells["all"]["bce"] == ""


def test_overlap_and_losses_are_two_blocks_in_this_order(segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    lines = segeval("score", *PAIR, "--metrics", "ce,dice").out.splitlines()
    titles = [line.split()[0] for line in lines if line.startswith(("Overlap", "Losses"))]
    assert sorted(titles) == ["Losses", "Overlap"]


@pytest.mark.parametrize(("group", "other"), [("overlap", "Losses"), ("losses", "Overlap")])
def test_a_group_that_was_not_asked_for_has_no_block(
    group: str, other: str, segeval: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SAMPLES)
    out = segeval("score", *PAIR, "--metrics", group).out
    assert other not in out
    assert group.capitalize() in out


def test_mean_and_all_come_last_below_a_rule(segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    lines = segeval("score", *PAIR, "--metrics", "dice", "--region", "organs=1+2").out.splitlines()
    titles = [line[:14].strip() for line in lines if re.search(r"\d\.\d{4}[*! ]?$|──$", line)]
    rule = "─" * 14
    assert titles == [rule, *(f"{k} {v}" for k, v in NAMES.items()), "organs", rule, "mean", "all"]


def test_the_footer_is_the_remarks_and_then_the_signature(
    segeval: Run, nifti: Nifti, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nifti("a.nii", np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 3)
    monkeypatch.chdir(tmp_path)
    lines = segeval("score", "a.nii", "a.nii", "--metrics", "dice").out.splitlines()
    assert lines[-2].startswith("remark: ")
    assert lines[-1].startswith("segeval:")


# Width


@pytest.mark.parametrize("softmax", [False, True])
def test_no_line_is_wider_than_80_columns(softmax: bool, segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    first = "prediction_softmax.nii.gz" if softmax else PAIR[0]
    run = segeval("score", first, *PAIR[1:], "--background", "--hash", "--region", "organs=1+2+3+4")
    assert run.code == 0
    assert too_wide(run.out) == []


SHIFTED = np.zeros((6, 5, 4), np.uint8)
SHIFTED[1:4] = 1
WIDE_NAMES = {
    "words": "the upper half of the left kidney with its cyst and its fat",
    "one word": "Antidisestablishmentarianism_of_the_left_kidney_upper_pole",
    "full-width letters": "左腎臓上極嚢胞左腎臓上極嚢胞左腎臓上極嚢胞",
    "full-width letters below the limit": "左腎臓上極嚢胞左腎臓上極",
    "combining letters": "re\u0301nal_corte\u0301x",
    "emoji": "🫀🫁🧠🦴🫀🫁🧠🦴🫀🫁🧠🦴",
}


@pytest.fixture(params=WIDE_NAMES.values(), ids=WIDE_NAMES)
def wide_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["label", "region"])
def table_with_a_wide_name(
    request: pytest.FixtureRequest, wide_name: str, segeval: Run, nifti: Nifti, tmp_path: Path
) -> str:
    p, r = nifti("p.nii", SHIFTED), nifti("r.nii", np.roll(SHIFTED, 1, axis=0))
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({"x" if request.param == "region" else wide_name: 1}), encoding="utf-8")
    asked = ["--wide", "--labels", file, *(["--region", f"{wide_name}=1"] if request.param == "region" else [])]
    return str(segeval("score", p, r, *asked).out)


def test_a_long_or_wide_name_costs_no_digit_and_no_width(table_with_a_wide_name: str) -> None:
    assert too_wide(table_with_a_wide_name) == []
    values = by_numpy(SHIFTED == 1, np.roll(SHIFTED, 1, axis=0) == 1, classes=2, voxel_mm3=1)
    rows = [line for line in table_with_a_wide_name.splitlines() if line.startswith("mean")]
    shown_values = [cell for line in rows for cell in line.split()[1:]]
    assert shown_values == [shown(value) for value in values.values()]


def test_a_long_or_wide_name_is_shown_in_full(wide_name: str, table_with_a_wide_name: str) -> None:
    titles = [re.split(r"  |[0-9–]\.", line)[0] for line in table_with_a_wide_name.splitlines()]
    assert "".join(wide_name.split()) in re.sub(r"\s", "", "".join(titles))


def test_a_name_that_looks_like_markup_is_printed_as_it_is(segeval: Run, nifti: Nifti, tmp_path: Path) -> None:
    volume = np.arange(60, dtype=np.uint8).reshape(5, 4, 3) % 4
    p, r = nifti("[red]p[bold] :smile:.nii", volume), nifti("[blink].nii", volume)
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({"[red]": 1, "[/red]": 2, ":smile: \\[bold]": 3}), encoding="utf-8")
    run = segeval("score", p, r, "--labels", file, "--region", "[link]=1+2", "--metrics", "dice")
    assert run.code == 0
    for text in ("1 [red] ", "2 [/red] ", "3 :smile: \\[bold] ", "[link] ", f"prediction {p}\n", f"reference  {r}\n"):
        assert text in run.out
    assert "case [red]p[bold] :smile:\n" in run.out


def test_a_parameter_that_makes_a_long_header_keeps_its_text_and_the_width(
    segeval: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SAMPLES)
    key = "focal:alpha=0.123456789012:eta=1.2345678901e-05:gamma=3.1415926535"
    run = segeval("score", *PAIR, "--metrics", f"{key},dice,focal:gamma=3,gds:background=no")
    assert too_wide(run.out) == []
    headers = cells_of(run.out)["mean"]
    assert {key, "dice", "focal:gamma=3", "GDS:background=no"} == set(headers)


def test_a_file_path_and_a_signature_are_never_broken(segeval: Run, nifti: Nifti) -> None:
    volume = np.arange(60, dtype=np.uint8).reshape(5, 4, 3) % 3
    long = "a very long folder name with spaces/" * 3
    p, r = nifti(f"{long}p.nii", volume), nifti(f"{long}r.nii", volume)
    asked = [f"--region=region{k}=1+2" for k in range(20)]
    out = segeval("score", p, r, "--metrics", "dice", *asked).out
    assert f"\nprediction {p}\n" in out
    assert f"\nreference  {r}\n" in out
    assert ",".join(f"region{k}=1+2" for k in range(20)) in out.splitlines()[-1]


@settings(max_examples=40)
@given(
    keys=st.lists(st.from_regex(r"[a-z]{1,11}(_[a-z]{1,11}){0,2}(:[a-z]{1,9}=[0-9.]{1,12})?", fullmatch=True),
                  min_size=1, max_size=30, unique=True),
    names=st.lists(st.text("ab 脾🫀", max_size=40).map(str.strip), min_size=1, max_size=3),
    values=st.lists(st.one_of(st.floats(-1e9, 1e9), st.integers(0, 10**13), st.just(math.nan)), min_size=1),
    counts=st.booleans(),
)  # fmt: skip
def test_any_columns_fit_the_width_with_every_digit(
    keys: list[str], names: list[str], values: list[float], counts: bool
) -> None:
    def some(start: int) -> dict[str, float]:
        return {key: values[(start + number) % len(values)] for number, key in enumerate(keys)}

    labels = tuple(Row(number, name or None, some(number)) for number, name in enumerate(names, start=1))
    summaries = (Row("mean", None, some(7), dict.fromkeys(keys, 2), 3 if counts else 2), Row("all", None, some(9)))
    case = CaseResult("c", None, None, (*labels, *summaries))
    columns = tuple(Column(key, "overlap" if number % 2 else "losses") for number, key in enumerate(keys))
    table = render_table(Report("segeval:x", {}, columns, (case,)))
    assert too_wide(table) == []
    assert [line.split()[0] for line in table.splitlines() if line.startswith(("Over", "Loss"))] == (
        ["Losses", "Overlap"][: len(keys)]
    )
    rows = [line.split() for line in table.splitlines() if line.startswith("all ")]
    in_order = [key for group in (keys[::2], keys[1::2]) for key in group]
    assert [cell for row in rows for cell in row[1:]] == [value_text(some(9)[key]) for key in in_order]


@pytest.mark.parametrize("last", ["t", "tp", "tpx", "tpxy"])
def test_the_title_of_a_block_counts_for_the_width(last: str) -> None:
    keys = [*(letter * 10 for letter in "abcdef"), last]  # with the labels in 4 columns, up to 80
    rows = tuple(Row(label, None, dict.fromkeys(keys, 1)) for label in (1, "mean", "all"))
    case = CaseResult("c", None, None, rows)
    table = render_table(Report("segeval:x", {}, tuple(Column(key, "overlap") for key in keys), (case,)))
    assert too_wide(table) == []
    assert any(line.startswith("Overlap ") for line in table.splitlines())


def test_labels_without_names_fit_the_width_with_every_digit(segeval: Run) -> None:
    for first in ("prediction.nii.gz", "prediction_softmax.nii.gz"):
        out = segeval("score", SAMPLES / first, SAMPLES / "reference.nii.gz").out
        assert too_wide(out) == []
        assert not re.search(r"\d…", out)


# Many and few rows


def test_600_labels_are_cut_with_a_line_that_says_so(segeval: Run, nifti: Nifti) -> None:
    volume = np.arange(1200, dtype=np.uint16).reshape(20, 15, 4) % 601
    p, r = nifti("p.nii", volume), nifti("r.nii", volume)
    run = segeval("score", p, r, "--metrics", "dice")
    cells = cells_of(run.out)
    assert list(cells) == [*map(str, range(1, 501)), "mean", "all"]
    assert "… and 100 more rows; --format csv or json has all of them" in run.out.splitlines()
    assert len(segeval("score", p, r, "--metrics", "dice", "--format", "csv").out.splitlines()) == 1 + 600 + 2


def test_500_labels_are_not_cut(segeval: Run, nifti: Nifti) -> None:
    volume = np.arange(1200, dtype=np.uint16).reshape(20, 15, 4) % 501
    run = segeval("score", nifti("p.nii", volume), nifti("r.nii", volume), "--metrics", "dice")
    assert len(cells_of(run.out)) == 502
    assert "more label" not in run.out


def test_a_single_label_has_its_row_and_both_summaries(segeval: Run, nifti: Nifti) -> None:
    volume = np.zeros((3, 4, 5), np.uint8)
    volume[1] = 9
    run = segeval("score", nifti("p.nii", volume), nifti("r.nii", volume), "--metrics", "dice")
    assert cells_of(run.out) == {"9": {"dice": "1.0000"}, "mean": {"dice": "1.0000"}, "all": {"dice": "1.0000"}}


def test_volumes_without_any_label_have_the_summaries_alone(segeval: Run, nifti: Nifti) -> None:
    volume = np.zeros((3, 4, 5), np.uint8)
    run = segeval("score", nifti("p.nii", volume), nifti("r.nii", volume), "--metrics", "dice,accuracy")
    assert run.code == 0
    rows = [line.split() for line in run.out.splitlines() if line.startswith(("mean", "all"))]
    assert rows == [["mean", "–", "–"], ["all", "–", "1.0000"]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (123456789012, "123456789012"),
        (0.0, "0.0000"),
        (1.0, "1.0000"),
        (0.00099, "9.9e-04"),
        (0.001, "0.0010"),
        (-0.25, "-0.2500"),
        (99.9999, "99.9999"),
        (100.04, "100.0"),
        (12345678.9, "1.2e+07"),
        (math.nan, "–"),
    ],
)
def test_a_number_is_rounded_for_reading(value: float, text: str) -> None:
    row = Row(1, None, {"x": value})
    case = CaseResult("c", None, None, (row, Row("mean", None, {"x": math.nan}, {"x": 0}, 0)))
    table = render_table(Report("segeval:x", {}, (Column("x", "overlap"),), (case,)))
    assert cells_of(table)["1"] == {"x": text}


# Colours


def colours(text: str) -> dict[str, set[str]]:
    """The colours in which each word was printed."""
    found: dict[str, set[str]] = {}
    for codes, word in re.findall(r"\x1b\[([\d;]*)m([^\x1b\n]*)", text):
        if word.strip():
            found.setdefault(word.strip(), set()).update(
                {"31": "red", "32": "green", "33": "yellow"}[code] for code in codes.split(";") if code[:1] == "3"
            )
    return found


def test_colours_follow_the_direction_on_a_terminal() -> None:
    text = coloured(["score", *PAIR, "--metrics", "dice,iou,relative_volume_difference,ce,gdl_v,soft_iou"])
    found = colours(text)
    assert found["0.9507*"] == {"green"}  # liver's dice, the best: higher is better
    assert found["0.5931!"] == {"yellow"}  # tumor's dice, the worst
    assert found["0.4216!"] == {"red"}  # tumor's iou
    assert found["0.0457*"] == {"green"}  # liver's gdl_v: lower is better
    assert found["0.4058!"] == {"yellow"}  # tumor's gdl_v
    assert found["0.5784!"] == {"red"}  # tumor's soft_iou
    for undirected in ("-0.5529", "0.0590!"):  # a signed difference; a loss without a worst end
        assert not found.get(undirected)
    assert too_wide(re.sub(r"\x1b\[[\d;]*m", "", text)) == []


def test_no_color_means_no_colour_on_a_terminal() -> None:
    found = colours(coloured(["score", *PAIR, "--metrics", "dice,soft_iou"], NO_COLOR="1"))
    assert not set().union(*found.values())


@pytest.mark.parametrize("no_color", [False, True])
def test_without_a_terminal_there_is_no_escape_code(no_color: bool) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    if no_color:
        environment["NO_COLOR"] = "1"
    done = subprocess.run(
        [sys.executable, "-m", "segeval", "score", *PAIR], cwd=SAMPLES, capture_output=True, check=True,
        env={**environment, "TERM": "xterm", "COLORTERM": "truecolor"}, encoding="utf-8", stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "\x1b" not in done.stdout + done.stderr
    assert too_wide(done.stdout) == []


def test_an_output_file_has_no_escape_code_even_from_a_terminal(tmp_path: Path) -> None:
    coloured(["score", *PAIR, "-o", str(tmp_path / "out.txt")], COLUMNS="200")
    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert too_wide(text) == []


def test_a_terminal_that_cannot_show_a_character_is_no_error() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-m", "segeval", "score", *PAIR],
        cwd=SAMPLES,
        capture_output=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"1 liver        0.9507*" in done.stdout
    assert b"-------------- -------" in done.stdout
