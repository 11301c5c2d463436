"""Slices of columns against a dict of dicts of the same cases."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segeval.results.rows import Row, Table
from segeval.results.slices import Results, in_order, label_order

KEYS = ("dice", "tp", "iou")
LABELS: list[int | str] = [1, 2, 10, -3, "mean", "all", "tumour", "core"]


class Case(NamedTuple):
    rows: tuple[Row, ...]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    labels = draw(st.lists(st.sampled_from(LABELS), unique=True, max_size=5))
    values = st.dictionaries(st.sampled_from(KEYS), st.floats(-1, 1) | st.just(math.nan) | st.integers(0, 9))
    names = st.sampled_from([None, "liver", "spleen"])
    return Case(tuple(Row(label, draw(names), draw(values)) for label in labels))


@given(st.lists(cases(), max_size=5), st.booleans(), st.permutations(range(5)))
def test_slices_are_those_of_a_dict(found: list[Case], held: bool, order: list[int]) -> None:
    if held:  # one table behind all, whose rows are asked for in another order
        table = Table(KEYS)
        for case in found:
            table.add(case.rows)
        views = [table.add(case.rows) for case in found]
        places = [place for place in order if place < len(found)]
        results = Results.of([Case(views[place]) for place in places], KEYS)  # type: ignore[arg-type]
        found = [found[place] for place in places]
    else:
        results = Results.of(found, KEYS)
    expected = [{row.label: row for row in case.rows} for case in found]
    labels = {label for case in expected for label in case}
    assert {line.label for line in results.lines} == labels
    assert [line.label for line in results.lines if isinstance(line.label, int)] == sorted(
        label for label in labels if isinstance(label, int)
    )
    for label in (*labels, "no such label"):
        rows = [case.get(label) for case in expected]
        present = [[row is not None and key in row.values for key in KEYS] for row in rows]
        values = [[math.nan if row is None else row.values.get(key, math.nan) for key in KEYS] for row in rows]
        np.testing.assert_array_equal(results.values(label, KEYS), np.reshape(values, (len(found), 3)))
        for place, key in enumerate(KEYS):
            assert results.presence(label, key).tolist() == [entry[place] for entry in present]
        if label in labels:
            names = [row.name for row in rows if row is not None and row.name]
            assert results.names[label] == tuple(dict.fromkeys(names))
            assert results.keys(label) == {k for i, k in enumerate(KEYS) if any(entry[i] for entry in present)}
            assert results.cells(label, ())[0].tolist() == [i for i, row in enumerate(rows) if row is not None]


def test_lines_stand_in_the_order_of_every_report() -> None:
    rows = [Row(label, None, {}) for label in ("all", "tumour", 10, "mean", "core", 2, -3)]
    assert [line.label for line in Results.of([Case(tuple(rows))], ()).lines] == [
        -3,
        2,
        10,
        "tumour",
        "core",
        "mean",
        "all",
    ]
    assert in_order({"mean": 1, "b": 1, "a": 1, 0: 1}) == [0, "b", "a", "mean"]
    assert sorted(["all", "mean", "b", "a", 3, 1], key=label_order) == [1, 3, "a", "b", "mean", "all"]


def test_a_quantity_that_no_case_has_is_undefined() -> None:
    results = Results.of([Case((Row(1, None, {"dice": 0.5}),))], ("dice",))
    np.testing.assert_array_equal(results.values(1, ["voe", "dice"]), [[math.nan, 0.5]])


def test_the_first_name_of_a_label_is_the_lines() -> None:
    found = [Case((Row(1, None, {}),)), Case((Row(1, "liver", {}),)), Case((Row(1, "lever", {}),))]
    (line,) = Results.of(found, ()).lines
    assert (line.label, line.name) == (1, "liver")
