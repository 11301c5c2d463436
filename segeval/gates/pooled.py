"""What a rule says of all cases together: the pooled rows of a report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from segeval.errors import UsageError
from segeval.gates.grammar import POOLED, Rule
from segeval.quantities import keys_named, select
from segeval.results.report import Column, Report


def require_poolable(rules: Iterable[Rule], columns: Sequence[Column]) -> None:
    """Refuse rules over all cases together of what is measured in each alone, before anything is scored.

    columns: what will be scored. Raises UsageError.
    """
    keys = [column.key for column in columns]
    for rule in rules:
        if rule.statistic == POOLED and rule.measure is not None:
            _require_adding(rule, keys_named(rule.measure.quantity, keys)[0], columns)


def pooled_value(rule: Rule, key: str, report: Report) -> float:
    """The value of this column in the pooled row that the rule names, NaN where undefined.

    Raises UsageError where there is no such row, or no such value in it, or none can be.
    """
    _require_adding(rule, key, report.columns)
    label = "" if rule.measure is None else rule.measure.label
    if report.pooled is None:
        raise UsageError(f"rule {rule}: the report has no pooled rows; score again with segeval batch --pooled")
    rows = [row for row in report.pooled if str(row.label) == label]
    rows = rows or [row for row in report.pooled if row.name == label]
    if len(rows) > 1:
        numbers = " and ".join(str(row.label) for row in rows)
        raise UsageError(f"rule {rule}: labels {numbers} are both called {label!r}; name one by its number")
    for row in rows:
        if key in row.values:
            value = row.values[key]
            return math.nan if value is None else float(value)
    held = ", ".join(str(row.label) for row in report.pooled[:12] if key in row.values)
    raise UsageError(f"rule {rule}: no pooled row of {label!r} holds {key!r}; those of {held or 'none'} do")


def _require_adding(rule: Rule, key: str, columns: Iterable[Column]) -> None:
    (text,) = (column.text or key for column in columns if column.key == key)
    try:
        (selection,) = select(text)
    except UsageError:  # a quantity of another version, of which the report alone knows
        return
    if not selection.adds:
        raise UsageError(
            f"rule {rule}: {key} is measured in each case and does not add over cases, so that no pooled row has a "
            "value; ask for the mean, the median or another statistic of the cases"
        )
