"""The page of a comparison: what it comes to, a table per quantity, the cases that changed most, the ranks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from segeval.outputs import comparison_words as words
from segeval.outputs import page
from segeval.outputs.cells import row_title
from segeval.results.comparison import ChallengeRanking, Comparison, ComparisonRow
from segeval.results.report import ALL, MEAN

_TONES: dict[str, page.Tone] = {"better": "good", "worse": "bad", "": ""}
_CHANGED = ("difference", "95 % interval")
_LEGEND = "* better and ! worse: the interval of the difference excludes zero"


def page_of_comparison(comparison: Comparison, *, wide: bool = True) -> list[page.Part]:
    """First what it comes to, in a sentence for each report; then all quantities, or the main one alone."""
    baseline, *others = comparison.reports
    metrics = comparison.metrics if wide or comparison.main is None else (comparison.main,)
    conclusions = page.bullets([words.conclusion(comparison, other.name) for other in others], "strong")
    parts: list[page.Part] = [page.Section([conclusions]), *_ranking(comparison.ranking)]
    for other in others:
        names = page.said([f"baseline {baseline.name}", f"against  {other.name}"], "strong")
        tables = _tables([row for row in comparison.rows if row.report == other.name], metrics)
        parts.append(page.Section([page.Lines(names, "title", [f"{other.name} against {baseline.name}"]), tables]))
        for title, changes in words.change_titles(comparison, other.name):
            parts.append(page.Section([page.heading(title, "subtitle"), page.bullets(map(words.change_line, changes))]))
    if hidden := len(comparison.metrics) - len(metrics):
        more = f"{hidden} more quantities: --wide, or --format csv or json"
        parts.append(page.Section([page.terminal([more], "faint")]))
    if comparison.ranks:
        parts += _ranks(comparison)
    missing = words.missing_lines(comparison)
    parts += [page.document(["Missing"] if missing else [], "title"), page.bullets(missing, "bad")]
    if any(row.verdict for row in comparison.rows if row.quantity in metrics):
        parts.append(page.terminal([_LEGEND]))
    return [*parts, page.bullets(words.notes(comparison), noted=comparison.remarks), page.code(baseline.signature)]


def _ranking(ranking: ChallengeRanking | None) -> list[page.Part]:
    """The order that a challenge puts the reports in."""
    if ranking is None:
        return []
    lines = [page.Line(placing.report, page.numbers(words.ranking_cells(placing))) for placing in ranking.placings]
    title, table = words.ranking_title(ranking), page.Table("", words.ranking_headers(ranking), lines)
    return [page.Section([page.heading(title, document=title), page.Tables([table])])]


def _tables(rows: Sequence[ComparisonRow], metrics: Collection[str]) -> page.Tables:
    lines = {metric: [_line(row) for row in rows if row.quantity == metric] for metric in metrics}
    return page.Tables([page.Table(metric, words.HEADERS, found) for metric, found in lines.items() if found])


def _line(row: ComparisonRow) -> page.Line:
    tone, mark = _TONES[row.verdict], row.verdict
    cells = [
        page.Cell(text, tone if head in _CHANGED else "", mark if head == "difference" else "")
        for head, text in zip(words.HEADERS, words.row_cells(row), strict=True)
    ]
    return page.Line(row_title(row), cells, row.label in (MEAN, ALL))


def _ranks(comparison: Comparison) -> list[page.Part]:
    """A terminal has a table for each label, a document one for all."""
    of_label: dict[str, list[page.Line]] = {}
    whole = []
    for row in words.shown_ranks(comparison):
        line = page.Line(row.report, page.numbers(words.rank_cells(row)))
        of_label.setdefault(str(row.label), []).append(line)
        whole.append(page.Line(f"{row_title(row)}, {row.report}", line.cells))
    tables = [page.Table(label, words.RANK_HEADERS, lines) for label, lines in of_label.items()]
    both = page.Tables(tables, [page.Table("", words.RANK_HEADERS, whole)])
    return [page.Section([page.heading(f"ranks by {comparison.main}"), both]), page.bullets(words.RANK_NOTES)]
