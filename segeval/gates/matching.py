"""A report beside its baseline: the same settings, cases and labels, or the difference spelled out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from segeval.errors import BaselineError, UsageError
from segeval.gates.baseline_files import Means, Scores, listed
from segeval.results.report import ALL, MEAN, Label
from segeval.results.signatures import differing_parts
from segeval.results.slices import label_order
from segeval.targets import BACKGROUND
from segeval.words.printable import printable

CHANGES = ("labels", "cases")
_REGIONS_ONLY = "mean:regions"
_LABEL_SETTINGS = ("labels", "regions")


class Matched(Struct, frozen=True):
    """Both sides, cut down to what they have in common.

    path: of the baseline. cases: sorted. labels: in the order of reports, without ``mean`` and ``all``.
    failed: how many of the common cases could not be evaluated now, and are not among the cases.
    """

    path: Path
    baseline: Scores
    current: Scores
    cases: tuple[str, ...]
    labels: tuple[Label, ...]
    failed: int
    remarks: tuple[str, ...]


def match(baseline: Scores, current: Scores, path: Path, allow_changed: frozenset[str]) -> Matched:
    """What can be compared. Raises BaselineError for differences that are not allowed, UsageError."""
    if unknown := sorted(allow_changed - set(CHANGES)):
        raise UsageError(f"--allow-changed {listed(unknown)}: write {' or '.join(CHANGES)}, or both with a comma")
    settings, label_settings = _settings_changes(baseline, current)
    case_changes = _case_changes(baseline, current)
    common = sorted((baseline.cases.keys() & current.cases.keys()) - set(_other_references(baseline, current)))
    cases = tuple(case for case in common if case not in current.failed)
    if not common:
        case_changes.append("no case is the same")
    labels, label_changes = _labels(baseline, current, _with_rows(current, cases))
    label_changes = label_settings + label_changes
    _require(path, settings, case_changes, label_changes, allow_changed, nothing=not common)
    remarks = _version_remarks(baseline, current, path)
    remarks += [f"{path}: {change}; only what is common is compared" for change in (*case_changes, *label_changes)]
    failed = len(common) - len(cases)
    if failed:
        names = listed(case for case in common if case in current.failed)
        remarks.append(f"{path}: {failed} case(s) could not be evaluated and are not compared: {names}")
    if label_changes:
        remarks.append(
            f"{path}: the row mean is averaged anew over the {len(labels)} common label(s), the row all is not compared"
        )
        baseline, current = _with_common_means(baseline, current, labels, cases)
    return Matched(path, baseline, current, cases, labels, failed, tuple(remarks))


def _require(
    path: Path,
    settings: list[str],
    cases: list[str],
    labels: list[str],
    allow_changed: frozenset[str],
    nothing: bool,
) -> None:
    """Raises BaselineError with every difference that is not allowed."""
    found = [f"other settings: {', '.join(settings)}"] if settings else []
    found += [] if "cases" in allow_changed and not nothing else cases
    found += [] if "labels" in allow_changed else labels
    if not found:
        return
    ways = [word for word, changes in (("labels", labels), ("cases", cases)) if changes and word not in allow_changed]
    way = f", pass --allow-changed {','.join(ways)} to compare what is common" if ways and not settings else ""
    raise BaselineError(
        f"{path}: cannot be compared: {'; '.join(found)}; score as the baseline was scored{way}, or write a new "
        "baseline with --update-baseline"
    )


def _settings_changes(baseline: Scores, current: Scores) -> tuple[list[str], list[str]]:
    """Each part of the signatures that differs, with both values; those that name the labels apart."""
    changes: tuple[list[str], list[str]] = ([], [])
    for name, (before, now) in differing_parts(baseline.signature, current.signature).items():
        text = f"{name} was {before or 'not given'}, is {now or 'not given'}"
        changes[name in _LABEL_SETTINGS].append(printable(text))
    return changes


def _case_changes(baseline: Scores, current: Scores) -> list[str]:
    changes = _missing_on("case(s)", baseline.cases.keys(), current.cases.keys())
    if other := _other_references(baseline, current):
        changes.append(f"{len(other)} case(s) with another reference file (SHA-256): {listed(other)}")
    return changes


def _other_references(baseline: Scores, current: Scores) -> list[str]:
    """The cases whose reference file is known on both sides, and is not the same."""
    known = baseline.references.keys() & current.references.keys()
    return sorted(case for case in known if baseline.references[case] != current.references[case])


def _labels(baseline: Scores, current: Scores, cases: Iterable[str]) -> tuple[tuple[Label, ...], list[str]]:
    """The labels that are the same on both sides, and what differs."""
    cases = list(cases)
    before, now = (side.labels_of(cases) - {MEAN, ALL} for side in (baseline, current))
    common = before & now
    changes = _missing_on("label(s)", before, now, lambda label: _title(label, baseline, current))
    renamed = [
        label
        for label in sorted(common, key=label_order)
        if label in baseline.names and label in current.names and baseline.names[label] != current.names[label]
    ]
    if renamed:
        words = listed(f"{label} was {baseline.names[label]}, is {current.names[label]}" for label in renamed)
        changes.append(f"{len(renamed)} label(s) with another name: {words}")
    redefined = [
        label
        for label in sorted(common, key=label_order)
        if isinstance(label, str) and baseline.regions.get(label) != current.regions.get(label)
    ]
    if redefined:
        words = listed(f"{r} was {_members(baseline, r)}, is {_members(current, r)}" for r in redefined)
        changes.append(f"{len(redefined)} region(s) of other labels: {words}")
    return tuple(sorted(common - {*renamed, *redefined}, key=label_order)), changes


def _members(side: Scores, region: str) -> str:
    members = side.regions.get(region, "unknown")
    return members if isinstance(members, str) else "+".join(map(str, members))


def _title(label: Label, *sides: Scores) -> str:
    name = next((side.names[label] for side in sides if label in side.names), None)
    return str(label) if name is None else f"{label} {name}"


def _missing_on(what: str, before: Iterable[Label], now: Iterable[Label], title: object = None) -> list[str]:
    """What only one side has, the first ten of each."""
    changes = []
    for side, names in (("baseline", set(before) - set(now)), ("results", set(now) - set(before))):
        if names:
            ordered = sorted(names, key=label_order)
            shown = map(title, ordered) if callable(title) else ordered
            changes.append(f"{len(names)} {what} only in the {side}: {listed(shown)}")
    return changes


def _version_remarks(baseline: Scores, current: Scores, path: Path) -> list[str]:
    if baseline.version == current.version:
        return []
    return [
        f"{path}: was written by segeval {printable(baseline.version)}, the results by {printable(current.version)}"
    ]


def _with_rows(side: Scores, cases: Iterable[str]) -> list[str]:
    has_rows = side.has_rows
    return [case for case in cases if has_rows[side.cases[case]]]


def _with_common_means(
    baseline: Scores, current: Scores, labels: tuple[Label, ...], cases: Sequence[str]
) -> tuple[Scores, Scores]:
    """Both sides with the row ``mean`` over these labels alone, and without the row ``all``."""
    of_regions = _REGIONS_ONLY in baseline.signature.split("|")
    averaged = [k for k in labels if (isinstance(k, str) if of_regions else isinstance(k, int) and k != BACKGROUND)]
    scored = _with_rows(current, cases)
    keys = tuple(sorted(baseline.quantities))
    before, now = (Means.nothing(keys, side.results.size) for side in (baseline, current))
    for at, key in enumerate(keys):
        ours, theirs = (np.array([side.values(x, key, scored) for x in averaged]) for side in (baseline, current))
        held = np.array([baseline.presence(label, key, scored) for label in averaged])
        for place, case in enumerate(scored):
            if averaged and held[:, place].any():
                means = _paired_mean(ours[:, place].tolist(), theirs[:, place].tolist())
                before.put(baseline.cases[case], at, means[0])
                now.put(current.cases[case], at, means[1])
    shown = (*labels, *((MEAN,) if before.present.any() else ()))
    return replace(baseline, means=before, labels=shown), replace(current, means=now, labels=shown)


def _paired_mean(before: Sequence[float], now: Sequence[float]) -> tuple[float, float]:
    """Both means over the labels that the baseline has a value of; NaN now where one of those is undefined now."""
    pairs = [(ours, theirs) for ours, theirs in zip(before, now, strict=True) if not math.isnan(ours)]
    if not pairs:
        return math.nan, math.nan
    ours, theirs = zip(*pairs, strict=True)
    return math.fsum(ours) / len(pairs), math.fsum(theirs) / len(pairs)
