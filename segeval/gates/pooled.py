"""What a rule says of all cases together: the pooled rows of a report."""

from __future__ import annotations

import math

from segeval.errors import UsageError
from segeval.gates.grammar import Rule
from segeval.results.report import Report


def pooled_value(rule: Rule, key: str, report: Report) -> float:
    """The value of this column in the pooled row that the rule names, NaN where undefined.

    Raises UsageError where there is no such row, or no such value in it.
    """
    label = "" if rule.measure is None else rule.measure.label
    if report.pooled is None:
        raise UsageError(f"rule {rule}: the report has no pooled rows; score again with segeval batch --pooled")
    for row in report.pooled:
        if label in (str(row.label), row.name) and key in row.values:
            value = row.values[key]
            return math.nan if value is None else float(value)
    held = ", ".join(str(row.label) for row in report.pooled[:12] if key in row.values)
    raise UsageError(f"rule {rule}: no pooled row of {label!r} holds {key!r}; those of {held or 'none'} do")
