"""What every command writes as JSON obeys the schema that `segeval schema` publishes, and wrong documents do not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detection_maps import thirty_cases
from jsonschema import Draft202012Validator
from masks_in_folders import overlapping
from pyramids import pyramid
from schema_members import declared, shown

from segeval.schemas import SCHEMAS, schema

Run = Callable[..., Any]
Nifti = Callable[..., Path]

SAMPLES = Path(__file__).parents[2] / "sample_data"
PAIR = (SAMPLES / "prediction.nii.gz", SAMPLES / "reference.nii.gz")
SOFTMAX = (SAMPLES / "prediction_softmax.nii.gz", SAMPLES / "reference.nii.gz")
LABELS = ("--labels", SAMPLES / "labels.json")
JSON = ("--format", "json")
PROTOCOL = """
title = "Ours"
year = 2026
version = 1
source = "a test"
decides = "Dice and Hausdorff distance."
statistics = ["mean", "sd"]

[options]
labels = {one = 1, two = 2}
metrics = "dice,hd"

[columns]
Dice_one = "one.dice"
HD_one = "one.hd"

[pooled]
Pooled_one = "one.dice"

[missing]
Dice_one = 0

[ranking]
method = "rank-then-mean"
higher = ["Dice_one"]
lower = ["HD_one"]
"""


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name))


def valid(run: Any, name: str, code: int = 0) -> Any:
    """The document on a command's stdout, which its schema accepts."""
    assert run.code == code, run.err
    validator(name).validate(run.json)
    return run.json


def of_file(path: Path, name: str) -> Any:
    document = json.loads(path.read_text("utf-8"))
    validator(name).validate(document)
    return document


def lacking(name: str, documents: list[Any]) -> set[tuple[str, str]]:
    """The members of the schema that no document shows."""
    found = schema(name)
    return declared(found) - set().union(*(shown(found, document) for document in documents))


def masks_in_folders(nifti: Nifti) -> tuple[Path, ...]:
    """A folder of masks that share voxels for the prediction, and one for the reference."""
    for side, masks in zip(("prediction", "reference"), overlapping(), strict=True):
        paths = [nifti(f"masks/{side}/{name}.nii.gz", mask.astype(np.uint8)) for name, mask in masks.items()]
    return paths[0].parents[1] / "prediction", paths[0].parent


@pytest.fixture
def maps(nifti: Nifti) -> tuple[Path, Path]:
    """Label 1 in two pieces, one of them found; 2 missed; 3 invented."""
    reference, prediction = np.zeros((12, 9, 6), np.uint8), np.zeros((12, 9, 6), np.uint8)
    reference[1:4, 1:4, 1:4] = prediction[1:4, 1:5, 1:4] = 1
    reference[7:9, 6:8, 1:3] = 1
    reference[6, 1, 1] = 2
    prediction[10:12, 5:8, 4] = 3
    return nifti("prediction.nii.gz", prediction), nifti("reference.nii.gz", reference)


@pytest.fixture
def cases(nifti: Nifti, tmp_path: Path) -> tuple[Path, Path]:
    """Three cases to be scored, one that is damaged and one without a prediction; labels 1 and 2."""
    for number in range(5):
        reference = np.zeros((8, 6, 5), np.uint8)
        reference[1:5, 1:4, 1:3], reference[6] = 1, 2
        prediction = reference.copy()
        prediction[1 : 1 + number, 1, 1] = 0
        nifti(f"theirs/case_{number}.nii.gz", reference)
        if number < 4:
            nifti(f"ours/case_{number}.nii.gz", prediction)
    (tmp_path / "ours/case_3.nii.gz").write_bytes(b"damaged")
    return tmp_path / "ours", tmp_path / "theirs"


@pytest.fixture
def protocol(tmp_path: Path) -> Path:
    path = tmp_path / "ours.toml"
    path.write_text(PROTOCOL, "utf-8")
    return path


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_says_of_which_document(segeval: Run, name: str) -> None:
    printed = segeval("schema", name).json
    assert printed == schema(name)
    Draft202012Validator.check_schema(printed)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert printed["$id"] == f"urn:segeval:{name}:1"
    assert printed["title"]


def test_the_schemas_are_listed_and_an_unknown_one_is_refused(segeval: Run) -> None:
    heads, _, *listed = segeval("schema").out.splitlines()
    assert heads.split() == ["name", "document", "written", "by"]
    assert [line.split()[0] for line in listed if line[0] != " "] == list(SCHEMAS)
    assert max(map(len, listed)) <= 80
    run = segeval("schema", "results")
    assert run.code == 2
    assert "there is no schema 'results'; there are report, verdict, comparison" in run.err


def test_a_schema_goes_by_what_documents_call_it_too(segeval: Run) -> None:
    names = {"segeval/1": "report", "segeval-compare/1": "comparison", "segeval-inspect/1": "inspection",
             "segeval-baseline/1": "baseline", "segeval-provenance/1": "provenance"}  # fmt: skip
    names |= {f"urn:segeval:{name}:1": name for name in SCHEMAS}
    for called, name in names.items():
        assert segeval("schema", called).json == schema(name)
    for called, meant in {"segeval-inspect/2": "segeval-inspect/1", "verdicts": "verdict"}.items():
        run = segeval("schema", called)
        assert (run.code, run.out) == (2, "")
        assert f"there is no schema '{called}'; did you mean {meant}?; there are report" in run.err


def test_every_report_obeys_the_schema(
    segeval: Run, nifti: Nifti, tmp_path: Path, maps: tuple[Path, Path], cases: tuple[Path, Path], protocol: Path
) -> None:
    weights = nifti("weights.nii.gz", np.full((12, 9, 6), 2.0, np.float32))
    mask = nifti("mask.nii.gz", np.ones((12, 9, 6), np.uint8))
    series = nifti("series.nii.gz", np.stack([np.ones((4, 3, 2), np.uint8)] * 2, axis=-1))
    single = nifti("single.nii.gz", np.ones((4, 3, 2), np.uint8))
    found, true = thirty_cases()[1]
    detection = nifti("detection.nii.gz", found), nifti("lesions.nii.gz", true)
    matrix = tmp_path / "matrix.csv"
    matrix.write_text("\n".join(",".join("01"[row != column] for column in range(6)) for row in range(6)), "utf-8")
    masks = masks_in_folders(nifti)
    arrays, levels = tmp_path / "arrays.npz", pyramid(tmp_path / "levels.zarr", np.ones((4, 8, 8), np.uint8))
    np.savez(arrays, a=np.ones((4, 3, 2), np.uint8), b=np.ones((4, 3, 2), np.uint8))
    score: list[tuple[object, ...]] = [
        (*PAIR, *LABELS, "--hash"),
        (*SOFTMAX, *LABELS, "--metrics", "ce,calibration"),
        (*maps, "--metrics", "all,hd95:pooled", "--region", "both=1+2", "--region", "any=*", "--tau", "1=2,*=1"),
        (*maps, "--mask", mask, "--weights", weights, "--hash", "--metrics", "dice,ce"),
        (
            *maps,
            "--metrics",
            "dice_ce=soft_dice + ce,weighted_ce",
            "--within",
            "1+2",
            "--class-weights",
            "0=0.2,1=1,2=1,3=1",
        ),
        (*maps, "--slices-of", "1", "--metrics", "dice"),
        (*maps, "--instances", "--metrics", "instances,instance_hd95", "--connectivity", "6"),
        (*maps, "--metrics", "lesionwise", "--lesionwise", "met"),
        (*maps, "--metrics", "surface", "--distance-spacing", "voxels", "--missed", "nan"),
        (*maps, "--metrics", "hd95", "--max-distance", "20"),
        (*maps, "--ignore-label", "2", "--background", "--empty", "one"),
        (*maps, "--palette", "camvid", "--min-score", "0.5", "--drawn-on", "ct"),
        (*maps, "--match-by", "dice", "--border-mm", "1"),
        (arrays, arrays, "--key", "a,b"),
        (levels, levels, "--level", "1"),
        (*SOFTMAX, *LABELS, "--channels", "independent"),
        (SAMPLES / "prediction_softmax.nii.gz", PAIR[1], "--label-distances", matrix, "--metrics", "wasserstein_dice"),
        (series, single, "--volume", "1"),
        (series, series, "--volume", "1,0"),
        (*detection, "--kind", "probabilities", "--metrics", "detection_maps"),
        masks,
        (*maps, "--protocol", "brats-lesionwise"),
        (*maps, "--protocol", protocol),
    ]
    documents = [valid(segeval("score", *arguments, *JSON), "report") for arguments in score]
    batch: list[tuple[object, ...]] = [
        ("--metrics", "dice,ce,hd95", "--missing", "worst", "--pooled"),
        ("--missing", "skip", "--metrics", "instances"),
        ("--protocol", "kits23", "--missing", "worst"),
        ("--protocol", protocol, "--missing", "worst", "--pooled"),
    ]
    documents += [valid(segeval("batch", *cases, *more, *JSON), "report", 3) for more in batch]
    for number in (1, 2):
        path = tmp_path / f"shard_{number}.json"
        segeval("batch", *cases, "--missing", "skip", "--shard", f"{number}/2", "-o", path)
        documents.append(of_file(path, "report"))
    shards = (tmp_path / "shard_1.json", tmp_path / "shard_2.json")
    documents.append(valid(segeval("merge", *shards, *JSON), "report", 3))
    assert lacking("report", documents) == set()


def test_every_verdict_obeys_the_schema(segeval: Run, tmp_path: Path, cases: tuple[Path, Path]) -> None:
    results, baseline = tmp_path / "results.json", tmp_path / "baseline.json"
    whole = tuple(map(str, cases))
    (cases[0] / "case_3.nii.gz").unlink()
    assert segeval("batch", *whole, "--missing", "skip", "--metrics", "dice,hd95", "--hash", "-o", results).code == 0
    rules = ("--require", "mean(dice) >= 0.5", "--require", "1.dice >= 0.99", "--warn", "p5(dice) >= 1", "--require",
             "undefined(1.dice) <= 0")  # fmt: skip
    failed = valid(segeval("check", results, *rules, *JSON), "verdict", 1)
    assert {result["outcome"] for result in failed["results"]} == {"pass", "fail", "warn"}
    for path in cases[1].glob("case_[34]*"):
        path.unlink()
    assert segeval("check", *whole, "--require", "cases >= 3", "--baseline", baseline, "--update-baseline").code == 0
    against = ("--baseline", baseline, "--max-drop", "dice=0.01", "--significant")
    compared = valid(segeval("check", *whole, *against, "--max-case-drop", "dice=0.1", *JSON), "verdict")
    (cases[0] / "case_2.nii.gz").write_bytes(b"damaged")
    error = valid(segeval("check", *whole, "--require", "mean(dice) >= 0.5", *JSON), "verdict", 3)
    skipped = ("--require", "mean(3.dice) >= 0.5, undefined ok", "--labels", "1,3")
    (cases[0] / "case_2.nii.gz").unlink()
    (cases[1] / "case_2.nii.gz").unlink()
    nothing = valid(segeval("check", *whole, *skipped, *JSON), "verdict")
    assert [result["outcome"] for result in nothing["results"]] == ["skipped"]
    assert lacking("verdict", [failed, compared, error, nothing]) == set()
    assert lacking("baseline", [of_file(baseline, "baseline")]) == set()


def test_every_comparison_obeys_the_schema(
    segeval: Run, tmp_path: Path, cases: tuple[Path, Path], protocol: Path
) -> None:
    reports = [tmp_path / f"{letter}.json" for letter in "abc"]
    for number, path in enumerate(reports):
        segeval("batch", *cases, "--missing", "skip", "--protocol", protocol, "--pooled", "-o", path)
        (cases[0] / f"case_{number}.nii.gz").replace(cases[0] / "case_2.nii.gz")  # another prediction, and one less
    documents = [
        valid(segeval("compare", *reports[:2], *JSON), "comparison"),
        valid(segeval("compare", *reports, "--ranking", protocol, *JSON), "comparison"),
    ]
    assert [missing["case"] for missing in documents[0]["cases"]["missing"]] == ["case_0", "case_3", "case_4"]
    assert lacking("comparison", documents) == set()


def test_every_inspection_obeys_the_schema(segeval: Run, tmp_path: Path, nifti: Nifti) -> None:
    np.save(tmp_path / "array.npy", np.zeros((3, 4), np.float32))
    files = (PAIR[0], SOFTMAX[0], SAMPLES / "image.nii.gz", tmp_path / "array.npy", masks_in_folders(nifti)[0])
    documents = [valid(segeval("inspect", path, *JSON), "inspection") for path in files]
    assert documents[3]["spacing_mm"] is None
    assert lacking("inspection", documents) == set()


def test_what_is_said_of_quantities_obeys_the_schema(segeval: Run) -> None:
    documents = [valid(segeval("quantities", *names, *JSON), "quantities") for names in ((), ("dice", "surface"))]
    assert lacking("quantities", documents) == set()


def test_what_can_be_read_obeys_the_schema(segeval: Run) -> None:
    document = valid(segeval("formats", *JSON), "formats")
    assert lacking("formats", [document]) == set()
    by_title = {one["title"]: one for one in document}
    assert by_title["COCO"]["needed_for"] == "polygons"
    assert by_title["DICOM SEG, RTSTRUCT"]["install"] == "pip install 'segeval-cli[dicom]'"


def test_protocols_obey_the_schema(segeval: Run, protocol: Path) -> None:
    """All of them, one by its name, and a file."""
    every = valid(segeval("protocols", *JSON), "protocols")
    assert len(every) == 52
    assert valid(segeval("protocols", "kits23", *JSON), "protocols") == [
        one for one in every if one["name"] == "kits23"
    ]
    (brats,) = valid(segeval("protocols", "brats-lesionwise:met", *JSON), "protocols")
    assert (brats["version"], brats["options"]["lesionwise"], brats["columns"]) == (None, "met", {})
    (own,) = valid(segeval("protocols", "check", protocol, *JSON), "protocols")
    assert own["signed"] == f"ours@1#{own['digest']}"
    assert own["columns"] == {"Dice_one": "one.dice", "HD_one": "one.hd"}
    assert (own["missing"], own["ranking"]["lower"]) == ({"Dice_one": 0}, ["HD_one"])
    assert lacking("protocols", [every, [own]]) == set()


def test_every_provenance_obeys_the_schema(segeval: Run, tmp_path: Path, cases: tuple[Path, Path]) -> None:
    results, run = tmp_path / "results.json", tmp_path / "run.json"
    assert segeval("batch", *cases, "--missing", "skip", "-o", results, "--provenance", run).code == 3
    documents = [of_file(run, "provenance")]
    segeval("check", results, "--require", "mean(dice) >= 0.5", "--tolerate-errors", "1", "--provenance", run)
    documents.append(of_file(run, "provenance"))
    assert documents[1]["results_sha256"] is None
    of_settings = {"Settings", "Protocol", "Instances"}  # which stand in reports, too
    assert {(of, member) for of, member in lacking("provenance", documents) if of not in of_settings} == set()


def test_what_is_wrong_does_not_validate(segeval: Run, cases: tuple[Path, Path]) -> None:
    report = valid(segeval("batch", *cases, "--missing", "worst", "--pooled", *JSON), "report", 3)
    accepts = validator("report")
    wrongs: list[Callable[[Any], None]] = [
        lambda d: d.update(schema="segeval/2"),
        lambda d: d.update(summery=[]),
        lambda d: d.pop("columns"),
        lambda d: d["settings"].update(thresold=0.5),
        lambda d: d["settings"].update(empty="half"),
        lambda d: d["columns"][0].update(direction="up"),
        lambda d: d["cases"][0].update(status="fine"),
        lambda d: d["cases"][0].update(sha256={"prediction": "abc", "reference": "def"}),
        lambda d: d["cases"][0]["rows"][0].update(dice="0.91"),
        lambda d: d["cases"][0]["rows"][0].update(label=None),
        lambda d: d["cases"][0]["rows"][0].pop("name"),
        lambda d: d["cases"][0]["confusion"].append([0, 0]),
        lambda d: d["cases"][0]["confusion"].append([0, 0, -1]),
        lambda d: d["summary"][0].update(n=1.5),
        lambda d: d["summary"][0].update(ci95=[0.5]),
        lambda d: d["summary"][0].pop("undefined"),
    ]  # fmt: skip
    for place, wrong in enumerate(wrongs):
        changed = copy.deepcopy(report)
        wrong(changed)
        assert not accepts.is_valid(changed), place


def objects(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every type with members in a schema."""
    if "properties" in part:
        yield part
    for one in part.get("$defs", {}).values():
        yield from objects(one)


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_type_is_open_but_rows_to_quantities(name: str) -> None:
    found = {one["title"]: one["additionalProperties"] for one in objects(schema(name))}
    rows = {"Row", "BaselineRow"}
    assert {title: more for title, more in found.items() if title not in rows} == dict.fromkeys(
        found.keys() - rows, False
    )
    assert all(found[title] == {"type": ["number", "null"]} for title in rows & found.keys())
