"""Which labels of which cases are worth a picture: of each label the worst cases, the median and the best."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from segeval.errors import UsageError
from segeval.results.ranking import main_column
from segeval.results.report import ALL, MEAN, Label, Report
from segeval.results.slices import Results

USUAL = 5
"""Pictures of a label: the three worst, the median, the best."""


def chosen_labels(
    report: Report, count: int | None = None, cases: Collection[str] = ()
) -> list[tuple[int, tuple[Label, ...]]]:
    """(place of the case, its labels to show), worst cases first.

    count: of a label; of fewer than `USUAL` the worst, of more the worst besides. cases: with all of their labels, too.
    Of a single pair, every label. Raises UsageError for a case that there is not.
    """
    names = [case.case for case in report.cases]
    for name in cases:
        if name not in names:
            raise UsageError(f"--case {name}: the report has no such case; it has, for example, {', '.join(names[:5])}")
    results = Results.of(report.cases, [column.key for column in report.columns])
    labels = [line.label for line in results.lines if line.label not in (MEAN, ALL)]
    column = main_column(report.columns)
    if report.summary is None:
        return [(0, tuple(labels))] if count != 0 or cases else []
    chosen: dict[int, dict[Label, None]] = {}
    ranked: list[tuple[float, int]] = []
    for label in labels:
        if column is None:
            break
        found, values = results.cells(label, [column.key])
        scored = [(v * (column.sign or 1), p) for p, v in zip(found.tolist(), values[:, 0].tolist(), strict=True)]
        scored = sorted((v, p) for v, p in scored if not math.isnan(v) and report.cases[p].reference is not None)
        for value, place in _spread(scored, USUAL if count is None else count):
            chosen.setdefault(place, {})[label] = None
            ranked.append((value, place))
    for name in cases:
        place = names.index(name)
        chosen.setdefault(place, {}).update(
            dict.fromkeys(row.label for row in report.cases[place].rows if row.label in labels)
        )
    order = {place: at for at, place in enumerate(dict.fromkeys(place for _, place in sorted(ranked)))}
    return [
        (place, tuple(label for label in labels if label in chosen[place]))
        for place in sorted(chosen, key=lambda place: (order.get(place, -1), place))
        if chosen[place]
    ]


def _spread(scored: Sequence[tuple[float, int]], count: int) -> list[tuple[float, int]]:
    """So many of them, ascending: the worst, and from `USUAL` on the median and the best, too."""
    if count < USUAL or len(scored) <= count:
        return list(scored[:count])
    worst = list(scored[: count - 2])
    middle = scored[len(scored) // 2]
    return list(dict.fromkeys([*worst, middle, scored[-1]]))
