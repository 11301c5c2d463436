"""``segeval.evaluate_arrays``: arrays in memory, and what cannot be evaluated."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from arrays import (
    GUESS,
    LABELS,
    PREDICTION,
    REFERENCE,
    RNG,
    SOFT,
    SOFTMAX,
    TRUTH,
    Run,
    row,
    rows_as_text,
)

from segeval import SegevalError, evaluate, evaluate_arrays, evaluate_folder
from segeval.errors import GeometryError, LabelError, UnreadableFile, UsageError


def test_the_metrics_text_may_name_settings() -> None:
    report = evaluate_arrays(GUESS, TRUTH, metrics="focal:gamma=3,dice,focal")
    assert list(row(report, 1).values) == ["focal:gamma=3", "dice", "focal"]


DTYPES = ["?", "i1", "u1", "<i2", ">i2", ">u4", "i8", "u8", "f2", "<f4", ">f8"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_numeric_dtype_scores_alike(dtype: str) -> None:
    guess, truth = (GUESS == 1, TRUTH == 1)
    expected = evaluate_arrays(guess.astype(int), truth.astype(int))
    for ours, theirs in ((guess.astype(dtype), truth), (guess, truth.astype(dtype))):
        found = evaluate_arrays(ours, theirs)
        assert rows_as_text(found) == rows_as_text(expected)
        assert repr(found.cases[0].confusion) == repr(expected.cases[0].confusion)


@pytest.mark.parametrize("dtype", ["f2", "<f4", ">f8"])
def test_any_float_holds_probabilities(dtype: str) -> None:
    eighths = np.floor(SOFT * 8) / 8
    eighths[..., 0] += 1 - eighths.sum(axis=-1)
    report = evaluate_arrays(eighths.astype(dtype), TRUTH, class_axis=-1)
    assert rows_as_text(report) == rows_as_text(evaluate_arrays(eighths, TRUTH, class_axis=-1))


def test_lists_are_arrays_too() -> None:
    report = evaluate_arrays([[1, 0], [2, 2]], [[1, 1], [2, 2]], metrics="dice")
    assert row(report, 1).values["dice"] == pytest.approx(2 / 3)
    assert row(report, 2).values["dice"] == 1


@pytest.mark.parametrize("axes", [1, 2, 3, 4, 5])
def test_arrays_may_have_any_number_of_axes(axes: int) -> None:
    guess, truth = (RNG.integers(0, 3, (3, 4, 2, 3, 2)[:axes]) for _ in range(2))
    values = row(evaluate_arrays(guess, truth, labels=[1]), 1).values
    assert values["tp"] == ((guess == 1) & (truth == 1)).sum()
    assert values["tn"] == ((guess != 1) & (truth != 1)).sum()


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "Fortran order": np.asfortranarray,
    "reversed": lambda array: np.ascontiguousarray(array[::-1, :, ::-1])[::-1, :, ::-1],
    "every second element": lambda array: np.repeat(np.repeat(array, 2, axis=0), 2, axis=2)[::2, :, ::2],
    "transposed": lambda array: np.ascontiguousarray(array.T).T,
    "read-only": lambda array: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_any_memory_layout_scores_alike_and_stays_untouched(layout: Callable[[Any], Any]) -> None:
    for ours in (GUESS, SOFT):
        axis = -1 if ours is SOFT else 0
        expected = evaluate_arrays(ours, TRUTH, class_axis=axis)
        laid, truth = layout(ours), layout(TRUTH)
        found = evaluate_arrays(laid, truth, class_axis=axis)
        assert found.cases[0].confusion == expected.cases[0].confusion
        for row_, other in zip(found.cases[0].rows, expected.cases[0].rows, strict=True):
            assert row_.values == pytest.approx(other.values, rel=1e-12, nan_ok=True)
        assert np.array_equal(laid, ours)
        assert np.array_equal(truth, TRUTH)


@pytest.mark.parametrize("metrics", ["overlap,losses,more_losses", "dice,hd95,sq,betti0_error", "auroc,ece"])
def test_the_order_in_memory_changes_no_number(metrics: str) -> None:
    """Arrays in C's order are read last axis first where nothing asks for places; Fortran's show what is expected."""
    rng = np.random.default_rng(4)
    reference = rng.integers(0, 3, (7, 5, 3))
    softmax = rng.dirichlet(np.ones(3), reference.shape)
    sides = [(np.moveaxis(softmax, -1, 0).copy(), {}), (softmax, {"class_axis": -1})]
    sides += [] if "auroc" in metrics else [(softmax.argmax(axis=-1), {})]
    beside = {"mask": rng.random(reference.shape) < 0.8}
    for prediction, options in sides:
        for more in ({}, beside):
            in_c, in_fortran = (
                evaluate_arrays(
                    order(prediction),
                    order(reference),
                    metrics=metrics,
                    spacing=(1, 2, 3),
                    **options,
                    **{name: order(array) for name, array in more.items()},
                )
                for order in (np.ascontiguousarray, np.asfortranarray)
            )
            for one, other in zip(in_c.cases[0].rows, in_fortran.cases[0].rows, strict=True):
                assert dict(one.values) == pytest.approx(dict(other.values), rel=1e-12, abs=1e-12, nan_ok=True)


def test_a_float_that_is_no_label_is_shown_where_it_lies() -> None:
    reference = np.zeros((7, 5, 3))
    reference[6, 0, 2] = 0.25
    for order in (np.ascontiguousarray, np.asfortranarray):
        with pytest.raises(LabelError, match=r"0\.25 .*\(6, 0, 2\)"):
            evaluate_arrays(np.zeros((7, 5, 3), np.uint8), order(reference))


def test_large_and_negative_labels_are_exact() -> None:
    values = np.array([2**64 - 1, 2**63, 2**53 + 1, 0], np.uint64)
    report = evaluate_arrays(values, values)
    assert [row.label for row in report.cases[0].rows[:-2]] == [2**53 + 1, 2**63, 2**64 - 1]
    report = evaluate_arrays(np.array([-5, 0, 1]), np.array([-5, -5, 1]))
    assert [row.label for row in report.cases[0].rows[:-2]] == [-5, 1]


def test_empty_arrays_have_no_defined_value_and_a_remark() -> None:
    report = evaluate_arrays(GUESS[:0], TRUTH[:0], labels=[1])
    values = row(report, 1).values
    assert values["tp"] == 0
    assert math.isnan(values["dice"])
    assert any("no voxel" in remark for remark in report.cases[0].remarks)
    assert not any("ignore label None" in remark for remark in report.cases[0].remarks)


# Errors


ARRAY_ERRORS: dict[str, tuple[type[SegevalError], Any, Any, dict[str, Any]]] = {
    "other shapes": (GeometryError, GUESS[:3], TRUTH, {}),
    "fewer axes": (GeometryError, GUESS[0], TRUTH, {}),
    "a reference with classes": (GeometryError, GUESS, SOFT, {}),
    "a class axis too far": (GeometryError, SOFT, TRUTH, {"class_axis": 4}),
    "a class axis too far back": (GeometryError, SOFT, TRUTH, {"class_axis": -5}),
    "complex numbers": (LabelError, GUESS.astype(complex), TRUTH, {}),
    "objects": (LabelError, GUESS.astype(object), TRUTH, {}),
    "words": (LabelError, GUESS.astype(str), TRUTH, {}),
    "fractions in the reference": (LabelError, GUESS, TRUTH + 0.5, {}),
    "NaN in the prediction": (LabelError, np.where(GUESS == 1, np.nan, GUESS), TRUTH, {}),
    "infinity in the reference": (LabelError, GUESS, np.where(TRUTH == 1, np.inf, TRUTH), {}),
    "channels that do not add up to 1": (LabelError, SOFT * 0.5, TRUTH, {"class_axis": 3}),
    "values above 1": (LabelError, SOFT * 3, TRUTH, {"class_axis": 3}),
    "a label without a channel": (LabelError, SOFT[..., :2] * 0 + 0.5, TRUTH, {"class_axis": 3}),
    "channels called labels": (LabelError, SOFT, TRUTH, {"class_axis": 3, "kind": "labels"}),
    "a single map of several labels": (LabelError, SOFT[..., 0], TRUTH, {}),
    "an unknown quantity": (UsageError, GUESS, TRUTH, {"metrics": "dicee"}),
    "a threshold that is no number": (UsageError, GUESS, TRUTH, {"threshold": math.nan}),
    "a region called mean": (UsageError, GUESS, TRUTH, {"regions": {"mean": [1]}}),
    "a region without labels": (UsageError, GUESS, TRUTH, {"regions": {"a": []}}),
    "a region in words": (UsageError, GUESS, TRUTH, {"regions": {"a": "1+x"}}),
    "a label that is no integer": (UsageError, GUESS, TRUTH, {"labels": [1.5]}),
    "labels in words": (UsageError, GUESS, TRUTH, {"labels": "1;2"}),
    "an unknown policy": (UsageError, GUESS, TRUTH, {"empty": "none"}),
    "an unknown kind": (UsageError, GUESS, TRUTH, {"kind": "mask"}),
    "a negative voxel volume": (UsageError, GUESS, TRUTH, {"voxel_volume_mm3": -1.0}),
}


@pytest.mark.parametrize(("error", "prediction", "reference", "options"), ARRAY_ERRORS.values(), ids=ARRAY_ERRORS)
def test_what_cannot_be_evaluated_is_a_segeval_error(
    error: type[SegevalError], prediction: Any, reference: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(error) as raised:
        evaluate_arrays(prediction, reference, **options)
    assert isinstance(raised.value, SegevalError)
    assert "\n" not in str(raised.value)


def test_a_shape_error_shows_both_shapes() -> None:
    with pytest.raises(GeometryError, match=r"\(3, 6, 5\).*\(7, 6, 5\)"):
        evaluate_arrays(GUESS[:3], TRUTH)


FILE_ERRORS: dict[str, tuple[type[SegevalError], dict[str, Any]]] = {
    "a label file that is not there": (UnreadableFile, {"labels": "missing.json"}),
    "labels that contradict": (UsageError, {"kind": "labels", "scale": 255}),
    "an unknown geometry": (UsageError, {"geometry": "loose"}),
    "unknown channels": (UsageError, {"channels": "separate"}),
    "an unknown activation": (UsageError, {"activation": "relu"}),
    "a negative weight": (UsageError, {"class_weights": {1: -1.0}}),
    "a negative tolerance": (UsageError, {"tolerance": -1.0}),
}


@pytest.mark.parametrize(("error", "options"), FILE_ERRORS.values(), ids=FILE_ERRORS)
def test_what_files_cannot_be_asked_is_a_segeval_error(error: type[SegevalError], options: dict[str, Any]) -> None:
    with pytest.raises(error):
        evaluate(SOFTMAX, REFERENCE, **options)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"missing\.nii"):
        evaluate(tmp_path / "missing.nii", REFERENCE)


# The report


def test_a_report_is_frozen() -> None:
    report = evaluate_arrays(GUESS, TRUTH, metrics="dice")
    for record in (report, report.cases[0], report.cases[0].rows[0], report.columns[0]):
        for field in record.__struct_fields__:
            with pytest.raises(AttributeError, match="immutable"):
                setattr(record, field, None)
    assert isinstance(report.cases, tuple)
    assert isinstance(report.cases[0].rows, tuple)


def test_the_same_arrays_give_an_equal_report() -> None:
    first, second = (evaluate_arrays(GUESS, TRUTH, voxel_volume_mm3=1.0) for _ in range(2))
    assert first == second
    assert first.to_json() == second.to_json()


def test_the_frame_has_a_row_per_row_and_a_column_per_quantity() -> None:
    report = evaluate_arrays(
        GUESS, TRUTH, labels={"a": 1, "b": 2, "none": 9}, regions={"zone": [1, 3]}, metrics="tp,dice,ce"
    )
    frame = report.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["case", "label", "name", "tp", "dice", "ce"]
    assert frame["label"].tolist() == [1, 2, 9, "zone", "mean", "all"]
    assert frame["name"].tolist()[:3] == ["a", "b", "none"]
    assert frame["name"].isna().tolist() == [False] * 3 + [True] * 3
    assert [str(frame[key].dtype) for key in ("tp", "dice", "ce")] == ["float64"] * 3
    for position, row_ in enumerate(report.cases[0].rows):
        for key in ("tp", "dice", "ce"):
            value = row_.values.get(key, math.nan)
            assert frame[key][position] == value or (math.isnan(value) and math.isnan(frame[key][position]))
    assert math.isnan(frame["tp"].iloc[-1])  # absent from `all`
    assert math.isnan(frame["dice"].iloc[2])  # undefined


def test_the_frame_holds_what_the_csv_holds(segeval: Run, tmp_path: Path) -> None:
    segeval("score", PREDICTION, REFERENCE, "--labels", LABELS, "-o", tmp_path / "x.csv")
    frame = evaluate(PREDICTION, REFERENCE, labels=LABELS).to_frame()
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        header, *read = csv.reader(file)
    assert list(frame.columns) == header
    for cells, record in zip(read, frame.itertuples(index=False), strict=True):
        assert cells[:2] == [record[0], str(record[1])]
        for cell, value in zip(cells[3:], record[3:], strict=True):
            assert math.isnan(value) if cell == "" else float(cell) == value


def test_the_json_of_a_report_is_its_document() -> None:
    report = evaluate_arrays(GUESS, TRUTH)
    document = report.document()
    assert json.loads(report.to_json()) == json.loads(json.dumps(document))
    assert document["schema"] == "segeval/1"
    assert document["cases"][0]["prediction"] is None


EVERY_GROUP = (
    "overlap,losses,more_losses,rates,surface,instances,instance_surface,topology,shape,profile,map_losses,partition"
)


@pytest.mark.parametrize("shape", [(0, 3, 3), (3, 0, 3), (0, 0, 0), (0, 5)])
def test_volumes_without_a_voxel_have_nothing_to_measure(shape: tuple[int, ...]) -> None:
    nothing = np.zeros(shape, dtype=int)
    row = evaluate_arrays(nothing, nothing, metrics=EVERY_GROUP, labels=[1]).cases[0].rows[0].values
    assert (row["tp"], row["instance_tp"]) == (0, 0)
    assert all(math.isnan(row[key]) for key in ("dice", "hd95", "boundary_iou"))
    maps = evaluate_arrays(nothing.astype(float), nothing, metrics="detection_maps", kind="probabilities")
    assert math.isnan(maps.cases[0].rows[0].values["lesion_ap"])


@pytest.mark.parametrize("shape", [(20, 20), (20, 20, 1)])
def test_all_groups_are_of_two_dimensions_too(shape: tuple[int, ...]) -> None:
    """4 of 5 rows of a square of 25 voxels: Dice 2 · 20 / 45, 1 mm off, one instance found; BraTS's lesions are 3-D."""
    reference, prediction = np.zeros(shape, dtype=int), np.zeros(shape, dtype=int)
    reference[3:8, 3:8] = prediction[4:8, 3:8] = 1
    report = evaluate_arrays(prediction, reference, metrics="all", spacing=(1,) * len(shape))
    values = json.loads(report.to_json())["cases"][0]["rows"][0]
    assert (values["dice"], values["hd"], values["instance_tp"]) == (pytest.approx(40 / 45), 1, 1)
    assert values["lesionwise_dice"] is None
    assert (
        "BraTS's lesion-wise procedure is of three dimensions: its quantities are undefined" in report.cases[0].remarks
    )
    with pytest.raises(UsageError, match="leave its quantities out"):
        evaluate_arrays(prediction, reference, metrics="dice,lesionwise")


class Raising:
    """An array of a library that has lost its device."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("the device\nis lost")


class NotExported:
    """An array that another library may not have now."""

    def __dlpack__(self, **_: Any) -> Any:
        raise BufferError("exported elsewhere")

    def __dlpack_device__(self) -> Any:
        return (1, 0)


SQUARE = np.array([[0, 1], [1, 1]])


@pytest.mark.parametrize("given", [Raising(), NotExported(), [[1, 2], [1]]])
def test_what_gives_no_array_is_a_line(given: Any) -> None:
    calls: list[tuple[str, Any]] = [
        ("prediction", lambda: evaluate_arrays(given, SQUARE)),
        ("reference", lambda: evaluate_arrays(SQUARE, given)),
        ("mask", lambda: evaluate_arrays(SQUARE, SQUARE, mask=given)),
        ("weights", lambda: evaluate_arrays(SQUARE, SQUARE, weights=given)),
    ]
    for name, call in calls:
        with pytest.raises(UsageError, match=f"^the {name} cannot be read as an array") as caught:
            call()
        assert "\n" not in str(caught.value)


def test_masked_values_are_refused() -> None:
    """They would be scored as if they were not masked: Dice 0.5, where the two voxels left have 1."""
    masked: Any = np.ma.masked_array([[1, 1, 2, 2]], mask=[[0, 1, 0, 1]])
    plain = np.array([[1, 2, 2, 1]])
    for pair in ((masked, plain), (plain, masked)):
        with pytest.raises(UsageError, match=r"is a masked array with 2 values masked; give its \.data, and mask="):
            evaluate_arrays(*pair)
    as_advised = evaluate_arrays(masked.data, plain, mask=~masked.mask)
    assert [row.values["dice"] for row in as_advised.cases[0].rows[:2]] == [1.0, 1.0]
    unmasked = evaluate_arrays(np.ma.masked_array(plain), plain)
    assert unmasked.cases[0].rows[0].values["dice"] == 1.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"spacing": 1}, "spacing=1: give a number of mm for each of the 2 axes"),
        ({"spacing": "ab"}, "spacing='ab': give a number of mm"),
        ({"spacing": (1, None)}, "give a number of mm"),
        ({"spacing": (10**400, 1)}, "give a number of mm"),
        ({"spacing": (1e-300, 1), "metrics": "hd"}, "give a distance of 1e-12 to 1e\\+12 mm"),
        ({"spacing": (1e300, 1)}, "give a distance of 1e-12 to 1e\\+12 mm"),
        ({"voxel_volume_mm3": "a"}, "voxel_volume_mm3='a': write a number or None"),
        ({"class_axis": 1.5}, "class_axis=1.5: write an integer"),
        ({"threshold": "a"}, "threshold='a': write a number"),
        ({"connectivity": 4.5}, "connectivity=4.5: write an integer or None"),
        ({"clip": "no"}, "clip='no': write True or False"),
        ({"tau": {1: "x"}}, "tau, 1='x': write a number"),
        ({"class_weights": {1: "x"}}, "class_weights, 1='x': write a number"),
        ({"class_weights": 5}, "class_weights=5: not of a type that is taken here"),
        ({"regions": 5}, "regions=5: not of a type"),
        ({"missed": [1]}, r"missed=\[1\]: not of a type"),
        ({"lesionwise": 5}, "lesionwise=5"),
        ({"protocol": 5}, "protocol=5: write its name"),
    ],
)
def test_options_of_another_type_are_a_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        evaluate_arrays(SQUARE, SQUARE, **options)


def test_numbers_of_numpy_are_numbers() -> None:
    given = evaluate_arrays(SQUARE, SQUARE, spacing=np.array([1, 2]), threshold=np.float32(0.5), background=np.True_)
    assert given.signature == evaluate_arrays(SQUARE, SQUARE).signature
    assert [row.label for row in given.cases[0].rows] == [0, 1, "mean", "all"]
    assert given.cases[0].rows[1].values["ref_volume_ml"] == pytest.approx(0.006)  # 3 voxels of 2 mm³


def test_paths_are_no_arrays() -> None:
    array: Any = SQUARE
    with pytest.raises(UsageError, match="prediction: give a path, this is of the type ndarray; evaluate_arrays"):
        evaluate(array, array)
    with pytest.raises(UsageError, match="references: give a path, this is of the type ndarray"):
        evaluate_folder("somewhere", array)


@pytest.mark.parametrize("kind", ["array", "file"])
def test_a_single_map_has_no_softmax(kind: str, tmp_path: Path) -> None:
    # It is exp(z) / exp(z) = 1 whatever z, so that everything would be foreground.
    logits = np.where(TRUTH > 0, 3.0, -3.0).astype(np.float32)
    with pytest.raises(LabelError, match="--activation sigmoid for the logits of one class"):
        if kind == "array":
            evaluate_arrays(logits, TRUTH > 0, activation="softmax")
        else:
            np.save(tmp_path / "p.npy", logits)
            np.save(tmp_path / "r.npy", (TRUTH > 0).astype(np.uint8))
            evaluate(tmp_path / "p.npy", tmp_path / "r.npy", activation="softmax")
    found = evaluate_arrays(logits, TRUTH > 0, activation="sigmoid", metrics="dice")
    assert row(found, 1).values["dice"] == 1


@pytest.mark.parametrize("kind", [None, "probabilities"])
def test_a_reference_of_probabilities_is_not_sent_to_an_option_of_the_prediction(kind: Any) -> None:
    with pytest.raises(LabelError, match=r"the reference: is no label map: .*; the prediction alone"):
        evaluate_arrays(SOFT, np.where(TRUTH > 0, 0.75, 0.25), kind=kind, class_axis=-1)


@pytest.mark.parametrize("channels", ["exclusive", "independent"])
def test_a_probability_map_lacks_what_its_label_map_lacks(channels: str) -> None:
    # Label 2 is nowhere: its probability is 0.2, and the reference has 0 and 1.
    reference = np.zeros((4, 4, 4), np.uint8)
    reference[1:3, 1:3] = 1
    soft = np.stack([0.1 + 0.6 * (reference == 0), 0.1 + 0.6 * (reference == 1), np.full(reference.shape, 0.2)])
    asked: dict[str, Any] = {"metrics": "dice,iou:empty=1", "empty": "one", "labels": [1, 2], "regions": ["two=2"]}
    found = evaluate_arrays(soft, reference, class_axis=0, channels=channels, **asked)
    hard = evaluate_arrays(reference, reference, **asked)
    for label in (1, 2, "two", "mean"):
        assert row(found, label).values == row(hard, label).values == {"dice": 1, "iou:empty=1": 1}
