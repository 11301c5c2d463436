"""Which reports may be compared, and which of their quantities and labels were asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from segeval.choices import EVERY_GROUP, GROUPS
from segeval.comparing.case_tables import CaseTable, LabelLine
from segeval.errors import UsageError
from segeval.quantities import keys_named
from segeval.results.report import Column
from segeval.results.signatures import differing_parts, version_of
from segeval.words.lists import named
from segeval.words.nearest import suggestion

_MOST_NAMED = 10


def require_same_settings(tables: Sequence[CaseTable], allowed: Collection[str]) -> None:
    """Refuse reports made under other settings than the first. Raises UsageError that says which."""
    baseline, *others = tables
    for table in others:
        parts = differing_parts(baseline.signature, table.signature)
        refused = {part: values for part, values in parts.items() if part not in allowed}
        if refused:
            told = "; ".join(f"{part} is {_or_none(a)} and {_or_none(b)}" for part, (a, b) in refused.items())
            raise UsageError(
                f"{baseline.name} and {table.name} were made under different settings: {told}; score again under the "
                f"same, or go on with --allow-changed {','.join(parts)}"
            )


def provenance_remarks(tables: Sequence[CaseTable]) -> list[str]:
    """Other versions, settings that were allowed to differ, and other references behind the same case."""
    baseline, *others = tables
    remarks: list[str] = []
    for table in others:
        both = f"{baseline.name} and {table.name}"
        ours, theirs = version_of(baseline.signature), version_of(table.signature)
        if ours != theirs:
            remarks.append(f"{baseline.name} was made by segeval {ours}, {table.name} by {theirs}")
        for part, (a, b) in differing_parts(baseline.signature, table.signature).items():
            remarks.append(f"{both} differ in {part}: {_or_none(a)} and {_or_none(b)}")
        other = [case for case, digest in table.references.items() if baseline.references.get(case, digest) != digest]
        if other:
            remarks.append(f"{both} were scored against other references (SHA-256): {_named(sorted(other))}")
    return remarks


def chosen_columns(tables: Sequence[CaseTable], metrics: str | None) -> list[Column]:
    """The quantities of ``--metrics``, or all that every report has. Raises UsageError."""
    shared = {column.key: column for column in _shared(tables)}
    if metrics is None:
        keys = list(shared)
    else:
        keys = [key for part in metrics.split(",") for key in _asked(part, shared, tables)]
    if not keys:
        held = "; ".join(f"{table.name} holds {_held(table)}" for table in tables)
        raise UsageError(f"no quantity that was asked for is in every report: {held}; score with the same --metrics")
    return [shared[key] for key in dict.fromkeys(keys)]


def left_out_remarks(tables: Sequence[CaseTable], metrics: str | None) -> list[str]:
    """The quantities that only some reports have, where all were asked for."""
    shared = {column.key for column in _shared(tables)}
    found = dict.fromkeys(column.key for table in tables for column in table.columns)
    only_some = [key for key in found if key not in shared]
    return [f"not compared, in some of the reports only: {', '.join(only_some)}"] if only_some and not metrics else []


def chosen_lines(lines: Sequence[LabelLine], labels: str | None) -> list[LabelLine]:
    """The rows that ``--labels`` names: values, names, regions, ``mean`` or ``all``. Raises UsageError."""
    if labels is None:
        return list(lines)
    wanted: set[int | str] = set()
    known = {str(line.label): line.label for line in lines}
    for part in (text.strip() for text in labels.split(",")):
        found = [known[part]] if part in known else [line.label for line in lines if part and part == line.name]
        if len(found) > 1:
            raise UsageError(
                f"--labels: labels {', '.join(map(str, found))} are all called {part!r}; name one by its number"
            )
        if not found:
            names = [*known, *(line.name for line in lines if line.name)]
            there = f"{suggestion(part, names)}; there are, for example, {', '.join(names[:_MOST_NAMED])}"
            raise UsageError(f"--labels {part!r}: no report has this row{there}")
        wanted.update(found)
    return [line for line in lines if line.label in wanted]


def _asked(part: str, shared: Mapping[str, Column], tables: Sequence[CaseTable]) -> Sequence[str]:
    if part.strip() == EVERY_GROUP:
        return list(shared)
    if part.strip() in GROUPS:
        return [key for key, column in shared.items() if column.group == part.strip()]
    keys = keys_named(part, {column.key for table in tables for column in table.columns})
    for key in keys:
        for table in tables:
            if key not in (column.key for column in table.columns):
                raise UsageError(
                    f"--metrics {key}: {table.name} has no such quantity, it holds {_held(table)}; score again"
                )
    return keys


def _shared(tables: Sequence[CaseTable]) -> list[Column]:
    first, *others = tables
    keys = [{column.key for column in table.columns} for table in others]
    return [column for column in first.columns if all(column.key in held for held in keys)]


def _held(table: CaseTable) -> str:
    return ", ".join(column.key for column in table.columns) or "none"


def _or_none(value: str | None) -> str:
    return "not stated" if value is None else value or "empty"


def _named(cases: Sequence[str]) -> str:
    return f"{len(cases)} cases, {named(cases, _MOST_NAMED)}"
