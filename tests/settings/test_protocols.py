"""Protocols: the numbers of the challenges' own code, what one decides, files of one's own, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from protocol_cases import CASES, Case

from segeval import evaluate, evaluate_arrays
from segeval.errors import UsageError
from segeval.settings import protocol_words as words
from segeval.settings import settings_of
from segeval.settings.protocols import protocol_names, protocol_of
from segeval.words.shown_values import value_text

Run = Callable[..., Any]
RECORDED = {
    path.stem: json.loads(path.read_text()) for path in (Path(__file__).parents[1] / "protocols").glob("*.json")
}


def files_of(case: Case, folder: Path) -> tuple[Path, Path]:
    """Prediction and reference as NIfTI."""
    affine = np.diag([*case.spacing, 1.0])
    paths = []
    for name, labels in (("p", case.h), ("r", case.y)):
        paths.append(folder / f"{name}.nii.gz")
        nibabel.Nifti1Image(labels, affine).to_filename(paths[-1])
    return paths[0], paths[1]


def numbers(cells: dict[str, str]) -> dict[str, float | None]:
    return {key: None if value == "" else float(value) for key, value in cells.items()}


def recorded(values: dict[str, float | None]) -> dict[str, Any]:
    return {key: None if value is None else pytest.approx(value, rel=1e-6, abs=1e-6) for key, value in values.items()}


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("name", "title"), [(name, title) for name, found in RECORDED.items() for title in found["values"]]
)
def test_the_numbers_are_those_of_the_challenges_own_code(name: str, title: str, segeval: Run, tmp_path: Path) -> None:
    run = segeval("score", *files_of(CASES[title], tmp_path), "--protocol", name, "-f", "challenge")
    assert run.code == 0
    one, *ends = table(run.out)
    protocol = protocol_of(name)
    assert protocol is not None
    assert one.pop("case") == "p"
    together = {key: one.pop(key) for key in protocol.pooled}
    assert set(together.values()) <= {""}
    assert numbers(one) == recorded(RECORDED[name]["values"][title])
    for statistic in ends[: len(protocol.statistics)]:
        if statistic["case"] in ("mean", "median"):
            assert {key: statistic[key] for key in one} == one


@pytest.mark.parametrize("name", ["topcow2023", "topcow2024", "kits23", "flare2021", "brats2023-gli", "hecktor2022"])
def test_a_softmax_has_the_numbers_of_its_own_label_map(name: str, segeval: Run, tmp_path: Path) -> None:
    for title, values in RECORDED[name]["values"].items():
        prediction, reference = files_of(CASES[title], tmp_path)
        labels, classes = CASES[title].h, 16
        softmax = np.where(labels[..., np.newaxis] == np.arange(classes), 0.9, 0.1 / (classes - 1))
        nibabel.Nifti1Image(softmax.astype(np.float32), nibabel.load(reference).affine).to_filename(prediction)
        run = segeval("score", prediction, reference, "--protocol", name, "-f", "challenge")
        one = table(run.out)[0]
        assert numbers({key: one[key] for key in values}) == recorded(values), title


@pytest.mark.parametrize("name", [name for name, found in RECORDED.items() if "pooled" in found])
def test_the_numbers_of_all_cases_together_are_those_of_the_challenges_own_code(
    name: str, segeval: Run, tmp_path: Path
) -> None:
    for side in ("p", "r"):
        (tmp_path / side).mkdir()
    together = RECORDED[name]["pooled"]
    for number, title in enumerate(together["cases"]):
        for side, path in zip(("p", "r"), files_of(CASES[title], tmp_path), strict=True):
            path.rename(tmp_path / side / f"case_{number}.nii.gz")
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--protocol", name, "-f", "challenge")
    assert run.code == 0
    line = table(run.out)[-1]
    assert line["case"] == "pooled"
    wanted = recorded(together["values"])
    assert numbers({key: line[key] for key in wanted}) == wanted


def test_every_protocol_has_recorded_values_of_the_code_that_it_names() -> None:
    assert set(RECORDED) == set(protocol_names())
    for name, found in RECORDED.items():
        protocol = protocol_of(name)
        assert protocol is not None
        assert found["source"] == protocol.source
        assert {key for values in found["values"].values() for key in values} == set(protocol.columns)
        assert set(found.get("pooled", {"values": ()})["values"]) == set(protocol.pooled)


def test_the_signature_and_the_json_name_it(segeval: Run, tmp_path: Path) -> None:
    run = segeval("score", *files_of(CASES["organs"], tmp_path), "--protocol", "kits23", "-f", "json")
    assert "|protocol:kits23@1|" in run.json["signature"]
    protocol = run.json["settings"]["protocol"]
    assert (protocol["name"], protocol["version"]) == ("kits23", 1)
    assert protocol["columns"]["Dice_masses"] == "mass.dice:empty=1"
    assert "protocol" not in segeval("score", *files_of(CASES["organs"], tmp_path), "-f", "json").json["settings"]


def test_a_batch_under_a_protocol_writes_the_challenges_table(segeval: Run, tmp_path: Path) -> None:
    for number, title in enumerate(("lesions", "lesions, nothing at all", "lesions, none predicted")):
        p, r = files_of(CASES[title], tmp_path)
        for side, path in (("p", p), ("r", r)):
            (tmp_path / side).mkdir(exist_ok=True)
            path.rename(tmp_path / side / f"case_{number}.nii.gz")
    folders = (tmp_path / "p", tmp_path / "r")
    run = segeval("batch", *folders, "--protocol", "isles2022", "-f", "challenge", "-o", tmp_path / "report.json")
    rows = table(run.out)
    expected = [RECORDED["isles2022"]["values"][title] for title in ("lesions", "lesions, nothing at all")]
    expected.append(RECORDED["isles2022"]["values"]["lesions, none predicted"])
    for row, values in zip(rows, expected, strict=False):
        assert {key: float(row[key]) for key in values} == pytest.approx(values)
    means = {key: np.mean([values[key] for values in expected]) for key in expected[0]}
    assert {key: float(rows[-1][key]) for key in means} == pytest.approx(means)
    assert rows[-1]["case"] == "mean"
    again = segeval("merge", tmp_path / "report.json", "-f", "challenge")
    assert again.out == run.out
    for form in ("table", "markdown"):  # what people read begins with the same means
        title, *lines = segeval("merge", tmp_path / "report.json", "-f", form).out.splitlines()
        assert "ISLES 2022" in title
        cells = [re.split(r"[ |]+", line.strip(" |")) for line in lines]
        found = {name.replace("\\", ""): rest[0] for name, *rest in cells[: len(means) + 5] if rest}
        assert {key: found[key] for key in means} == {key: value_text(value) for key, value in means.items()}


def test_arrays_and_files_of_python_take_a_protocol(tmp_path: Path) -> None:
    case = CASES["lesions"]
    by_file = evaluate(*files_of(case, tmp_path), protocol="autopet")
    by_array = evaluate_arrays(case.h, case.y, protocol="autopet", spacing=case.spacing)
    for one, other in zip(by_file.cases[0].rows, by_array.cases[0].rows, strict=True):
        assert dict(one.values) == pytest.approx(dict(other.values))
    expected = RECORDED["autopet"]["values"]["lesions"]
    assert by_array.cases[0].rows[0].values["missed_volume_ml"] == pytest.approx(expected["false_neg_vol"])


OWN = """
title = "Ours"
year = 2026
version = 3
source = "our hospital"
decides = "The liver's Dice, 0 where nobody has a liver."
[options]
labels = { liver = 1 }
metrics = "dice:empty=0"
[columns]
liver = "liver.dice:empty=0"
"""


def test_a_file_of_ones_own_is_a_protocol(segeval: Run, tmp_path: Path) -> None:
    own = tmp_path / "ours.toml"
    own.write_text(OWN)
    checked = segeval("protocols", "check", own)
    assert checked.code == 0
    assert re.match(r"ours@3#[0-9a-f]{8}  \(Ours, 2026\)\n", checked.out)
    files = files_of(CASES["organs, nothing at all"], tmp_path)
    run = segeval("score", *files, "--protocol", own, "-f", "challenge")
    assert table(run.out)[0] == {"case": "p", "liver": "0.0"}
    signature = segeval("score", *files, "--protocol", own, "-f", "json").json["signature"]
    assert f"|protocol:{checked.out.split()[0]}|" in f"{signature}|"


def test_files_of_one_name_and_version_are_told_apart(segeval: Run, tmp_path: Path) -> None:
    """By what they decide, and not by how that is laid out; in a merge, a comparison and the order of a challenge."""
    ranked = OWN + '[ranking]\nmethod = "mean-then-rank"\nhigher = ["liver"]\n'
    contents = {
        "first": ranked,
        "laid out otherwise": ranked.replace("version", "# ours\nversion").replace("nobody has", "no one has"),
        "other": ranked.replace('"liver.dice:empty=0"\n[', '"100 * {liver.dice:empty=0}"\n['),
    }
    reports: dict[str, Path] = {}
    own: dict[str, Path] = {}
    for name, content in contents.items():
        own[name] = tmp_path / name / "ours.toml"
        own[name].parent.mkdir()
        files = files_of(CASES["organs"], tmp_path / name)
        own[name].write_text(content)
        reports[name] = tmp_path / f"{name}.json"
        assert segeval("score", *files, "--protocol", own[name], "-o", reports[name]).code == 0
    signed = {name: json.loads(path.read_text())["signature"] for name, path in reports.items()}
    assert signed["first"] == signed["laid out otherwise"] != signed["other"]
    merged = segeval("merge", reports["first"], reports["other"])
    assert (merged.code, merged.err.count("\n")) == (2, 1)
    assert signed["first"] in merged.err
    assert signed["other"] in merged.err
    compared = segeval("compare", reports["first"], reports["other"])
    assert "protocol is ours@3#" in compared.err
    same, other = ("first", "laid out otherwise"), ("first", "other")
    assert segeval("compare", *(reports[name] for name in same), "--ranking", own["first"]).code == 0
    refused = segeval(
        "compare", *(reports[name] for name in other), "--ranking", own["first"], "--allow-changed", "protocol"
    )
    assert "other.json was made under ours@3#" in refused.err


@pytest.mark.parametrize("protocol", ["kits23", "autopet", "ours.toml"])
def test_what_both_volumes_lack_is_the_protocols_to_say(protocol: str, segeval: Run, tmp_path: Path) -> None:
    """autoPET's Dice is undefined there, and says so by saying nothing."""
    (tmp_path / "ours.toml").write_text(OWN)
    files = files_of(CASES["lesions, nothing at all"], tmp_path)
    name = tmp_path / protocol if protocol.endswith(".toml") else protocol
    for policy in ("zero", "one"):
        run = segeval("score", *files, "--protocol", name, "--empty", policy)
        assert (run.code, run.err.count("\n")) == (2, 1)
        assert "decides --empty; leave that out" in run.err
    plain = segeval("score", *files, "--protocol", name, "-f", "json")
    assert segeval("score", *files, "--protocol", name, "--empty", "nan", "-f", "json").json == plain.json


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("version = 3", ""), "lacks its version, a whole number"),
        (("title = ", "titel = "), "'titel' is none of its keys"),
        (('decides = "The', "decides = The"), "is no TOML"),
        (('source = "our hospital"', "source = 3"), "lacks its source, a text"),
        (("[options]", "[colums]"), "'colums' is none of its keys"),
        (('metrics = "dice', 'metrics = "dise'), "there is no quantity 'dise'"),
        (('liver = "liver.dice:empty=0"', 'liver = "dice"'), "[columns] liver = 'dice': write a text like"),
        (('"liver.dice:empty=0"', '"spleen.dice:empty=0"'), "column 'liver': there is no label or region 'spleen'"),
        (('"liver.dice:empty=0"', '"liver.dice"'), "column 'liver': [options] metrics have no dice"),
        (('"liver.dice:empty=0"', '"foo({liver.dice:empty=0})"'), "column 'liver': there is no function 'foo'"),
        (('liver = "liver.dice:empty=0"', '"&" = "&.dice:empty=0"'), "'&' in [columns] stands for each of regions"),
        (("year = 2026", 'statistics = ["mode"]\nyear = 2026'), "statistics are a list of mean, sd"),
        (("[columns]", "[missing]\nspleen = 0\n[columns]"), "'spleen' is none, or has none"),
        (("[columns]", '[missing]\n"x*" = 0\n[columns]'), "'x*' is none, or has none"),
        (("[columns]", '[missing]\nliver = "worst"\n[columns]'), "'liver' is none, or has none"),
        (
            ("[columns]", "[missing]\nliver = inf\n[columns]"),
            "a finite number, like Dice_kidney = 0, or \"undefined\"; 'liver' is none",
        ),
        (
            ("[columns]", "[missing]\nliver = nan\n[columns]"),
            "a finite number, like Dice_kidney = 0, or \"undefined\"; 'liver' is none",
        ),
        (("labels = { liver = 1 }", 'label = "1"'), "'label'"),
        (('"Ours"', '"Ours\\u001b[31m"'), r"'Ours\x1b[31m' has characters that control a terminal"),
        (("liver = 1", '"liver\\n" = 1'), r"'liver\n' has characters that control a terminal"),
        (('liver = "liver.', '"liver\\u202e" = "liver.'), r"'liver\u202e' has characters that control a terminal"),
        (('decides = "', 'decides = "\\u009b2J'), r"\x9b2J"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_line(
    change: tuple[str, str], said: str, segeval: Run, tmp_path: Path
) -> None:
    own = tmp_path / "ours.toml"
    own.write_text(OWN.replace(*change))
    for arguments in (
        ("protocols", "check", own),
        ("score", *files_of(CASES["organs"], tmp_path), "--protocol", own),
    ):
        run = segeval(*arguments)
        assert (run.code, run.out, run.err.count("\n")) == (2, "", 1), run.err
        assert said in run.err


def test_columns_for_each_label_and_region(segeval: Run, tmp_path: Path) -> None:
    own = tmp_path / "ours.toml"
    labels = 'labels = { liver = 1, spleen = 3 }\nregions = { both = "1+3" }'
    columns = """
"D_*" = "*.dice:empty=0"
"P_#" = "100 * {*.dice:empty=0}"
"both &" = "&.dice:empty=0"
all = "mean({*.dice:empty=0})"
"""
    own.write_text(OWN.partition("[columns]")[0].replace("labels = { liver = 1 }", labels) + "[columns]" + columns)
    run = segeval("score", *files_of(CASES["organs"], tmp_path), "--protocol", own, "-f", "challenge")
    one = {name: float(value) for name, value in table(run.out)[0].items() if name != "case"}
    assert list(one) == ["D_liver", "P_1", "D_spleen", "P_3", "both both", "all"]
    assert one["P_1"] == pytest.approx(100 * one["D_liver"])
    assert one["all"] == pytest.approx((one["D_liver"] + one["D_spleen"]) / 2)
    shown = segeval("score", *files_of(CASES["organs"], tmp_path), "--protocol", own).out.splitlines()
    assert shown[0] == "Ours"
    assert [line.split()[0] for line in shown[4:9]] == ["D_liver", "P_1", "D_spleen", "P_3", "both"]
    explained = segeval("protocols", "check", own)
    assert explained.code == 0
    assert "  P_3: 100 * {spleen.dice:empty=0}\n" in explained.out


def test_numbers_of_all_cases_together(segeval: Run, tmp_path: Path) -> None:
    """Of the voxels counted together, and of a value of every case; a case's own line has none of them."""
    own = tmp_path / "ours.toml"
    pooled = {
        "D": "liver.dice:empty=0",
        "E": "2 * total({liver.tp}) / total({liver.pred_voxels} + {liver.ref_voxels})",
        "M": "average({liver.dice:empty=0})",
    }
    text = OWN.replace('metrics = "', 'metrics = "tp,pred_voxels,ref_voxels,')
    own.write_text(text + "[pooled]\n" + "".join(f'{name} = "{of}"\n' for name, of in pooled.items()))
    for side in ("p", "r"):
        (tmp_path / side).mkdir()
    tp, voxels = 0, 0
    for title in ("abdomen", "organs"):
        case = CASES[title]
        for side, path in zip(("p", "r"), files_of(case, tmp_path), strict=True):
            path.rename(tmp_path / side / f"{title}.nii.gz")
        tp += int(((case.h == 1) & (case.y == 1)).sum())
        voxels += int((case.h == 1).sum() + (case.y == 1).sum())
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--protocol", own, "-f", "challenge")
    *cases, mean, ends = table(run.out)
    assert [line["case"] for line in (*cases, mean, ends)] == ["abdomen", "organs", "mean", "pooled"]
    assert {line[key] for line in (*cases, mean) for key in "DEM"} == {""}
    assert float(ends["D"]) == float(ends["E"]) == pytest.approx(2 * tp / voxels)
    assert ends["M"] == mean["liver"]
    assert ends["liver"] == ""
    alone = segeval("score", *files_of(CASES["abdomen"], tmp_path), "--protocol", own)
    assert ["D", "–", "0.7500"] in [line.split() for line in alone.out.splitlines()]
    assert cases[0]["liver"] == "0.75"
    explained = segeval("protocols", "check", own)
    assert "\nof all cases together\n  D: liver.dice:empty=0\n" in explained.out
    own.write_text(own.read_text().replace("\nD = ", "\nliver = "))
    twice = segeval("protocols", "check", own)
    assert (twice.code, twice.err.count("\n")) == (2, 1)
    assert "'liver' is in [columns] and in [pooled]" in twice.err


@pytest.mark.parametrize("missing", ["liver = -1", '"*" = 3\n"li*r" = -1', '"*" = -1'])
def test_a_missing_case_costs_what_the_protocol_says(missing: str, segeval: Run, tmp_path: Path) -> None:
    own = tmp_path / "ours.toml"
    own.write_text(OWN.replace("year", 'statistics = ["mean", "max"]\nyear') + f"[missing]\n{missing}\n")
    for side in ("p", "r"):
        (tmp_path / side).mkdir()
    for case in ("a", "b"):
        p, r = files_of(CASES["abdomen"], tmp_path)
        r.rename(tmp_path / "r" / f"{case}.nii.gz")
    p.rename(tmp_path / "p" / "a.nii.gz")
    asked = ("batch", tmp_path / "p", tmp_path / "r", "--protocol", own, "-f", "challenge")
    assert segeval(*asked).code == 3  # unless it may be missing
    rows = table(segeval(*asked, "--missing", "worst").out)
    assert [row["case"] for row in rows] == ["a", "b", "mean", "max"]
    there = float(rows[0]["liver"])
    assert 0 < there < 1
    assert [float(row["liver"]) for row in rows[1:]] == pytest.approx([-1.0, (there - 1) / 2, there])


def test_a_missing_case_has_no_distance_where_the_challenge_has_an_infinite_one(segeval: Run, tmp_path: Path) -> None:
    # HECKTOR 2021 gives an empty prediction the distance 0, the best one, and a missing one infinity.
    asked = [tmp_path / side for side in "pr"]
    for folder in asked:
        folder.mkdir()
    for case in ("a", "b"):
        p, r = files_of(CASES["lesions"], tmp_path)
        r.rename(asked[1] / f"{case}.nii.gz")
    p.rename(asked[0] / "a.nii.gz")
    run = segeval("batch", *asked, "--protocol", "hecktor2021", "--missing", "worst", "-f", "challenge")
    there, missing, mean, median = (line["hausdorff_distance_95"] for line in table(run.out))
    assert float(there) > 0
    assert (missing, mean, median) == ("", there, there)
    assert "\n  hausdorff_distance_95: undefined\n" in segeval("protocols", "hecktor2021").out


def test_the_docs_have_every_protocol() -> None:
    assert words.table() in (Path(__file__).parents[2] / "docs/protocols.md").read_text(encoding="utf-8")


def test_what_contradicts_a_protocol_is_an_error(segeval: Run, tmp_path: Path) -> None:
    files = files_of(CASES["organs"], tmp_path)
    for option in ("--tau=3", "--metrics=dice", "--labels=1,2", "--region=a=1+2"):
        run = segeval("score", *files, "--protocol", "kits23", option)
        assert run.code == 2
        assert "--protocol kits23 decides --" in run.err
    assert segeval("score", *files, "--protocol", "kits23", "--geometry", "ignore").code == 0  # which it leaves open
    for wrong, meant in {
        "kits": "kits19 or kits21 or kits23",
        "WMH": "wmh2017",
        "kit23": "kits23",
        "acdc1": "acdc",
    }.items():
        run = segeval("score", *files, "--protocol", wrong)
        assert (run.code, run.err.count("\n")) == (2, 1)
        assert f"'{wrong}': there is none; did you mean {meant}" in run.err
        assert "?; `segeval protocols` lists all" in run.err
        assert len(run.err) < 200
    for name in ("kits24", "none.toml", "brats-lesionwise:moon"):
        run = segeval("score", *files, "--protocol", name)
        assert (run.code, run.err.count("\n")) == (2, 1)
    none = segeval("score", *files, "-f", "challenge")
    assert (none.code, none.out) == (2, "")
    assert "segeval protocols" in none.err


def test_they_are_listed_and_explained(segeval: Run) -> None:
    listed = segeval("protocols").out.splitlines()
    assert [line.split()[0] for line in listed] == sorted([*protocol_names(), "brats-lesionwise[:CHALLENGE]"])
    for name in (*protocol_names(), "brats-lesionwise"):
        run = segeval("protocols", name)
        assert (run.code, run.err) == (0, "")
        assert max(map(len, run.out.splitlines())) <= 80
    for several in (("kits23", "ours.toml"), ("check",), ("check", "kits23", "isles2022")):
        both = segeval("protocols", *several)
        assert (both.code, both.out, both.err.count("\n")) == (2, "", 1)
        assert "give one name or file, or check and a file" in both.err
    for name in ("kits24", "brats-lesionwise:moon"):
        unknown = segeval("protocols", name)
        assert (unknown.code, unknown.out, unknown.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("name", protocol_names())
def test_a_protocol_is_whole(name: str) -> None:
    """Its columns are of rows and quantities that its options give."""
    settings = settings_of({"protocol": name})
    keys = {selection.key for selection in settings.selections}
    rows = {"0"} if settings.labels.background else set()
    rows |= {"mean", "all", *settings.labels.names.values(), *(region.name for region in settings.labels.regions)}
    protocol = protocol_of(name)
    assert protocol is not None
    assert settings.protocol is not None
    for column in (*settings.protocol.columns.values(), *settings.protocol.pooled.values()):
        for of in re.findall(r"\{([^{}]+)\}", column) if "{" in column else [column]:
            label, _, key = of.partition(".")
            assert label in rows
            assert key in keys
    content = (files("segeval.settings") / f"challenges/{name}.toml").read_text(encoding="utf-8")
    assert tomllib.loads(content)["version"] == protocol.version


def test_an_empty_value_of_a_quantitys_own() -> None:
    """It fills what is undefined where both volumes lack the label, and nothing else."""
    h, y = np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)
    y[0], h[0] = 1, 1
    options: dict[str, Any] = {"labels": "1,2", "metrics": "dice:empty=1,nsd:empty=0.5,hd,x=1-dice:empty=1"}
    report = evaluate_arrays(h, y, spacing=(1, 1, 1), **options)
    one, two, mean, _ = report.cases[0].rows
    assert list(one.values.values()) == [1.0, 1.0, 0.0, 0.0]
    assert list(two.values.values())[:2] == [1.0, 0.5]
    assert math.isnan(two.values["hd"])  # type: ignore[arg-type]
    assert two.values["x"] == 0.0
    assert mean.values["nsd:empty=0.5"] == 0.75
    with pytest.raises(UsageError, match="dice:empty='x'; write a number"):
        evaluate_arrays(h, y, metrics="dice:empty=x")
