"""``slices_of``: by hand, against arrays emptied outside of the slices, on files, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from arrays import row, rows_as_text
from hypothesis import given
from hypothesis import strategies as st

from segeval import evaluate, evaluate_arrays
from segeval.errors import GeometryError, LabelError, UsageError

Run = Callable[..., Any]
EVERYTHING = "overlap,losses,surface,instances,profile,partition"
SHAPE = (5, 4, 6)


def column(*values: int) -> Any:
    return np.array(values, np.uint8).reshape(1, 1, -1)


@pytest.mark.parametrize(
    ("prediction", "reference", "slices_of", "dice"),
    [
        ((1, 1, 1, 1, 1, 1), (0, 1, 1, 1, 0, 0), None, 2 * 3 / (6 + 3)),
        ((1, 1, 1, 1, 1, 1), (0, 1, 1, 1, 0, 0), 1, 2 * 3 / (3 + 3)),
        ((1, 1, 1, 1, 1, 1), (0, 0, 1, 0, 1, 0), "1", 2 * 2 / (3 + 2)),
        ((1, 1, 1, 1, 0, 1), (0, 0, 0, 1, 1, 1), "1:before-last", 2 * 1 / (1 + 2)),
        ((1, 1, 1, 1, 1, 1), (2, 2, 0, 0, 0, 0), "*", 0),  # the reference lacks it, so that it counts everywhere
    ],
)
def test_a_column_by_hand(prediction: tuple[int, ...], reference: tuple[int, ...], slices_of: Any, dice: float) -> None:
    report = evaluate_arrays(column(*prediction), column(*reference), metrics="dice", labels=[1], slices_of=slices_of)
    assert row(report, 1).values["dice"] == pytest.approx(dice)


def emptied(labels: Any, reference: Any, slices: dict[int, bool]) -> Any:
    """Without each of these labels outside of the reference's slices of it; True leaves the last one out."""
    found = labels.copy()
    for label, before_last in slices.items():
        there = np.flatnonzero((reference == label).any(axis=(0, 1)))
        if there.size:
            outside = np.ones(labels.shape[2], dtype=bool)
            outside[there[0] : there[-1] + 1 - before_last] = False
            found[(labels == label) & outside] = 0
    return found


@given(st.integers(0, 1000), st.sampled_from(["1", "1+3", "*", "1+3:before-last"]), st.sampled_from(["C", "F"]))
def test_they_are_those_of_arrays_emptied_outside_of_the_slices(seed: int, slices_of: str, order: Any) -> None:
    rng = np.random.default_rng(seed)
    prediction, reference = (
        np.asarray(rng.integers(0, 4, SHAPE) * (rng.random(SHAPE) < 0.2), order=order) for _ in range(2)
    )
    values = {"1": (1,), "*": (1, 2, 3)}.get(slices_of, (1, 3))
    slices = dict.fromkeys(values, slices_of.endswith("last"))
    asked: dict[str, Any] = {"metrics": EVERYTHING, "spacing": (1, 2, 3), "regions": {"both": [1, 2]}}
    asked["labels"] = [1, 2, 3]
    assert rows_as_text(evaluate_arrays(prediction, reference, slices_of=slices_of, **asked)) == rows_as_text(
        evaluate_arrays(emptied(prediction, reference, slices), emptied(reference, reference, slices), **asked)
    )


def test_many_labels() -> None:
    """More than are looked for one by one: each predicted in every slice, and true in one, of its number."""
    reference = np.arange(60).reshape(1, 1, 60) * np.ones((60, 1, 1), int)
    prediction = np.arange(60).reshape(60, 1, 1) * np.ones((1, 1, 60), int)
    report = evaluate_arrays(prediction, reference * (prediction == reference), metrics="tp,fp", slices_of="*")
    assert [row.values for row in report.cases[0].rows if isinstance(row.label, int)] == [{"tp": 1, "fp": 0}] * 59


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A tube, predicted beyond the slices that the reference has it in; the two are stored in opposite directions."""
    y, h = np.zeros((6, 6, 8)), np.zeros((6, 6, 8))
    y[2:4, 2:4, 2:5], h[2:4, 2:4, :] = 5, 5
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    turned = affine.copy()
    turned[2, 2], turned[2, 3] = -3, 7 * 3
    nibabel.Nifti1Image(y, affine).to_filename(tmp_path / "r.nii.gz")
    nibabel.Nifti1Image(h[:, :, ::-1].astype(np.float32), turned).to_filename(tmp_path / "p.nii.gz")
    return tmp_path / "p.nii.gz", tmp_path / "r.nii.gz"


def test_files_and_names_and_the_signature(pair: tuple[Path, Path], segeval: Run) -> None:
    tube = ("--labels", pair[0].parent / "labels.json", "--metrics", "dice,tp")
    (pair[0].parent / "labels.json").write_text('{"1": "liver", "5": "tube"}')
    for asked, dice, tp in (
        ((), 24 / 44, 12),
        (("--slices-of", "tube"), 1, 12),
        (("--slices-of=5:before-last",), 1, 8),
    ):
        run = segeval("score", *pair, *tube, *asked, "--format", "json")
        assert run.code == 0, run.err
        (found,) = [each for each in run.json["cases"][0]["rows"] if each["label"] == 5]
        assert (found["dice"], found["tp"]) == (pytest.approx(dice), tp)
    assert "|slices_of:5:before-last|" in run.json["signature"]
    assert run.json["settings"]["slices_of"] == "5:before-last"
    assert "|kind:labels|" in run.json["signature"]


def test_a_report_shows_where_it_is_wrong(pair: tuple[Path, Path], segeval: Run, tmp_path: Path) -> None:
    run = segeval("score", *pair, "--slices-of", "5", "-o", tmp_path / "page.html")
    assert (run.code, "score again" in run.err) == (0, False)
    assert "other labels than when they were scored" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_cannot_be_is_refused(pair: tuple[Path, Path], segeval: Run) -> None:
    for words, said in (
        (("--slices-of", "tube"), "--slices-of: there is no label or region 'tube'"),
        (("--slices-of", "+"), "--slices-of '+': write label values"),
        (("--slices-of", "5", "--kind", "probabilities"), "--slices-of takes label maps"),
        (("--slices-of", "5", "--clip"), "--slices-of takes label maps"),
    ):
        run = segeval("score", *pair, *words)
        assert (run.code, run.err.count("\n")) == (2, 1)
        assert said in run.err
    softmax = np.full((*SHAPE, 3), 1 / 3, np.float32)
    with pytest.raises(UsageError, match="the prediction: holds probabilities, and --slices-of takes label maps"):
        evaluate_arrays(np.moveaxis(softmax, -1, 0), np.zeros(SHAPE, np.uint8), slices_of=1)
    flat = np.zeros((4, 4), np.uint8)
    with pytest.raises(GeometryError, match="has 4×4 voxels, and slices of labels lie along a third axis"):
        evaluate_arrays(flat, flat, slices_of=1)
    with pytest.raises(LabelError, match=r"the prediction: is no label map: 120 voxel"):
        evaluate_arrays(np.full(SHAPE, 0.5), np.zeros(SHAPE, np.uint8), slices_of=1)
    with pytest.raises(UsageError, match="there is no label or region 'x'"):
        evaluate(*pair, slices_of="x")


def test_voxels_of_several_labels_are_refused(tmp_path: Path) -> None:
    mask = np.ones((3, 3, 3), np.uint8)
    for side in ("p", "r"):
        (tmp_path / side).mkdir()
        for name in ("aorta", "vessel"):
            nibabel.Nifti1Image(mask, np.eye(4)).to_filename(tmp_path / side / f"{name}.nii.gz")
    with pytest.raises(LabelError, match=r"has voxels of several labels \(1, 2\)"):
        evaluate(tmp_path / "p", tmp_path / "r", slices_of="aorta")
