"""Which of another tool's numbers is which here: each line of docs/frameworks.md, against the values that it gave."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from peer_arrays import CASES, arrays_of
from scripts import loaded

from segeval import evaluate_arrays

ROOT = Path(__file__).parents[1]
FRAMEWORKS: dict[str, Any] = tomllib.loads((ROOT / "benchmarks/peers/frameworks.toml").read_text(encoding="utf-8"))
RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("peer_values.json").read_text(encoding="utf-8"))


def lines() -> Iterator[Any]:
    for name, framework in FRAMEWORKS.items():
        for line in framework.get("line", ()):
            if "metrics" not in line:
                continue
            for case in line.get("cases", framework["cases"]):
                yield pytest.param(name, line, case, id=f"{name}: {line['call']}: {case}")


@pytest.mark.parametrize(("name", "line", "case"), list(lines()))
def test_a_line_gives_the_number_that_the_tool_gave(name: str, line: dict[str, Any], case: str) -> None:
    framework = FRAMEWORKS[name]
    recorded = RECORDED[name]["values"][line["call"]][case]
    found = values(line["metrics"], line["row"], case, line.get("input", framework["input"]), line.get("options", {}))
    expected = recorded if isinstance(recorded, list) else [recorded]
    tolerance = line.get("tolerance", framework["tolerance"])
    assert found == [
        pytest.approx(math.nan if value is None else value, rel=tolerance, abs=tolerance, nan_ok=True)
        for value in expected
    ]


def values(metrics: str, row: str, case: str, kind: str, options: dict[str, Any]) -> list[float]:
    """One value, or of the row ``labels`` one of each."""
    arrays = arrays_of(case)
    labels = ",".join(map(str, arrays.classes[1:])) if case != "cells" else None
    prediction = arrays.p if kind == "soft" else arrays.h
    kinds = {"kind": "probabilities"} if kind == "soft" else {"kind": "labels", "spacing": (1.0,) * arrays.y.ndim}
    if row == "cells":
        kinds |= {"instances": True, "regions": ["cells=*"]}
    report = evaluate_arrays(prediction, arrays.y, metrics=metrics, labels=labels, **kinds, **options)
    rows = report.cases[0].rows
    wanted = [r for r in rows if (isinstance(r.label, int) if row == "labels" else r.label == row)]
    return [math.nan if v is None else float(v) for r in wanted for v in r.values.values()]


def test_nothing_is_recorded_that_no_line_speaks_of() -> None:
    for name, framework in FRAMEWORKS.items():
        told = {line["call"] for line in framework.get("line", ()) if "metrics" in line}
        assert set(RECORDED.get(name, {"values": {}})["values"]) == told
        assert not told or RECORDED[name]["versions"]
    assert set(RECORDED) <= set(FRAMEWORKS)


def test_a_line_says_what_it_is_or_how_it_differs() -> None:
    for framework in FRAMEWORKS.values():
        for line in framework.get("line", ()):
            assert "metrics" in line or line["note"]
            assert set(line.get("cases", ())) <= set(CASES)


def test_the_page_is_made_of_the_lines() -> None:
    page = loaded(ROOT / "benchmarks/peers/page.py")
    assert (ROOT / "docs/frameworks.md").read_text(encoding="utf-8") == page.page(FRAMEWORKS, RECORDED)
