"""Reports under a challenge's protocol, in the order that the challenge would put them in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from segeval.array_types import Floats
from segeval.errors import UsageError
from segeval.quantities.bootstrap import resample
from segeval.quantities.challenge_ranks import Rules, places
from segeval.results.challenge_table import POOLED, ChallengeTable, challenge_table
from segeval.results.comparison import ChallengeRanking, Placing
from segeval.results.report import Report
from segeval.settings import settings_of
from segeval.settings.protocols import Protocol, signed_as
from segeval.words.lists import named


def ranking_protocol(text: str) -> Protocol:
    """The protocol that ``--ranking`` names. Raises UsageError where it is none, or publishes no ranking."""
    try:
        protocol = settings_of({"protocol": text}).protocol
    except UsageError as problem:
        raise UsageError(str(problem).replace("--protocol", "--ranking", 1)) from None
    if protocol is None or protocol.ranking is None:
        raise UsageError(f"--ranking {text}: that protocol has no [ranking]; see docs/protocols.md")
    return protocol


def table_under(name: str, report: Report, protocol: Protocol) -> ChallengeTable:
    """The challenge's table of a report. Raises UsageError where the report was not made under the protocol."""
    found = report.settings.get("protocol")
    signed = signed_as(found) if isinstance(found, Mapping) else "no protocol"
    document = protocol.document()
    own = {} if protocol.ranking is None else protocol.ranking.columns
    table = challenge_table(report, {**document, "columns": {**document["columns"], **own}})
    if signed != protocol.signed or table is None:
        raise UsageError(
            f"{name} was made under {signed}, --ranking is of {protocol.signed}; score again with --protocol"
        )
    return table


def challenge_ranking(
    tables: Mapping[str, ChallengeTable], protocol: Protocol, draws: int, seed: int
) -> ChallengeRanking:
    """The order of these tables, by the names of their reports.

    A case that one lacks, or that failed in it, ranks last there; raises UsageError where ranks are of means, which
    such a case would improve.
    """
    ranking = protocol.ranking
    if ranking is None:
        raise TypeError("the protocol has no ranking")
    if ranking.method != "rank-then-mean":
        _require_every_case(tables, ranking.method)
    columns = dict.fromkeys(ranking.higher, 1) | dict.fromkeys(ranking.lower, -1)
    breakers = {name: 1 if side == "higher" else -1 for name, side in ranking.tiebreakers.items()}
    every = [*columns, *breakers]
    cases = sorted({case for table in tables.values() for case, _ in table.cases})
    values = np.stack([_values(table, cases, every) for table in tables.values()])
    shares = np.array([ranking.weights.get(column, 1.0) for column in columns], np.float64)
    rules = Rules(ranking.method, np.array([*columns.values(), *breakers.values()]), shares, ranking.ties)
    together = None
    if protocol.pooled.keys() & set(every):
        together = np.stack([_together(table, every) for table in tables.values()])
    found = places(values, rules, resample(len(cases), draws, seed), together)
    placings = [
        Placing(
            report=name,
            rank=float(found.ranks[index]),
            rank_ci95=(float(found.interval[0, index]), float(found.interval[1, index])),
            score=float(found.scores[index]),
            means=dict(zip(columns, found.means[index].tolist(), strict=True)),
            ranks=dict(zip(columns, found.of_columns[index].tolist(), strict=True)),
        )
        for index, name in enumerate(tables)
    ]
    placings.sort(key=lambda placing: placing.rank)
    return ChallengeRanking(protocol.signed, protocol.title, ranking.method, len(cases), tuple(placings))


def _require_every_case(tables: Mapping[str, ChallengeTable], method: str) -> None:
    every = {case for table in tables.values() for case, _ in table.cases}
    for name, table in tables.items():
        lacking = sorted(every - {case for case, _ in table.cases} | set(table.unscored))
        if lacking:
            raise UsageError(
                f"{name}: {len(lacking)} of {len(every)} cases have no number ({named(lacking, 3)}), and "
                f"{method} ranks means over the cases; score them, with --missing worst where a prediction is missing"
            )


def _values(table: ChallengeTable, cases: list[str], columns: list[str]) -> Floats:
    """(cases, columns), NaN where the table has no such case."""
    by_case = dict(table.cases)
    chosen = [list(table.columns).index(column) for column in columns]
    nothing = [float("nan")] * len(table.columns)
    return np.array([[by_case.get(case, nothing)[place] for place in chosen] for case in cases], np.float64).reshape(
        len(cases), len(columns)
    )


def _together(table: ChallengeTable, columns: list[str]) -> Floats:
    """(columns,), NaN but for those of all cases together."""
    (line,) = (line for name, line in table.ends if name == POOLED)
    return np.array([line[list(table.columns).index(column)] for column in columns], np.float64)
