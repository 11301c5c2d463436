"""pytest's view of segeval: one assertion, as a function and as a fixture of the same name.

Every pytest run of an environment with segeval loads this module: it imports nothing heavy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from segeval.errors import UsageError

if TYPE_CHECKING:
    from segeval.results.report import Report
    from segeval.results.verdict import Finding


def assert_segmentation(prediction: Any, reference: Any, rules: Mapping[str, str], **options: Any) -> None:
    """Assert that a prediction keeps the rules: ``{"liver.dice": ">= 0.9", "ce": "< 0.2"}``.

    prediction, reference: two paths, with the options of `segeval.evaluate`, or two arrays, with those of
    `segeval.evaluate_arrays`. The message of a failure is a line per broken rule, then the table of the case.
    Raises AssertionError, and SegevalError for what cannot be evaluated.
    """
    __tracebackhide__ = True
    from segeval.gates.grammar import parse_rule
    from segeval.gates.rules import check_rules

    if not rules:
        raise UsageError('assert_segmentation: there is no rule; give some, like {"liver.dice": ">= 0.9"}')
    parsed = [parse_rule(f"{subject} {condition}", "fail") for subject, condition in rules.items()]
    report = _evaluate(prediction, reference, options)
    broken = [finding for finding in check_rules(report, parsed) if finding.outcome in ("fail", "error")]
    if broken:
        raise AssertionError(_message(broken, report))


@pytest.fixture(name="assert_segmentation")
def _assert_segmentation() -> Callable[..., None]:
    """The function `segeval.pytest_plugin.assert_segmentation`."""
    return assert_segmentation


def _evaluate(prediction: Any, reference: Any, options: Mapping[str, Any]) -> Report:
    paths = [isinstance(side, (str, os.PathLike)) for side in (prediction, reference)]
    if all(paths):
        from segeval.cases.files import evaluate

        return evaluate(prediction, reference, **options)
    if any(paths):
        raise UsageError("assert_segmentation: one side is a path and the other is not; give two paths or two arrays")
    from segeval.cases.arrays import evaluate_arrays

    return evaluate_arrays(prediction, reference, **options)


def _message(broken: list[Finding], report: Report) -> str:
    from segeval.outputs.report_page import render_table
    from segeval.words.printable import printable

    lines = [f"{printable(finding.rule)}: expected {finding.expected}, got {finding.actual}" for finding in broken]
    return "\n".join([*lines, "", render_table(report)])
