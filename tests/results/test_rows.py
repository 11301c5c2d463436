"""Rows held as columns come back as they were, bit for bit."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from segeval.results.json_text import laid_out
from segeval.results.rows import ABSENT, REAL, UNDEFINED, WHOLE, Packed, Row, Rows, Table

KEYS = ("dice", "tp", "hd95", "focal:gamma=3")
VALUES = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(1 << 53), 1 << 53)
LABELS = st.integers(-(1 << 63), 1 << 63) | st.sampled_from(["mean", "all", "1", "both", ""])


def rows(keys: tuple[str, ...] = KEYS) -> st.SearchStrategy[Row]:
    counts = st.dictionaries(st.sampled_from(keys), st.integers(0, 10_000))
    return st.builds(
        Row,
        label=LABELS,
        name=st.none() | st.text(max_size=5),
        values=st.dictionaries(st.sampled_from(keys), VALUES),
        n=st.none() | counts,
        of=st.none() | st.integers(0, 10_000),
    )


def bits(values: Mapping[str, float]) -> dict[str, object]:
    """What tells −0.0 from 0.0 and 3 from 3.0, and takes every NaN for the same."""
    return {
        key: value if isinstance(value, int) else "NaN" if math.isnan(value) else struct.pack("d", value)
        for key, value in values.items()
    }


def facts(row: Row) -> tuple[object, ...]:
    of = None if row.n is None else row.of  # which stands beside the counts
    return row.label, row.name, bits(row.values), None if row.n is None else dict(row.n), of


@given(st.lists(st.lists(rows(), max_size=4), max_size=4))
def test_rows_come_back_as_they_were(cases: list[list[Row]]) -> None:
    table = Table(KEYS)
    held = [table.add(case) for case in cases]
    assert [list(map(facts, found)) for found in held] == [list(map(facts, case)) for case in cases]
    other = Table(KEYS)
    copied = [other.add(found) for found in reversed(held)]
    assert [list(map(facts, found)) for found in copied] == [list(map(facts, case)) for case in reversed(cases)]


@given(st.lists(rows(), max_size=4))
def test_packed_rows_come_back_through_json(case: list[Row]) -> None:
    table = Table(KEYS)
    table.add([Row(7, "before", {"dice": 0.5})])
    text = json.dumps(msgspec.to_builtins(table.add(case).packed()))
    assert list(map(facts, Table(KEYS).add_packed(msgspec.json.decode(text, type=Packed)))) == list(map(facts, case))


@given(st.lists(st.lists(rows(), max_size=4), max_size=4))
def test_rows_are_written_as_what_they_hold(cases: list[list[Row]]) -> None:
    table = Table(KEYS)
    texts = [laid_out(table.add(case)) for case in cases]
    numbers = [[{k: v if math.isfinite(v) else None for k, v in row.values.items()} for row in case] for case in cases]
    assert [json.loads(text) for text in texts] == [
        [
            {"label": row.label, "name": row.name, **of_row} | ({} if row.n is None else {"n": dict(row.n)})
            for row, of_row in zip(case, values, strict=True)
        ]
        for case, values in zip(cases, numbers, strict=True)
    ]


@given(st.lists(rows(), max_size=4))
def test_a_wider_table_holds_the_same_rows(case: list[Row]) -> None:
    table = Table(KEYS)
    table.add(case)
    wider = table.widened(["voe", "dice"])
    assert wider.keys == (*KEYS, "voe")
    assert list(map(facts, Rows(wider, 0, len(case)))) == list(map(facts, case))


def test_a_row_in_columns() -> None:
    table = Table(("dice", "tp", "hd95", "iou"))
    table.add([Row(1, "liver", {"dice": 0.5, "tp": 3, "hd95": math.nan})])
    assert table.kinds.tolist() == [[REAL, WHOLE, UNDEFINED, ABSENT]]
    np.testing.assert_array_equal(table.values, [[0.5, 3.0, math.nan, math.nan]])
    assert table.cells(0)[:2] == [0.5, 3]
    assert repr(table.cells(0)) == "[0.5, 3, nan, None]"


def test_lines_are_told_apart_by_label_and_name() -> None:
    table = Table(())
    found = table.add([Row(1, None, {}), Row(1, "liver", {}), Row("1", None, {}), Row(1, None, {})])
    assert table.line_of.tolist() == [0, 1, 2, 0]
    assert [(row.label, row.name) for row in found] == [(1, None), (1, "liver"), ("1", None), (1, None)]
    assert table.values.shape == table.kinds.shape == (4, 0)


def test_a_quantity_that_is_no_column_is_refused_and_nothing_is_added() -> None:
    table = Table(("dice",))
    with pytest.raises(KeyError, match="iou"):
        table.add([Row(1, None, {"dice": 0.5, "iou": 0.4})])
    assert len(table) == len(table.values) == 0


@pytest.mark.parametrize("value", [(1 << 53) + 1, 10**400])
def test_an_integer_that_a_float_cannot_hold_is_refused(value: int) -> None:
    table = Table(("tp",))
    with pytest.raises(ValueError, match="the row 1"):
        table.add([Row(1, None, {"tp": value})])
    assert len(table) == len(table.values) == 0


@pytest.mark.parametrize("part", ["lines", "values", "kinds", "means"])
def test_packed_rows_that_are_not_whole_are_refused(part: str) -> None:
    table = Table(("dice",))
    packed = table.add([Row(1, None, {"dice": 0.5}), Row("mean", None, {"dice": 0.5}, {"dice": 1}, 1)]).packed()
    with pytest.raises(ValueError, match="not whole"):
        Table(("dice",)).add_packed(replace(packed, **{part: getattr(packed, part)[:-1]}))


def test_the_value_of_a_row_is_found_without_making_rows() -> None:
    table = Table(("dice", "tp"))
    table.add([Row("mean", None, {"dice": 0.1})])  # another case's
    held = table.add([Row(1, None, {"dice": 0.5, "tp": 3}), Row("mean", None, {"dice": 0.25}), Row("all", None, {})])
    assert (held.value("mean", "dice"), held.value(1, "tp")) == (0.25, 3.0)
    assert all(map(math.isnan, (held.value("mean", "tp"), held.value("mean", "iou"), held.value(2, "dice"))))


def test_views_are_sequences_and_equal_tuples() -> None:
    table = Table(("dice",))
    every = tuple(Row(label, None, {"dice": label / 10}) for label in range(1, 4))
    held = table.add(every)
    assert held == every
    assert every == held
    assert held[0] == every[0]
    assert held[-2:] == every[-2:]
    assert held != every[:2]
    assert list(reversed(held)) == list(reversed(every))
    assert repr(held) == repr(every)
