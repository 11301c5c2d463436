"""What the outputs for people say about a batch, as words: the statistics' cells, the failures, the counts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from segeval.outputs.cells import UNDEFINED, row_title, value_text
from segeval.results.ranking import main_column, worst_cases
from segeval.results.report import ALL, MEAN, CaseResult, Column, Report, Row, Statistic
from segeval.words.lists import named
from segeval.words.shown_values import mean_sd_text

_MOST_FAILURES = 20
_MOST_NAMES = 5
_VOXELS = re.compile(r"\d+ voxels")
POOLED_TITLE = "pooled over cases: the tallies of all cases added, then scored"
DETAILS = ("mean", "sd", "median", "q1 – q3", "min – max", "95 % interval", "n", "undefined", "failed", "missing")


class SummaryLine(Struct, frozen=True):
    """The statistics of a label by quantity; row stands for it where only label, name and means matter."""

    row: Row
    statistics: Mapping[str, Statistic]


def summary_lines(summary: Sequence[Statistic]) -> list[SummaryLine]:
    """The statistics label by label, in the order of the summary."""
    by_label: dict[int | str, dict[str, Statistic]] = {}
    for statistic in summary:
        by_label.setdefault(statistic.label, {})[statistic.quantity] = statistic
    return [
        SummaryLine(Row(label, next(iter(found.values())).name, {key: s.mean for key, s in found.items()}), found)
        for label, found in by_label.items()
    ]


def mean_text(statistic: Statistic | None) -> str:
    """``0.9123 ± 0.0345``, and behind it ``(995/997)`` where not every evaluated case has a value."""
    if statistic is None:
        return ""
    return mean_sd_text(statistic.mean, statistic.sd, statistic.n, statistic.undefined)


def detail_texts(s: Statistic) -> tuple[str, ...]:
    """Every number of a statistic, under the headers of DETAILS."""
    return (
        *map(value_text, (s.mean, s.sd, s.median)),
        _range(s.q1, s.q3),
        _range(s.min, s.max),
        _range(*s.ci95),
        *map(value_text, (s.n, s.undefined, s.failed, s.missing)),
    )


def _range(low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return UNDEFINED
    return f"{value_text(low)} – {value_text(high)}"


def details(report: Report) -> tuple[Column, list[SummaryLine]] | None:
    """The quantity that stands for the report, and the labels that have it."""
    column = main_column(report.columns)
    lines = [] if column is None else [x for x in summary_lines(report.summary or ()) if column.key in x.statistics]
    return None if column is None or not lines else (column, lines)


def scored_sentence(cases: Sequence[CaseResult]) -> str:
    """``997 of 1000 scored, 3 failed``, and the references without a prediction where there are any."""
    status = Counter(case.status for case in cases)
    sentence = f"{status['ok']} of {len(cases)} scored"
    failed = f", {status['error']} failed" if status["error"] else ""
    missing = f", {status['missing']} missing" if status["missing"] else ""
    return sentence + failed + missing


def counts_notes(report: Report) -> list[str]:
    """What the cells of the summary stand for."""
    if not report.summary:
        return []
    some = report.summary[0]
    evaluated = some.n + some.undefined
    note = f"mean ± sd over {evaluated} cases"
    if some.failed:
        note += f", {some.failed} failed"
    if some.missing:
        as_empty = any(case.status == "missing" and case.rows for case in report.cases)
        note += f", {some.missing} missing" + (" (taken as empty)" if as_empty else "")
    behind = f"(n/{evaluated}): only n of these cases have a value"
    return [note, behind] if any(statistic.undefined for statistic in report.summary) else [note]


def worst_lines(report: Report) -> tuple[str, list[tuple[str, str]]] | None:
    """A title, and (value, case) of the worst cases."""
    worst = worst_cases(report.cases, report.columns)
    if not worst:
        return None
    return f"worst cases by mean {worst[0][0]}", [(value_text(value), case) for _, case, value in worst]


def worst_labels(report: Report) -> dict[str, str]:
    """Of each of the worst cases, its worst label and that one's value, where it has several."""
    column = main_column(report.columns)
    if column is None or not column.sign:
        return {}
    worst = {case: value for _, case, value in worst_cases(report.cases, report.columns)}
    found = {}
    for case in report.cases:
        if case.case in worst:
            rows = [row for row in case.rows if row.label not in (MEAN, ALL)]
            values = [(column.sign * row.values.get(column.key, math.nan), row_title(row)) for row in rows]
            values = [entry for entry in values if not math.isnan(entry[0])]
            if values and min(values)[0] < column.sign * worst[case.case]:
                value, label = min(values)
                found[case.case] = f"{label}: {value_text(column.sign * value)}"
    return found


def failure_lines(report: Report) -> list[str]:
    """The first cases that failed or lack a prediction, each with its reason, and how many more there are."""
    words = {"error": "failed", "missing": "missing"}
    lines = [
        f"{words[case.status]} {case.case}" + (f": {case.reason}" if case.reason else "")
        for status in words
        for case in report.cases
        if case.status == status
    ]
    more = len(lines) - _MOST_FAILURES
    rest = [f"… and {more} more; --format csv or json has all of them"] if more > 0 else []
    return [*lines[:_MOST_FAILURES], *rest]


def failure_summary(report: Report) -> list[str]:
    """The outcome in a sentence, then a line for each reason of a failure, however many cases share it; nothing where
    all cases were scored."""
    failed = [case for case in report.cases if case.status == "error"]
    if not failed:
        return []
    sentence = scored_sentence(report.cases)
    if all(case.status != "ok" for case in report.cases):
        sentence = f"no case was scored: {len(failed)} of {len(report.cases)} failed"
    groups: dict[str, list[CaseResult]] = {}
    for case in failed:
        groups.setdefault(_reason_of_many(case), []).append(case)
    lines = [_group_line(reason, cases) for reason, cases in groups.items()]
    more = len(lines) - _MOST_FAILURES
    return [sentence, *lines[:_MOST_FAILURES], *([f"… and {more} more reasons"] if more > 0 else [])]


def _group_line(reason: str, cases: Sequence[CaseResult]) -> str:
    if len(cases) == 1:
        return f"failed {cases[0].case}: {cases[0].reason or 'no reason given'}"
    return f"failed {len(cases)} cases: {reason} ({_names(cases)})"


def _names(cases: Sequence[CaseResult]) -> str:
    """The first ones, and how many more there are."""
    return named((case.case for case in cases), _MOST_NAMES)


def _reason_of_many(case: CaseResult) -> str:
    return _of_many(case, case.reason or "no reason given")


def _of_many(case: CaseResult, text: str) -> str:
    """The text, with words in place of what is the case's own."""
    words = {case.case: "<case>", case.reference: "<reference>", case.prediction: "<prediction>"}
    own = "|".join(re.escape(name) for name in sorted(filter(None, words), key=len, reverse=True))
    return re.sub(rf"(?<!\w)({own})(?!\w)", lambda found: words[found[0]], text) if own else text


def remark_lines(report: Report) -> list[str]:
    """Every remark; one that many cases share once, with their number: ``30 cases: <prediction>: …``.

    How many voxels it speaks of may differ.
    """
    groups: dict[str, list[tuple[CaseResult, str]]] = {}
    for case in report.cases:
        for remark in case.remarks:
            groups.setdefault(_VOXELS.sub("n voxels", _of_many(case, remark)), []).append((case, remark))
    return [*report.remarks, *(line for alike, found in groups.items() for line in _remark_lines(alike, found))]


def _remark_lines(alike: str, found: Sequence[tuple[CaseResult, str]]) -> list[str]:
    cases = list({case.case: case for case, _ in found}.values())
    if len(cases) == 1:
        return [remark for _, remark in found]
    same = {_of_many(case, remark) for case, remark in found}
    return [f"{len(cases)} cases: {same.pop() if len(same) == 1 else alike} ({_names(cases)})"]


def batch_remarks(report: Report) -> list[str]:
    """The report's remarks, those that every scored case has, and how many cases have some of their own."""
    of_cases = [set(case.remarks) for case in report.cases if case.rows]
    of_all = set.intersection(*of_cases) if len(of_cases) > 1 else set()
    own = sum(not of_all.issuperset(case.remarks) for case in report.cases)
    counted = [f"{own} of {len(report.cases)} cases have remarks; --format json shows them"] if own else []
    return [*dict.fromkeys([*report.remarks, *sorted(of_all)]), *counted]
