"""What a gate found out, as frozen records: rules and comparisons that passed, failed, warned or could not be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from msgspec import Struct, field

Level = Literal["fail", "warn"]
Outcome = Literal["pass", "fail", "warn", "error", "skipped"]


class Finding(Struct, frozen=True):
    """One rule, or one comparison with a baseline, against what was measured.

    rule: its text, ``mean(liver.dice) >= 0.9`` or ``drop of liver.dice <= 0.01``.
    level: what its violation is. outcome: ``warn`` is a violation that does not fail the gate, ``error`` a case that
    could not be evaluated, ``skipped`` undefined where the rule allows that.
    label, quantity: what it is about; label ``mean`` where the rule names none, empty for counts of cases.
    case: the case that a per-case finding is about, else None.
    expected, actual: both values in words.
    worst: the cases behind a violation, the worst first.
    """

    rule: str
    level: Level
    outcome: Outcome
    label: str
    quantity: str
    expected: str
    actual: str
    case: str | None = None
    worst: tuple[tuple[str, float], ...] = ()


class CasesCounted(TypedDict):
    """How many cases were evaluated, could not be, and have no prediction."""

    evaluated: int
    failed: int
    missing: int


class VerdictStatistics(TypedDict):
    """outcomes: how many findings have each. Against a baseline: its version, how many cases were compared, in how many
    comparisons, and how many values have become undefined; level, draws and seed of the tests of --significant.
    """

    outcomes: dict[Outcome, int]
    cases: CasesCounted
    signature: str
    baseline_version: NotRequired[str | None]
    compared_cases: NotRequired[int]
    comparisons: NotRequired[int]
    became_undefined: NotRequired[int]
    level: NotRequired[float]
    draws: NotRequired[int]
    seed: NotRequired[int]


class VerdictDocument(TypedDict):
    """What a gate found out. success: nothing failed; warnings are allowed. results: in the order of the rules."""

    success: bool
    results: list[Finding]
    statistics: VerdictStatistics
    remarks: list[str]


class Verdict(Struct, frozen=True):
    """All findings, in the order of the rules.

    statistics: counts of findings by outcome, of cases evaluated, failed and missing, and level and seed of tests.
    """

    findings: tuple[Finding, ...]
    statistics: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def success(self) -> bool:
        """Whether nothing failed; warnings are allowed."""
        return all(finding.outcome not in ("fail", "error") for finding in self.findings)
