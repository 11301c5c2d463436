"""What holds for every quantity, asked of the table of quantities itself."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segeval import evaluate_arrays
from segeval.choices import GROUPS
from segeval.quantities import all_quantities, select
from segeval.quantities.quantity import Quantity

DEFAULT = [selection.quantity for selection in select()]

Array = np.ndarray[Any, Any]

ALL = all_quantities()
EVERYTHING = ",".join(GROUPS)
every_quantity = pytest.mark.parametrize("quantity", ALL, ids=lambda quantity: quantity.name)

EXAMPLES = json.loads((Path(__file__).parents[1] / "examples.json").read_text())["examples"]


@st.composite
def label_maps(draw: st.DrawFn, values: tuple[int, ...] = (0, 1, 2, 5)) -> Array:
    return np.array(draw(st.lists(st.sampled_from(values), min_size=2, max_size=40)))


@st.composite
def label_pairs(draw: st.DrawFn) -> tuple[Array, Array]:
    reference = draw(label_maps())
    prediction = draw(st.lists(st.sampled_from((0, 1, 2, 5)), min_size=reference.size, max_size=reference.size))
    return np.array(prediction), reference


@st.composite
def probability_pairs(draw: st.DrawFn) -> tuple[Array, Array]:
    """(channels, voxels) that sum to 1, some of them saturated, and a reference."""
    reference = np.array(draw(st.lists(st.integers(0, 2), min_size=1, max_size=30)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    p = rng.dirichlet(np.full(3, draw(st.sampled_from([0.01, 0.3, 3.0]))), reference.size).T
    return p.astype(draw(st.sampled_from([np.float32, np.float64]))), reference


def in_space(*lines: Array) -> list[Array]:
    """Each as a bundle of four such lines: distances and lesions need three axes."""
    return [np.tile(values, (2, 2, 1)) for values in lines]


def rows_of(prediction: Array, reference: Array, **options: Any) -> list[dict[str, Any]]:
    return evaluate_arrays(prediction, reference, **options).document()["cases"][0]["rows"]


@given(reference=label_maps())
def test_a_perfect_prediction_gives_every_quantity_its_best(reference: Array) -> None:
    """Where the reference holds both the label and something else."""
    assume(len(set(reference.tolist())) > 1)
    one_hot = np.array([reference == label for label in range(6)])
    for prediction in (reference, one_hot.astype(np.float32), one_hot.astype(np.float64)):
        for row in rows_of(prediction, reference, labels=sorted({*reference.tolist(), 0})):
            if row["label"] == "all" or (isinstance(row["label"], int) and row["label"] not in reference):
                continue
            for quantity in DEFAULT:
                if quantity.best is not None:
                    assert math.isclose(row[quantity.name], quantity.best, abs_tol=1e-6), quantity.name
            assert row["relative_volume_difference"] == 0
            assert row["fp"] == row["fn"] == 0


@given(reference=label_maps())
def test_a_perfect_prediction_gives_the_row_all_its_best(reference: Array) -> None:
    assume(len(set(reference.tolist()) - {0}) > 0)
    assume(0 in reference)
    row = rows_of(reference, reference)[-1]
    for quantity in DEFAULT:
        if quantity.over_all is not None:
            assert quantity.best is not None
            assert math.isclose(row[quantity.name], quantity.best, abs_tol=1e-6), quantity.name


@given(pair=label_pairs())
def test_every_value_of_a_label_that_occurs_lies_on_its_scale(pair: tuple[Array, Array]) -> None:
    for row in rows_of(*in_space(*pair), metrics=EVERYTHING, spacing=(1, 1, 1)):
        for quantity in ALL:
            value = row.get(quantity.name)
            if quantity.best is None or quantity.worst is None or value is None:
                continue
            low, high = sorted((quantity.best, quantity.worst))
            if quantity.name == "dl2":
                low = -0.5  # a fraction of two empty classes is ε / ε = 1 rather than ½
            if quantity.name == "brier" and row["label"] == "all":
                high = 2  # a voxel is wrong by 1 in two classes
            assert low - 1e-6 <= value <= high + 1e-6, quantity.name


@given(pair=probability_pairs())
def test_no_loss_of_a_probability_map_is_negative_or_infinite(pair: tuple[Array, Array]) -> None:
    for row in rows_of(*pair):
        for quantity in DEFAULT:
            value = row.get(quantity.name)
            if quantity.group == "losses" and value is not None:
                assert math.isfinite(value)
                # A fraction of dl2 whose class is (almost) empty on both sides is (almost) ε / ε = 1 rather than ½.
                assert value >= (-0.5 - 1e-6 if quantity.name == "dl2" else -1e-9), quantity.name


@given(pair=label_pairs())
def test_every_quantity_stands_in_every_row_that_has_it(pair: tuple[Array, Array]) -> None:
    rows = rows_of(*pair, labels=[0, 1, 2, 5, 8])
    assert [row["label"] for row in rows] == [0, 1, 2, 5, 8, "mean", "all"]
    for row in rows:
        names = [quantity.name for quantity in DEFAULT if row["label"] != "all" or quantity.over_all]
        assert [name for name in row if name not in ("label", "name", "n")] == names
        for quantity in DEFAULT:
            if quantity.is_count and isinstance(row["label"], int):
                assert type(row[quantity.name]) is int


@given(pair=label_pairs())
def test_undefined_is_null_in_json_and_nan_in_frames_never_a_bare_nan(pair: tuple[Array, Array]) -> None:
    def refuse(constant: str) -> Any:
        raise AssertionError(constant)

    report = evaluate_arrays(*pair, labels=[1, 2, 7])
    rows = json.loads(report.to_json(), parse_constant=refuse)["cases"][0]["rows"]
    for row, own in zip(rows, report.cases[0].rows, strict=True):
        for name, value in own.values.items():
            assert row[name] == (None if math.isnan(value) else value)


@every_quantity
def test_every_quantity_names_itself_and_says_what_it_is(quantity: Quantity) -> None:
    assert quantity.name == quantity.formula.__name__.rstrip("_")  # `for` is a word of Python's
    assert quantity.formula.__doc__
    assert quantity.group in GROUPS
    assert quantity.text
    assert [selection.key for selection in select(quantity.name)] == [quantity.name]
    assert quantity.group != "losses" or (quantity.direction, quantity.best) == ("lower", 0)
    assert not quantity.is_count or quantity.over_all is None


@every_quantity
def test_every_quantity_alone_has_the_value_that_it_has_among_all(quantity: Quantity) -> None:
    prediction, reference = in_space(np.array([0, 1, 2, 2, 0, 1, 1]), np.array([0, 1, 2, 1, 0, 0, 1]))
    everything = rows_of(prediction, reference, labels=[0, 1, 2, 3], metrics=EVERYTHING)
    alone = rows_of(prediction, reference, labels=[0, 1, 2, 3], metrics=quantity.name)
    for row, own in zip(everything, alone, strict=True):
        found = {key: value for key, value in own.items() if key not in ("label", "name", "n")}
        assert found == ({quantity.name: row[quantity.name]} if quantity.name in row else {})


@every_quantity
def test_undefined_is_an_empty_cell_in_csv_and_null_in_json(
    quantity: Quantity, segeval: Callable[..., Any], nifti: Callable[..., Path]
) -> None:
    """Every voxel is ignored: all but the counts is undefined."""
    prediction = nifti("p.nii", np.array([1, 0], np.uint8).reshape(2, 1, 1))
    reference = nifti("r.nii", np.array([9, 9], np.uint8).reshape(2, 1, 1))
    arguments = ["score", prediction, reference, "--ignore-label", "9", "--labels", "1", "--metrics", quantity.name]
    where = "all" if quantity.of_all_alone else "1"
    rows = {row[1]: row for row in csv.reader(io.StringIO(segeval(*arguments, "-f", "csv").out))}
    assert rows[where] == ["p", where, "", "0" if quantity.is_count else ""]
    own = segeval(*arguments, "-f", "json").row("all" if quantity.of_all_alone else 1)
    assert own[quantity.name] == (0 if quantity.is_count else None)


@pytest.mark.parametrize(
    "quantity",
    [q for q in DEFAULT if not q.name.endswith("_volume_ml")],  # the examples have no geometry
    ids=lambda quantity: quantity.name,
)
def test_every_quantity_has_a_worked_value(quantity: Quantity) -> None:
    values = [
        row[quantity.name] for example in EXAMPLES for row in example["expected"].values() if quantity.name in row
    ]
    assert len({value for value in values if value is not None}) > 1
