"""``segeval.evaluate`` and ``segeval.evaluate_arrays``: the same report, from files and from arrays."""

from __future__ import annotations

import inspect
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from arrays import (
    GUESS,
    LABELS,
    PREDICTION,
    REFERENCE,
    SOFT,
    SOFTMAX,
    TRUTH,
    Run,
    dice,
    row,
    rows_as_text,
)
from nibabel import Nifti1Image, load

import segeval
from segeval import evaluate, evaluate_arrays
from segeval.errors import GeometryError
from segeval.settings import ArrayOptions, FileOptions, Settings
from segeval.settings.asking import options
from segeval.settings.settings import declared

DISTANCES = Path(REFERENCE).with_name("label_distances.csv")

# What is public


def test_the_public_names_are_all_of_all() -> None:
    assert sorted(segeval.__all__) == [
        "Accumulator",
        "Report",
        "SegevalError",
        "Tally",
        "__version__",
        "check",
        "compare",
        "count",
        "evaluate",
        "evaluate_arrays",
        "evaluate_folder",
        "read_report",
    ]
    assert set(segeval.__all__) <= set(dir(segeval))
    namespace: dict[str, Any] = {}
    exec("from segeval import *", namespace)  # noqa: S102
    assert set(segeval.__all__) <= set(namespace) | {"__version__"}
    assert namespace["evaluate"] is evaluate


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"segeval.*nothing"):
        segeval.nothing  # noqa: B018


def test_importing_segeval_imports_no_numpy() -> None:
    code = """
import sys, segeval
heavy = {"numpy", "pandas", "SimpleITK", "scipy", "nibabel", "rich", "typer"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
segeval.evaluate_arrays([[0, 1]], [[0, 1]], metrics="dice").to_json()
late = {"pandas", "SimpleITK", "scipy", "rich", "typer"}
assert not late & set(sys.modules), late & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_signature_of_evaluate_arrays_is_the_documented_one() -> None:
    parameters = list(inspect.signature(evaluate_arrays).parameters.values())
    assert [p.name for p in parameters[:2]] == ["prediction", "reference"]
    assert {p.name: p.default for p in parameters[2:]} == {
        "class_axis": 0, "voxel_volume_mm3": None, "labels": None, "regions": None, "ignore_label": None, "kind": None,
        "threshold": 0.5, "metrics": None, "empty": "nan", "backend": "numpy", "spacing": None, "missed": "diagonal",
        "distance_spacing": "stored",
        "instances": False, "connectivity": None, "min_volume_mm3": 0.0, "matching": "one-to-one", "iou": 0.5,
        "match_by": "iou",
        "background": False, "class_weights": None, "channels": "exclusive", "activation": None, "scale": None,
        "clip": False, "protocol": None, "lesionwise": None, "tau": None, "mask": None, "within": None, "weights": None,
        "label_distances": None, "slices_of": None, "border_mm": None, "max_distance": None,
    }  # fmt: skip
    assert {p.kind for p in parameters[2:]} == {inspect.Parameter.KEYWORD_ONLY}


def test_evaluate_takes_the_options_of_the_command_line() -> None:
    from segeval.cli.score import score

    ours = list(inspect.signature(evaluate).parameters.values())
    theirs = {p.name: p for p in inspect.signature(score).parameters.values()}
    assert [p.name for p in ours[:2]] == ["prediction", "reference"]
    assert {p.kind for p in ours[2:]} == {inspect.Parameter.KEYWORD_ONLY}
    assert {p.name for p in ours} == set(theirs) - {
        "ctx", "format_", "wide", "output", "provenance", "max_memory",
        "images", "window", "pictures", "case", "figures", "workers", "dask", "resume",
    }  # fmt: skip
    assert all(p.default == theirs[p.name].default for p in ours[2:])


def test_the_signatures_can_be_read() -> None:
    """As help and notebooks show them."""
    for function in (evaluate, evaluate_arrays):
        text = str(inspect.signature(function))
        assert "ForwardRef" not in text
        assert "threshold: float = 0.5" in text
        assert "matching: Literal['one-to-one', 'any-overlap', 'many-to-one', 'greedy'] = 'one-to-one'" in text


def test_the_types_of_options_are_the_declared_ones() -> None:
    """What type checkers and editors know, against the settings' fields and what the command line asks."""
    known, settings = get_type_hints(FileOptions), get_type_hints(Settings)
    assert set(known) == set(options())
    arrays = {name for name, option in options().items() if not option.files_only}
    assert set(get_type_hints(ArrayOptions)) == arrays
    for field, setting in declared().items():
        for name, option in setting.options.items():
            named = name or field
            if option.asks is None and setting.made is None:
                assert known[named] == settings[field], named
            else:
                assert set(get_args(options()[named].asks)) - {list[str]} <= {*get_args(known[named]), known[named]}, (
                    named
                )


def test_an_option_that_there_is_not_is_named() -> None:
    with pytest.raises(TypeError, match=r"no option 'treshold'; did you mean threshold\?"):
        evaluate_arrays(GUESS, TRUTH, treshold=0.5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no option 'geometry'"):
        evaluate_arrays(GUESS, TRUTH, geometry="ignore")  # type: ignore[call-arg]


def test_arrays_take_what_files_take(tmp_path: Path) -> None:
    """Logits in 0 … 255, independent channels, weights, a background, a protocol: as from a file of the same voxels."""
    logits = np.random.default_rng(3).normal(size=(4, 5, 6, 4)).astype(np.float32) * 4
    truth = np.random.default_rng(4).integers(0, 4, (4, 5, 6), dtype=np.uint8)
    files = [tmp_path / "logits.nii", tmp_path / "truth.nii"]
    for path, array in zip(files, (logits, truth), strict=True):
        Nifti1Image(array, np.eye(4)).to_filename(path)
    for asked in (
        {"activation": "softmax", "background": True, "class_weights": {0: 0.5, 1: 1.0, 2: 2.0, 3: 1.0}},
        {"activation": "sigmoid", "channels": "independent", "regions": {"both": "1+2"}},
        {"scale": 255.0, "clip": True, "channels": "independent", "metrics": "dice,ce"},
        {"activation": "softmax", "protocol": "brats-lesionwise:ped"},
    ):
        from_files = evaluate(*files, **asked)  # type: ignore[arg-type]
        from_arrays = evaluate_arrays(logits, truth, class_axis=3, spacing=(1, 1, 1), **asked)  # type: ignore[arg-type]
        assert from_arrays.cases[0].kind == from_files.cases[0].kind == "probabilities"
        for ours, theirs in zip(from_arrays.cases[0].rows, from_files.cases[0].rows, strict=True):
            assert (ours.label, ours.values) == (theirs.label, pytest.approx(theirs.values, rel=1e-12, nan_ok=True))


# Files


@pytest.mark.parametrize("prediction", [PREDICTION, SOFTMAX])
@pytest.mark.parametrize("as_text", [False, True])
def test_evaluate_gives_the_json_of_the_command_line(prediction: Path, as_text: bool, segeval: Run) -> None:
    paths = (str(prediction), str(REFERENCE)) if as_text else (prediction, REFERENCE)
    labels = str(LABELS) if as_text else LABELS
    run = segeval("score", *paths, "--labels", LABELS, "--region", "a=1+5", "--hash", "--format", "json")
    assert evaluate(*paths, labels=labels, regions={"a": [1, 5]}, hash=True).to_json() + "\n" == run.out


def test_every_argument_of_evaluate_means_what_the_option_means(segeval: Run) -> None:
    arguments: dict[str, Any] = {
        "labels": [0, 1, 2, 4], "regions": {"low": [1, 2], "pair": [2, 4]}, "ignore_label": 5, "background": True,
        "metrics": "dice,focal:gamma=3,weighted_ce", "empty": "one", "class_weights": {0: 0.5, 1: 1.0, 2: 2.0, 4: 3.0},
        "kind": "probabilities", "threshold": 0.4, "channels": "independent", "activation": "sigmoid", "scale": 2.0,
        "clip": True, "class_axis": 3, "geometry": "resample", "tolerance": 0.5, "hash": True,
        "distance_spacing": "voxels",
        "backend": "auto", "missed": 5.0, "instances": True, "connectivity": 6, "min_volume_mm3": 10.0,
        "matching": "many-to-one", "iou": 0.25, "match_by": "dice", "protocol": "brats-lesionwise:met", "tau": {1: 2.0},
        "max_distance": 12.5,
        "mask": REFERENCE, "within": "1+2+4", "weights": REFERENCE, "label_distances": DISTANCES,
        "lesionwise": None,  # which the protocol decides
        "volume": None,  # would leave one channel of them; tests/cli/test_series.py has its meaning
        "key": None, "level": None,  # of files of arrays; tests/readers/test_keys_and_levels.py has their meaning
        "palette": "camvid", "min_score": 0.5, "drawn_on": "images",
        "slices_of": None,  # takes label maps alone; tests/cases/test_labelled_slices.py has its meaning
        "border_mm": 0.5,
    }  # fmt: skip
    assert set(arguments) == {*list(inspect.signature(evaluate).parameters)[2:]}
    run = segeval(
        "score", SOFTMAX, REFERENCE, "--labels=0,1,2,4", "--region=low=1+2", "--region=pair=2+4", "--ignore-label=5",
        "--background", "--metrics=dice,focal:gamma=3,weighted_ce", "--empty=one", "--class-weights=0=0.5,1=1,2=2,4=3",
        "--kind=probabilities", "--threshold=0.4", "--channels=independent", "--activation=sigmoid", "--scale=2",
        "--clip", "--class-axis=3", "--geometry=resample", "--tolerance=0.5", "--hash", "--backend=auto",
        "--distance-spacing=voxels",
        "--missed=5", "--instances", "--connectivity=6", "--min-volume-mm3=10", "--matching=many-to-one", "--iou=0.25",
        "--match-by=dice", "--border-mm=0.5",
        "--mask", REFERENCE, "--weights", REFERENCE, "--within=1+2+4", "--label-distances", DISTANCES,
        "--protocol=brats-lesionwise:met", "--tau=1=2", "--max-distance=12.5", "--palette=camvid", "--min-score=0.5",
        "--drawn-on=images",
        "--format=json",
    )  # fmt: skip
    assert run.code == 0, run.err
    assert json.loads(evaluate(SOFTMAX, REFERENCE, **arguments).to_json()) == run.json


def test_labels_may_be_a_mapping_of_names() -> None:
    report = evaluate(PREDICTION, REFERENCE, labels={"liver": 1, "spleen": 2}, metrics="dice")
    assert [(row.label, row.name) for row in report.cases[0].rows[:2]] == [(1, "liver"), (2, "spleen")]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16])
def test_zeros_and_ones_of_any_type_are_probabilities_where_that_is_asked_for(dtype: Any) -> None:
    mask = np.array([[0, 1, 0, 1]], dtype=dtype)
    report = evaluate_arrays(
        mask, np.array([[0, 1, 0, 0]]), kind="probabilities", metrics="dice,ref_voxels,pred_voxels"
    )
    assert row(report, 1).values == {"dice": 2 / 3, "ref_voxels": 1, "pred_voxels": 2}


def test_arrays_of_the_sample_data_score_like_the_files() -> None:
    files = evaluate(SOFTMAX, REFERENCE)
    softmax, reference = (np.asarray(load(path).dataobj) for path in (SOFTMAX, REFERENCE))
    arrays = evaluate_arrays(softmax, reference, class_axis=3, voxel_volume_mm3=36.0)
    assert arrays.cases[0].confusion == files.cases[0].confusion
    for ours, theirs in zip(arrays.cases[0].rows, files.cases[0].rows, strict=True):
        assert (ours.label, ours.n) == (theirs.label, theirs.n)
        assert ours.values == pytest.approx(theirs.values, rel=1e-9, nan_ok=True)


# Arrays


def test_label_arrays_score_each_label_against_the_rest() -> None:
    report = evaluate_arrays(GUESS, TRUTH, metrics="dice,tp,ref_volume_ml")
    assert [row.label for row in report.cases[0].rows] == [1, 2, 3, "mean", "all"]
    for label in (1, 2, 3):
        values = row(report, label).values
        assert values["dice"] == pytest.approx(dice(label == GUESS, label == TRUTH), rel=1e-12)
        assert values["tp"] == ((label == GUESS) & (label == TRUTH)).sum()
        assert math.isnan(values["ref_volume_ml"])
    assert report.cases[0].prediction is report.cases[0].reference is None
    assert sum(count for _, _, count in report.cases[0].confusion) == TRUTH.size


def test_the_voxel_volume_gives_volumes_in_ml() -> None:
    values = row(evaluate_arrays(GUESS, TRUTH, voxel_volume_mm3=2.5), 1).values
    assert values["ref_volume_ml"] == pytest.approx((TRUTH == 1).sum() * 2.5e-3, rel=1e-12)
    assert values["pred_volume_ml"] == pytest.approx((GUESS == 1).sum() * 2.5e-3, rel=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -4])
def test_the_class_axis_is_where_the_caller_says(axis: int) -> None:
    report = evaluate_arrays(np.moveaxis(SOFT, -1, axis), TRUTH, class_axis=axis)
    hard = SOFT.argmax(axis=-1)
    for label in (1, 2, 3):
        values = row(report, label).values
        assert values["dice"] == pytest.approx(dice(hard == label, label == TRUTH), rel=1e-12)
        p, r = SOFT[..., label], label == TRUTH
        assert values["soft_dice"] == pytest.approx(1 - 2 * (p * r).sum() / ((p**2).sum() + r.sum() + 1e-6), rel=1e-9)
    assert "|kind:probabilities|" in report.signature


def test_the_class_axis_is_zero_by_default_and_never_guessed() -> None:
    classes_first = np.moveaxis(SOFT, -1, 0)
    by_default, as_said = evaluate_arrays(classes_first, TRUTH), evaluate_arrays(SOFT, TRUTH, class_axis=3)
    assert rows_as_text(by_default) == rows_as_text(as_said)
    with pytest.raises(GeometryError):
        evaluate_arrays(SOFT, TRUTH)


def test_a_class_axis_that_changes_a_number_changes_the_signature() -> None:
    square = np.array([[0.6, 0.3, 0.1], [0.1, 0.6, 0.3], [0.3, 0.1, 0.6]])  # sums to 1 along either axis
    one, other = (evaluate_arrays(square, np.array([1, 0, 2]), class_axis=axis) for axis in (0, 1))
    assert rows_as_text(one) != rows_as_text(other)
    assert one.signature != other.signature


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.75])
def test_a_single_map_is_foreground_from_the_threshold_on(threshold: float) -> None:
    single = np.round(SOFT[..., 1] * 4) / 4
    report = evaluate_arrays(single, (TRUTH == 2) * 2, threshold=threshold, metrics="dice")
    assert row(report, 2).values["dice"] == pytest.approx(dice(single >= threshold, TRUTH == 2), rel=1e-12)


def test_one_channel_along_the_class_axis_is_a_single_map() -> None:
    single = SOFT[..., 1]
    reference = (TRUTH == 1).astype(np.uint8)
    one = evaluate_arrays(single[np.newaxis], reference)
    assert rows_as_text(one) == rows_as_text(evaluate_arrays(single, reference, kind="probabilities"))


def test_the_kind_settles_what_the_values_leave_open() -> None:
    ones = (TRUTH == 1).astype(float)
    guess = (GUESS == 1).astype(float)
    assert "|kind:labels|" in evaluate_arrays(guess, ones).signature
    assert "|kind:probabilities|" in evaluate_arrays(guess, ones, kind="probabilities").signature
    assert evaluate_arrays(guess, ones, kind="labels").cases[0].remarks == ()


def test_labels_regions_ignore_label_and_empty_policy_of_arrays() -> None:
    report = evaluate_arrays(
        GUESS, TRUTH, labels=[0, 1, 9], regions={"odd": (1, 3)}, ignore_label=2, metrics="dice,tp", empty="one"
    )
    kept = TRUTH != 2
    assert [row.label for row in report.cases[0].rows] == [0, 1, 9, "odd", "mean", "all"]
    assert row(report, 1).values["dice"] == pytest.approx(dice(kept & (GUESS == 1), kept & (TRUTH == 1)), rel=1e-12)
    assert row(report, 9).values["dice"] == 1.0
    odd = [kept & np.isin(volume, (1, 3)) for volume in (GUESS, TRUTH)]
    assert row(report, "odd").values["dice"] == pytest.approx(dice(*odd), rel=1e-12)


def test_a_region_of_every_label_is_the_star_of_the_command_line() -> None:
    report = evaluate_arrays(GUESS, TRUTH, regions={"foreground": "*"}, metrics="dice")  # type: ignore[dict-item]
    assert row(report, "foreground").values["dice"] == pytest.approx(dice(GUESS > 0, TRUTH > 0), rel=1e-12)


def test_labels_of_arrays_may_have_names() -> None:
    report = evaluate_arrays(GUESS, TRUTH, labels={"b": 2, "a": 1}, metrics="dice")
    assert [(row.label, row.name) for row in report.cases[0].rows[:2]] == [(1, "a"), (2, "b")]


@pytest.mark.parametrize(
    "labels", [np.array([1, 2]), np.unique(TRUTH), [np.uint8(1), np.int64(2)], range(1, 3), (2, 1)]
)
def test_labels_may_come_from_numpy(labels: Sequence[int]) -> None:
    report = evaluate_arrays(GUESS, TRUTH, labels=labels, ignore_label=np.int16(3), regions={"a": np.array([1, 2])})  # type: ignore[arg-type, dict-item]
    assert all(type(row.label) in (int, str) for row in report.cases[0].rows)
    settings = json.loads(report.to_json())["settings"]
    assert settings["labels"] == [1, 2]
    assert settings["regions"] == {"a": [1, 2]}
    assert settings["ignore_label"] == 3
    assert "ignore:3" in report.signature


# What a report gives loggers


def test_a_flat_report_is_values_by_path() -> None:
    reference = np.array([1, 1, 1, 2, 0, 0])
    prediction = np.array([1, 1, 0, 0, 1, 0])
    report = evaluate_arrays(prediction, reference, labels={"liver": 1, "cyst": 2}, metrics="dice,precision")
    assert report.flat("val") == pytest.approx({
        "val/liver/dice": 4 / 6, "val/liver/precision": 2 / 3, "val/cyst/dice": 0.0,
        "val/mean/dice": 2 / 6, "val/mean/precision": 2 / 3, "val/all/dice": 4 / 7,
    })  # fmt: skip
    assert set(report.flat()) == {key.removeprefix("val/") for key in report.flat("val")}


def test_no_row_of_a_flat_report_hides_another() -> None:
    """Dice of label 1: 2/3, of label 2: 4/5; their mean 11/15, over all voxels 3/4."""
    reference, prediction = np.array([1, 1, 2, 2]), np.array([1, 2, 2, 2])
    for names, keys in (
        ({"mean": 1, "all": 2}, ("1", "2")),
        ({"2": 1, "spleen": 2}, ("1", "spleen")),
        ({"1": 1, "2": 2}, ("1", "2")),
    ):
        report = evaluate_arrays(prediction, reference, labels=names, metrics="dice")
        values = dict(zip((*keys, "mean", "all"), (2 / 3, 4 / 5, 11 / 15, 3 / 4), strict=True))
        assert report.flat() == pytest.approx({f"{key}/dice": value for key, value in values.items()})


def test_of_a_batch_the_means_are_flat_and_the_worst_cases_come_first(tmp_path: Path) -> None:
    reference = np.zeros((6, 6, 6), np.uint8)
    reference[1:5] = 1
    for side in ("p", "r"):
        (tmp_path / side).mkdir()
    for number in range(4):
        prediction = np.roll(reference, number, axis=0)
        for side, array in (("p", prediction), ("r", reference)):
            Nifti1Image(array, np.eye(4)).to_filename(tmp_path / side / f"case_{number}.nii.gz")
    report = segeval.evaluate_folder(tmp_path / "p", tmp_path / "r", metrics="dice", workers=1)
    assert [case.case for case in report.worst(2)] == ["case_2", "case_3"]  # equal, by name
    assert len(report.worst()) == 4
    assert report.flat()["1/dice"] == pytest.approx((1 + 0.75 + 0.5 + 0.5) / 4)
    (tmp_path / "r.json").write_text(report.to_json(), encoding="utf-8")
    assert segeval.read_report(tmp_path / "r.json").flat() == pytest.approx(report.flat())
