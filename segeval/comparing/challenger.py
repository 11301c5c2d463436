"""The values of several reports as challengeR reads them: Task, TestCase, Algorithm, MetricValue, a line per value.

Source: challengeR (Wiesenfarth et al. 2021), its README's "Data requirements".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from segeval.comparing.case_tables import CaseTable, case_table, label_lines, under_common_names, values_of
from segeval.comparing.comparison_choices import chosen_columns, chosen_lines, require_same_settings
from segeval.outputs.csv_output import line_of, text_cell
from segeval.reports.report_files import read_report
from segeval.results.challenge_table import ChallengeTable, challenge_table

HEADER = ("Task", "TestCase", "Algorithm", "MetricValue")
_MISSING = "NA"


def challenger_pieces(
    paths: Sequence[Path], *, metrics: str | None = None, labels: str | None = None, allowed: Collection[str] = ()
) -> Iterator[str]:
    """The CSV of these JSON outputs, each an algorithm by its file's name, in pieces.

    A task is a column of the challenge that all reports were made under, or, where ``metrics`` or ``labels`` ask for
    some, or there is no such challenge, a quantity of a label: ``liver.dice``. What is undefined, and a case that a
    report lacks, is ``NA``. Raises UnreadableFile, UsageError.
    """
    tables: list[CaseTable] = []
    challenges: list[ChallengeTable | None] = []
    for path in paths:
        report = read_report(path, values_only=True)
        tables.append(case_table(str(path), report))
        challenges.append(challenge_table(report))
        del report
    require_same_settings(tables, allowed)
    of_challenge = [table for table in challenges if table is not None and table.columns]
    if metrics is None and labels is None and len(of_challenge) == len(paths):
        tasks: list[str] = list(of_challenge[0].columns[: of_challenge[0].of_cases])
        found = [dict(table.cases) for table in of_challenge]
    else:
        tasks, found = _of_labels(under_common_names(tables)[0], metrics, labels)
    yield line_of(HEADER) + "\n"
    names = _algorithms(paths)
    cases = sorted({case for values in found for case in values})
    for number, task in enumerate(tasks):
        for case in cases:
            for name, values in zip(names, found, strict=True):
                value = _number(values[case][number]) if case in values else _MISSING
                yield line_of((text_cell(task), text_cell(case), text_cell(name), value)) + "\n"


def _of_labels(
    tables: Sequence[CaseTable], metrics: str | None, labels: str | None
) -> tuple[list[str], list[dict[str, Sequence[float]]]]:
    lines = chosen_lines(label_lines(tables, chosen_columns(tables, metrics)), labels)
    bearers = Counter(line.name for line in lines)
    tasks = [
        f"{line.name if line.name and bearers[line.name] == 1 else line.label}.{column.key}"
        for line in lines
        for column in line.columns
    ]
    found = []
    for table in tables:
        cases = sorted(table.statuses)
        values: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = values_of(table, cases, lines)
        found.append(dict(zip(cases, values.tolist(), strict=True)))
    return tasks, found


def _algorithms(paths: Sequence[Path]) -> list[str]:
    """The files' names without their endings, or the paths where two are called alike."""
    stems = Counter(path.stem for path in paths)
    return [path.stem if stems[path.stem] == 1 else str(path) for path in paths]


def _number(value: float) -> str:
    return _MISSING if math.isnan(value) else repr(value)
