"""Sums of quantities with a name: what they are, where they are undefined, what is refused, and that nothing is run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval import evaluate_arrays
from segeval.choices import COUNTERS
from segeval.errors import UsageError
from segeval.quantities import select
from segeval.results.columns import ROW_KEYS

Run = Callable[..., Any]
P = np.array([0.75, 0.75, 0.25, 0.25]).reshape(4, 1, 1)
R = np.array([1, 1, 0, 0], np.uint8).reshape(4, 1, 1)
LN = -math.log(0.75)


def row(metrics: str, label: int | str = 1, prediction: Any = P, reference: Any = R, **options: Any) -> dict[str, Any]:
    report = evaluate_arrays(prediction, reference, metrics=metrics, **options)
    return dict(next(row for row in report.cases[0].rows if row.label == label).values)


def test_the_values_by_hand() -> None:
    """I = 1.5, P = R = 2: the linear soft Dice is 0.25, the binary cross-entropy −ln ¾, the label's share half that."""
    metrics = (
        "dice_ce=soft_dice:epsilon=0:power=1 + ce, mine=0.5*bce - 2*(soft_iou - 1), rest=1-soft_iou,"
        "both=dice_ce+rest, iou"
    )
    assert row(metrics) == {
        "dice_ce": pytest.approx(0.25 + LN / 2),
        "mine": pytest.approx(LN / 2 - 2 * (0.4 - 1)),
        "rest": pytest.approx(0.6),
        "both": pytest.approx(0.25 + LN / 2 + 0.6),
        "iou": 1.0,
    }


def test_the_rows_mean_and_all_follow_their_own_rules() -> None:
    """``all`` is the sum of the terms' ``all``, and absent where a term has none; ``mean`` is over the labels."""
    prediction = np.array([0, 1, 2, 2, 1, 0], np.uint8).reshape(6, 1, 1)
    reference = np.array([0, 1, 2, 1, 1, 0], np.uint8).reshape(6, 1, 1)
    terms = row("soft_dice:epsilon=0,ce", "all", prediction, reference)
    found = row("both=soft_dice:epsilon=0 + 2*ce, none=ce + bce", "all", prediction, reference)
    assert found == {"both": pytest.approx(terms["soft_dice:epsilon=0"] + 2 * terms["ce"], rel=1e-12)}
    per_label = [row("x=ce + bce", label, prediction, reference)["x"] for label in (1, 2)]
    assert row("x=ce + bce", "mean", prediction, reference)["x"] == pytest.approx(np.mean(per_label))


def test_a_sum_is_undefined_where_a_term_is_and_left_out_of_the_mean() -> None:
    prediction = np.array([1, 1, 0, 0], np.uint8).reshape(4, 1, 1)
    options = {"prediction": prediction, "reference": R, "labels": "1,2"}
    report = evaluate_arrays(prediction, R, metrics="x=dice + soft_dice:epsilon=0", labels="1,2")
    one, two, mean, _ = report.cases[0].rows
    assert (one.values["x"], mean.values["x"], mean.n) == (1.0, 1.0, {"x": 1})
    assert math.isnan(two.values["x"])  # type: ignore[arg-type]
    assert row("x=1-dice", 2, empty="one", **options)["x"] == 0.0  # what --empty fills is filled in a sum, too


def test_the_canonical_text_stands_in_the_json_and_in_the_signature(segeval: Run, nifti: Run) -> None:
    files = (nifti("p.nii", R), nifti("r.nii", R))
    run = segeval("score", *files, "--metrics", "mine= 0.70*tversky+ .3*focal:gamma=1.0,dice", "-f", "json")
    text = "mine=0.7*tversky + 0.3*focal:gamma=1"
    assert run.json["settings"]["metrics"] == [text, "dice"]
    assert f"quantities:{text}" in run.json["signature"]
    column = run.json["columns"][0]
    assert (column["key"], column["text"], column["direction"], column["group"]) == ("mine", text, "lower", "losses")
    assert "text" not in run.json["columns"][1]
    assert select(text)[0].text == text
    csv = segeval("score", *files, "--metrics", text, "-f", "csv")
    assert csv.out.splitlines()[0] == "case,label,name,mine"


def test_a_gate_can_be_of_a_sum(segeval: Run, nifti: Run, tmp_path: Path) -> None:
    for folder in ("p", "r"):
        (tmp_path / folder).mkdir()
        nifti(f"{folder}/a.nii", R)
    config = tmp_path / "gate.toml"
    config.write_text(
        '[check]\nrequire = ["mean(mine) <= 0.1", "all.mine <= 0.1"]\n[check.scoring]\nmetrics = "mine=1-dice"\n'
    )
    arguments = ("check", tmp_path / "p", tmp_path / "r", "--config", config)
    assert segeval(*arguments).code == 0
    assert segeval(*arguments, "--require", "mean(mine) >= 0.1").code == 1


def test_a_gate_reads_a_sum_from_a_report(segeval: Run, nifti: Run, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    segeval("score", nifti("p.nii", R), nifti("r.nii", R), "--metrics", "mine=1-dice", "-o", report)
    assert json.loads(report.read_text())["cases"]
    assert segeval("check", report, "--require", "mean(mine) <= 0.1").code == 0
    assert segeval("check", report, "--require", "mean(mine) >= 0.1").code == 1


def test_no_sum_can_have_the_name_of_what_stands_beside_it(segeval: Run, nifti: Run, tmp_path: Path) -> None:
    """Whatever an output of many cases calls its other columns and keys, case, label, name and so on, is reserved."""
    for side in ("p", "r"):
        nifti(f"{side}/a.nii", R)
    outputs = [tmp_path / f"x.{ending}" for ending in ("csv", "json", "parquet")]
    folders = (tmp_path / "p", tmp_path / "r")
    assert segeval("batch", *folders, "--metrics", "dice", *(f"-o{path}" for path in outputs)).code == 0
    document = json.loads(outputs[1].read_text())
    found = {*outputs[0].read_text().splitlines()[0].split(","), *pandas.read_parquet(outputs[2]).columns}
    found |= {key for row in document["cases"][0]["rows"] for key in row}
    found |= set(evaluate_arrays(R, R, metrics="dice").to_frame().columns)
    assert found - {"dice"} == {"case", "label", "name", "n", "status", "reason"}
    for name in found - {"dice"}:
        run = segeval("batch", *folders, "--metrics", f"{name}=dice + iou", "-f", "json")
        assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a=b,b=a", ["a = b = a", "sum of itself"]),
        ("a=a", ["a = a", "sum of itself"]),
        ("a=1", ["a=1", "no quantity"]),
        ("a=dice-dice", ["no quantity"]),
        ("a=", ["too early"]),
        ("a=dice*iou", ["a=dice*iou", "only numbers multiply"]),
        ("a=dice+", ["too early"]),
        ("a=(dice", ["too early"]),
        ("a=dice iou", ["'iou' cannot stand here"]),
        ("a=dice/2", ["'/' cannot stand here"]),
        ("dice=iou", ["'dice'", "another name"]),
        ("losses=iou", ["'losses'", "another name"]),
        *((f"{name}=dice", [f"'{name}'", "another name"]) for name in (*ROW_KEYS, *COUNTERS)),
        *((f"{name}=dice:empty=1", [f"'{name}'", "letters, digits and _"]) for name in ("1x", "x-y", "", "a b", "x.y")),
        ("a=jaccard", ["'jaccard'", "did you mean iou?"]),
        ("a=focal:gamma=x", ["focal:gamma='x'", "at least 0"]),
        ("a=dice,a=iou", ["'a' is two sums"]),
        ("a=losses", ["losses is a group"]),
        ("a=1e999*dice", ["too large"]),
        ("a=voi+dice", ["the row all alone"]),
        ("a=" + "dice+" * 300 + "dice", ["1504 characters"]),
        ("a=__import__('os').system('true')", ["'(' cannot stand here"]),
    ],
)
def test_what_cannot_be_understood_is_named(text: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as refusal:
        select(text)
    message = str(refusal.value)
    assert message.startswith("--metrics: ")
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


def test_a_refusal_is_a_line_and_exit_2(segeval: Run, nifti: Run) -> None:
    run = segeval("score", nifti("p.nii", R), nifti("r.nii", R), "--metrics", "a=b,b=a")
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)


def test_long_and_deep_expressions_are_read() -> None:
    assert select("a=" + "-" * 900 + "dice")[0].text == "a=dice"
    assert select("a=" + "(" * 400 + "dice" + ")" * 400)[0].text == "a=dice"
    assert select("a=" + "+".join(["dice"] * 150))[0].text == "a=150*dice"


NAMES = st.sampled_from(["dice", "iou", "ce", "focal:gamma=3", "soft_dice:power=1", "tversky:epsilon=1e-09"])
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda value: abs(value) > 1e-6)


@given(terms=st.dictionaries(NAMES, NUMBERS, min_size=1), constant=st.one_of(st.just(0.0), NUMBERS))
def test_the_canonical_text_is_read_as_the_same_sum(terms: dict[str, float], constant: float) -> None:
    text = "x=" + " + ".join(f"({number!r})*{name}" for name, number in terms.items()) + f" + ({constant!r})"
    (first,) = select(text)
    (again,) = select(first.text)
    assert again == first
    assert {term.key: factor for factor, term in first.terms} == terms  # type: ignore[attr-defined]
    assert first.constant == constant  # type: ignore[attr-defined]
