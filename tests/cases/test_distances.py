"""Distances and instances from files to reports: against other libraries, published values and values by hand."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from segeval import evaluate, evaluate_arrays
from segeval.errors import LabelError, UsageError
from segeval.shapes import surface_distances
from segeval.shapes.layers import layers_of

SAMPLE = Path(__file__).parents[2] / "sample_data"
PREDICTION, SOFTMAX, REFERENCE = (
    SAMPLE / name for name in ("prediction.nii.gz", "prediction_softmax.nii.gz", "reference.nii.gz")
)
SPACING = (0.5, 1.0, 3.0)
Run = Callable[..., Any]


def save(path: Path, volume: Any, affine: Any = None) -> Path:
    spacing = np.diag([*SPACING, 1.0]) if affine is None else affine
    nibabel.Nifti1Image(np.asarray(volume, dtype=np.uint8), spacing).to_filename(path)
    return path


def two_boxes() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Label 1 in both, two voxels apart along the first axis; label 2 in the reference alone; label 3 invented."""
    p, r = np.zeros((20, 12, 6), dtype=np.uint8), np.zeros((20, 12, 6), dtype=np.uint8)
    r[2:8, 2:8, 1:4] = 1
    p[4:10, 2:8, 1:4] = 1
    r[12:14, 2:4, 2] = 2
    p[16:18, 8:10, 2:4] = 3
    return p, r


def rows(report: Any) -> dict[int | str, Any]:
    (case,) = report.cases
    return {row.label: row.values for row in case.rows}


@pytest.mark.parametrize("label", [1, 2, 3, 4, 5])
def test_the_sample_has_the_distances_that_deepminds_package_finds(label: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it uses names that SciPy has moved
        import surface_distance as sd

        image = nibabel.load(REFERENCE)
        truth = np.asarray(image.dataobj) == label
        found = np.asarray(nibabel.load(PREDICTION).dataobj) == label
        spacing = [float(mm) for mm in image.header.get_zooms()]
        if not (truth.any() and found.any()):
            pytest.skip("the sample has no such label on both sides")
        distances = sd.compute_surface_distances(truth, found, spacing)
        expected = {
            "hd95:surfel=yes": sd.compute_robust_hausdorff(distances, 95),
            "hd:surfel=yes": sd.compute_robust_hausdorff(distances, 100),
            "masd:surfel=yes": np.mean(sd.compute_average_surface_distance(distances)),
            "nsd:surfel=yes:tau=2": sd.compute_surface_dice_at_tolerance(distances, 2.0),
        }
    values = rows(evaluate(PREDICTION, REFERENCE, metrics=",".join(expected)))[label]
    assert {name: values[name] for name in expected} == pytest.approx(expected, rel=1e-6)


def test_two_boxes_by_hand(tmp_path: Path) -> None:
    p, r = two_boxes()
    report = evaluate(save(tmp_path / "p.nii.gz", p), save(tmp_path / "r.nii", r), metrics="surface,nsd:tau=0.5,dice")
    found = rows(report)
    diagonal = np.sqrt((19 * 0.5) ** 2 + 11**2 + (5 * 3) ** 2)
    assert found[1]["hd"] == 1.0  # two voxels of 0.5 mm
    assert found[1]["dice"] == pytest.approx(2 * 4 / 12)
    for label in (2, 3):
        assert [found[label][name] for name in ("hd", "hd95", "assd", "masd")] == pytest.approx([diagonal] * 4)
        assert found[label]["nsd"] == 0
    assert found["mean"]["hd"] == pytest.approx((1 + 2 * diagonal) / 3)
    assert report.cases[0].details["missed"] == [2, 3]
    assert "missed:diagonal" in report.signature


@pytest.mark.parametrize(("missed", "value"), [("nan", np.nan), ("100", 100.0), (7, 7.0)])
def test_a_miss_costs_what_the_user_says(missed: str | float, value: float, tmp_path: Path) -> None:
    p, r = two_boxes()
    files = save(tmp_path / "p.nii.gz", p), save(tmp_path / "r.nii", r)
    found = rows(evaluate(*files, metrics="hd,nsd", missed=missed))
    assert found[2]["hd"] == pytest.approx(value, nan_ok=True)
    assert found[2]["nsd"] == 0


def test_a_picture_of_one_slice_has_its_outline_as_boundary(tmp_path: Path) -> None:
    r = np.zeros((9, 9, 1), dtype=np.uint8)
    r[2:7, 2:7] = 1
    p = r.copy()
    p[4, 4] = 0  # a hole: four more boundary voxels and none of the reference's
    found = rows(evaluate(save(tmp_path / "p.nii", p), save(tmp_path / "r.nii", r), metrics="hd,assd"))[1]
    flat = rows(evaluate_arrays(p[..., 0], r[..., 0], metrics="hd,assd", spacing=SPACING[:2]))[1]
    assert found == flat
    # From (3, 4) the border is one voxel of 0.5 mm away, from (4, 3) it is two of 0.5 mm.
    assert found["hd"] == 1.0
    assert found["assd"] == pytest.approx((2 * 0.5 + 2 * 1.0) / (16 + 20))


def test_ignored_voxels_are_background_on_both_sides() -> None:
    p, r = two_boxes()
    r[4:10, 2:8, 1:4] = 9
    found = rows(evaluate_arrays(p, r, metrics="hd,instance_fp", ignore_label=9, labels=[1], spacing=SPACING))
    assert found[1]["hd"] == pytest.approx(np.linalg.norm(np.multiply((19, 11, 5), SPACING)))  # nothing is predicted
    assert found[1]["instance_fp"] == 0


def test_a_probability_map_has_the_distances_of_its_label_map(tmp_path: Path) -> None:
    p = np.asarray(nibabel.load(SOFTMAX).dataobj)
    image = nibabel.Nifti1Image(p.argmax(axis=-1).astype(np.uint8), nibabel.load(REFERENCE).affine)
    image.to_filename(tmp_path / "hard.nii.gz")
    soft = rows(evaluate(SOFTMAX, REFERENCE, metrics="surface,instances", background=True))
    hard = rows(evaluate(tmp_path / "hard.nii.gz", REFERENCE, metrics="surface,instances", background=True))
    assert soft == hard


def test_a_single_map_shows_the_references_label() -> None:
    p, r = (array.astype(np.float32) for array in two_boxes())
    truth = np.where(r == 1, 7, 0)
    soft = np.where(p == 1, 0.75, 0.125).astype(np.float32)
    found = rows(evaluate_arrays(soft, truth.astype(np.int16), metrics="hd", kind="probabilities", spacing=SPACING))
    assert found[7]["hd"] == 1.0


def test_files_without_a_spacing_are_measured_in_voxels() -> None:
    p, r = two_boxes()
    report = evaluate_arrays(p, r, metrics="hd")
    assert rows(report)[1]["hd"] == 2.0
    assert any("in voxels" in remark for remark in report.cases[0].remarks)


def test_what_has_no_label_map_or_no_right_angles_is_refused(tmp_path: Path, segeval: Run) -> None:
    with pytest.raises(LabelError, match="independent channels have no label map"):
        evaluate(SOFTMAX, REFERENCE, metrics="hd", channels="independent")
    sheared = np.diag([1.0, 1.0, 1.0, 1.0])
    sheared[0, 1] = 0.3
    p, r = two_boxes()
    files = save(tmp_path / "p.nii", p, sheared), save(tmp_path / "r.nii", r, sheared)
    for options in (["--metrics", "hd"], ["--metrics", "boundary:unit=mm"], ["--border-mm", "1"]):
        run = segeval("score", *files, *options)
        assert run.code == 3
        assert "sheared" in run.err
    assert segeval("score", *files, "--metrics", "boundary").code == 0  # which counts voxels
    with pytest.raises(UsageError, match="spacing"):
        evaluate_arrays(p, r, metrics="hd", spacing=(1, 1))
    with pytest.raises(UsageError, match=r"spacing=\(-1, 1, 1\): give a distance of 1e-12 to 1e\+12 mm"):
        evaluate_arrays(p, r, metrics="hd", spacing=(-1, 1, 1))


def test_all_labels_are_measured_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """And surfels in another one; a region that holds two labels takes a pass of its own."""
    passes: list[int] = []

    def noted(targets: Any) -> Any:
        layers = layers_of(targets)
        passes.append(len(layers))
        return layers

    monkeypatch.setattr(surface_distances, "layers_of", noted)
    p, r = two_boxes()
    for metrics, regions, expected in (
        ("hd95", None, [1]),
        ("hd95,hd95:surfel,instances", None, [1, 1]),
        ("hd95", {"both": (1, 2)}, [2]),
    ):
        passes.clear()
        evaluate_arrays(p, r, metrics=metrics, regions=regions)
        assert passes == expected


def test_instances_by_hand_and_in_the_json(tmp_path: Path, segeval: Run) -> None:
    """Two reference lesions: one is half found (IoU 4/12 below 1/2), one exactly; and one is invented."""
    p, r = np.zeros((20, 4, 4), dtype=np.uint8), np.zeros((20, 4, 4), dtype=np.uint8)
    r[1:9, 1, 1] = p[5:13, 1, 1] = 1
    r[1:4, 3, 3] = p[1:4, 3, 3] = 1
    p[17:19, 3, 3] = 1
    files = save(tmp_path / "p.nii", p), save(tmp_path / "r.nii", r)
    run = segeval("score", *files, "--metrics", "instances", "--format", "json")
    (case,) = run.json["cases"]
    row = case["rows"][0]
    assert (row["instance_tp"], row["instance_fp"], row["instance_fn"]) == (1, 2, 1)
    assert row["pq"] == pytest.approx(1 / (1 + 0.5 * 2 + 0.5 * 1))
    assert row["missed_volume_ml"] == pytest.approx(8 * 1.5 / 1000)
    (target,) = case["instances"]
    assert [match["reference"]["voxels"] for match in target["matches"]] == [3]
    assert target["missed"][0]["box"] == [[1, 9], [1, 2], [1, 2]]
    assert sorted(instance["voxels"] for instance in target["invented"]) == [2, 8]
    lower = segeval("score", *files, "--metrics", "instance_tp", "--iou", "0.3", "--format", "json")
    assert lower.json["cases"][0]["rows"][0]["instance_tp"] == 2


def test_a_voxels_volume_without_a_spacing_is_that_of_instances_too() -> None:
    """A missed body of 2 voxels and an invented one of 3, of 10 mm³ each: the first one is less than 25 mm³."""
    p, r = np.zeros((2, 8, 8), dtype=np.uint8)
    r[1, 1:3] = p[5, 1:4] = 1
    metrics = "ref_volume_ml,missed_volume_ml,invented_volume_ml"
    for least, missed in ((0, 0.02), (25, 0)):
        report = evaluate_arrays(p, r, metrics=metrics, voxel_volume_mm3=10.0, min_volume_mm3=least)
        assert [*report.cases[0].rows[0].values.values()] == pytest.approx([0.02, missed, 0.03])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_voxels_of_a_single_slice_have_its_thickness(tmp_path: Path, segeval: Run, axis: int) -> None:
    """A missed body of 4 voxels of 1×2×5 mm, and an invented one of 2, which is less than 30 mm³."""
    p, r = np.zeros((6, 7, 1), dtype=np.uint8), np.zeros((6, 7, 1), dtype=np.uint8)
    r[1:3, 1:3] = p[4, 4:6] = 1
    spacing = np.insert([1.0, 2.0], axis, 5.0)
    files = [
        save(tmp_path / name, np.moveaxis(array, 2, axis), affine=np.diag([*spacing, 1.0]))
        for name, array in (("p.nii", p), ("r.nii", r))
    ]
    metrics = "ref_volume_ml,missed_volume_ml,invented_volume_ml,instance_fp,instance_fn"
    ends = (["--workers", "2"], ["--min-volume-mm3", "30"], ["--min-volume-mm3", "30", "--workers", "2"])
    for options, invented in zip(([], *ends), (1, 1, 0, 0), strict=True):
        run = segeval("score", *files, "--metrics", metrics, *options, "--format", "json")
        row = run.json["cases"][0]["rows"][0]
        assert (row["instance_fp"], row["instance_fn"]) == (invented, 1)
        volumes = row["ref_volume_ml"], row["missed_volume_ml"], row["invented_volume_ml"]
        assert volumes == pytest.approx((0.04, 0.04, 0.02 * invented))


def test_a_batch_counts_the_misses_in_its_summary_and_any_number_of_workers_agrees(
    tmp_path: Path, segeval: Run
) -> None:
    p, r = two_boxes()
    for case in range(3):
        for side, volume in (("p", p), ("r", r)):
            (tmp_path / side).mkdir(exist_ok=True)
            save(tmp_path / side / f"case{case}.nii.gz", volume)
    asked = ("batch", tmp_path / "p", tmp_path / "r", "--metrics", "hd,pq,nsd", "--format", "json")
    one, two = (segeval(*asked, "--workers", workers) for workers in ("1", "2"))
    assert one.out == two.out
    (remark,) = [text for text in one.json["remarks"] if "--missed" in text]
    assert "2 in 3 case(s), 3 in 3 case(s)" in remark


def test_the_protocol_of_brats_sets_regions_and_quantities(tmp_path: Path, segeval: Run) -> None:
    """A missed tumour of 27 mm³ is too small to be scored at 50 mm³, a found one of 64 mm³ is not."""
    p, r = np.zeros((30, 12, 12), dtype=np.uint8), np.zeros((30, 12, 12), dtype=np.uint8)
    r[2:6, 2:6, 2:6] = p[2:6, 2:6, 2:6] = 3
    r[20:23, 4:7, 4:7] = 3
    files = [save(tmp_path / f"{side}.nii", volume, np.eye(4)) for side, volume in (("p", p), ("r", r))]
    run = segeval("score", *files, "--protocol", "brats-lesionwise", "--format", "json")
    values = {row["label"]: row for row in run.json["cases"][0]["rows"]}
    assert {"whole_tumour", "tumour_core", "enhancing_tumour"} < values.keys()
    assert values["whole_tumour"]["lesionwise_dice"] == 1
    assert values["whole_tumour"]["lesionwise_hd95"] == 0
    assert "lesionwise:gli" in run.json["signature"]
    metastases = segeval("score", *files, "--protocol", "brats-lesionwise:met", "--format", "json")
    scored = {row["label"]: row for row in metastases.json["cases"][0]["rows"]}["whole_tumour"]
    assert scored["lesionwise_dice"] == 0.5
    assert scored["lesionwise_hd95"] == 187
    wrong = segeval("score", *files, "--protocol", "brats:gli")
    assert wrong.code == 2


@pytest.mark.skipif("SEGEVAL_REAL_DATA" not in os.environ, reason="SEGEVAL_REAL_DATA is not set")
def test_the_spine_has_the_instances_that_its_owners_published() -> None:
    """Of 22 instances, 19 match at an IoU of at least 1/2, whose mean is the published 0.8328."""
    folder = Path(os.environ["SEGEVAL_REAL_DATA"]) / "real"
    folder = folder if folder.is_dir() else folder.parent
    report = evaluate(
        folder / "spine_prediction.nii.gz", folder / "spine_reference.nii.gz", tolerance=0.01,
        metrics="instances", instances=True, regions={"foreground": "*"},
    )  # fmt: skip
    values = rows(report)["foreground"]
    assert (values["instance_tp"], values["instance_fp"], values["instance_fn"]) == (19, 3, 3)
    assert round(values["sq"], 4) == 0.8328


def test_the_json_of_a_report_keeps_what_was_missed(tmp_path: Path) -> None:
    from segeval.results.report import CaseResult

    p, r = two_boxes()
    report = evaluate(save(tmp_path / "p.nii", p), save(tmp_path / "r.nii", r), metrics="hd,pq")
    (document,) = json.loads(report.to_json())["cases"]
    assert CaseResult.from_document(document).details == report.cases[0].details


def test_volumes_too_large_to_be_kept_are_refused_before_they_are_read(tmp_path: Path, segeval: Run) -> None:
    """Scoring them streams; distances need both label maps, 2 bytes per voxel."""
    volume = np.zeros((256, 256, 128), dtype=np.uint8)
    files = [save(tmp_path / f"{side}.nii.gz", volume) for side in ("p", "r")]
    run = segeval("score", *files, "--metrics", "hd", "--max-memory", "10M")
    assert run.code == 3
    assert "keeping both label maps" in run.err
    assert "16 MiB" in run.err
    assert segeval("score", *files, "--metrics", "dice", "--max-memory", "10M").code == 0


def test_a_match_may_be_asked_to_touch_exactly() -> None:
    """A cube of 8³ and the same a voxel further: in 7 planes the rings of 8² − 6² boundary voxels coincide."""
    cube = np.zeros((12, 12, 12), np.uint8)
    cube[1:9, 1:9, 1:9] = 1
    moved = np.roll(cube, 1, axis=0)
    row = evaluate_arrays(cube, moved, metrics="instance_nsd:tau=0,instance_nsd", spacing=(1, 1, 1)).cases[0].rows[0]
    assert row.values == {"instance_nsd:tau=0": pytest.approx(7 * (8**2 - 6**2) / (8**3 - 6**3)), "instance_nsd": 1.0}
