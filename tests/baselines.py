"""Baselines for gates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.errors import BaselineError, SegevalError
from segeval.gates.baseline import compare_with_baseline, parse_tolerance, write_baseline
from segeval.results.report import CaseResult, Column, Report, Row
from segeval.results.verdict import Finding

NAN = math.nan


COLUMNS = (
    Column("dice", "overlap", 1.0, 0.0),
    Column("ce", "losses", 0.0, math.inf),
    Column("tp", "overlap"),
)


NAMES = {1: "liver", 2: "left kidney"}


SIGNATURE = "segeval:0.1.0|kind:labels|labels:auto|empty:nan|geometry:strict@1e-2"


Values = Mapping[int | str, Mapping[str, float]]


def case(name: str, values: Values, **more: Any) -> CaseResult:
    """Rows of these values, and the row ``mean`` over the integer labels where it is not given."""
    rows = [
        Row(label, NAMES.get(label) if isinstance(label, int) else None, dict(row)) for label, row in values.items()
    ]
    if "mean" not in values:
        keys = dict.fromkeys(key for row in rows for key in row.values)
        lists = {key: [r.values[key] for r in rows if not math.isnan(r.values.get(key, NAN))] for key in keys}
        rows.append(Row("mean", None, {k: float(np.mean(v)) if v else NAN for k, v in lists.items()}, {}, 1))
    return CaseResult(name, f"p/{name}.nii", f"r/{name}.nii", tuple(rows), **more)


def report(cases: Sequence[CaseResult], columns: Sequence[Column] = COLUMNS, signature: str = SIGNATURE) -> Report:
    return Report(signature, {"regions": {}}, tuple(columns), tuple(cases))


def compare(
    now: Report,
    before: Report | Path,
    tmp_path: Path,
    max_drop: Mapping[str, str] | None = None,
    max_case_drop: Mapping[str, str] | None = None,
    significant: bool = False,
    allow: Sequence[str] = (),
) -> tuple[tuple[Finding, ...], tuple[str, ...], Mapping[str, Any]]:
    path = tmp_path / "baseline.json"
    if isinstance(before, Report):
        write_baseline(before, path)
    else:
        path = before
    return compare_with_baseline(
        now,
        path,
        max_drop={key: parse_tolerance(text) for key, text in (max_drop or {}).items()},
        max_case_drop={key: parse_tolerance(text) for key, text in (max_case_drop or {}).items()},
        significant=significant,
        allow_changed=frozenset(allow),
    )


def refusal(*arguments: Any, of: type[SegevalError] = BaselineError, **named: Any) -> str:
    with pytest.raises(of) as caught:
        compare(*arguments, **named)
    return str(caught.value)


def failed(findings: Sequence[Finding]) -> list[str]:
    return [finding.rule for finding in findings if finding.outcome == "fail"]


TWO = report([case("a", {1: {"dice": 0.9, "ce": 0.1, "tp": 7}}), case("b", {1: {"dice": 0.8, "ce": 0.3, "tp": 5}})])
