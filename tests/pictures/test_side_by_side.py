"""Two predictions of a case in the same slices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.comparing.paired_reports import compare_files
from segeval.pictures.side_by_side import side_by_side
from segeval.reports.report_files import read_report

pytest.importorskip("vl_convert", reason="the extra report is not installed")

Run = Callable[..., Any]


@pytest.fixture
def reports(nifti: Callable[..., Path], segeval: Run, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three cases of a liver. In a the second prediction misses slice 7, in b it is right and the first one invents
    voxels in slice 2, where the reference has none; c is the same in both."""
    reference = np.zeros((12, 12, 12), np.uint8)
    reference[4:8, 4:8, 5:9] = 1
    hole, island = reference.copy(), reference.copy()
    hole[:, :, 7] = 0
    island[1:4, 1:3, 2] = 1
    sides = {"first": (reference, island, hole), "second": (hole, reference, hole)}
    for side, predictions in sides.items():
        for case, prediction in zip("abc", predictions, strict=True):
            nifti(f"r/{case}.nii", reference)
            root = nifti(f"{side}/{case}.nii", prediction).parents[1]
    monkeypatch.chdir(root)
    Path("labels.json").write_text('{"liver": 1}')
    for side in sides:
        command = ("batch", side, "r", "--labels", "labels.json", "--metrics", "dice", "-o", f"{side}.json")
        assert segeval(*command).code == 0
    return [Path("first.json"), Path("second.json")]


def test_what_changed_most_is_shown_where_the_worse_one_is_most_wrong(reports: list[Path]) -> None:
    comparison = compare_files(reports)
    found = side_by_side(comparison, [read_report(path) for path in reports])
    assert [each.words for each in found] == [
        "liver of a: dice 1.0000 → 0.8571",  # 2·48 / (64 + 48)
        "liver of b: dice 0.9552 → 1.0000",  # 2·64 / (70 + 64)
    ]
    worse, better = found
    for each in found:
        assert [view.index for view in each.baseline.slices] == [view.index for view in each.other.slices]
    assert worse.other.slices[0].place.startswith("slice 8 of 12")
    assert "16 false negative" in worse.other.slices[0].description
    assert "0 false negative" in worse.baseline.slices[0].description
    assert better.baseline.slices[0].place.startswith("slice 3 of 12")
    assert "6 false positive" in better.baseline.slices[0].description
    assert "0 voxels in the reference, 0 in the prediction" in better.other.slices[0].description


def test_so_many_of_each_report(reports: list[Path]) -> None:
    comparison, read = compare_files(reports), [read_report(path) for path in reports]
    assert side_by_side(comparison, read, 0) == []
    assert [each.baseline.case for each in side_by_side(comparison, read, 1)] == ["a"]


def test_a_label_that_both_number_differently_is_drawn_by_its_name(
    nifti: Callable[..., Path], segeval: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Masks are numbered by name: the second prediction's spurious adrenal makes the aorta 2 and the liver 3."""
    body = np.arange(1000).reshape(10, 10, 10)
    reference = {"aorta": body < 100, "liver": (body >= 300) & (body < 500)}
    sides = {"first": reference, "second": {**reference, "liver": (body >= 300) & (body < 400), "adrenal": body >= 990}}
    monkeypatch.chdir(tmp_path)
    for side, predicted in sides.items():
        for folder, masks in (("p", predicted), ("r", reference)):
            for name, mask in masks.items():
                nifti(f"{side}/{folder}/a/{name}.nii", mask.astype(np.uint8))
        command = ("batch", f"{side}/p", f"{side}/r", "--metrics", "dice", "-o", f"{side}.json")
        assert segeval(*command).code == 0
    paths = [Path("first.json"), Path("second.json")]
    (found,) = side_by_side(compare_files(paths), [read_report(path) for path in paths])
    assert found.words == "liver of a: dice 1.0000 → 0.6667"  # 2·100 / (100 + 200)
    assert (found.baseline.name, found.other.name) == ("liver", "liver")


def test_the_page_of_a_comparison_has_them(reports: list[Path], segeval: Run) -> None:
    run = segeval("compare", *reports, "-o", "x.html", "--figures", "figures")
    assert run.code == 0, run.err
    page = Path("x.html").read_text(encoding="utf-8")
    assert page.count('class="slice"') == 2 * 2 * 3
    assert page.index("liver of a: dice 1.0000 → 0.8571") < page.index("liver of b")
    names = {path.name for path in Path("figures").iterdir()}
    assert {"by-label.svg", "by-case.png", "a_liver_axial.pdf", "a_liver_axial-2.pdf"} <= names
    Path("second/a.nii").unlink()
    assert segeval("compare", *reports, "-o", "x.html").code == 0
    assert "no picture: " in Path("x.html").read_text(encoding="utf-8")
    run = segeval("compare", *reports, "-o", "x.html", "--case", "a")
    assert (run.code, "--case: a comparison shows the cases that changed most" in run.err) == (2, True)
