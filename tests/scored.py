"""Small arrays scored as files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Score = Callable[..., Any]


COUNTS = ("tp", "fp", "fn", "tn", "ref_voxels", "pred_voxels")


def rows_of(run: Any) -> dict[int | str, dict[str, Any]]:
    assert run.code == 0, run.err
    return {row["label"]: row for row in run.json["cases"][0]["rows"]}


def values(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("label", "name", "n")}


# Which voxels are background

PREDICTION = [0, 1, 1, 2, 3, 3, 0, 2, 7, 1]


REFERENCE = [0, 1, 2, 2, 3, 0, 1, 7, 7, 3]
