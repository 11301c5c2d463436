"""What the page says in words and tables, before any script runs: it reads well without them, and prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from segeval.outputs.batch import scored_sentence, worst_labels
from segeval.outputs.cells import cell_text, label_text
from segeval.outputs.page import Table
from segeval.outputs.report_page import challenge_of
from segeval.outputs.verdict_words import OUTCOMES, sentence, title, worst_lines
from segeval.results.pictures import LabelPictures, SliceView
from segeval.results.ranking import main_column, worst_cases
from segeval.results.report import MEAN, Report, Statistic
from segeval.results.verdict import Verdict
from segeval.words.shown_values import value_text

_MOST_FAILURES = 200
_IDS = re.compile(r'(\bid="|\burl\(#|\bhref="#|\baria-labelledby=")')


def report_sections(
    report: Report, facts: Mapping[str, Any], pictures: Sequence[LabelPictures], verdict: Verdict | None
) -> dict[str, Any]:
    """The template's variables: plain text, which it escapes. facts: of the same report, for the scripts."""
    column = main_column(report.columns)
    status = Counter(case.status for case in report.cases)
    failures = [case for case in report.cases if case.status != "ok"]
    return {
        "title": _title(report),
        "folders": _folders(report),
        "single": report.summary is None,
        "conclusion": scored_sentence(report.cases),
        "cases": len(report.cases),
        "scored": status["ok"],
        "failed": status["error"],
        "missing": status["missing"],
        "signature": report.signature,
        "verdict": None if verdict is None else _verdict(verdict),
        "challenge": None if (found := challenge_of(report)) is None else shown_table(*found),
        "main": None if column is None else {"key": column.key, "title": column.title or column.key},
        "direction": {1: "higher is better", -1: "lower is better"}.get(column.sign if column else 0, ""),
        "rows": [_statistic(s) for s in report.summary or () if column and s.quantity == column.key],
        **_of_a_pair(report),
        "worst": _worst(report),
        "failures": [(case.case, case.reason or case.status) for case in failures[:_MOST_FAILURES]],
        "more_failures": max(0, len(failures) - _MOST_FAILURES),
        "confusions": facts["confusion"]["words"] if facts["confusion"] else [],
        "has_curves": bool(facts["curves"]),
        "has_instances": bool(facts["instances"]),
        "has_confusion": facts["confusion"] is not None,
        "has_sizes": {"dice", "ref_volume_ml", "pred_volume_ml"} <= {c.key for c in report.columns},
        "pictures": [
            shown_pictures(picture, f"p{place}-") | {"numbers": _numbers(picture, report)}
            for place, picture in enumerate(pictures)
        ],
        "remarks": [*report.remarks, *_remarks_of_cases(report)],
    }


def shown_table(title: str, table: Table) -> dict[str, Any]:
    """A table of a page for people, as the template shows it."""
    rows = [(row, ["" if text is None else text for text in table.texts(n)]) for n, row in enumerate(table.titles)]
    return {"title": title, "corner": table.corner, "heads": table.heads, "rows": rows}


def _title(report: Report) -> str:
    if len(report.cases) == 1:
        return report.cases[0].case
    return f"{len(report.cases)} cases"


def _folders(report: Report) -> list[tuple[str, str]]:
    """Where predictions and references came from, as far as all cases agree; of a single case the files."""
    found = []
    for side in ("prediction", "reference"):
        paths = [path for case in report.cases if (path := getattr(case, side)) is not None]
        folders = {str(PurePath(path).parent) for path in paths}
        if len(paths) == 1:
            found.append((side, paths[0]))
        elif len(folders) == 1:
            found.append((f"{side}s", folders.pop()))
        elif folders:
            found.append((f"{side}s", f"{len(folders)} folders, for example {min(folders)}"))
    return found


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "sentence": sentence(verdict),
        "success": verdict.success,
        "findings": [
            {
                "outcome": OUTCOMES[finding.outcome],
                "style": finding.outcome,
                "rule": title(finding),
                "expected": finding.expected,
                "actual": finding.actual,
                "worst": [line.strip() for line in worst_lines(finding)],
            }
            for finding in verdict.findings
        ],
    }


def _of_a_pair(report: Report) -> dict[str, Any]:
    """Of a single case: labels by the quantities that people look for first, and the other quantities by label."""
    rows = report.cases[0].rows if report.summary is None and report.cases else ()
    main = [column for column in report.columns if column.main] or list(report.columns[:8])
    more = [column for column in report.columns if column not in main]
    labels = [_text(row.label, row.name) for row in rows]
    return {
        "titles": [column.title or column.key for column in main],
        "values": list(zip(labels, [[cell_text(row, column) for column in main] for row in rows], strict=True)),
        "more_titles": [column.title or column.key for column in more],
        "more_values": [(column.title or column.key, [cell_text(row, column) for row in rows]) for column in more],
    }


def _statistic(s: Statistic) -> dict[str, str]:
    return {
        "label": _text(s.label, s.name),
        "mean": value_text(s.mean),
        "interval": f"{value_text(s.ci95[0])} – {value_text(s.ci95[1])}" if s.n else "–",
        "median": value_text(s.median),
        "n": str(s.n),
        "undefined": str(s.undefined),
        "failed": str(s.failed),
        "missing": str(s.missing),
    }


def _worst(report: Report) -> list[dict[str, str]]:
    labels = worst_labels(report)
    return [
        {"case": case, "value": value_text(value), "label": labels.get(case, "")}
        for _, case, value in (worst_cases(report.cases, report.columns) if report.summary is not None else ())
    ]


def _numbers(picture: LabelPictures, report: Report) -> list[tuple[str, str]]:
    """The label's values in the case, of the quantities that people look for first."""
    case = next((case for case in report.cases if case.case == picture.case), None)
    row = next((row for row in (case.rows if case else ()) if row.label == picture.label), None)
    return [
        (column.title or column.key, value_text(row.values[column.key]))
        for column in report.columns
        if row and column.key in row.values and (column.main or column == main_column(report.columns))
    ]


def shown_pictures(picture: LabelPictures, prefix: str) -> dict[str, Any]:
    """What a template shows of a label's pictures. prefix: of every id in them, as many stand in one page."""
    return {
        "case": picture.case,
        "label": _text(picture.label, picture.name),
        "slices": [
            {
                "plane": view.plane,
                "place": view.place,
                "description": view.description,
                "svg": with_ids_of_its_own(view, f"{prefix}{number}-"),
            }
            for number, view in enumerate(picture.slices)
        ],
        "profiles": [
            {"plane": profile.plane, "sentence": profile.sentence, "bars": profile_bars(profile)}
            for profile in picture.profiles
        ],
        "remarks": list(picture.remarks),
    }


def with_ids_of_its_own(view: SliceView, prefix: str) -> str:
    """The SVG with a prefix to every id in it, as many stand in one page."""
    return _IDS.sub(lambda found: found[0] + prefix, view.svg)


def profile_bars(profile: Any, most: int = 120) -> list[tuple[float, float]]:
    """(false positives, false negatives) per slice as shares of the largest sum; neighbours together where many."""
    fp, fn = profile.false_positive, profile.false_negative
    step = max(1, -(-len(fp) // most))
    sums = [(sum(fp[i : i + step]), sum(fn[i : i + step])) for i in range(0, len(fp), step)]
    largest = max((a + b for a, b in sums), default=0) or 1
    return [(round(a / largest, 4), round(b / largest, 4)) for a, b in sums]


def _remarks_of_cases(report: Report) -> list[str]:
    """Each once, with how many cases share it."""
    counts = Counter(remark for case in report.cases for remark in case.remarks)
    return [remark if count == 1 else f"{remark} ({count} cases)" for remark, count in counts.most_common(50)]


def _text(label: int | str, name: str | None) -> str:
    return "mean of the labels" if label == MEAN else label_text(label, name)
