"""A report at a glance: a line for the interpreter, a small table for a notebook; never all of its cases."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from segeval.results.rows import lines_of
from segeval.words.printable import printable, shortened
from segeval.words.shown_values import mean_sd_text, value_text

if TYPE_CHECKING:
    from segeval.results.report import CaseResult, Report, Row, Statistic

_OVER_LABELS = ("mean", "all")  # the rows beside those of labels and regions
_MOST_NAMES = 5
_MOST_COLUMNS = 8
_MOST_LABELS = 20
_MOST_CASES = 10
_LONGEST_NAME = 80
_LONGEST_SIGNATURE = 1000
_STATUSES = {"error": "failed", "missing": "missing"}

Cells = list[str]
Label = tuple[int | str, str | None]


def line(report: Report) -> str:
    """``<Report of 200 cases (2 failed), 3 labels (1 liver, 2 spleen, 3): segeval:0.1.0|kind:labels|…>``."""
    names = _labels(report)
    more = ", …" if len(names) > _MOST_NAMES else ""
    listed = f" ({', '.join(names[:_MOST_NAMES])}{more})" if names else ""
    return f"<Report of {_cases(report)}, {_count(len(names), 'label')}{listed}: {_signature(report)}>"


def flat(report: Report) -> dict[str, float]:
    """``liver/dice`` by label or region: the values of one case, the means over several; undefined ones left out.

    A label whose name is another row's, too, or what another row would be called without one, bears its value.
    """
    lines: list[tuple[int | str, str | None, str, float]]
    if report.summary:
        lines = [(entry.label, entry.name, entry.quantity, entry.mean) for entry in report.summary]
    else:  # of one pair; or of a batch, whose summary is not read back
        rows = [row for case in report.cases for row in case.rows]
        lines = [(row.label, row.name, key, float(value)) for row in rows for key, value in row.values.items()]
    own = _own_names((label, name) for label, name, _, _ in lines)
    values: dict[str, list[float]] = {}
    for label, _, key, value in lines:
        if not math.isnan(value):
            values.setdefault(f"{own[label]}/{key}", []).append(value)
    return {key: math.fsum(of_cases) / len(of_cases) for key, of_cases in values.items()}


def _own_names(lines: Iterable[Label]) -> dict[int | str, int | str]:
    """What each row is called, no two alike: by its name, or else by its label."""
    names: dict[int | str, str | None] = {}
    for label, name in lines:
        names[label] = names.get(label) or name
    count = Counter(names.values())
    taken = {str(label) for label in names}
    return {
        label: name if name and count[name] == 1 and (name == str(label) or name not in taken) else label
        for label, name in names.items()
    }


def html_table(report: Report) -> str:
    """The case's rows, the summary over the cases, or the first cases' means: at most 22 lines of 8 quantities.

    Everything that a user or a file named is escaped.
    """
    keys = [column.key for column in report.columns[:_MOST_COLUMNS]]
    if report.summary:
        what, lines, left_out = "mean ± sd over the cases", *_of_summary(report.summary, keys)
    elif len(report.cases) == 1:
        what, lines, left_out = "", *_of_rows(report.cases[0].rows, keys)
    else:
        what, lines, left_out = "each case's mean", *_of_cases(report.cases, keys)
    hidden = [left_out] if left_out else []
    if len(report.columns) > len(keys):
        hidden.append(f"{_count(len(report.columns) - len(keys), 'more quantity', 'more quantities')}")
    title = ", ".join(text for text in (f"Report of {_cases(report)}", what) if text)
    head = "".join(f"<th>{escape(text)}</th>" for text in ("", *keys))
    body = "\n".join(f"<tr><th>{escape(name)}</th>{_data(cells)}</tr>" for name, *cells in lines)
    notes = "".join(f"<p>{escape(text)}</p>\n" for text in (", ".join(hidden), _signature(report)) if text)
    return (
        f"<div>\n<table>\n<caption>{escape(title)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>\n{notes}</div>"
    )


def _of_rows(rows: Sequence[Row], keys: Sequence[str]) -> tuple[list[Cells], str]:
    by_label = {(row.label, row.name): row for row in rows}
    shown, left_out = _first(list(by_label))
    return [[_title(*label), *(_cell(by_label[label], key) for key in keys)] for label in shown], left_out


def _cell(row: Row, key: str) -> str:
    """The value, and behind a mean of fewer values than labels how many there were."""
    text = value_text(row.values.get(key))
    if row.n is None or row.of is None or row.n.get(key, row.of) >= row.of:
        return text
    return f"{text} ({row.n[key]}/{row.of})"


def _of_summary(summary: Sequence[Statistic], keys: Sequence[str]) -> tuple[list[Cells], str]:
    shown, left_out = _first(list(dict.fromkeys((s.label, s.name) for s in summary)))
    texts = {
        (s.label, s.name, s.quantity): mean_sd_text(s.mean, s.sd, s.n, s.undefined)
        for s in summary
        if s.quantity in keys
    }
    return [[_title(*label), *(texts.get((*label, key), "") for key in keys)] for label in shown], left_out


def _first(labels: Sequence[Label]) -> tuple[list[Label], str]:
    """The first labels, then ``mean`` and ``all``; and in words what was left out."""
    own = [label for label in labels if label[0] not in _OVER_LABELS]
    shown = [*own[:_MOST_LABELS], *(label for label in labels if label[0] in _OVER_LABELS)]
    return shown, _more(len(own) - _MOST_LABELS, "label")


def _of_cases(cases: Sequence[CaseResult], keys: Sequence[str]) -> tuple[list[Cells], str]:
    lines = []
    for case in cases[:_MOST_CASES]:
        values = next((row.values for row in case.rows if row.label == "mean"), {})
        name = _name(case.case) + (f" ({_STATUSES[case.status]})" if case.status in _STATUSES else "")
        lines.append([name, *(value_text(values.get(key)) for key in keys)])
    return lines, _more(len(cases) - _MOST_CASES, "case")


def _labels(report: Report) -> list[str]:
    """Labels and regions with their names, each once, in the order of the rows."""
    entries = (
        ((entry.label, entry.name) for entry in report.summary)
        if report.summary
        else ((row.label, row.name) for case in report.cases for row in lines_of(case.rows))
    )
    found: dict[int | str, str] = {}
    for label, name in entries:
        if label not in found and label not in _OVER_LABELS:
            found[label] = _title(label, name)
    return list(found.values())


def _cases(report: Report) -> str:
    """``case 'liver_001'``, or how many, and how many of them failed or lack a prediction."""
    if len(report.cases) == 1:
        case = report.cases[0]
        status = f" ({_STATUSES[case.status]})" if case.status in _STATUSES else ""
        return f"case {_name(case.case)!r}{status}"
    counts: Counter[str] = Counter(case.status for case in report.cases)
    words = ", ".join(f"{counts[status]} {word}" for status, word in _STATUSES.items() if counts[status])
    return _count(len(report.cases), "case") + (f" ({words})" if words else "")


def _signature(report: Report) -> str:
    return _shown(report.signature, _LONGEST_SIGNATURE)


def _title(label: int | str, name: str | None) -> str:
    return _name(f"{label} {name}" if name else str(label))


def _name(text: str) -> str:
    return _shown(text, _LONGEST_NAME)


def _shown(text: str, most: int) -> str:
    """One line that any stdout and any notebook can take, also of a file's name that is no text."""
    return shortened(printable(text), most).encode("utf-8", "backslashreplace").decode()


def _data(cells: Cells) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in cells)


def _more(count: int, noun: str) -> str:
    return _count(count, f"more {noun}") if count > 0 else ""


def _count(number: int, noun: str, nouns: str | None = None) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {nouns or noun + 's'}"
