"""What the outputs for people say about a comparison: headers, cells, notes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from segeval.outputs.cells import UNDEFINED, value_text
from segeval.results.comparison import ChallengeRanking, Change, Comparison, ComparisonRow, Placing, RankRow
from segeval.results.report import ALL, MEAN
from segeval.words.lists import named

HEADERS = ("baseline", "value", "difference", "95 % interval", "w/t/l", "p Holm", "effect", "n")
RANK_HEADERS = ("mean", "rank", "95 % interval", "mean rank", "rank of it", "95 % interval of it")
RANK_NOTES = (
    "rank: of the mean over the cases that every report has a value for (mean-then-rank)",
    "rank of it: of the mean of the ranks in each case (rank-then-mean)",
    "ties share the average of their ranks; what is undefined or missing ranks last",
)
_MOST_NAMED = 10
_MOST_IN_SENTENCE = 3


def row_cells(row: ComparisonRow) -> tuple[str, ...]:
    """The cells under HEADERS; n is ``48/50`` where not all cases have a pair of values."""
    all_cases = row.n + row.undefined + row.missing
    return (
        value_text(row.baseline),
        value_text(row.value),
        _signed(row.difference),
        interval_text(row.ci95),
        "" if row.wins is None else f"{row.wins}/{row.ties}/{row.losses}",
        value_text(row.p_holm),
        UNDEFINED if math.isnan(row.effect) else f"{row.effect:+.2f}",
        str(row.n) if row.n == all_cases else f"{row.n}/{all_cases}",
    )


def rank_cells(row: RankRow) -> tuple[str, ...]:
    """The cells under RANK_HEADERS."""
    return (
        value_text(row.mean),
        f"{row.mean_then_rank:g}",
        _rank_interval(row.mean_then_rank_ci95),
        UNDEFINED if math.isnan(row.mean_rank) else f"{row.mean_rank:.2f}",
        f"{row.rank_then_mean:g}",
        _rank_interval(row.rank_then_mean_ci95),
    )


def ranking_title(ranking: ChallengeRanking) -> str:
    """``KiTS23: kidney …: rank-then-mean over 110 cases``."""
    return f"{ranking.title}: {ranking.method} over {ranking.cases} cases"


def ranking_headers(ranking: ChallengeRanking) -> tuple[str, ...]:
    """Above the cells of a place: the challenge's columns last."""
    scored = "scaled mean, 0 best" if ranking.method == "mean-then-scale" else "mean rank"
    return ("place", "95 % interval", scored, *ranking.placings[0].means)


def ranking_cells(placing: Placing) -> tuple[str, ...]:
    """Under `ranking_headers`."""
    means = map(value_text, placing.means.values())
    return (f"{placing.rank:g}", _rank_interval(placing.rank_ci95), f"{placing.score:.2f}", *means)


def change_line(change: Change) -> str:
    """``+0.1200  0.7000 → 0.8200  case_017``."""
    return f"{_signed(change.difference)}  {value_text(change.baseline)} → {value_text(change.value)}  {change.case}"


def change_titles(comparison: Comparison, report: str) -> list[tuple[str, Sequence[Change]]]:
    """The cases that improved most, and those that worsened most, each with a title."""
    mine = [change for change in comparison.changes if change.report == report]
    both = [("improved", [c for c in mine if c.better]), ("worsened", [c for c in mine if not c.better])]
    return [(f"{word} most by mean {comparison.main}", changes) for word, changes in both if changes]


def conclusion(comparison: Comparison, report: str) -> str:
    """Whether the report is better than the baseline by the main quantity, and where it is not, in a sentence."""
    rows = [row for row in comparison.rows if (row.report, row.quantity) == (report, comparison.main)]
    whole = next((row for row in rows if row.label == MEAN), rows[0] if rows else None)
    if whole is None or whole.n == 0 or whole.wins is None:
        return f"{report}: no quantity that has a direction was compared"
    what = f"{'mean' if whole.label == MEAN else _name(whole)} {whole.quantity}"
    numbers = f"{what} {_signed(whole.difference)} {interval_text(whole.ci95)}"
    count = f"better in {whole.wins} of {whole.n} cases, worse in {whole.losses}"
    opposite = "better" if whole.verdict == "worse" else "worse"
    elsewhere = [_name(row) for row in rows if row.label not in (MEAN, ALL) and row.verdict == opposite]
    there = f"; {opposite} in {named(elsewhere, _MOST_IN_SENTENCE)}" if elsewhere else ""
    fell = [change for change in comparison.changes if change.report == report and not change.better]
    cases = f"; fell most {_by_label(fell)}" if fell and whole.verdict != "worse" else ""
    start = f"{report} is {whole.verdict}" if whole.verdict else f"{report}: no difference shown"
    return f"{start}: {numbers}, {count}{there}{cases}"


def _by_label(changes: Sequence[Change]) -> str:
    """``in kidney for case_005, case_009, in liver for case_001``."""
    cases: dict[str, list[str]] = {}
    for change in changes:
        cases.setdefault(change.where, []).append(change.case)
    some = {label: named(found, _MOST_IN_SENTENCE) for label, found in cases.items()}
    return ", ".join(f"in {label} for {found}" if label else f"in {found}" for label, found in some.items())


def _name(row: ComparisonRow) -> str:
    return row.name or str(row.label)


def notes(comparison: Comparison) -> list[str]:
    """What the cells stand for."""
    lines = [
        f"{comparison.paired} of {comparison.cases} cases are evaluated in every report",
        "difference: value − baseline; w/t/l: cases better/equal/worse",
        f"95 % interval: of {comparison.draws} bootstrap draws of the cases (seed {comparison.seed})",
        f"p Holm: Wilcoxon signed-rank p, corrected for all {comparison.tests}; effect: rank-biserial correlation",
    ]
    if any(row.undefined or row.missing for row in comparison.rows):
        lines.append("n as 48/50: only 48 of the 50 cases have a value in both")
    return lines


def missing_lines(comparison: Comparison) -> list[str]:
    """The first cases that not every report evaluated and why, and how many more there are."""
    lines = [
        f"missing {case.case}: " + "; ".join(f"{reason} ({name})" for name, reason in case.why.items())
        for case in comparison.missing[:_MOST_NAMED]
    ]
    more = len(comparison.missing) - len(lines)
    return [*lines, f"… and {more} more missing; --format json has all of them"] if more else lines


def shown_ranks(comparison: Comparison) -> list[RankRow]:
    """The ranks that a page has room for: those by the main quantity; of ``mean`` where there is one, else all rows."""
    mine = [row for row in comparison.ranks if row.quantity == comparison.main]
    return [row for row in mine if row.label == MEAN] or mine


def interval_text(ends: tuple[float, float]) -> str:
    """Both ends, with signs."""
    if any(math.isnan(end) for end in ends):
        return UNDEFINED
    return f"[{_signed(ends[0])}, {_signed(ends[1])}]"


def _rank_interval(ends: tuple[float, float]) -> str:
    return UNDEFINED if any(map(math.isnan, ends)) else f"{ends[0]:g} – {ends[1]:g}"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + value_text(value)
