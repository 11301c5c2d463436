"""The page of a comparison: what it comes to, a table per quantity, the cases that changed most, the ranks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from segeval.outputs import comparison_words as words
from segeval.outputs import page
from segeval.outputs.cells import ends_last, row_title
from segeval.results.comparison import ChallengeRanking, Comparison, ComparisonRow, RankRow

_TONES: dict[str, page.Tone] = {"better": "good", "worse": "bad", "": ""}
_CHANGED = ("difference", "95 % interval")
_LEGEND = "* better and ! worse: the interval of the difference excludes zero"


def page_of_comparison(comparison: Comparison, *, wide: bool = True) -> list[page.Part]:
    """First what it comes to, in a sentence for each report; then all quantities, or the main one alone."""
    baseline, *others = comparison.reports
    metrics = comparison.metrics if wide or comparison.main is None else (comparison.main,)
    conclusions = page.prose([words.conclusion(comparison, other.name) for other in others], "strong")
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
    return [*parts, page.prose(words.notes(comparison), noted=comparison.remarks), page.code(baseline.signature)]


def _ranking(ranking: ChallengeRanking | None) -> list[page.Part]:
    if ranking is None:
        return []
    title = words.ranking_title(ranking)
    return [page.Section([page.heading(title, document=title), page.Tables([ranking_table(ranking)])])]


def ranking_table(ranking: ChallengeRanking) -> page.Table:
    """The order that a challenge puts the reports in."""
    texts = list(map(words.ranking_cells, ranking.placings))
    names = [placing.report for placing in ranking.placings]
    return page.Table("", words.ranking_headers(ranking), names, texts.__getitem__, corner="report")


def _tables(rows: Sequence[ComparisonRow], metrics: Collection[str]) -> page.Tables:
    return page.Tables(
        [_table(metric, found) for metric in metrics if (found := [row for row in rows if row.quantity == metric])]
    )


def _table(metric: str, found: Sequence[ComparisonRow]) -> page.Table:
    rows, titles, ends = ends_last(found)

    def texts(line: int) -> Sequence[str]:
        return words.row_cells(rows[line])

    def tones(line: int) -> Sequence[page.Tone]:
        tone = _TONES[rows[line].verdict]
        return [tone if head in _CHANGED else "" for head in words.HEADERS]

    changed = words.HEADERS.index("difference")
    marks = {(line, changed): row.verdict for line, row in enumerate(rows) if row.verdict}
    return page.Table(metric, words.HEADERS, titles, texts, ends, tones, marks)


def _ranks(comparison: Comparison) -> list[page.Part]:
    """A terminal has a table for each label, a document one for all."""
    shown = words.shown_ranks(comparison)
    of_label: dict[str, list[RankRow]] = {}
    for row in shown:
        of_label.setdefault(str(row.label), []).append(row)
    tables = [_of_ranks(label, rows, [row.report for row in rows]) for label, rows in of_label.items()]
    whole = _of_ranks("", shown, [f"{row_title(row)}, {row.report}" for row in shown])
    both = page.Tables(tables, [whole])
    return [page.Section([page.heading(f"ranks by {comparison.main}"), both]), page.prose(words.RANK_NOTES)]


def _of_ranks(title: str, rows: Sequence[RankRow], titles: Sequence[str]) -> page.Table:
    return page.Table(title, words.RANK_HEADERS, titles, list(map(words.rank_cells, rows)).__getitem__)
