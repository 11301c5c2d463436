"""``--tau``: the distance that nsd tolerates, label by label."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segeval
from segeval.errors import LabelError, UsageError

Run = Callable[..., Any]
METRICS = ("--metrics", "nsd", "--format", "json")

# The row of docs/surface_distances.md for two labels: of the four boundary voxels of each, two are within
# 1 mm, three within 2 mm and all within 8 mm.
HALF, MOST, ALL_FOUR = 0.5, 0.75, 1.0


@pytest.fixture
def pair(nifti: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    prediction, reference = np.zeros((2, 10, 11, 1), np.uint8)
    for label, row in ((1, 0), (2, 10)):
        prediction[2, row], reference[[2, 3, 6], row] = label, label
    files = nifti("p.nii", prediction, np.diag([2, 2, 2, 1])), nifti("r.nii", reference, np.diag([2, 2, 2, 1]))
    monkeypatch.chdir(files[0].parent)
    Path("labels.json").write_text('{"liver": 1, "aorta": 2}')
    return files


def shares(run: Any) -> dict[Any, float]:
    """Of labels and regions, by name."""
    assert run.code == 0, run.err
    rows = json.loads(run.out)["cases"][0]["rows"]
    return {row["name"] or row["label"]: row["nsd"] for row in rows if "nsd" in row and row["label"] != "mean"}


@pytest.mark.parametrize(
    ("tau", "liver", "aorta", "both"),
    [
        ("1", HALF, HALF, HALF),
        ("2", MOST, MOST, MOST),
        ("liver=2", MOST, HALF, HALF),
        ("liver=8,*=2", ALL_FOUR, MOST, MOST),
        ("1=8,both=2", ALL_FOUR, HALF, MOST),
        ("2=2,aorta=8,*=0", HALF, MOST, HALF),  # the value says more than the name
    ],
)
def test_a_label_has_its_own_tolerance(
    tau: str, liver: float, aorta: float, both: float, pair: tuple[Path, Path], segeval: Run
) -> None:
    run = segeval("score", *pair, "--labels", "labels.json", "--region", "both=*", *METRICS, "--tau", tau)
    assert shares(run) == {"liver": liver, "aorta": aorta, "both": both}


def test_a_tolerance_in_the_quantity_wins(pair: tuple[Path, Path], segeval: Run) -> None:
    run = segeval("score", *pair, "--metrics", "nsd,nsd:tau=1", "--tau", "8", "--format", "csv")
    lines = [line.split(",") for line in run.out.splitlines()]
    assert lines[0][-2:] == ["nsd", "nsd:tau=1"]
    assert [float(cell) for cell in lines[1][-2:]] == [ALL_FOUR, HALF]


def test_signature_and_settings_state_it_in_one_order(pair: tuple[Path, Path], segeval: Run) -> None:
    asked = ("score", *pair, "--labels", "labels.json", *METRICS)
    one, other = (json.loads(segeval(*asked, "--tau", tau).out) for tau in ("*=2,liver=5,1=3", "1=3.0,*=2,liver=5"))
    assert one["signature"] == other["signature"]
    assert "|tau:1=3,*=2,liver=5|" in one["signature"] + "|"
    assert one["settings"]["tau"] == {"1": 3.0, "*": 2.0, "liver": 5.0}
    plain = json.loads(segeval(*asked).out)
    assert "tau" not in plain["settings"]
    assert "tau" not in plain["signature"]


@pytest.mark.parametrize(
    ("tau", "words"),
    [
        ("livr=5", "--tau livr=5: there is no label livr; did you mean liver?; names of labels are: liver, aorta"),
        ("3=5", "--tau 3=5: there is no label 3"),
        ("liver=far", "--tau 'liver=far': write millimetres, or LABEL=MM like liver=5,*=1"),
        ("liver=5,liver=6", "--tau: liver is given twice; give each label one tolerance"),
        ("liver=-1", "--tau liver=-1: write millimetres of at least 0, like liver=2"),
        ("inf", "--tau *=inf: write millimetres of at least 0"),
    ],
)
def test_what_is_no_tolerance_is_refused(tau: str, words: str, pair: tuple[Path, Path], segeval: Run) -> None:
    run = segeval("score", *pair, "--labels", "labels.json", "--metrics", "nsd", "--tau", tau)
    assert (run.code, run.out) == (2, "")
    assert words in run.err


def test_a_name_that_no_file_gives_is_refused(pair: tuple[Path, Path], segeval: Run) -> None:
    run = segeval("score", *pair, "--metrics", "nsd", "--tau", "liver=5")
    assert (run.code, run.out) == (2, "")
    assert "there is no label liver; names of labels are: none, so give label values" in run.err


def test_python_takes_numbers_and_mappings(pair: tuple[Path, Path]) -> None:
    def of(tau: Any) -> list[Any]:
        report = segeval.evaluate(*pair, labels={"liver": 1, "aorta": 2}, metrics="nsd", tau=tau)
        return [row.values["nsd"] for row in report.cases[0].rows[:2]]

    assert of(2) == [MOST, MOST]
    assert of({"liver": 8, "*": 2}) == [ALL_FOUR, MOST]
    assert of({2: 2.0}) == [HALF, MOST]
    assert of(None) == [HALF, HALF]
    with pytest.raises(UsageError, match="there is no label lever"):
        of({"lever": 2})


def test_classes_of_mask_folders_are_known_by_name(pair: tuple[Path, Path], nifti: Callable[..., Path]) -> None:
    from segeval.readers import ReadOptions, open_volume

    for side, path in zip("pr", pair, strict=True):
        with open_volume(path, ReadOptions()) as volume:
            labels = np.concatenate(list(volume.source.pieces(0))).reshape(volume.shape, order="F")
        for value, name in ((1, "liver"), (2, "aorta")):
            nifti(f"{side}/{name}.nii.gz", (labels == value).astype(np.uint8), np.diag([2, 2, 2, 1]))
    report = segeval.evaluate("p", "r", metrics="nsd", tau="liver=8")
    assert {row.name: row.values["nsd"] for row in report.cases[0].rows[:2]} == {"aorta": HALF, "liver": ALL_FOUR}
    with pytest.raises((LabelError, UsageError), match="there is no label lung; names of labels are: aorta, liver"):
        segeval.evaluate("p", "r", metrics="nsd", tau="lung=8")
