"""The order that a challenge puts reports in: worked examples, pandas as a second opinion, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from segeval import Report
from segeval.choices import RankingMethod
from segeval.comparing.paired_reports import compare_reports
from segeval.errors import UsageError
from segeval.outputs.html import comparison_page
from segeval.quantities import select
from segeval.quantities.bootstrap import resample
from segeval.quantities.challenge_ranks import Places, Rules, places
from segeval.results.report import CaseResult, Row
from segeval.settings.protocols import protocol_of

Run = Callable[..., Any]
NAN = math.nan

# three reports, four cases, a Dice and a distance
DICE = [[0.9, 0.8, 0.7, 0.6], [0.8, 0.9, 0.6, 0.5], [0.1, 0.2, NAN, 0.95]]
DISTANCE = [[1, 1, 1, 10], [2, 2, 2, 2], [3, 3, 3, 3]]
VALUES = np.stack([np.array(DICE), np.array(DISTANCE, float)], axis=2)
SIGNS = np.array([1, -1])

PROTOCOL = """
title = "Ours"
year = 2026
version = 1
source = "our hospital"
decides = "Dice and Hausdorff distance of the liver."
[options]
labels = { liver = 1 }
metrics = "dice,hd"
[columns]
"Dice_*" = "*.dice"
"HD_*" = "10 * {*.hd}"
[ranking]
method = "rank-then-mean"
higher = ["Dice_*"]
lower = ["HD_liver"]
"""


def ranked(
    values: np.ndarray[Any, Any], signs: np.ndarray[Any, Any], method: RankingMethod, draws: int = 10, **rules: Any
) -> Places:
    """With every column's weight the same, unless ``shares`` says otherwise."""
    shares = rules.pop("shares", np.ones(values.shape[2]))
    return places(values, Rules(method, signs, shares, **rules), resample(values.shape[1], draws, 0))


def test_ranks_of_means() -> None:
    """Dice: means 0.75, 0.7, 0.41…; distances: 3.25, 2, 3. The mean ranks are 2, 1.5 and 2.5."""
    found = ranked(VALUES, SIGNS, "mean-then-rank", 100)
    assert found.means == pytest.approx(np.array([[0.75, 3.25], [0.7, 2.0], [1.25 / 3, 3.0]]))
    assert found.of_columns.tolist() == [[1, 3], [2, 1], [3, 2]]
    assert found.scores.tolist() == [2.0, 1.5, 2.5]
    assert found.ranks.tolist() == [2, 1, 3]
    assert (found.interval[0] <= found.ranks).all()
    assert (found.ranks <= found.interval[1]).all()


def test_means_of_ranks() -> None:
    """Dice: 1, 2, 1, 2 and 2, 1, 2, 3 and 3, 3, 3, 1 in the four cases; distances: 1, 1, 1, 3 and so on."""
    found = ranked(VALUES, SIGNS, "rank-then-mean", 100)
    assert found.of_columns.tolist() == [[1.5, 1.5], [2.0, 1.75], [2.5, 2.75]]
    assert found.scores.tolist() == [1.5, 1.875, 2.625]
    assert found.ranks.tolist() == [1, 2, 3]


def test_ranks_of_how_many_one_is_significantly_better_than() -> None:
    """The first is better in each of ten cases: p is 2⁻¹⁰, times six pairs 0.006. The others differ by chance."""
    steps = np.arange(1.0, 11.0)
    noise = np.array([1, -2, 3, -4, 5, -6, 7, -8, 9, -10]) / 1000
    values = np.stack([steps + 1, steps - 1 + noise, steps - 1], axis=0)[:, :, np.newaxis]
    values[0] += np.arange(10)[:, np.newaxis] / 100
    found = ranked(values, np.array([1]), "significance")
    assert found.of_columns.tolist() == [[1], [2.5], [2.5]]
    assert np.isnan(found.interval).all()
    lower = ranked(values, np.array([-1]), "significance")
    assert lower.ranks.tolist() == [3, 1.5, 1.5]
    few = ranked(values[:, :4], np.array([1]), "significance")
    assert few.ranks.tolist() == [2, 2, 2]  # four cases show nothing


@pytest.mark.parametrize("method", ["mean-then-rank", "rank-then-mean"])
def test_pandas_ranks_likewise(method: RankingMethod) -> None:
    rng = np.random.default_rng(3)
    values = np.round(rng.random((5, 12, 3)), 1)
    values[rng.random(values.shape) < 0.1] = NAN
    signs = np.array([1, -1, 1])
    scores = []
    for column, sign in enumerate(signs):
        frame = pandas.DataFrame(values[:, :, column] * sign)
        if method == "mean-then-rank":
            scores.append(frame.mean(axis=1).rank(ascending=False))
        else:
            scores.append(frame.rank(ascending=False, na_option="bottom").mean(axis=1))
    expected = sum(scores) / 3
    found = ranked(values, signs, method)
    assert found.scores == pytest.approx(expected.to_numpy())
    assert found.ranks == pytest.approx(expected.rank().to_numpy())


def made_under(own: Path) -> dict[str, Any]:
    """What a report holds of a user's protocol."""
    protocol = protocol_of(str(own))
    assert protocol is not None
    return protocol.document()


def reports(protocol: dict[str, Any] | None) -> dict[str, Report]:
    settings: dict[str, Any] = {"metrics": ["dice", "hd"]} | ({} if protocol is None else {"protocol": protocol})
    columns = tuple(selection.column for selection in select("dice,hd"))
    found = {}
    for name, dice, distance in zip("abc", DICE, DISTANCE, strict=True):
        cases = [
            CaseResult(f"c{number}", None, None, (Row(1, "liver", {"dice": d, "hd": h / 10}),))
            for number, (d, h) in enumerate(zip(dice, distance, strict=True))
        ]
        found[name] = Report("segeval:0.1.0|kind:labels|protocol:ours@1", settings, columns, tuple(cases))
    return found


def files_of(folder: Path, protocol: dict[str, Any] | None) -> list[Path]:
    for name, report in reports(protocol).items():
        (folder / f"{name}.json").write_text(report.to_json())
    return [folder / f"{name}.json" for name in "abc"]


def test_compare_puts_reports_in_a_challenges_order(segeval: Run, tmp_path: Path) -> None:
    own = tmp_path / "ours.toml"
    own.write_text(PROTOCOL)
    files = files_of(tmp_path, made_under(own))
    run = segeval("compare", *files, "--ranking", own, "-f", "json")
    assert run.code == 0, run.err
    ranking = run.json["ranking"]
    assert (ranking["protocol"][:7], ranking["method"], ranking["cases"]) == ("ours@1#", "rank-then-mean", 4)
    assert [(Path(p["report"]).stem, p["rank"], p["score"]) for p in ranking["placings"]] == [
        ("a", 1, 1.5),
        ("b", 2, 1.875),
        ("c", 3, 2.625),
    ]
    assert ranking["placings"][0]["means"] == pytest.approx({"Dice_liver": 0.75, "HD_liver": 3.25})
    table = segeval("compare", *files, "--ranking", own).out
    assert "Ours: rank-then-mean over 4 cases\n" in table
    markdown = segeval("compare", *files, "--ranking", own, "-f", "markdown").out
    assert "\n\n## Ours: rank-then-mean over 4 cases\n\n| report | place |" in markdown
    assert "ranking" not in segeval("compare", *files, "-f", "json").json
    own.write_text(PROTOCOL.replace("rank-then-mean", "mean-then-rank"))
    again = segeval("compare", *files, "--ranking", own, "-f", "json").json["ranking"]["placings"]
    assert [Path(placing["report"]).stem for placing in again] == ["b", "a", "c"]


def test_the_order_on_the_html_page(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert", reason="the extra report is not installed")
    own = tmp_path / "ours.toml"
    own.write_text(PROTOCOL)
    found = reports(made_under(own))
    html = "".join(comparison_page(compare_reports(found, ranking=str(own)), list(found.values())))
    section = html[html.index('id="challenge"') :].partition("</section>")[0]
    assert "<h2>Ours: rank-then-mean over 4 cases</h2>" in section
    assert [row[0] for row in section.split('<th scope="row">')[1:]] == ["a", "b", "c"]


def test_a_case_that_a_report_lacks_ranks_last_in_it(tmp_path: Path) -> None:
    own = tmp_path / "ours.toml"
    own.write_text(PROTOCOL)
    found = reports(made_under(own))
    found["a"] = Report(found["a"].signature, found["a"].settings, found["a"].columns, found["a"].cases[:1])
    ranking = compare_reports(found, ranking=str(own)).ranking
    assert ranking is not None
    (a,) = (placing for placing in ranking.placings if placing.report == "a")
    assert a.ranks == {"Dice_liver": (1 + 3 + 2.5 + 3) / 4, "HD_liver": (1 + 3 + 3 + 3) / 4}


@pytest.mark.parametrize(
    ("change", "under", "said"),
    [
        (("[ranking]", "[other]"), "ours@1", "'other' is none of its keys"),
        (('method = "rank-then-mean"', 'method = "dice"'), "ours@1", "lacks its method, one of mean-then-rank"),
        (('higher = ["Dice_*"]', 'higher = ["NSD_*"]'), "ours@1", "there is no column 'NSD_*'"),
        (('higher = ["Dice_*"]', 'higher = ["HD_*"]'), "ours@1", "has 'HD_liver' as higher and as lower"),
        (('higher = ["Dice_*"]\nlower = ["HD_liver"]', ""), "ours@1", "names no columns"),
        (("lower =", "bottom ="), "ours@1", "'bottom' is none"),
        (("", ""), "ours@2", "was made under ours@2, --ranking is of ours@1"),
        (("", ""), None, "was made under no protocol"),
    ],
)
def test_a_ranking_that_cannot_be_is_refused(
    change: tuple[str, str], under: str | None, said: str, segeval: Run, tmp_path: Path
) -> None:
    own = tmp_path / "ours.toml"
    own.write_text(PROTOCOL.replace(*change) if change[0] else PROTOCOL)
    name, _, version = (under or "").partition("@")
    files = files_of(tmp_path, {"name": name, "version": int(version)} if under else None)
    run = segeval("compare", *files, "--ranking", own)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert said in run.err


def test_a_protocol_without_a_ranking_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--ranking brats-lesionwise: that protocol has no \[ranking\]"):
        compare_reports(reports(None), ranking="brats-lesionwise")


def test_the_protocols_explanation_shows_it(segeval: Run, tmp_path: Path) -> None:
    own = tmp_path / "ours.toml"
    own.write_text(PROTOCOL)
    shown = segeval("protocols", "check", own).out
    assert "\n  rank-then-mean\n  higher is better: Dice_liver\n  lower is better: HD_liver\n" in shown
