"""A report against its baseline: which quantities became worse, by more than is tolerated or than noise explains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.gates.baseline_files import listed, read_baseline, scores_of, write_baseline
from segeval.gates.drops import DRAWS, LEVEL, SEED, Drop, all_drops, bounds_beyond_noise, drops_of
from segeval.gates.matching import Matched, match
from segeval.gates.tolerances import Tolerance, parse_tolerance
from segeval.results.report import Report
from segeval.results.verdict import Finding, Outcome
from segeval.words.lists import counted_as
from segeval.words.printable import printable

__all__ = ["Tolerance", "compare_with_baseline", "parse_tolerance", "write_baseline"]

_FEW_CASES = 6  # fewer cannot be told from noise at this level even by their signs: 2⁻⁵ > 2.5 %
_MANY = 20
_WORST = 5


def compare_with_baseline(
    report: Report,
    baseline: Path,
    *,
    max_drop: Mapping[str, Tolerance],
    max_case_drop: Mapping[str, Tolerance],
    significant: bool,
    allow_changed: frozenset[str],
) -> tuple[tuple[Finding, ...], tuple[str, ...], Mapping[str, Any]]:
    """The findings, remarks and statistics. Raises BaselineError, UnreadableFile, UsageError.

    max_drop: by ``dice`` (the row ``mean``) or ``liver.dice``, how much worse the mean over the paired cases may
    become, those with a value on both sides. max_case_drop: the same for each case. Neither: every quantity with a
    direction, of ``mean`` and every label, may not become worse at all. Differences below 1e-9 of the values are
    rounding. A value that became undefined or missing is a violation, unless it was the worst of its scale.
    significant: a mean beyond its tolerance is a violation only where that cannot be noise: cases are drawn anew with
    both their values (10,000 times, PCG64, seed 0), and the 97.5th percentile of the mean gain must lie below
    −tolerance. The level of 2.5 % is that of each comparison. Single cases have no noise to be told from.
    allow_changed: ``labels`` and ``cases``: compare what is common.
    """
    before, current = read_baseline(baseline), scores_of(report)
    matched = match(before, current, baseline, allow_changed)
    means = drops_of("--max-drop", max_drop, matched, report.columns)
    singles = drops_of("--max-case-drop", max_case_drop, matched, report.columns)
    if not max_drop and not max_case_drop:
        means = all_drops(matched, report.columns)
    exceeding = [drop for drop in means if drop.exceeds] if significant else []
    bounds = dict(zip(map(id, exceeding), bounds_beyond_noise(exceeding), strict=True))
    findings = [_mean_finding(drop, bounds.get(id(drop)), significant) for drop in means]
    findings += [_case_finding(drop) for drop in singles]
    remarks = (
        *matched.remarks,
        *_quantity_remarks(matched, baseline),
        *_value_remarks(means + singles),
        *(_noise_remarks(means, len(matched.cases)) if significant else ()),
    )
    return tuple(findings), remarks, _statistics(matched, means, singles, significant)


def require_known(report: Report, *tolerances: Mapping[str, str]) -> None:
    """Refuse drops of what the report does not hold. Raises UsageError, BaselineError. tolerances: as of a comparison,
    --max-drop and --max-case-drop."""
    if not report.cases:
        return
    scores = scores_of(report)
    matched = match(scores, scores, Path(), frozenset())
    for option, texts in zip(("--max-drop", "--max-case-drop"), tolerances, strict=True):
        drops_of(option, {key: parse_tolerance(text) for key, text in texts.items()}, matched, report.columns)


def _mean_finding(drop: Drop, bound: float | None, significant: bool) -> Finding:
    before, now = drop.means
    lost = drop.lost
    worse = drop.exceeds
    if bound is not None:
        worse = bound < -drop.tolerance.margin(before)
    pairs = int(drop.paired.sum())
    if pairs:
        limit = before - drop.sign * drop.tolerance.margin(before)
        side = "at least" if drop.sign > 0 else "at most"
        least, found = _told_apart(limit, now) if worse else (_number(limit), _number(now))
        expected = f"{side} {least} (baseline {_number(before)}, {counted_as(pairs, 'case')})"
        actual = f"{found}, {_change(now - before, drop.sign)}"
        if bound is not None:
            actual += f", {'beyond' if worse else 'within'} noise (97.5 % bound {_number(drop.sign * bound, '+')})"
    else:
        expected, actual = "a value on both sides", "undefined: no case has a value on both sides"
    if lost.any():
        actual += f"; undefined or missing now in {counted_as(int(lost.sum()), 'case')}: {_cases(drop, lost)}"
    outcome: Outcome = "fail" if worse or lost.any() or (not pairs and drop.asked) else "pass" if pairs else "skipped"
    word = "significant " if significant else ""
    return _finding(drop, f"{word}{_rule(drop)}", outcome, expected, actual, drop.gains < 0)


def _case_finding(drop: Drop) -> Finding:
    violating = drop.exceeding_cases | drop.lost
    expected = f"every case within {drop.tolerance} of the baseline"
    pairs = int(drop.paired.sum())
    if violating.any():
        actual = f"{int(violating.sum())} of {counted_as(pairs + int(drop.lost.sum()), 'case')} worse"
        if drop.exceeding_cases.any():
            place = int(np.nanargmin(np.where(drop.exceeding_cases, drop.gains, np.nan)))
            change = " to ".join(_told_apart(drop.before[place], drop.now[place]))
            actual += f", most {printable(drop.cases[place])} from {change}"
        if drop.lost.any():
            lost = counted_as(int(drop.lost.sum()), "case")
            actual += f"; undefined or missing now in {lost}: {_cases(drop, drop.lost)}"
        return _finding(drop, f"{_rule(drop)} in every case", "fail", expected, actual, drop.exceeding_cases, None)
    if not pairs:
        actual = "undefined: no case has a value on both sides"
        return _finding(drop, f"{_rule(drop)} in every case", "fail", expected, actual, violating)
    return _finding(drop, f"{_rule(drop)} in every case", "pass", expected, f"{counted_as(pairs, 'case')}", violating)


def _finding(
    drop: Drop,
    rule: str,
    outcome: Outcome,
    expected: str,
    actual: str,
    behind: NDArray[np.bool_],
    most: int | None = _WORST,
) -> Finding:
    """Behind a violation stand the values now: undefined ones first, then those that dropped most."""
    worst: list[tuple[str, float]] = []
    if outcome == "fail":
        worst = [(drop.cases[i], math.nan) for i in _places(drop.lost)]
        gains = drop.gains
        order = sorted(_places(behind), key=lambda i: (gains[i], drop.cases[i]))
        worst += [(drop.cases[i], float(drop.now[i])) for i in order[:most]]
    return Finding(
        rule=rule,
        level="fail",
        outcome=outcome,
        label=drop.measure.label,
        quantity=drop.column.key,
        expected=expected,
        actual=actual,
        worst=tuple(worst),
    )


def _rule(drop: Drop) -> str:
    """``drop of liver.dice <= 0.01``; what is better lower rises."""
    return f"{'drop' if drop.sign > 0 else 'rise'} of {printable(str(drop.measure))} <= {drop.tolerance}"


def _change(difference: float, sign: int) -> str:
    if difference == 0:
        return "unchanged"
    return f"{'better' if difference * sign > 0 else 'worse'} by {_number(abs(difference))}"


def _cases(drop: Drop, which: NDArray[np.bool_]) -> str:
    return listed(drop.cases[i] for i in _places(which))


def _places(which: NDArray[np.bool_]) -> list[int]:
    return [int(place) for place in np.flatnonzero(which)]


def _quantity_remarks(matched: Matched, path: Path) -> list[str]:
    before, now = matched.baseline.quantities, matched.current.quantities
    sides = (("the results lack", before - now), ("the baseline lacks", now - before))
    return [f"{path}: not compared, because {side} them: {listed(sorted(keys))}" for side, keys in sides if keys]


def _value_remarks(drops: Sequence[Drop]) -> list[str]:
    """Values without a partner that are no violation."""
    new = [(str(d.measure), int((np.isnan(d.before) & ~np.isnan(d.now)).sum())) for d in drops]
    gone = [(str(d.measure), int((~np.isnan(d.before) & np.isnan(d.now) & ~d.lost).sum())) for d in drops]
    return [
        f"{sum(count for _, count in counts)} value(s) {what} and are not compared: "
        + listed(f"{name} in {counted_as(count, 'case')}" for name, count in dict(counts).items() if count)
        for what, counts in (
            ("were undefined in the baseline", new),
            ("were the worst possible in the baseline, are undefined or missing now,", gone),
        )
        if any(count for _, count in counts)
    ]


def _noise_remarks(drops: Sequence[Drop], cases: int) -> list[str]:
    remarks = []
    if cases < _FEW_CASES:
        remarks.append(
            f"--significant: {counted_as(cases, 'paired case')} show too little of the noise to tell a drop from it; "
            f"compare {_FEW_CASES} or more"
        )
    if len(drops) > _MANY:
        remarks.append(
            f"--significant: {len(drops)} comparisons at a level of {LEVEL:.1%} each: noise alone may fail about "
            f"{len(drops) * LEVEL:.0f}; name the few that matter with --max-drop"
        )
    return remarks


def _statistics(
    matched: Matched, means: Sequence[Drop], singles: Sequence[Drop], significant: bool
) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "baseline_version": matched.baseline.version,
        "compared_cases": len(matched.cases),
        "comparisons": len(means) + len(singles),
        "became_undefined": sum(int(drop.lost.sum()) for drop in (*means, *singles)),
    }
    return found | ({"level": LEVEL, "draws": DRAWS, "seed": SEED} if significant else {})


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign}.6g}"


def _told_apart(one: float, other: float) -> tuple[str, str]:
    """Both in six digits, or in as many as it takes to see that they are two."""
    for digits in range(6, 17):
        texts = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if texts[0] != texts[1]:
            return texts
    return repr(float(one)), repr(float(other))
