"""The rankings that protocols publish: challenges' own ranking code, examples by hand, and what [ranking] can say."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from protocol_cases import CASES

from segeval.choices import RankingMethod
from segeval.comparing.challenge_ranking import challenge_ranking, ranking_protocol, table_under
from segeval.outputs.comparison_words import ranking_headers
from segeval.quantities.bootstrap import resample
from segeval.quantities.challenge_ranks import Rules, places
from segeval.results.comparison import ChallengeRanking
from segeval.results.report import CaseResult, Report, Row
from segeval.settings.protocols import protocol_names, protocol_of

Run = Callable[..., Any]
NAN = math.nan
RECORDED = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parents[1] / "rankings").glob("*.json")}
OF_COLUMNS = {
    "kits23": {
        f"{quantity}_{part}": (region, key)
        for quantity, key in (("Dice", "dice:empty=1"), ("SD", "nsd:empty=1:surfel=yes"))
        for part, region in (("kidney", "kidney_and_mass"), ("masses", "mass"), ("tumor", "tumor_alone"))
    },
    "brats2021": {
        f"{quantity}_{region}": (region, key)
        for quantity, key in (("Dice", "dice:empty=1"), ("Hausdorff95", "hd95:empty=0:pooled=yes"))
        for region in ("WT", "TC", "ET")
    },
}
"""Which quantity of which row each recorded column is."""


def report(protocol: str, cases: list[Mapping[tuple[str, str], float]]) -> Report:
    """Of a number for each row and quantity of each case."""
    found = ranking_protocol(protocol)
    lines = []
    for number, values in enumerate(cases):
        rows: dict[str, dict[str, float | None]] = {}
        for (row, key), value in values.items():
            rows.setdefault(row, {})[key] = value
        lines.append(CaseResult(f"c{number}", None, None, tuple(Row(name, name, of) for name, of in rows.items())))
    return Report("segeval", {"protocol": found.document()}, (), tuple(lines))


def order_of(protocol: str, reports: Mapping[str, Report]) -> ChallengeRanking:
    found = ranking_protocol(protocol)
    return challenge_ranking({name: table_under(name, of, found) for name, of in reports.items()}, found, 50, 0)


@pytest.mark.parametrize(("name", "trial"), [(name, trial) for name in OF_COLUMNS for trial in range(4)])
def test_places_are_those_of_the_challenges_own_code(name: str, trial: int) -> None:
    """Recorded by benchmarks/protocols/record_ranking.py, with many equal numbers and two equal entries."""
    found = RECORDED[name]["trials"][trial]
    reports = {
        entry: report(name, [{OF_COLUMNS[name][column]: value for column, value in case.items()} for case in cases])
        for entry, cases in found["values"].items()
    }
    assert {placing.report: placing.rank for placing in order_of(name, reports).placings} == found["places"]


def test_a_scale_of_the_means_in_place_of_ranks() -> None:
    """The example of wmh.isi.uu.nl/evaluation: of 80, 60 and 78 the third is at 0.1; and by hand of what is lower."""
    values = np.array([[[80.0, 10.0]], [[60.0, 30.0]], [[78.0, 15.0]]])
    rules = Rules("mean-then-scale", np.array([1, -1]), np.ones(2))
    found = places(values, rules, resample(1, 10, 0))
    assert found.of_columns == pytest.approx(np.array([[0, 0], [1, 1], [0.1, 0.25]]))
    assert found.scores == pytest.approx([0, 1, 0.175])
    assert found.ranks.tolist() == [1, 3, 2]
    assert found.interval.tolist() == [[1, 3, 2], [1, 3, 2]]
    none = np.array([[[5.0, NAN]], [[5.0, 1.0]]])
    assert places(none, rules, resample(1, 10, 0)).of_columns.tolist() == [[0, 1], [0, 0]]


def test_wmh_2017_ranks_on_that_scale() -> None:
    """Dice 0.8, 0.6, 0.78; HD 10, 30, 15; AVD 20, 20, 10 %; recall 0.5, 1, 0.75; F1 of it with a precision of 1."""
    hd = "hd95:boundary=slices:outside=mask"
    counts = ((1, 2), (2, 2), (3, 4))
    reports = {
        name: report(
            "wmh2017",
            [
                {
                    ("WMH", "dice"): dice,
                    ("WMH", hd): distance,
                    ("WMH", "relative_absolute_volume_difference"): volume,
                    ("WMH", "instance_tp"): hit,
                    ("WMH", "instance_fp"): 0,
                    ("WMH", "ref_instances"): lesions,
                    ("WMH", "pred_instances"): hit,
                }
            ],
        )
        for name, dice, distance, volume, (hit, lesions) in zip(
            "abc", (0.8, 0.6, 0.78), (10, 30, 15), (0.2, 0.2, 0.1), counts, strict=True
        )
    }
    ranking = order_of("wmh2017", reports)
    assert ranking_headers(ranking)[2] == "scaled mean, 0 best"  # of no ranks
    scores = {placing.report: placing.score for placing in ranking.placings}
    f1 = (1 - 6 / 7) / (1 - 2 / 3)  # of 2/3, 1 and 6/7
    assert scores == pytest.approx(
        {"a": (0 + 0 + 1 + 1 + 1) / 5, "b": (1 + 1 + 1 + 0 + 0) / 5, "c": (0.1 + 0.25 + 0 + 0.5 + f1) / 5}
    )


def test_autopet_weighs_ranks_and_breaks_ties_by_dice() -> None:
    """a: ranks 1, 3, 3; b: 3, 1, 1; c: 2, 2, 2. All are 2 on average by 50, 25 and 25 %, so that the Dice decides."""
    rows = {"a": (0.9, 3.0, 3.0), "b": (0.7, 1.0, 1.0), "c": (0.8, 2.0, 2.0)}
    keys = ("dice", "invented_volume_ml", "missed_volume_ml")
    reports = {
        name: report("autopet", [{("lesion", key): of for key, of in zip(keys, values, strict=True)}])
        for name, values in rows.items()
    }
    ranking = order_of("autopet", reports)
    assert {placing.score for placing in ranking.placings} == {2.0}
    assert ranking_headers(ranking)[2] == "mean rank"
    assert [(placing.report, placing.rank) for placing in ranking.placings] == [("a", 1), ("c", 2), ("b", 3)]


@pytest.mark.parametrize(("method", "ties", "expected"), [
    ("mean-then-rank", "average", [1.5, 1.5, 3]),
    ("mean-then-rank", "min", [1, 1, 3]),
    ("rank-then-mean", "average", [1.5, 1.5, 3]),
    ("rank-then-mean", "min", [1, 1, 3]),
])  # fmt: skip
def test_the_rank_of_equals(method: RankingMethod, ties: Any, expected: list[float]) -> None:
    values = np.array([[[0.5]], [[0.5]], [[0.25]]])
    found = places(values, Rules(method, np.array([1]), np.ones(1), ties), resample(1, 10, 0))
    assert found.of_columns[:, 0].tolist() == expected
    assert found.ranks.tolist() == expected


def test_tie_breakers_decide_one_after_the_other() -> None:
    """All have 0.5; by the second column, lower, the third is behind; by the next one the second is first."""
    values = np.array([[[0.5, 1, 3]], [[0.5, 1, 4]], [[0.5, 2, 9]], [[0.5, NAN, 9]]])
    found = places(values, Rules("mean-then-rank", np.array([1, -1, 1]), np.ones(1)), resample(1, 10, 0))
    assert found.ranks.tolist() == [2, 1, 3, 4]
    assert found.means.tolist() == [[0.5]] * 4


OWN = """
title = "Ours"
year = 2026
version = 1
source = "our hospital"
decides = "Dice of the liver, of all cases together."
[options]
labels = { liver = 1 }
metrics = "dice,tp,pred_voxels,ref_voxels"
[columns]
Dice = "liver.dice"
[pooled]
All = "2 * total({liver.tp}) / total({liver.pred_voxels} + {liver.ref_voxels})"
[ranking]
method = "mean-then-rank"
higher = ["All"]
"""


def test_a_number_of_all_cases_together_ranks(segeval: Run, tmp_path: Path) -> None:
    """0, 1 and 0.75, as ``test_numbers_of_all_cases_together`` has it; no interval is drawn."""
    own = tmp_path / "ours.toml"
    own.write_text(OWN)
    case = CASES["abdomen"]
    files = []
    for name, prediction in (("none", np.zeros_like(case.h)), ("all", case.y), ("some", case.h)):
        for side, array in (("p", prediction), ("r", case.y)):
            np.save(tmp_path / f"{side}.npy", array)
        files.append(tmp_path / f"{name}.json")
        arguments = (tmp_path / "p.npy", tmp_path / "r.npy", "--protocol", own)
        assert segeval("score", *arguments, "-o", files[-1]).code == 0
    run = segeval("compare", *files, "--ranking", own, "-f", "json")
    assert run.code == 0, run.err
    placings = run.json["ranking"]["placings"]
    assert [Path(placing["report"]).stem for placing in placings] == ["all", "some", "none"]
    assert [placing["means"]["All"] for placing in placings] == pytest.approx([1.0, 0.75, 0.0])
    assert placings[0]["rank_ci95"] == [None, None]
    shown = segeval("compare", *files, "--ranking", own).out
    assert "Ours: mean-then-rank over 1 cases" in shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("mean-then-rank", "rank-then-mean"), "'All' is of all cases together, by which rank-then-mean ranks no case"),
        (('["All"]', '["All"]\nties = "max"'), "ties are one of average, min, not 'max'"),
        (('["All"]', '["All"]\nweights = { Dice = 2 }'), "'Dice' needs a number above 0, and to be among"),
        (('["All"]', '["All"]\nweights = { All = 0 }'), "'All' needs a number above 0"),
        (('["All"]', '["All"]\nweights = { All = inf }'), "'All' needs a number above 0"),
        (('["All"]', '["All"]\nweights = { None = 1 }'), "weights: there is no column 'None'"),
        (('["All"]', '["All"]\nweights = 3'), "weights are a table, of columns"),
        (('["All"]', '["All"]\ntiebreakers = { Dice = "best" }'), "'Dice' is no column, or neither higher nor lower"),
        (('["All"]', '["All"]\nsource = 3'), "source is no text"),
        (('["All"]', '["All"]\n[ranking.columns]\nDice = "liver.dice"'), "'Dice' is in [columns] or [pooled], too"),
        (('["All"]', '["All"]\n[ranking.columns]\nD = 3'), "columns are texts like"),
        (('["All"]', '["All"]\n[ranking.columns]\nD = "liver.hd"'), "column 'D': [options] metrics have no hd"),
    ],
)
def test_what_a_ranking_cannot_say_is_refused_in_a_line(
    change: tuple[str, str], said: str, segeval: Run, tmp_path: Path
) -> None:
    own = tmp_path / "ours.toml"
    own.write_text(OWN.replace(*change))
    run = segeval("protocols", "check", own)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert said in run.err


def test_every_ranking_of_the_package_says_where_it_is_from(segeval: Run) -> None:
    ranked = {name: of.ranking for name in protocol_names() if (of := protocol_of(name)) and of.ranking}
    assert ranked.keys() >= RECORDED.keys()
    for name, ranking in ranked.items():
        assert ranking.source, name
        shown = segeval("protocols", name).out
        assert f"--ranking\n  {ranking.method}\n" in shown
        assert f"source: {ranking.source.split()[0]}" in shown
