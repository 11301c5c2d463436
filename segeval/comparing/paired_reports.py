"""Reports of the same cases compared with the first of them: what changed, by how much, and is it more than noise."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from segeval.array_types import Floats, Integers
from segeval.comparing.case_tables import (
    CaseTable,
    LabelLine,
    blocks,
    case_table,
    label_lines,
    under_common_names,
    values_of,
)
from segeval.comparing.challenge_ranking import challenge_ranking, ranking_protocol, table_under
from segeval.comparing.comparison_choices import (
    chosen_columns,
    chosen_lines,
    left_out_remarks,
    provenance_remarks,
    require_same_settings,
)
from segeval.errors import UsageError
from segeval.quantities.bootstrap import resample
from segeval.quantities.paired import PairedStatistics, compare_pairs, holm, paired_differences, signed_rank_tests
from segeval.quantities.ranks import rank_reports
from segeval.reports.report_files import read_report
from segeval.results.challenge_table import ChallengeTable
from segeval.results.comparison import Change, Compared, Comparison, ComparisonRow, MissingCase, RankRow
from segeval.results.ranking import main_column
from segeval.results.report import ALL, MEAN, Column, Report
from segeval.settings.labels import Metrics
from segeval.settings.words import metrics_text

_MOST_CHANGES = 5  # each way


def compare_files(
    paths: Sequence[Path],
    *,
    metrics: Metrics = None,
    labels: str | None = None,
    draws: int = 1000,
    seed: int = 0,
    allowed: Collection[str] = (),
    ranking: str | None = None,
) -> Comparison:
    """`compare_reports` on JSON outputs, named by their paths. Raises UnreadableFile, UsageError."""
    protocol = None if ranking is None else ranking_protocol(ranking)
    tables: dict[str, CaseTable] = {}
    challenge: dict[str, ChallengeTable] = {}
    for path in paths:
        name, number = str(path), 2
        while name in tables:
            name, number = f"{path} ({number})", number + 1
        report = read_report(path, values_only=True)
        tables[name] = case_table(name, report)
        if protocol is not None:
            challenge[name] = table_under(name, report, protocol)
        del report  # its text, before the next one is read
    found = _compare(list(tables.values()), metrics, labels, draws, seed, allowed)
    return found if protocol is None else replace(found, ranking=challenge_ranking(challenge, protocol, draws, seed))


def compare_reports(
    reports: Mapping[str, Report],
    *,
    metrics: Metrics = None,
    labels: str | None = None,
    draws: int = 1000,
    seed: int = 0,
    allowed: Collection[str] = (),
    ranking: str | None = None,
) -> Comparison:
    """Every report against the first, case by case; more than two are ranked as well. Raises UsageError.

    metrics, labels: which quantities and rows, as text of the command line, quantities as a list, too; None means all
    that the reports share. draws, seed: of the bootstrap. allowed: the parts of the signatures that may differ.
    ranking: a protocol whose order of the reports is wanted, too.
    """
    protocol = None if ranking is None else ranking_protocol(ranking)
    found = _compare([case_table(*item) for item in reports.items()], metrics, labels, draws, seed, allowed)
    if protocol is None:
        return found
    challenge = {name: table_under(name, report, protocol) for name, report in reports.items()}
    return replace(found, ranking=challenge_ranking(challenge, protocol, draws, seed))


def _compare(
    tables: Sequence[CaseTable],
    metrics: Metrics,
    labels: str | None,
    draws: int,
    seed: int,
    allowed: Collection[str],
) -> Comparison:
    if len(tables) < 2:
        raise UsageError(f"{len(tables)} report given; give the baseline, then one or more to compare with it")
    require_same_settings(tables, allowed)
    tables, told_apart = under_common_names(tables)
    wanted = metrics_text(metrics)
    columns = chosen_columns(tables, wanted)
    every_line = label_lines(tables, columns)
    lines = chosen_lines(every_line, labels)
    cases = sorted({case for table in tables for case in table.statuses})
    rows = _rows(tables, lines, len(cases), draws, seed)
    main = main_column(columns)
    return Comparison(
        reports=tuple(Compared(t.name, t.signature, len(t.statuses), len(t.places), t.own) for t in tables),
        metrics=tuple(column.key for column in columns),
        main=None if main is None else main.key,
        draws=draws,
        seed=seed,
        cases=len(cases),
        paired=sum(all(case in table.places for table in tables) for case in cases),
        tests=sum(row.p == row.p for row in rows),
        rows=rows,
        changes=_changes(tables, every_line, main),
        ranks=_ranks(tables, lines, draws, seed) if len(tables) > 2 else (),
        missing=_missing(tables, cases),
        remarks=(*provenance_remarks(tables), *told_apart, *left_out_remarks(tables, wanted)),
    )


def _rows(
    tables: Sequence[CaseTable], lines: Sequence[LabelLine], cases: int, draws: int, seed: int
) -> tuple[ComparisonRow, ...]:
    rows = [row for table in tables[1:] for row in _pair_rows(tables[0], table, lines, cases, draws, seed)]
    adjusted = holm(np.array([row.p for row in rows], np.float64))
    return tuple(replace(row, p_holm=float(p)) for row, p in zip(rows, adjusted, strict=True))


def _pair_rows(
    baseline: CaseTable, table: CaseTable, lines: Sequence[LabelLine], cases: int, draws: int, seed: int
) -> list[ComparisonRow]:
    pairs = sorted(baseline.places.keys() & table.places.keys())
    if not pairs:
        examples = " and ".join(repr(next(iter(sorted(t.statuses)), "no case")) for t in (baseline, table))
        raise UsageError(
            f"{baseline.name} and {table.name}: no case was evaluated in both (they hold, for example, {examples}); "
            "give reports of the same cases"
        )
    groups = list(blocks(lines, max(len(pairs), draws)))
    weights = resample(len(pairs), draws, seed)
    found = [
        compare_pairs(values_of(baseline, pairs, x), values_of(table, pairs, x), _signs(x), weights, tested=False)
        for x in groups
    ]
    del weights  # what was drawn for 20,000 cases makes room for SciPy, which needs 70 MB
    rows: list[ComparisonRow] = []
    for block, of_block in zip(groups, found, strict=True):
        tests = signed_rank_tests(paired_differences(values_of(baseline, pairs, block), values_of(table, pairs, block)))
        rows += _block_rows(table.name, block, replace(of_block, p=tests[0], effect=tests[1]), len(pairs), cases)
    return rows


def _block_rows(
    report: str, block: Sequence[LabelLine], found: PairedStatistics, pairs: int, cases: int
) -> Iterator[ComparisonRow]:
    for index, (line, column) in enumerate(_entries(block)):
        sign, n = column.sign, int(found.n[index])
        counts = (int(kind[index]) for kind in (found.wins, found.ties, found.losses))
        wins, ties, losses = (None if sign == 0 else count for count in counts)
        yield ComparisonRow(
            report,
            line.label,
            line.name,
            column.key,
            None if sign == 0 else sign > 0,
            float(found.first[index]),
            float(found.second[index]),
            float(found.difference[index]),
            (float(found.low[index]), float(found.high[index])),
            wins,
            ties,
            losses,
            float(found.p[index]),
            float("nan"),
            float(found.effect[index]),
            n,
            pairs - n,
            cases - pairs,
        )


def _changes(tables: Sequence[CaseTable], lines: Sequence[LabelLine], main: Column | None) -> tuple[Change, ...]:
    """The cases whose mean improved most, then those whose mean worsened most; ties by name."""
    if main is None or main.sign == 0:
        return ()
    of_main = [replace(line, columns=(main,)) for line in lines if main in line.columns]
    mean = [line for line in of_main if line.label == MEAN]
    labels = [line for line in of_main if line.label not in (MEAN, ALL)]
    changes: list[Change] = []
    for table in tables[1:] if mean else ():
        pairs = sorted(tables[0].places.keys() & table.places.keys())
        before, after, gains = _gains(tables[0], table, pairs, mean, main.sign)
        known = [int(i) for i in np.flatnonzero(np.isfinite(gains[:, 0]) & (gains[:, 0] != 0))]
        for sign in (1, -1):
            ordered = sorted((i for i in known if gains[i, 0] * sign > 0), key=lambda i: -abs(float(gains[i, 0])))
            cases = [pairs[i] for i in ordered[:_MOST_CHANGES]]
            places = _moved_most(_gains(tables[0], table, cases, labels, main.sign)[2] * sign, labels)
            for i, where in zip(ordered, places, strict=False):
                old, new = float(before[i, 0]), float(after[i, 0])
                changes.append(Change(table.name, main.key, pairs[i], old, new, new - old, sign > 0, where))
    return tuple(changes)


def _gains(
    baseline: CaseTable, table: CaseTable, cases: Sequence[str], lines: Sequence[LabelLine], sign: int
) -> tuple[Floats, Floats, Floats]:
    """(values before, values after, what was gained), each (cases, lines), of lines of one quantity."""
    before, after = (values_of(side, cases, lines) for side in (baseline, table))
    with np.errstate(over="ignore", invalid="ignore"):
        return before, after, (after - before) * sign


def _moved_most(gains: Floats, lines: Sequence[LabelLine]) -> list[str]:
    """For each case, (cases, lines) of gains, the label that gained most; empty where none did."""
    if not lines:
        return [""] * len(gains)
    gained = np.where(gains > 0, gains, 0)
    found = [lines[i] for i in gained.argmax(axis=1)]
    return [(line.name or str(line.label)) * bool(most) for line, most in zip(found, gained.max(axis=1), strict=True)]


def _ranks(tables: Sequence[CaseTable], lines: Sequence[LabelLine], draws: int, seed: int) -> tuple[RankRow, ...]:
    """Every report's place by every quantity that has a direction, over all cases that any report evaluated."""
    cases = sorted({case for table in tables for case in table.places})
    weights = resample(len(cases), draws, seed)
    directed = [replace(x, columns=tuple(c for c in x.columns if c.sign)) for x in lines]
    rows: list[RankRow] = []
    for block in blocks([line for line in directed if line.columns], len(tables) * max(len(cases), draws)):
        values = np.stack([values_of(table, cases, block) for table in tables])
        found = rank_reports(values, _signs(block), weights)
        for index, (line, column) in enumerate(_entries(block)):
            for place, table in enumerate(tables):
                rows.append(
                    RankRow(
                        table.name,
                        line.label,
                        line.name,
                        column.key,
                        float(found.means[place, index]),
                        float(found.by_mean[place, index]),
                        _ends(found.by_mean_interval, place, index),
                        float(found.mean_ranks[place, index]),
                        float(found.by_rank[place, index]),
                        _ends(found.by_rank_interval, place, index),
                        int(found.n[index]),
                        int(found.ranked[index]),
                    )
                )
    return tuple(rows)


def _missing(tables: Sequence[CaseTable], cases: Sequence[str]) -> tuple[MissingCase, ...]:
    why = {
        case: {t.name: t.statuses.get(case, "not in the report") for t in tables if case not in t.places}
        for case in cases
    }
    return tuple(MissingCase(case, reasons) for case, reasons in why.items() if reasons)


def _entries(lines: Sequence[LabelLine]) -> list[tuple[LabelLine, Column]]:
    return [(line, column) for line in lines for column in line.columns]


def _signs(lines: Sequence[LabelLine]) -> Integers:
    return np.array([column.sign for _, column in _entries(lines)], np.int64)


def _ends(bounds: Floats, place: int, index: int) -> tuple[float, float]:
    return float(bounds[0, place, index]), float(bounds[1, place, index])
