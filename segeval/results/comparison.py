"""What a comparison of reports found out, as frozen records: differences, what changed most, ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, ClassVar, Literal, NotRequired, TypedDict

from msgspec import Struct

from segeval.choices import RankingMethod
from segeval.results.strict_json import json_line, plain
from segeval.targets import BACKGROUND

SCHEMA = "segeval-compare/1"


class Compared(Struct, frozen=True):
    """One of the reports. name: its path. cases: how many it holds; evaluated: how many of those have values."""

    name: str
    signature: str
    cases: int
    evaluated: int
    own: Mapping[int, int] = {}  # its number of each label, where the baseline has another: for pages

    NOT_WRITTEN: ClassVar = frozenset({"own"})

    def own_label(self, label: int | str) -> int | str | None:
        """What the report itself calls a label of the comparison; None where it has none."""
        if not self.own or not isinstance(label, int) or label == BACKGROUND:
            return label
        return self.own.get(label)


class ComparisonRow(Struct, frozen=True):
    """One quantity of one label (or region, ``mean`` or ``all``) in one report against the baseline.

    baseline, value: the means of both over the pairs. difference: value − baseline; ci95: its bootstrap interval.
    better: whether a positive difference is better, None where the quantity has no direction.
    wins, ties, losses: cases, by the direction; None where there is none.
    p, p_holm: Wilcoxon signed-rank, and corrected over all rows that have a p. effect: rank-biserial correlation,
    positive where the report's values are higher.
    n: pairs with both values. undefined: evaluated pairs without. missing: cases that either did not evaluate.
    """

    report: str
    label: int | str
    name: str | None
    quantity: str
    better: bool | None
    baseline: float
    value: float
    difference: float
    ci95: tuple[float, float]
    wins: int | None
    ties: int | None
    losses: int | None
    p: float
    p_holm: float
    effect: float
    n: int
    undefined: int
    missing: int

    @property
    def verdict(self) -> Literal["better", "worse", ""]:
        """``better`` or ``worse`` where the interval excludes zero and the quantity has a direction, else nothing."""
        low, high = self.ci95
        if self.better is None or not (low > 0 or high < 0):
            return ""
        return "better" if (low > 0) == self.better else "worse"


class Change(Struct, frozen=True):
    """A case whose ``mean`` changed much. better: in which direction, by the quantity's.

    where: name or number of the label that changed most in that direction, empty for none; for people, not in the JSON.
    """

    report: str
    quantity: str
    case: str
    baseline: float
    value: float
    difference: float
    better: bool
    where: str = ""

    NOT_WRITTEN: ClassVar = frozenset({"where"})


class RankRow(Struct, frozen=True):
    """One report's place among all by one quantity of one label; 1 is the best.

    mean: over the n cases where every report has a value; mean_then_rank: the rank of that mean.
    mean_rank: the mean over the ranked cases of the rank in each; rank_then_mean: the rank of that mean rank.
    """

    report: str
    label: int | str
    name: str | None
    quantity: str
    mean: float
    mean_then_rank: float
    mean_then_rank_ci95: tuple[float, float]
    mean_rank: float
    rank_then_mean: float
    rank_then_mean_ci95: tuple[float, float]
    n: int
    ranked: int


class Placing(Struct, frozen=True):
    """A report's place in a challenge's order; 1 is the best, ties share the average.

    score: what the place follows from, a mean of ranks; in mean-then-scale of numbers from 0, the best report's, to 1,
    the worst's, which ranks then are. means, ranks: by the challenge's column.
    """

    report: str
    rank: float
    rank_ci95: tuple[float, float]
    score: float
    means: Mapping[str, float]
    ranks: Mapping[str, float]


class ChallengeRanking(Struct, frozen=True):
    """The reports in a challenge's order. protocol: name and version. cases: in any report."""

    protocol: str
    title: str
    method: RankingMethod
    cases: int
    placings: tuple[Placing, ...]


class MissingCase(Struct, frozen=True):
    """A case that not every report evaluated. why: in each report that did not, by its name."""

    case: str
    why: Mapping[str, str]


class ComparedCases(TypedDict):
    """How many cases there are in any report, how many every report evaluated, and those that not every one did."""

    all: int
    paired: int
    missing: list[MissingCase]


class ComparisonSettings(TypedDict):
    """tests: how many p-values the correction is over. level: of the intervals."""

    metrics: list[str]
    draws: int
    seed: int
    level: float
    correction: Literal["holm"]
    tests: int


class ComparisonDocument(TypedDict):
    """Reports of the same cases; the first is the baseline. rows: every quantity of every label against it. changes:
    the cases that changed most. ranks: of more than two reports. ranking: under a protocol that orders its entries.
    """

    schema: Literal["segeval-compare/1"]
    reports: list[Compared]
    settings: ComparisonSettings
    cases: ComparedCases
    rows: list[ComparisonRow]
    changes: list[Change]
    ranks: list[RankRow]
    ranking: NotRequired[ChallengeRanking]
    remarks: list[str]


class Comparison(Struct, frozen=True):
    """Everything that a comparison found out; the first report is the baseline.

    main: the quantity that the changes are about, and that stands for the others in a short table.
    cases: how many there are in any report; paired: how many of them every report evaluated.
    tests: how many p-values the Holm correction is over.
    """

    reports: tuple[Compared, ...]
    metrics: tuple[str, ...]
    main: str | None
    draws: int
    seed: int
    cases: int
    paired: int
    tests: int
    rows: tuple[ComparisonRow, ...]
    changes: tuple[Change, ...] = ()
    ranks: tuple[RankRow, ...] = ()
    missing: tuple[MissingCase, ...] = ()
    remarks: tuple[str, ...] = ()
    ranking: ChallengeRanking | None = None

    def document(self) -> dict[str, Any]:
        """The comparison as plain dicts and lists, undefined values as None: the schema ``segeval-compare/1``."""
        found: dict[str, Any] = plain(
            {
                "schema": SCHEMA,
                "reports": self.reports,
                "settings": {
                    "metrics": self.metrics,
                    "draws": self.draws,
                    "seed": self.seed,
                    "level": 0.95,
                    "correction": "holm",
                    "tests": self.tests,
                },
                "cases": {"all": self.cases, "paired": self.paired, "missing": self.missing},
                "rows": self.rows,
                "changes": self.changes,
                "ranks": self.ranks,
                **({} if self.ranking is None else {"ranking": self.ranking}),
                "remarks": self.remarks,
            }
        )
        for kind, entries in ((Compared, found["reports"]), (Change, found["changes"])):
            for entry, name in product(entries, kind.NOT_WRITTEN):
                del entry[name]
        return found

    def to_json(self) -> str:
        """Strict JSON text (no bare NaN), full float precision, an entry per line."""
        members = [f" {json_line(key)}: {_listed(value)}" for key, value in self.document().items()]
        return "{\n" + ",\n".join(members) + "\n}"


def _listed(value: Any) -> str:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return json_line(value)
    return "[\n  " + ",\n  ".join(json_line(entry) for entry in value) + "\n ]"
